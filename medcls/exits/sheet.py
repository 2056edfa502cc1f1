"""What a report says, before it is a PDF, a page or plain text: the three say the same because this is said once."""

from collections.abc import Iterable
from dataclasses import dataclass

from medcls import __version__
from medcls.core.numbers import show_prob
from medcls.core.prediction import Prediction
from medcls.exits.case import UNSURE, Case, Mode, Person, Ruler
from medcls.exits.study import person_of
from medcls.explain.verdict import Check
from medcls.words import say


@dataclass(frozen=True)
class Bar:
    """One label's probability: its name, the number as it is shown, and the share of the bar that is filled."""

    name: str
    shown: str
    share: float


@dataclass(frozen=True)
class Part:
    """A heading and the lines below it."""

    heading: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Sheet:
    """A report in words.

    Args:
        title: What it is and of which task.
        notice: That it is for research, for head and foot of every page.
        lead: What stands over the answer.
        answer: The decided label's name, or that it cannot be told.
        bars: One for each label; none where the answer has no numbers.
        patient: Whom it is about, to stand under the title; None where nobody is named.
        parts: The rest, in order; none is empty.
    """

    title: str
    notice: str
    lead: str
    answer: str
    bars: tuple[Bar, ...]
    patient: Part | None
    parts: tuple[Part, ...]


def sheet_of(case: Case, mode: Mode) -> Sheet:
    """Return what the report of a case says.

    Args:
        case: The case, having passed the gate.
        mode: `record` or `others`; for others the sheet says that it is de-identified.
    """
    parts = (
        ("exits.heading-cautions", tuple(str(note) for note in case.prediction.notes)),
        ("exits.heading-worth", tuple(str(note) for note in case.worth)),
        ("exits.heading-measured", _measured(case)),
        ("exits.heading-heatmap", _heatmap(case)),
        ("exits.heading-views", describe_views(case)),
        ("exits.heading-reading", _reading(case)),
        ("exits.heading-model", _model(case)),
        ("exits.heading-made", _made(case, mode)),
    )
    return Sheet(
        title=say("exits.title", {"question": case.card.task.question}),
        notice=say("exits.notice"),
        lead=say("exits.lead"),
        answer=answer_of(case.prediction, case),
        bars=_bars(case),
        patient=Part(say("exits.heading-patient"), who) if (who := _patient(person_of(case, mode))) else None,
        parts=tuple(Part(say(heading), lines) for heading, lines in parts if lines),
    )


def answer_of(prediction: Prediction, case: Case) -> str:
    """Return the name of the label that was decided, or that the network cannot tell."""
    return case.card.task.label(prediction.decided).name if prediction.decided else say("exits.cannot-tell")


def _bars(case: Case) -> tuple[Bar, ...]:
    if not case.numbers:
        return ()
    names = (case.card.task.label(label).name for label in case.prediction.labels)
    return tuple(Bar(n, show_prob(float(p)), float(p)) for n, p in zip(names, case.prediction.prob, strict=True))


def _patient(who: Person) -> tuple[str, ...]:
    told = {
        "exits.patient-name": who.name,
        "exits.patient-number": who.id,
        "exits.patient-born": who.birth_date,
        "exits.patient-sex": who.sex,
        "exits.patient-order": who.accession,
    }
    return _on_one_line(say(code, {"value": value}) for code, value in told.items() if value)


def _on_one_line(facts: Iterable[str]) -> tuple[str, ...]:
    """Return short facts as one line; none if there is none."""
    return (line,) if (line := " · ".join(facts)) else ()


def _measured(case: Case) -> tuple[str, ...]:
    height, width = case.scan.size_px
    spacing = case.scan.spacing_mm
    lines = [say("exits.size", {"width": width, "height": height})]
    if spacing:
        lines.append(say("exits.spacing", {"high": f"{spacing[0]:.3f}", "wide": f"{spacing[1]:.3f}"}))
    lines += [_ruler(ruler) for ruler in case.rulers]
    if case.region:
        left, top, right, bottom = case.region
        lines.append(say("exits.region", {"left": left, "top": top, "right": right, "bottom": bottom}))
    if case.covers:
        lines.append(say("exits.covered", {"n": len(case.covers)}))
    return _on_one_line([*lines, *(str(note) for note in case.scan.history)])


def _ruler(ruler: Ruler) -> str:
    if ruler.length_mm is None:
        return say("exits.ruler-no-scale")
    return say("exits.ruler", {"length": f"{ruler.length_mm:.1f}"})


def _heatmap(case: Case) -> tuple[str, ...]:
    if case.heatmap is None or not case.numbers:
        return ()
    from medcls.explain.method_table import METHODS  # brings torch along

    told = {"method": METHODS[case.heatmap.method].title, "label": case.card.task.label(case.heatmap.label).name}
    lines = [say("exits.heatmap-empty" if case.heatmap.empty else "exits.heatmap", told)]
    if case.checks:
        passed = sum(check.holds is True for check in case.checks)
        lines.append(say("exits.checks", {"passed": passed, "n": len(case.checks)}))
    return (*lines, *map(describe_check, case.checks))


def describe_check(check: Check) -> str:
    """Return a test of a heatmap as a line: what was asked, and what came out."""
    return f"{check.title} {check.words}" if check.title.endswith("?") else f"{check.title}: {check.words}"


def describe_views(case: Case) -> tuple[str, ...]:
    """Return what the views of a case say together, and a line for each further one; a refusal has no number."""

    def line(code: str, refused: str, number: int, p: Prediction) -> str:
        told = {"n": number, "answer": answer_of(p, case), "prob": show_prob(p.stands_at)}
        return say(code if p.decided else refused, told)

    views = enumerate((view.prediction for view in case.views), start=2)
    lines = [line("exits.view", "exits.view-refused", n, prediction) for n, prediction in views]
    n = len(case.views) + 1
    return (*([line("exits.views", "exits.views-refused", n, case.together)] if case.together else []), *lines)


def _reading(case: Case) -> tuple[str, ...]:
    reading, task = case.reading, case.card.task
    read = {"exits.reading-before": reading.before, "exits.reading-after": reading.after}
    names = {label: task.label(label).name for label in task.label_ids} | {UNSURE: say("exits.cannot-tell")}
    lines = [say(code, {"label": names[label]}) for code, label in read.items() if label]
    if reading.changed is not None:
        lines.append(say("exits.reading-changed" if reading.changed else "exits.reading-kept"))
    if reading.comment.strip():
        lines.append(say("exits.reading-comment", {"text": reading.comment.strip()}))
    return tuple(lines)


def _model(case: Case) -> tuple[str, ...]:
    card = case.card
    lines = [say("exits.model", {"name": card.name or card.id, "id": card.id})]
    if case.model_sha256:
        lines.append(say("exits.model-hash", {"sha256": case.model_sha256}))
    if card.trained_on:
        lines.append(say("exits.trained-on", {"text": card.trained_on}))
    limits = " ".join((*card.task.limits, *card.limits))
    return (*lines, say("exits.limits", {"text": limits})) if limits else tuple(lines)


def _made(case: Case, mode: Mode) -> tuple[str, ...]:
    at = case.made_at.strftime("%Y-%m-%d %H:%M %Z")
    facts = [say("exits.made", {"at": at, "version": __version__})]
    if case.made_by:
        facts.append(say("exits.made-by", {"who": case.made_by}))
    if case.file_name:
        facts.append(say("exits.file-name", {"name": case.file_name}))
    lines = (*_on_one_line(facts), say("exits.file-hash", {"sha256": case.scan.sha256}))
    return (*lines, say("exits.deidentified")) if mode == "others" else lines
