"""Made pictures beside a collection: read for the training part alone, and only of a run that may learn from them."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from medcls import disk
from medcls.core.collection import Case
from medcls.core.made import MADE_BY, MADE_RECORD, MadePicture, MadeSet
from medcls.core.progress import Progress, silent
from medcls.core.run import RunSpec
from medcls.core.scan import Preprocess
from medcls.data.batches import Copies, Part, read_part
from medcls.data.sources import Sources
from medcls.errors import BadData
from medcls.imaging.made import read_made_png, to_made_png
from medcls.imaging.picture import to_png


def write_made(folder: Path, pixels: np.ndarray, made: MadeSet) -> MadeSet:
    """Write pictures and their record into a folder.

    Args:
        folder: A new folder.
        pixels: (N, S, S, C) uint8, in the order of `made.pictures`, whose digests are not read.
        made: What they are.

    Returns:
        The record as written, with the files' digests.

    Raises:
        OSError: If the disk is full or cannot be written.
    """
    folder.mkdir(parents=True)
    pictures = []
    for one, picture in zip(pixels, made.pictures, strict=True):
        content = to_made_png(one)
        (folder / picture.file).write_bytes(content)
        pictures.append(replace(picture, sha256=hashlib.sha256(content).hexdigest()))
    written = replace(made, pictures=tuple(pictures))
    disk.write_atomically(folder / MADE_RECORD, written.to_json().encode())
    return written


def read_record(folder: Path, run_id: str) -> MadeSet:
    """Return the record of the pictures that a translator's run made.

    Args:
        folder: Where they stand.
        run_id: Id of the run, for the message.

    Raises:
        BadData: If it has made none.
        BadRecord: If the record is damaged.
    """
    try:
        return MadeSet.read(folder / MADE_RECORD, f"{run_id}/{MADE_RECORD}")
    except FileNotFoundError:
        raise BadData("data.made-nothing", run=run_id) from None


def check_made(made: MadeSet, sources: Sources, spec: RunSpec) -> None:
    """Refuse made pictures that a run may not learn from: they would carry over what it is tested or watched on.

    Args:
        made: The pictures.
        sources: The cases of the run, by part.
        spec: The run's spec.

    Raises:
        BadData: If the translator had other collections or contents, labels or splits, learned from a scan outside
            the training part, or had its scans made ready in another way.
    """
    told = {"run": made.run}
    if made.fingerprints != {c.name: c.fingerprint for c in sources.collections}:
        raise BadData("data.made-of-other-scans", **told)
    if made.labels != sources.task.label_ids or made.asked.label_map != spec.data.label_map:
        raise BadData("data.made-of-other-labels", **told)
    if made.splits != sources.splits:
        raise BadData("data.made-of-another-split", **told)
    if n := _n_outside(made, sources):
        raise BadData("data.made-leaks", n=n, **told)
    if (made.asked.fit, made.asked.cleaning) != (spec.data.fit, spec.data.cleaning):
        raise BadData("data.made-otherwise-ready", fit=made.asked.fit, cleaning=made.asked.cleaning or "none", **told)


def _n_outside(made: MadeSet, sources: Sources) -> int:
    """Count the scans learned from or redrawn that are not of the training part, by case and by content."""
    parts = dict(zip((c.name for c in sources.collections), sources.cases, strict=True))
    train = {(name, case.id) for name, cases in parts.items() for case in cases.get("train", ())}
    apart = {
        case.sha256 for cases in parts.values() for part, some in cases.items() if part != "train" for case in some
    }
    used = {(name, case_id) for name, ids in made.learned.items() for case_id in ids}
    used |= {(picture.collection, picture.source) for picture in made.pictures}
    return len(used - train) + len(set(made.digests) & apart)


def choose_made(made: MadeSet, learned: dict[str, int], spec: RunSpec) -> tuple[MadePicture, ...]:
    """Return the pictures that a run adds, drawn at random with its seed.

    Args:
        made: The pictures.
        learned: Scans of each label that the run learns from.
        spec: The run's spec: `made_most` or, where it is 0, as many as make the label as common as the most common one.

    Raises:
        BadData: If the label is the most common one already.
    """
    n = spec.data.made_most or max(learned.values()) - learned.get(made.to_label, 0)
    if n <= 0:
        raise BadData("data.made-not-needed", label=made.to_label, n=learned.get(made.to_label, 0))
    rows = np.random.default_rng(spec.optimisation.seed).permutation(len(made.pictures))[:n]
    return tuple(made.pictures[i] for i in sorted(rows.tolist()))


class _Pictures:
    """Made pictures as `read_part` reads a collection: checked against the record, and without the mark."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name

    def read(self, case: Case) -> bytes:
        """Return a picture as a PNG that can be decoded like a scan.

        Raises:
            BadData: If it is gone or has changed.
        """
        try:
            content = disk.read_file(self.folder / case.id.rpartition("/")[2])
        except OSError as error:
            raise BadData("data.made-gone", run=self.name, found=error.strerror or type(error).__name__) from error
        if hashlib.sha256(content).hexdigest() != case.sha256:
            raise BadData("data.made-changed", run=self.name)
        return to_png(read_made_png(content))


def read_made(
    folder: Path,
    made: MadeSet,
    pictures: tuple[MadePicture, ...],
    preprocess: Preprocess,
    copies: Copies | None = None,
    on_case: Progress = silent,
) -> Part:
    """Decode made pictures as a part to learn from.

    Args:
        folder: Where they stand.
        made: What they are.
        pictures: Those to read, one at least.
        preprocess: How the network is fed; they were cleaned and made square when they were made.
        copies: Changed copies to make of each, as of the scans.
        on_case: Called with pictures done and pictures in all.

    Raises:
        BadData: If a picture is gone or has changed.
    """
    side = made.asked.size_px
    cases = [
        Case(
            f"made/{made.run}/{picture.file}",
            made.to_label,
            picture.patient,
            picture.group,
            picture.sha256,
            (side, side),
            attributes={MADE_BY: made.run},
        )
        for picture in pictures
    ]
    ready, files = replace(preprocess, fit="stretch", cleaning=()), _Pictures(folder, made.run)
    for case in cases:  # said of the translator's run; below it would be said of a collection
        files.read(case)
    return read_part(files, cases, made.labels, ready, on_case, copies)
