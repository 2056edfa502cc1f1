"""The answers of a drop: read a little at each run of the page, so that rows stream in; kept in this session only."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import streamlit as st

from medcls.core.model import ModelCard
from medcls.core.outcome import Outcome
from medcls.core.prediction import Prediction
from medcls.core.scan import Scan
from medcls.errors import MedclsError
from medcls.workflows import classify, scans, viewer
from medcls.workflows import site as site_room
from medcls.workflows.turns import ANSWERS
from pages._ui import cache, state
from pages._ui.classify import opinions
from pages._ui.widgets import drops, known, notices
from pages._ui.widgets.charts import data_url
from pages._ui.widgets.header import site_name

_ONE_BY_ONE = (
    8  # scans at most that are decoded and answered one by one, each once for its answer, its picture and its maps
)
_A_RUN_S = 0.6  # how long a run of the page answers before it shows what it has


@dataclass(frozen=True)
class Row:
    """One scan of the drop and its answer. Holds a thumbnail, not the scan.

    Args:
        entry: The file.
        answer: The model's answer as it is read here, or why there is none.
        thumbnail: The scan, small, as a data URL.
        frame: Which frame of the file it is, from 0; None for the first.
        history: What decoding did.
        held: The answer as the model gave it while the audit trail says that it waits for the reader; None once it says
            that it is shown.
    """

    entry: scans.Entry
    answer: Outcome[Prediction]
    thumbnail: str = ""
    frame: int | None = None
    history: tuple[str, ...] = ()
    held: Prediction | None = None

    @property
    def prediction(self) -> Prediction | None:
        """The answer; None if there is none."""
        return self.answer.value


@dataclass
class Reading:
    """How far a drop was read by one model."""

    entries: tuple[scans.Entry, ...]
    card: ModelCard
    rows: list[Row] = field(default_factory=list)
    source: Iterator[Row] | None = None
    site: str = ""
    own: bool = False  # whether `source` answers for a reader who reads first

    @property
    def done(self) -> bool:
        """True once every scan has its row."""
        return len(self.rows) == len(self.entries)


@dataclass(frozen=True)
class Shown:
    """One scan of the drop as it is shown, with its answer and what was drawn of it.

    Args:
        row: The scan's row.
        place: Its place in the drop.
        scan: The decoded scan.
        reading: The drop it belongs to.
        evidence: What was drawn of it; None if nothing was yet.
        members: What each network of a mean answered; empty where that is not known, and for one network.
    """

    row: Row
    place: int
    scan: Scan
    reading: Reading
    evidence: Outcome[viewer.Evidence] | None
    members: tuple[Prediction, ...] = ()

    @property
    def card(self) -> ModelCard:
        """The model's card."""
        return self.reading.card


def reading_of(entries: tuple[scans.Entry, ...], card: ModelCard) -> Reading:
    """Return what this session knows of a drop by a model; nothing is asked yet."""
    held: tuple[tuple[scans.Entry, ...], dict[str, Reading]] | None = st.session_state.get(state.READING)
    if held is None or held[0] is not entries:
        held = (entries, {})
        st.session_state[state.READING] = held
        for key in (state.CHOSEN, state.LOOKED, state.SHOW_ANYWAY, state.OPINIONS, state.CASES):
            st.session_state.pop(key, None)
    site = site_name()
    basis = site_room.basis_at(site, card) if site else ""
    return held[1].setdefault(f"{site} {basis} {card.json_digest}", Reading(entries, card, site=site))


def go_on(reading: Reading) -> None:
    """Answer some more scans: for about half a second, one at least.

    Raises:
        MedclsError: If the model cannot be opened.
    """
    until, own = time.monotonic() + _A_RUN_S, bool(st.session_state.get(state.OWN_FIRST))
    rest = reading.source if reading.own == own else None
    rest = rest or _rows(reading.entries[len(reading.rows) :], reading.card, reading.site)
    reading.own = own
    reading.source = None  # what was cut short, by an error or by the page, yields nothing more
    for row in rest:
        reading.rows.append(_here(row, reading))
        if time.monotonic() > until:
            reading.source = rest
            return


def answer_frame(reading: Reading, place: int, frame: int) -> None:
    """Answer another frame of a file that holds several, in place of the one answered before."""
    row = reading.rows[place]
    read = drops.read_entry(row.entry, frame)
    try:
        reading.rows[place] = _here(_answered(row.entry, read.get(), reading.card, frame), reading)
    except MedclsError as error:
        reading.rows[place] = Row(row.entry, Outcome(row.entry.name, error=error), row.thumbnail, frame)


def reveal(reading: Reading) -> None:
    """Have the audit trail say of the answers that were held back which are shown now.

    Raises:
        Conflict: If one must not be shown unwritten.
    """
    for place, row in enumerate(reading.rows):
        if row.held is not None and not opinions.hides(row):
            known.tell(reading.card, row.held, row.frame)
            reading.rows[place] = replace(row, held=None)


def _here(row: Row, reading: Reading) -> Row:
    """Return a row as it is read at the site: by the site's own threshold, where it has one."""
    if row.prediction is None or not reading.site:
        return row
    return replace(row, answer=row.answer.then(lambda said: site_room.read_at(reading.site, said, reading.card)))


def count(reading: Reading) -> None:
    """Count a drop's answers in the site's watch, if it agreed to one."""
    if not reading.site:
        return
    answered = [row.prediction for row in reading.rows if row.prediction is not None]
    try:
        site_room.watch(reading.site, answered, reading.card)
    except MedclsError as error:
        notices.show_error(error)


def _answered(entry: scans.Entry, scan: Scan, card: ModelCard, frame: int | None = None) -> Row:
    held = opinions.waits(entry, frame)
    with ANSWERS:
        answer = known.ask(scan, card, frame, held)
    thumbnail = data_url(scans.thumbnail(scan))
    return Row(entry, Outcome(entry.name, answer), thumbnail, frame, scan.history, answer if held else None)


def _rows(entries: tuple[scans.Entry, ...], card: ModelCard, site: str) -> Iterator[Row]:
    """Answer the entries in order; one that cannot be read keeps its error and the rest go on."""
    classifier = cache.open_classifier(card)
    if len(entries) <= _ONE_BY_ONE:
        yield from (_single(entry, card) for entry in entries)
        return
    files, held = (drops.decoded(entry) or entry for entry in entries), bool(st.session_state.get(state.OWN_FIRST))
    for entry, answer in zip(entries, classify.classify_many(files, classifier, site=site, held=held), strict=True):
        scan = answer.scan.value
        if scan is None:
            yield Row(entry, answer.prediction)
            continue
        drops.keep_scan(entry, answer.scan)
        said = answer.prediction.value
        if said is not None:
            known.keep(scan, card, said)
        if said is not None and not held:
            known.mark(card, said, known.read_here(said, card).decided)
        thumbnail = data_url(scans.thumbnail(scan))
        yield Row(entry, answer.prediction, thumbnail, None, scan.history, said if held else None)


def _single(entry: scans.Entry, card: ModelCard) -> Row:
    try:
        return _answered(entry, drops.read_entry(entry).get(), card)
    except MedclsError as error:
        return Row(entry, Outcome(entry.name, error=error))
