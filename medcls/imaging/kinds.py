"""Kinds of picture that a DICOM header can state beyond doubt, and which of them a task may be asked about."""

from collections.abc import Mapping
from types import MappingProxyType

from medcls.core.note import Note

# Modality as the standard codes it (PS3.3 C.7.3.1.1.1), and what a reader calls it. Photographs and captures of a
# screen are not among them: any of these may be what a task asks for.
KINDS: Mapping[str, Note] = MappingProxyType(
    {
        "BMD": Note("imaging.kind-bmd"),
        "CR": Note("imaging.kind-cr"),
        "CT": Note("imaging.kind-ct"),
        "DX": Note("imaging.kind-dx"),
        "ECHO": Note("imaging.kind-echo"),
        "FA": Note("imaging.kind-fa"),
        "IO": Note("imaging.kind-io"),
        "IVOCT": Note("imaging.kind-ivoct"),
        "IVUS": Note("imaging.kind-ivus"),
        "LS": Note("imaging.kind-ls"),
        "MG": Note("imaging.kind-mg"),
        "MR": Note("imaging.kind-mr"),
        "NM": Note("imaging.kind-nm"),
        "OCT": Note("imaging.kind-oct"),
        "OP": Note("imaging.kind-op"),
        "OPM": Note("imaging.kind-opm"),
        "OPT": Note("imaging.kind-opt"),
        "OPTENF": Note("imaging.kind-optenf"),
        "PT": Note("imaging.kind-pt"),
        "PX": Note("imaging.kind-px"),
        "RF": Note("imaging.kind-rf"),
        "RG": Note("imaging.kind-rg"),
        "RTIMAGE": Note("imaging.kind-rtimage"),
        "TG": Note("imaging.kind-tg"),
        "US": Note("imaging.kind-us"),
        "XA": Note("imaging.kind-xa"),
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
