"""Sets as people keep them: known sets beside others, words of many languages, cells that say nothing, names that begin
with the patient.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from openpyxl import Workbook

from medcls.core.plan import Plan, PlanChoices
from medcls.data.excel import sheets_of_excel
from medcls.data.plan import prepare
from medcls.data.vocabulary import part_of, parts_of
from tests.data import trees
from tests.data.test_random_trees import picture

NAMES = ("benign", "malignant")


def put(root: Path, *names: str) -> list[str]:
    """A small picture of its own under each name."""
    for seed, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(seed + sum(map(ord, name)), ".png"))
    return list(names)


def plan_of(root: Path, **choices: object) -> Plan:
    return prepare(root, replace(PlanChoices(), **choices)).plan


def counts(plan: Plan) -> dict[str, int]:
    return {label.name: label.n for label in plan.labels if label.n}


def busi_in(root: Path, form: str, first: int = 1, n: int = 3) -> None:
    put(root, *(form.format(l=label, i=i) for label in NAMES for i in range(first, first + n)))


@pytest.mark.parametrize("mask", ["masks/{p}/{l}/{l} ({i}).png", "masks/{p}/{l}/{l} ({i})_mask.png", ""])
def test_folders_of_masks_are_no_site_of_busi(mask: str, tmp_path: Path) -> None:
    for part, first in (("train", 1), ("test", 4)):
        for form in filter(None, ("images/{p}/{l}/{l} ({i}).png", mask)):
            busi_in(tmp_path, form.replace("{p}", part), first)
    plan = plan_of(tmp_path)
    assert counts(plan) == dict.fromkeys(NAMES, 6)
    assert plan.task_id == "breast-ultrasound"
    assert plan.count_by("part") == {"train": 6, "test": 6}
    assert plan.count_by("site") == {}
    assert plan.n_masks == (12 if mask else 0)
    assert not plan.n_not_taken


def test_parts_inside_the_classes_of_busi(tmp_path: Path) -> None:
    busi_in(tmp_path, "{l}/train/{l} ({i}).png")
    busi_in(tmp_path, "{l}/test/{l} ({i}).png", 4)
    plan = plan_of(tmp_path)
    assert plan.layout == "busi"
    assert plan.count_by("part") == {"train": 6, "test": 6}


def test_another_set_beside_busi_is_taken_too(tmp_path: Path) -> None:
    busi_in(tmp_path, "BUSI/{l}/{l} ({i}).png")
    put(tmp_path, *(f"UDIAT/{label}/{i:06d}.png" for label in NAMES for i in range(3)))
    plan = plan_of(tmp_path)
    assert counts(plan) == dict.fromkeys(NAMES, 6)
    assert plan.count_by("site") == {"BUSI": 6, "UDIAT": 6}
    assert plan.task_id == "breast-ultrasound"
    assert "data.others-beside" in {note.code for note in plan.notes}


def test_bus_bra_cut_into_folders_keeps_patients_parts_and_masks(tmp_path: Path) -> None:
    root = trees.bus_bra(tmp_path) / "BUSBRA"
    for path in sorted((root / "Images").glob("*.png")):
        inner = root / "Images" / ("train" if int(path.name[4:8]) < 5 else "test") / path.name
        inner.parent.mkdir(exist_ok=True)
        path.rename(inner)
    plan = plan_of(tmp_path)
    assert (plan.layout, plan.n_scans, plan.n_patients, plan.n_masks) == ("bus-bra", 12, 6, 12)
    assert {entry.attributes["fold"] for entry in prepare(tmp_path).entries} == {"1", "2", "3"}


def test_bus_bra_of_several_roots_is_taken_whole(tmp_path: Path) -> None:
    for part in ("train", "test"):
        trees.bus_bra(tmp_path / part, 4)
    plan = plan_of(tmp_path)
    assert plan.count_by("part") == {"train": 8, "test": 8}
    assert plan.n_scans == 16


def test_idc_under_names_of_its_classes_has_no_sites(tmp_path: Path) -> None:
    for k, name in enumerate(("non-IDC", "IDC")):
        put(tmp_path, *(f"{name}/{p}_idx5_x{i}_y1_class{k}.png" for p in (8863, 8864) for i in (1, 51)))
    plan = plan_of(tmp_path)
    assert plan.layout == "idc"
    assert plan.count_by("site") == {}
    assert plan.n_patients == 2


def test_lists_of_patients_cut_idc(tmp_path: Path) -> None:
    trees.idc(tmp_path)
    (tmp_path / "train.txt").write_text("8863\n8864\n")
    (tmp_path / "test.txt").write_text("9023\n")
    plan = plan_of(tmp_path)
    assert plan.count_by("part") == {"train": 12, "test": 6}
    assert plan.n_tables == 2


@pytest.mark.parametrize("junk", ["models/resnet/plot.png", "misc/more/plot.png"])
def test_folders_inside_what_is_no_part_are_no_labels(junk: str, tmp_path: Path) -> None:
    put(tmp_path, junk, *(f"{part}/{label}/{i}.png" for part in ("train", "test") for label in NAMES for i in range(2)))
    plan = plan_of(tmp_path)
    assert counts(plan) == dict.fromkeys(NAMES, 4)
    assert plan.n_not_taken == 1


@pytest.mark.parametrize(
    ("names", "parts"),
    [
        (("dev", "eval"), ("train", "test")),
        (("development", "tuning", "held-out test"), ("train", "validate", "test")),
        (("train", "hold_out"), ("train", "test")),
        (("tr", "ts"), ("train", "test")),
        (("A_train", "B_test"), ("train", "test")),
        (("train_aug", "test"), ("train", "test")),
        (("train", "dev", "test"), ("train", "validate", "test")),
    ],
)
def test_parts_by_rarer_words(names: tuple[str, ...], parts: tuple[str, ...]) -> None:
    assert tuple(parts_of(names).get(name, "") for name in names) == parts
    assert part_of("hold on") == part_of("tested by me") == ""


def test_a_column_of_development_and_test_is_the_split(tmp_path: Path) -> None:
    rows = [f"{name},{NAMES[i % 2]},{'development' if i < 5 else 'test'}" for i, name in enumerate(some(tmp_path))]
    (tmp_path / "l.csv").write_text("\n".join(["file,label,split", *rows]))
    assert plan_of(tmp_path).count_by("part") == {"train": 5, "test": 3}


def some(root: Path, n: int = 8) -> list[str]:
    return put(root, *(f"img/s{i}.png" for i in range(n)))


@pytest.mark.parametrize(
    "said", ["No label", "not labelled", "keine Angabe", "non renseigné", "sin dato", "#REF!", "..."]
)
def test_a_cell_that_says_nobody_knows_is_no_label(said: str, tmp_path: Path) -> None:
    rows = [f"{name},{said if i == 7 else NAMES[i % 2]}" for i, name in enumerate(some(tmp_path))]
    (tmp_path / "l.csv").write_text("\n".join(["file,label", *rows]))
    plan = plan_of(tmp_path)
    assert counts(plan) == {"benign": 4, "malignant": 3}
    assert plan.n_unlabelled == 1


@pytest.mark.parametrize("pair", [("nein", "ja"), ("아니오", "예"), ("-", "+"), ("нет", "да"), ("いいえ", "はい")])
def test_no_and_yes_in_other_languages(pair: tuple[str, str], tmp_path: Path) -> None:
    rows = [f"{name};{pair[i % 2]}" for i, name in enumerate(some(tmp_path))]
    (tmp_path / "l.csv").write_text("\n".join(["file;cancer", *rows]))
    plan = plan_of(tmp_path)
    assert [label.name for label in plan.labels if label.positive] == [pair[1]]
    assert not plan.open_questions


@pytest.mark.parametrize("column", ["annotation", "group", "site"])
def test_a_column_of_labels_by_another_word(column: str, tmp_path: Path) -> None:
    rows = [f"{name},{NAMES[i % 2]}" for i, name in enumerate(some(tmp_path))]
    (tmp_path / "l.csv").write_text("\n".join([f"file,{column}", *rows]))
    assert counts(plan_of(tmp_path)) == dict.fromkeys(NAMES, 4)


def test_a_column_called_patient_that_says_yes_or_no_names_nobody(tmp_path: Path) -> None:
    rows = [f"{name},{NAMES[i % 2]},{i % 2}" for i, name in enumerate(some(tmp_path))]
    (tmp_path / "l.csv").write_text("\n".join(["file,label,patient", *rows]))
    assert not plan_of(tmp_path).n_owned


def test_words_of_disease_win_over_a_column_with_one_value(tmp_path: Path) -> None:
    rows = [f"{name},Fibroadenoma,{NAMES[i % 2]}" for i, name in enumerate(some(tmp_path))]
    (tmp_path / "l.csv").write_text("\n".join(["file,Diagnosis,Classification", *rows]))
    assert counts(plan_of(tmp_path)) == dict.fromkeys(NAMES, 4)


@pytest.mark.parametrize("column", ["label", "folder", "patient_id"])
def test_names_that_fit_several_files_are_told_apart_by_their_row(column: str, tmp_path: Path) -> None:
    put(tmp_path, *(f"{label}/{i}.png" for label in NAMES for i in range(4)))
    rows = [f"{i}.png,{label},{label[0]}{i // 2}" for label in NAMES for i in range(4)]
    (tmp_path / "l.csv").write_text("\n".join([f"file,{column},subject", *rows]))
    plan = plan_of(tmp_path)
    assert counts(plan) == dict.fromkeys(NAMES, 4)
    assert plan.n_owned == 8


@pytest.mark.parametrize("separator", ["^", "~", ":"])
def test_rare_separators(separator: str, tmp_path: Path) -> None:
    rows = [f"{name}{separator}{NAMES[i % 2]}" for i, name in enumerate(some(tmp_path))]
    (tmp_path / "l.csv").write_text("\n".join([f"file{separator}label", *rows]))
    assert counts(plan_of(tmp_path)) == dict.fromkeys(NAMES, 4)


def test_commas_inside_cells_are_no_separators_where_the_header_has_another(tmp_path: Path) -> None:
    rows = [f"{name};{NAMES[i % 2]};p{i // 2};1,1,5,5" for i, name in enumerate(some(tmp_path))]
    (tmp_path / "l.csv").write_text("\n".join(["file;label;patient;bbox", *rows]))
    assert plan_of(tmp_path).n_patients == 4


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("cp1252", ("não maligno", "maligno")),
        ("iso8859-2", ("łagodny", "złośliwy")),
        ("cp1252", ("Zyste (gutartig)", "Karzinom (bösartig)")),
    ],
)
def test_a_known_word_of_plain_letters_speaks_for_no_encoding(
    encoding: str, words: tuple[str, str], tmp_path: Path
) -> None:
    rows = [f"{name},{words[i % 2]}" for i, name in enumerate(some(tmp_path))]
    (tmp_path / "l.csv").write_bytes("\n".join(["file,label", *rows]).encode(encoding))
    plan = plan_of(tmp_path)
    assert counts(plan) == dict.fromkeys(words, 4)
    assert [label.name for label in plan.labels if label.positive] == [words[1]]


def test_cells_joined_downwards_hold_for_all_their_rows(tmp_path: Path) -> None:
    book = Workbook()
    for row in [("file", "patient"), ("a", "P1"), ("b", None), ("c", "P2"), ("d", None)]:
        book.active.append(row)
    book.active.merge_cells("B2:B3")
    book.save(tmp_path / "l.xlsx")
    ((_, rows),), _ = sheets_of_excel((tmp_path / "l.xlsx").read_bytes(), "l.xlsx", 1_000_000)
    assert [row[1] for row in rows] == ["patient", "P1", "P1", "P2", ""]


def test_a_row_without_a_label_contradicts_none(tmp_path: Path) -> None:
    files = some(tmp_path)
    rows = [f"{name},{NAMES[i % 2]}" for i, name in enumerate(files)]
    (tmp_path / "l.csv").write_text("\n".join(["file,label", f"{files[0]},", *rows, f"{files[1]},NA"]))
    assert counts(plan_of(tmp_path)) == dict.fromkeys(NAMES, 4)


def test_a_table_of_patients_of_whom_many_have_no_pictures(tmp_path: Path) -> None:
    put(tmp_path, *(f"P{p}/{i}.png" for p in (1, 2, 3) for i in range(3)))
    rows = [f"P{p},{NAMES[p % 2]}" for p in range(1, 6)]
    (tmp_path / "l.csv").write_text("\n".join(["patient,label", *rows]))
    plan = plan_of(tmp_path)
    assert counts(plan) == {"malignant": 6, "benign": 3}
    assert (plan.n_patients, plan.n_not_taken) == (3, 2)


def test_pictures_of_a_table_without_labels_are_called_so(tmp_path: Path) -> None:
    files = some(tmp_path, 10)
    rows = [f"{name},{NAMES[i % 2]},P{i}" for i, name in enumerate(files[:8])]
    (tmp_path / "train.csv").write_text("\n".join(["file,label,patient", *rows]))
    (tmp_path / "test.csv").write_text("\n".join(["file,patient", *(f"{name},P9" for name in files[8:])]))
    reasons = prepare(tmp_path).left
    assert {reasons[name].code for name in files[8:]} == {"data.named-unlabelled"}


def test_the_isic_archive_of_old_and_ham10000_in_words(tmp_path: Path) -> None:
    ids = [f"ISIC_{i:07d}" for i in range(8)]
    put(tmp_path, *(f"old/{i}.png" for i in ids), *(f"ham/{i}.png" for i in ids))
    said = [("benign,nevus", "malignant,melanoma")[i % 2] for i in range(8)]
    header = "name,meta.clinical.benign_malignant,meta.clinical.diagnosis"
    (tmp_path / "old" / "m.csv").write_text("\n".join([header, *map(",".join, zip(ids, said, strict=True))]))
    names = ("Melanocytic nevi", "Melanoma", "Benign keratosis-like lesions", "Melanoma")
    rows = [f"HAM_{k // 2},{i},{names[k % 4]}" for k, i in enumerate(ids)]
    (tmp_path / "ham" / "m.csv").write_text("\n".join(["lesion_id,image_id,dx", *rows]))
    for folder in ("old", "ham"):
        plan = plan_of(tmp_path / folder)
        assert plan.task_id == "skin-melanoma"
        assert counts(plan) == {"not melanoma": 4, "melanoma": 4}


@pytest.mark.parametrize("names", [("KJH", "LSY", "PMK", "CHW"), ("TCGA-A1-A0SK", "TCGA-A2-A04P", "22549AB", "Nr. 4")])
def test_folders_above_the_labels_that_may_be_patients_stay_together(names: tuple[str, ...], tmp_path: Path) -> None:
    put(tmp_path, *(f"{name}/{NAMES[k % 2]}/{i}.png" for k, name in enumerate(names) for i in range(3)))
    prepared = prepare(tmp_path)
    assert {e.patient or e.group for e in prepared.entries} == set(names)
    assert not prepared.plan.open_questions
    if names[0] == "KJH":
        assert [q.option for q in prepared.plan.questions] == ["--folders"]
        for answer, owned in zip(prepared.plan.questions[0].allowed, (12, 0), strict=True):
            assert plan_of(tmp_path, folders=answer).n_owned == owned


def test_two_hospitals_by_any_name_stay_sites_without_a_question(tmp_path: Path) -> None:
    put(tmp_path, *(f"{site}/{label}/{i}.png" for site in ("SNUH", "AMC") for label in NAMES for i in range(3)))
    plan = plan_of(tmp_path)
    assert plan.count_by("site") == {"SNUH": 6, "AMC": 6}
    assert not plan.questions


@pytest.mark.parametrize("shared", [True, False])
def test_a_folder_that_means_another_dicom_patient_in_each_place_is_none(shared: bool, tmp_path: Path) -> None:
    for k, label in enumerate(NAMES):
        for s in (1, 2):
            for i in range(2):
                pixels = np.random.default_rng(8 * k + 2 * s + i).integers(0, 255, (16, 16), np.uint8)
                trees.write_dicom(tmp_path / label / f"S000{s}" / f"IM{i}", pixels, f"ID{s}{'' if shared else k}")
    assert plan_of(tmp_path).n_patients == (2 if shared else 4)


BEGINNINGS = ["P{p:03d}_L_{i}.png", "{p:04d}-{i}.png", "bus_{p:04d}-{i}.png", "{l}_{p:03d}_{i}.png"]


@pytest.mark.parametrize("form", BEGINNINGS)
def test_a_number_at_the_beginning_of_names_is_asked_about_and_kept_together(form: str, tmp_path: Path) -> None:
    put(tmp_path, *(f"{NAMES[p % 2]}/" + form.format(p=p, i=i, l=NAMES[p % 2]) for p in range(6) for i in "ab"))
    prepared = prepare(tmp_path)
    assert [q.option for q in prepared.plan.questions] == ["--names-begin-with"]
    assert not any(entry.patient for entry in prepared.entries)
    assert len({e.group for e in prepared.entries}) == 6
    assert all(entry.patient for entry in prepare(tmp_path, PlanChoices(beginnings="patient")).entries)
    assert not plan_of(tmp_path, beginnings="nothing").n_owned
    assert not plan_of(tmp_path, beginnings="nothing").questions


@pytest.mark.parametrize("form", ["IMG_{n:04d}.png", "202001{p:02d}_{i}.png", "{n:04d}_crop.png", "x{p}_{n}.png"])
def test_other_numbers_in_names_are_no_patients(form: str, tmp_path: Path) -> None:
    n_of = {"x{p}_{n}.png": 2}.get(form, 6)  # two beginnings only
    put(tmp_path, *(f"{NAMES[n % 2]}/" + form.format(p=1 + n % n_of, i=n, n=n) for n in range(12)))
    plan = plan_of(tmp_path)
    assert not plan.n_owned
    assert not plan.questions


def test_which_labels_are_right_is_asked_where_a_table_and_folders_say_otherwise(tmp_path: Path) -> None:
    put(tmp_path, *(f"{label}/{label[0]}{i}.png" for label in NAMES for i in range(4)))
    rows = [f"{c}{i}.png,{int(c == 'm' or not i)}" for c in "bm" for i in range(4)]
    (tmp_path / "l.csv").write_text("\n".join(["file,target", *rows]))
    (asked,) = plan_of(tmp_path).questions
    assert (asked.asks.code, asked.option, asked.default) == ("data.asks-labels-differ", "--layout", asked.allowed[0])
    for answer in asked.allowed:
        plan = plan_of(tmp_path, layout=answer)
        assert not plan.questions
        assert sum(label.n for label in plan.labels if label.positive) in (4, 5)


def test_choices_are_kept_in_a_saved_plan(tmp_path: Path) -> None:
    put(tmp_path, *(f"{label}/{i}.png" for label in NAMES for i in range(2)))
    plan = plan_of(tmp_path, beginnings="nothing")
    assert Plan.from_json(plan.to_json().encode(), "p").choices.beginnings == "nothing"
    older = json.loads(plan.to_json())
    del older["choices"]["beginnings"]
    assert Plan.from_json(json.dumps(older).encode(), "p").choices.beginnings == ""
