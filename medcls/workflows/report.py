"""A comparison as files: CSV tables, Markdown for a README, and one HTML page that needs nothing else."""

import csv
import io
import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

import medcls
from medcls.core.evaluation import Estimate
from medcls.stats.paired import Difference
from medcls.workflows import compare
from medcls.workflows.compare import Comparison
from medcls.workflows.report_plots import confusion_table, line_plot

MAIN = (
    "auroc",
    "auroc_disease",
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "sensitivity",
    "specificity",
    "brier",
    "log_loss",
    "ece",
    "ece_floor",
)
# A spreadsheet runs a cell that begins with one of these as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_SERIES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#7A828A", "#8A6D00")
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:1080px;margin:2rem auto;padding:0 1rem;color:#1c2024;background:#fff}
table{border-collapse:collapse;margin:.6rem 0 1.4rem;font-variant-numeric:tabular-nums}
td,th{border-bottom:1px solid #dde1e6;padding:.3rem .8rem .3rem 0;text-align:left;vertical-align:top}
th{font-weight:600}h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}.quiet{color:#5b646d}figure{margin:.4rem 1.2rem .4rem 0;display:inline-block}
figcaption{font-size:.85rem;color:#5b646d}.better{font-weight:600}
"""


def score_rows(comparison: Comparison) -> list[dict[str, Any]]:
    """Give every score of every model, one row each: model, score, value, low, high, level, n, how."""
    return [
        {
            "model": model_id, "score": name, "value": e.value, "low": e.low, "high": e.high, "level": e.level, "n": e.n, "how": e.how,
        }
        for model_id, scores in comparison.scores.items()
        for name, e in scores.items()
    ]  # fmt: skip


def difference_rows(differences: Iterable[Difference]) -> list[dict[str, Any]]:
    """Give every pair of models as a row: difference, interval, p, p after Holm, verdict."""
    return [
        {
            "a": d.a, "b": d.b, "score": d.score, "difference": d.estimate.value, "low": d.estimate.low, "high": d.estimate.high,
            "level": d.estimate.level, "groups": d.estimate.n, "cases": d.n_cases, "p": d.p, "p_holm": d.p_holm,
            "better": d.better, "verdict": d.verdict, "how": d.estimate.how,
        }
        for d in differences
    ]  # fmt: skip


def case_rows(comparison: Comparison) -> list[dict[str, Any]]:
    """Give every case as a row: id, group, truth, and each model's probabilities."""
    first = comparison.first
    rows = []
    for i in range(len(first)):
        row: dict[str, Any] = {
            "case": str(first.case[i]),
            "group": str(first.group[i]),
            "truth": first.labels[first.truth[i]],
        }
        for model_id, table in comparison.cases.items():
            row |= {f"{model_id}:{label}": float(table.prob[i, k]) for k, label in enumerate(table.labels)}
        rows.append(row | {name: str(column[i]) for name, column in first.attributes.items()})
    return rows


def to_csv(rows: Sequence[dict[str, Any]]) -> bytes:
    """Give rows as CSV (UTF-8 with a mark, so that spreadsheets read it); text that looks like a formula is kept text.

    Example:
        >>> to_csv([{"model": "=a", "value": float("nan")}]).decode("utf-8-sig")
        "model,value\\r\\n'=a,\\r\\n"
    """
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]) if rows else [], extrasaction="raise")
    writer.writeheader()
    writer.writerows({key: _cell(value) for key, value in row.items()} for row in rows)
    return out.getvalue().encode("utf-8-sig")


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else ""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def show(estimate: Estimate) -> str:
    """Give a score with its interval, as `0.82 (0.74–0.88)`."""
    if math.isnan(estimate.value):
        return "not computable"
    if math.isnan(estimate.low):
        return f"{estimate.value:.2f} (no interval)"
    return f"{estimate.value:.2f} ({estimate.low:.2f}–{estimate.high:.2f})"


def to_markdown(
    comparison: Comparison,
    scores: Sequence[str] = ("auroc", "balanced_accuracy", "sensitivity", "specificity", "brier"),
) -> str:
    """Give the models with a few scores as a Markdown table, for a README."""
    titles = comparison.score_names()
    lines = ["| model | " + " | ".join(titles[s] for s in scores) + " |", "|---" * (len(scores) + 1) + "|"]
    for model_id, found in comparison.scores.items():
        lines.append(f"| {model_id} | " + " | ".join(show(found[s]) for s in scores) + " |")
    lines += ["", f"{_basis(comparison)} In brackets: 95 % intervals."]
    return "\n".join(lines) + "\n"


def _basis(comparison: Comparison) -> str:
    n = len(comparison.first)
    return f"{n} cases in {comparison.n_groups} groups of {comparison.collection}: {comparison.part}."


def to_html(comparison: Comparison, differences: Sequence[Difference]) -> str:
    """Give the whole comparison as one HTML page: no script, nothing to fetch, pictures of plots inside.

    Args:
        comparison: The models and their cases.
        differences: From `compare.differences`.

    Returns:
        The page. It holds case ids nowhere; cases are in the CSV.
    """
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    parts = [
        f"<h1>Comparison of {len(comparison.cards)} networks</h1>",
        f"<p>{escape(_basis(comparison))}</p><p class=quiet>Made {made} by medcls {medcls.__version__}. Research use, not a medical device. "
        "Numbers in brackets are 95 % intervals; groups (patients, lesions, duplicates) are resampled whole.</p>",
        "".join(f"<p>{escape(note)}</p>" for note in comparison.notes),
        "<h2>Scores</h2>", _scores_table(comparison),
        "<h2>Which is better</h2>", _differences_table(comparison, differences),
        "<h2>Curves</h2>", _plots(comparison),
        "<h2>Confusion</h2>", *_confusions(comparison),
        "<h2>All scores, with how each was computed</h2>", _all_scores(comparison),
        "<h2>The networks</h2>", _models(comparison),
    ]  # fmt: skip
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Comparison of networks</title><style>{_STYLE}</style><body>{''.join(parts)}</body></html>\n"
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return "<table><tr>" + "".join(f"<th>{escape(cell)}</th>" for cell in head) + f"</tr>{body}</table>"


def _scores_table(comparison: Comparison) -> str:
    titles = comparison.score_names() | {"ece_floor": "…of which expected by chance"}
    shown = [name for name in MAIN if name in titles]
    models = list(comparison.scores)
    return _table(["", *models], ([titles[s], *(show(comparison.scores[m][s]) for m in models)] for s in shown))


def _differences_table(comparison: Comparison, differences: Sequence[Difference]) -> str:
    titles = comparison.score_names()
    rows = (
        [
            titles[d.score],
            d.a,
            d.b,
            f"{d.estimate.value:+.3f} ({d.estimate.low:+.3f} to {d.estimate.high:+.3f})",
            d.verdict,
        ]
        for d in differences
    )
    return _table(["score", "A", "B", "A − B", "verdict"], rows)


def _plots(comparison: Comparison) -> str:
    label = comparison.first.labels[comparison.positive[-1]]
    colours = dict(zip(comparison.cases, _SERIES, strict=False))
    drawn = compare.curves(comparison, label, resamples=200)
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
    return [confusion_table(m, comparison.first.labels, counts) for m, counts in compare.confusions(comparison).items()]


def _all_scores(comparison: Comparison) -> str:
    rows = (
        [r["model"], r["score"], show(comparison.scores[r["model"]][r["score"]]), str(r["n"]), r["how"]]
        for r in score_rows(comparison)
    )
    return _table(["model", "score", "value", "n", "how"], rows)


def _models(comparison: Comparison) -> str:
    rows = (
        [c.id, c.backbone, f"{c.n_parameters / 1e6:.2f} million", c.trained_on, " ".join(c.limits), c.licence]
        for c in comparison.cards.values()
    )
    return _table(["model", "backbone", "weights", "trained on", "limits", "licence"], rows)
