"""A forest plot: a model site by site, each source of the figures with its own mark."""

import html
import math
from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from medcls.core.site import Aim
from medcls.words import say
from medcls.workflows.site_figures import SCORES, SiteFigures
from pages._ui.widgets.palette import OKABE_ITO

_TITLES = (say("pages.data-auroc"), say("pages.site-sensitivity"), say("pages.site-specificity"))
_MARKS = {
    "never-seen": ("vermilion", "diamond"),
    "here": ("green", "star"),
    "reported": ("purple", "square-open"),
    "measured": ("blue", "circle"),
}
_ROW_PX, _LINE_PX, _HEAD_PX = 56, 16, 70
_LONG = 46  # characters that a line has room for on a phone


def forest_chart(figures: Sequence[SiteFigures], aim: Aim | None = None) -> go.Figure:
    """Draw AUROC of disease against the rest, sensitivity and specificity at every site, a line each.

    Args:
        figures: The sites in the order they stand, the first at the top.
        aim: What is asked of the model; drawn as a line where it asks for a share. None for nothing.
    """
    lines = [_broken(html.escape(one.title)) for one in figures]
    lines = [line if lines.count(line) == 1 else f"{line} ({i + 1})" for i, line in enumerate(lines)]
    chart = make_subplots(1, 3, shared_yaxes=True, subplot_titles=_TITLES, horizontal_spacing=0.035)
    for column, name in enumerate(SCORES, 1):
        for line, one in zip(lines, figures, strict=True):
            _add(chart, column, line, one, name)
        goal = getattr(aim, name, 0.0)
        if goal:
            chart.add_vline(x=goal, line={"color": OKABE_ITO["orange"], "dash": "dot"}, row=1, col=column)
    chart.update_xaxes(range=[_least(figures) - 0.03, 1.03], nticks=3, tickangle=0, zeroline=False)
    chart.update_yaxes(
        categoryorder="array", categoryarray=lines[::-1], range=[-0.3, len(lines) - 0.3], showticklabels=False
    )
    _name(chart, lines)
    chart.update_annotations(font_size=12)
    row_px = _ROW_PX + _LINE_PX * max((line.count("<br>") for line in lines), default=0)
    chart.update_layout(
        height=_HEAD_PX + row_px * len(lines), margin={"l": 8, "r": 8, "t": 28, "b": 8}, showlegend=False
    )
    return chart


def _broken(title: str) -> str:
    """Return a site's title on two lines where a phone has no room for one."""
    return title.replace(", ", ",<br>", 1) if len(title) > _LONG else title


def _name(chart: go.Figure, lines: Sequence[str]) -> None:
    """Write each site's title over its line: beside the lines it would take a phone's width."""
    for line in lines:
        chart.add_annotation(
            x=0,
            xref="paper",
            xanchor="left",
            y=line,
            yref="y",
            yanchor="bottom",
            yshift=20,
            showarrow=False,
            text=line,
            align="left",
        )


def _least(figures: Sequence[SiteFigures]) -> float:
    """Return where the axes begin: at 0.4, or at the tenth below the lowest end of an interval."""
    ends = [s.low for one in figures for name, s in one.scores.items() if name in SCORES and not math.isnan(s.low)]
    return min([0.4, *(math.floor(10 * end) / 10 for end in ends)])


def _add(chart: go.Figure, column: int, line: str, one: SiteFigures, name: str) -> None:
    """Put one estimate into its column; a line without it keeps its place, empty."""
    score = one.scores.get(name)
    colour, symbol = _MARKS[one.source]
    known = score is not None and not math.isnan(score.value)
    chart.add_scatter(
        x=[score.value if score and known else None],
        y=[line],
        mode="markers+text",
        text=[f"{score.value:.2f}" if score and known else ""],
        textposition="top center",
        cliponaxis=False,
        marker={"color": OKABE_ITO[colour], "symbol": symbol, "size": 10},
        error_x=_interval(score.value, score.low, score.high) if score and known else None,
        hovertemplate=f"{line}: {score}<extra></extra>" if score else None,
        row=1,
        col=column,
    )


def _interval(value: float, low: float, high: float) -> dict[str, object] | None:
    if math.isnan(low) or math.isnan(high):
        return None
    return {"type": "data", "symmetric": False, "array": [high - value], "arrayminus": [value - low], "thickness": 1.5}


def forest_notes(figures: Sequence[SiteFigures]) -> str:
    """Return what the marks of a forest plot mean, as far as they occur."""
    sources = {one.source for one in figures}
    told = [say("pages.forest-never")] if "never-seen" in sources else []
    return " ".join([*told, *([say("pages.forest-told")] if "reported" in sources else [])])
