"""Repeating a run: with other settings, or exactly, and whether two runs that should agree do."""

from typing import Any

from medcls.core.run import RunSpec
from medcls.errors import BadData, BadRecord
from medcls.models import store
from medcls.runs.folder import RunFolder, open_run
from medcls.workflows.acts import act
from medcls.workflows.runs import RunView, list_runs, start_run


def clone_spec(run_id: str, **changes: Any) -> RunSpec:
    """Return the spec of a run with some settings changed, to start as a run of its own.

    Args:
        run_id: The run to take it from.
        changes: Settings to set.

    Raises:
        BadSpec: If there is no such run, or a value cannot be.
    """
    return open_run(run_id).spec().having(**changes)


@act("build", "run.reproduce", "run_id")
def reproduce_run(run_id: str) -> RunView:
    """Repeat a run with the same spec, on data verified to be the same.

    Raises:
        BadSpec: If there is no such run.
        BadData: If the run never read its data, or they have changed since.
        RunFailed: If no worker came up.
    """
    from medcls.data.collections import open_collection

    run = open_run(run_id)
    seen = run.data_seen()
    if seen is None:
        raise BadData("workflows.run-without-data-seen", run=run.id)
    for name, fingerprint in seen.fingerprints.items():
        now = open_collection(name).fingerprint
        if now != fingerprint:
            raise BadData("workflows.data-changed", collection=name, run=run.id, now=now[:12], then=fingerprint[:12])
    return start_run(run.spec())


def same_runs(run_id: str) -> dict[str, bool | None]:
    """Return the other runs of the same spec on the same data, each with whether its weights are the same to the bit.

    Returns:
        Run id -> True or False; None while one of the two has no result.

    Raises:
        BadSpec: If there is no such run.
    """
    run = open_run(run_id)
    spec, seen = run.spec(), run.data_seen()
    others = [view.id for view in list_runs() if view.id != run.id and view.spec == spec]
    alike = [other for other in map(open_run, others) if seen and _fingerprints(other) == seen.fingerprints]
    return {other.id: _same_weights(run, other) for other in alike}


def _fingerprints(run: RunFolder) -> dict[str, str] | None:
    """Return which data a run was given; None if that is not known, or no longer."""
    try:
        seen = run.data_seen()
    except BadRecord:  # said where that run itself is shown
        return None
    return seen.fingerprints if seen else None


def _same_weights(one: RunFolder, other: RunFolder) -> bool | None:
    paths = [run.result / store.WEIGHTS for run in (one, other)]
    if not all(path.is_file() for path in paths):
        return None
    return store.digest(paths[0]) == store.digest(paths[1])
