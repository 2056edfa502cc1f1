"""The model card a person reads, made from the card a program reads."""

from collections.abc import Mapping

from medcls.core.evaluation import Estimate, Evaluation, describe_basis
from medcls.core.model import ModelCard
from medcls.core.pointing import PointingRecord, pointing_table
from medcls.core.stress import StressRecord, stress_table
from medcls.words import say

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
        f"`{card.id}` · {card.backbone} · {say('models.card-weights', {'millions': card.n_parameters / 1e6})}",
        "",
        say("words.research-use"),
    ]
    if card.retired:
        lines += ["", say("models.card-retired", {"why": card.retired})]
    return "\n".join(lines)


def _question(card: ModelCard) -> str:
    labels = ", ".join(f"*{label.name}*" for label in card.task.labels)
    limits = [f"- {limit}" for limit in (*card.task.limits, *card.limits)]
    return "\n".join(
        [
            f"## {say('models.card-answers')}",
            "",
            card.task.question,
            "",
            say("models.card-labels", {"labels": labels}),
            "",
            f"## {say('models.card-learned')}",
            "",
            card.trained_on or say("models.card-not-stated"),
            "",
            *limits,
        ]
    )


def _measured(evaluation: Evaluation | None) -> str:
    if evaluation is None:
        return f"## {say('models.card-how-good')}\n\n{say('models.card-unmeasured')}"
    names = [n for n in _FIRST if n in evaluation.scores] + [n for n in evaluation.scores if n not in _FIRST]
    rows = [say("models.card-pooled"), "", say("models.card-score-head"), "|---|---|---|---|"]
    for name in names:
        e = evaluation.scores[name]
        rows.append(f"| {name} | {e.value:.3f} | {e.low:.3f} to {e.high:.3f} | {e.n} |")
    matrix = [
        f"| {say('models.card-confusion-head')} | " + " | ".join(evaluation.labels) + " |",
        "|---" * (len(evaluation.labels) + 1) + "|",
    ]
    for label, counts in zip(evaluation.labels, evaluation.confusion, strict=True):
        matrix.append(f"| {label} | " + " | ".join(map(str, counts)) + " |")
    basis = describe_basis(evaluation.n_cases, evaluation.n_groups, evaluation.collection)
    text = f"{basis}: {evaluation.part}."
    notes = [f"- {note}" for note in evaluation.notes]
    return "\n".join(
        [
            f"## {say('models.card-how-good')}",
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
    lines = [say("models.card-site-head"), "|---|---|---|---|---|"]
    for one in evaluation.by_site():
        site = say("models.never-seen", {"site": one.site}) if one.never_seen else one.site
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
    parts = [f"## {say('models.card-pointing')}"]
    for study in record.studies:
        parts += [study.about, pointing_table(study), "\n".join(f"- {note}" for note in study.notes)]
    return "\n\n".join(parts)


def _stress(record: StressRecord) -> str:
    if not record.studies:
        return ""
    parts = [f"## {say('models.card-stress')}"]
    for study in record.studies:
        about = describe_basis(study.n_cases, study.n_groups, study.collection)
        told = "\n".join(f"- {note}" for note in study.worst_first())
        parts += [say("models.card-shifted", {"about": about, "part": study.part}), told, stress_table(study)]
    return "\n\n".join(parts)


def _trust(card: ModelCard) -> str:
    limits = {"least": card.abstention.min_prob, "how": card.abstention.how, "n": card.abstention.n}
    fitted = {"temperature": card.calibration.temperature, "how": card.calibration.how, "n": card.calibration.n}
    lines = [f"## {say('models.card-trust')}", "", say("models.card-temperature", fitted)]
    lines += ["", say("models.card-cannot-tell", limits)]
    for t in card.thresholds:
        point = {"name": t.name, "label": t.label, "prob": t.prob, "note": t.note}
        lines += ["", say("models.card-point", point)]
    return "\n".join(lines)


def describe_input(card: ModelCard) -> str:
    """Return how scans are fed to a model, in a sentence."""
    if card.members:
        return say("models.card-fed-each")
    p = card.preprocess
    cleaning = ", ".join(p.cleaning) or say("models.card-none")
    told = {"channels": p.channels, "size": p.size_px, "fit": p.fit, "interpolation": p.interpolation}
    fed = say("models.card-fed", {**told, "mean": str(list(p.mean)), "std": str(list(p.std)), "cleaning": cleaning})
    return fed if p.orientations == 1 else f"{fed} {say('models.card-fed-oriented', {'n': p.orientations})}"


def describe_origin(card: ModelCard) -> str:
    """Return which run made a model from what, in sentences; of an ensemble, whose mean it is."""
    o = card.origin
    if card.members:
        return say("models.card-made-of", {"members": ", ".join(card.members)})
    unknown = say("models.card-unknown")
    told = {"run": o.run or unknown, "created": o.created or unknown, "epochs": o.epochs, "minutes": o.training_s / 60}
    return say("models.card-made", {**told, "initial": str(o.initial).rstrip(".") or unknown})


def describe_data(card: ModelCard) -> str:
    """Return on which data and with which libraries a model was made, in sentences."""
    o, unknown = card.origin, say("models.card-unknown")
    versions = ", ".join(f"{name} {version}" for name, version in o.versions.items()) or unknown
    told = {"data": "; ".join(map(str, o.collections)) or unknown, "fingerprint": o.fingerprint[:12] or unknown}
    return say("models.card-data", {**told, "versions": versions})


def _feed(card: ModelCard) -> str:
    if card.members:
        code = (
            "from medcls.models.opening import open_model\nfrom medcls.imaging.decode import read_scan\n"
            f'answer = open_model("{card.id}").predict(read_scan(open("scan.png", "rb").read()))'
        )
    else:
        code = f'import timm\nnet = timm.create_model("local-dir:weights/{card.id}", pretrained=True).eval()'
    return f"## {say('models.card-feeding')}\n\n{describe_input(card)}\n\n```python\n{code}\n```"


def _origin(card: ModelCard) -> str:
    return (
        f"## {say('models.card-origin')}\n\n{describe_origin(card)} {describe_data(card)}\n\n"
        f"## {say('models.card-licence')}\n\n{card.licence or say('models.card-not-stated')}"
    )
