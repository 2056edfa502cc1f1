"""A DICOM file's bytes become a data set: whatever stands before it, deflated or not, its coding stated or not."""

import io
import zlib
from collections.abc import Iterator

from pydicom import config
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import read_partial
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from pydicom.valuerep import VR

from medcls.core.note import Note
from medcls.errors import TooLarge
from medcls.imaging.deidentify import wanted_tags
from medcls.imaging.formats import lacks_mark, starts_late
from medcls.imaging.limits import Limits
from medcls.imaging.quiet import guarded, silence_logs

silence_logs()
# Values that break a rule of the standard are looked at here, one by one, and not reported by pydicom.
config.settings.reading_validation_mode = config.IGNORE

_MAX_READS = 400_000
_LONG = (b"OB", b"OW", b"SQ", b"UN", b"UT", b"UC", b"UR", b"OF", b"OD", b"OL", b"OV", b"SV", b"UV")

_KNOWN = frozenset(vr.value.encode() for vr in VR if len(vr.value) == 2)


class _Rationed(io.BytesIO):
    """Bytes that can be read so often and no more: millions of tiny elements would cost minutes and gigabytes."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._left = _MAX_READS

    def read(self, size: int | None = -1, /) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise TooLarge("imaging.dicom-too-many-parts", most=_MAX_READS // 2)
        return super().read(size)


def open_dicom(data: bytes, limits: Limits) -> tuple[Dataset, list[Note]]:
    """Read the wanted elements of a DICOM file; the others are skipped unread.

    Args:
        data: The whole file, with or without what stands before the first element.
        limits: Checked while a deflated file is inflated.

    Returns:
        The elements, with a transfer syntax in `file_meta` even if the file states none, and what a reader must know.

    Raises:
        TooLarge: If it inflates to more than twice `limits.max_bytes`, or has too many elements.
        BadScan: If it is damaged.
    """
    notes: list[Note] = []
    if (late := starts_late(data)) >= 0:
        notes.append(Note("imaging.dicom-late-mark", n=late))
        data = bytes(128) + data[late:]
    elif lacks_mark(data):
        notes.append(Note("imaging.dicom-no-mark"))
        data = data[128:]
    syntax, start = _file_meta(data)
    if any(vr not in _KNOWN for _, vr, _, _ in _meta_elements(data)):  # pydicom would find no data set behind it
        notes.append(Note("imaging.may-be-damaged"))
        data = _with_header(data[start:], syntax) if syntax else data
    data = inflated(data, limits, notes)
    ds = guarded(lambda: read_partial(_Rationed(data), force=True, specific_tags=list(wanted_tags())))
    if not hasattr(ds, "file_meta"):
        ds.file_meta = FileMetaDataset()
    if not syntax:
        notes.append(Note("imaging.dicom-syntax-unstated"))
    ds.file_meta.TransferSyntaxUID = UID(syntax or _as_parsed(ds))
    return ds, notes


def _as_parsed(ds: Dataset) -> str:
    implicit, little = ds.original_encoding
    return ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian if little else ExplicitVRBigEndian


def _file_meta(data: bytes) -> tuple[str, int]:
    """Return the transfer syntax named by the file meta information, and where the data set starts.

    References:
        DICOM PS3.10 section 7.1: group 2, explicit VR little endian, after 128 bytes and `DICM`.
    """
    syntax, at = "", 132 if data[128:132] == b"DICM" else 0
    for element, _, value, at in _meta_elements(data):
        if element == b"\x10\x00":
            syntax = data[value:at].strip(b"\0 ").decode("ascii", "replace")
    return syntax, at


def _meta_elements(data: bytes) -> Iterator[tuple[bytes, bytes, int, int]]:
    """Yield the element number of each value of the file meta information, its type, and where it starts and ends."""
    at = 132 if data[128:132] == b"DICM" else 0
    while data[at : at + 2] == b"\x02\x00" and at + 12 <= len(data):
        vr = data[at + 4 : at + 6]
        long = vr in _LONG
        value = at + (12 if long else 8)
        length = int.from_bytes(data[at + 8 : at + 12] if long else data[at + 6 : at + 8], "little")
        yield data[at + 2 : at + 4], vr, value, value + length
        at = value + length


def _is_element(head: bytes) -> bool:
    """Return whether bytes begin as a data set of explicit VR does: a low group, then two capital letters."""
    return head[:2] in (b"\x08\x00", b"\x04\x00") and head[4:6].isalpha() and head[4:6].isupper()


def inflated(data: bytes, limits: Limits, notes: list[Note]) -> bytes:
    """Return a DICOM file with its data set as it was before it was deflated; one that is not deflated as it is.

    Args:
        data: The whole file.
        limits: Never more than twice `limits.max_bytes` are held.
        notes: What a reader must know is added to it.

    Raises:
        TooLarge: If it inflates to more.
        BadScan: If it is damaged.
    """
    syntax, start = _file_meta(data)
    if syntax != DeflatedExplicitVRLittleEndian:
        return data
    if _is_element(data[start : start + 8]):  # it only says so
        return _with_header(data[start:], ExplicitVRLittleEndian)
    return _with_header(_inflated(data, start, limits, notes), ExplicitVRLittleEndian)


def _inflated(data: bytes, start: int, limits: Limits, notes: list[Note]) -> bytes:
    most = 2 * limits.max_bytes
    bits = zlib.MAX_WBITS if data[start : start + 1] == b"\x78" else -zlib.MAX_WBITS  # some writers keep zlib's header
    stream = zlib.decompressobj(bits)
    body = guarded(lambda: stream.decompress(data[start:], most + 1))
    if len(body) > most:
        raise TooLarge("imaging.dicom-inflates-too-far", most_mb=most / 1e6)
    if not stream.eof:
        notes.append(Note("imaging.dicom-deflated-no-end"))
    return body


def _with_header(body: bytes, syntax: str) -> bytes:
    """Return a file of a data set in a transfer syntax."""
    uid = syntax.encode()
    uid += b"\0" * (len(uid) % 2)
    element = b"\x02\x00\x10\x00UI" + len(uid).to_bytes(2, "little") + uid
    length = b"\x02\x00\x00\x00UL\x04\x00" + len(element).to_bytes(4, "little")
    return bytes(128) + b"DICM" + length + element + body
