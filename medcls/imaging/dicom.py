"""DICOM files, decoded frame by frame by pydicom and its codec plugins, after the header was checked."""

import io
import math
import zlib
from dataclasses import dataclass

import numpy as np
from pydicom import config
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import read_partial
from pydicom.pixels import apply_color_lut, pixel_array
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from medcls.errors import BadScan, TooLarge
from medcls.imaging.codec_process import decode_apart
from medcls.imaging.codestream import APART, check_codestream, plugin_for
from medcls.imaging.decoded import Decoded, scale
from medcls.imaging.deidentify import modality_of, wanted_tags
from medcls.imaging.dicom_grey import display_grey
from medcls.imaging.dicom_values import group_for, integer, numbers, sequence, text
from medcls.imaging.formats import also_claims
from medcls.imaging.limits import Limits
from medcls.imaging.quiet import guarded, quiet, silence_logs

silence_logs()
# Values that break a rule of the standard are looked at here, one by one, and not reported by pydicom.
config.settings.reading_validation_mode = config.IGNORE

_MAX_READS = 400_000
_COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "YBR_PARTIAL_420", "YBR_PARTIAL_422")
_GREYS = ("MONOCHROME1", "MONOCHROME2")
_WHOLE = (
    ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, RLELossless,
)  # fmt: skip
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_LEAST_REGION_PX = 16


@dataclass(frozen=True)
class Header:
    """What was checked before decoding."""

    rows: int
    columns: int
    frames: int
    samples: int
    photometric: str
    bits_stored: int
    bits_below: int
    syntax: UID


def read_dicom(data: bytes, frame: int | None, limits: Limits) -> Decoded:
    """Decode one frame of a DICOM file.

    Args:
        data: The whole file, with or without the preamble.
        frame: Which frame, from 0; None for the first.
        limits: Checked against the header before pixels are decoded, and while a deflated file is inflated.

    Returns:
        Display pixels, cut to the B-mode region where an ultrasound file declares one, with modality and spacing.

    Raises:
        TooLarge: If the header announces more than `limits` allow.
        BadScan: If the file is damaged, contradicts itself, holds no picture, or has no such frame.
    """
    with quiet():
        ds, header = parse_checked(data, limits)
        chosen = frame or 0
        if not 0 <= chosen < header.frames:
            raise BadScan("This file has no such frame", found=f"frame {chosen + 1}", allowed=f"1 to {header.frames}")
        notes = _opening_words(data, ds, header, chosen)
        stored = _stored(data, ds, header, chosen)
        pixels = _display(ds, header, chosen, stored, notes)
        pixels, spacing = _region(ds, chosen, pixels, notes)
        return Decoded(pixels, modality_of(text(ds, "Modality")), spacing, [*notes])


def count_dicom_frames(data: bytes, limits: Limits) -> int:
    """Count the frames a DICOM file declares.

    Raises:
        TooLarge, BadScan: As `read_dicom`.
    """
    with quiet():
        return parse_checked(data, limits)[1].frames


def count_dicom_values(data: bytes, limits: Limits) -> int:
    """Tell from the header how many numbers a frame of a DICOM file decodes to.

    Raises:
        TooLarge, BadScan: As `read_dicom`.
    """
    with quiet():
        header = parse_checked(data, limits)[1]
    return header.rows * header.columns * (3 if header.photometric == "PALETTE COLOR" else header.samples)


def parse_checked(data: bytes, limits: Limits) -> tuple[Dataset, Header]:
    """Read the wanted elements of a DICOM file and check what they say of the picture.

    Returns:
        The elements, completed with defaults where the file leaves some out, and what was checked.

    Raises:
        TooLarge, BadScan: As `read_dicom`.
    """
    ds = _parse(data, limits)
    return ds, _check(ds, limits)


class _Rationed(io.BytesIO):
    """Bytes that can be read so often and no more: millions of tiny elements would cost minutes and gigabytes."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._left = _MAX_READS

    def read(self, size: int | None = -1, /) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise TooLarge("This DICOM file has too many parts", found=f"more than {_MAX_READS // 2:,} data elements")
        return super().read(size)


def _parse(data: bytes, limits: Limits) -> Dataset:
    """Read the wanted elements of a DICOM file; the others are skipped unread."""
    syntax, start = _file_meta(data)
    if syntax == DeflatedExplicitVRLittleEndian:
        data = _inflated(data, start, limits)
    ds = guarded(lambda: read_partial(_Rationed(data), force=True, specific_tags=list(wanted_tags())))
    if not guarded(lambda: ds.file_meta.get("TransferSyntaxUID") if hasattr(ds, "file_meta") else None):
        implicit, little = ds.original_encoding
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = (
            ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        )
    return ds


def _file_meta(data: bytes) -> tuple[str, int]:
    """Give the transfer syntax named by the file meta information, and where the data set starts.

    References:
        DICOM PS3.10 section 7.1: group 2, explicit VR little endian, after 128 bytes and `DICM`.
    """
    at, syntax = (132, "") if data[128:132] == b"DICM" else (0, "")
    while data[at : at + 2] == b"\x02\x00" and at + 12 <= len(data):
        long = data[at + 4 : at + 6] in (b"OB", b"OW", b"SQ", b"UN", b"UT", b"UC", b"UR", b"OF", b"OD", b"OL")
        value = at + (12 if long else 8)
        length = int.from_bytes(data[at + 8 : at + 12] if long else data[at + 6 : at + 8], "little")
        if data[at + 2 : at + 4] == b"\x10\x00":
            syntax = data[value : value + length].rstrip(b"\0 ").decode("ascii", "replace")
        at = value + length
    return syntax, at


def _inflated(data: bytes, start: int, limits: Limits) -> bytes:
    """Give a deflated file as a plain one, never holding more than twice `limits.max_bytes`."""
    most = 2 * limits.max_bytes
    body = guarded(lambda: zlib.decompressobj(-zlib.MAX_WBITS).decompress(data[start:], most + 1))
    if len(body) > most:
        raise TooLarge(
            "This deflated DICOM file is too large", found=f"more than {most / 1e6:,.0f} MB once inflated",
            allowed=f"{most / 1e6:,.0f} MB", do="Export it uncompressed or as a smaller picture",
        )  # fmt: skip
    uid = ExplicitVRLittleEndian.encode() + b"\0"
    element = b"\x02\x00\x10\x00UI" + len(uid).to_bytes(2, "little") + uid
    length = b"\x02\x00\x00\x00UL\x04\x00" + len(element).to_bytes(4, "little")
    return bytes(128) + b"DICM" + length + element + body


def _check(ds: Dataset, limits: Limits) -> Header:
    """Check what the header says of the picture before anything is decoded."""
    if not any(name in ds for name in _PIXELS):
        raise BadScan("This DICOM file holds no picture", do="Choose the image, not the report or the directory")
    rows, columns = integer(ds, "Rows"), integer(ds, "Columns")
    if not rows or not columns or rows < 0 or columns < 0:
        raise BadScan("This DICOM file does not say how large its picture is", do="Export it again")
    limits.check_pixels(rows, columns)
    samples, photometric = integer(ds, "SamplesPerPixel") or 1, (text(ds, "PhotometricInterpretation") or "MONOCHROME2")
    if samples != (3 if photometric in _COLOURS else 1) or photometric not in (*_COLOURS, *_GREYS, "PALETTE COLOR"):
        raise BadScan("This DICOM file holds a kind of picture that is not read", found=f"{samples} samples a pixel",
                      allowed="grey, RGB, YBR or palette")  # fmt: skip
    allocated = integer(ds, "BitsAllocated") or 0
    stored = integer(ds, "BitsStored") or allocated
    if allocated not in (1, 8, 16, 32, 64) or not 1 <= stored <= allocated:
        raise BadScan(
            "This DICOM file contradicts itself", found=f"{stored} bits stored in {allocated}", do="Export it again"
        )
    syntax = UID(str(ds.file_meta.TransferSyntaxUID))
    below = _bits_below(ds, allocated, stored, syntax in _WHOLE and photometric in ("RGB", *_GREYS))
    guarded(lambda: _complete(ds, samples, photometric, stored))
    frames = max(1, integer(ds, "NumberOfFrames") or 1)
    return Header(rows, columns, frames, samples, photometric, stored, below, syntax)


def _bits_below(ds: Dataset, allocated: int, stored: int, whole: bool) -> int:
    """Give how many unused bits lie below the stored ones, nearly always none.

    Args:
        ds: The file's wanted elements.
        allocated: Bits of each value in the file.
        stored: How many of them count.
        whole: Whether values can be had with all their bits, neither compressed nor turned into other colours.

    Raises:
        BadScan: If the highest bit contradicts the stored ones, or the unused bits cannot be got at.

    References:
        DICOM PS3.5 8.1.1: the highest bit is one less than the bits stored; older files left bits free below.
    """
    high = integer(ds, "HighBit")
    if high is None or "PixelData" not in ds or stored == allocated or high == stored - 1:
        return 0
    found = f"{stored} bits stored in {allocated}, the highest in place {high}"
    if not stored <= high < allocated:
        raise BadScan("This DICOM file contradicts itself", found=found, do="Export it again")
    if not whole:
        raise BadScan("This DICOM file is coded in a way that is not read", found=found,
                      allowed=f"the highest in place {stored - 1}", do="Export it uncompressed, as grey or RGB")  # fmt: skip
    return high + 1 - stored


def _complete(ds: Dataset, samples: int, photometric: str, bits_stored: int) -> None:
    """Put the defaults where the file leaves out what pydicom needs, and drop what it would stumble over."""
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.BitsStored = samples, photometric, bits_stored
    if integer(ds, "PixelRepresentation") not in (0, 1):
        ds.PixelRepresentation = 0
    if samples > 1 and integer(ds, "PlanarConfiguration") not in (0, 1):
        ds.PlanarConfiguration = 0
    ds.NumberOfFrames = max(1, integer(ds, "NumberOfFrames") or 1)


def _opening_words(data: bytes, ds: Dataset, header: Header, frame: int) -> list[str]:
    notes = []
    if raster := also_claims(data):
        notes.append(f"The file also claims to be a {raster} picture: read as DICOM")
    if header.frames > 1:
        notes.append(f"Frame {frame + 1} of {header.frames:,} was read; the others were not")
    if text(ds, "BurnedInAnnotation") == "YES":
        notes.append("The file says that text is burned into the picture: it may name the patient")
    return notes


def _stored(data: bytes, ds: Dataset, header: Header, frame: int) -> np.ndarray:
    """Decode one frame to stored values: (R, C), or (R, C, 3) in RGB."""
    syntax = header.syntax
    if syntax.is_private or not syntax.is_transfer_syntax:
        raise BadScan("This DICOM file is coded in a way that is not read", found="an unknown transfer syntax",
                      do="Export it uncompressed")  # fmt: skip
    plugin = plugin_for(syntax)
    if syntax.is_encapsulated:
        if plugin is None:
            raise BadScan("This DICOM file is coded in a way that is not read", found=syntax.name,
                          do="Export a single picture, uncompressed or as JPEG")  # fmt: skip
        check_codestream(ds, frame, header.rows, header.columns, header.samples)
    if plugin in APART:
        values = decode_apart(data, frame, plugin)
    else:
        values = guarded(lambda: _values(ds, header, frame, plugin or ""))
    if values.shape[:2] != (header.rows, header.columns):
        raise BadScan("This DICOM file contradicts itself", found="a picture of another size than declared")
    return values


def _values(ds: Dataset, header: Header, frame: int, plugin: str) -> np.ndarray:
    """Decode one frame in this process; where bits lie free below the stored ones, take the stored ones out."""
    if not header.bits_below:
        return pixel_array(ds, index=frame, decoding_plugin=plugin)
    allocated = int(ds.BitsAllocated)
    cells = pixel_array(ds, index=frame, decoding_plugin=plugin, bits_stored=allocated, pixel_representation=0)
    top = np.left_shift(cells, allocated - header.bits_stored - header.bits_below)  # the highest stored bit comes first
    signed = top.view(f"{top.dtype.byteorder}i{top.dtype.itemsize}") if ds.PixelRepresentation else top
    return np.right_shift(signed, allocated - header.bits_stored)


def _display(ds: Dataset, header: Header, frame: int, stored: np.ndarray, notes: list[str]) -> np.ndarray:
    """Turn stored values into uint8, or float32 in [0, 1]."""
    if header.photometric == "PALETTE COLOR":
        notes.append("Colours looked up in the file's palette")
        stored = guarded(lambda: apply_color_lut(stored, ds))
        return stored if stored.dtype == np.uint8 else scale(stored, 0, np.iinfo(stored.dtype).max)
    if header.photometric in _COLOURS:
        if header.photometric != "RGB":
            notes.append("Colours turned from YBR into RGB")
        return stored if stored.dtype == np.uint8 else scale(stored, 0, 2**header.bits_stored - 1)
    return display_grey(ds, frame, stored, header.bits_stored, header.photometric, notes)


def _region(
    ds: Dataset, frame: int, pixels: np.ndarray, notes: list[str]
) -> tuple[np.ndarray, tuple[float, float] | None]:
    """Cut an ultrasound picture to its largest B-mode region; give the spacing that holds there.

    References:
        DICOM PS3.3 C.8.5.5, US Region Calibration: spatial format 1 is 2D, data type 1 is tissue, unit 3 is cm.
    """
    regions = [r for r in sequence(ds, "SequenceOfUltrasoundRegions") if _is_b_mode(r)]
    if not regions:
        return pixels, _spacing(ds, frame)
    boxes = [(box, r) for r in regions if (box := _box(r, pixels.shape)) is not None]
    if not boxes:
        notes.append("The file declares an ultrasound region that does not fit the picture: left out")
        return pixels, _spacing(ds, frame)
    (top, left, bottom, right), region = max(boxes, key=lambda b: (b[0][2] - b[0][0]) * (b[0][3] - b[0][1]))
    if (bottom - top, right - left) != pixels.shape[:2]:
        more = f", the largest of {len(boxes)}" if len(boxes) > 1 else ""
        notes.append(f"Cut to the B-mode region the file declares: {right - left} x {bottom - top} pixels{more}")
    return np.ascontiguousarray(pixels[top:bottom, left:right]), _region_spacing(region) or _spacing(ds, frame)


def _is_b_mode(region: Dataset) -> bool:
    return integer(region, "RegionSpatialFormat") == 1 and integer(region, "RegionDataType") == 1


def _box(region: Dataset, shape: tuple[int, ...]) -> tuple[int, int, int, int] | None:
    """Give top, left, bottom and right (open) of a region; None if it does not lie on the picture or is tiny."""
    names = ("RegionLocationMinY0", "RegionLocationMinX0", "RegionLocationMaxY1", "RegionLocationMaxX1")
    values = [integer(region, name) for name in names]
    if any(v is None for v in values):
        return None
    top, left, bottom, right = (int(v) for v in values if v is not None)
    bottom, right = min(bottom + 1, shape[0]), min(right + 1, shape[1])
    if top < 0 or left < 0 or bottom - top < _LEAST_REGION_PX or right - left < _LEAST_REGION_PX:
        return None
    return top, left, bottom, right


def _region_spacing(region: Dataset) -> tuple[float, float] | None:
    if integer(region, "PhysicalUnitsXDirection") != 3 or integer(region, "PhysicalUnitsYDirection") != 3:
        return None
    deltas = numbers(region, "PhysicalDeltaY") + numbers(region, "PhysicalDeltaX")
    return _plausible([abs(10 * d) for d in deltas])


def _spacing(ds: Dataset, frame: int) -> tuple[float, float] | None:
    """Give the first usable spacing the file states, in mm."""
    for source, name in (
        (group_for(ds, frame, "PixelMeasuresSequence"), "PixelSpacing"),
        (ds, "PixelSpacing"),
        (ds, "ImagerPixelSpacing"),
        (ds, "NominalScannedPixelSpacing"),
    ):
        if source is not None and (found := _plausible(numbers(source, name))):
            return found
    return None


def _plausible(pair: list[float]) -> tuple[float, float] | None:
    good = len(pair) == 2 and all(math.isfinite(v) and 1e-6 < v < 100 for v in pair)
    return (pair[0], pair[1]) if good else None
