"""The reading room: worklist, viewer and card; the scan comes first, the answer next, the map last."""

from collections import Counter
from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from medcls.core.model import ModelCard
from medcls.core.scan import Scan
from medcls.words import say
from medcls.workflows import scans
from medcls.workflows.turns import ANSWERS
from medcls.workflows.viewer import Evidence
from pages._ui import state
from pages._ui.classify import answers, cases, evidence, exports, loops, opinions
from pages._ui.classify import card as result
from pages._ui.classify.answers import Reading, Row
from pages._ui.widgets import drops, notices, viewer, waits, worklist
from pages._ui.widgets.numbers import show_prob
from pages._ui.widgets.palette import REFUSED, label_colours, label_word

_VIEWER = "classify.viewer"
_ALL, _REFUSED, _FAILED, _WAITS = "all", "cannot-tell", "no-answer", "own-waits"
_OWN_FIRST = "classify.own.first"  # the switch
_SAVE_WAITS = "classify.save.waits"
SORTS = ("suspicious", "given", "name")


def show(entries: tuple[scans.Entry, ...], card: ModelCard) -> None:
    """Draw a drop as far as it is read, then read on."""
    reading = answers.reading_of(entries, card)
    answers.reveal(reading)
    many = len(entries) > 1
    order = _order(reading)
    if many:
        _show_counts(reading)
    with st.container(key="room"):  # frame.css puts it into one column on a narrow page
        if many:
            left, middle, right = st.columns([1.05, 2.55, 1.35], gap="small")
        else:
            middle, right = st.columns([2.15, 1], gap="medium")
    place = _chosen(reading, order)
    with right:
        region = st.empty()  # beside the picture: under it a window 800 px high ends
    with middle:
        scan, complete = _show_scan(reading, place, order, region)
        late = st.empty()
    with right:
        answer = st.empty()
    if many:
        with left:
            _show_list(reading, order, place)
    _show_card(answer, reading, place, scan)
    if not reading.done:
        with right:
            _tell_progress(reading)
        with right:  # beside the scan: what opening the network takes is counted there
            answers.go_on(reading)
        if reading.done:
            answers.count(reading)
        if many or scan is None or st.session_state.get(state.REGION):
            st.rerun()
        _show_card(answer, reading, place, scan)  # of a scan alone at once
        complete = not _shows_numbers(_row(reading, place))
    if not complete and scan is not None:
        _draw_evidence(reading, place, scan, late)


def _shows_numbers(row: Row | None) -> bool:
    """Return whether an answer is there and may be seen."""
    return row is not None and result.shows_numbers(row) and not opinions.hides(row)


def _names(reading: Reading) -> list[str]:
    return exports.short_names([entry.name for entry in reading.entries])


def _row(reading: Reading, place: int) -> Row | None:
    return reading.rows[place] if place < len(reading.rows) else None


def _show_scan(reading: Reading, place: int, order: list[int], beside: DeltaGenerator) -> tuple[Scan | None, bool]:
    """Show the scan chosen in the viewer, a region's answer beside it; returns it, and whether all over it is there."""
    row, entry = _row(reading, place), reading.entries[place]
    read = drops.read_entry(entry, row.frame if row else None)
    if read.value is None:
        notices.show_unread(row.answer if row and not row.answer.ok else read)
        if row is not None and row.frame:
            st.button(
                say("pages.first-frame"), key="frame.first", on_click=answers.answer_frame, args=(reading, place, 0)
            )
        return None, True
    numbers = _shows_numbers(row)
    drawn = evidence.held(read.value, reading.card) if numbers else None
    found = drawn.value if drawn else None
    pane, options = _picture(reading, place, found)
    told = viewer.show(
        read.value,
        [pane],
        _VIEWER,
        replace(options, scans=len(order) > 1, above_px=330 if len(order) > 1 else 290),
        on_step=lambda by: _step(order, place, by),
    )
    frames = options.frames
    if told.loop and not frames.shown:
        loops.load(entry)
    if told.frame is not None and told.frame != frames.at and row is not None:
        _ask_frame(reading, place, told.frame)
        st.rerun()
    if drops.is_synthetic(entry):
        st.caption(say("pages.synthetic"))
    st.session_state[state.REGION], st.session_state[state.MEASURES] = told.region, told.measures
    if told.region and row is not None and row.prediction is not None:
        with beside:
            if numbers:
                evidence.show_region(read.value, reading.card, told.region, found)
            else:
                waits_for = "pages.region-own-first" if opinions.hides(row) else "pages.region-refused"
                st.info(say(waits_for), icon=":material/crop_free:")
    if drawn is not None:
        notices.show_failure(drawn)
    return read.value, not numbers or drawn is not None


def _picture(reading: Reading, place: int, found: Evidence | None) -> tuple[viewer.Pane, viewer.Options]:
    """Return a scan's pane with the maps drawn of it, and what the viewer offers over it."""
    row, entry = _row(reading, place), reading.entries[place]
    maps = [viewer.Map(m, found.strongest) for m in found.maps if not m.empty] if found else []
    label = row.prediction.decided or row.prediction.top if _shows_numbers(row) and row and row.prediction else None
    pane = viewer.Pane(_names(reading)[place], say("pages.alt-scan", {"name": entry.name}), maps)
    labels = [m.label for m in found.maps] if found else []  # a key is the same label on every scan
    bare = not _shows_numbers(row) if row else bool(st.session_state.get(state.OWN_FIRST))
    frames = loops.frames_of(entry, row)
    return pane, viewer.Options(reading.card.task, label, labels, region=True, frames=frames, bare=bare)


def _ask_frame(reading: Reading, place: int, frame: int) -> None:
    """Answer a frame, and stay with its file, wherever the list has it now."""
    answers.answer_frame(reading, place, frame)
    _open(place)


def _show_card(place_: object, reading: Reading, place: int, scan: Scan | None) -> None:
    row = _row(reading, place)
    with place_.container():  # type: ignore[attr-defined]
        if row is None:
            st.skeleton(height=180)
            return
        if scan is None:
            result.show_unread(len(reading.entries) == 1)
            return
        if row.prediction is None:
            notices.show_failure(row.answer)
            return
        if opinions.hides(row):
            opinions.ask_first(row, reading.card.task, place)
            return
        state.kept(state.LOOKED, set).add(id(row.entry))
        groups = cases.cases(reading.entries)
        if reading.done and groups[place]:
            together = [i for i, case in enumerate(groups) if case == groups[place]]
            if not any(opinions.hides(reading.rows[i]) for i in together):  # it tells every view's answer
                cases.show(reading.rows, together, reading.card, groups[place])
        drawn, said = evidence.held(scan, reading.card), evidence.members(scan, reading.card)
        result.show(answers.Shown(row, place, scan, reading, drawn, said))
        if len(reading.entries) == 1:
            exports.show_downloads(reading.rows, reading.card, groups)


def _draw_evidence(reading: Reading, place: int, scan: Scan, late: DeltaGenerator) -> None:
    """Draw the maps of the scan chosen, and lay them over it; the page runs again only where more than they changes."""
    row = _row(reading, place)
    if row is None or row.prediction is None:
        return
    known = evidence.members(scan, reading.card)
    ANSWERS.let_answers_go()
    with waits.counted("pages.drawing-maps", say("pages.drawing-map")) as tell:
        drawn = evidence.find(scan, reading.card, row.prediction.decided or row.prediction.top, tell)
    if st.session_state.get(state.REGION) or len(known) != len(evidence.members(scan, reading.card)):
        st.rerun()
    with late:
        if drawn.value is None:
            notices.show_failure(drawn)
            return
        pane, options = _picture(reading, place, drawn.value)
        viewer.add_maps(scan, [pane], _VIEWER, options)


def _tell_progress(reading: Reading) -> None:
    n, done = len(reading.entries), len(reading.rows)
    if n > 1:
        st.progress(done / n, text=say("pages.reading", {"done": done, "n": n}))


def _sorts() -> tuple[str, ...]:
    """Return the orders there are; one by the answers would tell them to who reads first."""
    return SORTS[1:] if st.session_state.get(state.OWN_FIRST) else SORTS


def _sort_key() -> str:
    return f"{state.SORT}.{len(_sorts())}"


def _switch_own() -> None:
    """Take the switch before anything is drawn: counts and order would tell the answers."""
    st.session_state[state.OWN_FIRST] = st.session_state[_OWN_FIRST]
    st.session_state.pop(state.FILTER, None)


def _kind(row: Row) -> str:
    if opinions.hides(row):  # a count would tell the answer
        return _WAITS
    if row.prediction is None:
        return _FAILED
    return row.prediction.decided or _REFUSED


def _show_counts(reading: Reading) -> None:
    """Show how many of each answer; a click on one shows those alone."""
    counts = Counter(_kind(row) for row in reading.rows)
    task = reading.card.task
    words = {label: label_word(task, label) for label in reversed(task.label_ids)}
    words |= {_REFUSED: say("pages.cannot-tell"), _FAILED: exports.NO_ANSWER, _WAITS: say("pages.own-to-read")}
    options = [_ALL, *(kind for kind in words if counts[kind])]
    told = {kind: notices.escape(f"{counts[kind]} {word}") for kind, word in words.items()}
    told[_ALL] = say("pages.filter-all", {"n": len(reading.entries)})
    with st.container(horizontal=True, vertical_alignment="center", key="counts"):
        st.pills(
            say("pages.filter"),
            options,
            default=_ALL,
            required=True,
            key=state.FILTER,
            label_visibility="collapsed",
            format_func=told.__getitem__,
        )
        names = {
            "suspicious": say("pages.sort-suspicious"),
            "given": say("pages.sort-given"),
            "name": say("pages.sort-name"),
        }
        st.selectbox(
            say("pages.sort"),
            _sorts(),
            format_func=names.__getitem__,
            key=_sort_key(),
            label_visibility="collapsed",
            width=210,
        )
        with st.popover(say("pages.reading-options"), icon=":material/tune:"):
            st.toggle(
                say("pages.own-first"),
                bool(st.session_state.get(state.OWN_FIRST)),
                key=_OWN_FIRST,
                on_change=_switch_own,
            )
            cases.show_choice(_names(reading))
        if reading.done:
            exports.show_downloads(reading.rows, reading.card, cases.cases(reading.entries))
        else:  # a file with some of the answers would say nothing of the rest
            st.button(
                say("pages.save-answers"),
                icon=":material/download:",
                disabled=True,
                help=say("pages.save-when-read"),
                key=_SAVE_WAITS,
            )


def suspicion(row: Row, card: ModelCard) -> tuple[float, float]:
    """Return how early a scan is to be looked at: disease first, then what could not be told, then the rest."""
    if row.prediction is None:
        return (0.5, 0.0)
    disease = float(row.prediction.prob[list(card.task.positive)].sum())
    positive = {card.task.labels[i].id for i in card.task.positive}
    rank = 2.0 if row.prediction.decided in positive else 1.0 if row.prediction.decided is None else 0.0
    return (rank, disease if rank != 1.0 else 0.0)


def _order(reading: Reading) -> list[int]:
    """Return the places of the scans in the order the list shows them; those not read yet come last."""
    wanted, sort = st.session_state.get(state.FILTER, _ALL), st.session_state.get(_sort_key(), _sorts()[0])
    places = [i for i, row in enumerate(reading.rows) if wanted in (_ALL, None) or _kind(row) == wanted]
    if sort == "suspicious":
        places.sort(key=lambda i: suspicion(reading.rows[i], reading.card), reverse=True)
    elif sort == "name":
        places.sort(key=lambda i: reading.entries[i].name)
    return places + (list(range(len(reading.rows), len(reading.entries))) if wanted in (_ALL, None) else [])


def _chosen(reading: Reading, order: list[int]) -> int:
    """Return the scan to look at: the one chosen, else the first while they are read, then the first of the list."""
    place = st.session_state.get(state.CHOSEN)
    if isinstance(place, int) and place < len(reading.entries):
        return place
    return order[0] if reading.done and order else 0


def _open(place: int) -> None:
    st.session_state[state.CHOSEN] = place


def _step(order: list[int], place: int, by: int) -> None:
    """Go to the next or the previous scan of the list."""
    at = order.index(place) if place in order else 0
    _open(order[min(len(order) - 1, max(0, at + by))])


def _show_list(reading: Reading, order: list[int], place: int) -> None:
    names, groups = _names(reading), cases.cases(reading.entries)
    looked: set[int] = state.kept(state.LOOKED, set)
    lines = [_line(reading, i, names[i], groups[i], id(reading.entries[i]) in looked) for i in order]
    worklist.show(lines, place, "classify.list", _open)
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        for by, word, key in ((-1, "pages.previous", "k"), (1, "pages.next", "j")):
            st.button(
                say(word),
                key=f"classify.step.{by}",
                on_click=_step,
                args=(order, place, by),
                shortcut=key,
                type="tertiary",
            )


def _line(reading: Reading, place: int, name: str, case: str, looked: bool) -> worklist.Line:
    row, task = _row(reading, place), reading.card.task
    if row is None:
        return worklist.Line(place, name, "", "", "", REFUSED, case=case)
    if opinions.hides(row):
        return worklist.Line(place, name, row.thumbnail, say("pages.own-waits"), "", REFUSED, "", looked, case)
    if row.prediction is None:
        return worklist.Line(
            place, name, row.thumbnail, exports.NO_ANSWER, "", REFUSED, str(row.answer.error), looked, case
        )
    decided = row.prediction.decided
    word = label_word(task, decided) if decided else say("pages.cannot-tell")
    prob = show_prob(row.prediction.stands_at) if decided else ""
    colour = label_colours(task)[decided] if decided else REFUSED
    caution = str(next(iter(row.prediction.notes[: 1 if row.prediction.refusal else len(row.prediction.cautions)]), ""))
    return worklist.Line(place, name, row.thumbnail, word, prob, colour, caution, looked, case)


__all__ = ["show", "suspicion"]
