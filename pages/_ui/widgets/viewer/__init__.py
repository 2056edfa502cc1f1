"""The viewer: a scan, or several pictures of one scan, as large as the screen allows, with maps over them.

Streamlit's components v2, no package: `paint.js`, `ink.js`, `controls.js` and `viewer.js` are one module, in this
order. Pictures go to it compressed, as base64 text; a drag, a zoom or another label asks the server nothing.
"""

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import streamlit as st

from medcls.core.prediction import Heatmap
from medcls.core.scan import Scan
from medcls.core.task import Task
from medcls.workflows import viewer as pictures
from pages._ui import state
from pages._ui.widgets.palette import label_word
from pages._ui.widgets.viewer.texts import keys_told, texts

_FOLDER = Path(__file__).parent
_SCRIPTS = ("paint.js", "ink.js", "controls.js", "viewer.js")
_mount = st.components.v2.component(
    "medcls_viewer",
    html='<div class="viewer" tabindex="0" role="group"></div>',
    css=(_FOLDER / "viewer.css").read_text(encoding="utf-8"),
    js="\n".join((_FOLDER / name).read_text(encoding="utf-8") for name in _SCRIPTS),
)
_mount_maps = st.components.v2.component("medcls_maps", js=(_FOLDER / "maps.js").read_text(encoding="utf-8"))
_KEPT = 24  # pictures a session keeps encoded
_MEASURES = 20  # lines that are taken from a viewer


@dataclass(frozen=True)
class Map:
    """A map over a picture: the heatmap, and the peak that is painted in full colour (None for its own)."""

    heatmap: Heatmap
    strongest: float | None = None


@dataclass(frozen=True)
class Pane:
    """One picture: the scan, or another picture of the same place, with its maps.

    Args:
        title: What stands over it; empty for nothing.
        alt: What it is, for people who cannot see it.
        maps: Maps over it; the one of the label chosen is shown; the first where none can be chosen.
        png: Another picture than the scan itself; None for the scan.
    """

    title: str
    alt: str
    maps: Sequence[Map] = ()
    png: bytes | None = None


@dataclass(frozen=True)
class Frames:
    """The frames of a file that holds several.

    Args:
        n: How many.
        at: The one that was answered, from 0.
        shown: Every `step`-th of them as a scan, from 0, once they were asked for, None for one that cannot be decoded;
            empty before.
        step: How far those shown lie apart.
    """

    n: int = 1
    at: int = 0
    shown: Sequence[Scan | None] = ()
    step: int = 1


@dataclass(frozen=True)
class Told:
    """What a person did that the page must know of.

    Args:
        region: The region drawn; None if there is none.
        measures: Lines measured: x and y of one end, then of the other, in the scan's pixels.
        frame: The frame that is to be answered; None if none was asked for.
        loop: True if all frames are wanted, once.
    """

    region: Mapping[str, Any] | None = None
    measures: tuple[tuple[float, float, float, float], ...] = ()
    frame: int | None = None
    loop: bool = False


@dataclass(frozen=True)
class Options:
    """What a page offers in its viewer.

    Args:
        task: For the words of the labels; None for a viewer without labels.
        label: Label shown first.
        labels: Label ids that can be chosen with 1 to 9.
        region: True if a region can be drawn.
        scans: True if there is another scan to step to.
        above_px: Height that stands above and below the stages on a page that is not scrolled.
        frames: The frames of the scan's file.
        bare: True if no map may lie over the scan, be it one that was drawn before.
    """

    task: Task | None = None
    label: str | None = None
    labels: Sequence[str] = ()
    region: bool = False
    scans: bool = False
    above_px: int = 330
    frames: Frames = field(default_factory=Frames)
    bare: bool = False


def show(
    scan: Scan,
    panes: Sequence[Pane],
    key: str,
    options: Options | None = None,
    on_step: Callable[[int], None] | None = None,
) -> Told:
    """Show pictures of one scan that share zoom, position and window.

    Args:
        scan: The scan; its size and spacing are the viewer's.
        panes: What stands side by side.
        key: Distinguishes this viewer from others on the page.
        options: What it offers.
        on_step: Called with +1 or -1 before the page runs again, where the next or the previous scan was asked for.

    Returns:
        What the person did.
    """
    options = options or Options()

    def stepped() -> None:
        by = st.session_state[key].get("step")
        if on_step is not None and by in (-1, 1):
            on_step(int(by))

    result = _mount(
        key=key,
        data=_data(scan, panes, options) | {"key": key},
        on_region_change=_nothing,
        on_measures_change=_nothing,
        on_step_change=stepped,
        on_frame_change=_nothing,
        on_loop_change=_nothing,
    )
    frame, shown = result.get("frame"), _name(scan, options)
    return Told(
        region=_of(shown, result.get("region")),
        measures=_lines(_of(shown, result.get("measures")), scan),
        loop=bool(result.get("loop")),
        frame=int(frame) if isinstance(frame, int | float) and 0 <= frame < options.frames.n else None,
    )


def add_maps(scan: Scan, panes: Sequence[Pane], key: str, options: Options) -> None:
    """Lay maps over a scan that this run of the page shows already, without sending the scan again.

    Args:
        scan: The scan, as it was given to `show`.
        panes: As they were given to `show`, but with their maps.
        key: The viewer's.
        options: As they were given to `show`, but for label and labels.
    """
    store: dict[str, str] = {}
    data = {"of": _name(scan, options), "key": key, "panes": [_maps(store, pane) for pane in panes]}
    _mount_maps(key=f"{key}.maps", data=data | _labels(options) | {"pictures": store})


def _name(scan: Scan, options: Options) -> str:
    """Return what the viewer calls a frame of a scan."""
    return f"{scan.sha256}.{options.frames.at}"


def _of(shown: str, told: Any) -> Mapping[str, Any] | None:
    """Return what was told of this frame of this scan: a viewer keeps what it told when another one comes."""
    return told if isinstance(told, Mapping) and told.get("of") == shown else None


def _lines(told: Mapping[str, Any] | None, scan: Scan) -> tuple[tuple[float, float, float, float], ...]:
    """Return measured lines that lie on the scan; a browser may tell anything."""
    height, width = scan.size_px
    given = told.get("lines") if told else None
    found = []
    for line in given[:_MEASURES] if isinstance(given, Sequence) and not isinstance(given, str) else ():
        if isinstance(line, Sequence) and len(line) == 4 and all(isinstance(v, int | float) for v in line):
            x0, y0, x1, y1 = map(float, line)
            if all(0 <= x <= width for x in (x0, x1)) and all(0 <= y <= height for y in (y0, y1)):
                found.append((x0, y0, x1, y1))
    return tuple(found)


def _nothing() -> None:
    """The page reads what the viewer tells from its result."""


def _data(scan: Scan, panes: Sequence[Pane], options: Options) -> dict[str, Any]:
    store: dict[str, str] = {}
    palettes = {name: _put(store, png, "image/png") for name, png in pictures.palettes().items()}
    return {
        "id": _name(scan, options),
        "size": list(scan.size_px),
        "words": texts() | {"keys": keys_told()},
        "spacing": list(scan.spacing_mm) if scan.spacing_mm else None,
        "panes": [_pane(store, scan, pane) for pane in panes],
        "palettes": palettes,
        "pictures": store,
        "region": options.region,
        "scans": options.scans,
        "above": options.above_px,
        "bare": options.bare,
        "frames": {
            "n": options.frames.n,
            "at": options.frames.at,
            "step": options.frames.step,
            "shown": [_put_scan(store, frame, 640) if frame else "" for frame in options.frames.shown],
        },
    } | _labels(options)


def _labels(options: Options) -> dict[str, Any]:
    words = [[i, label_word(options.task, i)] for i in options.labels] if options.task else []
    return {"labels": words, "label": options.label}


def _pane(store: dict[str, str], scan: Scan, pane: Pane) -> dict[str, Any]:
    picture = _put_scan(store, scan) if pane.png is None else _put(store, pane.png, "image/png")
    return {"title": pane.title, "alt": pane.alt, "picture": picture, "maps": _maps(store, pane)}


def _maps(store: dict[str, str], pane: Pane) -> list[dict[str, str]]:
    return [
        {
            "label": m.heatmap.label,
            "picture": _put(store, *_encoded((id(m.heatmap), m.strongest), m)),
            "note": pane.title,
        }
        for m in pane.maps
    ]


def _put_scan(store: dict[str, str], scan: Scan, side_px: int = 1600) -> str:
    return _put(store, *_encoded((id(scan), side_px), scan))


def _encoded(key: tuple[Any, ...], what: Scan | Map) -> tuple[bytes, str]:
    """Return a picture's bytes and media type, encoded once in this session."""
    held: dict[tuple[Any, ...], tuple[Any, bytes, str]] = state.kept(state.ENCODED, dict)
    owner = what.heatmap if isinstance(what, Map) else what
    if key not in held or held[key][0] is not owner:
        if isinstance(what, Map):
            held[key] = (owner, pictures.map_picture(what.heatmap, what.strongest), "image/png")
        else:
            held[key] = (owner, *pictures.scan_picture(what, int(key[1])))
        state.make_room(held, lambda item: len(item[1]) // 4, most=_KEPT * 4)
    return held[key][1], held[key][2]


def _put(store: dict[str, str], data: bytes, kind: str) -> str:
    digest = hashlib.sha256(data).hexdigest()[:24]
    store[digest] = f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
    return digest
