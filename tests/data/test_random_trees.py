"""Trees made at random: every file is taken or told, and no patient that any source names is cut by a split."""

import csv
import io
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from medcls.data.collections import add_collection, remove_collection
from medcls.data.labels import tidy
from medcls.data.plan import prepare
from medcls.data.splits import make_split
from tests.data import trees

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jfif": "JPEG", "": "PNG", ".JPG": "JPEG", ".bmp": "BMP"}
WORDS = (
    ("benign", "malignant"),
    ("양성", "악성"),
    ("gutartig", "bösartig"),
    ("良性", "恶性"),
    ("normal", "pneumonia"),
    ("доброкачественная", "злокачественная"),
    ("ΚΑΛΟΗΘΗΣ", "ΚΑΚΟΗΘΗΣ"),
    ("शुद्ध सौम्य", "घातक"),
    ("İyi huylu", "Kötü huylu"),
    ("lành tính\u200b", "ác\u00a0tính"),
    ("\u202bשפיר\u202c", "ממאיר"),
)
CUTS = (
    (),
    ("train", "test"),
    ("Training", "Validation", "Testing"),
    ("fold1", "fold2", "fold3"),
    ("siteA", "siteB"),
    ("훈련", "시험"),
    ("εκπαίδευση", "δοκιμή"),
    ("huấn luyện", "kiểm định", "kiểm tra"),
)
COLUMNS = ("patient id", "Patient_Number", "환자번호", "subject", "Case No", "PatientID", "Hasta Adı", "ת.ז.")
# How a table writes a patient that is written plainly the next time.
PATIENTS = ("P{}", "{}\u200f", "{}.0", "p{}", "Ｐ{}", "'0{}", '="{}"')
JUNK = (
    "readme.txt",
    "figures/plot.png",
    "notes.dcm",
    ".DS_Store",
    "models/net.bin",
    "__MACOSX/x.png",
    "unused.csv",
    "link.png",
)


@dataclass(frozen=True)
class Made:
    """What was drawn.

    Args:
        words: Two labels.
        cut: Folders of parts or sites above them; empty for none.
        owners: Where patients are named: `folders`, `table`, `dicom`, or empty.
        ending: Ending of the pictures.
        column: Name of the patients' column.
        junk: What else lies there.
        separator: Of the table.
        patients: How a table writes every other patient.
        paths: What a table says of a file: its path, its name, or that in other signs.
    """

    words: tuple[str, str]
    cut: tuple[str, ...]
    owners: str
    ending: str
    column: str
    junk: tuple[str, ...]
    separator: str
    patients: str
    paths: str


sets = st.builds(
    Made,
    st.sampled_from(WORDS),
    st.sampled_from(CUTS),
    st.sampled_from(("", "folders", "table", "dicom")),
    st.sampled_from(sorted(FORMATS)),
    st.sampled_from(COLUMNS),
    st.lists(st.sampled_from(JUNK), unique=True, max_size=4).map(tuple),
    st.sampled_from(",;\t"),
    st.sampled_from(PATIENTS),
    st.sampled_from(("{}", "C:\\set\\{}", "['{}']", "\u202a{}", "“{}”")),
)


def picture(seed: int, ending: str) -> bytes:
    """A picture of its own."""
    out = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 255, (16, 16), np.uint8)
    Image.fromarray(pixels).resize((32, 32)).save(out, FORMATS[ending])
    return out.getvalue()


def build(root: Path, made: Made) -> dict[str, str]:
    """Write a tree; returns the patient of each scan whose patient a source names, by its path."""
    owner: dict[str, str] = {}
    rows, seed = [], 0
    for c, cut in enumerate(made.cut or ("",)):
        for k, word in enumerate(made.words):
            for i in range(4):
                patient, seed = f"P{c}{k}{i // 2}", seed + 1
                inside = f"{patient}/" if made.owners == "folders" else ""
                path = "/".join(filter(None, (cut, word, f"{inside}s{i}{made.ending}")))
                write(root / path, seed, made, patient)
                rows.append((path, word, patient))
                if made.owners:
                    owner[path] = patient
    if made.owners == "table":
        out, said = io.StringIO(), []
        for n, (path, word, patient) in enumerate(rows):
            number = patient.removeprefix("P")
            plain = f"P{number}" if made.patients in ("p{}", "Ｐ{}", "P{}") else f"1{number}"
            said.append(
                (made.paths.format(path), word, plain if n % 2 else made.patients.format(plain.removeprefix("P")))
            )
        csv.writer(out, delimiter=made.separator).writerows([("path", "label", made.column), *said])
        (root / "labels.csv").write_text(out.getvalue(), encoding="utf-8")
    return owner


def write(path: Path, seed: int, made: Made, patient: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if made.owners == "dicom":
        trees.write_dicom(path, np.random.default_rng(seed).integers(0, 255, (32, 32), np.uint8), patient)
    else:
        path.write_bytes(picture(seed, made.ending))


def throw_in(root: Path, junk: tuple[str, ...]) -> None:
    for name in junk:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name == "link.png":
            path.symlink_to("/etc/hostname")
        elif name.endswith(".png"):
            path.write_bytes(picture(9999, ".png"))
        else:
            path.write_bytes(b"a,b\n1,2\n" if name.endswith("csv") else b"hello")


def files_below(root: Path) -> set[str]:
    return {(Path(at) / name).relative_to(root).as_posix() for at, _, names in os.walk(root) for name in names}


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(sets)
def test_every_file_is_taken_or_told_with_a_reason(made: Made) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        owner = build(root, made)
        throw_in(root, made.junk)
        prepared = prepare(root)
        plan, base = prepared.plan, prepared.plan.root
        taken = {f"{base}/{e.id}" if base else e.id for e in prepared.entries}
        used = {table.path for table in plan.tables if table.columns}
        everything = files_below(root)
        assert taken | used | set(prepared.left) == everything
        assert not taken & set(prepared.left)
        assert len(taken) + plan.n_tables + plan.n_not_taken + plan.n_masks == plan.n_files == len(everything)
        assert {label.name for label in plan.labels if label.n} == set(map(tidy, made.words))
        assert [label.name for label in plan.labels if label.positive] == [tidy(made.words[1])]
        assert plan.n_scans == 8 * max(1, len(made.cut))
        assert not plan.open_questions
        if made.cut:
            assert len(plan.count_by("site" if "siteA" in made.cut else "part")) == len(made.cut)
        of_patient: dict[str, set[str | None]] = {}
        for entry in prepared.entries:
            if (path := f"{base}/{entry.id}" if base else entry.id) in owner:
                of_patient.setdefault(owner[path], set()).add(entry.patient or entry.group)
        assert all(len(names) == 1 and None not in names for names in of_patient.values())
        assert len(set().union(*of_patient.values())) == len(of_patient) if of_patient else True


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(sets.filter(lambda made: made.owners), st.integers(0, 99))
def test_no_patient_stands_on_two_sides_of_a_split(made: Made, seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        owner = build(Path(folder), made)
        collection = add_collection(Path(folder), "random")
        try:
            split = make_split(collection, folds=2, by="patient", seed=seed)
            base = collection.root.relative_to(Path(folder).resolve()).as_posix()
            whole = {case: f"{base}/{case}" if base != "." else case for part in split.parts.values() for case in part}
            sides = [{owner[whole[case]] for case in part} for part in split.parts.values()]
            assert not set.intersection(*sides)
        finally:
            remove_collection("random")
