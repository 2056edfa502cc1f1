"""A scan and its heatmap side by side, with the controls that go with them.

How to use it: `heatmap_view.show(scan, heatmap, heatmap_view.controls("classify"), label_name, key="classify.heatmap")`.
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
import streamlit as st
from plotly.subplots import make_subplots

from medcls.core.prediction import Heatmap
from medcls.core.scan import Scan
from medcls.workflows import explain
from medcls.workflows.explain import Paint
from pages._ui import state
from pages._ui.widgets import notices
from pages._ui.widgets.charts import data_url
from pages._ui.widgets.palette import SCAN_BACKGROUND, SCAN_TEXT

_SIDE_PX = 800
_TITLE, _SMALL_TITLE = 24, 17  # characters of a line above a picture
_STYLE_WORDS = {"fill": "Fill", "contour": "Contour", "both": "Both"}
_CONFIG = {"displaylogo": False, "scrollZoom": True, "modeBarButtons": [["zoom2d", "pan2d", "resetScale2d"]]}


@dataclass(frozen=True)
class View:
    """How a heatmap is looked at.

    Args:
        paint: Style, colours, opacity.
        beside: True if the plain scan stands beside it.
    """

    paint: Paint
    beside: bool = True


def controls(key: str, beside: bool = True) -> View:
    """Draw the controls in a row: opacity, fill or contour, colours, the plain scan beside it or not.

    Args:
        key: Distinguishes the controls of one page from another's; the choice itself is shared by all pages.
        beside: False where the page has its own place for the plain scan: no switch is drawn for it.
    """
    kept: dict[str, object] = state.kept(state.HEATMAP_VIEW, dict)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        opacity = st.slider(
            "Opacity", 0, 100, int(str(kept.get("opacity", 60))), 5, format="%d %%", key=f"{key}.opacity", width=170
        )
        style = st.segmented_control(
            "Shown as",
            list(_STYLE_WORDS),
            default=str(kept.get("style", "fill")),
            format_func=_STYLE_WORDS.__getitem__,
            key=f"{key}.style",
            required=True,
        )
        names = list(explain.COLOURS)
        colours = st.selectbox(
            "Colours", names, index=names.index(str(kept.get("colours", names[0]))), key=f"{key}.colours", width=130,
            help="All but jet keep their order for colour-blind eyes and in print.",
        )  # fmt: skip
        alone = (
            st.toggle("Original beside it", value=bool(kept.get("beside", True)), key=f"{key}.beside")
            if beside
            else False
        )
    kept.update(opacity=opacity, style=style or "fill", colours=colours)
    if beside:
        kept["beside"] = alone
    return View(Paint(style or "fill", colours, opacity / 100), alone)


def current() -> View:
    """Give what was last chosen by any page's controls, without drawing them."""
    kept: dict[str, object] = state.kept(state.HEATMAP_VIEW, dict)
    opacity = int(str(kept.get("opacity", 60)))
    return View(Paint(str(kept.get("style", "fill")), str(kept.get("colours", "magma")), opacity / 100))


def show(scan: Scan, heatmap: Heatmap, view: View, label_name: str, key: str, height_px: int = 460) -> None:
    """Show a heatmap over its scan, the plain scan beside it if wanted; zooming one zooms the other.

    Args:
        scan: The scan.
        heatmap: Its heatmap; if it is empty, a sentence says so.
        view: From `controls`.
        label_name: The label as a person reads it.
        key: Distinguishes this picture from others on the page.
        height_px: Height of the figure.
    """
    titles = ["Scan"] if view.beside else []
    pictures = [explain.plain_picture(scan, _SIDE_PX)] if view.beside else []
    titles.append(f"{explain.METHODS[heatmap.method].title} for {label_name}")
    pictures.append(explain.picture(scan, heatmap, view.paint, _SIDE_PX))
    show_linked(scan, pictures, titles, key, height_px)
    words = notices.escape(explain.describe(heatmap, label_name, scan))
    st.info(words, icon=":material/info:") if heatmap.empty else st.caption(words)


def show_linked(
    scan: Scan, pictures: Sequence[bytes], titles: Sequence[str], key: str, height_px: int = 460, columns: int = 4,
    small: bool = False,
) -> None:  # fmt: skip
    """Show pictures of one scan side by side, on near-black; zooming or moving one does the same to all.

    Args:
        scan: The scan that all of them show.
        pictures: PNGs that cover the whole scan.
        titles: What each shows; after a line break a second thing.
        key: Distinguishes this figure from others on the page; the zoom stays while it and the scan stay.
        height_px: Height of a row.
        columns: Pictures in a row at most.
        small: True for titles in small print, of pictures that have little room each.
    """
    figure = linked_figure(scan, pictures, titles, height_px, columns, small)
    st.plotly_chart(figure, key=key, config=_CONFIG, width="stretch", theme=None)


def linked_figure(
    scan: Scan, pictures: Sequence[bytes], titles: Sequence[str], height_px: int, columns: int = 4, small: bool = False
) -> go.Figure:
    """Give the figure of `show_linked`; its axes count the scan's own pixels."""
    height, width = scan.size_px
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    above = [_over_picture(title, _SMALL_TITLE if small else _TITLE) for title in titles]
    tall = 16 + 18 * max(title.count("<br>") + 1 for title in above)
    gap = (tall + 2) / (rows * height_px)
    figure = make_subplots(
        rows, columns, subplot_titles=above, horizontal_spacing=0.01, vertical_spacing=gap if rows > 1 else 0
    )
    for i, png in enumerate(pictures):
        axis = str(i + 1) if i else ""
        figure.add_layout_image(
            source=data_url(png), xref=f"x{axis}", yref=f"y{axis}",
            x=0, y=0, sizex=width, sizey=height, sizing="stretch", layer="below",
        )  # fmt: skip
        # An image alone gives no axes to zoom in: two invisible corners do.
        row, column = divmod(i, columns)
        figure.add_scatter(
            x=[0, width], y=[0, height], mode="markers", marker_opacity=0, hoverinfo="skip", row=row + 1, col=column + 1
        )
        figure.update_yaxes(scaleanchor=f"x{axis}", row=row + 1, col=column + 1)
    figure.update_xaxes(visible=False, range=[0, width], matches="x", constrain="domain")
    figure.update_yaxes(visible=False, range=[height, 0], matches="y", constrain="domain")
    figure.update_annotations(font={"color": SCAN_TEXT, "size": 11 if small else 13})
    figure.update_layout(
        height=rows * height_px, margin={"l": 8, "r": 8, "t": tall, "b": 8}, paper_bgcolor=SCAN_BACKGROUND,
        plot_bgcolor=SCAN_BACKGROUND, showlegend=False, dragmode="zoom", uirevision=scan.sha256, hovermode=False,
    )  # fmt: skip
    return figure


def _over_picture(title: str, most: int) -> str:
    """Give a title whose parts have two short lines each at most; tags in it are shown, not obeyed."""
    shown = []
    for part in title.splitlines():
        lines = textwrap.wrap(part, most)
        shown += lines if len(lines) <= 2 else [lines[0], lines[1][: most - 1] + "…"]
    return "<br>".join(line.replace("&", "&amp;").replace("<", "&lt;") for line in shown) or " "
