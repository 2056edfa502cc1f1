"""Names of the changes a scan may show away from where a network was trained; `medcls.imaging.shifts` makes them."""

from collections.abc import Mapping
from types import MappingProxyType

from medcls.core.task import Modality

# By kind, in the order in which they come over a scan.
KINDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "frame": ("crop", "aspect", "linear-frame", "sector-frame", "border", "dark-corners", "vignette"),
        "colour": ("stain", "white-balance", "saturation", "tint"),
        "light": ("gain", "gamma", "contrast", "depth-gain"),
        "grain": ("speckle", "noise", "blur", "sharpen"),
        "marks": ("calipers-plus", "calipers-x", "line", "dotted-line", "ellipse", "text", "ruler", "hair", "ink"),
        "storage": ("resolution", "jpeg"),
    }
)
SHIFTS: tuple[str, ...] = tuple(name for names in KINDS.values() for name in names)
STRENGTHS: Mapping[str, float] = MappingProxyType({"weak": 1 / 3, "medium": 2 / 3, "strong": 1.0})
_ANY = ("gain", "gamma", "contrast", "blur", "sharpen", "resolution", "jpeg")
_TUBE = ("crop", "aspect", "border", "dark-corners", "vignette")
_DEVICE_MARKS = ("calipers-plus", "calipers-x", "line", "dotted-line", "ellipse", "text", "ruler")
_OF: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "ultrasound": ("crop", "linear-frame", "sector-frame", "tint", "depth-gain", "speckle", *_DEVICE_MARKS),
        "radiograph": ("crop", "border", "tint", "noise", "text", "ruler"),
        "histology": ("stain", "white-balance", "saturation", "noise"),
        "dermoscopy": (*_TUBE, "white-balance", "saturation", "noise", "ruler", "hair", "ink"),
        "other": ("crop", "noise"),
    }
)


def shifts_for(modality: Modality) -> tuple[str, ...]:
    """Return the shifts that scans of a modality meet, in the order of `SHIFTS`."""
    return tuple(name for name in SHIFTS if name in (*_OF[modality], *_ANY))
