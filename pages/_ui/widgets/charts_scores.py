"""Charts of scores: curves with bands, confusion, cost, thresholds. One colour and dash per model on all of them."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from medcls.words import say
from pages._ui.widgets.numbers import show_percent
from pages._ui.widgets.palette import OKABE_ITO, SERIES

_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "solid", "dash")
_GREY = OKABE_ITO["grey"]
_SIDE_PX, _LINE_PX = 420, 20  # of a square with its axes, and of a line of its legend
_BELOW = {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0}
# What plotly puts in at each cell of a confusion table, and at each point of a risk curve.
_CONFUSION_TIP = {"x": "%{x}", "y": "%{y}", "text": "%{text}", "z": "%{customdata}"}
_RISK_TIP = {"share": "%{x:.0f} %", "wrong": "%{y:.1f} %"}


def model_colours(models: Sequence[str]) -> dict[str, str]:
    """Return each model its colour, the same on every chart."""
    return {model: SERIES[i % len(SERIES)] for i, model in enumerate(models)}


def curve_chart(
    curves: Mapping[str, Any],
    names: Mapping[str, str],
    x_title: str,
    y_title: str,
    *,
    diagonal: bool,
    points: bool = False,
) -> go.Figure:
    """Draw curves with their bands over the unit square; a click in the legend hides a model with its band.

    Args:
        curves: A `Curve` by model.
        names: What a person reads, by model.
        x_title: What x is.
        y_title: What y is.
        diagonal: True to draw the line y = x.
        points: True to mark each point with its count (reliability).
    """
    figure = go.Figure()
    if diagonal:
        figure.add_scatter(
            x=[0, 1],
            y=[0, 1],
            mode="lines",
            line={"color": _GREY, "dash": "dot", "width": 1},
            showlegend=False,
            hoverinfo="skip",
        )
    colours = model_colours(list(names))
    for i, (model, curve) in enumerate(curves.items()):
        _add_band(figure, curve, model, colours[model])
        figure.add_scatter(
            x=curve.x,
            y=curve.y,
            name=html.escape(names[model]),
            legendgroup=model,
            mode="lines+markers" if points else "lines",
            line={"color": colours[model], "dash": _DASHES[i % 8], "width": 2.2},
            customdata=np.c_[curve.low, curve.high, curve.n],
            hovertemplate=f"{x_title} %{{x:.2f}}<br>"
            f"{y_title} %{{y:.2f}} (%{{customdata[0]:.2f}}–%{{customdata[1]:.2f}})<br>"
            "n = %{customdata[2]}",
        )
    _square(figure, x_title, y_title, len(curves))
    return figure


def _add_band(figure: go.Figure, curve: Any, model: str, colour: str) -> None:
    rows = np.isfinite(curve.low) & np.isfinite(curve.high)
    x, low, high = curve.x[rows], curve.low[rows], curve.high[rows]
    figure.add_scatter(
        x=np.r_[x, x[::-1]],
        y=np.r_[high, low[::-1]],
        fill="toself",
        fillcolor=_fade(colour, 0.13),
        line={"width": 0},
        mode="lines",
        legendgroup=model,
        showlegend=False,
        hoverinfo="skip",
    )


def _fade(colour: str, opacity: float) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def _square(figure: go.Figure, x_title: str, y_title: str, n: int) -> None:
    """Lay out the unit square with a legend of `n` names, at most a line each, below what stands under the axis."""
    figure.update_xaxes(title=x_title, range=[-0.01, 1.01], constrain="domain")
    figure.update_yaxes(title=y_title, range=[-0.01, 1.01], scaleanchor="x", constrain="domain")
    figure.update_layout(
        height=_SIDE_PX + _LINE_PX * n,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        legend=_BELOW,
        hovermode="closest",
    )


def confusion_chart(counts: Sequence[Sequence[int]], labels: Sequence[str]) -> go.Figure:
    """Draw a confusion matrix: counts written, shade the share of the true label."""
    n = np.asarray(counts)
    shares = n / np.maximum(1, n.sum(axis=1, keepdims=True))
    figure = go.Figure()
    figure.add_heatmap(
        z=shares,
        customdata=[[show_percent(share) for share in row] for row in shares],
        x=list(labels),
        y=list(labels),
        text=n,
        texttemplate="%{text}",
        zmin=0,
        zmax=1,
        showscale=False,
        colorscale=[[0, "#EDF2F5"], [1, "#0072B2"]],
        xgap=2,
        ygap=2,
        hovertemplate=say("pages.widget-confusion-tip", _CONFUSION_TIP) + "<extra></extra>",
    )
    figure.update_xaxes(showgrid=False, title=say("pages.widget-answered"), title_standoff=4)
    figure.update_yaxes(autorange="reversed", showgrid=False, title=say("pages.widget-true"), title_standoff=4)
    figure.update_layout(height=280, margin={"l": 10, "r": 10, "t": 10, "b": 10})
    return figure


def cost_chart(rows: Sequence[Mapping[str, Any]], x_key: str, x_title: str, y_title: str) -> go.Figure:
    """Draw a score with its interval against a cost, the cost on a logarithmic axis."""
    figure = go.Figure()
    for i, row in enumerate(rows):
        e = row["score"]
        figure.add_scatter(
            x=[row[x_key]],
            y=[e.value],
            name=row["name"],
            mode="markers",
            marker={"size": 12, "color": SERIES[i % len(SERIES)], "symbol": i % 8},
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [e.high - e.value],
                "arrayminus": [e.value - e.low],
                "thickness": 1.5,
            },
            hovertemplate=f"{x_title} %{{x:.3g}}<br>{y_title} %{{y:.2f}} ({e.low:.2f}–{e.high:.2f})",
        )
    figure.update_xaxes(title=x_title, type="log")
    figure.update_yaxes(title=y_title)
    figure.update_layout(height=400, margin={"l": 10, "r": 10, "t": 10, "b": 10}, legend=_BELOW)
    return figure


def threshold_chart(points: Sequence[Any], chosen: float) -> go.Figure:
    """Draw sensitivity and specificity over the threshold, with bands, and a line at the chosen one."""
    figure = go.Figure()
    x = [point.threshold for point in points]
    for name, colour, dash in (("sensitivity", SERIES[0], "solid"), ("specificity", SERIES[1], "dash")):
        estimates = [getattr(point, name) for point in points]
        low, high = [e.low for e in estimates], [e.high for e in estimates]
        figure.add_scatter(
            x=x + x[::-1],
            y=high + low[::-1],
            fill="toself",
            fillcolor=_fade(colour, 0.15),
            line={"width": 0},
            mode="lines",
            showlegend=False,
            legendgroup=name,
            hoverinfo="skip",
        )
        figure.add_scatter(
            x=x,
            y=[e.value for e in estimates],
            name=name,
            legendgroup=name,
            mode="lines",
            line={"color": colour, "dash": dash, "width": 2.2},
            hovertemplate="at %{x:.2f}: %{y:.2f}",
        )
    figure.add_vline(x=chosen, line={"color": _GREY, "width": 1.5})
    figure.update_xaxes(title=say("pages.widget-threshold-on-the-probability"), range=[0, 1])
    figure.update_yaxes(range=[0, 1.02])
    figure.update_layout(
        height=330, margin={"l": 10, "r": 10, "t": 10, "b": 10}, legend={"orientation": "h", "y": -0.28, "x": 0}
    )
    return figure


def risk_chart(found: Sequence[Any]) -> go.Figure:
    """Draw the share of errors against the share of cases answered, the most doubtful left out first.

    Args:
        found: A `workflows.doubt.Doubt` for each site.
    """
    figure = go.Figure()
    for i, one in enumerate(found):
        figure.add_scatter(
            x=100 * np.asarray(one.curve.coverage),
            y=100 * np.asarray(one.curve.risk),
            name=html.escape(one.site),
            mode="lines",
            line={"color": SERIES[i % len(SERIES)], "dash": _DASHES[i % 8], "width": 2.2},
            hovertemplate=say("pages.widget-risk-tip", _RISK_TIP),
        )
    figure.update_xaxes(title=say("pages.widget-share-answered-surest-first"), range=[0, 101], ticksuffix=" %")
    figure.update_yaxes(title=say("pages.widget-share-wrong"), rangemode="tozero", ticksuffix=" %")
    figure.update_layout(
        height=300, margin={"l": 10, "r": 10, "t": 10, "b": 10}, legend={"orientation": "h", "y": -0.3, "x": 0}
    )
    return figure
