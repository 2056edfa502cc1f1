"""What the viewer says: names of its buttons and its keys, from the catalogue."""

from medcls.words import say

_NAMES = {
    "area": "pages.viewer-area",
    "ask_frame": "pages.viewer-ask-frame",
    "both": "pages.viewer-both",
    "box": "pages.viewer-box",
    "clear": "pages.viewer-clear",
    "colours": "pages.viewer-colours",
    "contour": "pages.viewer-contour",
    "distance": "pages.viewer-distance",
    "ellipse": "pages.viewer-ellipse",
    "evidence": "pages.viewer-evidence",
    "fill": "pages.viewer-fill",
    "fit": "pages.viewer-fit",
    "frame": "pages.viewer-frame",
    "frame_unread": "pages.viewer-frame-unread",
    "help": "pages.viewer-help",
    "in": "pages.viewer-in",
    "invert": "pages.viewer-invert",
    "map": "pages.viewer-map",
    "most": "pages.viewer-most",
    "no_scale": "pages.viewer-no-scale",
    "no_evidence": "pages.viewer-no-evidence",
    "none": "pages.viewer-none",
    "opacity": "pages.viewer-opacity",
    "out": "pages.viewer-out",
    "outline": "pages.viewer-outline",
    "pan": "pages.viewer-pan",
    "play": "pages.viewer-play",
    "region": "pages.viewer-region",
    "reset": "pages.viewer-reset",
    "round": "pages.viewer-round",
    "ruler": "pages.viewer-ruler",
    "style": "pages.viewer-style",
    "swipe": "pages.viewer-swipe",
    "tools": "pages.viewer-tools",
    "viewer": "pages.viewer",
    "window": "pages.viewer-window",
}
_KEYS = {
    "↑ ↓": "pages.key-scans",
    "← →": "pages.key-frames",
    "+ − 0": "pages.key-zoom",
    "H": "pages.key-map",
    "S": "pages.key-swipe",
    "1–9": "pages.key-labels",
    "I": "pages.key-invert",
    "W": "pages.key-window",
    "P": "pages.key-pan",
    "R": "pages.key-ruler",
    "D  E": "pages.key-measure",
    "B": "pages.key-box",
    "?": "pages.key-help",
}


def texts() -> dict[str, str]:
    """Return the names of everything in the viewer that has one."""
    return {name: say(code) for name, code in _NAMES.items()}


def keys_told() -> list[list[str]]:
    """Return each key with what it does."""
    return [[keys, say(code)] for keys, code in _KEYS.items()]
