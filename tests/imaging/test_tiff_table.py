"""TIFF in every layout, depth and meaning: the right picture, or the true reason why not. A table, cell by cell."""

import io
import struct
import zlib
from collections.abc import Callable, Iterator

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from medcls.core.outcome import Outcome
from medcls.errors import BadScan
from medcls.imaging.decode import count_values, read_scan
from medcls.imaging.tiff import _inflate
from medcls.imaging.tiff_tags import FILL_ORDER, PLANAR, STRIP_ROWS, STRIPS, read_pages
from tests.imaging.tiff_files import assemble, written

H, W = 21, 37
ROW, COLUMN = np.indices((H, W))
# A picture that no turn, swap of colours or shift of rows leaves as it is; black and white stand in it.
RED = (ROW / (H - 1)).astype(np.float64)
GREEN = (COLUMN / (W - 1)).astype(np.float64)
BLUE = ((ROW + 2 * COLUMN) % 50 / 49).astype(np.float64)
RGB = np.stack([RED, GREEN, BLUE], -1)
GREY = np.where(ROW < 5, GREEN, RED * 0.3 + GREEN * 0.7)
GREY = (GREY - GREY.min()) / (GREY.max() - GREY.min())
ALPHA = np.where(COLUMN < 20, 1.0, np.where(COLUMN < 30, 0.5, 0.0))

MEAN = -0.008  # for what loses a little: the mean difference

Cell = tuple[str, Callable[[], bytes], np.ndarray | str, float]


def quantised(values: np.ndarray, bits: int) -> np.ndarray:
    """Display values as whole numbers of some bits."""
    if bits == 64:  # what a double holds exactly is enough
        return np.rint(values * (2**53 - 1)).astype(np.uint64) << np.uint64(11)
    return np.rint(values * (2**bits - 1)).astype(np.int64)


def samples(values: np.ndarray, bits: int) -> np.ndarray:
    """The same as (H, W, S) in an unsigned type."""
    whole = quantised(values, bits)
    return (whole[..., None] if whole.ndim == 2 else whole).astype(np.uint64)


def step(bits: int) -> float:
    """The most that rounding to so many bits changes."""
    return 0.51 / (2**bits - 1) + 1e-6


def greys() -> Iterator[Cell]:
    for bits in (1, 2, 3, 4, 6, 8, 10, 12, 14, 16, 32, 64):
        for photometric in (0, 1):
            for where in ({"rows": 7}, {"tile": 16}):
                for compression in (1, 8) if bits in (1, 8, 16) else (1,):
                    stored = 1 - GREY if photometric == 0 else GREY
                    yield (
                        f"grey {bits} {'white' if photometric == 0 else 'black'}-is-zero {next(iter(where))} {compression}",
                        lambda b=bits, p=photometric, w=where, c=compression, s=stored: written(
                            samples(s, b), b, p, compression=c, **w
                        ),
                        GREY,
                        max(step(bits), 2e-6),
                    )


def colours() -> Iterator[Cell]:
    for bits in (4, 8, 10, 12, 16, 32):
        for planes in (False, True):
            for where in ({"rows": 7}, {"rows": 100}, {"tile": 16}):
                for compression in (1, 5, 8) if bits in (8, 16) else (1,):
                    yield (
                        f"rgb {bits} {'planes' if planes else 'chunky'} {where} {compression}",
                        lambda b=bits, p=planes, w=where, c=compression: written(
                            samples(RGB, b), b, 2, planes=p, compression=c, **w
                        ),
                        RGB,
                        max(step(bits), 2e-6),
                    )


def orders() -> Iterator[Cell]:
    for order in "<>":
        for big in (False, True):
            for name, picture, photometric in (("grey", GREY, 1), ("rgb", RGB, 2)):
                for bits in (8, 16):
                    yield (
                        f"{name} {bits} order {order} {'big' if big else 'classic'}",
                        lambda p=picture, b=bits, m=photometric, o=order, g=big: written(
                            samples(p, b), b, m, order=o, big=g, planes=b == 16
                        ),
                        picture,
                        step(bits),
                    )


def parts_of_the_range() -> Iterator[Cell]:
    """Ten, twelve or fourteen of sixteen bits are used."""
    for used in (10, 12, 14):
        for name, picture, photometric in (("grey", GREY, 1), ("rgb", RGB, 2)):
            for planes in (False, True):
                yield (
                    f"{name} {used} of 16 bits {'planes' if planes else 'chunky'}",
                    lambda p=picture, u=used, m=photometric, a=planes: written(samples(p, u), 16, m, planes=a),
                    picture,
                    step(used),
                )


def alphas() -> Iterator[Cell]:
    for name, picture, photometric in (("grey", GREY, 1), ("rgb", RGB, 2)):
        for bits in (8, 16):
            for planes in (False, True):
                for extra in (1, 2):
                    laid = picture * (ALPHA if picture.ndim == 2 else ALPHA[..., None])
                    stored = np.dstack([laid if extra == 1 else picture, ALPHA])
                    options = {"planes": planes, "more": {338: ("H", (extra,))}}
                    for what, a, right in (
                        ("cut out", stored, laid),
                        ("opaque", np.dstack([picture, np.ones((H, W))]), picture),
                        ("alpha 0", np.dstack([picture, np.zeros((H, W))]), picture),
                    ):
                        yield (
                            f"{name}+alpha {bits} {'planes' if planes else 'chunky'} kind {extra} {what}",
                            lambda a=a, b=bits, m=photometric, o=options: written(samples(a, b), b, m, **o),
                            right,
                            3 * step(bits),
                        )


def inks() -> Iterator[Cell]:
    cmy = 1 - RGB
    black = cmy.min(-1) * 0.5
    cmyk = np.dstack([(cmy - black[..., None]) / (1 - black[..., None]), black])
    for bits in (8, 16):
        for planes in (False, True):
            for compression in (1, 8):
                yield (
                    f"cmyk {bits} {'planes' if planes else 'chunky'} {compression}",
                    lambda b=bits, p=planes, c=compression: written(samples(cmyk, b), b, 5, planes=p, compression=c),
                    RGB,
                    0.009,
                )
    yield "cmyk inks by name", lambda: written(samples(cmyk, 8), 8, 5, more={332: ("H", (2,))}), "tiff-inks", 0


def ycbcr() -> Iterator[Cell]:
    matrix = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
    coded = RGB @ matrix.T + [0, 128 / 255, 128 / 255]
    whole = {530: ("H", (1, 1))}
    for planes in (False, True):
        for compression in (1, 8):
            yield (
                f"ycbcr 8 {'planes' if planes else 'chunky'} {compression}",
                lambda p=planes, c=compression: written(samples(coded, 8), 8, 6, planes=p, compression=c, more=whole),
                RGB,
                0.012,
            )
    yield "ycbcr subsampled", lambda: written(samples(coded, 8), 8, 6), "tiff-subsampled", 0


def lab() -> Iterator[Cell]:
    flat = Image.fromarray(np.rint(RGB * 255).astype(np.uint8))
    made = ImageCms.profileToProfile(
        flat, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    signed = np.asarray(made).view(np.int8).astype(int)
    lightness, others = signed[..., :1] & 255, signed[..., 1:]
    yield "cielab 8", lambda: written(np.concatenate([lightness, others & 255], -1).astype(np.uint64), 8, 8), RGB, MEAN
    yield "icclab 8", lambda: written(np.concatenate([lightness, others + 128], -1).astype(np.uint64), 8, 9), RGB, MEAN
    deep = np.concatenate([lightness * 257, (others * 256) & 65535], -1).astype(np.uint64)
    yield "cielab 16", lambda: written(deep, 16, 8), RGB, MEAN
    yield "cielab 16 planes", lambda: written(deep, 16, 8, planes=True), RGB, MEAN
    yield (
        "itulab 8",
        lambda: written(np.concatenate([lightness, others + 128], -1).astype(np.uint64), 8, 10),
        "tiff-photometric",
        0,
    )


def palettes() -> Iterator[Cell]:
    for bits in (1, 2, 4, 8, 16):
        n = 2 ** min(bits, 8)
        table = np.random.default_rng(3).integers(0, 256, (n, 3))
        index = (ROW * 3 + COLUMN) % n
        full = np.zeros((2**bits, 3), np.int64)
        full[:n] = table
        for name, scale in (("16-bit", 257), ("8-bit", 1)):
            for where in ({"rows": 7}, {"tile": 16}):
                yield (
                    f"palette {bits} table {name} {next(iter(where))}",
                    lambda i=index, b=bits, f=full, s=scale, w=where: written(
                        i[..., None].astype(np.uint64), b, 3, more={320: ("H", tuple((f.T * s).ravel().tolist()))}, **w
                    ),
                    table[index] / 255,
                    1e-6,
                )
    yield "palette missing", lambda: written(samples(GREY, 8), 8, 3), "palette-missing", 0


def other_numbers() -> Iterator[Cell]:
    """Signed and real values are stretched from the lowest to the highest; real colours from 0 to 1 are taken as they are."""
    for bits in (8, 16, 32, 64):
        low = -(2 ** (bits - 1)) if bits < 64 else -(2**40)
        high = 2 ** (bits - 1) - 1 if bits < 64 else 2**40
        for name, picture, photometric in (("grey", GREY, 1), ("grey white-is-zero", GREY, 0), ("rgb", RGB, 2)):
            for planes in (False, True) if photometric == 2 else (False,):
                stored = np.rint((1 - picture if photometric == 0 else picture) * (high - low) + low).astype(np.int64)
                stored = stored.clip(low, high)
                yield (
                    f"signed {bits} {name} {'planes' if planes else ''}",
                    lambda s=stored, b=bits, m=photometric, p=planes: written(
                        s if s.ndim == 3 else s[..., None], b, m, format_=2, planes=p
                    ),
                    picture,
                    step(8) if bits == 8 else 2e-5,
                )
    for bits in (16, 32, 64):
        for name, picture, photometric in (("grey", GREY, 1), ("grey white-is-zero", GREY, 0), ("rgb", RGB, 2)):
            for planes in (False, True) if photometric == 2 else (False,):
                for top in (1.0, 255.0):
                    stored = ((1 - picture if photometric == 0 else picture) * top).astype(f"f{bits // 8}")
                    yield (
                        f"real {bits} {name} to {top:.0f} {'planes' if planes else ''}",
                        lambda s=stored, b=bits, m=photometric, p=planes: written(
                            s if s.ndim == 3 else s[..., None], b, m, format_=3, planes=p
                        ),
                        picture,
                        2e-3 if bits == 16 else 1e-5,
                    )


def by_tifffile(values: np.ndarray, **options) -> bytes:
    """A file in a compression that tifffile writes by imagecodecs."""
    out = io.BytesIO()
    tifffile.imwrite(out, values, **options)
    return out.getvalue()


def compressions() -> Iterator[Cell]:
    whole = ("lzw", "zlib", "packbits", "lzma", "zstd", "jpeg2000", "jpegxl", "png", "lerc", "jpegxr")
    for name in whole:
        for picture, photometric in ((GREY, "minisblack"), (RGB, "rgb")):
            for bits in (8, 16):
                if name == "packbits" and bits == 16:
                    continue
                stored = quantised(picture, bits).astype(f"u{bits // 8}")
                options = {"compressionargs": {"reversible": True}} if name == "jpeg2000" else {}
                yield (
                    f"{name} {photometric} {bits}",
                    lambda s=stored, p=photometric, n=name, o=options: by_tifffile(
                        s, photometric=p, compression=n, **o
                    ),
                    picture,
                    step(bits),
                )
    for name in ("lzw", "zlib"):
        for bits in (8, 16):
            for picture, photometric in ((GREY, "minisblack"), (RGB, "rgb")):
                stored = quantised(picture, bits).astype(f"u{bits // 8}")
                yield (
                    f"{name} {photometric} {bits} predictor",
                    lambda s=stored, p=photometric, n=name: by_tifffile(
                        s, photometric=p, compression=n, predictor=True
                    ),
                    picture,
                    step(bits),
                )
    for photometric, picture in (("minisblack", GREY), ("rgb", RGB)):
        real = picture.astype(np.float32)
        yield (
            f"real 32 {photometric} predictor",
            lambda s=real, p=photometric: by_tifffile(s, photometric=p, compression="zlib", predictor=True),
            picture,
            1e-6,
        )
    smooth = np.kron(RGB, np.ones((8, 8, 1)))
    eight = quantised(smooth, 8).astype(np.uint8)
    for tile in (None, (64, 64)):
        yield (
            f"jpeg ycbcr subsampled {'tiles' if tile else 'strips'}",
            lambda t=tile: by_tifffile(
                eight, photometric="rgb", compression="jpeg", tile=t, compressionargs={"level": 97}
            ),
            smooth,
            MEAN,
        )
    for mode in ("L", "RGB", "YCbCr", "CMYK"):
        yield (
            f"jpeg by Pillow {mode}",
            lambda m=mode: by_pillow(Image.fromarray(eight).convert(m), compression="jpeg", quality=97),
            np.asarray(Image.fromarray(eight).convert("L" if mode == "L" else "RGB")) / 255,
            MEAN,
        )
    for bits in (1, 8):
        yield (
            f"bits from the lowest up {bits}",
            lambda b=bits: upside_down(written(samples(GREY, b), b, 1, rows=H, more={266: ("H", (2,))})),
            GREY,
            step(bits),
        )
    for name, picture in (("grey", GREY), ("rgb", RGB)):
        for bits in (8, 16):
            yield (
                f"meaning unsaid {name} {bits}",
                lambda p=picture, b=bits: written(samples(p, b), b, 1 if p.ndim == 2 else 2, more={262: ("H", ())}),
                picture,
                step(bits),
            )
    yield "ccitt 4", lambda: by_pillow(Image.fromarray(GREY > 0.5), compression="group4"), (GREY > 0.5) * 1.0, 1e-6
    yield "ccitt 3", lambda: by_pillow(Image.fromarray(GREY > 0.5), compression="group3"), (GREY > 0.5) * 1.0, 1e-6


def upside_down(data: bytes) -> bytes:
    """The bytes of the only strip with their bits in the other order."""
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        start, size = file.pages[0].dataoffsets[0], file.pages[0].databytecounts[0]
    body = np.packbits(np.unpackbits(np.frombuffer(data[start : start + size], np.uint8), bitorder="little"))
    return data[:start] + body.tobytes() + data[start + size :]


def by_pillow(image: Image.Image, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, "TIFF", **options)
    return out.getvalue()


def refusals() -> Iterator[Cell]:
    five = np.dstack([RGB, GREY, GREY])
    grey, rgb = samples(GREY, 8), samples(RGB, 8)
    yield (
        "five channels, grey",
        lambda: written(samples(five, 8), 8, 1, more={338: ("H", (0,) * 4)}),
        "tiff-channels",
        0,
    )
    yield "five channels, 16 bits in planes", lambda: written(samples(five, 16), 16, 1, planes=True), "tiff-channels", 0
    yield "rgb and two more", lambda: written(samples(five, 8), 8, 2), "tiff-channels", 0
    yield (
        "two channels of unknown meaning",
        lambda: written(samples(five[..., 3:], 8), 8, 1, more={338: ("H", (0,))}),
        "tiff-channels",
        0,
    )
    yield "three channels, grey", lambda: written(rgb, 8, 1), "tiff-channels", 0
    yield "one channel, rgb", lambda: written(grey, 8, 2), "tiff-channels", 0
    yield "two inks", lambda: written(samples(five[..., 3:], 8), 8, 5), "tiff-channels", 0
    yield "depths differ", lambda: written(rgb, 8, 2, more={258: ("H", (8, 8, 16))}), "tiff-mixed", 0
    yield "formats differ", lambda: written(rgb, 8, 2, more={339: ("H", (1, 1, 2))}), "tiff-mixed", 0
    yield "complex", lambda: written(samples(GREY, 32), 32, 1, format_=6), "tiff-complex", 0
    yield "real of 8 bits", lambda: written(grey, 8, 1, format_=3), "tiff-bits", 0
    yield "128 bits", lambda: written(grey, 8, 1, more={258: ("H", (128,))}), "tiff-bits", 0
    for number, code in (
        (32803, "camera-raw"),
        (34892, "camera-raw"),
        (32844, "tiff-photometric"),
        (32845, "tiff-photometric"),
        (77, "tiff-photometric"),
    ):
        yield f"photometric {number}", lambda n=number: written(grey, 8, n), code, 0
    yield "dng", lambda: written(rgb, 8, 2, more={50706: ("B", (1, 4, 0, 0))}), "camera-raw", 0
    for number in (6, 9, 32766, 65000):
        yield (
            f"compression {number}",
            lambda n=number: written(grey, 8, 1, more={259: ("H", (n,))}),
            "tiff-compression",
            0,
        )
    yield "volume", lambda: written(grey, 8, 1, more={32997: ("H", (4,))}), "tiff-volume", 0
    yield "strips left out", lambda: written(grey, 8, 1, compression=8, more={279: ("I", (0, 0, 0))}), "tiff-gaps", 0
    yield "two widths", lambda: written(grey, 8, 1, more={256: ("H", (W, W))}), "damaged", 0
    yield "no size", lambda: written(grey, 8, 1, more={256: ("I", ())}), "no-size", 0


GROUPS = (
    greys,
    colours,
    orders,
    parts_of_the_range,
    alphas,
    inks,
    ycbcr,
    lab,
    palettes,
    other_numbers,
    compressions,
    refusals,
)
CELLS = [cell for group in GROUPS for cell in group()]


def test_the_table_is_large():
    assert len(CELLS) >= 250
    assert len({cell[0] for cell in CELLS}) == len(CELLS)


@pytest.mark.parametrize("cell", CELLS, ids=[cell[0] for cell in CELLS])
def test_cell(cell):
    """Each cell gives the picture it was made from, or the true reason."""
    _, make, right, tolerance = cell
    data = make()
    if isinstance(right, str):
        with pytest.raises(BadScan) as caught:
            read_scan(data)
        assert caught.value.code == f"imaging.{right}"
        return
    scan = read_scan(data)
    pixels = scan.pixels if scan.pixels.ndim == right.ndim else np.repeat(scan.pixels[..., None], 3, -1)
    assert pixels.shape == right.shape
    far = np.abs(pixels - right)
    assert far.max() <= tolerance if tolerance >= 0 else far.mean() <= -tolerance
    assert count_values(data) >= scan.pixels.size


READERS = [cell for cell in [*greys(), *colours(), *orders()] if not isinstance(cell[2], str)]


@pytest.mark.parametrize("cell", READERS, ids=[cell[0] for cell in READERS])
def test_libtiff_reads_the_same(cell):
    """The files are what they claim: libtiff, by another binding, finds the same samples in them where it can."""
    data = cell[1]()
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages[0]
        bits, planes = page.bitspersample, page.planarconfig == 2
    if bits not in (8, 16, 32) or (planes and page.samplesperpixel > 1 and bits != 8):
        return
    values = imagecodecs.tiff_decode(data)
    values = np.moveaxis(values, 0, -1) if values.ndim == 3 and values.shape[0] == 3 and planes else values
    shown = values / (2.0**bits - 1)
    shown = 1 - shown if page.photometric == 0 else shown
    assert np.abs(shown.reshape(cell[2].shape) - cell[2]).max() <= cell[3]


def test_a_deflated_strip_whose_checksum_does_not_fit_is_noticed():
    """Decoders stop at the last pixel; where a stream goes on, they never come to its checksum."""
    whole = zlib.compress(bytes(range(256)) * 8)
    assert _inflate([whole, whole])
    assert not _inflate([whole, whole[:-1] + bytes([whole[-1] ^ 1])])
    assert not _inflate([whole[:-6]])


def test_a_deflated_strip_that_goes_on_and_is_spoilt_is_told():
    plain = written(samples(RGB, 8), 8, 2, rows=H)
    with tifffile.TiffFile(io.BytesIO(plain)) as file:
        raw = plain[file.pages[0].dataoffsets[0] :][: file.pages[0].databytecounts[0]]
    spoilt = bytearray(zlib.compress(raw + bytes(5000)))
    spoilt[-1] ^= 1
    tags = {
        256: ("I", (W,)),
        257: ("I", (H,)),
        258: ("H", (8,) * 3),
        259: ("H", (8,)),
        262: ("H", (2,)),
        277: ("H", (3,)),
        273: ("I", (8,)),
        278: ("I", (H,)),
        279: ("I", (len(spoilt),)),
    }
    notes = read_scan(assemble(bytes(spoilt), tags)).notes
    assert any(note.code == "imaging.may-be-damaged" for note in notes)


@pytest.mark.parametrize(("coding", "n"), [("group3", 2), ("group4", 2), ("tiff_ccitt", 8)])
def test_lines_of_a_fax_that_are_none_are_told(coding: str, n: int):
    data = by_pillow(Image.fromarray(GREY > 0.5), compression=coding)
    assert not any(note.code == "imaging.may-be-damaged" for note in read_scan(data).notes)
    spoilt, start = bytearray(data), int(read_pages(data)[0].values(STRIPS)[0])
    spoilt[start + 1 : start + 1 + n] = b"\xff" * n
    scan = read_scan(bytes(spoilt))
    assert any(note.code == "imaging.may-be-damaged" for note in scan.notes)
    assert not np.allclose(scan.pixels, GREY > 0.5)


@pytest.mark.parametrize("lines", ["23008ff07db475555d5575001001", "23008ff06d5575555d5575001001"])
def test_a_fax_that_ends_before_its_last_line_is_told(lines: str):
    """Mutants 10578 and 11283 of the fuzz: an end mark where a line should stand; libtiff goes on without a word."""
    data = bytearray(by_pillow(Image.fromarray(GREY > 0.5), compression="group4"))
    start = int(read_pages(bytes(data))[0].values(STRIPS)[0])
    data[start : start + len(lines) // 2] = bytes.fromhex(lines)
    assert any(note.code == "imaging.may-be-damaged" for note in read_scan(bytes(data)).notes)


@pytest.mark.parametrize("tag", [PLANAR, FILL_ORDER])
def test_a_tag_of_two_values_that_has_a_third_is_told(tag: int):
    """Mutant 15527 of the fuzz with seed 16: libtiff refuses such a page."""
    for value, damaged in ((1, False), (46081, True)):
        notes = read_scan(written(samples(GREY, 8), 8, 1, more={tag: ("H", (value,))})).notes
        assert damaged == any(note.code == "imaging.may-be-damaged" for note in notes)


@pytest.mark.parametrize(("tag", "kind", "n"), [(STRIP_ROWS, 3, 0), (PLANAR, 3, 0), (PLANAR, 2, 1), (PLANAR, 11, 1)])
def test_a_tag_of_the_layout_that_is_empty_or_no_whole_number_is_told(tag: int, kind: int, n: int):
    """Mutant 9159 of the fuzz with seed 17: libtiff refuses such a page."""
    data = bytearray(written(samples(GREY, 8), 8, 1, rows=H, more={STRIP_ROWS: ("I", (H,)), PLANAR: ("I", (1,))}))
    at = data.rindex(struct.pack("<HHI", tag, 4, 1))
    data[at : at + 8] = struct.pack("<HHI", tag, kind, n)
    assert any(note.code == "imaging.may-be-damaged" for note in read_scan(bytes(data)).notes)


@pytest.mark.parametrize("tag", [322, 323, 325])
def test_a_tag_of_tiles_among_strips_is_told(tag: int):
    """Mutant 1485 of the fuzz with seed 19: libtiff takes such a page for tiles, and refuses it."""
    data = written(samples(GREY, 8), 8, 1, rows=H, more={tag: ("I", (H,))})
    found = Outcome.of("", lambda: {note.code for note in read_scan(data).notes})
    assert "imaging.may-be-damaged" in (found.value or {"imaging.may-be-damaged"})
    assert "imaging.may-be-damaged" not in {note.code for note in read_scan(written(samples(GREY, 8), 8, 1)).notes}


@pytest.mark.parametrize("photometric", [1, 3])
def test_bits_that_are_not_said_are_told_by_what_they_contradict(photometric: int):
    """Mutant 12624 of the fuzz with seed 19: one bit is what a TIFF has that does not say; its strips are longer."""
    table = {320: ("H", tuple(range(768)))} if photometric == 3 else {}
    for bits, damaged in ((("H", (8,)), False), (("H", ()), True)):
        notes = read_scan(written(samples(GREY, 8), 8, photometric, more={258: bits, **table})).notes
        assert damaged == any(note.code == "imaging.may-be-damaged" for note in notes)
