"""Damage for the files of a home, in what they hold and in their place; and the home whole again after it."""

import contextlib
import os
import random
import re
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

from tests.fuzz import whole_home
from tests.mutations import mutate

_ODD_WORDS = (
    b"nan",
    b"inf",
    b"-1",
    b"1e400",
    b"9" * 5000,
    b"",
    b"\0",
    b"\xff",
    b'"',
    b"[" * 3000,
    b"true",
    b"..",
    b"0",
)
_SQL = (
    "DELETE FROM {table}",
    "DROP TABLE {table}",
    "ALTER TABLE {table} RENAME TO other",
    "ALTER TABLE {table} RENAME COLUMN {column} TO other",
    "UPDATE {table} SET {column} = NULL",
    "UPDATE {table} SET {column} = x'00ff'",
    "UPDATE {table} SET {column} = 'text'",
    "UPDATE {table} SET {column} = 9e300",
    "UPDATE {table} SET {column} = -1",
    "UPDATE {table} SET {column} = ''",
)


def targets(home: Path) -> list[Path]:
    """Return the files that are damaged, relative to the home: those of one thing of each kind."""
    spared = (whole_home.GOOD, "ward", "whole-search", whole_home.run_named("whole").id, "README.md")
    found = [path.relative_to(home) for path in sorted(home.rglob("*")) if path.is_file()]
    mine = [path for path in found if not set(spared) & set(path.parts) and path.suffix != ".png"]
    left_out = ("lock", ".lock", "reserve")
    return [path for path in mine if path.name not in left_out and path.parts[:2] != ("cache", "kinds")]


def damage(path: Path, rng: random.Random) -> str:
    """Damage a file, or its place; return how."""
    roll = rng.random()
    if roll < 0.12:
        way = rng.choice(_PLACES)
        way(path)
        return way.__name__
    content = path.read_bytes()
    if content.startswith(b"SQLite format") and roll < 0.6:
        return _by_sql(path, rng)
    if path.suffix in (".csv", ".toml", ".txt") and roll < 0.6:
        path.write_bytes(other_word(content, rng))
        return "another word"
    path.write_bytes(mutate(content, rng))
    return "mutated"


def _gone(path: Path) -> None:
    path.unlink()


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _link_to_nothing(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name("gone"))


def _link_to_itself(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def _unreadable(path: Path) -> None:
    path.chmod(0)


def _device(path: Path) -> None:
    path.unlink()
    path.symlink_to(os.devnull)


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _endless(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


_PLACES: tuple[Callable[[Path], None], ...] = (
    _gone,
    _folder,
    _link_to_nothing,
    _link_to_itself,
    _unreadable,
    _device,
    _pipe,
    _endless,
)


def other_word(content: bytes, rng: random.Random) -> bytes:
    """Put an odd word in the place of a number, a name or a sign."""
    words = list(re.finditer(rb"[\w.+-]+|[^\w\s]", content))
    if not words:
        return rng.choice(_ODD_WORDS)
    word = rng.choice(words)
    return content[: word.start()] + rng.choice(_ODD_WORDS) + content[word.end() :]


def _by_sql(path: Path, rng: random.Random) -> str:
    with contextlib.closing(sqlite3.connect(path)) as db:
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        table = rng.choice(tables)
        columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
        statement = rng.choice(_SQL).format(table=table, column=rng.choice(columns))
        try:
            db.execute(statement)
            db.commit()
        except sqlite3.Error:
            return f"nothing, as SQLite refused: {statement}"
    return statement


class Home:
    """The home that is damaged, and the whole copy that it is restored from.

    Args:
        folder: What `whole_home.build` made.
    """

    def __init__(self, folder: Path) -> None:
        self.path, self._whole = folder / "home", folder / "whole"
        if not self._whole.exists():
            shutil.copytree(self.path, self._whole, symlinks=True)
        self.restore()  # who was killed before left it damaged

    def restore(self) -> None:
        """Bring back what was damaged and take away what came; what can be made again stays."""
        for path in sorted(self.path.rglob("*"), reverse=True):
            kept = self._whole / path.relative_to(self.path)
            if not os.path.lexists(kept) and "cache" not in path.parts:
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        for kept in sorted(self._whole.rglob("*")):
            path = self.path / kept.relative_to(self._whole)
            if kept.is_dir():
                path.mkdir(exist_ok=True)
            elif not _is_same(kept, path):
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                path.unlink(missing_ok=True)
                shutil.copy2(kept, path)


def _is_same(one: Path, other: Path) -> bool:
    if other.is_symlink() or not other.is_file():
        return False
    a, b = one.stat(), other.stat()
    return (a.st_size, a.st_mtime_ns, a.st_mode) == (b.st_size, b.st_mtime_ns, b.st_mode)
