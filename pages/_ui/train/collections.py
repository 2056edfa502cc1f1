"""Train, step 1: which labelled scans, for which task; what is in them."""

from collections.abc import Mapping, Sequence

import streamlit as st

from medcls.core.collection import CollectionRecord
from medcls.core.run import RunSpec
from medcls.words import say
from medcls.workflows import preflight
from medcls.workflows.preflight import LeftOut
from pages._ui import state
from pages._ui.train.fields import key
from pages._ui.train.form import draft
from pages._ui.widgets import notices, pickers

OUT = ""
_KEPT = 8


def pick_collections() -> tuple[str, ...]:
    """Draw the choice of collections; empty, with what to do, if there are none. Unreadable ones stand above it."""
    records = {record.name: record for record in preflight.list_data()}
    broken = preflight.list_broken()
    if not records:
        notices.show_empty(say("pages.train-a-network-is-finetuned"), say("pages.train-add-a-data-set"))
        for one in broken:
            notices.show_failure(one)
        st.page_link("../data.py", label=say("pages.data-add-a-collection"), icon=":material/photo_library:")
        return ()
    st.subheader(say("pages.train-1-data"))
    for one in broken:
        notices.show_failure(one)
    asked = [name for name in (state.choice(state.DATA) or "").split(",") if name]
    for name in (name for name in asked if name not in records and name not in {one.name for one in broken}):
        notices.show_missing(say("pages.unknown-collection", {"wanted": name}))
    first = _first(records, asked)
    state.follow(key("collections"), state.DATA, first)
    chosen = st.multiselect(
        say("pages.stress-on"),
        list(records),
        default=first,
        key=key("collections"),
        format_func=lambda n: say(
            "pages.train-cases",
            {"n": n, "n_cases": records[n].n_cases, "labels": ", ".join(map(records[n].name_of, records[n].labels))},
        ),
        help=say("pages.train-several-collections-of-one"),
    )
    if chosen:
        state.remember(state.DATA, ",".join(chosen))
    return tuple(chosen)


def _first(records: Mapping[str, CollectionRecord], asked: Sequence[str]) -> list[str]:
    """Return what is chosen at first: what a link just named, what the form held, or the best to begin with.

    Nothing is chosen in the place of what a link names and is not here.
    """
    named = [name for name in asked if name in records]
    held = [name for name in draft().data.collections if name in records]
    if asked and state.moved(state.DATA):
        return named
    return held or named or ([] if asked else [preflight.first_data(list(records.values()))])


def keep_sound(chosen: tuple[str, ...]) -> tuple[str, ...]:
    """Return the collections chosen that can be opened; each other one stands below the choice with what ails it."""
    opened = preflight.open_data(chosen)
    for one in opened:
        notices.show_failure(one)
    return tuple(one.name for one in opened if one.ok)


def pick_labels(spec: RunSpec) -> dict[str, str]:
    """Draw, for every label that the task has not, what it is read as; nothing where all labels are the task's."""
    foreign, allowed = preflight.list_foreign_labels(spec)
    found: dict[str, str] = {}
    if not foreign:
        return found
    st.caption(say("pages.train-labels-that-the-others"))
    places = st.columns(3)
    names = {record.name: record for record in preflight.list_data() if record.name in spec.data.collections}
    called = {label: record.name_of(label) for record in names.values() for label in record.labels}
    asked = [(name, label) for name, labels in foreign.items() for label in labels]
    for i, (name, label) in enumerate(asked):
        place = f"{name}/{label}"
        options = [None, *allowed, OUT]
        own = names[name].name_of(label) if name in names else label
        chosen = places[i % 3].selectbox(
            say("pages.train-label-is", {"label": notices.escape(own), "name": notices.escape(name)}),
            options,
            index=options.index(spec.data.label_map.get(place)) if spec.data.label_map.get(place) in options else 0,
            format_func=lambda one: (
                say("pages.train-not-said-yet") if one is None else called.get(one, one) or say("pages.train-left-out")
            ),
            key=key(f"label_map.{place}"),
        )
        if chosen is not None:
            found[place] = chosen
    return found


def show_counts(spec: RunSpec) -> preflight.Preflight:
    """Draw how many cases of each label serve for what, and what should be known of them."""
    seen = count_cases(spec)
    rows = [
        {"": part, **dict(zip(seen.names, by.values(), strict=True)), say("pages.head-all"): sum(by.values())}
        for part, by in seen.counts.items()
    ]
    left, right = st.columns([3, 2])
    left.dataframe(rows, hide_index=True, width="stretch", alt=say("pages.train-cases-of-each-part"))
    said = {"task": pickers.title_of(seen.task, seen.title, seen.names), "split": "; ".join(map(str, seen.split))}
    left.caption(say("pages.train-task-the-epoch-that", {key: notices.escape(text) for key, text in said.items()}))
    with right:
        for note in seen.blockers:
            st.error(notices.escape(str(note)), icon=":material/block:")
        for one in seen.left_out:
            _show_left_out(one)
        for note in seen.findings:
            st.warning(notices.escape(str(note)), icon=":material/flag:")
        if not seen.findings and not seen.blockers and not seen.left_out:
            st.success(say("pages.train-nothing-to-settle-in"), icon=":material/check:")
    return seen


def _show_left_out(one: LeftOut) -> None:
    """Say what is left out, with a button that goes to it."""
    (st.info if one.settled else st.warning)(notices.escape(str(one.says)), icon=":material/filter_alt:")
    key = f"train.left.{one.collection}.{one.kind}.{one.settled}"
    if st.button(say("pages.train-look-at-them"), key=key, type="tertiary", icon=":material/arrow_forward:"):
        state.remember(state.COLLECTION, one.collection)
        where = {state.COLLECTION: one.collection, state.SECTION: "Findings", state.FINDINGS: one.kind}
        st.switch_page("../data.py", query_params=where)


def count_cases(spec: RunSpec) -> preflight.Preflight:
    """Return what the data hold, looked at again only when another choice, or other contents, ask for it."""
    contents = tuple(r.fingerprint for r in preflight.list_data() if r.name in spec.data.collections)
    data = spec.data
    made = (data.made_from, data.fit, data.cleaning)
    wanted = repr((data.collections, data.label_map, data.task, data.split, data.fold, data.leave_out, contents))
    wanted += repr((spec.value("balance"), spec.kind, spec.translation.from_label, spec.translation.to_label, made))
    held: dict[str, preflight.Preflight] = state.kept(state.TRAIN_SEEN, dict)
    if wanted not in held:
        if len(held) >= _KEPT:
            held.pop(next(iter(held)))
        with st.spinner(say("pages.train-counting-cases-and-making"), show_time=True):
            held[wanted] = preflight.survey(spec)
    return held[wanted]
