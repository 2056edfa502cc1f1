"""A labelled collection in memory: its cases made as they are asked for, its scans read from where they lie."""

import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import overload

import numpy as np
from PIL import Image

from medcls import disk
from medcls.core.collection import Case, CollectionRecord
from medcls.data.arrays import read_row
from medcls.data.duplicates import find_pairs
from medcls.data.index import Index
from medcls.data.settle import Same, same_pictures
from medcls.data.soundness import check_sound
from medcls.errors import BadData, BadScan

_MOST_BYTES = 1 << 31  # of a scan


class Stored:
    """One collection as it stands on disk.

    Args:
        folder: Its folder under `MEDCLS_HOME/datasets`.

    Raises:
        BadData: If there is no collection in it, or its index is damaged.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / "record.json"
        if not disk.is_there(path):
            raise BadData("data.no-such-collection", found=folder.name[:80])
        self.folder = folder
        self.record = CollectionRecord.read(path)
        self.index = Index(folder)
        check_sound(self.index)
        self.rows = np.array(
            [row[0] for row in self.index.db.execute("SELECT n FROM cases WHERE dropped = '' ORDER BY n")], np.int64
        )

    def __reduce__(self) -> tuple[type["Stored"], tuple[Path]]:
        return Stored, (self.folder,)

    def read(self, case_id: str) -> bytes:
        """Return the bytes of a case; a row of an array as PNG.

        Raises:
            BadData: If the file is gone.
        """
        return self.read_with_digest(case_id)[0]

    def read_with_digest(self, case_id: str) -> tuple[bytes, str]:
        """Return the bytes of a case, and the digest a collection keeps of it; see `digest_of`.

        Raises:
            BadData: As `read`.
        """
        try:
            data, pixels = bytes_of(Path(self.record.root), case_id)
            return data, digest_of(data, pixels)
        except OSError as error:
            raise BadData("data.scan-gone", name=self.record.name, found=type(error).__name__) from error


class CaseList(Sequence[Case]):
    """The cases of a collection, made one by one as they are asked for."""

    def __init__(self, stored: tuple[Stored, ...], read_as: Mapping[str, str]) -> None:
        self._stored = stored
        self._read_as = read_as
        self._ends = np.cumsum([len(s.rows) for s in stored])

    def __len__(self) -> int:
        return int(self._ends[-1])

    @overload
    def __getitem__(self, i: int) -> Case: ...
    @overload
    def __getitem__(self, i: slice) -> tuple[Case, ...]: ...
    def __getitem__(self, i: int | slice) -> Case | tuple[Case, ...]:
        if isinstance(i, slice):
            return tuple(self[k] for k in range(*i.indices(len(self))))
        i = int(i) + len(self) if i < 0 else int(i)
        if not 0 <= i < len(self):
            raise IndexError(i)
        part = int(np.searchsorted(self._ends, i, side="right"))
        stored = self._stored[part]
        within = i - (int(self._ends[part - 1]) if part else 0)
        return self._told(stored.index.case(stored.rows[within]), stored)

    def __iter__(self) -> Iterator[Case]:
        for stored in self._stored:
            for case in stored.index.in_use():
                yield self._told(case, stored)

    def _told(self, case: Case, stored: Stored) -> Case:
        """Return a case as the collection tells it: its label as it is read, its names after its collection's."""
        prefix = f"{stored.record.name}/" if len(self._stored) > 1 else ""
        label = _read(case.label, self._read_as)
        return _prefixed(case if label == case.label else replace(case, label=label), prefix)


def _read(label: str | None, read_as: Mapping[str, str]) -> str | None:
    """Return a label as another name says it is to be read; None where there is none, or it is to be left out."""
    return label if label is None else read_as.get(label, label) or None


class Collection:
    """Labelled scans to look at, split and train on: one collection, or several as one.

    Where it is several, every id, patient and group begins with its collection's name and `/`.

    Args:
        stored: The collections on disk, one or more.
        read_as: Label id to read instead of another, by that other; an empty one reads its cases as unlabelled.
    """

    def __init__(self, stored: tuple[Stored, ...], read_as: Mapping[str, str] | None = None) -> None:
        self.stored = stored
        self.read_as = dict(read_as or {})
        self.name = "+".join(s.record.name for s in stored)
        self.cases = CaseList(stored, self.read_as)
        self.task_id = stored[0].record.task_id
        self._pairs: tuple[np.ndarray, int] | None = None
        given = _joint_labels([s.record.labels for s in stored])
        self.labels = tuple(dict.fromkeys(label for one in given if (label := _read(one, self.read_as))))

    @property
    def record(self) -> CollectionRecord:
        """The record of a single collection.

        Raises:
            BadData: If it is several.
        """
        if len(self.stored) > 1:
            raise BadData("data.no-common-record", found=self.name)
        return self.stored[0].record

    @property
    def root(self) -> Path:
        """Folder of a single collection's scans; see `record`."""
        return Path(self.record.root)

    @property
    def layout(self) -> str:
        """Name of a single collection's layout; see `record`."""
        return self.record.layout

    @property
    def fingerprint(self) -> str:
        """Digest over the cases in use: of one collection, or of the names and digests of several."""
        if len(self.stored) == 1:
            return self.record.fingerprint
        joint = "\n".join(sorted(f"{s.record.name} {s.record.fingerprint}" for s in self.stored))
        return hashlib.sha256(joint.encode()).hexdigest()

    def read(self, case: Case) -> bytes:
        """Return the bytes of a case, checked against the digest taken when the collection was added.

        Raises:
            BadData: If the file is gone or has changed.
        """
        stored, case_id = self._find(case.id)
        data, digest = stored.read_with_digest(case_id)
        if digest != case.sha256:
            raise BadData("data.scan-changed", name=stored.record.name)
        return data

    def read_mask(self, case: Case, mask: str) -> bytes:
        """Return the bytes of one of a case's masks, as named in `case.masks`.

        Raises:
            BadData: If the file is gone.
        """
        return self._find(case.id)[0].read(mask)

    def case(self, case_id: str) -> Case:
        """Return the case with this id.

        Raises:
            BadData: If there is none.
        """
        stored, inner = self._find(case_id)
        return self.cases._told(stored.index.case_of(inner), stored)

    def column(self, name: str) -> np.ndarray:
        """Return one column of the index for the cases in use, in order.

        Args:
            name: A column of `medcls.data.index`: `id`, `label`, `patient`, `grp`, …

        Returns:
            (N,) of objects; None where a case has no such value. Labels are read as others where the collection is
            asked to; ids, patients and groups of several collections begin with their collection's name.
        """
        parts = []
        for stored in self.stored:
            values = stored.index.column(name)[stored.rows]
            if name == "label" and self.read_as:
                values = np.array([_read(value, self.read_as) for value in values], object)
            if len(self.stored) > 1 and name in ("id", "patient", "own_group", "grp"):
                values = np.array([v if v is None else f"{stored.record.name}/{v}" for v in values], object)
            parts.append(values)
        return np.concatenate(parts)

    def descriptors(self) -> np.ndarray:
        """Return the look of each case in use, in order: (N,) of dtype `medcls.data.descriptors.DESCRIPTOR`."""
        parts = [s.index.descriptors() for s in self.stored]
        if len(parts) == 1 and len(parts[0]) == len(self.stored[0].rows):
            return parts[0]
        return np.concatenate([looks[s.rows] for looks, s in zip(parts, self.stored, strict=True)])

    def pairs(self) -> tuple[np.ndarray, int]:
        """Return near-duplicates among the cases in use.

        Pairs a person declared different are left out. Several collections are compared with each other when first
        asked for, as no index holds pairs across them.

        Returns:
            Positions among the cases, (P, 2) int64, and how many candidates were compared.
        """
        if self._pairs is None:
            self._pairs = _pairs_of(self.stored[0]) if len(self.stored) == 1 else _pairs_across(self)
        return self._pairs

    def _find(self, case_id: str) -> tuple[Stored, str]:
        if len(self.stored) == 1:
            return self.stored[0], case_id
        name, _, inner = case_id.partition("/")
        for stored in self.stored:
            if stored.record.name == name:
                return stored, inner
        raise BadData("data.no-such-case")


def _pairs_of(stored: Stored) -> tuple[np.ndarray, int]:
    rows = [
        pair for same in same_pictures(stored.index) if not _declared_different(stored, same) for pair in same.pairs
    ]
    position = {int(row): i for i, row in enumerate(stored.rows)}
    kept = [(position[a], position[b]) for a, b in rows if a in position and b in position]
    return np.array(kept, np.int64).reshape(-1, 2), int(stored.index.fact("pairs_compared") or 0)


def _declared_different(stored: Stored, same: Same) -> bool:
    return stored.record.decisions.get(same.key) == "keep"


def _pairs_across(collection: Collection) -> tuple[np.ndarray, int]:
    sides = np.minimum(collection.column("height"), collection.column("width")).astype(np.int64)
    found = find_pairs(np.ascontiguousarray(collection.descriptors()["grey"]), sides)
    return np.stack([found.a, found.b], 1), found.compared


def _prefixed(case: Case, prefix: str) -> Case:
    if not prefix:
        return case
    patient = case.patient if case.patient is None else prefix + case.patient
    return replace(case, id=prefix + case.id, patient=patient, group=prefix + case.group)


def _joint_labels(lists: list[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the labels of several collections in the order of the longest list, then of appearance."""
    ordered = sorted(lists, key=len, reverse=True)
    return tuple(dict.fromkeys(label for labels in ordered for label in labels))


def as_text(name: str) -> str:
    """Return a name as it can be written down: bytes of a file's name that are no text are escaped."""
    return name.encode("utf-8", "backslashreplace").decode()


def bytes_of(root: Path, case_id: str) -> tuple[bytes, np.ndarray | None]:
    """Return a case's bytes, and its pixels where it is a row of an array.

    Args:
        root: The collection's folder.
        case_id: A path below it, with `#` and the row's number behind it for a row of an array.

    Returns:
        The file's bytes and None; for a row of an array a PNG of it, and its pixels (H, W) or (H, W, 3) uint8.

    Raises:
        BadScan: If the id leads outside of `root`, or cannot be written down.
        BadData: If an array has no such row, or values that are not read.
        OSError: If the file cannot be read.
    """
    if "\0" in case_id or case_id != as_text(case_id):
        raise BadScan("data.case-name-no-text")
    if ".." in Path(case_id).parts or Path(case_id).is_absolute():
        raise BadScan("data.path-outside")
    name, hash_sign, row = case_id.rpartition("#")
    if not (hash_sign and name.endswith(".npy") and row.isdigit()):
        return disk.read_file(root / case_id, _MOST_BYTES), None
    pixels = read_row(root / name, int(row))
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue(), pixels


def digest_of(data: bytes, pixels: np.ndarray | None) -> str:
    """Return the SHA-256 by which a case is known: of its bytes, or of its 8-bit pixels where it is a row of an array.

    Args:
        data: The case's bytes.
        pixels: (H, W) or (H, W, 3) uint8 if it is a row of an array; None otherwise.

    Returns:
        Hex digest.
    """
    return hashlib.sha256(data if pixels is None else pixels.tobytes()).hexdigest()
