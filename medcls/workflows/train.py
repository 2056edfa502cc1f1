"""Fitting a network in the foreground: the same work as a background run, in the same kind of folder."""

import contextlib
import secrets
from typing import TYPE_CHECKING, Any

from medcls.core.made import MadeSet
from medcls.core.model import ModelCard
from medcls.core.run import RunSpec
from medcls.errors import MedclsError, RunFailed
from medcls.models import store
from medcls.runs.folder import RunFolder, open_run

if TYPE_CHECKING:
    from medcls.runs.make import Follow

_TRIALS = 20


def train(spec: RunSpec, follow: "Follow | None" = None) -> tuple[str, ModelCard | MadeSet]:
    """Carry out a new run in this process; of a recipe that is a search, the whole search, whose best trial counts.

    Args:
        spec: What is asked for.
        follow: Who is told besides the run's folder.

    Returns:
        The run's id and the card of the model made, which stands in the run's `result` folder; of a translator what it
        made, which stands in `made`.

    Raises:
        MedclsError: If data, network or weights cannot be had, or training came to nothing.
    """
    from medcls.runs.folder import make_run
    from medcls.runs.make import Follow
    from medcls.runs.worker import work
    from medcls.workflows.runs import check_spec
    from medcls.workflows.search import preset_of

    check_spec(spec)
    if preset := preset_of(spec.recipe):
        return _search(spec, *preset, follow or Follow())
    run = make_run(spec)
    return run.id, work(run, follow)


def _search(spec: RunSpec, sampler: Any, ranges: dict[str, Any], follow: "Follow") -> tuple[str, ModelCard]:
    from medcls.runs.search_spec import folder_of
    from medcls.runs.worker import work
    from medcls.workflows import search

    wanted = search.SearchSpec(f"{spec.recipe}-{secrets.token_hex(2)}", spec, ranges, sampler, _TRIALS, prune=False)

    def start(run: RunFolder) -> None:
        with contextlib.suppress(MedclsError):  # its state says so, and the search counts it as failed
            work(run, follow)
        if follow.should_stop():
            (folder_of(wanted.name) / "stop").touch()

    view = search.search_here(wanted, start, follow.say)
    if view.best is None:
        raise RunFailed("workflows.no-trial-ended", search=wanted.name)
    return view.best.run, store.read_card(open_run(view.best.run).result)
