"""Plots of a report as SVG, drawn by hand so that a report needs no script and no other file."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from medcls.stats.curves import Curve
from medcls.words import say

_SIDE, _LEFT, _BOTTOM, _TOP = 300, 46, 40, 10
_DASHES = ("", "6 3", "2 2", "8 3 2 3", "1 3", "10 4", "4 1", "3 5")  # lines differ by more than colour


def line_plot(
    title: str, curves: Mapping[str, tuple[Curve, str]], x_title: str, y_title: str, *, diagonal: bool = False
) -> str:
    """Return curves with their bands over the unit square.

    Args:
        title: What is shown.
        curves: Curve and colour by model.
        x_title: What x is.
        y_title: What y is.
        diagonal: True to draw the line y = x.

    Returns:
        A `<figure>` with an SVG, a text that says what it shows, and a legend.
    """
    lines = [_axes(x_title, y_title)]
    if diagonal:
        lines.append(
            f'<path d="M{_x(0)} {_y(0)}L{_x(1)} {_y(1)}" stroke="#b8bfc6" stroke-dasharray="3 4" fill="none"/>'
        )
    lines += [_band(curve, colour) for curve, colour in curves.values()]
    lines += [_line(curve, colour, _DASHES[i % 8]) for i, (curve, colour) in enumerate(curves.values())]
    size = f'width="{_SIDE + _LEFT + 12}" height="{_SIDE + _TOP + _BOTTOM + 20 * len(curves)}"'
    return (
        f'<figure><svg {size} role="img" aria-label="{escape(title)}" font-size="12" fill="#1c2024">'
        f"{''.join(lines)}{_legend(curves)}</svg>"
        f"<figcaption>{escape(say('exits.report-bands', {'title': title}))}</figcaption></figure>"
    )


def _x(value: float) -> float:
    return round(_LEFT + _SIDE * float(value), 1)


def _y(value: float) -> float:
    return round(_TOP + _SIDE * (1 - float(value)), 1)


def _axes(x_title: str, y_title: str) -> str:
    frame = f'<rect x="{_LEFT}" y="{_TOP}" width="{_SIDE}" height="{_SIDE}" fill="none" stroke="#8a929a"/>'
    ticks = "".join(
        f'<text x="{_x(v)}" y="{_y(0) + 15}" text-anchor="middle">{v:g}</text>'
        f'<text x="{_LEFT - 6}" y="{_y(v) + 4}" text-anchor="end">{v:g}</text>'
        for v in (0, 0.5, 1)
    )
    names = (
        f'<text x="{_x(0.5)}" y="{_y(0) + 32}" text-anchor="middle">{escape(x_title)}</text>'
        f'<text transform="translate(12 {_y(0.5)}) rotate(-90)" text-anchor="middle">{escape(y_title)}</text>'
    )
    return frame + ticks + names


def _finite(curve: Curve) -> np.ndarray:
    return np.flatnonzero(np.isfinite(curve.y) & np.isfinite(curve.low) & np.isfinite(curve.high))


def _band(curve: Curve, colour: str) -> str:
    rows = _finite(curve)
    there = [f"{_x(curve.x[i])} {_y(curve.high[i])}" for i in rows]
    back = [f"{_x(curve.x[i])} {_y(curve.low[i])}" for i in rows[::-1]]
    return f'<path d="M{"L".join(there + back)}Z" fill="{colour}" fill-opacity=".12"/>' if len(rows) else ""


def _line(curve: Curve, colour: str, dash: str) -> str:
    points = "L".join(f"{_x(curve.x[i])} {_y(curve.y[i])}" for i in _finite(curve))
    return (
        f'<path d="M{points}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>'
        if points
        else ""
    )


def _legend(curves: Mapping[str, tuple[Curve, str]]) -> str:
    top = _SIDE + _TOP + _BOTTOM + 8
    return "".join(
        f'<path d="M{_LEFT} {top + 20 * i}h28" stroke="{colour}" stroke-width="2" stroke-dasharray="{_DASHES[i % 8]}"/>'
        f'<text x="{_LEFT + 36}" y="{top + 4 + 20 * i}">{escape(name)}</text>'
        for i, (name, (_, colour)) in enumerate(curves.items())
    )


def confusion_table(model: str, labels: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    """Return a confusion matrix as an HTML table, row = truth, each row shaded by its shares.

    Args:
        model: Id of the model, which stands below.
        labels: Label ids, K of them, in the order of rows and columns.
        counts: Cases by true label (row) and label answered (column), K rows of K.

    Returns:
        A `<figure>` with the table; everything in it is escaped.
    """
    head = "".join(f"<th>{escape(label)}</th>" for label in labels)
    rows = []
    for label, row in zip(labels, counts, strict=True):
        cells = "".join(
            f'<td style="background:rgba(0,114,178,{0.45 * n / max(1, sum(row)):.2f});padding:.3rem .8rem">{n}</td>'
            for n in row
        )
        rows.append(f"<tr><th>{escape(label)}</th>{cells}<td>n = {sum(row)}</td></tr>")
    return (
        f"<figure><table><tr><th>{escape(say('exits.report-truth'))}</th>{head}<th></th></tr>{''.join(rows)}</table>"
        f"<figcaption>{escape(model)}</figcaption></figure>"
    )
