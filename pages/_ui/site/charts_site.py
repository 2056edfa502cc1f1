"""Charts of the Site page: a forest plot beside the model's own figures, and the watch."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from medcls.core.evaluation import Estimate
from medcls.core.site import SiteCheck
from pages._ui.widgets.palette import OKABE_ITO

_ROW_PX = 34


def forest(check: SiteCheck, known: Sequence[tuple[str, str, Estimate]]) -> go.Figure:
    """Draw a check's AUROC, sensitivity and specificity beside those known of the model.

    Args:
        check: The check.
        known: Where from, score's name and estimate of each further line.
    """
    titles = {"auroc_disease": "AUROC", "sensitivity": "Sensitivity", "specificity": "Specificity"}
    rows = [(f"{title}, here", check.scores[name], True) for name, title in titles.items() if name in check.scores]
    for name, title in titles.items():
        at = next((i for i, row in enumerate(rows) if row[0] == f"{title}, here"), len(rows) - 1)
        rows[at + 1 : at + 1] = [
            (f"{title}, {where}", score, False) for where, score_name, score in known if score_name == name
        ]
    figure = go.Figure()
    for here, colour, symbol in ((True, OKABE_ITO["blue"], "diamond"), (False, OKABE_ITO["grey"], "circle")):
        mine = [(label, s) for label, s, own in rows if own == here and s.value == s.value]
        figure.add_scatter(
            x=[s.value for _, s in mine],
            y=[label for label, _ in mine],
            mode="markers",
            marker={"color": colour, "symbol": symbol, "size": 11},
            name="here" if here else "where it was measured before",
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [s.high - s.value for _, s in mine],
                "arrayminus": [s.value - s.low for _, s in mine],
                "color": colour,
            },
            hovertemplate="%{y}: %{x:.2f}<extra></extra>",
        )
    for name, goal in (("Sensitivity", check.aim.sensitivity), ("Specificity", check.aim.specificity)):
        if goal:
            figure.add_vline(
                x=goal,
                line={"color": OKABE_ITO["vermilion"], "dash": "dot"},
                annotation_text=f"{name.lower()} asked for",
            )
    figure.update_xaxes(range=[0, 1.02], title="")
    figure.update_yaxes(categoryorder="array", categoryarray=[label for label, _, _ in rows][::-1], automargin=True)
    figure.update_layout(
        height=120 + _ROW_PX * len(rows), margin={"l": 10, "r": 10, "t": 30, "b": 10}, legend={"orientation": "h"}
    )
    return figure


def watch(weeks: Sequence[Any]) -> go.Figure:
    """Draw week by week the share refused, the share on which networks disagree, and the mean probability of disease."""
    figure, names = go.Figure(), [w.week for w in weeks]
    bins = len(weeks[0].score)
    lines = {
        "refused": [w.refused / max(1, w.scans) for w in weeks],
        "networks disagree": [w.disagreed / max(1, w.scans) for w in weeks],
        "mean probability of disease": [
            sum(n * (i + 0.5) for i, n in enumerate(w.score)) / bins / max(1, w.scans) for w in weeks
        ],
    }
    for (name, values), colour, dash in zip(
        lines.items(), ("blue", "orange", "grey"), ("solid", "dash", "dot"), strict=True
    ):
        figure.add_scatter(
            x=names,
            y=values,
            name=name,
            mode="lines+markers",
            line={"color": OKABE_ITO[colour], "dash": dash},
            customdata=[w.scans for w in weeks],
            hovertemplate="%{x}: %{y:.2f} of %{customdata} scans",
        )
    figure.update_yaxes(range=[0, 1], title="")
    figure.update_layout(height=320, margin={"l": 10, "r": 10, "t": 20, "b": 10}, legend={"orientation": "h"})
    return figure
