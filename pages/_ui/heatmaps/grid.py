"""Heatmaps of one scan side by side: drawn, shown on linked axes, kept as files."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from medcls.core.model import ModelCard
from medcls.core.outcome import Outcome
from medcls.core.prediction import Heatmap
from medcls.core.progress import Progress
from medcls.core.scan import Scan
from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import explain
from medcls.workflows import viewer as pictures
from pages._ui import cache, state
from pages._ui.heatmaps import view as heatmap_view
from pages._ui.heatmaps.ask import Asked, answer_of, ask
from pages._ui.widgets import downloads, known, notices, pickers, viewer
from pages._ui.widgets.numbers import show_percent, show_seconds
from pages._ui.widgets.palette import label_word

_KEPT = 64
_TELLS_LEFT_S = 3.0  # a wait shorter than this needs no telling


@dataclass(frozen=True)
class Map:
    """One heatmap asked for.

    Args:
        asked: What was asked for.
        drawn: The heatmap, or why it could not be drawn.
    """

    asked: Asked
    drawn: Outcome[Heatmap]

    @property
    def heatmap(self) -> Heatmap | None:
        """The heatmap; None if it could not be drawn."""
        return self.drawn.value


def draw(scan: Scan, card: ModelCard, rivals: Sequence[ModelCard], refused_too: bool) -> list[Map]:
    """Draw the switches, then every heatmap asked for; what was drawn before is not drawn again.

    Args:
        scan: The scan.
        card: The model.
        rivals: Models that may stand beside it; one that cannot tell is named, and has no map.
        refused_too: True if maps are wanted of what a model cannot tell as well.
    """
    try:
        asked = ask(scan, card, rivals)
        asked = asked if refused_too else [one for one in asked if _answered(scan, one.card)]
    except MedclsError as error:
        notices.show_error(error)
        return []
    held: dict[tuple[object, ...], Outcome[Heatmap]] = state.kept(state.MAPS, dict)
    stopped: set[tuple[object, ...]] = state.kept(state.MAPS_STOPPED, set)
    waiting = [_key(scan, one) for one in asked if _key(scan, one) not in held]
    place = st.empty()
    with place.container(horizontal=True, vertical_alignment="center"):
        bar = st.progress(0.0, text=say("pages.heatmaps-drawing-2"))
        slow = any(explain.METHODS[one.method].slow for one in asked if _key(scan, one) in waiting)
        if slow and not stopped.issuperset(waiting):
            st.button(
                say("pages.runs-stop"),
                key="heatmaps.stop",
                on_click=stopped.update,
                args=(waiting,),
                icon=":material/stop:",
            )
    maps = []
    for i, one in enumerate(asked):
        code = "pages.heatmaps-drawing-of" if len(asked) > 1 else "pages.heatmaps-drawing"
        told = {"i": i + 1, "asked": len(asked), "title": notices.escape(one.title)}
        bar.progress(i / len(asked), text=say(code, told))
        maps.append(_drawn(scan, one, _teller(bar, i, len(asked), explain.METHODS[one.method].title)))
    place.empty()
    if any(isinstance(m.drawn.error, explain.Stopped) for m in maps):
        st.button(say("pages.heatmaps-draw-what-was"), key="heatmaps.go_on", on_click=stopped.clear)
    return maps


def _answered(scan: Scan, card: ModelCard) -> bool:
    """Return whether a model answers the scan; one that does not is named."""
    if answer_of(scan, card).decided is not None:
        return True
    st.caption(notices.escape(say("pages.map-refused", {"names": pickers.model_title(card)})))
    return False


def _teller(bar: DeltaGenerator, i: int, n: int, title: str) -> Progress:
    """Return what shows a slow method's passes, and the time left once it can be told."""
    started = time.monotonic()

    def tell(done: int, total: int, stage: str = "") -> None:
        gone = time.monotonic() - started
        left = gone / done * (total - done) if done and gone > 1 else 0
        words = say("pages.heatmaps-about-left", {"left": show_seconds(left)}) if left > _TELLS_LEFT_S else ""
        bar.progress(
            (i + done / max(total, 1)) / n,
            text=say("pages.heatmaps-of-passes", {"title": title, "done": done, "total": total, "words": words}),
        )

    return tell


def _key(scan: Scan, asked: Asked) -> tuple[object, ...]:
    return (scan.sha256, scan.size_px, asked.card.json_digest, asked.label, asked.method, asked.layer)


def _drawn(scan: Scan, asked: Asked, tell: Progress) -> Map:
    held: dict[tuple[object, ...], Outcome[Heatmap]] = state.kept(state.MAPS, dict)
    key = _key(scan, asked)
    if key in held:
        return Map(asked, replace(held[key], name=asked.title))
    if key in state.kept(state.MAPS_STOPPED, set):
        return Map(asked, Outcome(asked.title, error=explain.Stopped("pages.map-stopped")))

    def draw() -> Heatmap:
        wanted = explain.HeatmapRequest(asked.label, asked.method, asked.layer)
        model, view = cache.open_classifier(asked.card), known.pass_of(scan, asked.card)
        return explain.draw_one(scan, model, wanted, explain.Watch(tell), view)

    found = Outcome.of(asked.title, draw)
    while len(held) >= _KEPT:
        held.pop(next(iter(held)))
    held[key] = found
    return Map(asked, found)


def show(scan: Scan, maps: Sequence[Map], card: ModelCard) -> None:
    """Show the scan and all heatmaps side by side, zoomed together; a sentence for each that is empty or failed."""
    drawn = [(m.asked, m.heatmap) for m in maps if m.heatmap is not None]
    strongest = _common_scale([h for _, h in drawn]) if len(drawn) > 1 and maps[0].asked.by == "label" else None
    panes = [viewer.Pane(say("pages.scan"), say("pages.alt-scan", {"name": ""}).strip())]
    panes += [_pane(asked, heatmap, strongest) for asked, heatmap in drawn]
    told = viewer.show(scan, panes, "heatmaps.viewer", viewer.Options(card.task, region=True, above_px=360))
    if told.region:
        _show_region(scan, told.region, drawn)
    for m in maps:
        if m.heatmap is None:
            notices.show_failure(m.drawn)
        elif m.heatmap.empty:
            words = explain.describe(m.heatmap, label_word(card.task, m.asked.label), scan)
            st.info(f"**{notices.escape(m.asked.title)}**: {notices.escape(words)}", icon=":material/info:")
    if told_of := explain.describe_many([heatmap for _, heatmap in drawn], scan):
        st.caption(notices.escape(told_of))
    if maps and maps[0].asked.by == "method":
        _show_notes([asked.method for asked, _ in drawn])


def _pane(asked: Asked, heatmap: Heatmap, strongest: float | None) -> viewer.Pane:
    maps = () if heatmap.empty else (viewer.Map(heatmap, strongest),)
    return viewer.Pane(asked.title, say("pages.alt-map", {"title": asked.title}), maps)


def _show_region(scan: Scan, region: Mapping[str, Any], drawn: Sequence[tuple[Asked, Heatmap]]) -> None:
    """Say of each heatmap how it lies to the region drawn."""
    try:
        mask = pictures.region_mask(region, scan)
    except MedclsError as error:
        notices.show_error(error)
        return
    rows = []
    for asked, heatmap in drawn:
        found = pictures.point(heatmap, mask)
        if found is not None:
            hit = say("pages.yes") if found.hit else say("pages.no")
            row = {say("pages.heatmap"): asked.title, say("pages.region-peak"): hit}
            rows.append(
                row
                | {
                    say("pages.region-inside"): show_percent(found.energy_inside),
                    say("pages.region-area"): show_percent(found.mask_share),
                }
            )
    st.dataframe(rows, hide_index=True, alt=say("pages.region-table"))


def _show_notes(methods: Sequence[str]) -> None:
    with st.expander(say("pages.heatmaps-what-each-method")):
        rows = [explain.METHODS[name] for name in methods]
        st.markdown("\n".join(f"- **{notices.escape(row.title)}**: {notices.escape(row.note)}" for row in rows))


def _common_scale(heatmaps: Sequence[Heatmap]) -> float | None:
    """Labels side by side: one scale for all unless the person wants each on its own."""
    if st.toggle(say("pages.one-scale"), value=True, key="heatmaps.scale", help=say("pages.one-scale-help")):
        return max(h.peak for h in heatmaps)
    return None


def show_downloads(scan: Scan, maps: Sequence[Map]) -> None:
    """Offer each heatmap as a PNG of the scan's size; model, method and label in its text, and below it if wanted."""
    drawn = [(m.asked, m.heatmap) for m in maps if m.heatmap is not None]
    if not drawn:
        return
    titles = [asked.title for asked, _ in drawn]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            say("pages.heatmaps-picture-to-keep"),
            range(len(drawn)),
            format_func=titles.__getitem__,
            key=f"heatmaps.keep.{titles}",
            width=300,
        )
        captioned = st.toggle(
            say("pages.heatmaps-caption-below-it"),
            value=True,
            key="heatmaps.captioned",
            help=say("pages.heatmaps-model-method-and"),
        )
        with st.popover(say("pages.appearance")):
            paint = heatmap_view.controls("heatmaps")
        mode = downloads.ask_mode("heatmaps.save")
    text = downloads.ask_text("heatmaps.save", [scan]) if mode == "others" else downloads.Text()
    if text.settled:
        drawing = replace(
            explain.export(scan, drawn[chosen][1], paint, captioned),
            covers=downloads.text_on(scan) if text.covers else (),
            accepts_text=text.looked,
        )
        downloads.offer(say("pages.heatmaps-png-at-the"), "drawing", lambda: drawing, mode, f"{drawing.name}.png")
