"""Picture files of every format and mode, made here, against the pixels they were made from."""

import io
import struct
import time
import warnings

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from medcls.core.note import Note
from medcls.core.scan import Scan
from medcls.errors import BadScan, MedclsError, TooLarge
from medcls.imaging.decode import Limits, count_frames, read_scan
from medcls.imaging.jpeg import warning_of
from medcls.imaging.picture import to_png

ROWS, COLUMNS = np.indices((24, 32))
GREY = (ROWS * 5 + COLUMNS * 4).astype(np.uint8)
COLOUR = np.stack([GREY, 255 - GREY, GREY[::-1]], -1)


def encode(image: Image.Image | np.ndarray, kind: str = "PNG", **options) -> bytes:
    out = io.BytesIO()
    picture = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    picture.save(out, kind, **options)
    return out.getvalue()


def told(scan: Scan, code: str) -> Note | None:
    return next((note for note in scan.notes if note.code == code), None)


def same(scan: Scan, expected: np.ndarray) -> bool:
    return scan.pixels.shape == expected.shape and np.array_equal(np.rint(scan.pixels * 255), expected)


@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("TIFF", {}), ("BMP", {}), ("WEBP", {"lossless": True})])
@pytest.mark.parametrize("pixels", [GREY, COLOUR], ids=["grey", "colour"])
def test_lossless_formats(kind, options, pixels):
    assert same(read_scan(encode(pixels, kind, **options)), pixels)


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_jpeg(options):
    smooth = np.asarray(Image.fromarray(COLOUR).resize((320, 240)))
    scan = read_scan(encode(smooth, "JPEG", quality=95, subsampling=0, **options))
    assert np.abs(scan.pixels - smooth / 255).mean() < 0.01


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_tiff_compressions(compression):
    assert same(read_scan(encode(COLOUR, "TIFF", compression=compression)), COLOUR)


def test_scan_is_display_values_and_the_digest_of_the_bytes():
    data = encode(GREY)
    scan = read_scan(data)
    assert scan.pixels.dtype == np.float32
    assert not scan.pixels.flags.writeable
    assert scan.pixels.max() <= 1
    assert read_scan(data).sha256 == scan.sha256 != read_scan(encode(GREY, "BMP")).sha256
    assert scan.modality is None
    assert scan.spacing_mm is None


MODES = {
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "TIFF": ("1", "LA", "P", "RGBA", "CMYK", "YCbCr", "I;16", "I", "F"),
    "BMP": ("P", "1", "RGBA"),
    "JPEG": ("CMYK", "L"),
    "WEBP": ("RGBA",),
}


@pytest.mark.parametrize(("kind", "mode"), [(kind, mode) for kind, modes in MODES.items() for mode in modes])
def test_every_mode(kind, mode):
    """A left-to-right ramp stays one in every mode a format can hold."""
    ramp = Image.fromarray(np.tile(np.arange(0, 256, 8, dtype=np.uint8), (24, 1)))
    image = (
        ramp.convert("P", palette=Image.Palette.ADAPTIVE)
        if mode == "P"
        else ramp.convert("I" if mode == "I;16" else mode)
    )
    image = image.convert("I;16") if mode == "I;16" else image
    scan = read_scan(encode(image, kind))
    assert scan.size_px == (24, 32)
    assert scan.pixels[:, :4].mean() < 0.2
    assert scan.pixels[:, -4:].mean() > 0.8


@pytest.mark.parametrize(("high", "bits"), [(200, 8), (1000, 10), (4095, 12), (16000, 14), (65535, 16)])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_deep_grey_is_shown_by_the_depth_it_uses(high, bits, kind):
    values = np.linspace(0, high, 24 * 32).reshape(24, 32).astype(np.uint16)
    scan = read_scan(encode(values, kind))
    np.testing.assert_allclose(scan.pixels, values / (2**bits - 1), atol=1e-6)
    assert told(scan, "imaging.deep-grey").params["bits"] == bits


def test_float_tiff_with_nan_is_stretched_and_said():
    values = np.linspace(-3, 5, 24 * 32).reshape(24, 32).astype(np.float32)
    values[0, 1], values[0, 2], values[0, 3] = np.nan, np.inf, -np.inf
    scan = read_scan(encode(values, "TIFF"))
    good = np.isfinite(values)
    np.testing.assert_allclose(scan.pixels[good], (values[good] + 3) / 8, atol=1e-6)
    assert scan.pixels[0, 1:4].tolist() == [0, 1, 0]
    assert told(scan, "imaging.not-finite").params["n"] == 3


def test_float_tiff_extremes():
    huge = np.array([[-3e38, 0, 3e38]], np.float32)
    np.testing.assert_allclose(read_scan(encode(huge, "TIFF")).pixels, [[0, 0.5, 1]], atol=1e-6)
    flat = read_scan(encode(np.full((3, 3), 7, np.float32), "TIFF"))
    assert not flat.pixels.any()
    assert told(flat, "imaging.one-value")
    with pytest.raises(BadScan, match="no number"):
        read_scan(encode(np.full((3, 3), np.nan, np.float32), "TIFF"))


def test_deep_tiff_with_low_values_white_is_inverted_as_a_shallow_one_is():
    values = np.linspace(0, 4000, 24 * 32).reshape(24, 32).astype(np.uint16)
    scan = read_scan(encode(values, "TIFF", tiffinfo={262: 0}))
    np.testing.assert_allclose(scan.pixels, 1 - values / 4095, atol=1e-6)
    assert told(scan, "imaging.deep-grey").params["end"] == 4095
    assert told(scan, "imaging.white-is-zero")
    assert same(read_scan(encode(GREY, "TIFF", tiffinfo={262: 0})), GREY)  # Pillow inverts it on either way


def test_float_tiff_with_low_values_white_is_inverted():
    values = np.linspace(-3, 5, 24 * 32).reshape(24, 32).astype(np.float32)
    values[0, 1], values[0, 2], values[0, 3] = np.nan, np.inf, -np.inf
    scan = read_scan(encode(values, "TIFF", tiffinfo={262: 0}))
    good = np.isfinite(values)
    np.testing.assert_allclose(scan.pixels[good], (5 - values[good]) / 8, atol=1e-6)
    assert scan.pixels[0, 1:4].tolist() == [0, 0, 1]
    assert told(scan, "imaging.stretched")
    assert told(scan, "imaging.not-finite").params["n"] == 3
    assert told(scan, "imaging.white-is-zero")
    assert not read_scan(encode(np.full((3, 3), 7, np.float32), "TIFF", tiffinfo={262: 0})).pixels.any()


def chunk(kind: bytes, body: bytes) -> bytes:
    import zlib

    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")


def hand_made_png(width: int, height: int, depth: int, colour: int, rows: bytes, *extra: bytes) -> bytes:
    import zlib

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(extra) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def test_sixteen_bit_colour_and_its_words():
    row = struct.pack(">BHHH", 0, 0xFFFF, 0x8000, 0)
    scan = read_scan(hand_made_png(1, 1, 16, 2, row))
    np.testing.assert_allclose(scan.pixels, [[[1, 0x8000 / 0xFFFF, 0]]], atol=1e-6)
    assert told(scan, "imaging.deep-colour").params["bits"] == 16


def test_interlaced_png():
    """Pillow cannot write one: 8 x 8 grey in Adam7 order, by hand."""
    import zlib

    pixels = GREY[:8, :8]
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    raw = b"".join(b"\0" + row.tobytes() for y, x, dy, dx in passes for row in pixels[y::dy, x::dx])
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 1))
    data = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    assert same(read_scan(data), pixels)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_transparency_is_laid_on_black_and_said(kind):
    alpha = np.full(GREY.shape, 255, np.uint8)
    opaque = np.dstack([COLOUR, alpha])
    scan = read_scan(encode(opaque, kind, **({"lossless": True} if kind == "WEBP" else {})))
    assert same(scan, COLOUR)
    assert not told(scan, "imaging.alpha-on-black")
    alpha[:, 16:] = 0
    scan = read_scan(encode(np.dstack([COLOUR, alpha]), kind, **({"lossless": True} if kind == "WEBP" else {})))
    assert same(scan, COLOUR * (COLUMNS < 16)[..., None])
    assert told(scan, "imaging.alpha-on-black")


def test_transparent_palette_and_grey_key():
    palette = Image.fromarray(COLOUR).quantize(16)
    assert told(read_scan(encode(palette, transparency=3)), "imaging.alpha-on-black")
    keyed = read_scan(encode(GREY, transparency=int(GREY[3, 3])))
    assert keyed.pixels[3, 3] == 0
    assert keyed.pixels.shape == GREY.shape


def test_grey_stored_as_colour_becomes_grey():
    scan = read_scan(encode(np.dstack([GREY] * 3)))
    assert same(scan, GREY)
    assert told(scan, "imaging.grey-in-colour")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_exif_orientation_gives_the_upright_picture(kind, turn):
    """Each file is written so that a viewer that honours its orientation shows the same picture."""
    upright = Image.fromarray(np.kron(COLOUR, np.ones((8, 8, 1), np.uint8)))
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    exif = Image.Exif()
    exif[274] = turn
    exif[305] = "Marker software"
    stored = upright.transpose(undo[turn]) if turn in undo else upright
    options = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"lossless": True}}.get(kind, {})
    scan = read_scan(encode(stored, kind, exif=exif.tobytes() if kind != "TIFF" else exif, **options))
    assert scan.size_px == (192, 256)
    assert np.abs(scan.pixels - np.asarray(upright) / 255).max() < (0.1 if kind == "JPEG" else 1e-6)
    assert (told(scan, "imaging.turned-upright") is not None) == (turn != 1)


def test_colour_profile_is_applied_and_a_broken_one_said():
    swapped = ImageCms.createProfile("sRGB")
    plain = read_scan(encode(COLOUR, icc_profile=ImageCms.ImageCmsProfile(swapped).tobytes()))
    assert same(plain, COLOUR)
    broken = read_scan(encode(COLOUR, icc_profile=b"not a profile" * 20))
    assert same(broken, COLOUR)
    assert told(broken, "imaging.profile-left-out")


def test_a_wide_profile_changes_colours():
    """The sRGB profile with its red and green columns exchanged, under another name: red comes out green."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile = profile.replace(b"s\0R\0G\0B", b"o\0t\0h\0r").replace(b"sRGB", b"othr")
    r, g = profile.find(b"rXYZ"), profile.find(b"gXYZ")
    profile[r : r + 4], profile[g : g + 4] = b"gXYZ", b"rXYZ"
    red = np.zeros((4, 4, 3), np.uint8)
    red[..., 0] = 255
    scan = read_scan(encode(red, icc_profile=bytes(profile)))
    assert told(scan, "imaging.profile-converted")
    assert scan.pixels[0, 0, 1] > 0.9
    assert scan.pixels[0, 0, 0] < 0.3


def stack(kind: str, n: int = 3) -> bytes:
    frames = [Image.fromarray(np.roll(COLOUR, 4 * i, 1)) for i in range(n)]
    options = {"lossless": True, "duration": 50} if kind == "WEBP" else {"duration": 50} if kind == "PNG" else {}
    return encode(frames[0], kind, save_all=True, append_images=frames[1:], **options)


@pytest.mark.parametrize("kind", ["TIFF", "PNG", "WEBP"])
def test_several_frames_first_is_read_and_said_and_another_can_be_chosen(kind):
    data = stack(kind)
    assert count_frames(data) == 3
    first = read_scan(data)
    assert same(first, COLOUR)
    assert told(first, "imaging.frame-of")
    assert same(read_scan(data, frame=2), np.roll(COLOUR, 8, 1))
    for frame in (3, -1):
        with pytest.raises(BadScan, match="1 to 3"):
            read_scan(data, frame=frame)


def test_a_later_page_has_its_own_size_checked():
    pages = [Image.fromarray(GREY), Image.new("1", (3000, 3000))]
    data = encode(pages[0], "TIFF", save_all=True, append_images=pages[1:], compression="tiff_deflate")
    limits = Limits(max_pixels=1_000_000)
    assert same(read_scan(data, limits=limits), GREY)
    with pytest.raises(TooLarge):
        read_scan(data, frame=1, limits=limits)


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (10_000, 1), (50, 50)])
def test_odd_sizes(size):
    assert read_scan(encode(np.full(size, 128, np.uint8))).size_px == size


def test_text_of_a_phantom_is_known_and_other_text_is_not_kept():
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "MARKER-123")
    scan = read_scan(encode(GREY, pnginfo=info))
    assert "MARKER" not in repr(scan)


def test_limits_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("MEDCLS_MAX_PIXELS", "700")
    monkeypatch.setenv("MEDCLS_MAX_BYTES", "1000000")
    with pytest.raises(TooLarge, match="32 x 24"):
        read_scan(encode(GREY))
    monkeypatch.setenv("MEDCLS_MAX_BYTES", "50")
    with pytest.raises(TooLarge, match="MB"):
        read_scan(encode(GREY))
    for wrong in ("0", "-1", "many", "9" * 20):
        monkeypatch.setenv("MEDCLS_MAX_BYTES", wrong)
        with pytest.raises(MedclsError):
            read_scan(encode(GREY))


def test_no_warning_leaks():
    """Pillow would warn of this size, and of these two palettes with transparency."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(TooLarge):
            read_scan(hand_made_png(10_000, 10_000, 8, 0, b""))
        exif = b"Exif\0\0II*\0\x08\0\0\0\xff\xff"
        read_scan(encode(GREY, "JPEG", exif=exif))
    assert not caught


def test_a_thumbnail():
    small = Image.open(io.BytesIO(to_png(COLOUR / np.float32(255), max_side_px=16)))
    assert small.size == (16, 12)
    assert not small.info
    assert same(read_scan(to_png(COLOUR)), COLOUR)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP"])
@pytest.mark.parametrize(
    ("across", "down", "size"), [(150, 300, (24, 64)), (300, 150, (48, 32)), (300, 300, (24, 32)), (300, 1, (24, 32))]
)
def test_unequal_resolutions_make_pixels_square(kind, across, down, size):
    scan = read_scan(encode(COLOUR, kind, dpi=(across, down)))
    assert scan.size_px == size
    assert (told(scan, "imaging.made-square") is not None) == (size != (24, 32))
    assert (told(scan, "imaging.aspect-left-out") is not None) == (down == 1)


def test_resolutions_are_turned_with_the_picture():
    exif = Image.Exif()
    exif[274] = 6
    scan = read_scan(encode(COLOUR, "JPEG", dpi=(150, 300), exif=exif.tobytes()))
    assert scan.size_px == (64, 24)


def test_a_deep_png_is_turned_upright_and_keeps_its_bits():
    exif = Image.Exif()
    exif[274] = 8
    rows = b"".join(
        struct.pack(">B6H", 0, *row)
        for row in ((1, 2, 3, 40000, 50000, 60000), (7, 8, 9, 10, 11, 12), (0, 0, 0, 65535, 1, 2))
    )
    scan = read_scan(hand_made_png(2, 3, 16, 2, rows, chunk(b"eXIf", exif.tobytes()[6:])))
    assert scan.size_px == (2, 3)
    assert np.rint(scan.pixels[0, 0] * 65535).tolist() == [40000, 50000, 60000]


def test_a_decoder_s_warning_of_damage_is_told():
    """A bit flipped in the middle; and a file whose end is missing but for its end marker."""
    smooth = np.asarray(Image.fromarray(COLOUR).resize((160, 120)))
    for options in ({}, {"progressive": True}):
        data = encode(smooth, "JPEG", quality=80, **options)
        assert not told(read_scan(data), "imaging.may-be-damaged")
        assert told(read_scan(data[: len(data) * 2 // 3] + b"\xff\xd9"), "imaging.may-be-damaged")
    data = encode(smooth, "JPEG", quality=80)
    flipped = [data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :] for at in range(len(data) // 2, len(data) - 2, 40)]
    warned = [f for f in flipped if warning_of(f)]
    assert warned
    for file in warned:
        try:
            assert told(read_scan(file), "imaging.may-be-damaged")
        except BadScan:
            continue  # Pillow gave up altogether


@pytest.mark.parametrize("mode", ["RGB", "CMYK"])
def test_colours_at_a_resolution_that_no_encoder_stores_are_told(mode: str):
    """Mutant 15486 of the fuzz with seed 16: the first component three times as wide, which TurboJPEG refuses."""
    data = encode(Image.fromarray(COLOUR).convert(mode), "JPEG", quality=90, subsampling=0)
    assert not told(read_scan(data), "imaging.may-be-damaged")
    at = data.index(b"\xff\xc0") + 11
    assert data[at] == 0x11
    assert told(read_scan(data[:at] + b"\x31" + data[at + 1 :]), "imaging.may-be-damaged")


def test_a_jpeg_inside_a_tiff_is_asked_too():
    smooth = np.asarray(Image.fromarray(COLOUR).resize((160, 120)))
    data = encode(smooth, "TIFF", compression="jpeg", quality=80)
    assert not told(read_scan(data), "imaging.may-be-damaged")
    end = data.index(b"\xff\xd9")
    assert told(read_scan(data[: end - 60] + b"\xff\xd9" + bytes(60) + data[end + 2 :]), "imaging.may-be-damaged")


def test_a_jpeg_of_many_scans_is_refused_before_it_is_decoded():
    data = encode(np.zeros((3000, 3000), np.uint8), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    many = data[:last] + data[last:-2] * 300 + b"\xff\xd9"
    began = time.process_time()
    for read in (read_scan, count_frames):
        with pytest.raises(TooLarge) as caught:
            read(many)
        assert caught.value.code == "imaging.too-many-scans"
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: hand_made_png(4, 4, 8, 0, bytes(20), chunk(b"tEXt", b"a\0b") * 30_000),
        lambda: (data := encode(COLOUR, "JPEG"))[:2] + b"\xff\xfe\0\2" * 30_000 + data[2:],
    ],
)
def test_a_file_of_countless_parts_is_refused(make):
    with pytest.raises(TooLarge) as caught:
        read_scan(make())
    assert caught.value.code == "imaging.too-many-segments"


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_a_lossless_jpeg_is_decoded_twice_and_a_contradiction_told(bits):
    values = np.rint(np.kron(GREY, np.ones((4, 4))) / 255 * (2**bits - 1)).astype(np.uint8 if bits == 8 else np.uint16)
    data = imagecodecs.jpeg8_encode(values, lossless=True, bitspersample=bits)
    assert not told(read_scan(data), "imaging.may-be-damaged")
    warned = 0
    for at in range(len(data) // 2, len(data) - 2, len(data) // 20):
        try:
            scan = read_scan(data[:at] + bytes([data[at] ^ 0x18]) + data[at + 1 :])
        except BadScan:
            continue
        same_ = np.array_equal(scan.pixels, read_scan(data).pixels)
        warned += told(scan, "imaging.may-be-damaged") is not None and not same_
    assert warned


def test_a_tiff_of_countless_tags_is_refused():
    """Thousands of pages that share one list of tags: each begins two bytes after the one before it."""
    entry = struct.pack("<HHII", 256, 4, 1, 1)
    page = struct.pack("<H", 4000) + entry * 4000
    data, at = b"II*\0" + struct.pack("<I", 8), 8
    for i in range(40):
        at += len(page) + 4
        data += page + struct.pack("<I", at if i < 39 else 0)
    with pytest.raises(TooLarge) as caught:
        read_scan(data)
    assert caught.value.code == "imaging.too-many-segments"


def test_a_long_bmp_of_runs_is_read_in_time():
    rng = np.random.default_rng(0)
    levels = rng.integers(0, 256, (500, 1000)).astype(np.uint8)
    runs = (
        b"".join(np.column_stack([np.ones(1000, np.uint8), row]).tobytes() + b"\0\0" for row in levels[::-1]) + b"\0\1"
    )
    table = b"".join(bytes([v, v, v, 0]) for v in range(256))
    head = struct.pack("<IiiHHIIiiII", 40, 1000, 500, 1, 8, 1, len(runs), 0, 0, 256, 0)
    data = b"BM" + struct.pack("<IHHI", 1078 + len(runs), 0, 0, 1078) + head + table + runs
    assert len(data) > 1_000_000
    assert same(read_scan(data), levels)
    with pytest.raises(BadScan):
        read_scan(data[:600_000])
