"""Heatmaps of one scan side by side: what is compared, the pictures, their tests, their files."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from medcls.core.model import ModelCard
from medcls.core.prediction import Heatmap
from medcls.core.scan import Scan
from medcls.errors import MedclsError
from medcls.workflows import explain, scans
from pages._ui import cache, heatmap_view, notices, pickers, state
from pages._ui.palette import label_word

_BY = {"method": "Methods", "label": "Labels", "layer": "Layers", "model": "Models"}
_FIRST_METHODS = ("gradcam", "hirescam", "layercam")
_KEPT = 64
_MARKS = {True: "✓ stands", False: "✗ fails", None: "— cannot tell"}


@dataclass(frozen=True)
class Asked:
    """One heatmap asked for.

    Args:
        card: The model.
        label: Label id.
        method: Name of the method.
        layer: Layer; None for the last one.
        title: What stands over the picture.
    """

    card: ModelCard
    label: str
    method: str
    layer: str | None
    title: str


@dataclass(frozen=True)
class Map:
    """One heatmap asked for, drawn or not.

    Args:
        asked: What was asked for.
        heatmap: The heatmap; None if it could not be drawn.
        error: Why not.
    """

    asked: Asked
    heatmap: Heatmap | None
    error: MedclsError | None


def pick_scan(entries: Sequence[scans.Entry]) -> pickers.Read:
    """Let the user choose one entry of the drop, and decode it."""
    if len(entries) == 1:
        return pickers.read_entry(entries[0])
    chosen = st.selectbox(
        "Scan", range(len(entries)), format_func=lambda i: f"{i + 1}. {entries[i].name}", key="heatmaps.scan"
    )
    return pickers.read_entry(entries[chosen])


def draw(scan: Scan, card: ModelCard, rivals: Sequence[ModelCard]) -> list[Map]:
    """Draw the switches, then every heatmap asked for; what was drawn before is not drawn again."""
    try:
        asked = _ask(scan, card, rivals)
    except MedclsError as error:
        notices.show_error(error)
        return []
    maps = []
    bar = st.progress(0.0, text="Drawing")
    for i, one in enumerate(asked):
        title = explain.METHODS[one.method].title

        def tell(done: int, total: int, i: int = i, title: str = title) -> None:
            bar.progress(
                (i + done / max(total, 1)) / len(asked),
                text=f"{title}: {done} of {total} passes. Change a switch to stop",
            )

        bar.progress(i / len(asked), text=f"Drawing {i + 1} of {len(asked)}: {one.title}")
        maps.append(_drawn(scan, one, tell))
    bar.empty()
    return maps


def _ask(scan: Scan, card: ModelCard, rivals: Sequence[ModelCard]) -> list[Asked]:
    """Draw the switches: what stands side by side, and the rest held the same."""
    classifier = cache.open_classifier(card)
    layers = explain.list_layers(classifier)
    kinds = [k for k in _BY if (k != "layer" or len(layers) > 1) and (k != "model" or rivals)]
    by = (
        st.segmented_control(
            "Side by side", kinds, default=kinds[0], format_func=_BY.__getitem__, key=f"heatmaps.by.{len(kinds)}"
        )
        or kinds[0]
    )
    left, middle, right = st.columns(3, vertical_alignment="bottom")
    labels = card.task.label_ids
    if by == "label":
        chosen_labels = list(labels)
    else:
        top = _top(scan, card)
        chosen_labels = [
            left.selectbox(
                "Evidence for",
                labels,
                index=labels.index(top),
                format_func=lambda i: label_word(card.task, i),
                key=f"heatmaps.label.{scan.sha256}.{card.id}",
            )
        ]
    methods = _pick_methods(by == "method", middle)
    layer = None if by in ("layer", "model") or not layers else _pick_layer(layers, right, card)
    if by == "method":
        return [Asked(card, chosen_labels[0], m, layer, _title(m)) for m in methods]
    if by == "label":
        return [Asked(card, label, methods[0], layer, label_word(card.task, label)) for label in chosen_labels]
    if by == "layer":
        return [Asked(card, chosen_labels[0], methods[0], name, name) for name in layers]
    return [Asked(c, chosen_labels[0], methods[0], None, c.name or c.id) for c in (card, *_pick_rivals(rivals, right))]


def _title(method: str) -> str:
    row = explain.METHODS[method]
    return f"{row.title}{' (slow)' if row.slow else ''}"


def _pick_methods(several: bool, place: DeltaGenerator) -> list[str]:
    names = list(explain.METHODS)
    if not several:
        return [place.selectbox("Method", names, format_func=_title, key="heatmaps.method")]
    chosen = place.multiselect(
        "Methods", names, default=list(_FIRST_METHODS), format_func=_title, key="heatmaps.methods"
    )
    return chosen or [explain.DEFAULT]


def _pick_layer(layers: Sequence[str], place: DeltaGenerator, card: ModelCard) -> str:
    return place.selectbox(
        "Layer",
        layers,
        index=len(layers) - 1,
        key=f"heatmaps.layer.{card.id}",
        help="The last one is the coarsest and the nearest to the answer.",
    )


def _pick_rivals(rivals: Sequence[ModelCard], place: DeltaGenerator) -> list[ModelCard]:
    by_id = {card.id: card for card in rivals}
    chosen = place.multiselect(
        "With", list(by_id), default=list(by_id)[:3], format_func=lambda i: by_id[i].name or i, key="heatmaps.rivals"
    )
    return [by_id[i] for i in chosen]


def _top(scan: Scan, card: ModelCard) -> str:
    """Give the model's most probable label for a scan, asked once in this session."""
    held: dict[tuple[str, str], str] = state.kept("heatmaps.top", dict)
    key = (scan.sha256, card.to_json())
    if key not in held:
        while len(held) >= _KEPT:
            held.pop(next(iter(held)))
        held[key] = explain.classify_and_explain(scan, cache.open_classifier(card))[0].top
    return held[key]


def _drawn(scan: Scan, asked: Asked, tell: explain.Progress) -> Map:
    held: dict[tuple[object, ...], Map] = state.kept("heatmaps.maps", dict)
    key = (scan.sha256, scan.size_px, asked.card.to_json(), asked.label, asked.method, asked.layer)
    if key not in held:
        try:
            heatmap = explain.draw_one(
                scan, cache.open_classifier(asked.card), asked.label, asked.method, asked.layer, progress=tell
            )
            found = Map(asked, heatmap, None)
        except MedclsError as error:
            found = Map(asked, None, error)
        while len(held) >= _KEPT:
            held.pop(next(iter(held)))
        held[key] = found
    return Map(asked, held[key].heatmap, held[key].error)


def show(scan: Scan, maps: Sequence[Map], card: ModelCard) -> None:
    """Show the scan and every heatmap on linked axes, and a sentence for each that is empty or could not be drawn."""
    view = heatmap_view.controls("heatmaps", beside=False)
    drawn = [m for m in maps if m.heatmap is not None]
    how = view.paint
    if len({(m.asked.card.id, m.asked.method, m.asked.layer) for m in drawn}) == 1 and len(drawn) > 1:
        how = _common_scale(how, [m.heatmap for m in drawn if m.heatmap is not None])
    pictures = [explain.plain_picture(scan)] + [
        explain.picture(scan, m.heatmap, how) for m in drawn if m.heatmap is not None
    ]
    titles = ["Scan", *(m.asked.title for m in drawn)]
    height, width = scan.size_px
    columns = 4 if len(pictures) > 3 else len(pictures)
    heatmap_view.show_linked(
        scan, pictures, titles, "heatmaps.pictures", round(1120 / columns * min(height / width, 1.3)) + 44, columns
    )
    for m in maps:
        if m.heatmap is None:
            notices.show_error(m.error or MedclsError("There is no heatmap"), m.asked.title)
        elif m.heatmap.empty:
            st.info(
                notices.escape(explain.describe(m.heatmap, label_word(card.task, m.asked.label), scan)),
                icon=":material/info:",
            )
    if drawn and drawn[-1].heatmap is not None and not drawn[-1].heatmap.empty:
        st.caption(
            notices.escape(explain.describe(drawn[-1].heatmap, label_word(card.task, drawn[-1].asked.label), scan))
        )


def _common_scale(how: explain.Paint, heatmaps: Sequence[Heatmap]) -> explain.Paint:
    """Labels side by side: let the user see them on one scale, so that weak evidence looks weak."""
    if st.toggle(
        "All on one scale",
        value=True,
        key="heatmaps.scale",
        help="Evidence that is weaker than another label's is painted fainter.",
    ):
        return explain.Paint(how.style, how.colours, how.opacity, max(h.peak for h in heatmaps))
    return how


def show_downloads(scan: Scan, maps: Sequence[Map]) -> None:
    """Offer each heatmap as a PNG of the scan's own size; model, method and label stand in its text."""
    drawn = [m for m in maps if m.heatmap is not None]
    if not drawn:
        return
    view = heatmap_view.current()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Picture to keep",
            range(len(drawn)),
            format_func=lambda i: drawn[i].asked.title,
            key="heatmaps.keep",
            width=260,
        )
        one = drawn[chosen]
        if one.heatmap is not None:
            heatmap = one.heatmap
            st.download_button(
                "PNG at the scan's size", data=lambda: explain.export(scan, heatmap, view.paint), mime="image/png",
                file_name=f"{scan.sha256[:12]}--{heatmap.model}--{heatmap.label}--{heatmap.method.replace('+', 'p')}.png",
                help="Model, method, label, layer and peak stand in the file's text; the scan's name does not.",
            )  # fmt: skip


def show_tests(scan: Scan, maps: Sequence[Map]) -> None:
    """Test every heatmap shown, on request: a table of verdicts, then each one's words and numbers."""
    st.subheader("How far to believe them")
    mask = _read_mask(scan)
    if not st.toggle(
        "Test these heatmaps",
        key="heatmaps.test",
        help="Hides and shows parts of the scan, asks networks with random weights, moves the scan: some hundred passes.",
    ):
        return
    drawn = [m for m in maps if m.heatmap is not None and not m.asked.card.members]
    bar = st.progress(0.0, text="Testing")
    tested: list[tuple[str, Sequence[explain.Check]]] = []
    for i, m in enumerate(drawn):
        bar.progress(i / len(drawn), text=f"Testing {m.asked.title}, {i + 1} of {len(drawn)}")
        try:
            tested.append((m.asked.title, _checks(scan, m.asked, mask)))
        except MedclsError as error:
            notices.show_error(error, m.asked.title)
    bar.empty()
    _show_table(tested)


def _read_mask(scan: Scan) -> bytes | None:
    file = st.file_uploader(
        "Outline of the lesion, if you have one: white on black, of the scan's size", key=f"heatmaps.mask.{scan.sha256}"
    )
    if file is None:
        return None
    try:
        explain.read_mask(file.getvalue(), scan)
    except MedclsError as error:
        notices.show_error(error)
        return None
    return file.getvalue()


def _checks(scan: Scan, asked: Asked, mask: bytes | None) -> Sequence[explain.Check]:
    held: dict[tuple[object, ...], Sequence[explain.Check]] = state.kept("heatmaps.checks", dict)
    key = (scan.sha256, asked.card.to_json(), asked.label, asked.method, asked.layer, mask)
    if key not in held:
        outline = explain.read_mask(mask, scan) if mask else None
        checks = explain.check_heatmap(
            scan, cache.open_classifier(asked.card), asked.label, asked.method, asked.layer, outline
        )
        while len(held) >= _KEPT:
            held.pop(next(iter(held)))
        held[key] = checks
    return held[key]


def _show_table(tested: Sequence[tuple[str, Sequence[explain.Check]]]) -> None:
    titles = {check.name: check.title for _, checks in tested for check in checks}
    rows = [{"Heatmap": title} | {titles[c.name]: _MARKS[c.holds] for c in checks} for title, checks in tested]
    if rows:
        st.dataframe(rows, hide_index=True, width="stretch")
    for title, checks in tested:
        with st.expander(title):
            for check in checks:
                st.markdown(f"**{notices.escape(check.title)}** {notices.escape(check.words)}")
            numbers = [
                {"test": c.name, "figure": name, "value": value} for c in checks for name, value in c.numbers.items()
            ]
            st.dataframe(numbers, hide_index=True)
