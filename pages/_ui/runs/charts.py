"""Charts of runs: scores over the epochs, of one run or of several."""

import math
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from medcls.core.run import EpochResult
from medcls.words import say
from pages._ui.widgets.palette import OKABE_ITO, SERIES

SCORES = {
    "loss": say("pages.runs-loss"),
    "auroc": say("pages.data-auroc"),
    "accuracy": say("pages.runs-accuracy"),
    "balanced-accuracy": say("pages.runs-balanced-accuracy"),
}

# What a translator is watched by; the last two are of training alone.
LOSSES = {
    "cycle": say("pages.runs-cycle"),
    "identity": say("pages.runs-identity"),
    "generators": say("pages.runs-generators"),
    "discriminators": say("pages.runs-discriminators"),
}


def score_word(score: str) -> str:
    """Return a score as it is written within a sentence."""
    title = SCORES[score]
    return title if title.isupper() else title.lower()


_EVERY_EPOCH = 10  # up to so many epochs each has its tick; plotly would else put ticks between them
_TRAIN, _VALIDATE = OKABE_ITO["orange"], OKABE_ITO["blue"]


def score_chart(epochs: Sequence[EpochResult], score: str) -> go.Figure:
    """Draw a score of one run over its epochs, train dashed and validation solid, the best epoch marked.

    Args:
        epochs: The run's epochs.
        score: One of `SCORES` or `LOSSES`; a part without it has no line.
    """
    figure, x = go.Figure(), [e.epoch for e in epochs]
    for part, colour, dash in (("train", _TRAIN, "dot"), ("validate", _VALIDATE, "solid")):
        if not any(score in getattr(e, part) for e in epochs):
            continue
        figure.add_scatter(
            x=x,
            y=[_or_none(getattr(e, part).get(score)) for e in epochs],
            name=part,
            mode="lines+markers",
            line={"color": colour, "dash": dash, "width": 2.2},
            marker={"size": 4, "color": colour},
            hovertemplate="%{y:.2f}",  # the line's name stands before it
        )
    best = max((e.epoch for e in epochs if e.best), default=0)
    if best and score in epochs[0].validate:
        value = _or_none(next(e for e in epochs if e.epoch == best).validate.get(score))
        figure.add_scatter(
            x=[best],
            y=[value],
            name=say("pages.runs-kept"),
            mode="markers",
            marker={"size": 12, "symbol": "diamond-open", "color": _VALIDATE, "line": {"width": 2}},
            hovertemplate="%{y:.2f}",
        )
    return _finish(figure, {**SCORES, **LOSSES}[score])


def rate_chart(epochs: Sequence[EpochResult]) -> go.Figure:
    """Draw the learning rate at each epoch's end, on a logarithmic axis unless it ends at 0, which has no logarithm."""
    figure = go.Figure()
    figure.add_scatter(
        x=[e.epoch for e in epochs],
        y=[e.lr for e in epochs],
        mode="lines+markers",
        name=say("pages.runs-learning-rate-2"),
        showlegend=False,
        line={"color": OKABE_ITO["grey"], "width": 2, "shape": "hv"},
        marker={"size": 4},
        hovertemplate="%{y:.2e}",
    )
    rates = [e.lr for e in epochs]
    if rates and min(rates) > 0:  # room about a rate that hardly moves, lest all ticks read alike
        around = [math.log10(min(rates)) - 0.4, math.log10(max(rates)) + 0.4]
        figure.update_yaxes(type="log", tickformat=".2~e", range=around)
    return _finish(figure, say("pages.runs-learning-rate"))


def compare_chart(runs: Mapping[str, Sequence[EpochResult]], score: str, part: str = "validate") -> go.Figure:
    """Draw a score of several runs over their epochs, one colour and one mark each.

    Args:
        runs: Epochs by the run's name.
        score: One of `SCORES`.
        part: `train` or `validate`.
    """
    figure = go.Figure()
    for i, (name, epochs) in enumerate(runs.items()):
        figure.add_scatter(
            x=[e.epoch for e in epochs],
            y=[_or_none(getattr(e, part).get(score)) for e in epochs],
            name=name,
            mode="lines+markers",
            line={"color": SERIES[i % len(SERIES)], "width": 2.2},
            marker={"size": 6, "symbol": i % 8},
            hovertemplate="%{y:.2f}",
        )
    return _finish(figure, f"{SCORES[score]}, {part}", height=400)


def _or_none(value: float | None) -> float | None:
    """NaN as a gap in the line."""
    return None if value is None or not math.isfinite(value) else value


def _finish(figure: go.Figure, title: str, height: int = 280) -> go.Figure:
    last = max((epoch for line in figure.data for epoch in line.x), default=0)
    figure.update_xaxes(title="epoch", tickformat="d", rangemode="tozero", dtick=1 if last <= _EVERY_EPOCH else None)
    figure.update_xaxes(unifiedhovertitle_text="epoch %{x}")
    figure.update_yaxes(title=title, exponentformat="e")
    figure.update_layout(
        height=height,
        margin={"l": 10, "r": 10, "t": 8, "b": 8},
        hovermode="x unified",
        uirevision="keep",
        legend={"orientation": "h", "y": -0.25, "yanchor": "top", "x": 0},  # above, the toolbar would lie over it
    )
    return figure
