"""The chart of a site's watch."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from medcls.words import say
from pages._ui.widgets.palette import OKABE_ITO

_LINES = (("blue", "solid"), ("orange", "dash"), ("green", "dashdot"), ("grey", "dot"))


def watch(weeks: Sequence[Any]) -> go.Figure:
    """Draw week by week the shares refused and disagreed on, and the means of distance and probability of disease."""
    figure, names = go.Figure(), [w.week for w in weeks]
    lines = {
        say("pages.site-watch-refused"): [w.refused / max(1, w.scans) for w in weeks],
        say("pages.site-watch-disagreed"): [w.disagreed / max(1, w.scans) for w in weeks],
        say("pages.site-watch-distance"): [_mean(w.distance) for w in weeks],
        say("pages.site-watch-score"): [_mean(w.score) for w in weeks],
    }
    for (name, values), (colour, dash) in zip(lines.items(), _LINES, strict=True):
        figure.add_scatter(
            x=names,
            y=values,
            name=name,
            mode="lines+markers",
            line={"color": OKABE_ITO[colour], "dash": dash},
            customdata=[w.scans for w in weeks],
            hovertemplate=say("pages.site-watch-hover", {"x": "%{x}", "y": "%{y:.2f}", "n": "%{customdata}"}),
        )
    figure.update_yaxes(range=[0, 1], title="")
    figure.update_layout(height=320, margin={"l": 10, "r": 10, "t": 20, "b": 10}, legend={"orientation": "h"})
    figure.update_xaxes(type="category")
    return figure


def _mean(counts: Sequence[int]) -> float:
    """Return the mean of shares of which each tenth was counted."""
    return sum(n * (i + 0.5) for i, n in enumerate(counts)) / len(counts) / max(1, sum(counts))
