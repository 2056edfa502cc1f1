"""Actions of a person: allowed or refused by role and written to the audit trail, here rather than in a page."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import reduce, wraps
from typing import Any, ParamSpec, TypeVar

from medcls import access, audit
from medcls.access import Role
from medcls.core.model import ModelCard
from medcls.core.outcome import Outcome
from medcls.core.prediction import Prediction
from medcls.core.scan import Scan
from medcls.errors import of_disk
from medcls.models.folder import weights_digest

OWN_FIRST = "own-reading-first"  # why an answer is held back, in the audit trail

P = ParamSpec("P")
R = TypeVar("R")


def act(role: Role, what: str, *facts: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator for a workflow that only some may use, and that is written down with how it ended.

    Args:
        role: The role it needs.
        what: What the trail calls it, as `model.publish`.
        facts: Names of arguments to write down, as they were used: ids, states and counts, never a name of a person or
            file. `settings.site` is the attribute `site` of the argument `settings`. Of a model's card that comes
            back, id and digest are written as well.

    Returns:
        The decorator. What it makes raises `Denied` for whoever lacks the role, before anything is done. Any error is
        written down and goes on, one of the disk as `Conflict`.
    """

    def decorate(do: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(do)

        @wraps(do)
        def doing(*args: P.args, **kwargs: P.kwargs) -> R:
            given = signature.bind(*args, **kwargs)
            given.apply_defaults()
            told = {fact.rpartition(".")[2]: _plain(_found(given.arguments, fact)) for fact in facts}
            try:
                access.need(role)
                made = do(*args, **kwargs)
            except Exception as error:
                said = of_disk(error) if isinstance(error, OSError) else error
                audit.write(what, outcome=audit.outcome_of(said), **told)
                if said is error:
                    raise
                raise said from error
            audit.write(what, **{**told, **_of(made)})
            return made

        doing.__dict__["needs"] = role
        return doing

    return decorate


def allowed(role: Role) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator for a workflow that only some may use; only refusals are logged, under the workflow's name."""

    def decorate(do: Callable[P, R]) -> Callable[P, R]:
        what = f"{do.__module__.rpartition('.')[2]}.{do.__name__}"

        @wraps(do)
        def doing(*args: P.args, **kwargs: P.kwargs) -> R:
            need(role, what)
            return do(*args, **kwargs)

        doing.__dict__["needs"] = role
        return doing

    return decorate


def need(role: Role, what: str) -> None:
    """Ask for a role; a refusal is written to the trail.

    Args:
        role: The role.
        what: What the trail calls that for which it is needed.

    Raises:
        Denied: If whoever is at work lacks it.
        BadSpec: If the rules cannot be read.
    """
    try:
        access.need(role)
    except Exception as error:
        audit.write(what, outcome=audit.outcome_of(error))
        raise


def write_answers(
    card: ModelCard,
    answers: Iterable[tuple[Scan | None, Outcome[Prediction]]],
    read: Callable[[Prediction], Prediction] | None = None,
    site: str = "",
    held: bool = False,
) -> None:
    """Write to the audit trail what was answered; a site that says so gets no answer that cannot be written down.

    Args:
        card: The model.
        answers: Each scan, None if it could not be read or is no longer at hand, with the answer or why there is none.
        read: Returns a model's answer as it is read at a site, and shown there; None where it is shown as it is.
        site: Name of the site; written where its settings change the answer, beside what the model itself would say.
        held: True if the answer is not shown yet: its reader reads first. Once it is shown, that is written as well.

    Raises:
        Conflict: If it cannot be written and `MEDCLS_AUDIT_STRICT` is set.
    """
    model = {"model": card.id, "model_sha256": weights_digest(card), "held": OWN_FIRST if held else ""}
    audit.write_many("classify", [model | _answer(scan, found, read, site) for scan, found in answers])


def _answer(
    scan: Scan | None,
    found: Outcome[Prediction],
    read: Callable[[Prediction], Prediction] | None,
    site: str,
) -> dict[str, str]:
    told = {"scan_sha256": scan.sha256 if scan else found.value.sha256 if found.value else ""}
    if found.error is not None:
        return told | {"outcome": found.error.code}
    answer = found.get()
    shown = read(answer) if read else answer
    told["answer"] = shown.decided or "cannot-tell"
    if shown.decided == answer.decided:
        return told
    return told | {"model_answer": answer.decided or "cannot-tell", "site": site}


def _of(made: object) -> dict[str, str]:
    cards = [one for one in (made if isinstance(made, tuple) else (made,)) if isinstance(one, ModelCard)]
    digests = ", ".join(weights_digest(card) for card in cards)
    return {"model": ", ".join(card.id for card in cards), "model_sha256": digests} if cards else {}


def _found(given: Mapping[str, Any], fact: str) -> Any:
    """Return an argument by its name, or an attribute of one by `argument.attribute`; None where there is none."""
    name, *attributes = fact.split(".")
    return reduce(lambda value, attribute: getattr(value, attribute, None), attributes, given.get(name))


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return ", ".join(str(one) for one in value)
    return value if isinstance(value, (str, int, float, bool)) else ""
