"""What a JPEG stream says of itself, the work it makes, and what libjpeg warns of in it."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from medcls.errors import BadScan, TooLarge

LOSSLESS = 0xC3
_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_ALONE = {0x01, *range(0xD0, 0xD8)}
_FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_MARKER = re.compile(rb"\xff+[\x01-\xcf\xd8-\xfe]")
# Each scan is decoded over the whole picture, at about a nanosecond a pixel even where it holds nothing.
_MOST_WORK, _WORK_A_SCAN = 1_000_000_000, 20_000
_MOST_SEGMENTS = 20_000
# libjpeg's own words for a stream that it repaired, or whose colours no encoder stores so; whatever else simplejpeg
# says is not about damage.
_REPAIRED = (
    "corrupt jpeg data",
    "premature end",
    "inconsistent progression",
    "invalid sos parameters",
    "bogus",
    "warning",
    "obsolete",
    "unrecognized",
    "bad huffman",
    "extraneous",
    "unknown adobe",
    "could not determine subsampling",
)


@dataclass(frozen=True)
class JpegHeader:
    """What the frame header of a JPEG stream says (ITU-T T.81, B.2.2).

    Args:
        process: Low byte of its marker: 0xC0 baseline, 0xC1 extended, 0xC2 progressive, 0xC3 lossless, 0xF7 JPEG-LS.
        bits: Of each sample.
        height: Rows; 0 if they are told after the first scan.
        width: Columns.
        components: Id, horizontal and vertical sampling of each.
        adobe_transform: Of the APP14 segment: 0 none, 1 YCbCr, 2 YCCK; None without the segment.
        scans: How many scans the stream holds.
        ended: True if it has its end marker.
    """

    process: int
    bits: int
    height: int
    width: int
    components: tuple[tuple[int, int, int], ...]
    adobe_transform: int | None
    scans: int
    ended: bool

    @property
    def usual(self) -> bool:
        """True for eight bits, lossy: what Pillow reads."""
        return self.bits == 8 and self.process != LOSSLESS

    @property
    def work(self) -> int:
        """Pixels decoded, over all scans."""
        return self.scans * (self.height * self.width + _WORK_A_SCAN)


def read_jpeg_header(data: bytes) -> JpegHeader | None:
    """Read what a JPEG or JPEG-LS stream says of itself.

    Args:
        data: From its start marker on.

    Returns:
        Its header; None if no frame header is found.

    Raises:
        TooLarge: If it has more segments than any picture needs.
    """
    frame: JpegHeader | None = None
    transform, scans, ended = None, 0, False
    for marker, body in _segments(data):
        if marker == 0xEE and body[:5] == b"Adobe" and len(body) >= 12:
            transform = body[11]
        elif marker in _FRAMES and frame is None and len(body) >= 6:
            frame = _frame(marker, body)
        scans += marker == _SOS
        ended = marker == _EOI
    if frame is None:
        return None
    return JpegHeader(frame.process, frame.bits, frame.height, frame.width, frame.components, transform, scans, ended)


def _frame(marker: int, body: bytes) -> JpegHeader:
    parts = tuple((body[at], body[at + 1] >> 4, body[at + 1] & 15) for at in range(6, len(body) - 2, 3))
    size = (int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big"))
    return JpegHeader(marker, body[0], *size, parts[: body[5]], None, 0, False)


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the markers of a stream with what stands in their segments, until its end marker."""
    at = 2
    for _ in range(_MOST_SEGMENTS):
        found = _MARKER.search(data, at)
        if found is None:
            return
        marker, at = data[found.end() - 1], found.end()
        if marker in _ALONE:
            continue
        if marker == _EOI:
            yield marker, b""
            return
        size = int.from_bytes(data[at : at + 2], "big")
        yield marker, data[at + 2 : at + size]
        at += max(size, 2)
    raise TooLarge("imaging.too-many-segments", most=_MOST_SEGMENTS)


def check_work(streams: Iterable[bytes], most_px: int) -> None:
    """Refuse JPEG streams that would take their decoder too long.

    Args:
        streams: Of one picture.
        most_px: Most pixels of each.

    Raises:
        BadScan: If one announces more pixels than that.
        TooLarge: If scans times pixels of all together are above the budget.
    """
    headers = [header for stream in streams if (header := read_jpeg_header(stream))]
    if any(header.height * header.width > most_px for header in headers):
        raise BadScan("imaging.damaged")
    if sum(header.work for header in headers) > _MOST_WORK:
        raise TooLarge("imaging.too-many-scans", n=max(header.scans for header in headers))


def warning_of(data: bytes) -> str:
    """Return what libjpeg warns of in a stream that it decodes nevertheless; empty if nothing.

    Args:
        data: A whole stream, whose work was checked.
    """
    import simplejpeg

    header = read_jpeg_header(data)
    if header is None or header.bits != 8 or header.process in (LOSSLESS, 0xF7):
        return ""
    space = "CMYK" if len(header.components) == 4 else "GRAY"
    try:
        simplejpeg.decode_jpeg(data, space, min_factor=8)
    except ValueError as error:
        said = str(error).lower()
        return str(error) if any(word in said for word in _REPAIRED) else ""
    return ""


def decode_flawless(data: bytes) -> np.ndarray | None:
    """Decode a JPEG of grey or three colours if libjpeg has nothing to warn of; None otherwise.

    Args:
        data: A whole file of eight bits, whose work was checked.

    Returns:
        (H, W) or (H, W, 3) uint8: what Pillow makes of it, which is libjpeg's, too.
    """
    import simplejpeg

    header = read_jpeg_header(data)
    space = {1: "GRAY", 3: "RGB"}.get(len(header.components)) if header else None
    if space is None:
        return None
    try:
        pixels = simplejpeg.decode_jpeg(data, space)
    except ValueError:
        return None
    return pixels[..., 0] if space == "GRAY" else pixels


def check_kind(header: JpegHeader | None) -> None:
    """Refuse a JPEG file of a process that is not read.

    Raises:
        BadScan: If it has no header, or is hierarchical, arithmetic and lossless, or of another number of colours.
    """
    if header is None:
        raise BadScan("imaging.damaged")
    if header.process == 0xF7:
        raise BadScan("imaging.foreign-jpegls")
    if header.process not in (0xC0, 0xC1, 0xC2, 0xC3, 0xC9, 0xCA):
        raise BadScan("imaging.jpeg-process", process=f"{header.process:02X}")
    if not header.height or not header.width:
        raise BadScan("imaging.no-size")
    if len(header.components) not in (1, 3, 4) or not 2 <= header.bits <= 16:
        raise BadScan("imaging.jpeg-components", n=len(header.components), bits=header.bits)
