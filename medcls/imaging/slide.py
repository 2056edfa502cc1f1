"""Whole-slide images, told by the tags their scanners write: one tile or one level of it is not the slide."""

from collections.abc import Mapping
from types import MappingProxyType

from medcls.errors import BadScan
from medcls.imaging import tiff_tags as t
from medcls.imaging.tiff_tags import Page

_LOOKED_AT, _TEXT_BYTES = 12, 20_000
# What stands in description, software or XMP of a scanner's files.
_WRITERS: Mapping[bytes, str] = MappingProxyType(
    {
        b"Aperio": "Aperio (SVS)",
        b"leica-microsystems.com/scn": "Leica (SCN)",
        b"iScan": "Ventana (BIF)",
        b"EncodeInfo": "Ventana (BIF)",
        b"DPUfsImport": "Philips",
        b"Philips DP": "Philips",
        b"MedScan": "Trestle",
        b"PerkinElmer-QPI": "PerkinElmer (QPTIFF)",
        b"Hamamatsu": "Hamamatsu (NDPI)",
        b"MIRAX": "MIRAX",
        b"3DHISTECH": "3DHISTECH",
        b"Pannoramic": "3DHISTECH",
        b"TIFFscanner": "Huron",
        b"NanoZoomer": "Hamamatsu (NDPI)",
    }
)


def refuse_slide(pages: list[Page]) -> None:
    """Refuse a TIFF that is a whole-slide image.

    Args:
        pages: All pages of the file.

    Raises:
        BadScan: If it is one, naming the scanner's maker where that is known.
    """
    if writer := _writer(pages):
        raise BadScan("imaging.slide", writer=writer)
    if _pyramid(pages):
        raise BadScan("imaging.slide-levels", n=len(pages))


def _writer(pages: list[Page]) -> str:
    for page in pages[:_LOOKED_AT]:
        if t.HAMAMATSU in page:
            return "Hamamatsu (NDPI)"
        said = b"".join(page.raw(tag, _TEXT_BYTES) for tag in (t.DESCRIPTION, t.SOFTWARE, t.MAKE, t.XMP))
        for word, writer in _WRITERS.items():
            if word in said:
                return writer
    return ""


def _pyramid(pages: list[Page]) -> bool:
    """Return whether the first page is tiled and the others, or those below it, hold it again in coarser levels."""
    first = pages[0]
    if t.TILE_WIDTH not in first:
        return False
    if t.SUB_PAGES in first and b"<OME" in first.raw(t.DESCRIPTION, _TEXT_BYTES):
        return True
    tiled = [page for page in pages[1:_LOOKED_AT] if t.TILE_WIDTH in page]
    return any(page.number(t.SUBFILE) & 1 or page.number(t.WIDTH) * 2 <= first.number(t.WIDTH) for page in tiled)
