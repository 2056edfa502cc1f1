"""What is wrong with a labelled collection, and what a shortcut alone would tell: audit, decisions, probe."""

import json
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from medcls.core.collection import Audit, Case, Decision
from medcls.core.evaluation import Estimate
from medcls.core.note import Note
from medcls.core.progress import Progress, silent
from medcls.data.overview import task_of
from medcls.errors import BadData, BadModel
from medcls.words import say
from medcls.workflows.acts import act

_MOST_JUDGES = 3  # each looks at every scan


@act("build", "data.audit", "name")
def audit_collection(
    name: str, *, again: bool = False, models: Sequence[str] | None = None, progress: Progress = silent
) -> Audit:
    """Audit a collection for what is wrong with it.

    Args:
        name: Name of the collection.
        again: True to search for duplicates anew.
        models: Models whose features judge the labels, together; None takes those of the collection's task where there
            are any, an empty list simple features of the pictures themselves.
        progress: Called with the stage, what is done and the total.

    Raises:
        BadData: If there is no such collection, or a scan cannot be read any more.
        BadModel: If there is no such model.
    """
    from medcls.data.audit import run_audit

    models = judges_of(name) if models is None else models
    judges = {model: _describe(name, model, progress) for model in models}
    return run_audit(name, judges=judges, again=again, progress=progress)


def judges_of(name: str) -> tuple[str, ...]:
    """Return the models whose features judge a collection's labels unless told otherwise; none if its task has none.

    Raises:
        BadData: If there is no such collection.
    """
    from medcls.data.collections import open_collection
    from medcls.workflows.classify import choose_model

    collection = open_collection(name)
    try:
        card = choose_model(collection.task_id)
    except BadModel:
        return ()
    fits = set(collection.labels) <= set(card.task.label_ids)
    return card.networks[:_MOST_JUDGES] if fits else ()


def _describe(name: str, model: str, progress: Progress) -> Callable[[Sequence[Case]], np.ndarray]:
    from medcls.data.collections import open_collection
    from medcls.imaging.decode import read_scan
    from medcls.workflows.classify import open_model

    collection, classifier = open_collection(name), open_model(model)

    def features(cases: Sequence[Case]) -> np.ndarray:
        found = []
        for start in range(0, len(cases), 32):
            scans = [read_scan(collection.read(case)) for case in cases[start : start + 32]]
            found.append(classifier.describe(scans))
            progress(min(start + 32, len(cases)), len(cases), say("data.stage-describing"))
        return np.concatenate(found)

    return features


def read_audit(name: str) -> Audit | None:
    """Return what the last audit found, decisions as they stand; None if there was none."""
    from medcls.data.audit import read_audit as read

    return read(name)


@act("build", "data.decide", "name")
def decide(name: str, decisions: Mapping[str, Decision | None], *, who: str = "") -> Audit:
    """Settle findings.

    Args:
        name: The collection.
        decisions: Decision by a finding's key; None takes one back.
        who: Who decided; empty for whoever is at work.

    Raises:
        BadData: If a finding is unknown or the decision not possible for it.
    """
    from medcls.data.audit import decide as settle

    return settle(name, decisions, who=who)


def probe_shortcuts(name: str, *, seed: int = 0, progress: Progress = silent) -> dict[str, tuple[Estimate, Note]]:
    """See what can be told of the label from border, size, blur or burned-in marks alone; remembered in the index.

    Args:
        name: The collection.
        seed: Of the groups drawn, the folds and the resampling.
        progress: Told of the cases looked at.

    Returns:
        AUROC and a sentence by name of view.

    Raises:
        BadData: If there are too few labelled cases.
    """
    from medcls.data.collections import open_collection
    from medcls.data.probe import probe

    collection = open_collection(name)
    task = task_of(collection.record)
    found = probe(collection, tuple(task.labels[i].id for i in task.positive), seed=seed, progress=progress)
    kept = {"fingerprint": collection.fingerprint, "views": {view: e.to_dict() for view, e in found.items()}}
    collection.stored[0].index.note(probe=json.dumps(kept))
    return _with_sentences(found)


def read_probe(name: str) -> dict[str, tuple[Estimate, Note]] | None:
    """Return the last shortcut probe of the collection as it is now; None if there was none.

    Raises:
        BadData: If there is no such collection, or what was kept of the probe cannot be read.
    """
    from medcls.data.collections import open_collection

    collection = open_collection(name)
    kept = json.loads(collection.stored[0].index.fact("probe") or "{}")
    try:
        if kept.get("fingerprint") != collection.fingerprint:
            return None
        return _with_sentences({view: Estimate.from_dict(e) for view, e in kept["views"].items()})
    except (AttributeError, LookupError) as error:
        raise BadData("data.index-damaged", found="facts") from error


def _with_sentences(found: Mapping[str, Estimate]) -> dict[str, tuple[Estimate, Note]]:
    from medcls.data.probe import says

    return {view: (estimate, says(view, estimate)) for view, estimate in found.items()}
