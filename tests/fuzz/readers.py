"""What reads each kind of file of a home: any bytes must become a record, or an error of the project's own."""

import dataclasses
import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from medcls import access, audit, home
from medcls.core.outcome import Outcome
from medcls.core.record import Record
from medcls.data.collections import open_collection
from medcls.data.mending import list_changes
from medcls.data.splits import list_splits, read_split
from medcls.errors import MedclsError
from medcls.evaluation import letters, sites
from medcls.inlets import inbox, outbox
from medcls.inlets.servers import read_pacs_config
from medcls.models.folder import ModelFolder
from medcls.models.opening import open_model
from medcls.reproduction import table
from medcls.tasks import list_tasks
from medcls.workflows import data, made, runs, search
from tests.fuzz import whole_home


def records() -> list[type[Record]]:
    """Return every class of record."""
    found, waiting = [], [Record]
    while waiting:
        below = waiting.pop().__subclasses__()
        found += below
        waiting += below
    return sorted(filter(dataclasses.is_dataclass, found), key=lambda kind: kind.__name__)


def read(record: type[Record], content: bytes) -> str:
    """Read a record from bytes, and write it and say it; return what is wrong with that, empty if nothing."""
    try:
        made = record.from_json(content, "the file")
    except MedclsError as error:
        return "" if str(error) else "an error without a sentence"
    except Exception as error:  # noqa: BLE001  the very thing that is looked for
        return f"{type(error).__name__}: {error}"[:200]
    try:
        text, said = made.to_json(), str(made)
        return "" if said and (record.from_json(text) == made or "null" in text) else "another record once written"
    except Exception as error:  # noqa: BLE001  as above
        return f"afterwards, {type(error).__name__}: {error}"[:200]


def refused(record: type[Record], content: bytes) -> bool:
    """Return whether a record does not take what stands in a file."""
    return not Outcome.of("", partial(record.from_json, content)).ok


def from_file(path: Path, ask: Callable[[], object], content: bytes) -> str:
    """Let a file hold bytes and ask its reader; return what is wrong with that, empty if nothing."""
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    try:
        ask()
    except (MedclsError, sqlite3.Error, OSError) as error:
        return "" if isinstance(error, MedclsError) and str(error) else f"{type(error).__name__}: {error}"[:200]
    except Exception as error:  # noqa: BLE001  the very thing that is looked for
        return f"{type(error).__name__}: {error}"[:200]
    return ""


def _models() -> None:
    for model_id in (whole_home.BAD, whole_home.MEAN):
        folder = ModelFolder.find(model_id)
        for ask in (folder.card, folder.evaluation, folder.cases, folder.pointing, folder.stress, folder.readme):
            str(Outcome.of(model_id, ask).error)


def _answers() -> None:
    open_model(whole_home.BAD)


def _collection() -> None:
    assert "ward" in {record.name for record in data.list_collections()}
    found = open_collection(whole_home.COLLECTION)
    found.stored[0].index.column("id")
    data.read_overview(whole_home.COLLECTION)


def _splits() -> None:
    found = open_collection(whole_home.COLLECTION)
    for name in list_splits(found):
        read_split(found, name)


def _changes() -> None:
    list_changes(whole_home.COLLECTION)


def _runs() -> None:
    views = runs.list_runs()
    assert "whole again" in {view.name for view in views}
    for view in views:
        str(view)


def _made() -> None:
    made.read_made_set(whole_home.run_named("translator").id)


def _searches() -> None:
    assert "whole-search" in {one.name for one in search.show_all()}


def _site() -> None:
    for one in sites.list_sites():
        if one.value is not None:
            list(one.value.history())
            one.value.in_force(whole_home.BAD)
            one.value.state(whole_home.BAD)
            one.value.checks()


def _letters() -> None:
    for one in Path(letters._folder(whole_home.BAD)).glob("*.json"):
        letters._kept(one)


def _key() -> None:
    letters._key()


def _trail() -> None:
    audit.verify()
    list(audit.lines())
    audit.write("fuzz")


def _tasks() -> None:
    assert "skin-melanoma" in list_tasks(home.tasks())


def _around() -> None:
    outbox.sendings()
    inbox.waiting()


def _rows() -> None:
    table.describe_page(table.read_rows())


_BY_FOLDER: dict[str, Callable[[], object]] = {
    "weights": _models,
    "runs": _runs,
    "searches": _searches,
    "sites": _site,
    "letters": _letters,
    "keys": _key,
    "audit": _trail,
    "tasks": _tasks,
    "outbox": _around,
    "inbox": _around,
    "reproduction": _rows,
    "servers.toml": read_pacs_config,
    "access.toml": access.read_rules,
}
_BY_NAME: dict[str, Callable[[], object]] = {
    "record.json": _collection,
    "index.sqlite": _collection,
    "looks.bin": _collection,
    "changes.jsonl": _changes,
    "auto.json": _splits,
    "own.json": _splits,
    "made.json": _made,
    "features.safetensors": _answers,
}


def of(home: Path, path: Path, content: bytes) -> Iterator[tuple[str, Callable[[bytes], str]]]:
    """Yield what reads a file: every class of record that takes it as it is, and what lists that kind of thing.

    Args:
        home: The home.
        path: The file, relative to it.
        content: What stands in it.
    """
    text = content.splitlines()[0] if path.suffix == ".jsonl" and content else content
    for record in records() if path.suffix in (".json", ".jsonl") else ():
        if not refused(record, text) and not read(record, text):
            yield record.__name__, partial(read, record)
    if (ask := _BY_NAME.get(path.name) or _BY_FOLDER.get(path.parts[0])) is not None:
        yield ask.__name__, partial(from_file, home / path, ask)
