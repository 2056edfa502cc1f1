"""Stored values of one frame: stored plain, or decoded apart; a header that lies about their bits is put right."""

from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset

from medcls.core.note import Note
from medcls.errors import BadScan
from medcls.imaging.codec_process import run_apart
from medcls.imaging.codestream import Stream
from medcls.imaging.deidentify import OVERLAY_GROUPS
from medcls.imaging.dicom_header import PALETTE, Header, stream_of
from medcls.imaging.dicom_values import pixel_bytes
from medcls.imaging.quiet import guarded

_OVERLAY_BIT, _ROUGH_ROWS = 0x0102, 512
# Of 260 scans stored in both ways, the way that was not said is at least 1.2 times as rough as the right one; taken for
# the other way, all but two of 520 are found.
_SMOOTHER = 1.3
_LEAST_PX = 16  # a smaller side tells too little
_FLOATS = {"FloatPixelData": "f4", "DoubleFloatPixelData": "f8"}


@dataclass(frozen=True, eq=False)
class Stored:
    """One frame's stored values.

    Args:
        values: (R, C) or (R, C, 3); integers with the sign they are meant to have, or floats.
        bits: How many bits of a value count.
        stream: What a compressed picture announced; None if it was stored plain.
    """

    values: np.ndarray
    bits: int
    stream: Stream | None = None


def stored_values(ds: Dataset, header: Header, frame: int, notes: list[Note]) -> Stored:
    """Return one frame's values as they are stored, no colour turned and no window applied.

    Args:
        ds: The file's wanted elements.
        header: As checked.
        frame: Which frame, from 0.
        notes: What the header says wrongly is noted here.

    Raises:
        BadScan: If the frame is damaged or of a coding that is not read.
        TooLarge: If decoding it would be too much work.
    """
    if (kind := next((k for name, k in _FLOATS.items() if name in ds), "")) and "PixelData" not in ds:
        return Stored(guarded(lambda: _floats(ds, kind, header, frame)), header.stored)
    if header.coded is not None:
        return _decoded(ds, header, frame, notes)
    cells = guarded(lambda: _cells(ds, header, frame, notes))
    if cells.dtype.kind != "u" or header.allocated == 1:
        return Stored(cells, 1)
    return _meant(cells, ds, header, notes)


def _little(ds: Dataset) -> bool:
    return ds.original_encoding[1] is not False


def _floats(ds: Dataset, kind: str, header: Header, frame: int) -> np.ndarray:
    count = header.rows * header.columns
    if header.samples != 1:
        raise BadScan("imaging.dicom-samples", samples=header.samples)
    raw = next(ds[name].value for name, k in _FLOATS.items() if k == kind)
    values = np.frombuffer(raw, f"{'<' if _little(ds) else '>'}{kind}", count, frame * count * int(kind[1]))
    return values.reshape(header.rows, header.columns)


def _cells(ds: Dataset, header: Header, frame: int, notes: list[Note]) -> np.ndarray:
    """Return the cells of a frame stored plain, unsigned, with all their bits: (R, C) or (R, C, 3)."""
    raw, count = pixel_bytes(ds), header.frame_bits // header.allocated
    if header.allocated == 1:
        first = frame * count
        bits = np.unpackbits(np.frombuffer(raw[first // 8 : (first + count + 7) // 8], np.uint8), bitorder="little")
        return bits[first % 8 :][:count].reshape(header.rows, header.columns)
    width = header.allocated // 8
    little = _little(ds)
    if width == 1 and not little and ds["PixelData"].VR == "OW":  # bytes swapped in pairs
        raw = np.frombuffer(raw[: len(raw) // 2 * 2], "<u2").byteswap().tobytes()
    flat = np.frombuffer(raw, f"{'<' if little else '>'}u{width}", count, frame * count * width)
    if "422" in header.photometric:
        return _widened(flat, header.rows, header.columns)
    if header.samples == 1:
        return flat.reshape(header.rows, header.columns)
    in_planes = np.moveaxis(flat.reshape(3, header.rows, header.columns), 0, -1)
    side_by_side = flat.reshape(header.rows, header.columns, 3)
    if header.planar is None:  # the right one of both is the smoother
        planar = _roughness(in_planes) < _roughness(side_by_side)
        notes.append(Note("imaging.dicom-planes-unsaid" if planar else "imaging.dicom-pixels-unsaid"))
        return in_planes if planar else side_by_side
    said, other = (in_planes, side_by_side) if header.planar else (side_by_side, in_planes)
    if not _plainly_otherwise(said, other):
        return said
    notes.append(Note("imaging.dicom-pixels-contradict" if header.planar else "imaging.dicom-planes-contradict"))
    return other


def _plainly_otherwise(said: np.ndarray, other: np.ndarray) -> bool:
    """Tell if colours are plainly arranged in the other way than said: clearly smoother, or grey, only so.

    What is grey as said is as said: no other arrangement makes it so. Nor is a way right that is rougher from row to
    row of one field: a grey picture read in planes has each value three times side by side.
    """
    if min(said.shape[:2]) < _LEAST_PX or _is_grey(said) or _down(other) >= _down(said):
        return False
    rough, smooth = (_roughness(v) + _roughness(v.swapaxes(0, 1)) for v in (said, other))
    return (1 if _is_grey(other) else _SMOOTHER) * smooth < rough


def _down(values: np.ndarray) -> float:
    """Return the mean step from row to row of one field, as a field may be empty."""
    return _roughness(values[::2].swapaxes(0, 1))


def _is_grey(values: np.ndarray) -> bool:
    return bool((values[:, :, 0] == values[:, :, 1]).all() and (values[:, :, 1] == values[:, :, 2]).all())


def _widened(flat: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Repeat colour differences that stand once for two pixels: Y Y B R becomes Y B R, Y B R (PS3.3 C.7.6.3.1.2)."""
    if columns % 2:
        raise BadScan("imaging.dicom-photometric", found="")
    quads = flat.reshape(rows, columns // 2, 4)
    out = np.empty((rows, columns, 3), flat.dtype)
    out[:, 0::2, 0], out[:, 1::2, 0] = quads[..., 0], quads[..., 1]
    out[:, :, 1], out[:, :, 2] = (np.repeat(quads[..., i], 2, axis=1) for i in (2, 3))
    return out


def _decoded(ds: Dataset, header: Header, frame: int, notes: list[Note]) -> Stored:
    data, stream = stream_of(ds, header, frame, notes)
    if stream.codec == "rle":
        planes, more = run_apart("dicom-rle", data, rows=header.rows, columns=header.columns)
        values = guarded(lambda: _from_planes(planes, header.allocated // 8))
        return _meant(values, ds, header, notes, stream)
    options = {"samples": stream.samples} if stream.codec == "jpeg" else {}
    values, more = run_apart(f"dicom-{stream.codec}", data, **options)
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    expected = (header.rows, header.columns, *((3,) if stream.samples == 3 else ()))
    if values.shape != expected:
        raise BadScan("imaging.dicom-stream-size")
    if more.get("warned"):
        notes.append(Note("imaging.may-be-damaged"))
    if stream.samples != header.samples:
        notes.append(Note("imaging.dicom-samples-contradict", samples=stream.samples))
    return _of_stream(values, header, stream, notes)


def _from_planes(planes: np.ndarray, width: int) -> np.ndarray:
    """Put byte planes together: those of a sample follow each other, the highest first (PS3.5 G.2)."""
    rows, columns = planes.shape[1:]
    samples = len(planes) // width
    cells = np.empty((rows, columns, samples), f">u{width}")
    view = cells.view(np.uint8).reshape(rows, columns, samples, width)
    for i in range(samples * width):
        view[..., i // width, i % width] = planes[i]
    native = cells.astype(f"u{width}")
    return native[..., 0] if samples == 1 else native


def _of_stream(values: np.ndarray, header: Header, stream: Stream, notes: list[Note]) -> Stored:
    """Return decoded values the sign the header says, and the bits that count by the stream's own word or their use."""
    stated, bits = header.stored, min(header.stored, stream.bits)
    below = header.high + 1 - stated
    if below and stream.bits == header.high + 1:
        values = _without_low(values, header, notes)
    elif below:
        notes.append(Note("imaging.dicom-high-bit-contradicts", high=header.high, stored=stated))
    if stream.signed and not header.signed:
        notes.append(Note("imaging.dicom-sign-contradicts"))
    elif header.signed and not stream.signed and stream.samples == 1:
        turned = _with_sign(values, stream.bits)
        if not _holds(turned, bits, True) and _holds(values, bits, False):
            turned = _with_sign(values, bits)
        if stream.signed is False and _roughness(values) < _roughness(turned):
            notes.append(Note("imaging.dicom-sign-contradicts"))
        else:
            values = turned
    if not _holds(values, bits, values.dtype.kind == "i"):
        bits = stream.bits
    if bits != stated:
        notes.append(Note("imaging.dicom-bits-contradict", stated=stated, found=bits))
    return Stored(values, bits, stream)


def _holds(values: np.ndarray, bits: int, signed: bool) -> bool:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1)) if signed else (0, 2**bits)
    return values.size == 0 or (low <= int(values.min()) and int(values.max()) < high)


def _with_sign(cells: np.ndarray, bits: int) -> np.ndarray:
    """Take the lowest bits of unsigned cells for numbers with a sign (two's complement)."""
    spare = cells.dtype.itemsize * 8 - bits
    return (cells << spare).astype(cells.dtype.newbyteorder("=")).view(f"i{cells.dtype.itemsize}") >> spare


def _meant(cells: np.ndarray, ds: Dataset, header: Header, notes: list[Note], stream: Stream | None = None) -> Stored:
    """Take the stored bits out of whole cells; if bits beyond them are plainly part of the values, keep those too."""
    cells = cells.astype(cells.dtype.newbyteorder("="), copy=False)
    cells = _without_low(cells, header, notes)
    kept = _cut(cells, header.stored, header.signed)
    if header.stored == header.allocated:
        return Stored(kept, header.stored, stream)
    whole = _cut(cells, header.allocated - (header.high + 1 - header.stored), header.signed)
    if np.array_equal(kept, whole):
        return Stored(kept, header.stored, stream)
    if header.photometric == PALETTE or _overlaid(ds) or _roughness(whole) >= _roughness(kept):
        return Stored(kept, header.stored, stream)
    used = max(int(whole.max()).bit_length(), int(~whole.min()).bit_length() if whole.min() < 0 else 0) + header.signed
    notes.append(Note("imaging.dicom-bits-contradict", stated=header.stored, found=used))
    return Stored(whole, used, stream)


def _without_low(cells: np.ndarray, header: Header, notes: list[Note]) -> np.ndarray:
    """Drop unused bits below the stored ones, unless values plainly lie in the lowest bits whatever the header says."""
    below = header.high + 1 - header.stored
    if not below:
        return cells
    if int(cells.max(initial=0)) < 2**header.stored and np.any(cells & cells.dtype.type(2**below - 1)):
        notes.append(Note("imaging.dicom-high-bit-contradicts", high=header.high, stored=header.stored))
        return cells
    return cells >> below


def _cut(cells: np.ndarray, bits: int, signed: bool) -> np.ndarray:
    if signed:
        return _with_sign(cells, bits)
    return cells & cells.dtype.type(2**bits - 1) if bits < cells.dtype.itemsize * 8 else cells


def _overlaid(ds: Dataset) -> bool:
    """Return whether bits beyond the stored ones are said to hold drawings (retired overlays, PS3.5 8.1.2)."""
    return any((group, _OVERLAY_BIT) in ds and (ds[group, _OVERLAY_BIT].value or 0) for group in OVERLAY_GROUPS)


def _roughness(values: np.ndarray) -> float:
    """Return the mean step between neighbours: values whose high bits were cut off, or drawn on, jump."""
    some = values[:: max(1, len(values) // _ROUGH_ROWS)].astype(np.float64)
    axis = 1 if values.shape[1] > 1 else 0
    return float(np.abs(np.diff(some, axis=axis)).mean()) if some.shape[axis] > 1 else 0.0
