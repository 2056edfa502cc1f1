"""Trees and tables like the published ones, kept otherwise: what each file says is read right, or asked."""

from pathlib import Path

import pytest

from medcls.core.plan import PlanChoices
from medcls.data.collections import make_plan
from medcls.data.column_names import role_of
from tests.data import trees
from tests.data.test_plan import counts, sick, sums_up
from tests.data.test_told_sets import codes, put


def write(root: Path, name: str, *rows: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text("\n".join(rows) + "\n")


# ---- tables that say what a model guessed
@pytest.mark.parametrize("name", ["sample_submission.csv", "predictions.csv", "submission_final.csv", "예측.csv"])
def test_what_a_model_is_to_guess_is_no_label(name: str, tmp_path: Path) -> None:
    ids = [f"ISIC_{i:07d}" for i in range(12)]
    put(tmp_path, *(f"train/{i}.jpg" for i in ids[:8]), *(f"test/{i}.jpg" for i in ids[8:]))
    write(tmp_path, "train.csv", "image_name,patient_id,target", *(f"{i},P{i[-1]},{int(i[-1]) % 2}" for i in ids[:8]))
    write(tmp_path, name, "image_name,target", *(f"{i},0" for i in ids[8:]))
    plan = make_plan(tmp_path)
    assert (plan.n_scans, sum(label.n for label in plan.labels), plan.n_not_taken) == (8, 8, 5)
    assert "data.table-of-guesses" in codes(plan)
    assert sums_up(plan)


def test_a_person_may_take_labels_of_a_table_of_guesses(tmp_path: Path) -> None:
    put(tmp_path, *(f"{i}.png" for i in range(6)))
    write(tmp_path, "predictions.csv", "file,label", *(f"{i}.png,{('benign', 'malignant')[i % 2]}" for i in range(6)))
    plan = make_plan(tmp_path, PlanChoices(table="predictions.csv"))
    assert counts(plan) == {"benign": 3, "malignant": 3}


# ---- tables as people type them
@pytest.mark.parametrize("end", ["", ",", ", ,"])
def test_blanks_behind_commas_and_a_comma_at_the_end_shift_nothing(end: str, tmp_path: Path) -> None:
    put(tmp_path, *(f"{i}.png" for i in range(6)))
    rows = (f"{i}.png, {('benign', 'malignant')[i % 2]}, {50 + i}{end}" for i in range(6))
    write(tmp_path, "labels.csv", f"file, label, age{end}", *rows)
    assert counts(make_plan(tmp_path)) == {"benign": 3, "malignant": 3}


def test_a_table_drawn_with_double_strokes_is_read(tmp_path: Path) -> None:
    names = [f"IMD{i:03d}" for i in range(12)]
    put(tmp_path, *(f"images/{name}/{name}_Dermoscopic_Image/{name}.bmp" for name in names))
    rows = (f"||  {name} ||                 ||      {i % 3} ||    0 ||" for i, name in enumerate(names))
    write(tmp_path, "PH2.txt", "||   Name ||   Histological Diagnosis ||   Clinical Diagnosis ||   Asymmetry ||", *rows)
    plan = make_plan(tmp_path)
    assert (counts(plan), [q.option for q in plan.questions]) == ({"0": 4, "1": 4, "2": 4}, ["--disease"])


@pytest.mark.parametrize(
    "name", ["Clinical Diagnosis", "histological_diagnosis", "pathologicalDiagnosis", "true label", "Expert diagnosis"]
)
def test_columns_of_diagnoses_are_known_by_their_names(name: str) -> None:
    assert role_of(name) == "label"


# ---- masks
def test_masks_of_scans_whose_names_begin_with_a_letter_that_may_say_mask(tmp_path: Path) -> None:
    for label in ("benign", "malignant"):
        put(tmp_path, *(f"{label}/original/{label[0]}{i:04d}.bmp" for i in range(4)))
        for i in range(4):
            trees.save(tmp_path / label / "GT" / f"{label[0]}{i:04d}.bmp", trees.mask())
    plan = make_plan(tmp_path)
    assert (counts(plan), plan.n_masks, plan.n_not_taken) == ({"benign": 4, "malignant": 4}, 8, 0)
    assert sick(plan) == ["malignant"]


# ---- folders that say a label and whose
@pytest.mark.parametrize(
    ("pattern", "labels", "n_patients"),
    [
        ("{label}_{i}", ("benign", "malignant"), 8),
        ("{label} ({i})", ("benign", "malignant"), 8),
        ("{label}{i}", ("benign", "malignant"), 8),
        ("P{i:03d}_{label}", ("benign", "malignant"), 8),
        ("환자{i:02d}_{label}", ("양성", "악성"), 8),
        ("{label}-patient{i}", ("normal", "cancer"), 8),
    ],
)
def test_a_folder_of_a_label_and_a_number_is_of_the_label_and_kept_together(
    pattern: str, labels: tuple[str, str], n_patients: int, tmp_path: Path
) -> None:
    for i in range(8):
        folder = pattern.format(label=labels[i // 4], i=i)
        put(tmp_path, f"{folder}/1.png", f"{folder}/2.png")
    plan = make_plan(tmp_path)
    assert (counts(plan), sick(plan)) == (dict.fromkeys(labels, 8), [labels[1]])
    assert (plan.n_patients, plan.n_owned) == (n_patients, 16)
    assert sums_up(plan)


@pytest.mark.parametrize(
    "names",
    [
        ("1_benign", "2_malignant"),
        ("grade1 cancer", "grade2 cancer", "normal"),
        ("benign_40X", "benign_100X", "malignant_40X", "malignant_100X"),
        ("birads2_benign", "birads3_benign", "birads4_malignant", "birads5_malignant"),
        ("benign_224", "benign_512", "malignant_224", "malignant_512"),
    ],
)
def test_numbers_of_labels_stay_in_their_names_and_are_no_patients(names: tuple[str, ...], tmp_path: Path) -> None:
    put(tmp_path, *(f"{name}/{i}.png" for name in names for i in range(4)))
    plan = make_plan(tmp_path)
    assert ([label.n for label in plan.labels], plan.n_owned) == ([4] * len(names), 0)


@pytest.mark.parametrize(
    "columns",
    [
        ("clinical_diagnosis", "pathological_diagnosis"),
        ("radiological diagnosis", "final diagnosis"),
        ("Clinical Diagnosis", "diagnosis"),
    ],
)
@pytest.mark.parametrize("first", [0, 1])
def test_a_diagnosis_at_sight_stands_behind_any_other(columns: tuple[str, str], first: int, tmp_path: Path) -> None:
    put(tmp_path, *(f"{i}.png" for i in range(12)))
    said = [("benign", "malignant"), ("fibroadenoma", "cyst", "carcinoma")]
    rows = [[f"{i}.png", said[0][i % 2], said[1][i % 3]] for i in range(12)]
    table = [["file", *columns], *rows]
    order = (0, 1, 2) if first == 0 else (0, 2, 1)
    (tmp_path / "t.csv").write_text("\n".join(",".join(row[k] for k in order) for row in table))
    assert counts(make_plan(tmp_path)) == dict.fromkeys(said[1], 4)


def test_a_diagnosis_that_few_scans_have_stands_behind_one_that_all_have(tmp_path: Path) -> None:
    put(tmp_path, *(f"{i}.png" for i in range(24)))
    few, whole = ("nevus", "melanoma"), ("benign", "malignant")
    rows = [f"{i}.png,{few[i % 2] if i < 8 else ''},{whole[i // 12]}" for i in range(24)]
    (tmp_path / "t.csv").write_text("\n".join(["file,histological diagnosis,clinical diagnosis", *rows]))
    assert counts(make_plan(tmp_path)) == dict.fromkeys(whole, 12)


# ---- a column that says yes to no disease
@pytest.mark.parametrize("cells", [("1", "0"), ("yes", "no"), ("True", "False")])
@pytest.mark.parametrize("column", ["benign", "is_normal"])
@pytest.mark.parametrize("asked", [False, True])
def test_yes_in_a_column_named_after_no_disease_is_no_disease(
    column: str, cells: tuple[str, str], asked: bool, tmp_path: Path
) -> None:
    put(tmp_path, *(f"{i}.png" for i in range(8)))
    write(tmp_path, "labels.csv", f"file,{column}", *(f"{i}.png,{cells[i % 2]}" for i in range(8)))
    plan = make_plan(tmp_path, PlanChoices(columns={"label": column}) if asked else None)
    assert (plan.n_scans, sick(plan)) == (8, [cells[1]])
