"""A comparison as tables in Markdown, and the phrases that its HTML page shares with them."""

import math
from collections.abc import Sequence

import numpy as np

from medcls.core.evaluation import CaseTable, describe_basis
from medcls.core.numbers import show_change, show_estimate
from medcls.evaluation.comparison import RESAMPLES, Comparison
from medcls.stats.difference import Difference
from medcls.words import say


def to_markdown(
    comparison: Comparison,
    scores: Sequence[str] = ("auroc", "balanced_accuracy", "sensitivity", "specificity", "brier"),
) -> str:
    """Return the models with a few scores as a Markdown table, for a README."""
    titles = comparison.score_names()
    lines = [
        f"| {say('exits.comparison-model')} | " + " | ".join(titles[s] for s in scores) + " |",
        "|---" * (len(scores) + 1) + "|",
    ]
    for model_id, found in comparison.scores.items():
        lines.append(f"| {model_id} | " + " | ".join(show_estimate(found[s]) for s in scores) + " |")
    lines += ["", f"{say_basis(comparison)} {say('exits.comparison-brackets')}"]
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
    lines += ["", say("exits.comparison-pairs" if pairs > 1 else "exits.comparison-pair", told)]
    return "\n".join(lines) + "\n"


def _count(table: CaseTable) -> str:
    return say("exits.comparison-count", {"n": len(table), "groups": len(np.unique(table.group))})


def _difference_cell(d: Difference) -> str:
    if math.isnan(d.p):
        return say("exits.comparison-not-computable")
    p = "p < 0.001" if d.p_holm < 0.001 else f"p = {d.p_holm:.3f}"
    better = {"which": "A" if d.better == d.a else "B"}
    verdict = say("exits.comparison-better", better) if d.better else say("exits.comparison-alike")
    return f"{show_change(d.estimate)}, {p}: {verdict}"


def say_basis(comparison: Comparison) -> str:
    """Return how many cases of how many groups a comparison rests on, and which part of a collection."""
    basis = describe_basis(len(comparison.first), comparison.n_groups, comparison.collection)
    return f"{basis}: {comparison.part}."
