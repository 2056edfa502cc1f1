"""How the picture of a TIFF page is laid out, and who reads it right."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from medcls.core.note import Note
from medcls.errors import BadScan, TooLarge
from medcls.imaging import tiff_tags as t
from medcls.imaging.jpeg import read_jpeg_header
from medcls.imaging.limits import check_memory
from medcls.imaging.tiff_tags import Page

UNSIGNED, SIGNED, REAL, COMPLEX = 1, 2, 3, (5, 6)
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, MASK, INKS, YCBCR, LAB, ICC_LAB = 0, 1, 2, 3, 4, 5, 6, 8, 9
GREYS = (WHITE_IS_ZERO, BLACK_IS_ZERO)
ALPHA_PREMULTIPLIED, ALPHA = 1, 2
# How many samples make the colour of a pixel.
_COLOUR_SAMPLES: Mapping[int, int] = MappingProxyType(
    {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, PALETTE: 1, MASK: 1, INKS: 4, YCBCR: 3, LAB: 3, ICC_LAB: 3}
)
_PHOTOMETRICS = MappingProxyType(
    {
        10: "ITU L*a*b*",
        32803: Note("imaging.tiff-raw-mosaic"),
        32844: "LogL",
        32845: "LogLuv",
        34892: Note("imaging.tiff-linear-raw"),
        51177: Note("imaging.tiff-depth"),
        52527: Note("imaging.tiff-mask"),
    }
)
JPEG = 7
_PREDICTED_REAL, _HEAD_BYTES = 3, 65_536
BYTE_CODINGS = (1, 5, 8, 32773, 32946, 34925, 50000)
_PILLOWS = (1, 2, 3, 4, 5, 7, 8, 32773, 32946, 34925, 50000)
_TIFFFILES = (
    1,
    2,
    3,
    4,
    5,
    7,
    8,
    22610,
    32773,
    32946,
    33003,
    33004,
    33005,
    34712,
    34887,
    34892,
    34925,
    34933,
    34934,
    50000,
    50001,
    50002,
    52546,
)
_WHOLE = (
    *(t.WIDTH, t.HEIGHT, t.BITS, t.COMPRESSION, t.PHOTOMETRIC, t.SAMPLES, t.PLANAR, t.FILL_ORDER, t.FORMAT),
    *(t.STRIPS, t.STRIP_BYTES, t.STRIP_ROWS, t.TILES, t.TILE_BYTES, t.TILE_WIDTH, t.TILE_HEIGHT),
)
_WHOLE_TYPES = (1, 3, 4, 6, 8, 9, 13, 16, 17, 18)
_INTEGERS, _REALS = range(1, 65), (16, 24, 32, 64)
_MOST_BYTES = 215_000_000


@dataclass(frozen=True)
class Layout:
    """The layout of one page; see the TIFF 6.0 specification for the numbers.

    Args:
        height: Rows.
        width: Columns.
        bits: Bits of each value.
        samples: Values of each pixel.
        format: 1 unsigned, 2 signed, 3 real.
        photometric: What the values mean.
        planes: True if each colour is stored by itself.
        compression: By number.
        extra: What each sample beside the colour is.
        usual: True if nothing else about the file is out of the ordinary.
    """

    height: int
    width: int
    bits: int
    samples: int
    format: int
    photometric: int
    planes: bool
    compression: int
    extra: tuple[int, ...]
    usual: bool

    @property
    def colours(self) -> int:
        """How many of the samples are colour; for CIELab of one sample, its lightness."""
        return min(_COLOUR_SAMPLES[self.photometric], self.samples)

    @property
    def for_pillow(self) -> bool:
        """True for what Pillow reads right: whole bytes, side by side, as nearly every TIFF has them."""
        if self.compression not in _PILLOWS or not self.usual:
            return False
        form = (self.photometric, self.samples, self.bits, self.format)
        if form in _PILLOW_FORMS:
            return True
        if form == (YCBCR, 3, 8, UNSIGNED):
            return self.compression == JPEG
        return form == (RGB, 4, 8, UNSIGNED) and self.extra == (ALPHA,)


_PILLOW_FORMS = {
    *((grey, 1, bits, UNSIGNED) for grey in GREYS for bits in (1, 8, 16)),
    *((g, 1, 32, REAL) for g in GREYS),
    (RGB, 3, 8, UNSIGNED),
    (INKS, 4, 8, UNSIGNED),
}


def layout_of(page: Page) -> Layout:
    """Return the layout of a page.

    Raises:
        BadScan: If the page contradicts itself, or holds a kind of picture that is not read, naming it.
        TooLarge: If it has more strips or tiles than are decoded.
    """
    bits, samples = page.numbers(t.BITS) or (1,), page.number(t.SAMPLES, 1)
    formats = set(page.numbers(t.FORMAT) or (UNSIGNED,))
    if page.number(t.WIDTH) < 1 or page.number(t.HEIGHT) < 1:
        raise BadScan("imaging.no-size")
    photometric = page.number(t.PHOTOMETRIC, RGB if samples >= 3 else BLACK_IS_ZERO)
    _check_meaning(page, photometric, samples)
    if len(set(bits)) > 1 or len(formats) > 1:
        raise BadScan("imaging.tiff-mixed")
    made = Layout(
        page.number(t.HEIGHT),
        page.number(t.WIDTH),
        bits[0],
        samples,
        {4: UNSIGNED}.get(f := formats.pop(), f),
        photometric,
        page.number(t.PLANAR, 1) == 2 and samples > 1,
        page.number(t.COMPRESSION, 1),
        page.numbers(t.EXTRA),
        _is_usual(page),
    )
    _check_values(made)
    _check_compression(page, made)
    _check_segments(page, made)
    return made


def _is_usual(page: Page) -> bool:
    """Return whether bits run highest first, colours interleaved and named, and numbers of several bytes lowest first.

    Of those with the highest byte first, Pillow refuses some and misreads predicted real ones.
    """
    side_by_side, forwards = page.number(t.PLANAR, 1) == 1, page.number(t.FILL_ORDER, 1) == 1
    lowest_first = page.order == "<" or (max(page.numbers(t.BITS) or (1,)) <= 8 and page.data[:4] != b"MM\x00+")
    plain = page.number(t.PREDICTOR, 1) != _PREDICTED_REAL and not _has_rare_jpeg(page)
    return side_by_side and forwards and lowest_first and plain and t.PHOTOMETRIC in page


def _has_rare_jpeg(page: Page) -> bool:
    """Return whether the first strip or tile is a JPEG that is lossless or has other than eight bits."""
    if page.number(t.COMPRESSION, 1) != JPEG:
        return False
    starts = page.values(t.TILES if t.TILES in page else t.STRIPS)
    header = read_jpeg_header(page.data[int(starts[0]) :][:_HEAD_BYTES]) if len(starts) else None
    return header is not None and not header.usual


def _check_meaning(page: Page, photometric: int, samples: int) -> None:
    """Refuse what has another number of channels than its meaning asks for, or none that is known."""
    if t.DNG in page or photometric in (32803, 34892):
        raise BadScan("imaging.camera-raw")
    if photometric not in _COLOUR_SAMPLES:
        raise BadScan("imaging.tiff-photometric", meaning=_PHOTOMETRICS.get(photometric, str(photometric)))
    if photometric == INKS and page.number(t.INKS, 1) == 2:
        raise BadScan("imaging.tiff-inks")
    wanted = 1 if photometric == LAB and samples == 1 else _COLOUR_SAMPLES[photometric]
    if not wanted <= samples <= wanted + 1:
        raise BadScan("imaging.tiff-channels", n=samples, wanted=wanted)
    extra = page.numbers(t.EXTRA)
    if samples > wanted and photometric in (*GREYS, PALETTE) and not set(extra) & {ALPHA_PREMULTIPLIED, ALPHA}:
        raise BadScan("imaging.tiff-channels", n=samples, wanted=wanted)
    if page.number(t.DEPTH, 1) > 1:
        raise BadScan("imaging.tiff-volume", n=page.number(t.DEPTH))


def _check_values(made: Layout) -> None:
    if made.format in COMPLEX:
        raise BadScan("imaging.tiff-complex")
    if made.format not in (UNSIGNED, SIGNED, REAL) or made.bits not in (_REALS if made.format == REAL else _INTEGERS):
        raise BadScan("imaging.tiff-bits", bits=made.bits)
    if made.photometric in (PALETTE, MASK) and (made.format != UNSIGNED or made.bits > 16):
        raise BadScan("imaging.tiff-bits", bits=made.bits)
    if made.photometric in (YCBCR, LAB, ICC_LAB) and (made.format == REAL or made.bits not in (8, 16)):
        raise BadScan("imaging.tiff-bits", bits=made.bits)
    whole = 8 if made.bits <= 8 else 16 if made.bits <= 16 else 32 if made.bits <= 32 else 64
    if made.height * made.width * made.samples * whole // 8 > _MOST_BYTES:
        raise TooLarge(
            "imaging.too-many-bytes", n=made.height * made.width * made.samples * whole // 8, most=_MOST_BYTES
        )
    if whole > 8 and made.photometric not in (PALETTE, MASK):
        check_memory(made.height, made.width, made.samples * whole // 8, {1: 1, 4: 4}.get(made.colours, 3))


def _check_compression(page: Page, made: Layout) -> None:
    if made.compression not in (*_PILLOWS, *_TIFFFILES):
        raise BadScan("imaging.tiff-compression", number=made.compression)
    whole = (page.numbers(t.YCBCR_SUBSAMPLING) or (2, 2)) == (1, 1) and made.compression in BYTE_CODINGS
    if made.photometric == YCBCR and made.compression != JPEG and not whole:
        raise BadScan("imaging.tiff-subsampled")


def has_odd_values(page: Page) -> bool:
    """Tell if a tag of the layout is empty or no whole number, one of two values a third, or tiles are half said.

    libtiff refuses those.
    """
    tiles = sum(tag in page for tag in (t.TILES, t.TILE_BYTES, t.TILE_WIDTH, t.TILE_HEIGHT))
    if tiles and (tiles < 4 or t.STRIPS in page):
        return True
    written = [page.entries[tag] for tag in _WHOLE if tag in page]
    odd = any(n == 0 or kind not in _WHOLE_TYPES for kind, n, _ in written)
    return odd or any(page.number(tag, 1) not in (1, 2) for tag in (t.PLANAR, t.FILL_ORDER))


def counts_contradict(page: Page, made: Layout) -> bool:
    """Tell if a strip or tile stored plain is said to be shorter than its rows need, twice as long, or beyond the file.

    So it is with a palette of another number of colours than its bits ask for.

    Args:
        page: As `layout_of` checked it.
        made: Its layout.
    """
    if made.photometric == PALETTE and page.entries.get(t.COLOUR_MAP, (3, 0, 0))[1] != 3 << made.bits:
        return True
    if made.compression != 1:
        return False
    starts, stated, needed = _segments(page, made)
    n = min(len(stated), len(needed))  # a picture of one strip may do without its count
    odd = (
        (stated[:n] < needed[:n])
        | (stated[:n] >= 2 * needed.max(initial=1))
        | (starts[:n] + stated[:n] > len(page.data))
    )
    return bool(odd.any())


def _segments(page: Page, made: Layout) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return where strips or tiles start, how many bytes are stated for each, and how many each takes stored plain."""
    tiled = t.TILES in page or t.TILE_WIDTH in page
    wide, high = _segment_size(page, made, tiled)
    n = -(-made.width // wide) * -(-made.height // high) * (made.samples if made.planes else 1)
    if n > t.MOST_SEGMENTS:
        raise TooLarge("imaging.too-many-tiles", n=n, most=t.MOST_SEGMENTS)
    starts = page.values(t.TILES if t.TILES in page else t.STRIPS).astype(np.int64)[:n]
    sizes = page.values(t.TILE_BYTES if t.TILE_BYTES in page else t.STRIP_BYTES).astype(np.int64)[:n]
    return starts, sizes, _plain_sizes(made, n, wide, high, tiled)


def _check_segments(page: Page, made: Layout) -> None:
    """Check that every strip or tile there must be lies inside the file."""
    starts, sizes, plain = _segments(page, made)
    n = len(plain)
    if len(starts) < n or (len(sizes) < n and not made.compression == n == 1):
        raise BadScan("imaging.damaged")
    if (starts <= 0).any() or (sizes <= 0).any():
        raise BadScan("imaging.tiff-gaps")
    if made.compression == 1:  # a wrong count is told (`counts_contradict`); missing bytes are refused
        sizes = plain
    if (starts + sizes > len(page.data)).any():
        raise BadScan("imaging.cut-short")


def _segment_size(page: Page, made: Layout, tiled: bool) -> tuple[int, int]:
    """Return width and height of a strip or tile."""
    wide, high = made.width, min(page.number(t.STRIP_ROWS, made.height) or made.height, made.height)
    if tiled:
        wide, high = page.number(t.TILE_WIDTH), page.number(t.TILE_HEIGHT)
    if wide < 1 or high < 1:
        raise BadScan("imaging.damaged")
    if wide * high * made.samples > _MOST_BYTES:
        raise TooLarge("imaging.too-many-bytes", n=wide * high * made.samples, most=_MOST_BYTES)
    return wide, high


def _plain_sizes(made: Layout, n: int, wide: int, high: int, tiled: bool) -> np.ndarray:
    """Return the bytes that strips or tiles without compression take; the last strip of each plane may be shorter."""
    rows = np.full(n, high)
    down = -(-made.height // high)
    if not tiled and made.height % high:
        rows[down - 1 :: down] = made.height % high
    return rows * -(-wide * made.bits * (1 if made.planes else made.samples) // 8)
