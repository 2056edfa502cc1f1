"""A comparison to be read: Markdown for a README, and one HTML page that needs nothing else."""

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path

import numpy as np

import medcls
from medcls.core.evaluation import CaseTable, Estimate, describe_basis
from medcls.core.numbers import show_estimate
from medcls.evaluation.comparison import RESAMPLES, Comparison
from medcls.evaluation.costs import Cost
from medcls.exits import leave
from medcls.exits.case import Mode
from medcls.exits.report_plots import confusion_table, line_plot
from medcls.exits.subjects import Compared, Markdown
from medcls.stats.difference import Difference
from medcls.words import say
from medcls.workflows import site_figures
from medcls.workflows.marked import put_between_marks
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
    lines = [
        f"| {say('workflows.report-model')} | " + " | ".join(titles[s] for s in scores) + " |",
        "|---" * (len(scores) + 1) + "|",
    ]
    for model_id, found in comparison.scores.items():
        lines.append(f"| {model_id} | " + " | ".join(show_estimate(found[s]) for s in scores) + " |")
    lines += ["", f"{_basis(comparison)} {say('workflows.report-brackets')}"]
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
    told = {"score": comparison.score_names()[score], "pairs": pairs, "parts": comparison.part}
    lines += ["", say("workflows.report-pairs" if pairs > 1 else "workflows.report-pair", told)]
    return "\n".join(lines) + "\n"


def write_pairs(
    comparison: Comparison, path: Path, score: str = "auroc", *, resamples: int = RESAMPLES, mode: Mode = "record"
) -> None:
    """Put the table of `pairs_to_markdown` in a Markdown file, between `<!-- compared TASK: begin -->` and `… end -->`.

    Args, beside those of `pairs_to_markdown`:
        path: The file.
        mode: `record`; or `others`, where no site of this home is named.

    Raises:
        BadData: If there is no such score.
        MedclsError: If the file cannot be read or lacks the markers.
        Conflict: If it cannot be written.
    """
    task = next(iter(comparison.cards.values())).task.id
    text = pairs_to_markdown(comparison, score, resamples=resamples)
    table = Markdown("differences", lambda _: text, {"models": ", ".join(comparison.cards)})
    put_between_marks(path, f"compared {task}", leave("markdown", table, mode).data.decode())


def _count(table: CaseTable) -> str:
    return say("workflows.report-count", {"n": len(table), "groups": len(np.unique(table.group))})


def _difference_cell(d: Difference) -> str:
    if math.isnan(d.p):
        return say("workflows.not-computable")
    p = "p < 0.001" if d.p_holm < 0.001 else f"p = {d.p_holm:.3f}"
    better = {"which": "A" if d.better == d.a else "B"}
    verdict = say("workflows.report-better", better) if d.better else say("workflows.report-alike")
    return f"{_change(d.estimate)}, {p}: {verdict}"


def _change(e: Estimate) -> str:
    ends = {"low": signed(e.low), "high": signed(e.high)}
    return f"{signed(e.value)} ({say('workflows.report-range', ends)})"


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
        f"<h1>{escape(say('workflows.report-title', {'n': len(comparison.cards)}))}</h1>",
        f"<p>{escape(_basis(comparison))}</p>"
        f"<p class=quiet>{escape(say('workflows.report-made', {'made': made, 'version': medcls.__version__}))}</p>",
        "".join(f"<p>{escape(str(note))}</p>" for note in comparison.notes),
        _heading("workflows.report-sites"),
        _sites_table(comparison, name_sites),
        _heading("workflows.report-scores"),
        _scores_table(comparison),
        _heading("workflows.report-which"),
        _differences_table(comparison, differences),
        _one_right_table(comparison),
        _heading("workflows.report-curves"),
        _plots(comparison),
        _heading("workflows.report-confusion"),
        *_confusions(comparison),
        _subgroup_tables(comparison, differences[0].score if differences else "auroc_disease"),
        _points_table(comparison),
        _costs_table(costs),
        _heading("workflows.report-all"),
        _all_scores(comparison),
        _heading("workflows.report-networks"),
        _models(comparison),
    ]
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(say('workflows.report-name'))}</title><style>{_STYLE}</style><body>{''.join(parts)}</body></html>\n"
    )


def _heading(code: str, **params: str) -> str:
    return f"<h2>{escape(say(code, params))}</h2>"


def _words(code: str, **params: str) -> list[str]:
    """Return words that belong together, as the heads of a table's columns: the catalogue holds them in one line."""
    return say(code, params).split(" | ")


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
    return _table(_words("workflows.report-site-head"), rows)


def _scores_table(comparison: Comparison) -> str:
    titles = comparison.score_names() | {"ece_floor": say("workflows.report-by-chance")}
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
            _change(d.estimate),
            str(d.verdict),
        ]
        for d in differences
    )
    return _table(_words("workflows.report-difference-head"), rows)


def _one_right_table(comparison: Comparison) -> str:
    rows = (
        [a, b, str(m.only_a), str(m.only_b), f"{m.p:.3f}" if m.p >= 0.001 else "< 0.001"]
        for (a, b), m in comparison.right_and_wrong().items()
    )
    told = say("workflows.report-mcnemar", {"unlike": comparison.count_disagreements(), "n": len(comparison.first)})
    return f"<p>{escape(told)}</p>" + _table(_words("workflows.report-mcnemar-head"), rows)


def _subgroup_tables(comparison: Comparison, score: str) -> str:
    columns = comparison.columns()
    if not columns:
        return ""
    title = comparison.score_names()[score]
    tables = [
        _table(
            [name, *_words("workflows.report-group-head"), *comparison.cards],
            (
                [g.value, str(g.n_cases), str(g.n_groups), *(show_estimate(g.scores[m]) for m in comparison.cards)]
                for g in comparison.subgroups(column, score, resamples=200)
            ),
        )
        for column, name in columns.items()
    ]
    return _heading("workflows.report-subgroups", score=title) + "".join(tables)


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
                    say("workflows.report-calls", {"label": t.label, "prob": t.prob}),
                    show_estimate(point.sensitivity),
                    show_estimate(point.specificity),
                ]
            )
    head = _words("workflows.report-point-head")
    return _heading("workflows.report-points") + _table(head, rows) if rows else ""


def _costs_table(costs: Sequence[Cost]) -> str:
    rows = [
        [
            c.model,
            f"{c.n_parameters / 1e6:.2f}",
            f"{c.file_bytes / 1e6:.1f}",
            say("workflows.not-measured") if c.scan_ms is None else f"{c.scan_ms:.0f}",
            show_estimate(c.score) if c.score else "",
        ]
        for c in costs
    ]
    head = _words("workflows.report-cost-head")
    return _heading("workflows.report-costs") + _table(head, rows) if rows else ""


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
        ("roc", *_words("workflows.report-roc", label=label)),
        ("precision_recall", *_words("workflows.report-precision-recall")),
        ("reliability", *_words("workflows.report-reliability")),
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
    return _table(_words("workflows.report-all-head"), rows)


def _models(comparison: Comparison) -> str:
    rows = (
        [
            c.id,
            c.backbone,
            say("workflows.report-millions", {"n": c.n_parameters / 1e6}),
            c.trained_on,
            " ".join(c.limits),
            c.licence,
        ]
        for c in comparison.cards.values()
    )
    return _table(_words("workflows.report-network-head"), rows)
