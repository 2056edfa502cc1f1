"""Models compared on labelled scans: from what they were published with, from folders, or asked afresh."""

from collections.abc import MutableMapping, Sequence
from pathlib import Path

from medcls.core.collection import UNSEEN, CollectionRecord, Part
from medcls.core.evaluation import CaseTable, Evaluation
from medcls.core.model import ModelCard
from medcls.core.progress import Progress, silent, staged
from medcls.errors import BadData
from medcls.evaluation.comparison import RESAMPLES, Comparison, Disagreement, compare, score_titles
from medcls.evaluation.costs import Cost
from medcls.evaluation.subgroups import Subgroup
from medcls.models.folder import ModelFolder
from medcls.workflows.compare_scan import check_models

__all__ = [
    "Comparison",
    "Cost",
    "Disagreement",
    "Subgroup",
    "collection_states",
    "collections_for",
    "compare_afresh",
    "compare_folders",
    "compare_stored",
    "read_case",
    "score_titles",
]


def compare_stored(model_ids: Sequence[str], *, resamples: int = RESAMPLES) -> Comparison:
    """Compare models on the test cases they were published with, as far as they share them.

    Args:
        model_ids: Two to eight models.
        resamples: How many times groups are resampled for the intervals.

    Raises:
        BadModel: If there are too few or too many, or one is missing or damaged.
        BadData: If one kept no cases, they share none, or their labels differ.
    """
    check_models(model_ids)
    tables: dict[str, CaseTable] = {}
    evaluations: dict[str, Evaluation] = {}
    for model_id in model_ids:
        table, evaluation = ModelFolder.of(model_id).cases(), ModelFolder.of(model_id).evaluation()
        if table is None or evaluation is None:
            raise BadData("workflows.no-cases-kept", model_id=model_id)
        tables[model_id], evaluations[model_id] = table, evaluation
    return _compare(tables, evaluations, resamples)


def compare_folders(folders: Sequence[Path], *, resamples: int = RESAMPLES) -> Comparison:
    """Compare models that were evaluated apart, as far as they share cases.

    Args:
        folders: Written by `evaluate.write`, one a model: `evaluation.json` and `cases.csv`.
        resamples: How many times groups are resampled for the intervals.

    Raises:
        BadModel: If there are too few or too many, one model stands twice, or one or its file is missing or damaged.
        BadData: If a folder has no evaluation, they share no case, or their labels differ.
    """
    tables: dict[str, CaseTable] = {}
    evaluations: dict[str, Evaluation] = {}
    for path in folders:
        table, evaluation = ModelFolder(path).cases(), ModelFolder(path).evaluation()
        if table is None or evaluation is None:
            raise BadData("workflows.folder-without-evaluation", name=path.name)
        if evaluation.model in tables:
            raise BadData("workflows.model-in-two-folders", model=evaluation.model)
        tables[evaluation.model], evaluations[evaluation.model] = table, evaluation
    check_models(list(tables))
    return _compare(tables, evaluations, resamples)


def compare_afresh(
    model_ids: Sequence[str],
    collections: tuple[str, ...],
    part: Part = UNSEEN,
    *,
    resamples: int = RESAMPLES,
    known: MutableMapping[str, tuple[Evaluation, CaseTable]] | None = None,
    on_case: Progress = silent,
) -> Comparison:
    """Evaluate models on labelled scans, one after the other, and compare them.

    Args:
        model_ids: Two to eight models.
        collections: Names of labelled collections.
        part: Which of their cases.
        resamples: How many times groups are resampled for the intervals.
        known: Evaluations made before of these very cases, by model; those made now are added, so that an interrupted
            comparison goes on where it stopped. None keeps none.
        on_case: Called with cases done and cases in all, and the model as the stage.

    Raises:
        BadModel: If there are too few or too many, or one is missing or damaged.
        BadData: If a collection is missing or has no such case, or the models' labels differ.
    """
    from medcls.workflows.evaluate import evaluate

    check_models(model_ids)
    made = {} if known is None else known
    for model_id in model_ids:
        if model_id not in made:
            told = staged(on_case, model_id)
            made[model_id] = evaluate(model_id, collections, part.name, split=part.split, fold=part.fold, on_case=told)
    evaluations = {model_id: made[model_id][0] for model_id in model_ids}
    tables = {model_id: made[model_id][1] for model_id in model_ids}
    return _compare(tables, evaluations, resamples)


def _compare(tables: dict[str, CaseTable], evaluations: dict[str, Evaluation], resamples: int) -> Comparison:
    cards = {model_id: ModelFolder.of(model_id).card() for model_id in tables}
    return compare(cards, tables, evaluations, resamples)


def collections_for(cards: Sequence[ModelCard]) -> tuple[str, ...]:
    """Return the labelled collections of this machine that these models can be evaluated on.

    Each model knows all of their labels, by its task or because its card reads them as such or leaves them out.
    """
    return tuple(collection_states(cards))


def collection_states(cards: Sequence[ModelCard]) -> dict[str, str]:
    """Return those of `collections_for` with the fingerprint of the state each is in.

    What was measured of another state of a collection is not true of this one.
    """
    from medcls.data.collections import list_collections

    records = (r for r in list_collections() if r.labels and all(_knows(card, r) for card in cards))
    return {record.name: record.fingerprint for record in records}


def _knows(card: ModelCard, record: CollectionRecord) -> bool:
    read = {card.label_map.get(f"{record.name}/{label}", label) for label in record.labels} - {""}
    return bool(read) and read <= set(card.task.label_ids)


def read_case(disagreement: Disagreement) -> bytes:
    """Return the bytes of the scan a disagreement is about.

    Raises:
        BadData: If its collection is not on this machine, or the file is gone.
    """
    from medcls.data.collections import open_collection

    if not disagreement.collection:
        raise BadData("workflows.case-of-no-collection")
    collection = open_collection(disagreement.collection)
    return collection.read(collection.case(disagreement.case.removeprefix(f"{disagreement.collection}/")))
