"""What a DICOM object is, by its SOP class and modality: a picture, one of another kind, or none at all."""

from pydicom.dataset import Dataset
from pydicom.uid import UID

from medcls.core.note import Note
from medcls.errors import BadScan
from medcls.imaging.dicom_values import integer, text
from medcls.imaging.kinds import KINDS

_STORAGE = "1.2.840.10008.5.1.4.1.1."
_SLIDE = f"{_STORAGE}77.1.6"
_SLIDE_PARTS = (
    ("LABEL", Note("imaging.slide-label")),
    ("OVERVIEW", Note("imaging.slide-overview")),
    ("THUMBNAIL", Note("imaging.slide-thumbnail")),
    ("LOCALIZER", Note("imaging.slide-localiser")),
)
_TILES = Note("imaging.slide-tiles")

# Modalities whose files hold no picture that a network could judge (PS3.3 C.7.3.1.1.1).
_NO_PICTURE_CODES = (
    "ANN ASMT AU CTPROTOCOL DOC ECG EEG EMG EOG EPS FID HC HD KER KO LEN M3D PLAN POS PR REG RESP RTDOSE "
    "RTINTENT RTPLAN RTRAD RTRECORD RTSEGANN RTSTRUCT RWV SEG SMR SR SRF STAIN TEXTUREMAP VA XAPROTOCOL "
)
_NO_PICTURE = frozenset(_NO_PICTURE_CODES.split())

# What classes of objects are, by the end of their UID.
_CLASSES = {
    "CR": "1",
    "DX": "1.1 1.1.1",
    "MG": "1.2 1.2.1 13.1.3 13.1.4 13.1.5",
    "IO": "1.3 1.3.1",
    "CT": "2 2.1 2.2",
    "MR": "4 4.1 4.2 4.3 4.4",
    "US": "3 3.1 6 6.1 6.2",
    "NM": "5 20",
    "XA": "12.1 12.1.1 13.1.1 13.1.2",
    "RF": "12.2 12.2.1",
    "IVOCT": "14.1 14.2",
    "OP": "77.1.5.1 77.1.5.2 77.1.5.5 77.1.5.6",
    "OPT": "77.1.5.4 77.1.5.7",
    "OPTENF": "77.1.5.8",
    "OPM": "81.1",
    "PT": "128 128.1 130",
    "RTIMAGE": "481.1",
}
_OF_CLASS = {f"{_STORAGE}{end}": code for code, ends in _CLASSES.items() for end in ends.split()}
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


def check_picture(ds: Dataset) -> None:
    """Refuse an object that holds no picture, or one that is a part of a slide.

    Raises:
        BadScan: Naming what it is by the standard's own words, never by the file's.
    """
    uid, modality = text(ds, "SOPClassUID") or "", text(ds, "Modality") or ""
    if not _is_image_class(uid) or modality in _NO_PICTURE or not _has_pixels(ds):
        raise BadScan("imaging.dicom-no-picture", found=_name(uid, modality))
    if uid == _SLIDE and _in_tiles(ds):
        raise BadScan("imaging.dicom-slide", kind=_slide_part(ds))


def kind_of(ds: Dataset) -> str:
    """Return the kind of picture the header states beyond doubt (key of `KINDS`); empty for photographs and captures.

    Args:
        ds: The file's wanted elements. Modality and class both count: a capture of a CT's screen stays CT, and so
            does a CT image whose modality is missing or was written wrongly.
    """
    by_class, modality = _OF_CLASS.get(text(ds, "SOPClassUID") or "", ""), text(ds, "Modality") or ""
    stated = modality if modality in KINDS else ""
    return (stated or by_class) if by_class in ("", "US") else by_class


def _is_image_class(uid: str) -> bool:
    """Return whether objects of a class hold a picture; a class that the standard does not know may."""
    name = UID(uid).name
    known = name != uid and UID(uid).type == "SOP Class"
    return not known or "Image" in name or "US Volume" in name


def _has_pixels(ds: Dataset) -> bool:
    return any(name in ds for name in _PIXELS)


def _name(uid: str, modality: str) -> str:
    """Return the standard's name of a class without the word Storage, or the modality's code; empty if unknown."""
    name = UID(uid).name
    if name != uid and name:
        return name.removesuffix(" Storage")
    return modality if modality in _NO_PICTURE or modality in KINDS else ""


def _in_tiles(ds: Dataset) -> bool:
    """Return whether a slide image is anything but one picture of the whole."""
    rows, columns = integer(ds, "TotalPixelMatrixRows"), integer(ds, "TotalPixelMatrixColumns")
    whole = (rows or 0) <= (integer(ds, "Rows") or 0) and (columns or 0) <= (integer(ds, "Columns") or 0)
    return (integer(ds, "NumberOfFrames") or 1) > 1 or not whole or _slide_part(ds) != _TILES


def _slide_part(ds: Dataset) -> Note:
    kinds = text(ds, "ImageType") or ""
    return next((part for code, part in _SLIDE_PARTS if code in kinds), _TILES)
