"""What the largest pictures take beside what is given back, in the process that asks: counted by `tracemalloc`, to which NumPy tells all."""

import base64
import io
import tracemalloc

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from medcls.errors import TooLarge
from medcls.imaging import heif
from medcls.imaging.decode import read_scan
from medcls.imaging.limits import Limits
from medcls.imaging.profile import to_srgb

SIDE = 1500
PICTURE = np.add.outer(np.arange(SIDE) // 7 % 120, np.arange(SIDE) // 7 % 120).astype(np.uint8)
RGB = np.dstack([PICTURE, np.roll(PICTURE, 50, 1), np.roll(PICTURE, 90, 0)])
RGBA = np.dstack([RGB, PICTURE])


def tiff(values: np.ndarray, **options) -> bytes:
    out = io.BytesIO()
    tifffile.imwrite(out, values, compression="zlib", rowsperstrip=64, **options)
    return out.getvalue()


FILES = {
    "lab": lambda: tiff(RGB, photometric="cielab"),
    "ycbcr 16": lambda: tiff(RGB.astype(np.uint16) * 257, photometric="ycbcr", subsampling=(1, 1)),
    "rgba 16": lambda: tiff(RGBA.astype(np.uint16) * 257, photometric="rgb", extrasamples=["unassalpha"]),
    "cmyk 16": lambda: tiff(RGBA.astype(np.uint16) * 257, photometric="separated"),
    "turned": lambda: tiff(RGB.astype(np.uint16) * 257, photometric="rgb", extratags=[(274, "H", 1, 6, True)]),
    "real": lambda: tiff((RGB / 255).astype(np.float32), photometric="rgb"),
    "png rgba 16": lambda: imagecodecs.png_encode(RGBA.astype(np.uint16) * 257, level=1),
}


@pytest.mark.parametrize("name", FILES)
def test_a_picture_takes_twenty_four_bytes_a_pixel_at_most(name: str) -> None:
    """Decoded values of 8 to 12 bytes a pixel and shown ones of 12, and blocks of some megabytes."""
    data = FILES[name]()
    read_scan(data)
    tracemalloc.start()
    scan = read_scan(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= 25 * SIDE * SIDE + 30_000_000
    assert scan.pixels.dtype == np.float32


def test_what_would_take_more_than_half_a_gigabyte_is_refused_by_its_header() -> None:
    many = np.zeros((5000, 5000, 4), np.uint16)
    for data in (imagecodecs.png_encode(many, level=1), tiff(many, photometric="rgb", extrasamples=["unassalpha"])):
        with pytest.raises(TooLarge) as caught:
            read_scan(data)
        assert caught.value.code == "imaging.too-many-bytes"


@pytest.mark.parametrize("wide", [False, True])
def test_a_large_photograph_is_converted_without_copies(wide: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A HEIC picture as its decoder hands it over, its profile that of another space."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes() if wide else b""
    profile = profile.replace(b"s\0R\0G\0B", b"o\0t\0h\0r").replace(b"sRGB", b"othr")
    given = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3), np.uint8)
    more = {"pictures": 1, "profile": base64.b64encode(profile).decode()}
    monkeypatch.setattr(heif, "run_apart", lambda job, data: (given, more))
    monkeypatch.setattr(heif, "heif_size", lambda data: (SIDE, SIDE))
    tracemalloc.start()
    read = heif.read_heif(b"", Limits())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= (3 if wide else 0) * SIDE * SIDE + 8_000_000
    whole = to_srgb(Image.fromarray(given), profile, [])
    assert np.array_equal(read.pixels, np.asarray(whole))
    assert [note.code for note in read.notes] == (["imaging.profile-converted"] if wide else [])
