"""Every cell of transfer syntax x photometric interpretation x bits x layout x sign, beside an independent reader."""

import io
from collections.abc import Iterator

import imagecodecs
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels import apply_color_lut, convert_color_space, pixel_array
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from medcls.imaging.decode import read_scan
from tests.imaging.dicom_files import dataset, written

H, W = 40, 54
PLAIN = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)
# Photometric interpretation, bits stored, bits allocated, sign, planes (None where it does not apply).
GREYS = [
    ("MONOCHROME2", 8, 8, 0),
    ("MONOCHROME2", 8, 8, 1),
    ("MONOCHROME1", 8, 8, 0),
    ("MONOCHROME2", 10, 16, 0),
    ("MONOCHROME2", 12, 16, 0),
    ("MONOCHROME2", 12, 16, 1),
    ("MONOCHROME1", 12, 16, 0),
    ("MONOCHROME2", 16, 16, 0),
    ("MONOCHROME2", 16, 16, 1),
    ("MONOCHROME1", 16, 16, 1),
    ("MONOCHROME2", 32, 32, 0),
    ("PALETTE COLOR", 8, 8, 0),
    ("PALETTE COLOR", 16, 16, 0),
]
COLOURS = [
    (space, bits, allocated, planes)
    for space in ("RGB", "YBR_FULL")
    for bits, allocated in ((8, 8), (12, 16), (16, 16))
    for planes in (0, 1)
] + [("YBR_FULL_422", 8, 8, 0)]


def picture(bits: int, signed: int = 0) -> np.ndarray:
    """A smooth grey picture that reaches both ends of its range."""
    rows, columns = np.indices((H, W))
    wave = np.sin(rows / 4) + np.cos(columns / 5) + rows / 20
    share = (wave - wave.min()) / (wave.max() - wave.min())
    low = -(2 ** (bits - 1)) if signed else 0
    size = 1 if bits <= 8 else 2 if bits <= 16 else 4
    return (np.floor(share * (2**bits - 1)) + low).astype(f"{'i' if signed else 'u'}{size}")


def colours(bits: int) -> np.ndarray:
    """Three planes that differ."""
    grey = picture(bits).astype(np.int64)
    planes = np.stack([grey, grey // 2 + 2 ** (bits - 2), 2**bits - 1 - grey // 3], -1)
    return planes.astype(np.uint8 if bits <= 8 else np.uint16)


def with_palette(ds: Dataset, bits: int) -> Dataset:
    """Add three tables of 16 bits."""
    n = 2 ** min(bits, 16)
    ramp = (np.arange(n) * (65535 / (n - 1))).astype("<u2")
    for name, table in (("Red", ramp), ("Green", ramp[::-1]), ("Blue", ramp // 2)):
        ds.add_new(f"{name}PaletteColorLookupTableDescriptor", "US", [n % 65536, 0, 16])
        ds.add_new(f"{name}PaletteColorLookupTableData", "OW", np.ascontiguousarray(table).tobytes())
    return ds


def made(space: str, bits: int, allocated: int, signed: int = 0, planes: int | None = None) -> Dataset:
    """A data set of one cell, stored plain."""
    if planes is None:
        ds = dataset(picture(bits, signed), photometric=space, bits_stored=bits)
        return with_palette(ds, bits) if space == "PALETTE COLOR" else ds
    ds = dataset(colours(bits), photometric=space, bits_stored=bits)
    if space.endswith("422"):
        ds.PixelData = halved(colours(bits))
    elif planes:
        ds.PlanarConfiguration = 1
        ds["PixelData"].value = np.moveaxis(colours(bits), -1, 0).tobytes()
    return ds


def halved(values: np.ndarray) -> bytes:
    """Y Y B R for every two pixels; colour differences of both are made the same by taking the first's."""
    quads = np.stack([values[:, 0::2, 0], values[:, 1::2, 0], values[:, 0::2, 1], values[:, 0::2, 2]], -1)
    return quads.tobytes()


def reference(data: bytes, plugin: str = "") -> np.ndarray:
    """What pydicom's own plugins make of a file, as display values."""
    ds = pydicom.dcmread(io.BytesIO(data))
    values = pixel_array(ds, raw=True, decoding_plugin=plugin)
    return shown(values, ds)


def shown(values: np.ndarray, ds: Dataset) -> np.ndarray:
    """Display values of stored ones, by the rules as the standard has them."""
    space, bits = ds.PhotometricInterpretation, ds.BitsStored
    if space == "PALETTE COLOR":
        return apply_color_lut(values, ds) / 65535
    if values.ndim == 3:
        top = 2**bits - 1
        if not space.startswith("YBR"):
            return values / top
        if bits == 8:
            return convert_color_space(values, "YBR_FULL", "RGB") / top
        y, b, r = np.moveaxis(values.astype(float), -1, 0)
        b, r = b - 2 ** (bits - 1), r - 2 ** (bits - 1)
        return np.clip(np.stack([y + 1.402 * r, y - 0.344136 * b - 0.714136 * r, y + 1.772 * b], -1) / top, 0, 1)
    values = values.astype(np.float64)
    plain = bits <= 8 and not ds.PixelRepresentation
    low, high = (0, 2**bits - 1) if plain else (values.min(), values.max())
    share = (values - low) / (high - low)
    return 1 - share if space == "MONOCHROME1" else share


def native() -> Iterator[tuple]:
    """Cells stored plain."""
    for syntax in PLAIN:
        for space, bits, allocated, signed in GREYS:
            yield pytest.param(
                syntax, space, bits, allocated, signed, None, id=f"{syntax.name}-{space}-{bits}-{signed}"
            )
        for space, bits, allocated, planes in COLOURS:
            yield pytest.param(syntax, space, bits, allocated, 0, planes, id=f"{syntax.name}-{space}-{bits}-p{planes}")


@pytest.mark.parametrize(("syntax", "space", "bits", "allocated", "signed", "planes"), [*native()])
def test_stored_plain(syntax: UID, space: str, bits: int, allocated: int, signed: int, planes: int | None):
    ds = made(space, bits, allocated, signed, planes)
    swap = syntax == ExplicitVRBigEndian and allocated > 8
    if swap and space == "PALETTE COLOR":
        pytest.skip("pydicom does not write tables of words in big endian")
    if syntax == ExplicitVRBigEndian and not swap:
        ds["PixelData"].VR = "OB"
        out = io.BytesIO()
        ds.file_meta.TransferSyntaxUID = syntax
        ds.save_as(out, enforce_file_format=True)
        data = out.getvalue()
    else:
        data = written(ds, syntax)
    scan = read_scan(data)
    assert np.abs(scan.pixels - reference(data)).max() < (0.006 if space.startswith("YBR") else 1e-5)


def coded(ds: Dataset, syntax: UID, stream: bytes) -> bytes:
    """Put a stream into a data set."""
    ds.file_meta.TransferSyntaxUID = syntax
    ds.PixelData = encapsulate([bytes(stream)])
    ds["PixelData"].is_undefined_length = True
    ds["PixelData"].VR = "OB"
    return written(ds)


GREY_CELLS = [(8, 8, 0), (10, 16, 0), (12, 16, 0), (16, 16, 0), (12, 16, 1), (16, 16, 1)]


def plain_values(ds: Dataset) -> np.ndarray:
    """Stored values of a data set that is not compressed, as an unsigned pattern of the bits that count."""
    values = pixel_array(ds, raw=True)
    return (
        values.astype(np.int64).__and__(2**ds.BitsStored - 1).astype(np.uint8 if ds.BitsAllocated == 8 else np.uint16)
    )


def pydicom_coded() -> Iterator[tuple]:
    """Cells that pydicom's own encoders write."""
    for syntax in (RLELossless, JPEGLSLossless, JPEG2000Lossless):
        for bits, _, signed in GREY_CELLS:
            for space in ("MONOCHROME1", "MONOCHROME2"):
                if not (syntax == JPEGLSLossless and signed):
                    yield pytest.param(syntax, space, bits, signed, id=f"{syntax.name}-{space}-{bits}-{signed}")
        yield pytest.param(syntax, "PALETTE COLOR", 8, 0, id=f"{syntax.name}-palette")
        for bits in (8, 16):
            yield pytest.param(syntax, "RGB", bits, 0, id=f"{syntax.name}-RGB-{bits}")
    yield pytest.param(RLELossless, "YBR_FULL", 8, 0, id="RLE-YBR_FULL-8")
    yield pytest.param(JPEGLSLossless, "YBR_FULL", 8, 0, id="JPEGLS-YBR_FULL-8")


PLUGIN = {RLELossless: "pydicom", JPEGLSLossless: "gdcm", JPEG2000Lossless: "pylibjpeg"}


@pytest.mark.parametrize(("syntax", "space", "bits", "signed"), [*pydicom_coded()])
def test_written_by_pydicom(syntax: UID, space: str, bits: int, signed: int):
    ds = made(space, bits, 8 if bits <= 8 else 16, signed, 0 if space in ("RGB", "YBR_FULL") else None)
    plain = reference(written(ds))
    ds.compress(syntax, generate_instance_uid=False)
    data = written(ds)
    scan = read_scan(data)
    allowed = 0.006 if space.startswith("YBR") else 1e-5
    assert np.abs(scan.pixels - plain).max() < allowed
    if not (syntax == JPEGLSLossless and space in ("RGB", "YBR_FULL")):  # gdcm refuses three planes of JPEG-LS
        assert np.abs(scan.pixels - reference(data, PLUGIN[syntax])).max() < allowed


def encoded() -> Iterator[tuple]:
    """Cells that imagecodecs writes: syntax, encoder, reader beside ours (empty: the picture it was made from), error."""
    jpeg, jls, ht, j2k = (
        imagecodecs.jpeg8_encode,
        imagecodecs.jpegls_encode,
        imagecodecs.htj2k_encode,
        imagecodecs.jpeg2k_encode,
    )
    for syntax in (JPEGLossless, JPEGLosslessSV1):
        for bits, _, signed in GREY_CELLS:
            yield (
                syntax,
                "MONOCHROME2",
                bits,
                signed,
                lambda v, b=bits: jpeg(v, lossless=True, bitspersample=b),
                "gdcm",
                0,
            )
            yield (
                syntax,
                "MONOCHROME1",
                bits,
                signed,
                lambda v, b=bits: jpeg(v, lossless=True, bitspersample=b),
                "gdcm",
                0,
            )
        yield syntax, "RGB", 8, 0, lambda v: jpeg(v, lossless=True), "gdcm", 0
        yield syntax, "PALETTE COLOR", 8, 0, lambda v: jpeg(v, lossless=True), "gdcm", 0
        for predictor in range(2, 8):
            yield (
                JPEGLossless,
                "MONOCHROME2",
                12,
                0,
                (lambda v, p=predictor: jpeg(v, lossless=True, bitspersample=12, predictor=p)),
                "gdcm",
                0,
            )
    for syntax in (HTJ2KLossless, HTJ2K):
        for bits, _, signed in GREY_CELLS:
            if not signed:
                yield syntax, "MONOCHROME2", bits, 0, lambda v: ht(v, reversible=True), "pylibjpeg", 0
        yield syntax, "RGB", 8, 0, lambda v: ht(v, reversible=True, rgb=False), "pylibjpeg", 0
        yield syntax, "YBR_RCT", 8, 0, lambda v: ht(v, reversible=True), "", 0
        yield syntax, "YBR_FULL", 8, 0, lambda v: ht(v, reversible=True, rgb=False), "pylibjpeg", 0
    for space, mct in (("RGB", False), ("YBR_RCT", True), ("YBR_ICT", True), ("RGB", True)):
        for fmt in ("j2k", "jp2"):
            yield (
                JPEG2000,
                space,
                8,
                0,
                (lambda v, m=mct, f=fmt: j2k(v, codecformat=f, mct=m, reversible=True)),
                "pylibjpeg" if fmt == "j2k" else "",
                0,
            )
    yield (
        JPEG2000,
        "MONOCHROME2",
        12,
        0,
        lambda v: j2k(v, codecformat="j2k", bitspersample=12, level=60),
        "pylibjpeg",
        0.01,
    )
    for bits in (8, 12):
        yield JPEGLSNearLossless, "MONOCHROME2", bits, 0, lambda v: jls(v, level=2), "gdcm", 0.02
    yield JPEGBaseline8Bit, "MONOCHROME2", 8, 0, lambda v: jpeg(v, level=95), "gdcm", 0.01
    yield JPEGBaseline8Bit, "MONOCHROME1", 8, 0, lambda v: jpeg(v, level=95), "gdcm", 0.01
    yield JPEGExtended12Bit, "MONOCHROME2", 8, 0, lambda v: jpeg(v, level=95), "pillow", 0.01
    yield JPEGExtended12Bit, "MONOCHROME2", 12, 0, lambda v: jpeg(v, level=95, bitspersample=12), "", 0.01
    yield JPEGExtended12Bit, "MONOCHROME1", 12, 0, lambda v: jpeg(v, level=95, bitspersample=12), "", 0.01
    for sampling in ("444", "422", "420"):
        yield (
            JPEGBaseline8Bit,
            "YBR_FULL_422",
            8,
            0,
            (lambda v, s=sampling: jpeg(v, level=95, colorspace="RGB", outcolorspace="YCBCR", subsampling=s)),
            "pillow",
            0.05,
        )
    yield (
        JPEGBaseline8Bit,
        "RGB",
        8,
        0,
        lambda v: jpeg(v, level=95, colorspace="RGB", outcolorspace="RGB"),
        "pillow",
        0.05,
    )


CELLS = list(encoded())


@pytest.mark.parametrize(
    "n", range(len(CELLS)), ids=[f"{c[0].name}-{c[1]}-{c[2]}-{c[3]}-{n}" for n, c in enumerate(CELLS)]
)
def test_written_by_imagecodecs(n: int):
    syntax, space, bits, signed, encode, plugin, tolerance = CELLS[n]
    in_colour = space in ("RGB", "YBR_RCT", "YBR_ICT", "YBR_FULL", "YBR_FULL_422")
    ds = made("RGB" if in_colour else space, bits, 8 if bits <= 8 else 16, signed, 0 if in_colour else None)
    truth = shown(pixel_array(ds, raw=True), ds)
    values = plain_values(ds)
    if space == "YBR_FULL":  # the codec turns nothing: what is coded is YCbCr
        values = np.asarray(Image.fromarray(values).convert("YCbCr"))
    ds.PhotometricInterpretation = space
    data = coded(ds, syntax, encode(values))
    scan = read_scan(data)
    allowed = 0.012 if space == "YBR_FULL" else tolerance + 1e-5
    assert np.abs(scan.pixels - truth).mean() <= allowed
    if plugin and space != "YBR_FULL":
        ds = pydicom.dcmread(io.BytesIO(data))
        other = pixel_array(ds, decoding_plugin=plugin)
        ds.PhotometricInterpretation = "RGB" if in_colour else space
        assert np.abs(scan.pixels - shown(other, ds)).max() <= (0.02 if tolerance else 1e-5)


def test_the_table_has_enough_cells():
    assert len(list(native())) + len(list(pydicom_coded())) + len(CELLS) >= 180
