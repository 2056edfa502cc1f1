"""DICOM folders: files known by their content, the patient by the file's own tag (kept only as a number).

A folder per label gives the labels, also where those lie in folders of parts (`train`, `test`); files that lie in no
such folder are unlabelled.
"""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pydicom

from medcls.data.layouts.folders import PARTS, is_parted
from medcls.data.layouts.layout import Entry, Layout, label_ids, natural


def _files(root: Path) -> Iterator[str]:
    for where, inside, files in os.walk(root):
        inside.sort(key=natural)
        for name in sorted(files, key=natural):
            if not name.startswith(".") and name.upper() != "DICOMDIR":
                yield (Path(where) / name).relative_to(root).as_posix()


def _is_dicom(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def _find(path: Path) -> Path | None:
    looked = list(islice(_files(path), 40)) if path.is_dir() else []
    return path if looked and 2 * sum(_is_dicom(path / name) for name in looked) > len(looked) else None


def _entries(root: Path) -> Iterator[Entry]:
    deep = 1 if is_parted(root) else 0  # folders above those of the labels
    folders = {name.split("/")[deep] for name in _files(root) if name.count("/") > deep}
    ids = label_ids(folders) if len(folders) >= 2 else {}
    numbers: dict[str, int] = {}  # in the order they come: a digest of a short id is found by trying all of them
    for name in _files(root):
        if not _is_dicom(root / name):
            continue
        above = name.split("/")[:-1]
        label = ids.get(above[deep]) if len(above) > deep else None
        patient, told = _tags(root / name)
        if deep and above:
            told = {**told, "part": PARTS[above[0].lower()]}
        alias = f"patient-{numbers.setdefault(patient, len(numbers) + 1)}" if patient else None
        yield Entry(name, label, alias, attributes=told)


def _tags(path: Path) -> tuple[str | None, dict[str, str]]:
    """Read the patient's id, to tell patients apart, and the modality."""
    try:
        tags = pydicom.dcmread(
            path, stop_before_pixels=True, specific_tags=["PatientID", "IssuerOfPatientID", "Modality"]
        )
        patient = f"{tags.get('IssuerOfPatientID', '')}\n{tags.get('PatientID', '')}".strip()
        modality = str(tags.get("Modality", ""))[:16]
    except Exception:  # noqa: BLE001 - a file this broken is set aside, with its reason, when it is looked at
        return None, {}
    return patient or None, {"modality": modality} if modality else {}


DICOM = Layout("dicom", "DICOM files, a folder per label", _find, _entries)
