"""Measuring a model on labelled scans, every case kept."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from medcls.core.evaluation import CaseTable, Evaluation
from medcls.core.progress import Progress, silent
from medcls.core.run import RunSpec
from medcls.disk import write_atomically
from medcls.exits.case import Mode
from medcls.workflows.acts import allowed


def evaluate(
    model_id: str,
    collections: tuple[str, ...],
    part: str = "unseen",
    *,
    split: str = "auto",
    fold: int = 0,
    on_case: Progress = silent,
) -> tuple[Evaluation, CaseTable]:
    """Evaluate a model on a part of labelled collections.

    Args:
        model_id: The model.
        collections: Names of collections.
        part: `unseen` (every labelled case of a group that the model was never trained or tuned on), `all`, or a part
            of the split: `train`, `validate`, `test`.
        split: Split to use, as a run's spec names it.
        fold: Fold that is the test part, where the split has folds.
        on_case: Called with cases done and cases in all, per collection.

    Returns:
        The scores, and the cases they rest on.

    Raises:
        BadModel: If the model is missing or damaged.
        BadData: If a collection is missing, has no case in this part, or labels the model does not know.
    """
    from medcls.data.sources import find_sources, map_for, whole_sources
    from medcls.evaluation.asking import evaluate_sources
    from medcls.models.opening import open_model

    classifier = open_model(model_id)
    task, label_map = classifier.card.task, classifier.card.label_map
    if part in ("unseen", "all"):
        return evaluate_sources(classifier, whole_sources(collections, task, label_map), part, on_case)
    asked = RunSpec.of(collections=collections, split=split, fold=fold, label_map=map_for(collections, label_map))
    sources = find_sources(asked)
    return evaluate_sources(classifier, replace(sources, task=task), part, on_case)


@allowed("read")
def write(evaluation: Evaluation, cases: CaseTable, folder: Path, mode: Mode = "record") -> None:
    """Write an evaluation and its cases into a folder of the user's choice, made if missing.

    Args:
        evaluation: The scores.
        cases: The cases.
        folder: The folder.
        mode: `record`; or `others`, where cases are numbered and have no attribute but their collection.

    Raises:
        OSError: If it cannot be written.
    """
    from medcls.exits import leave
    from medcls.exits.subjects import Measured
    from medcls.models import store

    measured = Measured(evaluation, cases)
    figures, table = (leave(way, measured, mode).data for way in ("evaluation", "cases"))
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / store.EVALUATION, figures)
    write_atomically(folder / store.CASES, table)


def name_collections(given: list[str], say: Callable[[str], None] = lambda sentence: None) -> tuple[str, ...]:
    """Return the names of collections that a user named by name or by path; a new path is indexed first.

    Args:
        given: Names of collections, or paths of labelled scans.
        say: Called with a sentence when something is indexed.

    Raises:
        BadData: If one is neither.
    """
    from medcls.data.collections import add_collection, list_collections

    known = {record.name: record for record in list_collections()}
    names = []
    for one in given:
        path = Path(one).expanduser()
        if one in known or not path.exists():
            names.append(one)
            continue
        same = [r.name for r in known.values() if Path(r.root).is_relative_to(path.resolve())]
        if not same:
            say(f"Indexing {path.name} as a collection")
            same = [add_collection(path).name]
        names += same
    return tuple(names)
