"""The reproduction table: its rows on disk, the best model of today beside them, and the page they make."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from medcls import disk, home
from medcls.core.evaluation import CaseTable, Estimate
from medcls.core.note import SAID, Note
from medcls.core.record import Record
from medcls.errors import BadRecord, MedclsError
from medcls.models import store
from medcls.reproduction.recipes import PROJECTS, RECIPES, find_recipe
from medcls.runs.folder import open_run
from medcls.words import say

# Scores a row shows, in this order.
SHOWN = ("accuracy", "balanced_accuracy", "macro_f1", "auroc")


@dataclass(frozen=True)
class Best(Record):
    """The best published model of the moment on a row's very cases, none of which it was trained on.

    Args:
        model: Its id.
        scores: Its scores on these cases.
    """

    model: str
    scores: dict[str, Estimate]


@dataclass(frozen=True)
class Row(Record):
    """One system of the table.

    Args:
        recipe: Name of the recipe.
        reported: What its project reported.
        run: Id of the run here; empty if it came to none.
        changes: What differs from the recipe, and why.
        scores: Scores on the test part; empty if the run failed.
        n_cases: Test cases.
        n_groups: Patients, lesions or groups of near-copies they are of.
        collection: What it was tested on.
        epochs: Epochs run.
        epochs_asked: Epochs the recipe asks for.
        training_s: Seconds of training.
        notes: What a reader must know, as that one label was answered to everything.
        best: The best model of today on the same cases; None if there is none.
        error: Why there are no scores; None if there are.
    """

    recipe: str
    reported: str
    run: str
    changes: tuple[Note, ...] = ()
    scores: dict[str, Estimate] = field(default_factory=dict)
    n_cases: int = 0
    n_groups: int = 0
    collection: str = ""
    epochs: int = 0
    epochs_asked: int = 0
    training_s: float = 0.0
    notes: tuple[Note, ...] = ()
    best: Best | None = None
    error: Note | None = None
    schema: int = 2

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], where: str = "") -> Self:
        """Return the row that plain values describe, also those of schema 1, whose notes are bare sentences.

        Raises:
            MedclsError: As `Record.from_dict`.
        """
        if isinstance(data, Mapping) and data.get("error") == "":
            data = {**data, "error": None}
        return super().from_dict(data, where)


def systems() -> tuple[str, ...]:
    """Return the names of the recipes that stand for a system of a seed project, in the order of the table."""
    return tuple(name for project in PROJECTS for name, recipe in RECIPES.items() if recipe.project == project)


def folder() -> Path:
    """Return the folder of the rows."""
    return home.home() / "reproduction"


def read_row(name: str) -> Row | None:
    """Return the row of a system that has been run; None if it has not.

    Raises:
        BadRecord: If it is damaged.
    """
    try:
        return Row.read(folder() / f"{name}.json", f"reproduction/{name}.json")
    except FileNotFoundError:
        return None


def sound_row(name: str) -> Row | None:
    """Return the row of a system that has been run; None if it has not, or is damaged: that one is set aside."""
    try:
        return read_row(name)
    except BadRecord:
        (folder() / f"{name}.json").replace(folder() / f".{name}.damaged-{time.time_ns()}.json")
        return None


def write_row(row: Row) -> None:
    """Write a row down, whole or not at all."""
    folder().mkdir(parents=True, exist_ok=True)
    disk.write_atomically(folder() / f"{row.recipe}.json", row.to_json().encode())


def read_rows() -> tuple[Row, ...]:
    """Return every row there is, each with the best model of today if its run is still here."""
    best_of: dict[tuple[str, ...], Best | None] = {}
    return tuple(_with_best(row, best_of) for name in systems() if (row := _row_or_told(name)))


def _row_or_told(name: str) -> Row | None:
    """Return a system's row; in the place of one that is damaged, what is wrong with it."""
    try:
        return read_row(name)
    except MedclsError as error:
        return Row(name, RECIPES[name].reported, "", error=Note.of(error))


def _with_best(row: Row, best_of: dict[tuple[str, ...], Best | None]) -> Row:
    try:
        cases = store.read_cases(open_run(row.run).result)
    except MedclsError:
        return row  # made elsewhere, or its run was deleted: what was best then stays
    if row.error or cases is None:
        return row
    key = (row.collection, *cases.labels, *cases.case.tolist())
    if key not in best_of:
        best_of[key] = best_today(cases, row.collection)
    return replace(row, best=best_of[key])


def best_today(cases: CaseTable, collection: str) -> Best | None:
    """Find the published model with the best AUROC on cases it was not trained on either.

    Args:
        cases: What a run was tested on.
        collection: Name of the collection they are of.

    Returns:
        The best of those models that were measured on every one of these cases; None if there is none.
    """
    from medcls.stats.scores import evaluate_cases

    found: list[tuple[float, Best]] = []
    for card in store.list_cards():
        skipped = card.id in RECIPES or card.folds  # the mean of a cross-validation has seen all of its cases
        theirs = None if skipped else store.read_cases(card.id)
        if theirs is None or theirs.labels != cases.labels:
            continue
        row_of = {name.removeprefix(f"{collection}/"): row for row, name in enumerate(theirs.case.tolist())}
        rows = [row_of[name] for name in cases.case.tolist() if name in row_of]
        if len(rows) == len(cases):
            scores = evaluate_cases(theirs.take(np.array(rows)), card.task.positive, names=SHOWN)
            found.append((scores["auroc"].value, Best(card.id, scores)))
    return max(found, key=lambda pair: pair[0])[1] if found else None


_COMMAND = """```
python -m medcls reproduce --data breast-ultrasound=busi breast-histology-idc=idc skin-melanoma=ham10000 \
breakhis=breakhis --table docs/reproduction.md
```"""


def describe_page(rows: Sequence[Row], say_why: bool = True) -> str:
    """Return the page as Markdown: what it is, and a table per project; a system without a row is named as not run.

    Args:
        rows: The rows there are.
        say_why: False to leave out why a system failed, which may name a file.
    """
    done = {row.recipe: row if say_why or not row.error else replace(row, error=Note(SAID, text="–")) for row in rows}
    title, begin, read = map(
        say, ("reproduction.page-title", "reproduction.page-beginning", "reproduction.page-reading")
    )
    parts = [f"# {title}\n\n{begin}\n\n{_COMMAND}\n\n{read}\n"]
    for key, project in PROJECTS.items():
        names = [name for name in systems() if RECIPES[name].project == key]
        parts.append(f"## {project.title}\n\n{project.reported_on}\n")
        parts.append(describe_rows(names, [done[name] for name in names if name in done]))
    return "\n".join(parts)


def describe_rows(names: Sequence[str], rows: Sequence[Row]) -> str:
    """Return one table as Markdown: a line for each system named, then the best models of today on the same cases.

    Args:
        names: Names of systems.
        rows: Their rows, as far as there are any.
    """
    from medcls.stats.score_table import SCORES

    scores = " | ".join(str(SCORES[name].title) for name in SHOWN)
    done = {row.recipe: row for row in rows}
    heading = say("reproduction.columns", {"scores": scores})
    lines = [heading, "|" + "---|" * (heading.count("|") - 1), *(_line(name, done.get(name)) for name in names)]
    best = {(row.best.model, row.n_cases): row for row in rows if row.best}
    for row in best.values():
        lines.append(_best_line(row))
    return "\n".join(lines) + "\n"


def _line(name: str, row: Row | None) -> str:
    recipe = find_recipe(name)
    told = [f"`{name}`: {recipe.help.rstrip('.')}", recipe.reported or "–"]
    if row is None:
        return _join([*told, *"–––––––", say("reproduction.not-run")])
    here = "; ".join(str(note).rstrip(".") for note in (*row.changes, *row.notes))
    if row.error:
        return _join(
            [*told, *"–––––––", "; ".join(filter(None, (say("reproduction.failed", {"error": row.error}), here)))]
        )
    epochs = (
        f"{row.epochs}"
        if row.epochs >= row.epochs_asked
        else say("reproduction.epochs", {"n": row.epochs, "asked": row.epochs_asked})
    )
    measured = [f"{row.n_cases} ({row.n_groups})", epochs, f"{row.training_s:.0f}"]
    return _join([*told, *map(_short, _shown(row.scores)), *measured, here or say("reproduction.as-described")])


def _best_line(row: Row) -> str:
    assert row.best is not None
    scores = (f"**{_short(e)}**" for e in _shown(row.best.scores))
    name = say("reproduction.best", {"model": row.best.model})
    return _join([name, "", *scores, f"{row.n_cases} ({row.n_groups})", "", "", say("reproduction.published")])


def _shown(scores: dict[str, Estimate]) -> list[Estimate | None]:
    return [scores.get(name) for name in SHOWN]


def _short(e: Estimate | None) -> str:
    return "–" if e is None or math.isnan(e.value) else f"{e.value:.2f} ({e.low:.2f}–{e.high:.2f})"


def _join(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "/").replace("\n", " ") for cell in cells) + " |"
