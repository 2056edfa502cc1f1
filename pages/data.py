"""Data: what is in a labelled collection, what is wrong with it, and a split that proves itself."""

import streamlit as st

from medcls.errors import MedclsError
from medcls.workflows import data
from pages._ui import cache, state
from pages._ui.data import add, findings, mend, overview, shortcuts, split
from pages._ui.widgets import header, notices, path, pickers

SECTIONS = {
    "Overview": overview.show_overview,
    "Samples": overview.show_samples,
    "Patients": overview.show_patients,
    "Findings": findings.show_findings,
    "Labels": mend.show_labels,
    "Shortcuts": shortcuts.show_shortcuts,
    "Split": split.show_split,
}

with header.head("Data"):
    place = st.container(width=420)
records = {record.name: record for record in data.list_collections()}
for broken in data.broken():
    if broken.error is not None:
        notices.show_error(broken.error, broken.name)
add.show_add(opened=not records)
if not records:
    path.show(None)
    notices.show_empty(
        "Labelled scans to train and to measure on stand here, with what is in them and what is wrong with them.",
        "Add the folder of a data set as it was downloaded; the scans stay where they are.",
    )
    state.done()
with place:
    named = {name: f"{name} — {record.n_cases:,} cases" for name, record in records.items()}
    chosen = pickers.pick("Collection", named, state.COLLECTION, unknown="pages.unknown-collection", bare=True)
if chosen is None:
    state.done()
path.show(chosen)
section = pickers.pick_part("Section", list(SECTIONS), state.SECTION)
try:
    SECTIONS[section](cache.look_over(records[chosen]))
except MedclsError as error:
    notices.show_error(error)
