"""Answers by rule: what was sent here and fits a rule of servers.toml is answered, and the result sent on, once."""

from dataclasses import replace
from typing import TYPE_CHECKING

from medcls import audit
from medcls.errors import MedclsError
from medcls.inlets import inbox
from medcls.inlets.inbox import Waiting
from medcls.inlets.outbox import Sending
from medcls.inlets.servers import Rule, read_around
from medcls.workflows import case_report, pacs
from medcls.workflows.acts import allowed
from medcls.workflows.classify import choose_model, open_model

if TYPE_CHECKING:
    from medcls.models.predictor import Predictor


@allowed("read")
def work() -> tuple[Sending | MedclsError, ...]:
    """Answer what waits and fits a rule, and send the results as the rule says.

    What a rule did is noted beside the file when the result lies in the outbox. Killed before that, it is made again,
    with the same time and identifiers, and is the same result there: nothing is sent twice.

    Returns:
        What is on its way now, or why a file got no result; that is not tried again.

    Raises:
        MedclsError: If servers.toml cannot be used.
    """
    rules = read_around().rules
    made: list[Sending | MedclsError] = []
    for item in inbox.waiting() if rules else ():
        for rule in rules:
            if rule.takes(item.modality) and not inbox.is_noted(item.id, rule.name):
                made += _answered(item, rule)
                inbox.note(item.id, rule.name)
    return tuple(made)


def _answered(item: Waiting, rule: Rule) -> list[Sending | MedclsError]:
    try:
        case = _case(item, rule, open_model(choose_model(rule.task, rule.model).id))
        return [pacs.send_back(case, server, rule.ways) for server in rule.to]
    except MedclsError as error:
        audit.write("rule", outcome=error.code, who=f"rule {rule.name}", scan_sha256=item.id)
        return [error]


def _case(item: Waiting, rule: Rule, model: "Predictor") -> case_report.Case:
    said = case_report.Said(by=f"rule {rule.name}", site=rule.site)
    case = case_report.make_case(inbox.read(item.id), "", model, said=said)
    return replace(case, made_at=inbox.came_at(item.id))
