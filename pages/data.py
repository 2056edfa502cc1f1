"""Data: what is in a labelled collection, what is wrong with it, and a split that proves itself."""

import streamlit as st

from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import data
from pages._ui import cache, state
from pages._ui.data import add, findings, mend, overview, shortcuts, split
from pages._ui.widgets import header, notices, path, pickers

SECTIONS = {
    "Overview": (say("pages.data-overview"), overview.show_overview),
    "Samples": (say("pages.data-samples"), overview.show_samples),
    "Patients": (say("pages.data-patients"), overview.show_patients),
    "Findings": (say("pages.train-findings"), findings.show_findings),
    "Labels": (say("pages.data-labels"), mend.show_labels),
    "Shortcuts": (say("pages.data-shortcuts"), shortcuts.show_shortcuts),
    "Split": (say("pages.path-split"), split.show_split),
}
_HERE = {"Findings": "audit", "Split": "split"}  # the steps taken on this page, by section

with header.head(say("pages.title-data")):
    place = st.container(width=420)
records = {record.name: record for record in data.list_collections()}
broken = data.broken()
for one in broken:
    notices.show_failure(one)
if not records:
    path.show(None)
    notices.show_empty(
        say("pages.data-nothing-yet"),
        say("pages.data-nothing-yet-do"),
    )
add.show_add(opened=not records)
if not records:
    state.done()
with place:
    named = {name: say("pages.data-named", {"name": name, "n": record.n_cases}) for name, record in records.items()}
    chosen = pickers.pick(
        say("pages.data-collection"),
        named,
        state.COLLECTION,
        unknown="pages.unknown-collection",
        bare=True,
        broken={one.name for one in broken},
    )
if chosen is None:
    state.done()
way = st.container()
titles = {name: title for name, (title, _) in SECTIONS.items()}
section = pickers.pick_part(say("pages.data-section"), titles, state.SECTION)
if section != "Findings":
    state.hide(state.FINDINGS)
try:
    with way:
        path.show(chosen, here=_HERE.get(section, ""))
    SECTIONS[section][1](cache.read_overview(records[chosen]))
except MedclsError as error:
    notices.show_error(error)
