"""Runs as a table: what was measured on unseen cases, which settings differ, what belongs together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from medcls.core.data_seen import DataSeen
from medcls.core.evaluation import Estimate
from medcls.core.run import RunSpec, settings
from medcls.errors import BadSpec, MedclsError
from medcls.models import store
from medcls.models.layout import EVALUATION
from medcls.runs.about import About, read_about, write_about
from medcls.runs.folder import RunFolder, open_run
from medcls.runs.search_spec import SearchSpec, list_searches, read_search
from medcls.workflows.acts import act
from medcls.workflows.runs import RunView, list_runs, show_run

_TESTED = {"accuracy": "accuracy", "balanced-accuracy": "balanced_accuracy"}  # else AUROC


@dataclass(frozen=True, eq=False)
class RunLine:
    """One run in the table.

    Args:
        view: The run.
        score: Name of the score `tested` holds, as an evaluation calls it.
        tested: That score on the cases kept apart, with its interval; None where nothing was measured.
        curve: The monitored validation score after each epoch.
        about: Tags and note.
        search: The search it is a trial of; empty for none.
        folds: Name of the split whose folds it is one of; empty for none.
        began: When it was asked for.
    """

    view: RunView
    score: str
    tested: Estimate | None
    curve: tuple[float, ...]
    about: About
    search: str
    folds: str
    began: datetime


def list_lines() -> tuple[RunLine, ...]:
    """Return every readable run as a line, the newest first; one that is deleted meanwhile is left out."""
    searches, found = _searches(), []
    for view in list_runs():
        try:
            found.append(_line(view, searches))
        except (BadSpec, FileNotFoundError):  # deleted between the list and the look
            continue
    return tuple(found)


def line_of(view: RunView) -> RunLine:
    """Return one run as a line.

    Raises:
        BadSpec: If it was deleted meanwhile.
    """
    return _line(view, _searches())


def _line(view: RunView, searches: Sequence[SearchSpec]) -> RunLine:
    run, spec = open_run(view.id), view.spec
    score = _TESTED.get(spec.monitor, "auroc")
    seen = _seen(view.id)
    return RunLine(
        view,
        score,
        _tested(run.result, score) if view.has_result else None,
        _curve(view.id),
        read_about(run),
        next((s.name for s in searches if _is_trial(spec, s)), ""),
        spec.data.split if seen and seen.n_folds > 1 else "",
        _began(run),
    )


def _seen(run_id: str) -> DataSeen | None:
    try:
        return open_run(run_id).data_seen()
    except MedclsError:  # told of where that run is shown
        return None


def _curve(run_id: str) -> tuple[float, ...]:
    run = open_run(run_id)
    try:
        monitor = run.spec().monitor
        return tuple(e.validate[monitor] for e in run.metrics() if monitor in e.validate)
    except MedclsError:  # told of where that run is shown
        return ()


def _tested(result: Path, score: str) -> Estimate | None:
    path = result / EVALUATION
    try:
        return _read_tested(result, score, path.stat().st_mtime_ns) if path.is_file() else None
    except (MedclsError, OSError):  # damaged or deleted meanwhile: told of where that run is shown
        return None


@lru_cache(1024)
def _read_tested(result: Path, score: str, _changed_ns: int) -> Estimate | None:
    found = store.read_evaluation(result)
    return found.scores.get(score) if found else None


def _searches() -> list[SearchSpec]:
    found = []
    for name in list_searches():
        try:
            found.append(read_search(name))
        except MedclsError:  # told of in the list of searches
            continue
    return found


def _is_trial(spec: RunSpec, search: SearchSpec) -> bool:
    """Return whether a run is a trial: named by the search, and alike in all that it does not vary."""
    head, _, number = spec.name.rpartition(" ")
    varied = {name: search.base.value(name) for name in (*search.ranges, "name")}
    return head == search.name and number.isdigit() and spec.having(**varied) == search.base


def _began(run: RunFolder) -> datetime:
    """Return when a run was asked for, from its id; of a folder that was renamed, when its spec was written."""
    try:
        return datetime.strptime(run.id.split("-")[0], "%Y%m%dT%H%MZ").replace(tzinfo=UTC)
    except ValueError:
        return datetime.fromtimestamp((run.path / "spec.json").stat().st_mtime, UTC)


def differing(views: Sequence[RunView]) -> tuple[str, ...]:
    """Return the settings in which some runs differ, in the order of the form; the name is none."""
    return tuple(n for n in settings() if n != "name" and len({_plain(view.spec.value(n)) for view in views}) > 1)


def _plain(value: Any) -> str:
    return repr(sorted(value.items())) if isinstance(value, dict) else repr(value)


def groups(lines: Sequence[RunLine], by: str) -> dict[str, list[RunLine]]:
    """Return lines that belong together, those that belong to nothing last.

    Args:
        lines: The lines.
        by: `search`, `folds`, or anything else for one group of all.

    Returns:
        Title -> lines; the empty title holds the rest. Folds of one split belong together if all else is alike.
    """
    found: dict[Any, list[RunLine]] = {}
    for line in lines:
        found.setdefault(_key(line, by), []).append(line)
    rest = found.pop(None, [])
    titled: dict[str, list[RunLine]] = {}
    for some in found.values():
        title = _title(some, by)
        titled[f"{title} ({some[0].view.id})" if title in titled else title] = some
    return titled | ({"": rest} if rest else {})


def _key(line: RunLine, by: str) -> Any:
    if by == "search":
        return line.search or None
    if by == "folds" and line.folds:
        return line.view.spec.having(fold=0, name="").to_json()
    return None


def _title(some: Sequence[RunLine], by: str) -> str:
    if by == "search":
        return some[0].search
    return some[-1].view.spec.name.partition(", fold ")[0] or some[-1].view.name


@act("build", "run.describe", "run_id")
def describe_run(run_id: str, tags: tuple[str, ...], note: str, seen: About | None = None) -> RunView:
    """Keep tags and a note with a run, in place of those it had.

    Args:
        run_id: The run.
        tags: Short words.
        note: A person's own words; empty for none.
        seen: What the person changed; see `write_about`.

    Raises:
        BadSpec: If there is no such run, there are too many tags, or one or the note is too long.
        Conflict: If the person and somebody else changed the note.
    """
    write_about(open_run(run_id), tags, note, seen)
    return show_run(run_id)
