"""Side sheets of the Classify page: why this answer, how the scan was read, what to know of the network."""

from collections.abc import Sequence

import streamlit as st

from medcls.core.model import ModelCard
from medcls.core.outcome import Outcome
from medcls.core.prediction import Prediction
from medcls.core.scan import Scan
from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import case_report, explain, marks, models, site_figures, viewer
from pages._ui.classify.answers import Row
from pages._ui.widgets import header, notices, pickers
from pages._ui.widgets import viewer as viewer_widget
from pages._ui.widgets.numbers import show_prob, show_seconds
from pages._ui.widgets.palette import label_word

_ABOVE_PX = 330  # of the sheet of drawn marks


def _lines(lines: Sequence[str]) -> None:
    st.markdown("\n".join(f"- {notices.escape(line)}" for line in lines))


def why(row: Row, card: ModelCard, found: Outcome[viewer.Evidence] | None) -> None:
    """Open the sheet that says why: each network's answer, and what the heatmap shows."""

    @st.dialog(say("pages.sheet-why"), position="right", width="small")
    def sheet() -> None:
        prediction = row.prediction
        assert prediction is not None
        st.markdown(say("pages.why-probabilities"))
        _lines(
            [
                f"{label_word(card.task, i)}: {show_prob(float(p))}"
                for i, p in zip(prediction.labels, prediction.prob, strict=True)
            ]
        )
        if card.abstention.min_prob > 0:
            st.markdown(say("pages.why-line", {"least": show_prob(card.abstention.min_prob)}))
        if found is not None and found.value is not None:
            _show_members(card, found.value)
            _show_maps(card, found.value)
        elif found is not None:
            st.markdown(notices.escape(str(found.error)))
        _lines([str(note) for note in prediction.notes] or [say("pages.no-notes")])

    sheet()


def _show_members(card: ModelCard, found: viewer.Evidence) -> None:
    if not found.members:
        return
    names = {c.id: pickers.model_title(c) for c in models.list_models(card.task.id)}
    st.markdown(say("pages.why-networks"))
    _lines(
        [
            f"{names.get(m.model, m.model)}: {label_word(card.task, m.top)} {show_prob(float(m.prob.max()))}"
            + ("" if m.decided else f" ({say('pages.cannot-tell')})")
            for m in found.members
        ]
    )


def _show_maps(card: ModelCard, found: viewer.Evidence) -> None:
    top = found.strongest
    st.markdown(say("pages.why-maps"))
    _lines(
        [
            say(
                "pages.why-map",
                {"word": label_word(card.task, m.label), "share": f"{100 * m.peak / top if top > 0 else 0:.0f}"},
            )
            for m in found.maps
        ]
    )


def how(row: Row, card: ModelCard, scan: Scan) -> None:
    """Open the sheet that says how the scan was read, and by what."""

    @st.dialog(say("pages.sheet-how"), position="right", width="small")
    def sheet() -> None:
        height, width = scan.size_px
        lines = [say("pages.how-size", {"width": width, "height": height}), *scan.history]
        if scan.spacing_mm:
            lines.append(say("pages.how-spacing", {"y": f"{scan.spacing_mm[0]:.3f}", "x": f"{scan.spacing_mm[1]:.3f}"}))
        _lines(lines)
        if row.prediction is not None:
            took = show_seconds(row.prediction.elapsed_s)
            asked = [say("pages.how-model", {"model": card.name or card.id, "took": took})]
            if (n := models.count_orientations(card)) > 1:
                asked.append(say("pages.how-orientations", {"n": n}))
            _lines(asked)
        st.caption(notices.escape(row.entry.name))

    sheet()


_HOW_FOUND = {"mark-removal": "pages.marks-how", "hair-removal": "pages.hair-how"}


def painted(scan: Scan, step: str) -> None:
    """Open the sheet that shows which drawn marks, or hairs, were found on a scan, and the scan without them."""

    @st.dialog(say("pages.marks-show"), width="large")
    def sheet() -> None:
        found = marks.show_painted(scan, step)
        if found is None:
            st.markdown(say("pages.marks-none"))
            return
        panes = [
            viewer_widget.Pane(
                say("pages.marks-found", {"share": found.share}), say("pages.marks-alt"), png=found.marked
            ),
            viewer_widget.Pane(say("pages.marks-without"), say("pages.marks-without"), png=found.without),
        ]
        viewer_widget.show(scan, panes, "classify.marks.viewer", viewer_widget.Options(above_px=_ABOVE_PX))
        st.caption(say(_HOW_FOUND[step]))

    sheet()


def know(card: ModelCard, prediction: Prediction | None) -> None:
    """Open the sheet that says what the model learned from, how good it is and what it was not tested on."""

    @st.dialog(say("pages.sheet-know"), position="right", width="small")
    def sheet() -> None:
        st.markdown(say("pages.forest-title"))
        _lines(measured(card))
        st.caption(say("pages.measured-interval"))
        if prediction is not None and prediction.decided:
            _show_track_record(card, prediction.decided, bool(prediction.called))
        _lines(
            [
                *([say("pages.know-trained", {"on": card.trained_on})] if card.trained_on else []),
                *card.task.limits,
                *card.limits,
            ]
        )
        method = explain.METHODS[explain.DEFAULT]
        st.caption(say("pages.know-heatmap", {"method": method.title, "note": method.note}))

    sheet()


def _show_track_record(card: ModelCard, label: str, by_threshold: bool) -> None:
    """Show what such an answer was worth at each place it was measured, at the prevalence the person sets."""
    percent = st.number_input(
        say("pages.prevalence"),
        0.1,
        90.0,
        100 * header.prevalence(card),
        0.5,
        key=f"know.prevalence.{card.task.id}",
    )
    header.keep_prevalence(card, percent / 100)
    try:
        told = case_report.counts_of(card, label, percent / 100, header.site_name(), by_threshold)
        _lines([str(note) for note in told])
    except MedclsError as error:
        notices.show_error(error)


def measured(card: ModelCard) -> list[str]:
    """Return how well the model tells disease from the rest, a line per site; a site never seen comes first."""
    try:
        figures = site_figures.figures_of(card)
    except MedclsError as error:
        return [str(error)]
    return [str(one.headline()) for one in figures] or [say("pages.not-measured")]
