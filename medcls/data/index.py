"""The index of a collection on disk: one SQLite file with a row per case, one file with a look per case.

Rows are written in batches while files are looked at and read back one by one: 277,524 cases need no more
memory than one batch. `looks.bin` holds one fixed-size record per row, in row order, to be mapped.
"""

import contextlib
import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from medcls.core.collection import SITES, Case
from medcls.core.note import Note
from medcls.data.descriptors import DESCRIPTOR
from medcls.errors import BadData, Conflict

_TABLES = """
CREATE TABLE cases (
  n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, label TEXT, patient TEXT, own_group TEXT, grp TEXT NOT NULL,
  sha256 TEXT NOT NULL, height INTEGER NOT NULL, width INTEGER NOT NULL, masks TEXT NOT NULL, attributes TEXT NOT NULL,
  dropped TEXT NOT NULL DEFAULT ''
);
CREATE TABLE set_aside (id TEXT NOT NULL, reason TEXT NOT NULL);
CREATE TABLE not_taken (path TEXT NOT NULL, reason TEXT NOT NULL);
CREATE TABLE pairs (a INTEGER NOT NULL, b INTEGER NOT NULL, likeness REAL NOT NULL);
CREATE TABLE flagged (kind TEXT NOT NULL, n INTEGER NOT NULL, score REAL NOT NULL);
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
_CASE = "id, label, patient, grp, sha256, height, width, masks, attributes"
_ADDED = "n, id, label, patient, own_group, grp, sha256, height, width, masks, attributes"
_WAIT_S = 30  # for another process that writes
COLUMNS = ("n", "id", "label", "patient", "own_group", "grp", "sha256", "height", "width", "dropped", "attributes")


class _Cursor(sqlite3.Cursor):
    """Says in a sentence that the index is damaged, wherever SQLite finds out."""

    def execute(self, *args: Any) -> "_Cursor":
        with _damage():
            return super().execute(*args)

    def __next__(self) -> Any:
        with _damage():
            return super().__next__()

    def fetchone(self) -> Any:
        with _damage():
            return super().fetchone()

    def fetchall(self) -> list[Any]:
        with _damage():
            return super().fetchall()


class _Connection(sqlite3.Connection):
    """A connection whose cursors tell of damage."""

    def cursor(self, factory: Any = _Cursor) -> Any:
        return super().cursor(factory)

    def execute(self, *args: Any) -> Any:
        return self.cursor().execute(*args)


@contextlib.contextmanager
def _damage() -> Iterator[None]:
    try:
        yield
    except (sqlite3.DatabaseError, OverflowError, UnicodeDecodeError) as error:
        if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
            raise Conflict("data.index-locked", wait_s=_WAIT_S) from error
        raise BadData("data.index-damaged", found=str(error)[:120]) from error


class Index:
    """Rows and looks of one collection.

    Args:
        folder: Folder that holds `index.sqlite` and `looks.bin`.

    Raises:
        BadData: If it holds no index. Whatever reads it: if it is damaged.
        Conflict: Whatever reads it: if another process holds it for too long.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._local = threading.local()
        if not (folder / "index.sqlite").is_file():
            raise BadData("data.no-index")

    @classmethod
    def create(cls, folder: Path) -> "Index":
        """Make an empty index in a folder."""
        with sqlite3.connect(folder / "index.sqlite") as db:
            db.executescript(_TABLES)
        (folder / "looks.bin").touch()
        return cls(folder)

    def __reduce__(self) -> tuple[type["Index"], tuple[Path]]:
        return Index, (self.folder,)

    @property
    def db(self) -> sqlite3.Connection:
        """Return this thread's connection."""
        if not hasattr(self._local, "db"):
            self._local.db = sqlite3.connect(self.folder / "index.sqlite", timeout=_WAIT_S, factory=_Connection)
        return self._local.db

    def close(self) -> None:
        """Close this thread's connection; the next use opens another."""
        if hasattr(self._local, "db"):
            self._local.db.close()
            del self._local.db

    def append(self, rows: Sequence[tuple[Any, ...]], looks: np.ndarray) -> None:
        """Add cases with their looks.

        Args:
            rows: For each case n, id, label, patient, own group, group, sha256, height, width, masks, attributes.
            looks: (n,) of dtype `DESCRIPTOR`, in the same order.
        """
        with (self.folder / "looks.bin").open("ab") as file:
            file.write(np.ascontiguousarray(looks, DESCRIPTOR).tobytes())
        with self.db as db:
            db.executemany(f"INSERT INTO cases ({_ADDED}) VALUES (?,?,?,?,?,?,?,?,?,?,?)", rows)

    def set_aside(self, rows: Iterable[tuple[str, Note]]) -> None:
        """Note files that could not be read, with the reason."""
        with self.db as db:
            db.executemany("INSERT INTO set_aside VALUES (?,?)", ((i, json.dumps(why.to_dict())) for i, why in rows))

    def note_judged(self, rows: Iterable[tuple[int, str, float, float]]) -> None:
        """Keep what a judge says of labels: row, label suggested, its probability, and that of the label it has."""
        with self.db as db:
            db.execute("CREATE TABLE IF NOT EXISTS judged (n INTEGER PRIMARY KEY, label TEXT, prob REAL, own REAL)")
            db.execute("DELETE FROM judged")
            db.executemany("INSERT INTO judged VALUES (?,?,?,?)", rows)

    def judged(self) -> list[tuple[int, str, float, float]]:
        """Return the last judge's (row, label, its probability, that of its own label), sharpest disagreement first."""
        if not self.db.execute("SELECT 1 FROM sqlite_master WHERE name = 'judged'").fetchone():
            return []
        return self.db.execute("SELECT n, label, prob, own FROM judged ORDER BY own, n").fetchall()

    def note_not_taken(self, left: Mapping[str, Note]) -> None:
        """Note files that were not taken, with the reason."""
        with self.db as db:
            db.executemany(
                "INSERT INTO not_taken VALUES (?,?)", ((path, json.dumps(why.to_dict())) for path, why in left.items())
            )

    def not_taken(self) -> dict[str, Note]:
        """Return why each file left out was left out, by path; empty for a collection that an older medcls added."""
        if not self.db.execute("SELECT 1 FROM sqlite_master WHERE name = 'not_taken'").fetchone():
            return {}
        rows = self.db.execute("SELECT path, reason FROM not_taken ORDER BY path")
        return {path: _reason(why) for path, why in rows}

    def relabel(self, labels: Mapping[str, str], renames: Mapping[str, str]) -> None:
        """Return cases other labels than the set did; all others get back the one it gave.

        Args:
            labels: Label id by case id.
            renames: New id of a label by the one that the set gave; `labels` holds new ones.
        """
        columns = {row[1] for row in self.db.execute("PRAGMA table_info(cases)")}
        with self.db as db:
            if "given" not in columns:
                if not labels and not renames:
                    return
                db.execute("ALTER TABLE cases ADD COLUMN given TEXT")
                db.execute("UPDATE cases SET given = label")
            db.execute("UPDATE cases SET label = given WHERE label IS NOT given")
            db.executemany("UPDATE cases SET label = ? WHERE given = ?", ((new, old) for old, new in renames.items()))
            db.executemany("UPDATE cases SET label = ? WHERE id = ?", ((label, case) for case, label in labels.items()))

    def descriptors(self) -> np.ndarray:
        """Map the looks of all rows, in row order: (N,) of dtype `DESCRIPTOR`, read-only.

        Raises:
            BadData: If the file is gone, or does not hold one look for each row.
        """
        path, n = self.folder / "looks.bin", self.db.execute("SELECT count(*) FROM cases").fetchone()[0]
        try:
            held = path.stat().st_size
            if held != n * DESCRIPTOR.itemsize:
                raise BadData("data.index-damaged", found=f"looks.bin: {held:,} bytes, {n:,} cases")
            return np.memmap(path, dtype=DESCRIPTOR, mode="r") if n else np.zeros(0, DESCRIPTOR)
        except OSError as error:
            raise BadData("data.index-damaged", found=f"looks.bin: {error.strerror or type(error).__name__}") from error

    def column(self, name: str) -> np.ndarray:
        """Return one column of all rows, in row order: (N,) of objects, None where a row has no such value.

        Raises:
            ValueError: If there is no such column.
        """
        if name not in COLUMNS:
            raise ValueError(f"no column {name}")
        values = [row[0] for row in self.db.execute(f"SELECT {name} FROM cases ORDER BY n")]
        column = np.empty(len(values), object)
        column[:] = values
        return column

    def case(self, n: int) -> Case:
        """Return the case of row `n`."""
        return _case(self.db.execute(f"SELECT {_CASE} FROM cases WHERE n = ?", (int(n),)).fetchone())

    def case_of(self, case_id: str) -> Case:
        """Return the case with this id.

        Raises:
            BadData: If there is none.
        """
        row = self.db.execute(f"SELECT {_CASE} FROM cases WHERE id = ?", (case_id,)).fetchone()
        if row is None:
            raise BadData("data.no-such-case")
        return _case(row)

    def in_use(self) -> Iterator[Case]:
        """Return the cases that are not dropped, one by one, in row order."""
        for row in self.db.execute(f"SELECT {_CASE} FROM cases WHERE dropped = '' ORDER BY n"):
            yield _case(row)

    def flag(self, kind: str, rows: Iterable[int], scores: Iterable[float]) -> None:
        """Note which cases a kind of finding is about, in the place of what was noted before.

        Args:
            kind: The kind of finding.
            rows: Row numbers of the cases.
            scores: One for each row: what the finding sorts them by.
        """
        with self.db as db:
            db.execute("DELETE FROM flagged WHERE kind = ?", (kind,))
            db.executemany(
                "INSERT INTO flagged VALUES (?,?,?)",
                ((kind, int(n), float(s)) for n, s in zip(rows, scores, strict=True)),
            )

    def flagged(self, kind: str) -> np.ndarray:
        """Return the rows a kind of finding is about, the clearest first, (M,) int64."""
        found = self.db.execute("SELECT n FROM flagged WHERE kind = ? ORDER BY score DESC, n", (kind,))
        return np.array([row[0] for row in found], np.int64)

    def count_attributes(self) -> list[tuple[str, str, str | None, int]]:
        """Count the cases in use by attribute, its value and the label; places are no such attribute."""
        query = (
            "SELECT key, value, label, count(*) FROM cases, json_each(cases.attributes) "
            "WHERE dropped = '' AND key NOT IN ('x', 'y', 'bbox') GROUP BY key, value, label ORDER BY key, value"
        )
        return self.db.execute(query).fetchall()

    def count_sites(self) -> dict[str, int]:
        """Count the cases in use of each hospital, archive or device; cases whose site is not said are left out."""
        said = ", ".join(f"json_extract(attributes, '$.{key}')" for key in SITES)
        query = (
            f"SELECT coalesce({said}) AS site, count(*) FROM cases "
            "WHERE dropped = '' AND site IS NOT NULL GROUP BY site"
        )
        return dict(self.db.execute(query).fetchall())

    def count_unlabelled(self) -> int:
        """Count the cases in use without a label."""
        return self.db.execute("SELECT count(*) FROM cases WHERE dropped = '' AND label IS NULL").fetchone()[0]

    def unreadable(self) -> list[tuple[str, Note]]:
        """Return the files that could not be read, each with the reason; an older medcls kept the sentence."""
        return [(i, _reason(why)) for i, why in self.db.execute("SELECT id, reason FROM set_aside ORDER BY id")]

    def fact(self, name: str) -> str | None:
        """Return a noted fact; None if it was never noted."""
        row = self.db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def note(self, **facts: str) -> None:
        """Note facts by name."""
        with self.db as db:
            db.executemany("INSERT OR REPLACE INTO facts VALUES (?,?)", facts.items())


def _case(row: tuple[Any, ...]) -> Case:
    name, label, patient, group, sha256, height, width, masks, attributes = row
    return Case(name, label, patient, group, sha256, (height, width), tuple(json.loads(masks)), json.loads(attributes))


def _reason(stored: str) -> Note:
    try:
        return Note.from_dict(json.loads(stored) if stored.startswith("{") else stored)
    except (ValueError, RecursionError) as error:
        raise BadData("data.index-damaged", found=stored[:60]) from error
