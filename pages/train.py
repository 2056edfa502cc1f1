"""Train: from labelled scans to a run in the background, in four steps."""

import dataclasses

import streamlit as st

from medcls.errors import MedclsError
from pages._ui import notices, run_searches, train_data, train_form, train_start

st.title("Train")
spec = train_form.draft()
collections = train_data.pick_collections()
if not collections:
    notices.show_research_use()
    st.stop()
try:
    spec = dataclasses.replace(spec, collections=collections)
    counts = st.container()
    st.subheader("2 · Recipe and network")
    train_form.pick_recipe(train_data.look(spec).task, collections)
    left, right = st.columns(2)
    with left:
        backbone = train_form.pick_backbone()
    with right:
        initial = train_form.pick_initial(backbone)
    st.subheader("3 · Settings")
    train_form.begin_reading()
    values = train_form.show_main_knobs(backbone) | train_form.show_advanced(collections)
    name = st.text_input(
        "Name of the run", spec.name, max_chars=200, key=train_form.key("name"), placeholder="what you will know it by"
    )
    spec = dataclasses.replace(spec, backbone=backbone, initial=initial, name=name.strip(), **values)
    train_form.keep(spec)
    with counts:
        seen = train_data.show_counts(spec)
    st.subheader("4 · Start")
    if wrong := train_form.unusable():
        st.error(f"Correct these fields first: {', '.join(wrong)}.", icon=":material/block:")
    train_start.show_start(spec, seen, usable=not wrong)
    if not wrong:
        run_searches.show_form(spec)
except MedclsError as error:
    notices.show_error(error)
notices.show_research_use()
