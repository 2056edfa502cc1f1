"""The keys of the session, and the choices that stay.

A choice (task, model) is kept in the session and in the page's address: it survives a change of page, a
reload and a bookmark, and Back takes it back. Everything about a patient is kept in the session only.
"""

from collections.abc import Collection, Mapping
from typing import Any, NoReturn
from urllib.parse import urlencode

import streamlit as st

from pages._ui.widgets import address

# Choices, which stand in the address too.
TASK = "task"
MODEL = "model"
MODELS = "models"  # those that are compared, with commas between
MODE = "mode"  # what they are compared on
MAPS_BY = "by"  # what stands side by side on Heatmaps
MAPS_LABEL = "label"  # what is looked for, unless it is the answer
MAPS_METHOD = "method"  # heatmap methods, with commas between
MAPS_LAYER = "layer"
CARD = "card"  # the model whose card is read
MODELS_TASK = "for"  # the task whose models are listed; none for all
COLLECTION = "collection"
DATA = "data"  # the collection to train on
RUN = "run"
SEARCH = "search"
SITE = "site"  # where answers are read
SECTION = "section"  # which part of the Data page
FINDINGS = "kind"  # which kind of finding
CASES_OF, PART = "cases", "part"  # the test cases of a comparison
VIEW = "view"  # which part of a comparison
RUN_PART = "of"  # which part of a run
RUNS_SHOW = "show"  # the list of runs or of searches

# What is before the user, on every page.
PAGE = "page"  # the page that is shown
TOP = "page.top"  # how often a page was to begin at its top
SESSION = "session"  # what the audit trail says of who came
DROP = "drop"  # the scans, on whichever page they were dropped
DROP_TIMES = "drop.times"  # how often it was put away: a new key empties the widget
FRAMES = "frames"  # how many pictures a file holds: entry -> count
DECODED = "decoded"  # the last few scans decoded: (entry, frame) -> scan or error
ANSWERS = "answers"  # what models said, on whichever page they were asked: (scan, frame, model) -> answer
ANSWERS_TOLD = "answers.told"  # what the audit trail says was shown of them: (scan, frame, model) -> labels
ENCODED = "encoded"  # pictures encoded for the viewer
READING = "reading"  # the answers of the drop: its entries and, by model, how far they were read
FILTER, SORT = "classify.filter", "classify.sort"  # which answers the list shows, in which order
CHOSEN = "classify.chosen"  # which scan of the drop is looked at
LOOKED = "classify.looked"  # those looked at
SHOW_ANYWAY = "classify.anyway"  # refused scans whose numbers were asked for all the same
OWN_FIRST = "classify.own"  # whether a person reads before the network is shown
OPINIONS = "classify.opinions"  # what a person said of a scan
STUDIES = "studies"  # the study of each DICOM file of the drop, as a digest
GROUPING = "classify.grouping"  # how scans are put together to cases
CASES = "classify.cases"  # cases put together by hand
REGION, MEASURES = "region", "measures"  # the region drawn last on the scan shown, and the lines measured on it
EVIDENCE = "evidence"  # maps of a scan for all labels: (scan, model) -> what was drawn
PASSES = "passes"  # the last few passes that answered, for maps to be drawn from: (scan, model) -> pass
GALLERY_AT = "gallery.at"  # which picture of a gallery is open
LOOPS = "loops"  # all frames of the loop that was asked for
HEATMAP_VIEW = "heatmap.view"  # how it looks

# Worklist.
WORKLIST = "worklist.found"  # what a source had when it was asked last

TEXT_FOUND = "report.text"  # where text stands on a scan: its digest -> boxes
REPORT_SENT = "report.sent"  # when what was sent first: a second click sends the same objects, which is nothing new

# Heatmaps.
MAPS = "heatmaps.maps"  # the maps side by side, as far as they are drawn
MAPS_STOPPED = "heatmaps.stopped"  # slow ones that were stopped
MAP_CHECKS = "heatmaps.checks"  # what the tests of a heatmap found
TISSUE = "heatmaps.tissue.map"  # the last tissue map

# Compare.
COMPARE_MODE = "compare.mode"
COMPARE_ANSWERS = "compare.answers"  # the last scan's, by model
COMPARE_FOUND = "compare.found"  # the last comparison on a test set
COMPARE_EVALUATIONS = "compare.evaluations"
COMPARE_DIFFERENCES = "compare.differences"
COMPARE_PICTURES = "compare.pictures"
COMPARE_COSTS = "compare.costs"  # what models cost, milliseconds measured: card -> cost
COMPARE_THRESHOLD = "compare.threshold"
COMPARE_LABEL = "compare.threshold.label"

# Site.
SITE_PICK = "site.here"  # the picker of the frame
ALL_MODELS = "models.all"  # whether models that the site did not approve are offered
PREVALENCE = "site.prevalences"  # share of people with the disease, as the person set it, by site and task
SITE_ROWS = "site.rows"  # dropped scans with their thumbnails, decoded once
SITE_CHECKED = "site.checked"  # the last check, with the settings that follow from it
SITE_LOOKED = "site.looked"  # what scans without labels told last
SITE_LETTER = "site.letter.kept"  # the card by mail that was kept last

# Data.
DATA_ADDED = "data.added"  # said once after a collection was added
DATA_TIMES = "data.add.times"  # archives added: a new key empties the uploader
DATA_PLAN = "data.plan"  # what was looked at last, and its plan
DATA_REFUSED = "data.refused"  # what was looked at last and not recognised, why, and what had been said of it
DATA_LEFT = "data.plan.left"  # every file of it that is not taken
DATA_WHO = "data.mend.who"  # who decides, for the record of changes
DATA_SEED = "data.samples.seed"

# Train.
TRAIN_DRAFT = "train.draft"  # what the form began from
TRAIN_FORM = "train.number"  # how many times it began
TRAIN_LAST = "train.last"  # what it holds
TRAIN_UNUSABLE = "train.unusable"  # fields that hold nothing usable
TRAIN_CLONED = "train.cloned"
TRAIN_PREFLIGHT = "train.preflight"
TRAIN_SEEN = "train.seen"

# Runs.
RUNS_TABLE = "runs.table"
RUNS_KIND = "runs.kind"
RUNS_MOVE = "runs.moves"  # whether anything moved when the page was drawn
RUN_ABOUT = "runs.about"  # what was said of a run when its dialog opened
RUN_PICTURES = "runs.pictures"
RUN_POOLED = "runs.pooled"
RUN_SHEET = "runs.sheet"  # the epoch whose samples are shown

# Models.
MISSING_PLACE = "missing.place"  # where a page tells what an address names and is not here
MODELS_TABLE = "models.table"  # how often the list began anew, because the address named another card
MODEL_ONNX = "models.onnx"  # the last file made
MODELS_RETIRED = "models.retired"  # whether retired ones are listed
MODEL_RETIRED = "models.retired.last"  # retired in this session: may be undone
MODEL_MEASURED = "models.measured"  # the last measurement, before it is kept


_PENDING = "address.pending"  # choices of this run that the address does not show yet
_SHOWS = "address.shows"  # which choices the address of the page that is shown may hold
_WRITTEN = "address.written"  # page, what its address held, and what this session last put there
_OPENED = "address.opened"  # what the page added when it opened: told to the browser, not to its history


def choice(key: str) -> str | None:
    """Return the last choice under `key`: the address's if somebody changed it (a link, Back), else this session's."""
    if moved(key):
        st.session_state[f"choice.{key}"] = st.query_params.get(key)
    if f"choice.{key}" in st.session_state:  # one that was forgotten may still stand in the address of this run
        return st.session_state[f"choice.{key}"]
    return st.query_params.get(key)


def moved(key: str) -> bool:
    """Return whether the address holds another choice than this session put there: by a link followed, or Back.

    A choice that is missing on the page it was written on was taken back; on another page it was not written yet.
    """
    page, before, wrote = st.session_state.get(_WRITTEN, ("", {}, {}))
    here = st.query_params.to_dict()
    if here in (before, wrote) and page == _page():
        return False
    return here.get(key) != wrote.get(key) and (key in here or page == _page())


def follow(widget: str, key: str, value: Any) -> None:
    """Let a widget show the choice of the address, or of `lead`, where it was changed: it has a value of its own."""
    if st.session_state.pop(f"lead.{key}", False) or moved(key):
        st.session_state[widget] = value


def _page() -> str:
    """Return the page that is shown."""
    return str(st.session_state.get(PAGE, ""))


def open_page(title: str, shows: Collection[str]) -> None:
    """Say which page is shown and which choices its address may hold, before it is drawn."""
    st.session_state[PAGE] = title
    st.session_state[_SHOWS] = set(shows)


def hide(*keys: str) -> None:
    """Leave choices out of the address of this run: what they choose among is not shown. They stay chosen."""
    st.session_state[_SHOWS] -= set(keys)


def remember(key: str, value: str | None) -> None:
    """Keep a choice for this session; `write_address` puts it into the address. None forgets it."""
    st.session_state[f"choice.{key}"] = value
    st.session_state.setdefault(_PENDING, {})[key] = value


def lead(key: str, value: str | None) -> None:
    """Keep a choice that another part of the page made: the widget that shows it follows when it is drawn again."""
    remember(key, value)
    st.session_state[f"lead.{key}"] = True


def write_address() -> None:
    """Put every choice of this run into the address at once: one click is one step back, opening a page is none.

    Nothing else stays there: not what another page chose, nor what is not shown.
    """
    pending, shows = st.session_state.pop(_PENDING, {}), st.session_state[_SHOWS]
    here = st.query_params.to_dict()
    wanted = {key: value for key, value in {**here, **pending}.items() if value is not None and key in shows}
    page, before, wrote = st.session_state.get(_WRITTEN, ("", {}, {}))
    if page != _page():  # it opens
        number = st.session_state.get(_OPENED, (0,))[0] + 1
        st.session_state[_OPENED] = (number, _query(here), _query(wanted) if wanted != here else "")
        st.session_state[_WRITTEN] = (_page(), here, wanted)
    elif here != before or wanted != wrote:  # else the browser has yet to show what the page added when it opened
        if wanted != here:
            st.query_params.from_dict(wanted)
        st.session_state[_WRITTEN] = (_page(), wanted, wanted)
    number, old, new = st.session_state[_OPENED]
    address.replace(old, new, number)


def _query(params: Mapping[str, str]) -> str:
    return f"?{urlencode(params)}" if params else ""


class Done(Exception):
    """Ends a page early; unlike `st.stop` it lets the address be written."""


def done() -> NoReturn:
    """End the page here."""
    raise Done


def kept(key: str, make: Any) -> Any:
    """Return what the session holds under `key`, made by `make()` the first time."""
    if key not in st.session_state:
        st.session_state[key] = make()
    return st.session_state[key]


def make_room(held: dict[Any, Any], values_of: Any, most: int = 32, most_values: int = 75_000_000) -> None:
    """Drop the oldest of what a session keeps until the rest is few and small; the newest always stays.

    Args:
        held: What is kept, oldest first.
        values_of: Tells how many numbers an item holds (four bytes each).
        most: Items at most.
        most_values: Numbers at most in all: 300 MB.
    """
    sizes = {key: values_of(item) for key, item in held.items()}
    while len(held) > 1 and (len(held) > most or sum(sizes[key] for key in held) > most_values):
        held.pop(next(iter(held)))
