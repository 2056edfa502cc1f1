"""A comparison to be read: Markdown for a README, and one HTML page that needs nothing else."""

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path

import numpy as np

import medcls
from medcls.core.evaluation import CaseTable, describe_basis
from medcls.core.numbers import show_estimate
from medcls.evaluation.comparison import RESAMPLES, Comparison
from medcls.evaluation.costs import Cost
from medcls.exits.subjects import Compared
from medcls.stats.difference import Difference
from medcls.workflows import site_figures
from medcls.workflows.marked import put_between_marks
from medcls.workflows.report_plots import confusion_table, line_plot
from medcls.workflows.tables import SHOWN_SCORES, score_rows
from medcls.workflows.thresholds import try_threshold

_LEFT_OUT = ("average_precision", "kappa")  # a printed page is narrow
_SERIES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#7A828A", "#8A6D00")
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:1080px;margin:2rem auto;padding:0 1rem;color:#1c2024;background:#fff}
table{border-collapse:collapse;margin:.6rem 0 1.4rem;font-variant-numeric:tabular-nums}
td,th{border-bottom:1px solid #dde1e6;padding:.3rem .8rem .3rem 0;text-align:left;vertical-align:top}
th{font-weight:600}h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}.quiet{color:#5b646d}
figure{margin:.4rem 1.2rem .4rem 0;display:inline-block}
figcaption{font-size:.85rem;color:#5b646d}.better{font-weight:600}
"""


def signed(value: float, digits: int = 3) -> str:
    """Return a difference with its sign; no sign where it rounds to nothing.

    Example:
        >>> signed(0.0514), signed(-0.0514), signed(-0.0001)
        ('+0.051', '−0.051', '0.000')
    """
    text = f"{value:+.{digits}f}".replace("-", "−")
    return text[1:] if not text.strip("+−0.") else text


def to_markdown(
    comparison: Comparison,
    scores: Sequence[str] = ("auroc", "balanced_accuracy", "sensitivity", "specificity", "brier"),
) -> str:
    """Return the models with a few scores as a Markdown table, for a README."""
    titles = comparison.score_names()
    lines = ["| model | " + " | ".join(titles[s] for s in scores) + " |", "|---" * (len(scores) + 1) + "|"]
    for model_id, found in comparison.scores.items():
        lines.append(f"| {model_id} | " + " | ".join(show_estimate(found[s]) for s in scores) + " |")
    lines += ["", f"{_basis(comparison)} In brackets: 95 % intervals."]
    return "\n".join(lines) + "\n"


def pairs_to_markdown(comparison: Comparison, score: str = "auroc", *, resamples: int = RESAMPLES) -> str:
    """Return the difference of every pair of models with its verdict, by collection and over all, as a Markdown table.

    Args:
        comparison: The models and their cases.
        score: Full name of a score.
        resamples: How many times groups are resampled on each collection.

    Raises:
        BadData: If there is no such score.
    """
    found, parts = comparison.differences_by_collection(score, resamples), comparison.by_collection()
    heads = [f"{part}: {_count(next(iter(tables.values())))}" for part, tables in parts.items()]
    lines = ["| A | B | " + " | ".join(heads) + " |", "|---" * (len(heads) + 2) + "|"]
    for i, first in enumerate(next(iter(found.values()))):
        cells = " | ".join(_difference_cell(differences[i]) for differences in found.values())
        lines.append(f"| `{first.a}` | `{first.b}` | {cells} |")
    pairs = len(next(iter(found.values())))
    lines += [
        "",
        f"{comparison.score_names()[score]}, A minus B, with its 95 % interval by a paired bootstrap over groups"
        + (f"; p after Holm's correction for the {pairs} pairs of a column" if pairs > 1 else "")
        + f". Cases: {comparison.part}.",
    ]
    return "\n".join(lines) + "\n"


def write_pairs(comparison: Comparison, path: Path, score: str = "auroc", *, resamples: int = RESAMPLES) -> None:
    """Put the table of `pairs_to_markdown` in a Markdown file, between `<!-- compared TASK: begin -->` and `… end -->`.

    Raises:
        BadData: If there is no such score.
        MedclsError: If the file cannot be read or lacks the markers.
        Conflict: If it cannot be written.
    """
    task = next(iter(comparison.cards.values())).task.id
    put_between_marks(path, f"compared {task}", pairs_to_markdown(comparison, score, resamples=resamples))


def _count(table: CaseTable) -> str:
    return f"{len(table)} cases, {len(np.unique(table.group))} groups"


def _difference_cell(d: Difference) -> str:
    if math.isnan(d.p):
        return "not computable"
    e = d.estimate
    p = "p < 0.001" if d.p_holm < 0.001 else f"p = {d.p_holm:.3f}"
    verdict = f"**{'A' if d.better == d.a else 'B'} is better**" if d.better else "not distinguishable"
    return f"{signed(e.value)} ({signed(e.low)} to {signed(e.high)}), {p}: {verdict}"


def _basis(comparison: Comparison) -> str:
    basis = describe_basis(len(comparison.first), comparison.n_groups, comparison.collection)
    return f"{basis}: {comparison.part}."


def page_of(comparison: Comparison, differences: Sequence[Difference], costs: Sequence[Cost] = ()) -> Compared:
    """Return the page of `to_html` as it may leave: for others of a comparison without its cases' attributes."""
    return Compared("comparison", comparison, lambda given, sites: to_html(given, differences, costs, sites))


def to_html(
    comparison: Comparison, differences: Sequence[Difference], costs: Sequence[Cost] = (), name_sites: bool = True
) -> str:
    """Return the whole comparison as one HTML page: no script, nothing to fetch, pictures of plots inside.

    Args:
        comparison: The models and their cases.
        differences: From `compare.differences`.
        costs: What the models cost, with the milliseconds measured; none leaves the section out.
        name_sites: False to leave out the scores at sites that a model never saw.

    Returns:
        The page. It holds case ids nowhere; cases are in the CSV.
    """
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    parts = [
        f"<h1>Comparison of {len(comparison.cards)} networks</h1>",
        f"<p>{escape(_basis(comparison))}</p>"
        f"<p class=quiet>Made {made} by medcls {medcls.__version__}. Research use, not a medical device. "
        "Numbers in brackets are 95 % intervals; groups (patients, lesions, duplicates) are resampled whole.</p>",
        "".join(f"<p>{escape(str(note))}</p>" for note in comparison.notes),
        "<h2>Disease against the rest, per site</h2>",
        _sites_table(comparison, name_sites),
        "<h2>Scores over all sites together</h2>",
        _scores_table(comparison),
        "<h2>Which is better</h2>",
        _differences_table(comparison, differences),
        _one_right_table(comparison),
        "<h2>Curves</h2>",
        _plots(comparison),
        "<h2>Confusion</h2>",
        *_confusions(comparison),
        _subgroup_tables(comparison, differences[0].score if differences else "auroc_disease"),
        _points_table(comparison),
        _costs_table(costs),
        "<h2>All scores, with how each was computed</h2>",
        _all_scores(comparison),
        "<h2>The networks</h2>",
        _models(comparison),
    ]
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Comparison of networks</title><style>{_STYLE}</style><body>{''.join(parts)}</body></html>\n"
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return "<table><tr>" + "".join(f"<th>{escape(cell)}</th>" for cell in head) + f"</tr>{body}</table>"


def _sites_table(comparison: Comparison, never_seen: bool) -> str:
    rows = (
        [
            model,
            one.title,
            *(show_estimate(one.scores[name]) if name in one.scores else "" for name in site_figures.SCORES),
        ]
        for model, sites in site_figures.compared(comparison).items()
        for one in sites
        if never_seen or one.source != "never-seen"
    )
    return _table(["model", "site", "AUROC", "sensitivity", "specificity"], rows)


def _scores_table(comparison: Comparison) -> str:
    titles = comparison.score_names() | {"ece_floor": "…of which expected by chance"}
    shown = [name for name in SHOWN_SCORES if name in titles and name not in _LEFT_OUT]
    models = list(comparison.scores)
    return _table(
        ["", *models], ([titles[s], *(show_estimate(comparison.scores[m][s]) for m in models)] for s in shown)
    )


def _differences_table(comparison: Comparison, differences: Sequence[Difference]) -> str:
    titles = comparison.score_names()
    rows = (
        [
            titles[d.score],
            d.a,
            d.b,
            f"{signed(d.estimate.value)} ({signed(d.estimate.low)} to {signed(d.estimate.high)})",
            str(d.verdict),
        ]
        for d in differences
    )
    return _table(["score", "A", "B", "A − B", "verdict"], rows)


def _one_right_table(comparison: Comparison) -> str:
    rows = (
        [a, b, str(m.only_a), str(m.only_b), f"{m.p:.3f}" if m.p >= 0.001 else "< 0.001"]
        for (a, b), m in comparison.right_and_wrong().items()
    )
    unlike = comparison.count_disagreements()
    return (
        f"<p>On {unlike} of {len(comparison.first)} cases the networks' most probable labels differ. "
        "Cases only one of two got right, with McNemar's test, which takes cases as independent:</p>"
        + _table(["A", "B", "only A right", "only B right", "McNemar's p"], rows)
    )


def _subgroup_tables(comparison: Comparison, score: str) -> str:
    columns = comparison.columns()
    if not columns:
        return ""
    title = comparison.score_names()[score]
    tables = [
        _table(
            [name, "cases", "groups", *comparison.cards],
            (
                [g.value, str(g.n_cases), str(g.n_groups), *(show_estimate(g.scores[m]) for m in comparison.cards)]
                for g in comparison.subgroups(column, score, resamples=200)
            ),
        )
        for column, name in columns.items()
    ]
    return f"<h2>Subgroups: {escape(title)}</h2>" + "".join(tables)


def _points_table(comparison: Comparison) -> str:
    """Return the named operating points of the models' cards, with what they do on these cases."""
    rows = []
    for model_id, card in comparison.cards.items():
        for t in card.thresholds:
            point = try_threshold(comparison.cases[model_id], t.label, t.prob, 0.5)
            rows.append(
                [
                    model_id,
                    t.name,
                    f"{t.label} at {t.prob:.2f} or above",
                    show_estimate(point.sensitivity),
                    show_estimate(point.specificity),
                ]
            )
    head = ["model", "operating point", "calls", "sensitivity", "specificity"]
    return "<h2>Operating points</h2>" + _table(head, rows) if rows else ""


def _costs_table(costs: Sequence[Cost]) -> str:
    rows = [
        [
            c.model,
            f"{c.n_parameters / 1e6:.2f}",
            f"{c.file_bytes / 1e6:.1f}",
            "not measured" if c.scan_ms is None else f"{c.scan_ms:.0f}",
            show_estimate(c.score) if c.score else "",
        ]
        for c in costs
    ]
    head = ["model", "million weights", "file, MB", "ms per scan, where this was made", "AUROC"]
    return "<h2>Cost against quality</h2>" + _table(head, rows) if rows else ""


def costs_of(comparison: Comparison) -> tuple[Cost, ...]:
    """Return what the models cost beside their AUROC, no time measured.

    Raises:
        BadModel: If a model's folder is gone.
    """
    return tuple(comparison.cost(model_id) for model_id in comparison.cards)


def _plots(comparison: Comparison) -> str:
    label = comparison.first.labels[comparison.positive[-1]]
    colours = dict(zip(comparison.cases, _SERIES, strict=False))
    drawn = comparison.curves(label, resamples=200)
    kinds = (
        ("roc", f"ROC, {label} against the rest", "false positive rate", "sensitivity"),
        ("precision_recall", "Precision and recall", "recall", "precision"),
        ("reliability", "Reliability", "probability given", "share that was true"),
    )
    return "".join(
        line_plot(
            title,
            {m: (getattr(c, kind), colours[m]) for m, c in drawn.items()},
            x,
            y,
            diagonal=kind != "precision_recall",
        )
        for kind, title, x, y in kinds
    )


def _confusions(comparison: Comparison) -> list[str]:
    return [confusion_table(m, comparison.first.labels, counts) for m, counts in comparison.confusions().items()]


def _all_scores(comparison: Comparison) -> str:
    rows = (
        [r["model"], r["score"], show_estimate(comparison.scores[r["model"]][r["score"]]), str(r["n"]), r["how"]]
        for r in score_rows(comparison)
    )
    return _table(["model", "score", "value", "n", "how"], rows)


def _models(comparison: Comparison) -> str:
    rows = (
        [c.id, c.backbone, f"{c.n_parameters / 1e6:.2f} million", c.trained_on, " ".join(c.limits), c.licence]
        for c in comparison.cards.values()
    )
    return _table(["model", "backbone", "weights", "trained on", "limits", "licence"], rows)
