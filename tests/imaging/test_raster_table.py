"""PNG, BMP, JPEG, WebP and HEIC of every depth, meaning and layout: the right picture, or the true reason why not."""

import io
import struct
import zlib
from collections.abc import Callable, Iterator

import imagecodecs
import numpy as np
import pillow_heif
import pytest
from PIL import Image

from medcls.errors import BadScan, TooLarge
from medcls.imaging.decode import count_values, read_scan
from tests.imaging.test_decode import chunk, encode
from tests.imaging.test_tiff_table import ALPHA, GREY, MEAN, RGB, H, W, quantised, step

Cell = tuple[str, Callable[[], bytes], np.ndarray | str, float]
PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
SMOOTH = np.asarray(Image.fromarray(quantised(RGB, 8).astype(np.uint8)[:, :17]).resize((160, 96))) / 255


def packed_rows(values: np.ndarray, bits: int) -> bytes:
    """Rows of (H, W, S) as PNG stores them: no filter, the highest bit first."""
    flat = values.reshape(len(values), -1)
    if bits >= 8:
        rows = [row.astype(">u2" if bits == 16 else "u1").tobytes() for row in flat]
    else:
        spread = (flat[..., None] >> np.arange(bits - 1, -1, -1)) & 1
        rows = [np.packbits(row).tobytes() for row in spread.reshape(len(flat), -1).astype(np.uint8)]
    return b"".join(b"\0" + row for row in rows)


def png(values: np.ndarray, bits: int, colour: int, interlaced: bool = False, extra: bytes = b"") -> bytes:
    """A PNG of (H, W, S) samples, by hand."""
    values = values if values.ndim == 3 else values[..., None]
    grids = [values[y::dy, x::dx] for y, x, dy, dx in PASSES] if interlaced else [values]
    raw = b"".join(packed_rows(grid, bits) for grid in grids if grid.size)
    head = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], bits, colour, 0, 0, int(interlaced))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    )


def pngs() -> Iterator[Cell]:
    for interlaced in (False, True):
        way = "interlaced" if interlaced else "plain"
        for bits in (1, 2, 4, 8, 16):
            yield (
                f"png grey {bits} {way}",
                lambda b=bits, i=interlaced: png(quantised(GREY, b), b, 0, i),
                GREY,
                step(bits),
            )
        for bits in (8, 16):
            yield f"png rgb {bits} {way}", lambda b=bits, i=interlaced: png(quantised(RGB, b), b, 2, i), RGB, step(bits)
            for name, picture, colour in (("grey", GREY, 4), ("rgb", RGB, 6)):
                for what, alpha in (("cut out", ALPHA), ("opaque", np.ones((H, W))), ("alpha 0", np.zeros((H, W)))):
                    shown = (
                        picture if what != "cut out" else picture * (ALPHA if picture.ndim == 2 else ALPHA[..., None])
                    )
                    yield (
                        f"png {name}+alpha {bits} {what} {way}",
                        lambda p=picture, b=bits, c=colour, a=alpha, i=interlaced: png(
                            quantised(np.dstack([p, a]), b), b, c, i
                        ),
                        shown,
                        3 * step(bits),
                    )
        for bits in (1, 2, 4, 8):
            table = np.random.default_rng(bits).integers(0, 256, (2**bits, 3)).astype(np.uint8)
            index = np.add.outer(np.arange(H) * 3, np.arange(W)) % 2**bits
            yield (
                f"png palette {bits} {way}",
                lambda b=bits, t=table, x=index, i=interlaced: png(x, b, 3, i, chunk(b"PLTE", t.tobytes())),
                table[index] / 255,
                1e-6,
            )
    for used in (10, 12, 14):
        yield f"png grey {used} of 16", lambda u=used: png(quantised(GREY, u), 16, 0), GREY, step(used)
        yield f"png rgb {used} of 16", lambda u=used: png(quantised(RGB, u), 16, 2), RGB, step(used)
        yield (
            f"png rgb+alpha {used} of 16",
            lambda u=used: png(quantised(np.dstack([RGB, np.ones((H, W))]), u), 16, 6),
            RGB,
            step(used),
        )
    key = quantised(RGB, 16)[3, 3]
    keyed = RGB * (quantised(RGB, 16) != key).any(-1)[..., None]
    yield (
        "png rgb 16 key",
        lambda: png(quantised(RGB, 16), 16, 2, extra=chunk(b"tRNS", struct.pack(">HHH", *key))),
        keyed,
        step(16),
    )
    yield (
        "png palette all transparent",
        lambda: png(
            np.indices((H, W)).sum(0) % 4, 8, 3, extra=chunk(b"PLTE", bytes(range(12))) + chunk(b"tRNS", bytes(4))
        ),
        (np.arange(12).reshape(4, 3) / 255)[np.indices((H, W)).sum(0) % 4],
        1e-6,
    )
    yield (
        "png grey all key",
        lambda: png(np.full((H, W), 100), 8, 0, extra=chunk(b"tRNS", b"\0\x64")),
        np.full((H, W), 100 / 255),
        1e-6,
    )


def bmp(
    rows: list[bytes],
    width: int,
    bits: int,
    *,
    head: int = 40,
    packing: int = 0,
    table: bytes = b"",
    masks: bytes = b"",
    down: bool = False,
) -> bytes:
    """A BMP by hand, rows given from the top."""
    body = b"".join(row + bytes(-len(row) % 4) for row in (rows if down else rows[::-1]))
    high = -len(rows) if down else len(rows)
    if head == 12:
        info = struct.pack("<IHHHH", 12, width, high, 1, bits)
    else:
        info = struct.pack("<IiiHHIIiiII", head, width, high, 1, bits, packing, len(body), 0, 0, len(table) // 4, 0)
        info += masks.ljust(head - 40, b"\0") if head > 40 else masks
    at = 14 + len(info) + len(table)
    return b"BM" + struct.pack("<IHHI", at + len(body), 0, 0, at) + info + table + body


def bmps() -> Iterator[Cell]:
    eight = quantised(RGB, 8).astype(np.uint8)
    for bits in (1, 4, 8):
        levels = np.linspace(0, 255, 2**bits).round().astype(np.uint8)
        index = quantised(GREY, bits)
        spread = (index[..., None] >> np.arange(bits - 1, -1, -1)) & 1
        rows = [np.packbits(r).tobytes() for r in spread.reshape(H, -1).astype(np.uint8)]
        for head in (12, 40, 108, 124):
            table = b"".join(bytes([v, v, v] if head == 12 else [v, v, v, 0]) for v in levels)
            for down in (False, True) if head == 40 else (False,):
                yield (
                    f"bmp palette {bits} header {head} {'down' if down else 'up'}",
                    lambda r=rows, b=bits, h=head, t=table, d=down: bmp(r, W, b, head=h, table=t, down=d),
                    levels[index] / 255,
                    1e-6,
                )
    bgr = [row[:, ::-1].tobytes() for row in eight]
    for head in (12, 40, 108, 124):
        yield f"bmp rgb 24 header {head}", lambda h=head: bmp(bgr, W, 24, head=h), eight / 255, 1e-6
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    for name, opacity in (("opaque", 255), ("alpha 0", 0)):
        rows = [np.dstack([row[None, :, ::-1], np.full((1, W), opacity, np.uint8)]).tobytes() for row in eight]
        for head in (40, 108, 124):
            packing = 0 if head == 40 else 3
            yield (
                f"bmp rgb 32 {name} header {head}",
                lambda r=rows, h=head, p=packing: bmp(r, W, 32, head=h, packing=p, masks=masks if p else b""),
                eight / 255,
                1e-6,
            )
    five = quantised(RGB, 5).astype(np.uint16)
    rows = [row.astype("<u2").tobytes() for row in five[..., 0] << 10 | five[..., 1] << 5 | five[..., 2]]
    yield "bmp rgb 16", lambda: bmp(rows, W, 16), RGB, 1.1 * step(5)
    levels = quantised(GREY, 8).astype(np.uint8)
    runs = b"".join(b"".join(bytes([1, v]) for v in row) + b"\0\0" for row in levels[::-1]) + b"\0\1"
    table = b"".join(bytes([v, v, v, 0]) for v in range(256))
    yield "bmp run-length", lambda: run_length_bmp(runs, table), levels / 255, 1e-6
    for bits, packing in ((24, 4), (24, 5), (2, 0), (64, 0)):
        yield f"bmp {bits} packing {packing}", lambda b=bits, p=packing: bmp(bgr, W, b, packing=p), "bmp-kind", 0


def run_length_bmp(runs: bytes, table: bytes) -> bytes:
    """A BMP of `H` by `W` whose rows are runs."""
    plain = bmp([b""] * H, W, 8, packing=1, table=table)
    return plain[:34] + struct.pack("<I", len(runs)) + plain[38:] + runs


def jpegs() -> Iterator[Cell]:
    eight = Image.fromarray(np.rint(SMOOTH * 255).astype(np.uint8))
    for mode in ("L", "RGB", "CMYK"):
        for progressive in (False, True):
            for subsampling in (0, 1, 2) if mode == "RGB" else (0,):
                for restart in (0, 4):
                    shown = np.asarray(eight.convert("L")) / 255 if mode == "L" else SMOOTH
                    yield (
                        f"jpeg {mode} {'progressive' if progressive else 'baseline'} {subsampling} restarts {restart}",
                        lambda m=mode, p=progressive, s=subsampling, r=restart: encode(
                            eight.convert(m), "JPEG", quality=96, progressive=p, subsampling=s, restart_marker_blocks=r
                        ),
                        shown,
                        MEAN,
                    )
    grey = SMOOTH.mean(-1)
    for bits in (12,):
        for name, picture in (("grey", grey), ("rgb", SMOOTH)):
            yield (
                f"jpeg {bits} bits {name}",
                lambda b=bits, p=picture: imagecodecs.jpeg8_encode(
                    quantised(p, b).astype(np.uint16), bitspersample=b, level=97
                ),
                picture,
                MEAN,
            )
    for bits in (8, 12, 16):
        for name, picture in (("grey", grey), ("rgb", SMOOTH)):
            kind = np.uint8 if bits == 8 else np.uint16
            yield (
                f"jpeg lossless {bits} bits {name}",
                lambda b=bits, p=picture, k=kind: imagecodecs.jpeg8_encode(
                    quantised(p, b).astype(k), bitspersample=b, lossless=True
                ),
                picture,
                step(bits) if name == "grey" else MEAN,
            )
    start = encode(eight, "JPEG")
    frame = start.index(b"\xff\xc0")
    for process in (0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCF):
        yield (
            f"jpeg process {process:X}",
            lambda p=process: start[: frame + 1] + bytes([p]) + start[frame + 2 :],
            "jpeg-process",
            0,
        )
    yield "jpeg-ls", lambda: imagecodecs.jpegls_encode(np.rint(grey * 255).astype(np.uint8)), "foreign-jpegls", 0
    two = start[: frame + 9] + b"\x02" + start[frame + 10 :]
    yield "jpeg of two components", lambda: two, "jpeg-components", 0


def webps() -> Iterator[Cell]:
    eight = Image.fromarray(np.rint(SMOOTH * 255).astype(np.uint8))
    yield "webp lossy", lambda: encode(eight, "WEBP", quality=97), SMOOTH, -0.02
    yield "webp lossless", lambda: encode(eight, "WEBP", lossless=True), np.asarray(eight) / 255, 1e-6
    for what, alpha in (("alpha 0", 0), ("opaque", 255)):
        full = eight.convert("RGBA")
        full.putalpha(alpha)
        yield f"webp {what}", lambda f=full: encode(f, "WEBP", lossless=True, exact=True), np.asarray(eight) / 255, 1e-6


def heifs() -> Iterator[Cell]:
    eight = Image.fromarray(np.rint(SMOOTH * 255).astype(np.uint8))
    for mode in ("RGB", "L", "RGBA"):
        shown = np.asarray(eight.convert("L")) / 255 if mode == "L" else SMOOTH
        yield f"heic {mode}", lambda m=mode: heic(eight.convert(m)), shown, -0.02


def heic(image: Image.Image, **options) -> bytes:
    out = io.BytesIO()
    pillow_heif.from_pillow(image).save(out, quality=95, **options)
    return out.getvalue()


CELLS = [cell for group in (pngs, bmps, jpegs, webps, heifs) for cell in group()]


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


PNGS = [
    cell
    for cell in pngs()
    if "alpha" not in cell[0] and "key" not in cell[0] and "of 16" not in cell[0] and "all" not in cell[0]
]


@pytest.mark.parametrize("cell", PNGS, ids=[cell[0] for cell in PNGS])
def test_libpng_reads_the_same(cell):
    """The files are what they claim: libpng, by another binding, finds the same samples in them."""
    values = imagecodecs.png_decode(cell[1]())
    shown = values / np.iinfo(values.dtype).max
    right = cell[2] if cell[2].ndim == shown.ndim else np.repeat(cell[2][..., None], 3, -1)
    assert np.abs((shown if shown.ndim == right.ndim else np.repeat(shown[..., None], 3, -1)) - right).max() <= cell[3]


@pytest.mark.parametrize("name", ["bmp run-length", "bmp rgb 24 header 40", "bmp palette 8 header 12 up"])
def test_a_bmp_without_its_last_bytes_is_doubted_or_refused(name):
    data = next(cell[1]() for cell in CELLS if cell[0] == name)
    assert not any(note.code == "imaging.may-be-damaged" for note in read_scan(data).notes)
    for cut in (1, 2, 60):
        try:
            scan = read_scan(data[:-cut])
        except BadScan:
            continue
        assert any(note.code == "imaging.may-be-damaged" for note in scan.notes) or "run-length" in name


JPEGS = [cell for cell in jpegs() if cell[0].startswith(("jpeg L ", "jpeg RGB "))]


@pytest.mark.parametrize("cell", JPEGS, ids=[cell[0] for cell in JPEGS])
def test_a_jpeg_is_what_pillow_makes_of_it(cell):
    """It is decoded by another binding of libjpeg, for its warnings: not a value may differ."""
    data = cell[1]()
    right = np.asarray(Image.open(io.BytesIO(data)))
    assert np.array_equal(np.rint(read_scan(data).pixels * 255), right)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_heic_is_turned_once(orientation):
    """Phones write the turn twice, for the container and as EXIF; the container's counts."""
    upright = Image.fromarray(np.rint(SMOOTH * 255).astype(np.uint8))
    undo = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    exif = Image.Exif()
    exif[274] = orientation
    pillow_heif.register_heif_opener()
    scan = read_scan(encode(stored, "HEIF", quality=95, exif=exif.tobytes()))
    assert scan.size_px == upright.size[::-1]
    assert np.abs(scan.pixels - SMOOTH).mean() < 0.02


def test_of_several_pictures_in_a_heic_the_main_one_is_read_and_said():
    file = pillow_heif.from_pillow(Image.fromarray(np.rint(SMOOTH * 255).astype(np.uint8)))
    file.add_from_pillow(Image.new("RGB", (32, 32)))
    out = io.BytesIO()
    file.save(out, quality=90)
    scan = read_scan(out.getvalue())
    assert scan.size_px == SMOOTH.shape[:2]
    assert any(note.code == "imaging.main-picture" and note.params["n"] == 2 for note in scan.notes)


def test_a_heic_that_claims_to_be_huge_or_is_cut_is_refused():
    data = heic(Image.fromarray(np.rint(SMOOTH * 255).astype(np.uint8)))
    at = data.index(b"ispe")
    with pytest.raises(TooLarge):
        read_scan(data[: at + 8] + struct.pack(">II", 30_000, 30_000) + data[at + 16 :])
    with pytest.raises(BadScan):
        read_scan(data[:-200])
