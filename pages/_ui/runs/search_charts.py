"""Charts of a search: every trial as one line through its settings, and which setting mattered."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from medcls.words import say
from pages._ui.widgets.numbers import show_percent
from pages._ui.widgets.palette import OKABE_ITO

# The middle of Viridis (its ends vanish on a dark and on a light page).
_LEGIBLE = [[0.0, "#3f5f9e"], [0.35, "#26838f"], [0.7, "#3aa86f"], [1.0, "#86b81f"]]
_MOST_TICKS = 12


def parallel_chart(
    rows: Sequence[Mapping[str, Any]],
    settings: Sequence[str],
    log: Sequence[str],
    score: str,
    lower_is_better: bool = False,
) -> go.Figure:
    """Draw each trial as a line through its settings' values to its score; brighter is better.

    Args:
        rows: One mapping per complete trial, with a value for each setting and for `score`.
        settings: Names of the settings, in order.
        log: Settings whose range goes over orders of magnitude.
        score: Name of the score.
        lower_is_better: True for a loss.
    """
    scores = [row[score] for row in rows]
    axes = [_axis(name, [row[name] for row in rows], name in log) for name in settings]
    differ = min(scores) < max(scores)  # else plotly would make up values around the only one
    axes.append({"label": score, "values": scores, **({} if differ else {"range": [scores[0] - 0.1, scores[0]]})})
    figure = go.Figure(
        go.Parcoords(
            line={"color": scores, "colorscale": _LEGIBLE, "showscale": differ, "reversescale": lower_is_better},
            dimensions=axes,
        )
    )
    figure.update_layout(height=380, margin={"l": 60, "r": 30, "t": 40, "b": 20})
    return figure


def _axis(name: str, values: list[Any], log: bool) -> dict[str, Any]:
    if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values):
        places = [math.log10(v) for v in values] if log else values
        tried = sorted(set(values))
        if not log and (any(isinstance(v, float) for v in values) or len(tried) > _MOST_TICKS):
            return {"label": name, "values": values}
        shown = tried if len(tried) <= _MOST_TICKS else [tried[0], tried[len(tried) // 2], tried[-1]]
        ticks = [math.log10(v) for v in shown] if log else shown
        return {"label": name, "values": places, "tickvals": ticks, "ticktext": [f"{v:.3g}" for v in shown]}
    words = sorted({str(v) or "none" for v in values})
    places = [words.index(str(v) or "none") for v in values]
    return {"label": name, "values": places, "tickvals": list(range(len(words))), "ticktext": words}


def importance_chart(importance: Mapping[str, float]) -> go.Figure:
    """Draw the share of the scores' spread each setting explains."""
    names = list(importance)[::-1]
    shares = [importance[name] for name in names]
    figure = go.Figure(
        go.Bar(
            x=[100 * share for share in shares],
            y=names,
            orientation="h",
            marker={"color": OKABE_ITO["blue"]},
            text=[show_percent(s) for s in shares],
        )
    )
    figure.update_xaxes(title=say("pages.runs-share-of-the-scores"), range=[0, 100], ticksuffix=" %")
    figure.update_layout(height=90 + 42 * len(names), margin={"l": 10, "r": 10, "t": 8, "b": 8})
    return figure
