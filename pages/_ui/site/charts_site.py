"""The chart of a site's watch."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from medcls.words import say
from pages._ui.widgets.palette import OKABE_ITO

_LINES = (("blue", "solid"), ("orange", "dash"), ("green", "dashdot"), ("grey", "dot"))


def watch(weeks: Sequence[Any]) -> go.Figure:
    """Draw week by week the shares refused and disagreed on, and the means of distance and probability of disease."""
    figure, names = go.Figure(), _names(weeks)
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
    figure.update_layout(height=320, margin={"l": 10, "r": 10, "t": 30, "b": 10}, legend={"orientation": "h"})
    figure.update_xaxes(type="category")
    for place, why in baselines(weeks):
        figure.add_vline(x=place - 0.5, line={"dash": "dot", "color": OKABE_ITO["grey"]})
        figure.add_annotation(
            x=place - 0.5, y=1, yref="paper", text=say(why), showarrow=False, xanchor="left", yanchor="bottom"
        )
    return figure


def baselines(weeks: Sequence[Any]) -> list[tuple[int, str]]:
    """Return where a new baseline begins: the place of its first week, and the code of why."""
    found = []
    for place in range(1, len(weeks)):
        before, now = (week.basis.partition("-") for week in weeks[place - 1 : place + 1])
        if before != now:
            found.append((place, _why(before[0], now[0])))
    return found


def _why(before: str, now: str) -> str:
    """Return the code of why a baseline begins; counts of an older medcls do not say which model answered."""
    if not before or not now:
        return "pages.site-watch-untold"
    return "pages.site-watch-new-settings" if before == now else "pages.site-watch-new-model"


def _names(weeks: Sequence[Any]) -> list[str]:
    """Return what the weeks are called; those of which another basis stands beside have a number."""
    seen: dict[str, int] = {}
    names = []
    for one in weeks:
        seen[one.week] = seen.get(one.week, 0) + 1
        names.append(one.week if seen[one.week] == 1 else f"{one.week} ({seen[one.week]})")
    return names


def _mean(counts: Sequence[int]) -> float:
    """Return the mean of shares of which each tenth was counted."""
    return sum(n * (i + 0.5) for i, n in enumerate(counts)) / len(counts) / max(1, sum(counts))
