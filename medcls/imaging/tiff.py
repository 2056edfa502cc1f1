"""TIFF files: their tags are checked first; what Pillow reads right it reads, all else is tifffile's."""

import io
import zlib

import numpy as np
from PIL import Image

from medcls.core.note import Note
from medcls.errors import BadScan
from medcls.imaging import tiff_layout as layouts
from medcls.imaging import tiff_tags as t
from medcls.imaging.alpha import without_alpha
from medcls.imaging.codec_process import run_apart
from medcls.imaging.decoded import Decoded
from medcls.imaging.deep import show_real, show_unsigned
from medcls.imaging.jpeg import check_work, warning_of
from medcls.imaging.limits import Limits
from medcls.imaging.profile import to_srgb
from medcls.imaging.quiet import guarded
from medcls.imaging.slide import refuse_slide
from medcls.imaging.square import make_square
from medcls.imaging.tiff_colour import show_samples
from medcls.imaging.tiff_layout import Layout, counts_contradict, has_odd_values, layout_of
from medcls.imaging.tiff_pages import refuse_channels, the_picture
from medcls.imaging.tiff_tags import Page, read_pages
from medcls.imaging.upright import is_turned, swaps_sides

_TABLES_BYTES = 100_000
_FAX, _LZW = (2, 3, 4), 5
_DEFLATED, _MOST_INFLATED, _AT_ONCE = (8, 32946), 250_000_000, 16_000_000


def read_tiff(data: bytes, frame: int | None, limits: Limits) -> Decoded:
    """Decode one page of a TIFF file.

    Args:
        data: The whole file.
        frame: Which page, from 0; None for the first that is no smaller copy of another.
        limits: Checked against the tags before pixels are decoded.

    Returns:
        Upright display pixels.

    Raises:
        TooLarge: If the tags announce more than `limits` allow, or more work than is done for one file.
        BadScan: If the file is damaged, a whole-slide image, of a kind that is not read, or has no such page.
    """
    notes: list[Note] = []
    pages, chosen, page = _open(data, frame, limits)
    if len(pages) > 1:
        notes.append(Note("imaging.frame-of", frame=chosen + 1, n=len(pages)))
    layout = layout_of(page)
    if t.PHOTOMETRIC not in page:
        notes.append(Note("imaging.tiff-meaning-assumed", n=layout.colours))
    _check_jpegs(page, layout, limits, notes)
    orientation = page.number(t.ORIENTATION, 1)
    doubted = has_odd_values(page) or counts_contradict(page, layout)
    if layout.for_pillow:
        doubted = doubted or _in_doubt(data, chosen, layout, page)
        pixels = _by_pillow(data, chosen, layout, notes)
    else:
        values, more = run_apart("tiff", data, page=chosen)
        doubted = doubted or (more["short"] and layout.compression in layouts.BYTE_CODINGS)
        doubted = doubted or (layout.compression == _LZW and not all(map(_ends_lzw, _parts(page))))
        pixels = show_samples(values, layout, page, notes)
    if doubted:
        notes.insert(0, Note("imaging.may-be-damaged"))
    if is_turned(orientation):
        notes.append(Note("imaging.turned-upright", orientation=orientation))
    pixels, _ = make_square(pixels, _pixel_size(page, swaps_sides(orientation)), limits.max_pixels, notes)
    return Decoded(pixels, notes=notes)


def count_tiff_frames(data: bytes, limits: Limits) -> int:
    """Count the pages of a TIFF file, `MOST_PAGES` at most.

    Raises:
        TooLarge, BadScan: As `read_tiff`, as far as the tags tell.
    """
    return len(_open(data, None, limits)[0])


def count_tiff_values(data: bytes, limits: Limits) -> int:
    """Return, from the tags, how many numbers the page read by default decodes to.

    Raises:
        TooLarge, BadScan: As `count_tiff_frames`.
    """
    page = _open(data, None, limits)[2]
    layout = layout_of(page)
    return layout.height * layout.width * (1 if layout.photometric in layouts.GREYS else 3)


def _open(data: bytes, frame: int | None, limits: Limits) -> tuple[list[Page], int, Page]:
    """Return all pages, and which is read."""
    pages = guarded(lambda: read_pages(data))
    refuse_slide(pages)
    if data[8:10] == b"CR" or (t.SUB_PAGES in pages[0] and all(page.number(t.SUBFILE) & 1 for page in pages)):
        raise BadScan("imaging.camera-raw")  # what stands in front is its preview
    refuse_channels(pages)
    if frame is None:
        frame = the_picture(pages)
    if not 0 <= frame < len(pages):
        raise BadScan("imaging.no-such-frame", frame=frame + 1, n=len(pages))
    page = pages[frame]
    limits.check_pixels(page.number(t.HEIGHT), page.number(t.WIDTH))
    return pages, frame, page


def _by_pillow(data: bytes, chosen: int, layout: Layout, notes: list[Note]) -> np.ndarray:
    image = guarded(lambda: Image.open(io.BytesIO(data), formats=["TIFF"]))
    if chosen:
        guarded(lambda: image.seek(chosen))
    if sorted(image.size) != sorted((layout.width, layout.height)):
        raise BadScan("imaging.damaged")
    guarded(image.load)  # turns it upright
    if image.mode == "F" or image.mode.startswith("I;16"):
        inverted = layout.photometric == layouts.WHITE_IS_ZERO
        show = show_real if image.mode == "F" else show_unsigned
        shown = show(guarded(lambda: np.asarray(image)), inverted, notes)
        if inverted:
            notes.append(Note("imaging.white-is-zero"))
        return shown
    profile = image.info.get("icc_profile") or b""
    return guarded(lambda: np.asarray(to_srgb(without_alpha(image, notes), profile, notes)))


def _pixel_size(page: Page, swapped: bool) -> tuple[float, float]:
    """Return height and width of a pixel in some unit, of the picture once upright."""
    sizes = []
    for tag in (t.Y_RESOLUTION, t.X_RESOLUTION):
        values = page.values(tag)
        sizes.append(1 / float(values[0]) if len(values) and np.isfinite(values[0]) and values[0] > 0 else 0.0)
    return (sizes[1], sizes[0]) if swapped else (sizes[0], sizes[1])


def _check_jpegs(page: Page, layout: Layout, limits: Limits, notes: list[Note]) -> None:
    """Ask libjpeg what it thinks of strips or tiles that are JPEG streams, once their work is known to be bounded."""
    if layout.compression != layouts.JPEG:
        return
    tables = page.raw(t.JPEG_TABLES, _TABLES_BYTES)
    parts = _parts(page)
    check_work(parts, limits.max_pixels)
    if any(warning_of(tables[:-2] + part[2:] if len(tables) > 4 else part) for part in parts):
        notes.append(Note("imaging.may-be-damaged"))


def _parts(page: Page) -> list[bytes]:
    """Return the bytes of the strips or tiles."""
    tiled = t.TILES in page
    starts, sizes = page.values(t.TILES if tiled else t.STRIPS), page.values(t.TILE_BYTES if tiled else t.STRIP_BYTES)
    return [page.data[int(start) : int(start) + int(size)] for start, size in zip(starts, sizes, strict=False)]


def _in_doubt(data: bytes, chosen: int, layout: Layout, page: Page) -> bool:
    """Tell if what Pillow decodes silently is damaged: zlib streams without their end, fax lines that are none."""
    if layout.compression in _DEFLATED:
        return not _inflate(_parts(page))
    return layout.compression in _FAX and run_apart("fax", data, page=chosen)[1]["warned"]


def _inflate(parts: list[bytes]) -> bool:
    """Return whether every deflated strip or tile ends with its contents' checksum, which Pillow does not ask for."""
    left = _MOST_INFLATED
    for part in parts:
        stream = zlib.decompressobj()
        try:
            while part and not stream.eof and left > 0:
                left -= len(stream.decompress(part, _AT_ONCE))
                part = stream.unconsumed_tail
        except zlib.error:
            return False
        if not stream.eof or left <= 0:
            return False
    return True


def _ends_lzw(part: bytes) -> bool:
    """Tell if an LZW strip ends with its mark, code 257, after which only zero bits stand (TIFF 6.0, section 13).

    Without it the last code may lack bits, for which tifffile's decoder takes zeros. Strips in the order used before
    TIFF 6.0, which begin with a zero byte, are not judged.
    """
    if part[:1] == b"\0":
        return True
    last = int.from_bytes(part.rstrip(b"\0")[-3:], "big")
    return bool(last) and last // (last & -last) & 0x1FF == 0x101
