"""How a heatmap is painted in a picture that is kept: style, colours, opacity."""

import streamlit as st

from medcls.words import say
from medcls.workflows import explain
from medcls.workflows.explain import Paint
from pages._ui import state


def controls(key: str) -> Paint:
    """Draw the controls of a picture to keep; the last choice is there again."""
    kept: dict[str, object] = state.kept(state.HEATMAP_VIEW, dict)
    words = {"fill": say("pages.viewer-fill"), "contour": say("pages.viewer-contour"), "both": say("pages.viewer-both")}
    names = list(explain.COLOURS)
    opacity = st.slider(
        say("pages.viewer-opacity"), 0, 100, int(str(kept.get("opacity", 60))), 5, format="%d %%", key=f"{key}.opacity"
    )
    style = st.segmented_control(
        say("pages.viewer-style"),
        list(words),
        default=str(kept.get("style", "fill")),
        format_func=words.__getitem__,
        key=f"{key}.style",
        required=True,
    )
    colours = st.selectbox(
        say("pages.viewer-colours"), names, index=names.index(str(kept.get("colours", names[0]))), key=f"{key}.colours"
    )
    kept.update(opacity=opacity, style=style or "fill", colours=colours)
    return Paint(style or "fill", colours, opacity / 100)
