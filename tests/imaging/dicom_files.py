"""DICOM files for the tests, written by pydicom from an array."""

import io
from typing import Any

import imagecodecs
import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEGBaseline8Bit, UltrasoundImageStorage, generate_uid

from medcls.core.scan import Scan
from medcls.imaging.phantom import phantom


def dataset(
    pixels: np.ndarray, *, photometric: str | None = None, bits_stored: int | None = None, **elements: Any
) -> Dataset:
    """Give a data set of (H, W), (H, W, 3), (N, H, W) or (N, H, W, 3) pixels; `elements` are set last, by keyword.

    The same pixels and elements make the same bytes, identifiers among them.
    """
    colour = pixels.shape[-1] == 3 and pixels.ndim >= 3
    frames = pixels.shape[0] if pixels.ndim == (4 if colour else 3) else None
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = UltrasoundImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[pixels.tobytes().hex(), repr(elements)])
    ds = Dataset()
    ds.file_meta, ds.preamble = meta, bytes(128)
    ds.SOPClassUID, ds.SOPInstanceUID, ds.Modality = UltrasoundImageStorage, meta.MediaStorageSOPInstanceUID, "US"
    ds.Rows, ds.Columns = pixels.shape[-3:-1] if colour else pixels.shape[-2:]
    ds.SamplesPerPixel = 3 if colour else 1
    ds.PhotometricInterpretation = photometric or ("RGB" if colour else "MONOCHROME2")
    ds.BitsAllocated = pixels.dtype.itemsize * 8
    ds.BitsStored = bits_stored or ds.BitsAllocated
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = int(pixels.dtype.kind == "i")
    if colour:
        ds.PlanarConfiguration = 0
    if frames is not None:
        ds.NumberOfFrames = frames
    raw = pixels.tobytes()
    ds.add_new("PixelData", "OB" if ds.BitsAllocated == 8 else "OW", raw + b"\0" * (len(raw) % 2))
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return ds


def written(ds: Dataset, syntax: UID | None = None) -> bytes:
    """Write a data set to bytes, under another native transfer syntax if asked."""
    out = io.BytesIO()
    if syntax is not None:
        ds.file_meta.TransferSyntaxUID = syntax
        if not syntax.is_little_endian:
            ds["PixelData"].value = np.frombuffer(ds.PixelData, f"u{ds.BitsAllocated // 8}").byteswap().tobytes()
    ds.save_as(out, enforce_file_format=True)
    return out.getvalue()


def dicom(pixels: np.ndarray, **elements: Any) -> bytes:
    """Give the bytes of a DICOM file of these pixels."""
    return written(dataset(pixels, **elements))


def ramp(height: int = 40, width: int = 64, high: int = 255, dtype: type = np.uint8) -> np.ndarray:
    """Give values from 0 to `high` that differ in both directions."""
    rows, columns = np.indices((height, width))
    return np.rint((rows * 2 + columns) / (2 * height + width - 3) * high).astype(dtype)


def jpeg_lossless(pixels: np.ndarray, bits: int) -> bytes:
    """Encode (H, W) unsigned grey as JPEG Lossless, predictor 1, with one plain Huffman table (ITU-T T.81, annex H).

    Every difference category has a code of five bits, so the table needs no statistics.
    """
    values = pixels.astype(np.int64)
    predicted = np.empty_like(values)
    predicted[:, 1:], predicted[1:, 0], predicted[0, 0] = values[:, :-1], values[:-1, 0], 1 << (bits - 1)
    stream = "".join(_coded(int(d)) for d in (values - predicted).ravel())
    stream += "1" * (-len(stream) % 8)
    body = int(stream, 2).to_bytes(len(stream) // 8, "big").replace(b"\xff", b"\xff\x00")
    height, width = pixels.shape
    table = bytes([0, *[0] * 4, 17, *[0] * 11, *range(17)])
    frame = bytes([bits]) + height.to_bytes(2, "big") + width.to_bytes(2, "big") + bytes([1, 1, 0x11, 0])
    scan = bytes([1, 1, 0x00, 1, 0, 0])
    segments = ((0xC3, frame), (0xC4, table), (0xDA, scan))
    head = b"".join(bytes([0xFF, m]) + (len(s) + 2).to_bytes(2, "big") + s for m, s in segments)
    return b"\xff\xd8" + head + body + b"\xff\xd9"


def _coded(difference: int) -> str:
    size = abs(difference).bit_length()
    if size == 16:  # plus and minus 32768 are the same modulo 65536: no further bits
        return f"{size:05b}"
    low = difference if difference > 0 else difference + (1 << size) - 1
    return f"{size:05b}" + (f"{low:0{size}b}" if size else "")


def far(scan: Scan, pixels: np.ndarray) -> float:
    """Mean absolute difference from 8-bit pixels."""
    return float(np.abs(scan.pixels - pixels / 255).mean())


def coded(ds: Dataset, syntax: UID | None, *frames: bytes) -> bytes:
    """Put streams into a data set; without a syntax the file does not say how it is coded."""
    ds.file_meta.TransferSyntaxUID = syntax or JPEGBaseline8Bit
    ds.PixelData = encapsulate([bytes(f) for f in frames])
    ds["PixelData"].is_undefined_length = True
    ds["PixelData"].VR = "OB"
    data = written(ds)
    return data if syntax else data.replace(b"\x02\x00\x10\x00UI", b"\x02\x00\x11\x00UI", 1)


SKIN = np.asarray(Image.open(io.BytesIO(phantom("skin-melanoma", "melanoma", 0))).convert("RGB").resize((96, 64)))
YCC = np.asarray(Image.fromarray(SKIN).convert("YCbCr"))
DEEP = ramp(high=4095, dtype=np.uint16)


def without_application_segments(stream: bytes) -> bytes:
    """Drop what would say which colours a JPEG holds."""
    kept, at = stream[:2], 2
    while stream[at] == 0xFF and stream[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(stream[at + 2 : at + 4], "big")
        kept += b"" if 0xE0 <= stream[at + 1] <= 0xEF else stream[at:end]
        at = end
    return kept + stream[at:]


def named(stream: bytes, names: bytes) -> bytes:
    """Give the components of a JPEG other identifiers, in its frame and in its scan."""
    out = bytearray(stream)
    frame = next(i for i in range(len(out)) if out[i] == 0xFF and out[i + 1] in (0xC0, 0xC1, 0xC2, 0xC3))
    scan = out.index(b"\xff\xda", frame)
    for n, name in enumerate(names):
        out[frame + 10 + 3 * n] = name
        out[scan + 5 + 2 * n] = name
    return bytes(out)


def jpeg(
    space: str, sampling: str | None = None, lossless: bool = False, names: bytes = b"", bare: bool = True
) -> bytes:
    """A JPEG of the skin picture in RGB or YCbCr."""
    if lossless:  # the encoder turns nothing: the values are what is coded
        values = SKIN if space == "RGB" else YCC
        stream = imagecodecs.jpeg8_encode(values, lossless=True, colorspace="RGB", outcolorspace="RGB")
    else:
        stream = imagecodecs.jpeg8_encode(
            SKIN, level=95, colorspace="RGB", outcolorspace=space, subsampling=sampling or "444"
        )
    stream = without_application_segments(stream) if bare else stream
    return named(stream, names) if names else stream
