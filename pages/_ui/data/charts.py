"""Charts of a labelled collection: labels, sizes, patients, tissue, splits. Colours of labels as everywhere."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from medcls.core.evaluation import Estimate
from medcls.core.task import Task
from medcls.words import say
from pages._ui.widgets.numbers import show_estimate, show_percent
from pages._ui.widgets.palette import OKABE_ITO, label_colours, label_word


def _framed(figure: go.Figure, height_px: int, x_title: str = "", y_title: str = "") -> go.Figure:
    figure.update_layout(
        height=height_px,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        xaxis_title=x_title,
        yaxis_title=y_title,
        legend={"orientation": "h", "traceorder": "normal", "yanchor": "bottom", "y": 1.02, "x": 0},
        bargap=0.25,
    )
    return figure


def label_chart(task: Task, counts: Mapping[str, int]) -> go.Figure:
    """Draw cases per label as bars, with number and share written beside."""
    colours, total = label_colours(task), max(1, sum(counts.values()))
    figure = go.Figure()
    for label, n in counts.items():
        known = label in colours
        figure.add_bar(
            y=[label_word(task, label) if known else label],
            x=[n],
            orientation="h",
            showlegend=False,
            marker_color=colours.get(label, OKABE_ITO["grey"]),
            text=[f"{n:,} · {show_percent(n / total)}"],
            textposition="auto",
            hovertemplate=f"{n:,} cases<extra></extra>",
        )
    figure.update_yaxes(autorange="reversed")
    return _framed(figure, 90 + 50 * len(counts), "cases")


def size_chart(task: Task, size_px: np.ndarray, label: np.ndarray) -> go.Figure:
    """Draw the sizes of the pictures, one dot a size, as large as it is frequent, by label."""
    figure, colours = go.Figure(), label_colours(task)
    for one in task.label_ids:
        sizes, n = np.unique(size_px[label == one], axis=0, return_counts=True)
        if len(sizes):
            figure.add_scatter(
                x=sizes[:, 1],
                y=sizes[:, 0],
                mode="markers",
                name=label_word(task, one),
                marker={"color": colours[one], "opacity": 0.6, "size": 6 + 6 * np.log10(n)},
                customdata=n,
                hovertemplate="%{x} x %{y} px: %{customdata:,} cases<extra></extra>",
            )
    figure.update_xaxes(rangemode="tozero")
    figure.update_yaxes(rangemode="tozero")
    return _framed(figure, 320, say("pages.data-width-in-px"), say("pages.data-height-in-px"))


def attribute_chart(task: Task, counts: Mapping[str, Mapping[str, int]]) -> go.Figure:
    """Draw cases by the value of an attribute (numbers in order, else the most frequent first), by label."""
    figure, colours = go.Figure(), label_colours(task)
    if all(value.replace(".", "", 1).isdigit() for value in counts):
        ordered = sorted(counts, key=float)
    else:
        ordered = sorted(counts, key=lambda value: -sum(counts[value].values()))
    for one in task.label_ids:
        n = [counts[value].get(one, 0) for value in ordered]
        if any(n):
            figure.add_bar(
                y=ordered,
                x=n,
                orientation="h",
                name=label_word(task, one),
                marker_color=colours[one],
                hovertemplate="%{y}: %{x:,} cases<extra></extra>",
            )
    figure.update_layout(barmode="stack")
    figure.update_yaxes(autorange="reversed", type="category")
    return _framed(figure, 130 + 26 * len(ordered), "cases")


def patient_charts(
    per_patient: Mapping[str, tuple[int, float]], positive: str, whose: str
) -> tuple[go.Figure, go.Figure]:
    """Draw cases per patient as a histogram, and the share of positive cases per patient, sorted.

    Args:
        per_patient: Number of cases and share of positive ones, by patient.
        positive: What positive means, in words.
        whose: What cases are counted by: `patient` or `lesion`.
    """
    n = np.array([cases for cases, _ in per_patient.values()])
    histogram = go.Figure(
        go.Histogram(
            x=n,
            xbins={"start": 0.5, "size": max(1, -(-int(n.max()) // 40))},
            marker_color=OKABE_ITO["blue"],
            hovertemplate=f"%{{y:,}} {whose}s with %{{x}} cases<extra></extra>",
        )
    )
    if n.max() <= 20:
        histogram.update_xaxes(dtick=1)
    ordered = sorted(per_patient.items(), key=lambda item: (-item[1][1], -item[1][0]))
    shares = go.Figure(
        go.Bar(
            x=np.arange(1, len(ordered) + 1),
            y=[100 * share for _, (_, share) in ordered],
            marker_color=OKABE_ITO["vermilion"],
            marker_line_width=0,
            customdata=[(patient, cases) for patient, (cases, _) in ordered],
            hovertemplate="%{customdata[0]}: %{y:.0f} % of %{customdata[1]:,}<extra></extra>",
        )
    )
    shares.update_yaxes(range=[0, 100], ticksuffix=" %")
    return (
        _framed(histogram, 300, say("pages.data-cases-of-one", {"whose": whose}), f"{whose}s"),
        _framed(
            shares,
            300,
            say("pages.data-s-sorted", {"whose": whose}),
            say("pages.data-share-of", {"positive": positive}),
        ),
    )


def probe_chart(found: Mapping[str, Estimate]) -> go.Figure:
    """Draw what each view alone tells of the label: AUROC with its interval, beside a coin's."""
    shown = {view: e for view, e in found.items() if np.isfinite(e.value)}
    figure = go.Figure(
        go.Scatter(
            x=[e.value for e in shown.values()],
            y=list(shown),
            mode="markers",
            marker={"size": 11},
            marker_color=[OKABE_ITO["vermilion" if e.low > 0.6 else "blue"] for e in shown.values()],
            error_x={
                "type": "data",
                "symmetric": False,
                "thickness": 2,
                "color": OKABE_ITO["grey"],
                "array": [e.high - e.value for e in shown.values()],
                "arrayminus": [e.value - e.low for e in shown.values()],
            },
            customdata=[show_estimate(e) for e in shown.values()],
            hovertemplate="%{y}: %{customdata}<extra></extra>",
        )
    )
    figure.add_vline(0.5, line_dash="dash", line_color=OKABE_ITO["grey"])
    figure.update_xaxes(range=[0.3, 1])
    figure.update_yaxes(autorange="reversed")
    return _framed(figure, 90 + 40 * len(shown), say("pages.data-auroc"))


def split_chart(task: Task, counts: Mapping[str, Mapping[str, int]]) -> go.Figure:
    """Draw the labels in each part of a split, as shares with the numbers written in."""
    figure, colours = go.Figure(), label_colours(task)
    totals = {part: max(1, sum(labels.values())) for part, labels in counts.items()}
    for one in next(iter(counts.values()), {}):
        figure.add_bar(
            y=[f"{part} ({totals[part]:,})" for part in counts],
            orientation="h",
            name=label_word(task, one),
            x=[100 * labels[one] / totals[part] for part, labels in counts.items()],
            marker_color=colours[one],
            text=[f"{labels[one]:,}" for labels in counts.values()],
            textangle=0,
            textposition="inside",
            hovertemplate="%{y}: %{x:.1f} %<extra></extra>",
        )
    figure.update_layout(barmode="stack")
    figure.update_xaxes(ticksuffix=" %", range=[0, 100])
    figure.update_yaxes(autorange="reversed")
    return _framed(figure, 110 + 34 * len(counts))
