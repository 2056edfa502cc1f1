"""Finished runs that differ in one setting, found and lined up with what the setting did."""

import contextlib
from collections.abc import Sequence

from medcls.core.progress import Progress, silent
from medcls.errors import MedclsError
from medcls.evaluation.ablation import AblationRow, Tested, line_up
from medcls.models.folder import ModelFolder
from medcls.runs.folder import RunFolder, list_runs
from medcls.workflows.fold_results import pool_folds
from medcls.workflows.folds import find_folds


def ablate(
    score: str = "auroc", *, run_ids: Sequence[str] = (), resamples: int = 2000, progress: Progress = silent
) -> tuple[AblationRow, ...]:
    """Line up finished runs that differ in one setting and were made from the same contents.

    Args:
        score: Full name of the score to compare.
        run_ids: Only these runs; empty for all that have a result.
        resamples: How many times groups are resampled.
        progress: Called with pairs done and pairs in all.

    Returns:
        One row for each pair, by setting; a whole cross-validation counts as one run, tested on every case. Runs that
        differ in name, recipe, device or number format alone count as the same; every pair's p is corrected (Holm)
        among the pairs of its setting.

    Raises:
        BadData: If there is no such score.
    """
    runs = [run for run in list_runs() if not run_ids or run.id in run_ids]
    whole = _pooled(runs)
    parts = {run_id for pooled in whole for run_id in pooled.folds}
    tested = whole + [t for run in runs if run.id not in parts and (t := _tested(run))]
    return line_up(tested, score, resamples=resamples, progress=progress)


def _pooled(runs: Sequence[RunFolder]) -> list[Tested]:
    """Return every whole cross-validation as one run, under the id of its first fold's, tested on all cases."""
    found = []
    for run in runs:
        with contextlib.suppress(MedclsError, FileNotFoundError):  # one that cannot be read: the Runs page tells of it
            spec = run.spec()
            whole = None if spec.data.fold or spec.data.split == "auto" else find_folds(run.id)
            if whole is None or whole.missing:
                continue
            evaluation, cases = pool_folds(whole)
            positive = ModelFolder(run.result).card().task.positive
            ids = tuple(whole.runs.values())
            found.append(
                Tested(run.id, whole.spec, cases, evaluation.collection, evaluation.fingerprint, positive, ids)
            )
    return found


def _tested(run: RunFolder) -> Tested | None:
    """Read what a run was tested on; None if it has no result that can be compared, or was stopped before its end."""
    try:
        if run.state().status != "finished":
            return None  # its spec says what was asked for, not what was done
        result = ModelFolder(run.result)
        card, cases, evaluation = result.card(), result.cases(), result.evaluation()
        if cases is None or evaluation is None:
            return None
        return Tested(run.id, run.spec(), cases, evaluation.collection, evaluation.fingerprint, card.task.positive)
    except MedclsError:
        return None  # no result yet, or not a readable one: the Runs page tells of it
