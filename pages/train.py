"""Train: from labelled scans to a run in the background, in four steps."""

import streamlit as st

from medcls.errors import MedclsError
from medcls.words import say
from pages._ui import state
from pages._ui.runs import searches
from pages._ui.train import collections as train_data
from pages._ui.train import fields, form, start
from pages._ui.widgets import header, notices, path

header.head(say("pages.title-train"))
way = st.container()
spec = form.draft()
chosen = train_data.pick_collections()
collections = train_data.keep_sound(chosen)
if not collections:
    if not chosen:
        with way:
            path.show(None)
    state.done()
try:
    with way:
        path.show(collections[0], here="train")
    spec = spec.having(collections=collections)
    spec = spec.having(label_map=train_data.pick_labels(spec))
    counts = st.container()
    task = train_data.count_cases(spec).task  # collections that make no task together are refused here, in step 1
    st.subheader(say("pages.train-2-recipe-and-network"))
    form.pick_recipe(task, spec)
    backbone, initial = form.pick_network(task)
    st.subheader(say("pages.train-3-settings"))
    fields.begin_reading()
    values = form.show_main_settings(backbone) | form.show_advanced(collections)
    name = st.text_input(
        say("pages.train-name-of-the-run"),
        spec.name,
        max_chars=200,
        key=fields.key("name"),
        placeholder=say("pages.train-what-you-will-know"),
    )
    spec = spec.having(backbone=backbone, initial=initial, name=name.strip(), **values)
    form.keep(spec)
    with counts:
        seen = train_data.show_counts(spec)
    st.subheader(say("pages.train-4-start"))
    if wrong := fields.unusable():
        st.error(say("pages.train-correct-these-fields-first", {"wrong": ", ".join(wrong)}), icon=":material/block:")
    usable = not wrong and collections == chosen
    start.show_start(spec, seen, usable=usable)
    if usable:
        searches.show_form(spec)
except MedclsError as error:
    notices.show_error(error)
