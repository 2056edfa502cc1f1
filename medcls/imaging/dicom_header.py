"""What a DICOM header says of its picture, checked and completed before anything is decoded."""

from dataclasses import dataclass, replace

from pydicom.dataset import Dataset
from pydicom.uid import UID

from medcls.core.note import Note
from medcls.errors import BadScan, TooLarge
from medcls.imaging.codestream import Stream, codec_of, name_other, read_stream
from medcls.imaging.dicom_kind import check_picture
from medcls.imaging.dicom_values import integer, pixel_bytes, text
from medcls.imaging.encapsulated import ends_well, frames_of, items_of, joined
from medcls.imaging.limits import Limits

COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "YBR_PARTIAL_420", "YBR_PARTIAL_422")
GREYS = ("MONOCHROME1", "MONOCHROME2")
PALETTE = "PALETTE COLOR"
_RETIRED = ("HSV", "ARGB", "CMYK", "XYB")
# How many samples times passes a decoder may have to go over, and tiles times passes: some seconds of work.
_MAX_WORK, _MAX_TILE_WORK = 2_500_000_000, 500_000


@dataclass(frozen=True)
class Header:
    """What was checked before decoding.

    Args:
        rows: Height.
        columns: Width.
        frames: How many frames can be read.
        samples: Samples a pixel, 1 or 3.
        photometric: One of `COLOURS`, `GREYS`, `PALETTE`; empty where three samples are not said to be a colour space.
        allocated: Bits of each cell.
        stored: How many of them count.
        high: Place of the highest of these.
        signed: Whether values have a sign.
        planar: Whether uncompressed samples stand plane by plane; None if the header does not say.
        coded: Start and end of each item of each frame, in Pixel Data; None if the picture is stored plain.
    """

    rows: int
    columns: int
    frames: int
    samples: int
    photometric: str
    allocated: int
    stored: int
    high: int
    signed: bool
    planar: bool | None
    coded: list[list[tuple[int, int]]] | None = None

    @property
    def frame_bits(self) -> int:
        """Bits of one frame stored plain."""
        half = self.photometric in ("YBR_FULL_422", "YBR_PARTIAL_422")
        return self.rows * self.columns * self.allocated * (2 if half else self.samples)


def check_header(ds: Dataset, limits: Limits, notes: list[Note]) -> Header:
    """Check what a header says of its picture, against itself and against the pixel data's length.

    Args:
        ds: The file's wanted elements.
        limits: Checked against what the header announces.
        notes: Contradictions that can be resolved are noted here.

    Raises:
        TooLarge: If it announces more than `limits` allow.
        BadScan: If it holds no picture, one of a kind that is not read, or contradicts itself.
    """
    syntax = UID(str(ds.file_meta.TransferSyntaxUID))
    if _name_of(syntax).startswith("JPIP"):
        raise BadScan("imaging.dicom-syntax-not-read", found=_name_of(syntax))
    check_picture(ds)
    rows, columns = integer(ds, "Rows"), integer(ds, "Columns")
    if not rows or not columns or rows < 0 or columns < 0:
        raise BadScan("imaging.dicom-no-size")
    limits.check_pixels(rows, columns)
    samples, photometric = _samples(ds)
    allocated, stored, high = _bits(ds)
    header = Header(
        rows,
        columns,
        max(1, integer(ds, "NumberOfFrames") or 1),
        samples,
        photometric,
        allocated,
        stored,
        high,
        integer(ds, "PixelRepresentation") == 1,
        {0: False, 1: True}.get(integer(ds, "PlanarConfiguration") or 0) if "PlanarConfiguration" in ds else None,
    )
    if "PixelData" not in ds:
        return header
    _note_unsaid(ds, header, notes)
    header = _with_coding(ds, header, notes)
    return header if header.coded is not None else _fitted(len(pixel_bytes(ds)), header, notes)


def _note_unsaid(ds: Dataset, header: Header, notes: list[Note]) -> None:
    """Note what every picture's header must say (PS3.3 C.7.6.3) and this one does not."""
    if integer(ds, "PixelRepresentation") not in (0, 1):
        notes.append(Note("imaging.dicom-sign-unsaid"))
    if not integer(ds, "BitsStored"):
        notes.append(Note("imaging.dicom-bits-unsaid", bits=header.stored))
    if not integer(ds, "SamplesPerPixel"):
        notes.append(Note("imaging.dicom-samples-unsaid", samples=header.samples))
    if header.samples == 1 and not text(ds, "PhotometricInterpretation"):
        notes.append(Note("imaging.dicom-grey-unsaid"))


def _samples(ds: Dataset) -> tuple[int, str]:
    samples, photometric = integer(ds, "SamplesPerPixel") or 0, text(ds, "PhotometricInterpretation") or ""
    known = photometric in (*COLOURS, *GREYS, PALETTE)
    if photometric and not known:
        found = photometric if photometric in _RETIRED else ""
        raise BadScan("imaging.dicom-photometric", found=found)
    samples = samples or (3 if photometric in COLOURS else 1)
    if samples not in (1, 3):
        raise BadScan("imaging.dicom-samples", samples=samples)
    if samples == 3:
        return 3, photometric if photometric in COLOURS else ""
    return 1, photometric or "MONOCHROME2"


def _bits(ds: Dataset) -> tuple[int, int, int]:
    """Return bits allocated, bits stored and the place of the highest.

    References:
        DICOM PS3.5 8.1.1: the highest bit is one less than the bits stored; older files left bits free below.
    """
    float_bits = next((n for name, n in (("FloatPixelData", 32), ("DoubleFloatPixelData", 64)) if name in ds), 0)
    allocated = integer(ds, "BitsAllocated") or float_bits
    if not allocated:
        raise BadScan("imaging.dicom-no-bits")
    high = integer(ds, "HighBit")
    stored = integer(ds, "BitsStored") or (high + 1 if high and high < allocated else allocated)
    if not 1 <= stored <= allocated:
        raise BadScan("imaging.dicom-bits", stored=stored, allocated=allocated)
    if allocated not in (1, 8, 16, 32, 64):
        raise BadScan("imaging.dicom-cells", allocated=allocated)
    if high is None or stored == allocated or "PixelData" not in ds:
        return allocated, stored, stored - 1
    if not stored - 1 <= high < allocated:
        raise BadScan("imaging.dicom-high-bit", stored=stored, allocated=allocated, high=high)
    return allocated, stored, high


def _with_coding(ds: Dataset, header: Header, notes: list[Note]) -> Header:
    """Tell plain pixel data from compressed by the data itself; a transfer syntax that says otherwise is noted."""
    syntax, pixels = UID(str(ds.file_meta.TransferSyntaxUID)), pixel_bytes(ds)
    if str(syntax) not in _NEWER and (syntax.is_private or not syntax.is_transfer_syntax):
        raise BadScan("imaging.dicom-unknown-syntax")
    says_coded = _is_coded(syntax)
    if _stands_in_items(pixels, header) or (says_coded and items_of(pixels) is not None):
        coded = frames_of(ds, pixels, header.frames)
    elif len(pixels) * 8 < header.frame_bits and codec_of(pixels) in ("jpeg", "jpegls", "jpeg2000"):
        coded = [[(0, len(pixels))]]  # a stream without the items it should stand in
    elif says_coded and len(pixels) * 8 < header.frame_bits:
        raise BadScan("imaging.cut-short")
    else:
        if says_coded:
            notes.append(Note("imaging.dicom-syntax-contradicts", stated=_name_of(syntax), found="uncompressed"))
        return replace(header, photometric=_uncoded(header.photometric))
    if len(coded) != header.frames:
        notes.append(Note("imaging.dicom-frames-contradict", stated=header.frames, found=len(coded)))
    return replace(header, coded=coded, frames=len(coded))


def _stands_in_items(pixels: bytes, header: Header) -> bool:
    """Return whether pixel data is compressed whatever its transfer syntax says: items, the first a known stream."""
    items = items_of(pixels) or []
    return len(items) > 1 and len(pixels) * 8 != header.frame_bits and codec_of(pixels[slice(*items[1])]) is not None


def _uncoded(photometric: str) -> str:
    return "RGB" if photometric in ("YBR_ICT", "YBR_RCT") else photometric


def _fitted(n_bytes: int, header: Header, notes: list[Note]) -> Header:
    """Bring a header in line with the length of uncompressed pixel data where only one reading fits it.

    Raises:
        BadScan: If there is less than a frame, or more than the frames that are announced.
    """
    have, want = n_bytes * 8, header.frame_bits * header.frames
    full, three = replace(header, photometric="YBR_FULL"), replace(header, samples=3)
    if "422" in header.photometric and _fits(have, full.frame_bits * header.frames):
        notes.append(Note("imaging.dicom-not-halved"))
        full = replace(full, photometric="YBR_FULL" if "FULL" in header.photometric else "YBR_PARTIAL")
        return full
    if header.samples == 1 and header.photometric in COLOURS:
        header = three if _fits(have, three.frame_bits * header.frames) else replace(header, photometric="MONOCHROME2")
        notes.append(Note("imaging.dicom-samples-contradict", samples=header.samples))
        want = header.frame_bits * header.frames
    whole = have // header.frame_bits
    if whole < 1:
        raise BadScan("imaging.cut-short")
    if whole < header.frames:
        notes.append(Note("imaging.dicom-frames-contradict", stated=header.frames, found=whole))
        return replace(header, frames=whole)
    if have - want >= max(64, min(header.rows, header.columns) * header.samples * header.allocated):
        raise BadScan("imaging.dicom-more-pixels", found=n_bytes, announced=-(-want // 8))
    return header


def _fits(have: int, want: int) -> bool:
    return want <= have <= want + 16


def stream_of(ds: Dataset, header: Header, frame: int, notes: list[Note]) -> tuple[bytes, Stream]:
    """Return the compressed stream of a frame, checked against the header.

    Args:
        ds: The file's wanted elements.
        header: As checked; its picture is compressed.
        frame: Which frame, from 0.
        notes: A transfer syntax that says otherwise is noted here.

    Returns:
        The stream's bytes, and what it announces.

    Raises:
        BadScan: If it is of a coding that is not read, damaged, or of another size than the header says.
        TooLarge: If decoding it would be too much work.
    """
    assert header.coded is not None
    syntax = UID(str(ds.file_meta.TransferSyntaxUID))
    pixels = pixel_bytes(ds)
    data = joined(pixels, header.coded[frame])
    if not ends_well(pixels):
        notes.append(Note("imaging.may-be-damaged"))
    stream = read_stream(data)
    family = _family(syntax)
    if stream is None:
        if other := name_other(data):
            raise BadScan("imaging.dicom-syntax-not-read", found=other)
        if family is None and _is_coded(syntax):
            raise BadScan("imaging.dicom-syntax-not-read", found=_name_of(syntax))
        raise BadScan("imaging.dicom-stream-without-size")
    if stream.unread:
        raise BadScan("imaging.dicom-syntax-not-read", found=stream.unread)
    if stream.codec == "rle":
        cells = max(1, header.allocated // 8)
        stream = replace(
            stream, rows=header.rows, columns=header.columns, bits=header.allocated, samples=stream.samples // cells
        )
    if (
        (stream.rows, stream.columns) != (header.rows, header.columns)
        or stream.samples not in (1, 3)
        or not stream.bits
    ):
        raise BadScan("imaging.dicom-stream-size")
    if stream.work > _MAX_WORK or stream.tiles * stream.scans > _MAX_TILE_WORK:
        raise TooLarge("imaging.too-much-work", passes=stream.scans, tiles=stream.tiles)
    if family != stream.codec and not any(note.code == "imaging.dicom-syntax-unstated" for note in notes):
        notes.append(Note("imaging.dicom-syntax-contradicts", stated=_name_of(syntax), found=_NAMES[stream.codec]))
    return data[stream.start :], stream


_NAMES = {"jpeg": "JPEG", "jpegls": "JPEG-LS", "jpeg2000": "JPEG 2000", "rle": "RLE"}
_FAMILIES = (
    ("JPEG-LS", "jpegls"),
    ("JPEG 2000", "jpeg2000"),
    ("High-Throughput JPEG 2000", "jpeg2000"),
    ("JPIP", ""),
    ("JPEG XL", ""),
    ("JPEG XS", ""),
    ("JPEG ", "jpeg"),
    ("RLE", "rle"),
)


# Registered after the version of the standard that pydicom knows.
_NEWER = {f"1.2.840.10008.1.2.4.{n}": "JPEG XL" for n in (110, 111, 112)} | {
    "1.2.840.10008.1.2.8.1": "Deflated Image Frame Compression",
}


def _name_of(syntax: UID) -> str:
    return _NEWER.get(str(syntax), syntax.name)


def _is_coded(syntax: UID) -> bool:
    return str(syntax) in _NEWER or bool(syntax.is_encapsulated)


def _family(syntax: UID) -> str | None:
    """Return which family of decoders a compressed transfer syntax asks for; None if it asks for none of them."""
    name = _name_of(syntax)
    return next((family or None for start, family in _FAMILIES if name.startswith(start)), None)
