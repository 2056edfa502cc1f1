"""The model card a person reads, made from the card a program reads."""

from collections.abc import Mapping

from medcls.core.evaluation import Estimate, Evaluation, describe_basis
from medcls.core.model import ModelCard
from medcls.core.pointing import PointingRecord, pointing_table
from medcls.core.stress import StressRecord, stress_table

NOTICE = "Research use, not a medical device."
# Scores a reader looks for first; the others follow in the order they were computed.
_FIRST = ("auroc", "accuracy", "balanced_accuracy", "macro_f1", "brier", "ece")


def describe_card(
    card: ModelCard, evaluation: Evaluation | None, studies: "Mapping[str, PointingRecord | StressRecord]"
) -> str:
    """Return the README of a model folder as Markdown.

    Args:
        card: The model's card.
        evaluation: What was measured of it; None if nothing was.
        studies: How its heatmaps pointed at lesions, and what shifts do to its answers.

    Returns:
        Markdown text, ending in a newline.
    """
    sections = [
        _head(card),
        _question(card),
        _measured(evaluation),
        *(_pointing(one) if isinstance(one, PointingRecord) else _stress(one) for one in studies.values()),
        _trust(card),
        _feed(card),
        _origin(card),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _head(card: ModelCard) -> str:
    lines = [
        f"# {card.name}",
        "",
        f"`{card.id}` · {card.backbone} · {card.n_parameters / 1e6:.1f} million weights",
        "",
        NOTICE,
    ]
    if card.retired:
        lines += ["", f"**Retired:** {card.retired}"]
    return "\n".join(lines)


def _question(card: ModelCard) -> str:
    labels = ", ".join(f"*{label.name}*" for label in card.task.labels)
    limits = [f"- {limit}" for limit in (*card.task.limits, *card.limits)]
    return "\n".join(
        [
            "## What it answers",
            "",
            card.task.question,
            "",
            f"Answers: {labels}, or *cannot tell*.",
            "",
            "## What it learned from, and what it never saw",
            "",
            card.trained_on or "Not stated.",
            "",
            *limits,
        ]
    )


def _measured(evaluation: Evaluation | None) -> str:
    if evaluation is None:
        return "## How good it is\n\nNothing was measured."
    names = [n for n in _FIRST if n in evaluation.scores] + [n for n in evaluation.scores if n not in _FIRST]
    rows = ["Over all sites together, which measures in part which site a case is from:", ""]
    rows += ["| score | value | 95 % interval | n |", "|---|---|---|---|"]
    for name in names:
        e = evaluation.scores[name]
        rows.append(f"| {name} | {e.value:.3f} | {e.low:.3f} to {e.high:.3f} | {e.n} |")
    matrix = [
        "| truth \\ answer | " + " | ".join(evaluation.labels) + " |",
        "|---" * (len(evaluation.labels) + 1) + "|",
    ]
    for label, counts in zip(evaluation.labels, evaluation.confusion, strict=True):
        matrix.append(f"| {label} | " + " | ".join(map(str, counts)) + " |")
    basis = describe_basis(evaluation.n_cases, evaluation.n_groups, evaluation.collection)
    text = f"{basis}: {evaluation.part}."
    notes = [f"- {note}" for note in evaluation.notes]
    return "\n".join(
        [
            "## How good it is",
            "",
            text,
            "",
            *_sites(evaluation),
            "",
            *rows,
            "",
            *matrix,
            *(["", *notes] if notes else []),
        ]
    )


def _sites(evaluation: Evaluation) -> list[str]:
    """Return disease against the rest at every site apart, a site never seen first."""
    lines = ["| disease against the rest, per site | AUROC | sensitivity | specificity | n |", "|---|---|---|---|---|"]
    for one in evaluation.by_site():
        site = f"{one.site}, never seen" if one.never_seen else one.site
        cells = [_cell(one.scores.get(name)) for name in ("auroc_disease", "sensitivity", "specificity")]
        lines.append(f"| {site} | {' | '.join(cells)} | {one.disease.n if one.disease else 0} |")
    return lines


def _cell(estimate: Estimate | None) -> str:
    if estimate is None or estimate.value != estimate.value:
        return "–"
    return f"{estimate.value:.3f} ({estimate.low:.3f}–{estimate.high:.3f})"


def _pointing(record: PointingRecord) -> str:
    if not record.studies:
        return ""
    parts = ["## Where its heatmaps point"]
    for study in record.studies:
        parts += [study.about, pointing_table(study), "\n".join(f"- {note}" for note in study.notes)]
    return "\n\n".join(parts)


def _stress(record: StressRecord) -> str:
    if not record.studies:
        return ""
    parts = ["## How far its answers hold"]
    for study in record.studies:
        about = describe_basis(study.n_cases, study.n_groups, study.collection)
        told = "\n".join(f"- {note}" for note in study.worst_first())
        parts += [f"{about} ({study.part}), each scan as it is and shifted.", told, stress_table(study)]
    return "\n\n".join(parts)


def _trust(card: ModelCard) -> str:
    lines = [
        "## How far to trust a probability",
        "",
        f"Temperature {card.calibration.temperature:.3f}: {card.calibration.how} (n = {card.calibration.n}).",
    ]
    lines += [
        "",
        (
            f"It says *cannot tell* below a probability of {card.abstention.min_prob:.2f}: "
            f"{card.abstention.how} (n = {card.abstention.n})."
        ),
    ]
    for t in card.thresholds:
        lines += ["", f"Operating point *{t.name}*: {t.label} at {t.prob:.3f} or above. {t.note}"]
    return "\n".join(lines)


def tell_feeding(card: ModelCard) -> str:
    """Return how scans are fed to a model, in a sentence."""
    if card.members:
        return "A scan is fed to each of its networks as that one's own card says."
    p = card.preprocess
    return (
        f"{p.channels} x {p.size_px} x {p.size_px}, {p.fit}, {p.interpolation} with antialiasing, "
        f"display values 0 to 1, mean {list(p.mean)}, std {list(p.std)}; cleaning: {', '.join(p.cleaning) or 'none'}."
    )


def tell_making(card: ModelCard) -> str:
    """Return which run made a model from what, in sentences; of an ensemble, whose mean it is."""
    o = card.origin
    if card.members:
        return f"Made of {', '.join(card.members)}."
    made = (
        f"Run {o.run or 'unknown'}, {o.created or 'date unknown'}; "
        f"{o.epochs} epochs in {o.training_s / 60:.0f} minutes."
    )
    return f"{made} Initial weights: {str(o.initial).rstrip('.') or 'unknown'}."


def tell_data(card: ModelCard) -> str:
    """Return on which data and with which libraries a model was made, in sentences."""
    o = card.origin
    versions = ", ".join(f"{name} {version}" for name, version in o.versions.items()) or "unknown versions"
    data = "; ".join(o.collections) or "unknown"
    return f"Data: {data} (fingerprint {o.fingerprint[:12] or 'unknown'}). Made with {versions}."


def _feed(card: ModelCard) -> str:
    if card.members:
        code = (
            "from medcls.models.opening import open_model\nfrom medcls.imaging.decode import read_scan\n"
            f'answer = open_model("{card.id}").predict(read_scan(open("scan.png", "rb").read()))'
        )
    else:
        code = f'import timm\nnet = timm.create_model("local-dir:weights/{card.id}", pretrained=True).eval()'
    return f"## How to feed it\n\n{tell_feeding(card)}\n\n```python\n{code}\n```"


def _origin(card: ModelCard) -> str:
    return (
        f"## Where it came from\n\n{tell_making(card)} {tell_data(card)}\n\n"
        f"## Licence\n\n{card.licence or 'Not stated.'}"
    )
