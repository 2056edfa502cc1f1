"""Whose a DICOM file is: its patient's id, kept as a number only, and the device that took it."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from medcls.data.layouts.layout import Entry
from medcls.data.tree import DICOM, Tree

_TAGS = (0x00080060, 0x00081090, 0x00100020, 0x00100021)  # modality, model of the device, patient's id, its issuer
_LAST = 0x00100021  # the issuer of the patient's id; nothing wanted stands behind it


def read_owner(path: Path) -> tuple[str, dict[str, str]]:
    """Return a DICOM file's patient (issuer and id; empty if it names none) with its modality and device.

    Args:
        path: A DICOM file, with a preamble or without. One too broken to be read names nobody: it is set aside when
            its pixels are.
    """
    import pydicom
    from pydicom.filereader import read_partial
    from pydicom.tag import BaseTag

    try:
        with path.open("rb") as file:
            tags = read_partial(
                file,
                lambda tag, vr, length: int(tag) > _LAST,
                force=True,
                specific_tags=[BaseTag(tag) for tag in _TAGS],
            )
        issuer, patient = (str(tags.get(name) or "").strip() for name in ("IssuerOfPatientID", "PatientID"))
        told = {
            "modality": str(tags.get("Modality") or "")[:16],
            "device": str(tags.get("ManufacturerModelName") or "")[:64],
        }
    except (
        OSError,
        ValueError,
        KeyError,
        AttributeError,
        TypeError,
        NotImplementedError,
        EOFError,
        pydicom.errors.InvalidDicomError,
    ):
        return "", {}
    return f"{issuer}\n{patient}" if patient else "", {key: value for key, value in told.items() if value}


def with_owners(tree: Tree, entries: Iterable[Entry]) -> tuple[list[Entry], int]:
    """Return entries with the patients that their DICOM files name, and how many of them name one.

    A patient stands as a number in the order of the files: a digest of a short id is found by trying all of them. Where a
    table or folder names the patient too, patients that share a DICOM id become one.
    """
    found, owner, n_named = [], {}, 0
    for entry in entries:
        if tree.files.get(entry.id) == DICOM:
            patient, told = read_owner(tree.root / entry.id)
            entry = replace(entry, attributes={**told, **entry.attributes})
            if patient:
                owner[entry.id] = patient
                n_named += 1
        found.append(entry)
    if not owner:
        return found, 0
    taken = {entry.patient for entry in found if entry.patient}
    word = "patient" if not any(name.startswith("patient-") for name in taken) else "dicom-patient"
    numbers: dict[str, str] = {}
    merged = _merged((entry.patient, owner[entry.id]) for entry in found if entry.patient and entry.id in owner)
    for at, entry in enumerate(found):
        if entry.id in owner:
            name = merged.get(owner[entry.id]) or numbers.setdefault(owner[entry.id], f"{word}-{len(numbers) + 1}")
            found[at] = replace(entry, patient=name)
        elif entry.patient in merged:
            found[at] = replace(entry, patient=merged[entry.patient])
    return found, n_named


def _merged(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the name of the patient that names and DICOM ids stand for, by each of them: the first name seen."""
    above: dict[str, str] = {}

    def top(key: str) -> str:
        while above.setdefault(key, key) != key:
            key = above[key]
        return key

    names: list[str] = []
    for name, dicom in pairs:
        names.append(name)
        above[top(f"\0{dicom}")] = top(name)
    first = {top(name): name for name in reversed(names)}
    return {key.removeprefix("\0"): first[top(key)] for key in list(above)}
