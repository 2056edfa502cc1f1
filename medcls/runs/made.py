"""Which pictures a run may learn from besides scans: the translators' runs, and what they made. Loads no torch."""

import os

from medcls.core.made import MADE_RECORD, MadeSet
from medcls.core.run import RunSpec
from medcls.data.made import check_made, read_record
from medcls.data.sources import Sources
from medcls.runs.folder import RunFolder, list_runs, open_run


def find_made(spec: RunSpec, sources: Sources) -> tuple[RunFolder, MadeSet]:
    """Return the made pictures that a spec names, checked to be fit to learn from.

    Args:
        spec: The run's spec, whose `made_from` names a translator's run.
        sources: The cases of the run, by part.

    Returns:
        The translator's run, and the pictures it made.

    Raises:
        BadSpec: If there is no such run.
        BadData: If it has made nothing yet, or as `medcls.data.made.check_made`.
    """
    run = open_run(spec.data.made_from)
    made = read_record(run.made, run.id)
    check_made(made, sources, spec)
    return run, made


def list_makers() -> tuple[RunFolder, ...]:
    """Return the runs that have made pictures, the newest first."""
    return tuple(run for run in list_runs() if os.path.isfile(run.made / MADE_RECORD))
