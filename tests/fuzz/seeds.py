"""Forty small files of every kind that is read, to be changed at random."""

import io
from collections.abc import Callable

import imagecodecs
import numpy as np
from PIL import Image
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from tests.imaging import test_raster_table, test_tiff_table
from tests.imaging.dicom_files import dataset, jpeg_lossless, ramp, written
from tests.imaging.test_decode import COLOUR, stack
from tests.imaging.test_dicom import compressed
from tests.imaging.test_dicom_table import made

_TIFFS = (
    "grey 1 black-is-zero rows 1",
    "grey 8 black-is-zero rows 8",
    "grey 12 black-is-zero rows 1",
    "grey 16 white-is-zero tile 8",
    "rgb 8 chunky {'rows': 7} 5",
    "rgb 16 planes {'rows': 7} 1",
    "rgb 16 planes {'tile': 16} 8",
    "rgb+alpha 16 chunky kind 2 cut out",
    "cmyk 16 planes 8",
    "ycbcr 8 chunky 1",
    "cielab 8",
    "palette 8 table 16-bit rows",
    "signed 16 rgb ",
    "real 32 rgb to 1 ",
    "rgb 16 order > big",
    "zlib rgb 8 predictor",
    "jpeg ycbcr subsampled tiles",
    "ccitt 4",
)
_PICTURES = (
    "png grey 8 plain",
    "png rgb 8 interlaced",
    "png rgb+alpha 16 cut out plain",
    "png palette 4 plain",
    "png rgb 12 of 16",
    "bmp palette 8 header 40 up",
    "bmp rgb 32 opaque header 124",
    "bmp run-length",
    "jpeg RGB baseline 2 restarts 4",
    "jpeg L progressive 0 restarts 0",
    "jpeg CMYK baseline 0 restarts 0",
    "jpeg 12 bits grey",
    "jpeg lossless 16 bits grey",
    "webp lossy",
    "webp lossless",
    "heic RGB",
)


def seeds() -> dict[str, bytes]:
    """The files by name."""
    cells = {cell[0]: cell[1] for cell in (*test_tiff_table.CELLS, *test_raster_table.CELLS)}
    found = {name: cells[name]() for name in (*_TIFFS, *_PICTURES)}
    found |= {"tiff pages": stack("TIFF"), "webp animation": stack("WEBP")}
    return found | {f"dicom {name}": make() for name, make in _DICOMS.items()}


def _coded(syntax: str) -> bytes:
    ds = dataset(ramp(high=4095, dtype=np.uint16), bits_stored=12)
    ds.compress(syntax, generate_instance_uid=False)
    return written(ds)


def _jpeg() -> bytes:
    out = io.BytesIO()
    Image.fromarray(COLOUR).save(out, "JPEG", quality=90)
    ds = dataset(COLOUR, photometric="YBR_FULL_422")
    return compressed(ds, JPEGBaseline8Bit, [out.getvalue()])


def _lossless() -> bytes:
    values = ramp(high=4095, dtype=np.uint16)
    return compressed(dataset(values, bits_stored=12), JPEGLosslessSV1, [jpeg_lossless(values, 12)])


def _twelve() -> bytes:
    values = ramp(high=4095, dtype=np.uint16)
    stream = imagecodecs.jpeg8_encode(values, bitspersample=12)
    return compressed(dataset(values, bits_stored=12), "1.2.840.10008.1.2.4.51", [stream])


_DICOMS: dict[str, Callable[[], bytes]] = {
    "plain": lambda: written(
        dataset(ramp(high=4095, dtype=np.uint16), bits_stored=12, WindowCenter=2000, WindowWidth=3000)
    ),
    "implicit colour": lambda: written(dataset(COLOUR), ImplicitVRLittleEndian),
    "big-endian": lambda: written(dataset(ramp(high=4095, dtype=np.uint16), bits_stored=12), ExplicitVRBigEndian),
    "deflated": lambda: written(dataset(COLOUR), DeflatedExplicitVRLittleEndian),
    "palette": lambda: written(made("PALETTE COLOR", 8, 8)),
    "rle": lambda: _coded(RLELossless),
    "jpeg 2000": lambda: _coded(JPEG2000Lossless),
    "jpeg-ls": lambda: _coded(JPEGLSLossless),
    "jpeg": _jpeg,
    "jpeg lossless": _lossless,
    "jpeg 12 bits": _twelve,
}
