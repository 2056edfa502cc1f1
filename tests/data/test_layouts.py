"""Every layout is recognised on a small tree of it, and says what its files say."""

import io
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medcls.core.plan import PlanChoices
from medcls.core.task import is_label_id
from medcls.data.collections import add_collection
from medcls.data.labels import find_labels
from medcls.data.layouts import LAYOUTS
from medcls.data.plan import prepare
from medcls.errors import BadData
from tests.data import trees

# tree, layout, task, counts, patients, groups
EXPECTED = {
    "busi": ("breast-ultrasound", {"benign": 4, "malignant": 4, "normal": 4}, 0),
    "bus-bra": ("breast-ultrasound", {"benign": 6, "malignant": 6}, 6),
    "idc": ("breast-histology-idc", {"no-idc": 9, "idc": 9}, 3),
    "idc-arrays": ("breast-histology-idc", {"no-idc": 3, "idc": 3}, 0),
    "ham10000": ("skin-melanoma", {"not-melanoma": 4, "melanoma": 4}, 0),
    "breakhis": ("own", {"benign": 4, "malignant": 4}, 2),
    "folders": ("own", {"not-sick-really": 3, "sick": 3}, 0),
    "table": ("own", {"benign": 3, "malignant": 3}, 3),
    "dicom": ("own", {"benign": 2, "malignant": 2}, 2),
    "names": ("own", {"benign": 3, "malignant": 3}, 0),
}


def entries(tmp_path: Path, name: str):
    root = getattr(trees, name.replace("-", "_"))(tmp_path / "set")
    prepared = prepare(root)
    return LAYOUTS[prepared.plan.layout], prepared.plan, prepared.entries


@pytest.mark.parametrize("name", EXPECTED)
def test_layout_is_recognised_and_read(name: str, tmp_path: Path) -> None:
    task_id, counts, n_patients = EXPECTED[name]
    layout, plan, found = entries(tmp_path, name)
    assert layout.name == name
    assert plan.task_id == task_id
    assert Counter(e.label for e in found) == counts
    assert len({e.patient for e in found} - {None}) == n_patients
    assert len({e.id for e in found}) == len(found)
    assert not layout.labels or set(layout.labels) >= set(counts)


def test_every_layout_is_tested() -> None:
    assert set(EXPECTED) | {"arrays", "isic"} == set(LAYOUTS)


def test_busi_masks_stand_beside_their_scan_and_are_no_scans(tmp_path: Path) -> None:
    _, _, found = entries(tmp_path, "busi")
    one = next(e for e in found if e.id == "benign/benign (1).png")
    assert one.masks == ("benign/benign (1)_mask.png", "benign/benign (1)_mask_1.png")
    assert not any("mask" in e.id for e in found)


def test_bus_bra_tells_device_folds_and_mask(tmp_path: Path) -> None:
    _, _, found = entries(tmp_path, "bus-bra")
    one = next(e for e in found if e.id == "Images/bus_0001-l.png")
    assert one.patient == "1"
    assert one.masks == ("Masks/mask_0001-l.png",)
    assert (one.attributes["fold"], one.attributes["device"], one.attributes["birads"]) == ("2", "A", "4")


def test_idc_tells_where_a_patch_was_cut(tmp_path: Path) -> None:
    _, _, found = entries(tmp_path, "idc")
    one = next(e for e in found if e.id == "8863/1/8863_idx5_x51_y51_class1.png")
    assert (one.patient, one.label, one.attributes) == ("8863", "idc", {"x": "51", "y": "51"})


def test_ham_keeps_lesions_together_over_several_folders(tmp_path: Path) -> None:
    _, _, found = entries(tmp_path, "ham10000")
    assert [e.group for e in found] == ["HAM_0", "HAM_0", "HAM_1", "HAM_1", "HAM_2", "HAM_2", "HAM_3", "HAM_3"]
    assert found[1].id == "HAM10000_images_part_2/ISIC_0000001.jpg"
    assert found[2].masks == ("HAM10000_segmentations/ISIC_0000002_segmentation.png",)


def test_ham_takes_known_diagnoses_only_and_leaves_the_others_unlabelled(tmp_path: Path) -> None:
    told = {
        "mel": "melanoma",
        "MEL": "melanoma",
        " Melanoma ": "melanoma",
        "nv": "not-melanoma",
        "BKL": "not-melanoma",
        "squamous cell carcinoma": "not-melanoma",
        "": None,
        "unknown": None,
        "melanoma?": None,
        "lentigo": None,
    }
    rows = [{"lesion_id": f"L{i}", "image_id": f"I{i}", "dx": dx} for i, dx in enumerate(told)]
    for i in range(len(rows)):
        trees.save(tmp_path / f"I{i}.png", trees.picture("benign", i))
    trees.write_csv(tmp_path / "HAM10000_metadata.csv", rows)
    assert [e.label for e in prepare(tmp_path).entries] == list(told.values())


def test_breakhis_reads_slide_and_magnification_from_the_name(tmp_path: Path) -> None:
    _, _, found = entries(tmp_path, "breakhis")
    one = next(e for e in found if e.id == "40X/benign/SOB_B_A-14-22549AB-40-001.png")
    assert one.patient == "14-22549AB"
    assert one.attributes == {"tumour": "A", "magnification": "40"}


def test_dicom_patient_is_a_number_and_nothing_else_leaves_the_file(tmp_path: Path) -> None:
    _, _, found = entries(tmp_path, "dicom")
    patients = [e.patient for e in found]
    assert set(patients) == {f"patient-{i + 1}" for i in range(len(set(patients)))}
    assert len(set(patients)) > 1
    assert "secret" not in repr(found).lower()


def test_parts_made_by_others_are_noted(tmp_path: Path) -> None:
    found = prepare(trees.parted(tmp_path)).entries
    assert Counter((e.attributes["part"], e.label) for e in found) == Counter(
        {("train", "a"): 3, ("train", "b"): 3, ("test", "a"): 3, ("test", "b"): 3}
    )


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (("HER2+", "HER2-"), ("her2-plus", "her2-minus")),
        (("-1", "1", "+1"), ("minus-1", "1", "plus-1")),
        (("grade-2", "pre-cancer"), ("grade-2", "pre-cancer")),
        (("良性", "恶性"), ("良性", "恶性")),
        (("Bösartig", "сomplex — да", "घातक"), ("bösartig", "сomplex-да", "घातक")),
        (("< 5 mm", "> 5 mm", "5-mm"), ("below-5-mm", "above-5-mm", "5-mm")),
        (("a!", "a", "a-2", "a?"), ("a-3", "a", "a-2", "a-4")),
        (("x" * 70 + "1", "x" * 70 + "2"), ("x" * 64, "x" * 62 + "-2")),
    ],
)
def test_different_labels_get_different_ids(raw: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert tuple(find_labels(raw).ids.values()) == expected
    assert find_labels(raw[::-1]).ids == find_labels(raw).ids
    assert all(map(is_label_id, find_labels(raw).names))


@pytest.mark.parametrize(("one", "other"), [("Benign", "benign"), ("not ill", "not  ill"), ("é", "e\u0301")])
def test_labels_that_differ_only_by_case_space_or_form_are_one(one: str, other: str) -> None:
    labels = find_labels([one, one, other])
    assert labels.ids[one] == labels.ids[other]
    assert len(labels.names) == 1


def test_labels_with_signs_stay_apart_in_every_layout_that_takes_them_as_they_are(tmp_path: Path) -> None:
    for k, label in enumerate(("HER2+", "HER2-")):
        trees.save(tmp_path / "folders" / label / "0.png", trees.picture("benign", k))
        for part in ("train", "test"):
            trees.save(tmp_path / "parted" / part / label / "0.png", trees.picture("benign", k))
        trees.save(tmp_path / "table" / f"{k}.png", trees.picture("benign", k))
    trees.write_csv(
        tmp_path / "table" / "t.csv", [{"path": f"{k}.png", "label": f"HER2{sign}"} for k, sign in enumerate("+-")]
    )
    made = trees.dicom(tmp_path / "dicom")
    (made / "benign").rename(made / "HER2-")
    (made / "malignant").rename(made / "HER2+")
    for name in ("folders", "parted", "table", "dicom"):
        assert {e.label for e in prepare(tmp_path / name).entries} == {"her2-plus", "her2-minus"}, name


def test_other_arrays_take_their_labels_from_y(tmp_path: Path) -> None:
    np.save(tmp_path / "X.npy", np.zeros((4, 20, 20), np.uint8))
    np.save(tmp_path / "Y.npy", np.array([0, 1, 2, 2]))
    prepared = prepare(tmp_path)
    assert prepared.plan.layout == "arrays"
    assert [e.label for e in prepared.entries] == ["class-0", "class-1", "class-2", "class-2"]


def arrays(folder: Path, pictures: np.ndarray) -> Path:
    folder.mkdir()
    np.save(folder / "X.npy", pictures)
    np.save(folder / "Y.npy", np.arange(len(pictures)) % 2)
    return folder


GREYS = np.random.default_rng(0).integers(0, 256, (4, 24, 24, 3))
GREYS[0] //= 3  # the darkest picture must stay dark beside the others


@pytest.mark.parametrize(
    "pictures",
    [
        GREYS.astype(np.uint8),
        GREYS.astype(np.uint16),
        GREYS,
        GREYS.astype(np.float32),
        (GREYS / 255).astype(np.float32),
    ],
    ids=["uint8", "uint16", "int64", "whole floats", "floats to 1"],
)
def test_arrays_of_every_kind_show_the_same_pictures(pictures: np.ndarray, tmp_path: Path) -> None:
    collection = add_collection(arrays(tmp_path / "s", pictures), "s")
    shown = [np.asarray(Image.open(io.BytesIO(collection.read(case)))) for case in collection.cases]
    assert np.array_equal(shown, GREYS)


@pytest.mark.parametrize(
    ("pictures", "found"),
    [
        (GREYS.astype(np.uint16) * 16, "uint16 from 0 to 40"),
        (GREYS - 1, "int64 from -1 to"),
        (GREYS / 100, "float64 from 0 to 2.55"),
        (GREYS / 255 - 0.5, "float64 from -0.5"),
        (np.where(GREYS == 7, np.nan, GREYS / 255), "float64 with values that are no numbers"),
        (GREYS > 9, "bool"),
        (GREYS[..., :2].astype(np.uint8), "shapes"),
    ],
)
def test_arrays_of_other_values_are_refused_when_they_are_added(
    pictures: np.ndarray, found: str, tmp_path: Path
) -> None:
    with pytest.raises(BadData, match=found):
        add_collection(arrays(tmp_path / "s", pictures), "s")


def test_a_row_that_changed_is_noticed_and_so_is_one_that_is_gone(tmp_path: Path) -> None:
    root = arrays(tmp_path / "s", GREYS.astype(np.uint8))
    collection = add_collection(root, "s")
    changed = GREYS.astype(np.uint8)
    changed[1, 0, 0, 0] ^= 1
    np.save(root / "X.npy", changed)
    assert collection.read(collection.case("X.npy#0"))
    with pytest.raises(BadData, match="has changed"):
        collection.read(collection.case("X.npy#1"))
    np.save(root / "X.npy", changed[:2])
    with pytest.raises(BadData, match="row 3"):
        collection.read(collection.case("X.npy#3"))
    (root / "X.npy").unlink()
    with pytest.raises(BadData, match="cannot be read any more"):
        collection.read(collection.case("X.npy#0"))


def test_pickled_arrays_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "X.npy", np.array([{"a": 1}], object), allow_pickle=True)
    np.save(tmp_path / "Y.npy", np.array([0]))
    with pytest.raises(BadData, match="array file cannot be read"):
        prepare(tmp_path)


def test_a_folder_of_nothing_says_what_would_be_recognised(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="one folder per label"):
        prepare(tmp_path)
    with pytest.raises(BadData, match="nothing at this path"):
        prepare(tmp_path / "missing")
    with pytest.raises(BadData, match="layout is unknown"):
        prepare(tmp_path, PlanChoices(layout="no-such"))


@pytest.mark.parametrize("name", ["dicom", "idc-arrays", "table"])
def test_unusual_sources_are_indexed_and_read_back(name: str, tmp_path: Path) -> None:
    from medcls.imaging.decode import read_scan

    collection = add_collection(getattr(trees, name.replace("-", "_"))(tmp_path / "set"), "it")
    assert len(collection.cases) == sum(EXPECTED[name][1].values())
    for case in collection.cases:
        assert read_scan(collection.read(case)).size_px == case.size_px


def test_dicom_files_in_parts_keep_the_labels_inside_them(tmp_path: Path) -> None:
    for part in ("train", "test"):
        trees.dicom(tmp_path / "set" / part)
    prepared = prepare(tmp_path / "set")
    found = prepared.entries
    assert prepared.plan.layout == "dicom"
    assert Counter(e.label for e in found) == {"benign": 4, "malignant": 4}
    assert Counter(e.attributes["part"] for e in found) == {"train": 4, "test": 4}


def test_a_patient_whose_initials_are_those_of_a_part_is_no_part(tmp_path: Path) -> None:
    for k, patient in enumerate(("AB_01", "TS_02", "KM_03", "TE_04", "CD_05", "EF_06")):
        for i in range(2):
            trees.save(
                tmp_path / patient / ("benign", "malignant")[k % 2] / f"{i}.png", trees.picture("benign", 2 * k + i)
            )
    prepared = prepare(tmp_path)
    assert not any("part" in entry.attributes for entry in prepared.entries)
    assert prepared.plan.n_owned == 12


def test_a_hospital_stays_the_site_of_the_folders_inside_it(tmp_path: Path) -> None:
    names = {"A": ("kim", "lee", "park"), "B": ("choi", "jung", "han")}
    for k, (hospital, name) in enumerate((h, n) for h, of in names.items() for n in of):
        trees.save(
            tmp_path / f"hospital{hospital}" / name / ("benign", "malignant")[k % 2] / "1.png",
            trees.picture("benign", k),
        )
    found = prepare(tmp_path).entries
    assert {entry.attributes["site"] for entry in found} == {"hospitalA", "hospitalB"}
    assert len({entry.group for entry in found}) == 6


def test_a_patient_whose_studies_have_ids_of_their_own_stays_one(tmp_path: Path) -> None:
    for k in range(8):
        pixels = np.asarray(trees.picture("benign", k).convert("L"))
        place = tmp_path / ("benign", "malignant")[k // 4] / f"P{k // 2:03d}" / f"study{k % 2}"
        trees.write_dicom(place / "IM1.dcm", pixels, f"SECRET-{k}")
    found = prepare(tmp_path).entries
    assert len({entry.patient for entry in found}) == 4
