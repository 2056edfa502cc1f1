"""Fitting a network in the foreground: the same work as a background run, in the same kind of folder."""

from typing import TYPE_CHECKING

from medcls.core.model import ModelCard
from medcls.core.run import RunSpec

if TYPE_CHECKING:
    from medcls.runs.make import Follow


def train(spec: RunSpec, follow: "Follow | None" = None) -> tuple[str, ModelCard]:
    """Carry out a new run in this process.

    Args:
        spec: What is asked for.
        follow: Who is told besides the run's folder.

    Returns:
        The run's id and the card of the model made, which stands in the run's `result` folder.

    Raises:
        MedclsError: If data, network or weights cannot be had, or training came to nothing.
    """
    from medcls.runs.folder import make_run
    from medcls.runs.worker import work
    from medcls.workflows.runs import check_spec

    check_spec(spec)
    run = make_run(spec)
    return run.id, work(run, follow)
