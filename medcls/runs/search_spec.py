"""What is searched over: ranges of settings, and a search's folder.

```
MEDCLS_HOME/searches/<name>/
  search.json   what was asked for; whoever starts it, once
  study.db      Optuna's database, unless a URL names another
  lock          held by the process that works on the search here
  stop          empty: please stop
  log.txt       what that process printed
```
"""

import contextlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Self

from medcls import disk, home
from medcls.core.note import Note
from medcls.core.record import Record
from medcls.core.run import RENAMED, RunSpec, settings
from medcls.errors import BadSpec, Conflict, MedclsError

BEAT = "beat"  # touched by the process that works on a search, every few seconds
_SERVERS = ("postgresql", "mysql", "mariadb")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Range(Record):
    """Values of one setting to try.

    Args:
        low: Least value; for `freeze`, the least number of lowest layers that stay (0 freezes none).
        high: Greatest value.
        log: True to try orders of magnitude alike.
        choices: The values themselves, instead of a range.
    """

    low: float = math.nan
    high: float = math.nan
    log: bool = False
    choices: tuple[Any, ...] = ()


@dataclass(frozen=True)
class SearchSpec(Record):
    """What is searched, and how.

    Args:
        name: Name of the search, as a folder can have it.
        base: The run all trials are variations of.
        ranges: Values to try, by setting.
        sampler: `random`, or `tpe` (Bayesian: tree-structured Parzen estimator).
        trials: How many to try.
        prune: True to give up trials that lag behind the median of earlier ones at the same epoch.
        seed: Seed of the sampler.
        storage: Optuna's database URL for several machines; empty for a file in the search's folder.

    Raises:
        BadSpec: If a name, setting or range cannot be.
    """

    name: str
    base: RunSpec
    ranges: dict[str, Range]
    sampler: Literal["random", "tpe"] = "random"
    trials: int = 20
    prune: bool = True
    seed: int = 0
    storage: str = ""
    schema: int = 1

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], where: str = "") -> Self:
        """Build a search from plain values; settings that had other names are known by them. See `Record.from_dict`."""
        if isinstance(data, Mapping) and isinstance(data.get("ranges"), Mapping):
            data = {**data, "ranges": {RENAMED.get(name, name): values for name, values in data["ranges"].items()}}
        return super().from_dict(data, where)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise BadSpec("runs.search-name", found=repr(self.name)[:80])
        if not self.ranges:
            raise BadSpec("runs.search-without-ranges")
        if not 1 <= self.trials <= 10_000:
            raise BadSpec("runs.number-of-trials", found=str(self.trials))
        if self.base.is_translator:
            raise BadSpec("runs.search-of-translator")
        _check_storage(self.storage)
        for name, values in self.ranges.items():
            _check_range(name, values, self.base)


def _check_storage(url: str) -> None:
    """Refuse a database that is neither a server's nor a plain SQLite file under the home: a URL comes from outside."""
    if not url:
        return
    kind, separator, rest = url.partition("://")
    if separator and kind.split("+")[0] in _SERVERS and rest.split("?")[0].strip("/"):
        return
    path = rest.removeprefix("/")
    if separator and kind == "sqlite" and path and not set("?#%:\0") & set(path):
        where = Path(path)
        if where.is_absolute() and where.resolve().is_relative_to(home.home()) and where.suffix == ".db":
            return
    raise BadSpec("runs.storage-not-allowed", found=kind[:40] if separator else Note("runs.found-no-url"))


_FIXED = ("name", "kind", "collections", "task", "label_map")  # of every trial the same


def _check_range(name: str, values: Range, base: RunSpec) -> None:
    if name not in settings() or name in _FIXED:
        raise BadSpec(
            "runs.setting-not-searchable",
            found=repr(name)[:40],
            allowed=", ".join(sorted(set(settings()) - set(_FIXED))),
        )
    if values.choices:
        for choice in values.choices:
            _check_choice(name, choice, base)
        return
    if allowed := settings()[name].setting.choices:  # between two of them lies what is none
        found = f"{values.low:g}..{values.high:g}"
        raise BadSpec("core.setting-not-possible", name=name, found=found, allowed=", ".join(map(str, allowed)))
    if not (
        math.isfinite(values.low)
        and math.isfinite(values.high)
        and values.low < values.high
        and (values.low > 0 or not values.log)
    ):
        raise BadSpec("runs.range-impossible", name=name, low=values.low, high=values.high)
    for end in (values.low, values.high):
        base.having(**{name: number(name, end)})


def _check_choice(name: str, choice: Any, base: RunSpec) -> None:
    """Refuse a value that no spec can hold, of a wrong type too: the search's worker would die of it."""
    try:
        RunSpec.from_dict(base.having(**{name: value_of(choice)}).to_dict())
    except BadSpec:
        raise
    except (MedclsError, TypeError) as error:
        raise BadSpec("runs.choice-impossible", name=name, found=repr(choice)[:40]) from error


def value_of(choice: Any) -> Any:
    """Return a choice as a spec holds it: JSON knows no tuples."""
    return tuple(choice) if isinstance(choice, list) else choice


def number(name: str, value: float) -> Any:
    """Return a number of a range as the setting is typed.

    Raises:
        BadSpec: If the setting is no number.
    """
    if name == "freeze":
        return f"lowest:{int(value)}" if value >= 1 else ""
    field_type = type(RunSpec().value(name))
    if field_type not in (int, float):
        raise BadSpec("runs.setting-no-number", name=name)
    return field_type(value)


# What the seeds searched, by name: sampler and ranges.
PRESETS = MappingProxyType(
    {
        "batch-and-rate": (
            "random",
            {"batch_size": Range(choices=(16, 32, 64, 128)), "lr": Range(1e-4, 1e-1, log=True)},
        ),
        "layers-and-rate": ("tpe", {"freeze": Range(0, 50), "lr": Range(1e-5, 1e-1, log=True)}),
    }
)


def folder_of(name: str) -> Path:
    """Return the folder of a search."""
    return home.home() / "searches" / name


def write_search(spec: SearchSpec) -> None:
    """Write a new search down.

    Raises:
        Conflict: If there is one of that name, or it cannot be written.
    """
    folder = folder_of(spec.name)
    if (folder / "search.json").exists():
        raise Conflict("runs.search-exists", search=spec.name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "lock").touch()
        disk.write_atomically(folder / "search.json", spec.to_json().encode())
    except OSError as error:
        raise Conflict("runs.search-not-written", found=error.strerror or type(error).__name__) from error


def read_search(name: str) -> SearchSpec:
    """Read what a search was asked for.

    Raises:
        BadSpec: If there is no such search.
    """
    path = folder_of(name) / "search.json"
    if not _NAME.fullmatch(name) or not disk.is_there(path):
        raise BadSpec(
            "runs.no-such-search", found=repr(name)[:80], allowed=", ".join(list_searches()) or Note("runs.none-yet")
        )
    return SearchSpec.read(path)


def list_searches() -> tuple[str, ...]:
    """Return the names of the searches on this machine."""
    root = home.home() / "searches"
    folders = (path for path in root.iterdir() if not path.name.startswith(".")) if root.is_dir() else ()
    return tuple(sorted(path.name for path in folders if disk.is_there(path / "search.json")))


def parse_range(text: str) -> tuple[str, Range]:
    """Read a range as the command line writes it.

    Args:
        text: `lr=1e-4..1e-1:log`, `freeze=0..40`, or `batch_size=16,32,64`.

    Raises:
        BadSpec: If it cannot be read.

    Example:
        >>> parse_range("lr=1e-4..0.1:log")
        ('lr', Range(low=0.0001, high=0.1, log=True, choices=()))
    """
    import ast

    name, equals, values = text.partition("=")
    values, log = values.removesuffix(":log"), values.endswith(":log")
    with contextlib.suppress(ValueError):
        if ".." in values:
            low, high = map(float, values.split(".."))
            return name, Range(low, high, log)
        if equals and values:
            return name, Range(choices=tuple(_plain(part, ast.literal_eval) for part in values.split(",")))
    raise BadSpec("runs.range-unreadable", found=text[:80])


def _plain(part: str, read: Any) -> Any:
    try:
        return read(part)
    except (ValueError, SyntaxError):
        return part
