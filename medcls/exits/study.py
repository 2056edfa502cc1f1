"""The patient and study that a DICOM object made here belongs to: the source file's own, or one made for it."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import UID, generate_uid

from medcls import __version__
from medcls.errors import BadScan, MedclsError
from medcls.exits.case import Case, Mode, Person
from medcls.imaging.dicom_file import open_dicom
from medcls.imaging.dicom_geometry import geometry_of
from medcls.imaging.dicom_values import integer
from medcls.imaging.formats import recognise
from medcls.imaging.limits import Limits
from medcls.imaging.quiet import guarded, quiet

MANUFACTURER = "medcls"
# What every object must say of patient and study, empty where nobody knows it.
_TEXTS = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ReferringPhysicianName",
)
_PERSON = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "AccessionNumber")
_NEEDED = ("StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "SOPInstanceUID")


@dataclass(frozen=True, eq=False)
class Source:
    """A DICOM file that an answer is about.

    Args:
        header: Its header without the picture, completed so that study and patient can be copied from it.
        frame: Which frame was read, from 1; None where frames have no numbers.
        box: Top, left, bottom and right (open) of what was read of the frame.
    """

    header: Dataset
    frame: int | None
    box: tuple[int, int, int, int]


def source_of(case: Case, mode: Mode) -> Source | None:
    """Return the DICOM file a case came from; None if it was none, or must not be told of.

    Args:
        case: The case, having passed the gate.
        mode: `record` or `others`; for others a result stands in a study of its own.

    Raises:
        BadScan: If the file's header cannot be read again.
    """
    if mode == "others" or case.source is None or not _is_dicom(case.source):
        return None
    with quiet():
        header = guarded(lambda: _header(case.source or b""))
        if any(not str(header.get(keyword) or "") for keyword in _NEEDED):
            return None
        frame = _frame(case)
        picture, _ = open_dicom(case.source, Limits(2**62, 2**62))
        size = (integer(picture, "Rows") or 0, integer(picture, "Columns") or 0)
        place = geometry_of(picture, (frame or 1) - 1, size, [])
    return Source(header, frame if _holds_frames(header) else None, place.box)


def person_of(case: Case, mode: Mode) -> Person:
    """Return whom a case shows: as the source file says, else as entered.

    Args:
        case: The case, having passed the gate.
        mode: `record` or `others`; for others nothing is read from the file.

    Raises:
        BadScan: If the file's header cannot be read again.
    """
    if (source := source_of(case, mode)) is None:
        return case.person
    told = {keyword: str(source.header.get(keyword) or "") for keyword in _PERSON}
    forms = (" ".join(form.replace("^", " ").split()) for form in told["PatientName"].split("="))
    digits = told["PatientBirthDate"]
    born = f"{digits[:4]}-{digits[4:6]}-{digits[6:]}" if len(digits) == 8 and digits.isdecimal() else ""
    name = " · ".join(filter(None, forms))
    return Person(name, told["PatientID"], born, told["PatientSex"], told["AccessionNumber"])


@contextmanager
def usable() -> Iterator[None]:
    """Turn what a DICOM or FHIR library refuses of a header, or of what a person entered, into a sentence.

    Raises:
        BadScan: If it refuses a value.
    """
    try:
        with quiet():
            yield
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise BadScan("exits.header-unusable", found=type(error).__name__) from error


def uid(case: Case, mode: Mode, what: str) -> UID:
    """Return an identifier for an object made of a case: the same for the same case, time and purpose.

    Args:
        case: The case.
        mode: `record` or `others`; the same object has another identifier in each.
        what: What the object is: `study`, `finding`, `capture`.
    """
    made = case.made_at.isoformat()
    return generate_uid(entropy_srcs=[what, mode, case.scan.sha256, case.card.id, case.model_sha256, made])


def alone(case: Case, mode: Mode, what: str, series: int) -> dict[str, Any]:
    """Return what identifies an object: the first and only one of a series of its own.

    Args:
        case: The case it is made of.
        mode: `record` or `others`.
        what: What the object is.
        series: Number of its series; high, so that it stands behind those of the machine.
    """
    return {
        "series_instance_uid": uid(case, mode, f"{what} series"),
        "series_number": series,
        "sop_instance_uid": uid(case, mode, what),
        "instance_number": 1,
        "manufacturer": MANUFACTURER,
    }


def dated(ds: Dataset, case: Case) -> Dataset:
    """Return an object that says it was made when the case was, not when this function ran."""
    ds.SpecificCharacterSet = "ISO_IR 192"
    date, time = case.made_at.strftime("%Y%m%d"), case.made_at.strftime("%H%M%S")
    for keyword in ("InstanceCreationDate", "ContentDate", "SeriesDate", "DateOfSecondaryCapture"):
        if keyword in ds:
            setattr(ds, keyword, date)
    for keyword in ("InstanceCreationTime", "ContentTime", "SeriesTime", "TimeOfSecondaryCapture"):
        if keyword in ds:
            setattr(ds, keyword, time)
    for item in ds.get("ContributingEquipmentSequence", []):
        item.ContributionDateTime = f"{date}{time}"
    ds.TimezoneOffsetFromUTC = case.made_at.strftime("%z")
    ds.ManufacturerModelName, ds.SoftwareVersions = case.card.id[:64], __version__
    return ds


def written(ds: Dataset) -> bytes:
    """Return an object as a DICOM file."""
    out = io.BytesIO()
    ds.save_as(out, enforce_file_format=True)
    return out.getvalue()


def _is_dicom(data: bytes) -> bool:
    try:
        return recognise(data) == "DICOM"
    except MedclsError:
        return False


def _header(data: bytes) -> Dataset:
    ds = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True, force=True)
    ds.decode()
    ds.SpecificCharacterSet = "ISO_IR 192"  # what is made is UTF-8 throughout; highdicom refuses a first set left empty
    ds.remove_private_tags()
    for keyword in _TEXTS:
        if keyword not in ds:
            setattr(ds, keyword, "")
    return ds


def _holds_frames(header: Dataset) -> bool:
    """Return whether objects of a class have numbered frames: only these may be referred to by number (PS3.3 10.3)."""
    return any(
        word in UID(str(header.SOPClassUID)).name for word in ("Multi-frame", "Enhanced", "Whole Slide", "Video")
    )


def _frame(case: Case) -> int | None:
    for note in case.scan.notes:
        if note.code == "imaging.frame-of":
            return int(note.params["frame"])
    return None
