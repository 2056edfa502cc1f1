"""What a compressed picture says of itself, read from its header before any decoder sees it."""

from dataclasses import dataclass
from typing import Literal

from medcls.core.note import Note

Codec = Literal["jpeg", "jpegls", "jpeg2000", "rle"]
Colour = Literal["rgb", "ybr", "unsaid"]

_SOI, _J2K, _JP2 = b"\xff\xd8", b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0cjP  "
_SOF, _JPEG_LS = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}, 0xF7
_LOSSLESS, _HIERARCHICAL = (0xC3, 0xC7, 0xCB, 0xCF), (0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF)
_LOSSLESS_ARITHMETIC, _PART_2 = 0xCB, 0x8000
_ALONE = {0x01, *range(0xD0, 0xD9)}  # markers that no length follows
_HEAD_BYTES = 1_000_000
_OTHERS = {
    b"\x89PNG": "PNG",
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cJXL ": "JPEG XL",
    b"\xff\x10\xff\x50": "JPEG XS",
    b"II\xbc": "JPEG XR",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"\0\0\1\xba": "MPEG",
    b"\0\0\1\xb3": "MPEG",
    b"\0\0\0\1": "H.264 / H.265",
    b"\x1f\x8b": "gzip",
}
_ICC = b"ICC_PROFILE\0"


@dataclass(frozen=True)
class Stream:
    """What a compressed picture announces.

    Args:
        codec: Which family of decoders reads it.
        rows: Height.
        columns: Width.
        samples: Samples a pixel.
        bits: Bits a sample.
        signed: Whether samples have a sign; None if the format cannot say.
        colour: What three decoded samples are: red, green, blue; luminance and two colour differences; or not said.
        lossless: Whether samples are coded as they are, with no cosine transform.
        scans: How many passes over the picture, or layers, a decoder must make.
        tiles: How many tiles a JPEG 2000 picture is cut into.
        unread: What keeps it from being read though it is not damaged; None if nothing does.
        start: Where the stream begins in its bytes, past any box around it.
        profile: Colour profile that stands in it; empty if none does.
    """

    codec: Codec
    rows: int = 0
    columns: int = 0
    samples: int = 0
    bits: int = 0
    signed: bool | None = None
    colour: Colour = "unsaid"
    lossless: bool = True
    scans: int = 1
    tiles: int = 1
    unread: Note | None = None
    start: int = 0
    profile: bytes = b""

    @property
    def work(self) -> int:
        """How many sample values a decoder must go over at most, counting each pass."""
        return self.rows * self.columns * max(1, self.samples) * max(1, self.scans)


def codec_of(data: bytes) -> Codec | None:
    r"""Name the family a stream belongs to by how it begins; None if it is none of them.

    Example:
        >>> codec_of(b"\xff\xd8\xff\xe0"), codec_of(b"text")
        ('jpeg', None)
    """
    if data.startswith(_SOI) and data[2:3] == b"\xff":
        return "jpegls" if _frame_marker(data) == _JPEG_LS else "jpeg"
    if data.startswith((_J2K, _JP2)):
        return "jpeg2000"
    count = int.from_bytes(data[:4], "little")
    return "rle" if 1 <= count <= 15 and int.from_bytes(data[4:8], "little") == 64 and len(data) >= 64 else None


def name_other(data: bytes) -> str:
    """Name what a compressed picture is that is of none of the families DICOM readers know; empty if that is unknown.

    Args:
        data: The stream, from its first byte.
    """
    if data[:4] == b"RIFF":
        return {b"WEBP": "WebP", b"AVI ": "AVI"}.get(data[8:12], "")
    if data[4:8] == b"ftyp":
        return "MP4 / HEIF"
    return next((name for start, name in _OTHERS.items() if data.startswith(start)), "")


def read_stream(data: bytes) -> Stream | None:
    """Read the header of a compressed picture.

    Args:
        data: The stream, from its first byte.

    Returns:
        What it announces; None if it is of no known family or its header is damaged.
    """
    codec = codec_of(data)
    if codec == "rle":
        return Stream("rle", samples=int.from_bytes(data[:4], "little"))
    if codec == "jpeg2000":
        return _jpeg2000(data)
    return None if codec is None else _jpeg(data, codec)


def _frame_marker(data: bytes) -> int:
    """Return the marker of the frame header of a JPEG stream; 0 if there is none."""
    return next((marker for marker, _, _ in _segments(data) if marker in _SOF or marker == _JPEG_LS), 0)


def _segments(data: bytes) -> list[tuple[int, int, int]]:
    """List marker, start and end of each segment up to the first scan (ITU-T T.81, B.1.1)."""
    found, at = [], 2
    while at + 4 <= len(data) and at < _HEAD_BYTES and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF or marker in _ALONE:
            at += 1 if marker == 0xFF else 2
            continue
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        found.append((marker, at + 4, end))
        if marker in (0xDA, 0xD9) or end <= at + 3:
            break
        at = end
    return found


def _jpeg(data: bytes, codec: Codec) -> Stream | None:
    """Read a JPEG or JPEG-LS header (ITU-T T.81 B.2.2, T.87 C.2.2)."""
    jfif, adobe, frame, last = False, None, None, 0
    profile: dict[bytes, bytes] = {}
    for marker, start, end in _segments(data):
        if marker == 0xE0 and data[start : start + 4] == b"JFIF":
            jfif = True
        elif marker == 0xEE and data[start : start + 5] == b"Adobe" and end - start >= 12:
            adobe = data[start + 11]
        elif marker == 0xE2 and data[start : start + 12] == _ICC:
            profile[data[start + 12 : start + 13]] = data[start + 14 : end]
        elif (marker in _SOF or marker == _JPEG_LS) and frame is None:
            frame, last = (marker, start), end
        elif marker == 0xDE:
            frame = frame or (0xDE, start)
    if frame is None or len(data) < frame[1] + 6:
        return None
    marker, at = frame
    bits, samples = data[at], data[at + 5]
    rows, columns = int.from_bytes(data[at + 1 : at + 3], "big"), int.from_bytes(data[at + 3 : at + 5], "big")
    parts = [(data[p], data[p + 1]) for p in range(at + 6, min(at + 6 + 3 * samples, len(data) - 1), 3)]
    if codec == "jpegls":
        return Stream("jpegls", rows, columns, samples, bits, scans=1)
    unread = _unread_jpeg(marker, bits)
    colour = _jpeg_colour(parts, jfif, adobe) if samples == 3 else "unsaid"
    scans = data.count(b"\xff\xda", last)
    return Stream(
        "jpeg",
        rows,
        columns,
        samples,
        bits,
        None,
        colour,
        marker in _LOSSLESS,
        max(1, scans),
        unread=unread,
        profile=b"".join(profile[n] for n in sorted(profile)),
    )


def _unread_jpeg(marker: int, bits: int) -> Note | None:
    """Return what keeps a sound JPEG from being read; None if nothing does."""
    if marker in _HIERARCHICAL or marker == 0xDE:
        return Note("imaging.unread-hierarchical")
    if marker == _LOSSLESS_ARITHMETIC:
        return Note("imaging.unread-arithmetic")
    good = 2 <= bits <= 16 if marker in _LOSSLESS else bits in (8, 12)
    return None if good else Note("imaging.unread-bits", n=bits)


def _jpeg_colour(parts: list[tuple[int, int]], jfif: bool, adobe: int | None) -> Colour:
    """Return what three components are, as every JPEG decoder does: by its marker, its subsampling, its identifiers."""
    if jfif or adobe is not None:
        return "rgb" if not jfif and adobe == 0 else "ybr"
    if [chr(name).upper() for name, _ in parts] == ["R", "G", "B"]:
        return "rgb"
    return "ybr" if len({sampling for _, sampling in parts}) > 1 else "unsaid"


def _jpeg2000(data: bytes) -> Stream | None:
    """Read a JPEG 2000 header, bare or boxed (ITU-T T.800, A.5.1, A.6.1 and I.5.3.3)."""
    start = data.find(_J2K, 0, 65_536)
    if start < 0 or len(data) < start + 45:
        return None
    number = lambda at, n: int.from_bytes(data[start + at : start + at + n], "big")  # noqa: E731
    right, bottom, left, top, tile_w, tile_h, tile_x, tile_y = (number(8 + 4 * i, 4) for i in range(8))
    samples = number(40, 2)
    parts = [(number(at, 1), number(at + 1, 1), number(at + 2, 1)) for at in range(42, 42 + 3 * min(samples, 4), 3)]
    if not parts or not tile_w or not tile_h:
        return None
    tiles = -(-(right - tile_x) // tile_w) * -(-(bottom - tile_y) // tile_h)
    layers, transformed = _coding_style(data, start + 4 + number(4, 2))
    unread = Note("imaging.unread-part-2") if number(6, 2) & _PART_2 else None
    if any(part[1:] != (1, 1) for part in parts):
        unread = Note("imaging.unread-spacing")
    elif len({part[0] for part in parts}) > 1:
        unread = Note("imaging.unread-depth")
    box = data.find(b"colr\x01", 0, start)
    space = int.from_bytes(data[box + 7 : box + 11], "big") if box >= 0 else 0
    colour: Colour = "rgb" if transformed else "ybr" if space == 18 else "unsaid"
    bits, signed = (parts[0][0] & 0x7F) + 1, bool(parts[0][0] & 0x80)
    size = (bottom - top, right - left)
    profile = _boxed_profile(data, start)
    return Stream("jpeg2000", *size, samples, bits, signed, colour, True, layers, tiles, unread, start, profile)


def _boxed_profile(data: bytes, start: int) -> bytes:
    """Return the colour profile in the boxes around a JPEG 2000 stream (ITU-T T.800, I.5.3.3); empty if none is."""
    at = data.find(b"colr\x02", 4, start)
    return data[at + 7 : at - 4 + int.from_bytes(data[at - 4 : at], "big")] if at >= 0 else b""


def _coding_style(data: bytes, at: int) -> tuple[int, bool]:
    """Return layers and whether components are transformed, from the COD marker; 1 and False if it is missing."""
    while at + 10 <= len(data) and data[at] == 0xFF and data[at + 1] not in (0x90, 0x93):
        if data[at + 1] == 0x52:
            return int.from_bytes(data[at + 6 : at + 8], "big"), bool(data[at + 8] & 1)
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return 1, False
