"""Scans that were sent here and wait to be read: one file each, named by its digest, until somebody puts it away.

They are patient data on this machine's disk, readable by its owner only. A file that is sent twice is one file.
"""

import hashlib
import io
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from medcls import disk, home
from medcls.errors import BadScan, MedclsError
from medcls.imaging.limits import Limits
from medcls.imaging.quiet import guarded

if TYPE_CHECKING:
    import pydicom

_KEYWORDS = (
    "PatientName",
    "PatientID",
    "StudyDate",
    "StudyTime",
    "Modality",
    "StudyDescription",
    "AccessionNumber",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SOPInstanceUID",
)


@dataclass(frozen=True)
class Waiting:
    """One scan that waits to be read. Names a person: shown to whoever reads, kept nowhere else.

    Args:
        id: Its digest, or the identifiers by which a server finds it.
        source: `inbox`, `folder`, or a server's name.
        patient: Name as the header has it.
        patient_id: Number.
        date: Date of the study, `YYYYMMDD`; empty if not told.
        modality: DICOM's code.
        description: Of the study.
        study: Identifier of the study.
    """

    id: str
    source: str
    patient: str = ""
    patient_id: str = ""
    date: str = ""
    modality: str = ""
    description: str = ""
    study: str = ""


def folder() -> Path:
    """Return the folder of what waits."""
    return home.home() / "inbox"


def put(data: bytes) -> str:
    """Keep a file; on return it outlives a power cut.

    Args:
        data: A DICOM file.

    Returns:
        Its digest.

    Raises:
        OSError: If it cannot be kept (disk full).
    """
    digest = hashlib.sha256(data).hexdigest()
    folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder() / f"{digest}.dcm"
    if not path.is_file():
        disk.write_atomically(path, data)
        path.chmod(0o600)
    return digest


def waiting() -> tuple[Waiting, ...]:
    """Return what waits, the latest first."""
    found: list[tuple[float, Waiting]] = []
    for path in folder().glob("*.dcm"):
        with suppress(FileNotFoundError):  # put away meanwhile
            found.append((path.lstat().st_mtime, described(path, path.stem, "inbox")))
    return tuple(one for _, one in sorted(found, key=lambda pair: -pair[0]))


def came_at(digest: str) -> datetime:
    """Return when a file came, UTC, to the second.

    Raises:
        BadScan: If it is not there.
    """
    try:
        return datetime.fromtimestamp(int((folder() / f"{digest}.dcm").stat().st_mtime), UTC)
    except OSError as error:
        raise BadScan("inlets.not-waiting") from error


def note(digest: str, rule: str) -> None:
    """Note that a rule dealt with a file.

    Raises:
        OSError: If it cannot be written.
    """
    disk.write_atomically(folder() / f"{digest}.{rule}.done", b"")


def is_noted(digest: str, rule: str) -> bool:
    """Return whether a rule dealt with a file."""
    return (folder() / f"{digest}.{rule}.done").is_file()


def read(digest: str) -> bytes:
    """Return a file that waits.

    Raises:
        BadScan: If it is not there.
    """
    path = folder() / f"{digest}.dcm"
    if not digest.isalnum() or not path.is_file():
        raise BadScan("inlets.not-waiting")
    return disk.read_file(path, 1 << 31)


def put_away(digest: str) -> None:
    """Delete a file that was read."""
    if digest.isalnum():
        for path in (folder() / f"{digest}.dcm", *folder().glob(f"{digest}.*.done")):
            path.unlink(missing_ok=True)


def described(path: Path, name: str, source: str) -> Waiting:
    """Return what a DICOM header says of a file; of one that cannot be read, its name alone.

    Args:
        path: The file; of one that is not deflated only the header is read.
        name: What it is found by.
        source: Where it waits.
    """
    try:
        return guarded(lambda: from_header(_header(path), name, source))
    except MedclsError:  # told where the scan is read
        return Waiting(name, source)


def _header(path: Path) -> "pydicom.Dataset":
    import pydicom
    from pydicom.filereader import read_file_meta_info
    from pydicom.uid import DeflatedExplicitVRLittleEndian

    from medcls.imaging.dicom_file import inflated

    disk.open_file(path).close()  # a pipe would never end
    found: Path | io.BytesIO = path
    if read_file_meta_info(path).get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
        limits = Limits.from_env()
        limits.check_bytes(path.stat().st_size)
        found = io.BytesIO(inflated(path.read_bytes(), limits, []))
    return pydicom.dcmread(found, stop_before_pixels=True, specific_tags=list(_KEYWORDS))


def from_header(ds: "pydicom.Dataset", name: str, source: str) -> Waiting:
    """Return what a header says, as the worklist shows it.

    Args:
        ds: The header; tags it lacks are shown empty.
        name: Id of the file in the worklist.
        source: What it came from: the name of a server, a watched folder or the listener.
    """
    told = {keyword: str(ds.get(keyword, "") or "") for keyword in _KEYWORDS}
    return Waiting(
        name,
        source,
        told["PatientName"].replace("^", " ").strip(),
        told["PatientID"],
        told["StudyDate"],
        told["Modality"],
        told["StudyDescription"],
        told["StudyInstanceUID"],
    )
