"""A DICOM header without whom it shows: the basic profile of PS3.15 Annex E, and less than that.

What the profile's table (edition 2026c, as the package dicom-anonymizer carries it) says to remove is removed, to empty
is emptied, to replace is replaced; unique identifiers get new ones, the same for the same throughout this home, so that
files of a study stay one, and nobody elsewhere can compute them. No option of the profile is used. Beyond it, all
private elements go, and every text, date and code whose meaning is not needed to show the picture: a vendor may write
a name anywhere.
"""

import hmac
import io
import secrets
from collections.abc import Iterator
from functools import cache

import pydicom
from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from medcls import disk, home
from medcls.errors import BadScan
from medcls.imaging.deidentify import wanted_tags

_METHOD = "DICOM PS3.15 Annex E basic profile, 2026c; texts and private elements removed"
# Text-like kinds of value; of these only what `_KEPT` names stays.
_TEXTS = {"AE", "AS", "CS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UN", "UR", "UT"}
# ... and only with one of these values: a vendor may write anything into a code.
_KEPT: dict[str, frozenset[str]] = {
    "SpecificCharacterSet": frozenset({"ISO_IR 6", "ISO_IR 100", "ISO_IR 192"}),
    "Modality": frozenset(
        {"US", "IVUS", "BDUS", "SM", "GM", "XC", "ES", "DMS", "DX", "CR", "MG", "RG", "RF", "XA", "OT"}
    ),
    "PhotometricInterpretation": frozenset(
        {
            "MONOCHROME1",
            "MONOCHROME2",
            "PALETTE COLOR",
            "RGB",
            "YBR_FULL",
            "YBR_FULL_422",
            "YBR_ICT",
            "YBR_RCT",
        }
    ),
    "BurnedInAnnotation": frozenset({"YES", "NO"}),
    "PresentationLUTShape": frozenset({"IDENTITY", "INVERSE"}),
    "VOILUTFunction": frozenset({"LINEAR", "LINEAR_EXACT", "SIGMOID"}),
    "LossyImageCompression": frozenset({"00", "01"}),
}
_EMPTY = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ReferringPhysicianName",
    "StudyID",
    "SeriesNumber",
    "InstanceNumber",
    "Manufacturer",
)


# Of what medcls reads, what cuts, darkens or stretches a picture as it is shown.
_HIDING = frozenset(
    {
        "SequenceOfUltrasoundRegions",
        "PixelPaddingValue",
        "PixelPaddingRangeLimit",
        "FloatPixelPaddingValue",
        "FloatPixelPaddingRangeLimit",
        "DoubleFloatPixelPaddingValue",
        "DoubleFloatPixelPaddingRangeLimit",
        "PixelAspectRatio",
        "PixelSpacing",
        "ImagerPixelSpacing",
        "NominalScannedPixelSpacing",
        "PresentationLUTSequence",
        "WindowCenter",
        "WindowWidth",
        "VOILUTSequence",
        "SharedFunctionalGroupsSequence",
        "PerFrameFunctionalGroupsSequence",
    }
)


def is_dicom(data: bytes) -> bool:
    """Return whether bytes are a DICOM file with its preamble."""
    return data[128:132] == b"DICM"


def deidentify(data: bytes, picture: bool = False) -> bytes:
    """Return a DICOM file without what its header says to identify the patient.

    Args:
        data: The whole file.
        picture: True to keep the picture, unpacked: a packed one has comments of its own. Else it is left out.

    Raises:
        BadScan: If it cannot be read.
    """
    try:
        ds = pydicom.dcmread(io.BytesIO(data))
        ds.decode()
        if picture and ds.file_meta.TransferSyntaxUID.is_encapsulated:
            ds.decompress()
        for keyword in ("PixelData", "FloatPixelData", "DoubleFloatPixelData"):
            if not picture:
                ds.pop(keyword, None)
        _strip(ds, _secret())
        return _sealed(ds)
    except (
        pydicom.errors.InvalidDicomError,
        AttributeError,
        KeyError,
        TypeError,
        ValueError,
        OSError,
        RuntimeError,
        NotImplementedError,
    ) as error:
        raise BadScan("exits.not-deidentified", found=type(error).__name__) from error


def _sealed(ds: Dataset) -> bytes:
    """Return a stripped data set as a file that says what was done to it."""
    for keyword in _EMPTY:
        setattr(ds, keyword, None if keyword in ("SeriesNumber", "InstanceNumber") else "")
    ds.PatientIdentityRemoved, ds.DeidentificationMethod = "YES", _METHOD[:64]
    meta = ds.file_meta
    for keyword in (
        "SourceApplicationEntityTitle",
        "PrivateInformation",
        "PrivateInformationCreatorUID",
        "SendingApplicationEntityTitle",
        "ReceivingApplicationEntityTitle",
    ):
        if keyword in meta:
            delattr(meta, keyword)
    meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.preamble = b"\0" * 128
    out = io.BytesIO()
    ds.save_as(out, enforce_file_format=True)
    return out.getvalue()


def whole_picture(data: bytes) -> tuple[bytes, bool]:
    """Return a DICOM file of the picture alone, with nothing that hides a part of it.

    A file is read cut to the region its header declares, within its window: names often stand outside.

    Returns:
        The file's bytes, and True if its header says that text stands in the picture.

    Raises:
        BadScan: If it cannot be read.
    """
    tags = [tag for tag in wanted_tags() if keyword_for_tag(tag) not in _HIDING]
    try:
        ds = pydicom.dcmread(io.BytesIO(data), specific_tags=tags)
        out = io.BytesIO()
        ds.save_as(out)
        return out.getvalue(), ds.get("BurnedInAnnotation") == "YES"
    except (pydicom.errors.InvalidDicomError, AttributeError, KeyError, TypeError, ValueError, OSError) as error:
        raise BadScan("exits.not-deidentified", found=type(error).__name__) from error


def names_in(data: bytes) -> tuple[str, ...]:
    """Return the names, numbers and dates by which a DICOM header tells whom it shows.

    Raises:
        BadScan: If the file is no DICOM file, or cannot be read.
    """
    keywords = (
        "PatientName",
        "PatientID",
        "PatientBirthDate",
        "OtherPatientIDs",
        "AccessionNumber",
        "ReferringPhysicianName",
        "PerformingPhysicianName",
        "OperatorsName",
        "StudyID",
    )
    try:
        ds = pydicom.dcmread(io.BytesIO(data), specific_tags=list(keywords), stop_before_pixels=True)
    except (pydicom.errors.InvalidDicomError, OSError, ValueError) as error:
        raise BadScan("exits.not-deidentified", found=type(error).__name__) from error
    return tuple(str(ds[keyword].value).replace("^", " ") for keyword in keywords if keyword in ds)


def _secret() -> bytes:
    """Return what this home's new identifiers are made with; drawn at first use.

    Raises:
        OSError: If it cannot be kept.
    """
    path = home.home() / "keys" / "identifiers.key"
    with disk.locked(path.parent):
        path.parent.chmod(0o700)
        if not path.exists():
            disk.write_atomically(path, secrets.token_bytes(32))
        return path.read_bytes()


def _strip(ds: Dataset, secret: bytes) -> None:
    """Take out of a data set, and of every sequence in it, whatever may tell whom it shows."""
    for element in list(ds):
        if element.tag.is_private or _goes(element):
            del ds[element.tag]
        elif element.VR == "SQ":
            for item in element.value:
                _strip(item, secret)
        elif element.VR == "UI" and element.tag in _table()["U"] | _table()["UX"]:
            element.value = _renamed(element.value, secret)


def _goes(element: DataElement) -> bool:
    tag = element.tag
    if element.VR in _TEXTS:
        return str(element.value) not in _KEPT.get(element.keyword, ())
    if (tag.group & 0xFF00) in (0x5000, 0x6000) or tag.group in (0x0400, 0xFFFA, 0xFFFC, 0x4FFE):
        return True  # curves and overlays may be drawings of text; signatures and padding
    return int(tag) in _table()["D"] and int(tag) not in _picture()


@cache
def _picture() -> frozenset[int]:
    """What the picture is made of; none of it is in the profile's table."""
    return frozenset(wanted_tags())


@cache
def _table() -> dict[str, frozenset[int]]:
    """The profile: `D`, tags that go or are emptied; `U` and `UX`, identifiers that get new ones."""
    from dicomanonymizer.dicom_anonymization_databases import dicomfields_2026c as table

    def tags(*names: str) -> frozenset[int]:
        return frozenset(_numbers(entry for name in names for entry in getattr(table, name)))

    lost = tags("D_TAGS", "Z_TAGS", "X_TAGS", "Z_D_TAGS", "X_Z_TAGS", "X_D_TAGS", "X_Z_D_TAGS")
    return {"D": lost, "U": tags("U_TAGS"), "UX": tags("X_Z_U_STAR_TAGS")}


def _numbers(entries: Iterator[tuple[int, ...]]) -> Iterator[int]:
    return ((entry[0] << 16) + entry[1] for entry in entries if len(entry) == 2)


def _renamed(value: object, secret: bytes) -> object:
    if isinstance(value, (list, pydicom.multival.MultiValue)):
        return [_renamed(one, secret) for one in value]
    return generate_uid(entropy_srcs=[hmac.new(secret, str(value).encode(), "sha256").hexdigest()])
