"""Kinds of picture that a DICOM header can state beyond doubt, and which of them a task may be asked about."""

from collections.abc import Mapping
from types import MappingProxyType

# Modality as the standard codes it (PS3.3 C.7.3.1.1.1), and what a reader calls it. Photographs and captures of a
# screen are not among them: any of these may be what a task asks for.
KINDS: Mapping[str, str] = MappingProxyType(
    {
        "BMD": "bone densitometry",
        "CR": "X-ray",
        "CT": "CT",
        "DX": "X-ray",
        "ECHO": "heart ultrasound",
        "FA": "fundus angiography",
        "IO": "dental X-ray",
        "IVOCT": "intravascular tomography",
        "IVUS": "intravascular ultrasound",
        "LS": "laser scan",
        "MG": "mammography",
        "MR": "MR",
        "NM": "nuclear medicine",
        "OCT": "optical coherence tomography",
        "OP": "eye photography",
        "OPM": "eye mapping",
        "OPT": "eye tomography",
        "OPTENF": "eye tomography",
        "PT": "PET",
        "PX": "dental X-ray",
        "RF": "fluoroscopy",
        "RG": "X-ray",
        "RTIMAGE": "radiotherapy image",
        "TG": "thermography",
        "US": "ultrasound",
        "XA": "angiography",
    }
)
_FITS = {"ultrasound": ("US",), "radiograph": ("CR", "DX", "IO", "MG", "PX", "RF", "RG", "XA")}


def fits(kind: str, modality: str) -> bool:
    """Return whether a picture of a stated kind may be what a task of a modality asks about.

    Args:
        kind: A key of `KINDS`; empty if the file states none beyond doubt.
        modality: The task's; `other` asks about anything.

    Example:
        >>> fits("US", "ultrasound"), fits("CT", "ultrasound"), fits("", "dermoscopy"), fits("US", "dermoscopy")
        (True, False, True, False)
    """
    return not kind or modality == "other" or kind in _FITS.get(modality, ())
