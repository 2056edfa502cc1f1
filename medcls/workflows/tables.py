"""A comparison as rows with every digit, and rows as CSV that a spreadsheet may open safely."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from medcls.core.evaluation import Estimate
from medcls.core.spreadsheet import cell
from medcls.evaluation.ablation import AblationRow
from medcls.evaluation.comparison import Comparison, Curves, Disagreement
from medcls.evaluation.costs import Cost
from medcls.evaluation.site_figures import compared_figures
from medcls.evaluation.subgroups import Subgroup
from medcls.exits.subjects import Table
from medcls.stats.difference import Difference
from medcls.stats.operating import OperatingPoint
from medcls.stats.paired import McNemar
from medcls.stats.score_table import SHOWN_SCORES as SHOWN_SCORES
from medcls.stats.score_table import SITE_SCORES

Row = dict[str, Any]


def score_rows(comparison: Comparison) -> list[Row]:
    """Return every score of every model, one row each: model, score, value, low, high, level, n, how."""
    return [
        {"model": model_id, "score": name} | _numbers(estimate)
        for model_id, scores in comparison.scores.items()
        for name, estimate in scores.items()
    ]


def site_rows(comparison: Comparison) -> list[Row]:
    """Return disease against the rest of every model at every site, one row a score: a site never seen first."""
    return [
        {"model": model_id, "site": one.site, "source": one.source, "score": name} | _numbers(estimate)
        for model_id, sites in compared_figures(comparison).items()
        for one in sites
        for name, estimate in one.scores.items()
        if name in SITE_SCORES
    ]


def difference_rows(differences: Iterable[Difference]) -> list[Row]:
    """Return every pair of models as a row: difference, interval, p, p after Holm, verdict."""
    return [
        {
            "a": d.a,
            "b": d.b,
            "score": d.score,
            "difference": d.estimate.value,
            "low": d.estimate.low,
            "high": d.estimate.high,
            "level": d.estimate.level,
            "groups": d.estimate.n,
            "cases": d.n_cases,
            "p": d.p,
            "p_holm": d.p_holm,
            "better": d.better,
            "verdict": str(d.verdict),
            "how": str(d.estimate.how),
        }
        for d in differences
    ]


def mcnemar_rows(pairs: Mapping[tuple[str, str], McNemar]) -> list[Row]:
    """Return the cases only one of two models got right, one row a pair."""
    return [
        {"a": a, "b": b, "only_a_right": m.only_a, "only_b_right": m.only_b, "p_exact": m.p_exact, "p_mid": m.p_mid}
        for (a, b), m in pairs.items()
    ]


def case_rows(comparison: Comparison) -> list[Row]:
    """Return every case as a row: id, group, truth, and each model's probabilities."""
    first = comparison.first
    rows = []
    for i in range(len(first)):
        row: Row = {"case": str(first.case[i]), "group": str(first.group[i]), "truth": first.labels[first.truth[i]]}
        for model_id, table in comparison.cases.items():
            row |= {f"{model_id}:{label}": float(table.prob[i, k]) for k, label in enumerate(table.labels)}
        rows.append(row | {name: str(column[i]) for name, column in first.attributes.items()})
    return rows


def as_table(name: str, rows: Sequence[Row], comparison: Comparison) -> Table:
    """Return rows of a comparison as a table that may leave; for others collections' own columns are numbered.

    Args:
        name: What the file is called, without its ending.
        rows: Rows that have the same columns.
        comparison: What they are of: tells which columns are the collections' own.
    """
    columns, own = tuple(rows[0]) if rows else (), {"site", *comparison.first.attributes} - {"collection"}
    numbered = {column: "value" for column in columns if column in own}
    return Table(name, columns, rows, frozenset(columns) - own, {"models": ", ".join(comparison.cards)}, numbered)


def curve_rows(drawn: Mapping[str, Curves], label: str) -> list[Row]:
    """Return every point of every model's curves for a label."""
    return [
        {
            "model": model_id,
            "label": label,
            "curve": kind,
            "x": float(x),
            "y": float(y),
            "low": float(low),
            "high": float(high),
            "n": int(n),
        }
        for model_id, curves in drawn.items()
        for kind in ("roc", "precision_recall", "reliability")
        for x, y, low, high, n in _points(getattr(curves, kind))
    ]


def _points(curve: Any) -> Iterable[tuple[Any, ...]]:
    return zip(curve.x, curve.y, curve.low, curve.high, curve.n, strict=True)


def disagreement_rows(rows: Iterable[Disagreement]) -> list[Row]:
    """Return the cases on which models differ: truth, each model's answer and its probability of disease."""
    found = []
    for r in rows:
        row: Row = {"case": r.case, "truth": r.truth, "spread": r.spread}
        for model_id, answer in r.answers.items():
            row |= {f"{model_id}:answer": answer, f"{model_id}:disease": r.prob[model_id]}
        found.append(row)
    return found


def subgroup_rows(column: str, score: str, groups: Iterable[Subgroup]) -> list[Row]:
    """Return a score of every model in each subgroup of a column.

    Args:
        column: The column that was cut by; it heads the first column.
        score: Full name of the score.
        groups: From `Comparison.subgroups`.
    """
    return [
        {column: g.value, "cases": g.n_cases, "groups": g.n_groups, "model": m, "score": score} | _numbers(e)
        for g in groups
        for m, e in g.scores.items()
    ]


def cost_rows(costs: Iterable[Cost]) -> list[Row]:
    """Return what each model costs and a score of it; the milliseconds are empty where they were not measured."""
    return [
        {
            "model": c.model,
            "parameters": c.n_parameters,
            "file_bytes": c.file_bytes,
            "scan_ms": "" if c.scan_ms is None else c.scan_ms,
        }
        | ({} if c.score is None else _numbers(c.score))
        for c in costs
    ]


def threshold_rows(model_id: str, label: str, points: Iterable[OperatingPoint]) -> list[Row]:
    """Return what thresholds on a label's probability do, one row each, with the ends of every interval.

    Args:
        model_id: The model.
        label: Label id called.
        points: What each threshold does.
    """
    found = []
    for p in points:
        row: Row = {"model": model_id, "label": label, "threshold": p.threshold, "prevalence": p.prevalence}
        for name in ("sensitivity", "specificity", "ppv", "npv"):
            estimate = getattr(p, name)
            row |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
        found.append(row | {"missed_per_1000": p.missed_per_1000, "false_alarms_per_1000": p.alarms_per_1000})
    return found


def ablation_rows(rows: Iterable[AblationRow]) -> list[Row]:
    """Return pairs of runs that differ in one setting: both scores, the difference, p and the verdict."""
    return [
        {
            "knob": r.setting,
            "from": str(r.value_before),
            "to": str(r.value_after),
            "run_before": r.before,
            "run_after": r.after,
            "before": r.score_before.value,
            "before_low": r.score_before.low,
            "before_high": r.score_before.high,
            "after": r.score_after.value,
            "after_low": r.score_after.low,
            "after_high": r.score_after.high,
            "difference": r.difference.estimate.value,
            "low": r.difference.estimate.low,
            "high": r.difference.estimate.high,
            "p": r.difference.p,
            "cases": r.difference.n_cases,
            "verdict": str(r.difference.verdict),
        }
        for r in rows
    ]


def _numbers(e: Estimate) -> Row:
    return {"value": e.value, "low": e.low, "high": e.high, "level": e.level, "n": e.n, "how": str(e.how)}


def to_csv(rows: Sequence[Row]) -> bytes:
    r"""Return rows as CSV (UTF-8 with a mark, so that spreadsheets read it); text that looks like a formula stays text.

    Example:
        >>> to_csv([{"model": "=a", "value": float("nan")}]).decode("utf-8-sig")
        "model,value\r\n'=a,\r\n"
    """
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]) if rows else [], extrasaction="raise")
    writer.writeheader()
    writer.writerows({key: cell(value) for key, value in row.items()} for row in rows)
    return out.getvalue().encode("utf-8-sig")
