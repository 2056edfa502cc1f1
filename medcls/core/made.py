"""Pictures that a program made from scans: what they were made from, so that they can be kept where they belong."""

import hashlib
from dataclasses import dataclass

from medcls.core.record import Record
from medcls.core.settings import DataSpec

# Stands in the text of every such picture, under the key `medcls`; a file that bears it is never read as a scan.
MADE_MARK = "MADE BY PROGRAM, NOT A SCAN"
MADE_RECORD = "made.json"  # beside the pictures
MADE_BY = "made_by"  # attribute of a case that is such a picture: the run whose translator made it


@dataclass(frozen=True)
class MadePicture(Record):
    """One picture made from one scan of the training part.

    Args:
        file: Name of its file.
        sha256: Digest of the file's bytes.
        collection: Collection of the scan it was made from.
        source: Id of that scan's case.
        group: Group of that case: what is made from a scan must not be parted from it.
        patient: Patient of that case; None if unknown.
    """

    file: str
    sha256: str
    collection: str
    source: str
    group: str
    patient: str | None = None


@dataclass(frozen=True)
class MadeSet(Record):
    """The pictures that a translator made, and all that decides where they may be learned from.

    Args:
        run: Id of the translator's run.
        from_label: Label of the scans they were made from.
        to_label: Label they were made to have.
        labels: Label ids of the task, in order.
        asked: Which scans the run was given, and how these were made ready.
        channels: Channels of the pictures: 1 for a task whose pictures are grey.
        fingerprints: Fingerprint of each collection, by name.
        splits: Digest of each collection's split, by name.
        learned: Ids of the cases that the translator learned from, by collection.
        digests: Digests of those scans.
        epochs: Epochs it learned for.
        pictures: The pictures.
    """

    run: str
    from_label: str
    to_label: str
    labels: tuple[str, ...]
    asked: DataSpec
    channels: int
    fingerprints: dict[str, str]
    splits: dict[str, str]
    learned: dict[str, tuple[str, ...]]
    digests: tuple[str, ...]
    epochs: int
    pictures: tuple[MadePicture, ...]
    mark: str = MADE_MARK
    schema: int = 1

    @property
    def digest(self) -> str:
        """SHA-256 over the pictures: a run that goes on makes others."""
        return hashlib.sha256("\n".join(picture.sha256 for picture in self.pictures).encode()).hexdigest()
