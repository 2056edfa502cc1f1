"""The chart of a site's watch."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from pages._ui.widgets.palette import OKABE_ITO


def watch(weeks: Sequence[Any]) -> go.Figure:
    """Draw by week the share refused, the share on which networks disagree, and the mean probability of disease."""
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
