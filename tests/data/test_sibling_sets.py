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
