"""Answers by rule: what was sent here and fits a rule of servers.toml is answered, and the result sent on, once."""

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from medcls import audit
from medcls.core.note import Note
from medcls.errors import MedclsError
from medcls.inlets import inbox
from medcls.inlets.inbox import Waiting
from medcls.inlets.outbox import Sending
from medcls.inlets.servers import Rule, read_pacs_config
from medcls.workflows import case_report, pacs
from medcls.workflows.acts import allowed
from medcls.workflows.classify import choose_model, open_model

if TYPE_CHECKING:
    from medcls.models.predictor import Predictor


@allowed("read")
def work() -> tuple[Sending | Note, ...]:
    """Answer what waits and fits a rule, and send the results as the rule says; a failure of one stops no other.

    What a rule did is noted beside the file, server by server, when the result lies in the outbox. Killed before that,
    it is made again, with the same time and identifiers, and is the same result there: nothing is sent twice.

    Returns:
        What is on its way now, or `workflows.rule-failed`: why a file, or one server, got no result; that is not
        tried again.

    Raises:
        MedclsError: If servers.toml cannot be used.
        OSError: If what was done cannot be noted.
    """
    rules = read_pacs_config().rules
    made: list[Sending | Note] = []
    for item in inbox.waiting() if rules else ():
        for rule in rules:
            if rule.takes(item.modality) and not inbox.is_noted(item.id, rule.name):
                made += _answered(item, rule)
                inbox.note(item.id, rule.name)
    return tuple(made)


def _answered(item: Waiting, rule: Rule) -> list[Sending | Note]:
    try:
        case = _case(item, rule, open_model(choose_model(rule.task, rule.model).id))
    except Exception as error:  # noqa: BLE001  whatever one file provokes, the others are answered
        return [_failed(item, rule, error)]
    made: list[Sending | Note] = []
    for server in rule.to:
        given = f"{rule.name}.{quote(server, safe='')}"
        if not inbox.is_noted(item.id, given):
            made.append(_sent(case, item, rule, server))
            inbox.note(item.id, given)
    return made


def _sent(case: case_report.Case, item: Waiting, rule: Rule, server: str) -> Sending | Note:
    try:
        return pacs.send_back(case, server, rule.ways)
    except Exception as error:  # noqa: BLE001  whatever is wrong with one server, the others get theirs
        return _failed(item, rule, error, server)


def _failed(item: Waiting, rule: Rule, error: Exception, server: str = "") -> Note:
    """Write down and return why there is no result; of a fault without a code its kind: its words may name people."""
    audit.write("rule", outcome=audit.outcome_of(error), who=f"rule {rule.name}", scan_sha256=item.id, server=server)
    why = Note.of(error) if isinstance(error, MedclsError) else type(error).__name__
    to = server or ", ".join(rule.to)
    return Note("workflows.rule-failed", rule=rule.name, scan=item.id[:12], to=to, error=why)


def _case(item: Waiting, rule: Rule, model: "Predictor") -> case_report.Case:
    said = case_report.Said(by=f"rule {rule.name}", site=rule.site)
    case = case_report.make_case(inbox.read(item.id), "", model, said=said)
    return replace(case, made_at=inbox.came_at(item.id))
