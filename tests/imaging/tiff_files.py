"""TIFF files written tag by tag, so that no reader's own writer vouches for it."""

import struct
import zlib

import imagecodecs
import numpy as np

_KINDS = {"B": 1, "H": 3, "I": 4, "Q": 16, "b": 6, "f": 11, "d": 12}


def pack(values: np.ndarray, bits: int, order: str) -> bytes:
    """Rows of whole numbers as a TIFF stores them: each row begins with a new byte, the highest bit first.

    Args:
        values: (rows, n) numbers.
        bits: Of each.
        order: `<` or `>`, for those of whole bytes.
    """
    if bits in (8, 16, 32, 64):
        kind = {"u": "u", "i": "i", "f": "f"}[values.dtype.kind]
        return values.astype(f"{order}{kind}{bits // 8}").tobytes()
    if values.dtype.kind == "f":  # 24 bits: the sign, 7 of exponent, 16 of fraction
        raise ValueError(bits)
    spread = (values[..., None].astype(np.uint64) >> np.arange(bits - 1, -1, -1, dtype=np.uint64)) & np.uint64(1)
    return np.packbits(spread.reshape(len(values), -1).astype(np.uint8), axis=1).tobytes()


def compress(raw: bytes, compression: int) -> bytes:
    """One strip or tile in a compression by its number."""
    return {
        1: lambda: raw,
        5: lambda: imagecodecs.lzw_encode(raw),
        8: lambda: zlib.compress(raw),
        32773: lambda: imagecodecs.packbits_encode(raw),
        32946: lambda: zlib.compress(raw),
        34925: lambda: imagecodecs.lzma_encode(raw),
        50000: lambda: imagecodecs.zstd_encode(raw),
    }[compression]()


def segments(samples: np.ndarray, bits: int, order: str, planes: bool, tile: int, rows: int) -> list[bytes]:
    """Samples (H, W, S) cut into strips of some rows, or into square tiles, plane by plane where they are apart."""
    parts = [samples[..., i : i + 1] for i in range(samples.shape[2])] if planes else [samples]
    out = []
    for part in parts:
        height, width = part.shape[:2]
        if tile:
            padded = np.pad(part, ((0, -height % tile), (0, -width % tile), (0, 0)), mode="edge")
            for y in range(0, height, tile):
                for x in range(0, width, tile):
                    out.append(pack(padded[y : y + tile, x : x + tile].reshape(tile, -1), bits, order))
        else:
            out += [
                pack(b.reshape(len(b), -1), bits, order) for b in (part[y : y + rows] for y in range(0, height, rows))
            ]
    return out


def written(
    samples: np.ndarray,
    bits: int,
    photometric: int,
    *,
    format_: int = 1,
    planes: bool = False,
    tile: int = 0,
    compression: int = 1,
    order: str = "<",
    big: bool = False,
    rows: int = 7,
    more: dict[int, tuple[str, tuple]] | None = None,
) -> bytes:
    """A TIFF of one page.

    Args:
        samples: (H, W, S).
        bits: Of each sample.
        photometric: What they mean.
        format_: 1 unsigned, 2 signed, 3 real.
        planes: Each colour by itself.
        tile: Side of square tiles; 0 for strips.
        compression: By number.
        order: `<` or `>`.
        big: Write a BigTIFF.
        rows: Rows of a strip.
        more: Tags to add or to replace: type letter of `struct` and values; an empty tuple takes a tag away.
    """
    height, width, n = samples.shape
    parts = [compress(p, compression) for p in segments(samples, bits, order, planes, tile, rows)]
    head = 16 if big else 8
    starts = list(head + np.cumsum([0, *map(len, parts)])[:-1])
    tags: dict[int, tuple[str, tuple]] = {
        256: ("I", (width,)),
        257: ("I", (height,)),
        258: ("H", (bits,) * n),
        259: ("H", (compression,)),
        262: ("H", (photometric,)),
        277: ("H", (n,)),
        284: ("H", (2 if planes else 1,)),
        339: ("H", (format_,) * n),
    }
    if tile:
        tags |= {322: ("I", (tile,)), 323: ("I", (tile,)), 324: ("I", (*starts,)), 325: ("I", (*map(len, parts),))}
    else:
        tags |= {273: ("I", (*starts,)), 278: ("I", (rows,)), 279: ("I", (*map(len, parts),))}
    tags |= more or {}
    return assemble(b"".join(parts), {k: v for k, v in tags.items() if v[1]}, order, big)


def assemble(body: bytes, tags: dict[int, tuple[str, tuple]], order: str = "<", big: bool = False) -> bytes:
    """Header, pixels and one directory."""
    head, word, entry = (16, "Q", 20) if big else (8, "I", 12)
    body += bytes(-len(body) % 8)
    at = head + len(body)
    count = struct.pack(order + ("Q" if big else "H"), len(tags))
    heap_at = at + len(count) + entry * len(tags) + struct.calcsize(word)
    entries, heap = b"", b""
    for tag in sorted(tags):
        letter, values = tags[tag]
        raw = struct.pack(f"{order}{len(values)}{letter}", *values)
        inline = raw.ljust(8 if big else 4, b"\0")
        if len(raw) > (8 if big else 4):
            inline = struct.pack(order + word, heap_at + len(heap))
            heap += raw + bytes(-len(raw) % 8)
        entries += struct.pack(order + ("HHQ" if big else "HHI"), tag, _KINDS[letter], len(values)) + inline
    mark = b"II" if order == "<" else b"MM"
    start = struct.pack(order + ("HHHQ" if big else "HI"), *((43, 8, 0, at) if big else (42, at)))
    return mark + start + body + count + entries + bytes(struct.calcsize(word)) + heap
