"""The database of a search: opened, queried with retries, and never trusted blindly.

Optuna keeps a search's trials in a database that several processes and machines share. It may be locked for a while (a
backup, another writer): whoever works on a search waits; whoever only looks at one is told.
"""

import contextlib
import dataclasses
import hashlib
import platform
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from medcls.errors import BadRecord, BadSpec, MedclsError, RunFailed
from medcls.runs.search_spec import SearchSpec, folder_of

if TYPE_CHECKING:
    import optuna

SEARCH = "search"  # under which a study notes what was asked for, for machines that join
PATIENCE_S = 300.0  # a search that is worked on waits so long for its database
_LOCKED_S = 30.0  # SQLite's own patience, within one call of a worker
_GLANCE_S = 3.0  # and of one who only looks: a page must not stand still
_AGAIN_S = 1.0
# What Optuna raises of rows that hold what it never wrote; it asserts some of them.
_DAMAGED = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
T = TypeVar("T")


def open_study(spec: SearchSpec, *, make: bool = False, patience_s: float = _GLANCE_S) -> "optuna.Study":
    """Open the study of a search.

    Args:
        spec: The search.
        make: True to make it if it is not there.
        patience_s: How long one call may wait for a locked file.

    Raises:
        BadSpec: If it is not there, or the database does not answer.
    """
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    url = spec.storage or f"sqlite:///{folder_of(spec.name) / 'study.db'}"
    samplers = {"random": optuna.samplers.RandomSampler, "tpe": optuna.samplers.TPESampler}
    pruner = (
        optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=2) if spec.prune else optuna.pruners.NopPruner()
    )
    begin = optuna.create_study if make else optuna.load_study
    more = {"direction": direction(spec), "load_if_exists": True} if make else {}
    waits = {"connect_args": {"timeout": patience_s}} if url.startswith("sqlite") else {}
    try:
        storage = optuna.storages.RDBStorage(url, engine_kwargs=waits)
        study = begin(
            study_name=spec.name, storage=storage, sampler=samplers[spec.sampler](seed=spec.seed), pruner=pruner, **more
        )
        # Whoever goes on, or joins from another machine, tries other values than were tried.
        if known := len(study.get_trials(deepcopy=False)):
            study.sampler = samplers[spec.sampler](seed=_next_seed(spec.seed, known))
        if make:
            study.set_user_attr(SEARCH, dataclasses.replace(spec, storage="").to_dict())
    except (*_DAMAGED, ImportError, SQLAlchemyError, optuna.exceptions.OptunaError) as error:
        raise BadSpec("runs.study-not-opened", search=spec.name, found=_first_line(error)) from error
    return study


def open_to_work(spec: SearchSpec) -> "optuna.Study":
    """Open the study of a search to work on it, made if it is not there; waits for a locked database.

    Raises:
        BadSpec: If the database does not answer.
    """
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            return open_study(spec, make=True, patience_s=_LOCKED_S)
        except BadSpec as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
        time.sleep(_AGAIN_S)


def patiently(do: Callable[[], T], sleep: Callable[[float], None] = time.sleep) -> T:
    """Return what one call to the database gives, asked again while it is locked or away.

    Args:
        do: The call; a call that failed has changed nothing.
        sleep: Waits between two tries.

    Raises:
        RunFailed: If it does not answer within `PATIENCE_S`. What was found so far stands in it.
    """
    import optuna
    from sqlalchemy.exc import OperationalError

    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            return do()
        except (OperationalError, optuna.exceptions.StorageInternalError) as error:
            if time.monotonic() > until:
                raise RunFailed("runs.study-silent", seconds=PATIENCE_S, found=_first_line(error)) from error
        sleep(_AGAIN_S)


@contextlib.contextmanager
def reading_study(name: str) -> Iterator[None]:
    """Turn whatever a damaged or locked database raises into one sentence.

    Raises:
        BadRecord: If it cannot be read.
    """
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except MedclsError:
        raise
    except (*_DAMAGED, SQLAlchemyError, optuna.exceptions.OptunaError) as error:
        raise BadRecord("runs.study-unreadable", search=name, found=_first_line(error)) from error


def _first_line(error: Exception) -> str:
    """Return what an error says; the lines that follow are the statement and a link to the library's pages."""
    return next(iter(str(error).splitlines()), type(error).__name__)[:200]


def direction(spec: SearchSpec) -> str:
    """Return which way the score that the base is monitored by is better: `maximize` or `minimize`."""
    return "minimize" if spec.base.optimisation.monitor == "loss" else "maximize"


def _next_seed(seed: int, known: int) -> int:
    """Return a seed of its own for whoever takes a search up, by how many trials are known then and by the machine."""
    who = f"{seed} {known} {platform.node()}"
    return int.from_bytes(hashlib.sha256(who.encode()).digest()[:4], "big")


def spec_of_study(study: "optuna.Study") -> Any:
    """Return the spec that a study records, as plain values; None if medcls did not make the study."""
    return study.user_attrs.get(SEARCH)
