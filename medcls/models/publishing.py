"""Writing models: sealing a folder, publishing it, laying changes over a published card."""

import errno
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from medcls import disk, home
from medcls.core.evaluation import CaseTable, Estimate, Evaluation
from medcls.core.model import ModelCard
from medcls.core.pointing import PointingRecord, PointingStudy
from medcls.core.progress import Progress, silent
from medcls.core.stress import StressRecord, StressStudy
from medcls.core.studies import Studies
from medcls.errors import Conflict
from medcls.models import changes
from medcls.models.folder import ModelFolder, digest, id_exists
from medcls.models.layout import CARD, EVALUATION, POINTING, README, SEALED, STRESS, STUDIES
from medcls.models.measured import write_evaluation


def seal(path: Path, card: ModelCard) -> ModelCard:
    """Write the card and the readable README, with a hash of every file that must not change.

    Args:
        path: A model folder that is being built; weights, config and evaluation stand in it.
        card: The card, its `files` still open.

    Returns:
        The card as written.
    """
    card = replace(card, files=hash_files(path))
    (path / CARD).write_text(card.to_json(), encoding="utf-8")
    (path / README).write_text(ModelFolder(path).readme(), encoding="utf-8")
    return card


def hash_files(path: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of a model folder that a card vouches for, by name."""
    return {name: digest(path / name) for name in SEALED if (path / name).exists()}


def publish(
    result: Path,
    name: str = "",
    model_id: str = "",
    into: Path | None = None,
    *,
    left_out: Mapping[str, Mapping[str, Estimate]] | None = None,
    progress: Progress = silent,
    **fields: Any,
) -> ModelCard:
    """Copy a finished model folder into the list of models; what was changed on it here becomes part of the copy.

    Args:
        result: A folder in the published layout, as a run's `result/`.
        name: What to call it; empty keeps its name.
        model_id: Id to publish under; empty makes the next free `<task>--<backbone>--<nnnn>`.
        into: Folder to publish into; None for the user's own models.
        left_out: Scores at sites by networks made alike that never saw the site; None keeps those it has.
        progress: Called with steps done: checked, copied, sealed.
        fields: Further fields of the card to set (licence, limits, …).

    Returns:
        The card as published.

    Raises:
        BadModel: If the folder is not a whole model.
        Conflict: If the id is taken, by a model that ships or one of this machine.
    """
    source = ModelFolder(result)
    card = source.verify()
    progress(1, 3)

    def fill(aside: Path, named: ModelCard) -> None:
        _copy(source, aside)
        _rename(source, aside, named.id, left_out)
        progress(2, 3)

    made = _publish(replace(card, name=name or card.name, **fields), model_id, into, fill)
    progress(3, 3)
    return made


def publish_mean(
    card: ModelCard, measured: tuple[Evaluation, CaseTable] | None, model_id: str = "", into: Path | None = None
) -> ModelCard:
    """Publish the mean of models, which has no weights of its own.

    Args:
        card: From `mean_card`.
        measured: How it did, with the cases; None if that is not known.
        model_id: Id to publish under; empty makes the next free one.
        into: Folder to publish into; None for the user's own models.

    Raises:
        Conflict: If the id is taken.
    """

    def fill(aside: Path, named: ModelCard) -> None:
        if measured:
            write_evaluation(aside, replace(measured[0], model=named.id), measured[1])

    return _publish(card, model_id, into, fill)


def _publish(card: ModelCard, model_id: str, into: Path | None, fill: Callable[[Path, ModelCard], None]) -> ModelCard:
    """Fill a folder aside, seal it once and put it in place; again if another session took the free id meanwhile."""
    root = into or home.weights()
    card = replace(card, id=model_id or _next_id(card, into))  # checks the id first
    root.mkdir(parents=True, exist_ok=True)
    while True:
        aside = disk.aside(root / card.id)
        try:
            aside.mkdir()
            fill(aside, card)
            card = seal(aside, card)
            if _put(aside, root / card.id, into):
                return card
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        if model_id:
            raise Conflict("models.id-taken", model=model_id)
        card = replace(card, id=_next_id(card, into))


def _copy(source: ModelFolder, aside: Path) -> None:
    for file in SEALED:
        if (source.path / file).is_file() and file not in STUDIES:
            shutil.copyfile(source.path / file, aside / file)


def _put(aside: Path, final: Path, into: Path | None) -> bool:
    """Rename a finished folder; return False if the name is taken, even by one that came a moment before."""
    if id_exists(final.name, into):
        return False
    try:
        aside.rename(final)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            raise
        return False
    return True


def _rename(
    source: ModelFolder, aside: Path, model_id: str, left_out: Mapping[str, Mapping[str, Estimate]] | None
) -> None:
    """Put a model's new id into what was measured of it, studies made here among it."""
    if evaluation := source.evaluation():
        sites = evaluation.left_out if left_out is None else {site: dict(scores) for site, scores in left_out.items()}
        renamed = replace(evaluation, model=model_id, left_out=sites)
        (aside / EVALUATION).write_text(renamed.to_json(), encoding="utf-8")
    for name, record in source.shown_studies().items():
        if record.studies:
            (aside / name).write_text(record.named(model_id).to_json(), encoding="utf-8")


def _next_id(card: ModelCard, into: Path | None) -> str:
    stem = f"{card.task.id}--{card.backbone.removeprefix('hf-hub:').replace('/', '-')}"
    return next(i for n in range(1, 10_000) if not id_exists(i := f"{stem}--{n:04d}", into))


def change_card(model_id: str, make: Callable[[ModelCard], Mapping[str, Any]]) -> ModelCard:
    """Change fields of a model's card on this machine; its folder stays as it was published.

    Args:
        model_id: The model.
        make: Given the card as it is now, returns the fields to set (name, thresholds, retired, …); nobody else changes
            the card meanwhile.

    Raises:
        BadModel: If there is no such model.
        MedclsError: If a value is not allowed.
        Conflict: If the changes cannot be written.
    """
    return changes.change(ModelFolder.find(model_id).published_card(), make)


def update_card(model_id: str, **fields: Any) -> ModelCard:
    """Set fields of a model's card on this machine whatever they are now; see `change_card`."""
    return change_card(model_id, lambda card: fields)


def add_pointing(study: PointingStudy) -> ModelCard:
    """Keep a study of a model's heatmaps on this machine, beside those it was published with.

    Raises:
        BadModel: If there is no such model, or the studies kept here are damaged.
        Conflict: If they cannot be written.
    """
    return _add(study, PointingRecord, POINTING)


def add_stress(study: StressStudy) -> ModelCard:
    """Keep a study of shifts on this machine, beside those a model was published with; see `add_pointing`."""
    return _add(study, StressRecord, STRESS)


def _add(study: PointingStudy | StressStudy, kind: type[Studies], file: str) -> ModelCard:
    card = ModelFolder.find(study.model).published_card()
    with changes.locked_changes(card.id):
        kept = changes.read_changes(card.id, changes.identity(card), file)
        record = kind.from_dict(kept or {})
        changes.write_changes(card, file, record.having(study).to_dict())
    return changes.lay_over(card)
