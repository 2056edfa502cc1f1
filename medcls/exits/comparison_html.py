"""A comparison of models as one HTML page that needs nothing else."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape

import medcls
from medcls.core.numbers import show_change, show_estimate
from medcls.evaluation.comparison import Comparison
from medcls.evaluation.costs import Cost
from medcls.evaluation.site_figures import compared_figures
from medcls.evaluation.thresholds import try_threshold
from medcls.exits.case import Mode
from medcls.exits.comparison_text import say_basis
from medcls.exits.report_plots import confusion_table, line_plot
from medcls.exits.subjects import Compared
from medcls.stats.difference import Difference
from medcls.stats.score_table import SHOWN_SCORES, SITE_SCORES
from medcls.words import say

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


def make(compared: Compared, mode: Mode) -> bytes:
    """Return the page in UTF-8.

    Args:
        compared: The comparison, having passed the gate.
        mode: `record` or `others`.
    """
    page = to_html(compared.comparison, compared.differences, compared.costs, not compared.nameless)
    return page.encode("utf-8")


def to_html(
    comparison: Comparison, differences: Sequence[Difference], costs: Sequence[Cost] = (), name_sites: bool = True
) -> str:
    """Return the whole comparison as one HTML page: no script, nothing to fetch, pictures of plots inside.

    Args:
        comparison: The models and their cases.
        differences: From `Comparison.differences`.
        costs: What the models cost, with the milliseconds measured; none leaves the section out.
        name_sites: False to leave out the scores at sites that a model never saw.

    Returns:
        The page. It holds case ids nowhere; cases are in the CSV.
    """
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    parts = [
        f"<h1>{escape(say('exits.comparison-title', {'n': len(comparison.cards)}))}</h1>",
        f"<p>{escape(say_basis(comparison))}</p>"
        f"<p class=quiet>{escape(say('exits.comparison-made', {'made': made, 'version': medcls.__version__}))}</p>",
        "".join(f"<p>{escape(str(note))}</p>" for note in comparison.notes),
        _heading("exits.comparison-sites"),
        _sites_table(comparison, name_sites),
        _heading("exits.comparison-scores"),
        _scores_table(comparison),
        _heading("exits.comparison-which"),
        _differences_table(comparison, differences),
        _one_right_table(comparison),
        _heading("exits.comparison-curves"),
        _plots(comparison),
        _heading("exits.comparison-confusion"),
        *_confusions(comparison),
        _subgroup_tables(comparison, differences[0].score if differences else "auroc_disease"),
        _points_table(comparison),
        _costs_table(costs),
        _heading("exits.comparison-all"),
        _all_scores(comparison),
        _heading("exits.comparison-networks"),
        _models(comparison),
    ]
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(say('exits.comparison-name'))}</title><style>{_STYLE}</style><body>{''.join(parts)}</body></html>\n"
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
            *(show_estimate(one.scores[name]) if name in one.scores else "" for name in SITE_SCORES),
        ]
        for model, sites in compared_figures(comparison).items()
        for one in sites
        if never_seen or one.source != "never-seen"
    )
    return _table(_words("exits.comparison-site-head"), rows)


def _scores_table(comparison: Comparison) -> str:
    titles = comparison.score_names() | {"ece_floor": say("exits.comparison-by-chance")}
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
            show_change(d.estimate),
            str(d.verdict),
        ]
        for d in differences
    )
    return _table(_words("exits.comparison-difference-head"), rows)


def _one_right_table(comparison: Comparison) -> str:
    rows = (
        [a, b, str(m.only_a), str(m.only_b), f"{m.p:.3f}" if m.p >= 0.001 else "< 0.001"]
        for (a, b), m in comparison.right_and_wrong().items()
    )
    told = say("exits.comparison-mcnemar", {"unlike": comparison.count_disagreements(), "n": len(comparison.first)})
    return f"<p>{escape(told)}</p>" + _table(_words("exits.comparison-mcnemar-head"), rows)


def _subgroup_tables(comparison: Comparison, score: str) -> str:
    columns = comparison.columns()
    if not columns:
        return ""
    title = comparison.score_names()[score]
    tables = [
        _table(
            [name, *_words("exits.comparison-group-head"), *comparison.cards],
            (
                [g.value, str(g.n_cases), str(g.n_groups), *(show_estimate(g.scores[m]) for m in comparison.cards)]
                for g in comparison.subgroups(column, score, resamples=200)
            ),
        )
        for column, name in columns.items()
    ]
    return _heading("exits.comparison-subgroups", score=title) + "".join(tables)


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
                    say("exits.comparison-calls", {"label": t.label, "prob": t.prob}),
                    show_estimate(point.sensitivity),
                    show_estimate(point.specificity),
                ]
            )
    head = _words("exits.comparison-point-head")
    return _heading("exits.comparison-points") + _table(head, rows) if rows else ""


def _costs_table(costs: Sequence[Cost]) -> str:
    rows = [
        [
            c.model,
            f"{c.n_parameters / 1e6:.2f}",
            f"{c.file_bytes / 1e6:.1f}",
            say("exits.comparison-not-measured") if c.scan_ms is None else f"{c.scan_ms:.0f}",
            show_estimate(c.score) if c.score else "",
        ]
        for c in costs
    ]
    head = _words("exits.comparison-cost-head")
    return _heading("exits.comparison-costs") + _table(head, rows) if rows else ""


def _plots(comparison: Comparison) -> str:
    label = comparison.first.labels[comparison.positive[-1]]
    colours = dict(zip(comparison.cases, _SERIES, strict=False))
    drawn = comparison.curves(label, resamples=200)
    kinds = (
        ("roc", *_words("exits.comparison-roc", label=label)),
        ("precision_recall", *_words("exits.comparison-precision-recall")),
        ("reliability", *_words("exits.comparison-reliability")),
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
        [model, name, show_estimate(e), str(e.n), str(e.how)]
        for model, scores in comparison.scores.items()
        for name, e in scores.items()
    )
    return _table(_words("exits.comparison-all-head"), rows)


def _models(comparison: Comparison) -> str:
    rows = (
        [
            c.id,
            c.backbone,
            say("exits.comparison-millions", {"n": c.n_parameters / 1e6}),
            c.trained_on,
            " ".join(c.limits),
            c.licence,
        ]
        for c in comparison.cards.values()
    )
    return _table(_words("exits.comparison-network-head"), rows)
