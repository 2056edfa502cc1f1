"""What a compressed DICOM frame says of its own size, checked before its decoder sets memory aside."""

from itertools import pairwise

from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from medcls.errors import BadScan
from medcls.imaging.quiet import guarded

# Which codec decodes what: the one least likely to stumble over hostile bytes.
_PLUGINS: dict[str, str] = {
    JPEGBaseline8Bit: "pillow",
    JPEGExtended12Bit: "gdcm",
    JPEGLossless: "gdcm",
    JPEGLosslessSV1: "gdcm",
    JPEGLSLossless: "pyjpegls",
    JPEGLSNearLossless: "pyjpegls",
    JPEG2000Lossless: "pylibjpeg",
    JPEG2000: "pylibjpeg",
    HTJ2KLossless: "pylibjpeg",
    HTJ2KLosslessRPCL: "pylibjpeg",
    HTJ2K: "pylibjpeg",
    RLELossless: "pydicom",
}
# Codecs that crash or hang on damaged frames: see `medcls.imaging.codec_process`.
APART = ("gdcm", "pyjpegls")
_SOI, _J2K = b"\xff\xd8", b"\xff\x4f\xff\x51"
_SIZED_MARKERS = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}


def plugin_for(syntax: UID) -> str | None:
    """Name the pydicom plugin that decodes a compressed transfer syntax; None if none does."""
    return _PLUGINS.get(syntax)


def check_codestream(ds: Dataset, frame: int, rows: int, columns: int, samples: int) -> None:
    """Refuse a compressed frame that announces another size than the DICOM header.

    Args:
        ds: Holds the pixel data.
        frame: Which frame, from 0.
        rows: Height the header declares.
        columns: Width the header declares.
        samples: Samples a pixel the header declares.

    Raises:
        BadScan: If they disagree, or the frame's own header cannot be found.
    """
    tables = (ds.get("ExtendedOffsetTable"), ds.get("ExtendedOffsetTableLengths"))
    extended = tables if all(isinstance(t, bytes) for t in tables) else None
    data = guarded(
        lambda: get_frame(ds.PixelData, frame, number_of_frames=int(ds.NumberOfFrames), extended_offsets=extended)
    )
    if ds.file_meta.TransferSyntaxUID == RLELossless:
        guarded(lambda: _check_rle(data, rows * columns))
        return
    found = guarded(lambda: _jpeg_size(data) if data.startswith(_SOI) else _jpeg2000_size(data))
    if found != (rows, columns, samples):
        raise BadScan(
            "This DICOM file contradicts itself",
            found="a compressed picture of another size than declared"
            if found
            else "a compressed picture without a size",
            do="Export it again",
        )


def _jpeg_size(data: bytes) -> tuple[int, int, int] | None:
    """Give height, width and components of a JPEG or JPEG-LS stream (ITU-T T.81, B.2.2)."""
    at = 2
    while at + 10 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker in _SIZED_MARKERS:
            return (
                int.from_bytes(data[at + 5 : at + 7], "big"),
                int.from_bytes(data[at + 7 : at + 9], "big"),
                data[at + 9],
            )
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


def _jpeg2000_size(data: bytes) -> tuple[int, int, int] | None:
    """Give height, width and components of a JPEG 2000 stream, bare or boxed (ITU-T T.800, A.5.1)."""
    start = data.find(_J2K, 0, 4096)
    if start < 0 or len(data) < start + 42:
        return None
    xsiz, ysiz, xosiz, yosiz = (int.from_bytes(data[at : at + 4], "big") for at in range(start + 8, start + 24, 4))
    return ysiz - yosiz, xsiz - xosiz, int.from_bytes(data[start + 40 : start + 42], "big")


def _check_rle(data: bytes, expected: int) -> None:
    """Refuse RLE segments that unpack to far more than a plane of the picture (64 bytes for each 1 in the worst case)."""
    count = min(15, int.from_bytes(data[:4], "little"))
    starts = [int.from_bytes(data[at : at + 4], "little") for at in range(4, 4 + 4 * count, 4)]
    for start, end in pairwise([*starts, len(data)]):
        if 64 * max(0, end - start) > 2 * expected + 4096 and _unpacked(data, start, end, 2 * expected + 4096) < 0:
            raise BadScan("This DICOM file is damaged", found="a run-length segment longer than the picture")


def _unpacked(data: bytes, at: int, end: int, most: int) -> int:
    """Give the bytes a PackBits segment unpacks to, or -1 as soon as that is more than `most`."""
    total = 0
    while at < end:
        header = data[at]
        if header > 128:
            total, at = total + 257 - header, at + 2
        else:
            total, at = (total + header + 1, at + header + 2) if header < 128 else (total, at + 1)
        if total > most:
            return -1
    return total
