"""From a drop to scans: unpack, decode, make thumbnails, generate an example."""

from collections.abc import Iterable, Iterator

from medcls.core.outcome import Outcome
from medcls.core.scan import Scan
from medcls.core.task import Task
from medcls.errors import BadTask, MedclsError, TooLarge
from medcls.imaging.decode import Limits, count_frames, read_scan
from medcls.imaging.dicom_study import study_of as study_of
from medcls.imaging.drop import open_drop
from medcls.imaging.drop import walk as walk
from medcls.imaging.phantom import phantom
from medcls.imaging.picture import to_png

# One file of a drop, archives already opened: its name with the path inside its archive, and its bytes.
Entry = Outcome[bytes]


def unpack(files: Iterable[tuple[str, bytes]], max_unpacked_bytes: int = 400_000_000) -> Iterator[Entry]:
    """Return every file of a drop in order, those inside ZIP archives too; nothing is decoded yet.

    Args:
        files: Name and bytes of each file dropped.
        max_unpacked_bytes: How much may come out of archives in all, for it stays in memory while the drop is shown.

    Returns:
        An iterator of entries; a file that cannot be opened comes with its error and the rest go on.
    """
    given: set[int] = set()
    left = max_unpacked_bytes

    def noting() -> Iterator[tuple[str, bytes]]:
        for name, data in files:
            given.add(id(data))
            yield name, data

    for dropped in open_drop(noting()):
        left -= 0 if dropped.value is None or id(dropped.value) in given else len(dropped.value)
        if left < 0:
            yield Outcome(dropped.name, error=TooLarge("workflows.drop-too-large", most_mb=max_unpacked_bytes / 1e6))
            return
        yield dropped


def read(data: bytes, frame: int | None = None) -> Scan:
    """Decode one file within the limits set for this machine.

    Args:
        data: The file's bytes, of any kind medcls reads.
        frame: Which picture of a file that holds several, from 0; None for the first.

    Raises:
        BadScan: If it cannot be read as a scan.
        TooLarge: If it is above a limit.
    """
    return read_scan(data, frame=frame, limits=Limits.from_env())


def frames(data: bytes) -> int:
    """Count the pictures in one file from its header; 0 if that cannot be told."""
    try:
        return count_frames(data, Limits.from_env())
    except MedclsError:
        return 0


def thumbnail(scan: Scan, side_px: int = 96) -> bytes:
    """Return the scan as a small PNG.

    Args:
        scan: The scan.
        side_px: Longest side at most.
    """
    return to_png(scan.pixels, max_side_px=side_px)


def picture(scan: Scan, side_px: int = 1600) -> bytes:
    """Return the scan as a PNG for the screen.

    Args:
        scan: The scan.
        side_px: Longest side at most; a larger scan is shrunk.
    """
    return to_png(scan.pixels, max_side_px=side_px)


def example(task: Task, label_id: str, seed: int = 0) -> bytes:
    """Generate a synthetic scan to try things with; it shows nobody and proves nothing about a model.

    Args:
        task: The question; one of those that ship.
        label_id: Which answer it is drawn to look like.
        seed: Other seeds give other pictures.

    Returns:
        A PNG.

    Raises:
        BadTask: If there is no generator for this task or label.
    """
    try:
        return phantom(task.id, label_id, seed, clear=True)
    except (KeyError, ValueError) as error:
        raise BadTask("workflows.no-example", task=task.id) from error
