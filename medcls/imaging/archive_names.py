"""Names in a ZIP archive as their maker meant them: slashes of Windows, UTF-8 without its flag, old code pages.

References:
    PKWARE APPNOTE.TXT 4.4.4 (bit 11: names in UTF-8) and 4.6.9 (extra field 0x7075: the name in UTF-8).
"""

import io
import lzma
import mmap
import re
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

# What opening a damaged archive, or reading out of it, raises.
BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    IndexError,
    KeyError,
    OverflowError,
    RuntimeError,
    ValueError,
)
_UTF8 = 0x800
# Code pages that archivers of old wrote names in, the likelier first where two fit alike.
_PAGES = (
    "cp949",
    "cp932",
    "gb18030",
    "big5",
    "cp866",
    "cp1251",
    "cp850",
    "cp1252",
    "cp1250",
    "cp852",
    "koi8_r",
    "cp1254",
)
_CYRILLIC_PAGES, _LATIN_PAGES = ("cp866", "cp1251", "koi8_r"), ("cp850", "cp1252", "cp1250", "cp852", "cp1254")
_HANGUL, _KANA, _CYRILLIC = r"[\uac00-\ud7a3]", r"[\u3040-\u30ff]", r"[\u0400-\u04ff]"


def open_archive(file: BinaryIO | Path) -> zipfile.ZipFile:
    """Open a ZIP archive; names that say they are UTF-8 and are not count as names of an unsaid code page.

    Args:
        file: The archive.

    Raises:
        BadZipFile: If it is no archive that can be read, or its files lie over each other: it would unpack to any size.
    """
    try:
        archive = zipfile.ZipFile(file)
    except UnicodeDecodeError:
        archive = zipfile.ZipFile(_unflagged(file))
    if sum(entry.compress_size for entry in archive.infolist()) > archive.start_dir:
        archive.close()
        raise zipfile.BadZipFile("overlapped entries")
    return archive


class _Copy(mmap.mmap):
    """A file whose bytes can be changed without changing the file."""

    def seekable(self) -> bool:
        """Say that it can be read from anywhere, as `zipfile` asks."""
        return True


def _unflagged(file: BinaryIO | Path) -> Any:
    """Return an archive without the flag of UTF-8 at names that are none (APPNOTE 4.3.7, 4.3.12 and 4.3.16)."""
    if isinstance(file, Path):
        with file.open("rb") as opened:
            data: Any = _Copy(opened.fileno(), 0, access=mmap.ACCESS_COPY)
    else:
        file.seek(0)
        data = bytearray(file.read())
    end = data.rfind(b"PK\x05\x06")
    size, offset = struct.unpack_from("<II", data, end + 12)
    at = end - size
    before = at - offset  # what stands before the archive, as in one that unpacks itself
    while data[at : at + 4] == b"PK\x01\x02":
        (flags,), lengths = struct.unpack_from("<H", data, at + 8), struct.unpack_from("<HHH", data, at + 28)
        local = before + struct.unpack_from("<I", data, at + 42)[0]
        if flags & _UTF8 and not _is_utf8(data[at + 46 : at + 46 + lengths[0]]):
            data[at + 9] &= ~(_UTF8 >> 8) & 0xFF
            data[local + 7] &= ~(_UTF8 >> 8) & 0xFF
        at += 46 + sum(lengths)
    return data if isinstance(file, Path) else io.BytesIO(data)


def _is_utf8(name: bytes) -> bool:
    try:
        name.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def read_names(entries: Sequence[zipfile.ZipInfo]) -> tuple[list[str], str]:
    """Return the paths of an archive's entries with `/`, and the code page that was guessed for them.

    Args:
        entries: The archive's entries, as `ZipFile.infolist` gives them.

    Returns:
        A path for each entry, and the name of the code page; empty where nothing had to be guessed.
    """
    raw = [_raw(entry) for entry in entries]
    unsure = [name for name in raw if isinstance(name, bytes)]
    page = _guess(unsure) if unsure else ""
    names = [name if isinstance(name, str) else name.decode(page) for name in raw]
    return [name.replace("\\", "/") for name in names], page


def _raw(entry: zipfile.ZipInfo) -> str | bytes:
    """Return an entry's name, or its bytes where no one says what they are."""
    if entry.flag_bits & _UTF8 or entry.orig_filename.isascii():
        return entry.orig_filename
    if (named := _in_extra(entry.extra)) is not None:
        return named
    try:
        data = entry.orig_filename.encode("cp437")  # as zipfile decoded it
        return data.decode("utf-8")
    except UnicodeEncodeError:
        return entry.orig_filename
    except UnicodeDecodeError:
        return data


def _in_extra(extra: bytes) -> str | None:
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        if kind == 0x7075 and length > 5:
            return extra[at + 9 : at + 4 + length].decode("utf-8", "replace")
        at += 4 + length
    return None


def _guess(names: Sequence[bytes]) -> str:
    """Return the code page in which names read most like words; `cp437` where none does."""
    scored = {}
    for page in _PAGES:
        try:
            scored[page] = sum(_likeness(name, name.decode(page), page) for name in set(names))
        except UnicodeDecodeError:
            continue
    best = max(scored, key=lambda page: scored[page], default="cp437")
    return best if scored.get(best, 0) > 0 else "cp437"


def _likeness(data: bytes, text: str, page: str) -> float:
    """Return how much like a name in a code page's language a text is, from -1 to 1."""
    odd = [c for c in text if not c.isascii()]
    if not odd:
        return 0.0
    if not all(unicodedata.category(c)[0] in "LM" or c in "()·–" for c in odd):
        return -1.0
    if page in _CYRILLIC_PAGES:
        return _cyrillic(text, odd)
    return _latin(data, odd) if page in _LATIN_PAGES else _asian(data, text, odd, page)


def _cyrillic(text: str, odd: list[str]) -> float:
    inner = re.findall(r"[a-z\u0400-\u04ff][\u0410-\u042f]", text)  # a capital inside a word
    return 0.95 * len(re.findall(_CYRILLIC, text)) / len(odd) - 0.5 * len(inner) / len(odd) - 0.6 * (len(odd) < 3)


def _latin(data: bytes, odd: list[str]) -> float:
    alone = len(re.findall(rb"(?<![\x80-\xff])[\x80-\xff](?![\x80-\xff])", data))
    latin = sum("\u00c0" <= c <= "\u017f" for c in odd) / len(odd)
    rare = sum(c.isupper() or c == "ÿ" for c in odd) / len(odd)
    return latin * (0.9 if alone == len(odd) else 0.1) - 0.3 * rare


def _asian(data: bytes, text: str, odd: list[str], page: str) -> float:
    if re.search(r"[A-Za-z][^\x00-\x7f][A-Za-z]", text):
        return -1.0  # one sign inside a word of Latin letters is one of them
    if page == "cp949":
        usual = [c for c in re.findall(_HANGUL, text) if len(c.encode("euc_kr", "ignore")) == 2]  # 2,350 of 11,172
        return (2 * len(usual) - len(odd)) / len(odd)
    signs = len(re.findall(rf"{_KANA}|[\u4e00-\u9fff]", text)) / len(odd)
    if page == "cp932":
        return 0.97 * signs if not re.search("[\uff61-\uff9f]", text) else -1.0
    usual_signs = [
        lead for lead in re.findall(rb"[\x81-\xfe][\x40-\xfe]", data) if 0xB0 <= lead[0] <= 0xD7 and lead[1] >= 0xA1
    ]
    return 0.9 * len(usual_signs) / len(odd) if page == "gb18030" else 0.8 * signs
