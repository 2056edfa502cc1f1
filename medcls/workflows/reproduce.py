"""The seed projects' systems, run again on splits without leaks: one command that goes on where it stopped."""

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medcls import home, store
from medcls.core.backbones import BACKBONES
from medcls.core.evaluation import Estimate, Evaluation
from medcls.core.recipes import RECIPES, apply_recipe, find_recipe
from medcls.core.record import Record
from medcls.core.run import RunSpec
from medcls.errors import BadData, MedclsError
from medcls.runs.folder import RunFolder, make_run, open_run, write_whole

if TYPE_CHECKING:
    from medcls.runs.make import Follow

# Scores a row shows, in this order.
SHOWN = ("accuracy", "balanced_accuracy", "macro_f1", "auroc")


@dataclass(frozen=True)
class Means:
    """What a machine can afford.

    Args:
        minutes: Training of one system stops after so many minutes, with its best epoch so far; 0 for no limit.
        max_px: Systems that ask for a larger input run at this; 0 for no limit.
        max_epochs: Systems that ask for more epochs run so many; 0 for no limit.
        imagenet: Folder with `<timm name>.safetensors` files used in place of timm's hub; None uses the hub.
    """

    minutes: float = 0.0
    max_px: int = 0
    max_epochs: int = 0
    imagenet: Path | None = None


@dataclass(frozen=True)
class Row(Record):
    """One system of the table.

    Args:
        recipe: Name of the recipe.
        reported: What its project reported.
        run: Id of the run here.
        changes: What differs from the recipe, and why, as sentences.
        scores: Scores on the test part; empty if the run failed.
        n_cases: Test cases.
        epochs: Epochs run.
        epochs_asked: Epochs the recipe asks for.
        training_s: Seconds of training.
        notes: What a reader must know, as that one label was answered to everything.
        best: The best model of today on the same cases, as `<id>: AUROC <estimate>`; empty if there is none.
        error: Why there are no scores; empty if there are.
    """

    recipe: str
    reported: str
    run: str
    changes: tuple[str, ...] = ()
    scores: dict[str, Estimate] = field(default_factory=dict)
    n_cases: int = 0
    epochs: int = 0
    epochs_asked: int = 0
    training_s: float = 0.0
    notes: tuple[str, ...] = ()
    best: str = ""
    error: str = ""
    schema: int = 1


def systems() -> tuple[str, ...]:
    """Names of the recipes that reproduce a system of a seed project: those made for a task."""
    return tuple(name for name, recipe in RECIPES.items() if recipe.tasks)


def adapt(name: str, collection: str, means: Means) -> tuple[RunSpec, tuple[str, ...]]:
    """Give the spec of a system on a collection within the means, and every change that made.

    Args:
        name: A recipe.
        collection: Name of the labelled collection.
        means: What can be afforded.
    """
    spec = replace(apply_recipe(RunSpec(), name), name=f"Reproduction: {name}", collections=(collection,))
    changes = []
    if means.max_px and spec.size_px > means.max_px:
        changes.append(f"{means.max_px} px instead of {spec.size_px}")
        spec = replace(spec, size_px=max(means.max_px, _least_px(spec.backbone)))
    if means.max_epochs and spec.epochs > means.max_epochs:
        changes.append(f"at most {means.max_epochs} epochs instead of {spec.epochs}")
        spec = replace(spec, epochs=means.max_epochs)
    if spec.initial == "imagenet" and means.imagenet is not None:
        file = means.imagenet / f"{_timm_name(spec.backbone)}.safetensors"
        changes.append(
            f"starts from {file.name}" if file.is_file() else "starts from nothing, as no ImageNet weights are at hand"
        )
        spec = replace(spec, initial=str(file) if file.is_file() else "none")
        if spec.initial == "none" and spec.freeze:
            changes.append("nothing frozen, as random weights must learn")
            spec = replace(spec, freeze="")
    return spec, tuple(changes)


def _timm_name(backbone: str) -> str:
    return BACKBONES[backbone].timm_name if backbone in BACKBONES else backbone


def _least_px(backbone: str) -> int:
    return BACKBONES[backbone].min_px if backbone in BACKBONES else 32


def reproduce(
    data: Mapping[str, str], means: Means, only: Sequence[str] = (), follow: "Follow | None" = None,
    say: Callable[[str], None] = lambda sentence: None,
) -> Iterator[Row]:  # fmt: skip
    """Run every system that has no row yet, and give all rows in the order of the recipes.

    Args:
        data: Name of the labelled collection for each task id.
        means: What can be afforded.
        only: Names of recipes; empty for all.
        follow: Who is told of each run.
        say: Called with a sentence before each system.

    Raises:
        BadSpec: If a recipe is unknown.
    """
    for name in only or systems():
        row = read_row(name)
        if row is None:
            say(f"{name}: {find_recipe(name).help}")
            row = _run(name, data, means, follow)
            _write_row(row)
        yield row


def _run(name: str, data: Mapping[str, str], means: Means, follow: "Follow | None") -> Row:
    recipe = find_recipe(name)
    collection = next((data[task] for task in recipe.tasks if task in data), None)
    if collection is None:
        raise BadData(
            f"No labelled collection is named for {', '.join(recipe.tasks)}", do="Give one with --data TASK=COLLECTION"
        )
    spec, changes = adapt(name, collection, means)
    run = _run_of(spec)
    try:
        return _measured(name, run, changes, _carry_out(run, means, follow))
    except MedclsError as error:
        return Row(name, recipe.reported, run.id, changes, error=str(error))


def _run_of(spec: RunSpec) -> RunFolder:
    """Give the run begun for this spec, if there is one, to go on with; else a new one."""
    path = _folder() / f"{spec.recipe}.run"
    if path.is_file():
        try:
            run = open_run(path.read_text().strip())
        except MedclsError:
            run = None  # the run was deleted since
        if run is not None and run.spec() == spec:
            return run
    run = make_run(spec)
    _folder().mkdir(parents=True, exist_ok=True)
    write_whole(path, run.id.encode())
    return run


def _carry_out(run: RunFolder, means: Means, follow: "Follow | None") -> Evaluation | None:
    from medcls.runs.make import Follow
    from medcls.runs.worker import NothingToDo, work

    base, started = follow or Follow(), time.monotonic()
    limit_s = 60 * means.minutes or math.inf
    epochs_done = len(run.metrics())

    def should_stop() -> bool:  # never before one epoch is whole, or there would be nothing to show
        return base.should_stop() or (len(run.metrics()) > epochs_done and time.monotonic() - started > limit_s)

    with contextlib.suppress(NothingToDo):  # it had finished, and only its row was missing
        work(run, replace(base, should_stop=should_stop))
    return store.read_evaluation(run.result)


def _measured(name: str, run: RunFolder, changes: tuple[str, ...], evaluation: Evaluation | None) -> Row:
    recipe, spec = find_recipe(name), run.spec()
    origin = store.read_card(run.result).origin
    asked = int(recipe.knobs.get("epochs", RunSpec().epochs))
    if evaluation is None:
        return Row(name, recipe.reported, run.id, changes, error="The split has no test part")
    scores = {score: evaluation.scores[score] for score in SHOWN if score in evaluation.scores}
    return Row(
        name, recipe.reported, run.id, changes, scores, evaluation.n_cases, origin.epochs, asked, origin.training_s,
        evaluation.notes, _best_today(spec, run),
    )  # fmt: skip


def _best_today(spec: RunSpec, run: RunFolder) -> str:
    """Find the published model with the best AUROC on the very same cases, which it was not trained on either."""
    from medcls.stats.scores import evaluate_cases

    mine = store.read_cases(run.result)
    found: list[tuple[float, str]] = []
    for card in store.list_cards():
        theirs = store.read_cases(card.id)
        if mine is None or theirs is None or theirs.labels != mine.labels:
            continue
        named = [name.removeprefix(f"{spec.collections[0]}/") for name in theirs.case.tolist()]
        rows = np.flatnonzero(np.isin(named, mine.case))
        if len(rows) == len(mine):
            score = evaluate_cases(theirs.take(rows), card.task.positive)["auroc"]
            found.append((score.value, f"{card.id}: AUROC {score}"))
    return max(found)[1] if found else ""


def _folder() -> Path:
    return home.home() / "reproduction"


def read_row(name: str) -> Row | None:
    """Give the row of a system that has been run; None if it has not."""
    path = _folder() / f"{name}.json"
    return Row.from_json(path.read_bytes(), path.name) if path.is_file() else None


def _write_row(row: Row) -> None:
    _folder().mkdir(parents=True, exist_ok=True)
    write_whole(_folder() / f"{row.recipe}.json", row.to_json().encode())


def forget(names: Sequence[str]) -> None:
    """Drop rows, so that their systems are run again."""
    for name in names:
        for suffix in ("json", "run"):
            (_folder() / f"{find_recipe(name) and name}.{suffix}").unlink(missing_ok=True)


def describe_rows(rows: Sequence[Row]) -> str:
    """Give the table as Markdown, one line a system; a system without a row is not left out but named as not run."""
    lines = [
        "| system | reported | here: accuracy | balanced accuracy | macro F1 | AUROC | n | epochs | seconds | what differs | best model of today, same cases |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    done = {row.recipe: row for row in rows}
    for name in systems():
        row = done.get(name)
        if row is None:
            lines.append(f"| {name} | {find_recipe(name).reported or '–'} | not run yet |" + " |" * 8)
        elif row.error:
            lines.append(f"| {name} | {row.reported or '–'} | {row.error} |" + " |" * 8)
        else:
            lines.append(_line(row))
    return "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    shown = [_short(row.scores[name]) if name in row.scores else "–" for name in SHOWN]
    epochs = f"{row.epochs}" if row.epochs >= row.epochs_asked else f"{row.epochs} of {row.epochs_asked}"
    differs = "; ".join((*row.changes, *row.notes)) or "nothing"
    cells = [
        row.recipe,
        row.reported or "–",
        *shown,
        str(row.n_cases),
        epochs,
        f"{row.training_s:.0f}",
        differs,
        row.best or "–",
    ]
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"


def _short(e: Estimate) -> str:
    return "–" if math.isnan(e.value) else f"{e.value:.2f} ({e.low:.2f}–{e.high:.2f})"
