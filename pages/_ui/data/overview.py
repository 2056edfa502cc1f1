"""Data page: what is in a collection, at a glance and as pictures."""

from collections.abc import Iterable

import streamlit as st

from medcls.errors import MedclsError
from medcls.words import counted, say
from medcls.workflows import data, data_plan
from pages._ui import state
from pages._ui.data import charts
from pages._ui.data.pictures import show_cases
from pages._ui.widgets import notices, viewer
from pages._ui.widgets.charts import show_chart
from pages._ui.widgets.palette import label_word


def show_overview(seen: data.Overview) -> None:
    """Show counts, balance and sizes."""
    record, titles = seen.record, data.list_layouts()
    _show_numbers(seen)
    left, right = st.columns(2)
    with left:
        st.subheader(say("pages.data-cases-of-each-label"))
        show_chart(charts.label_chart(seen.task, seen.count()))
    with right:
        st.subheader(say("pages.data-sizes"))
        show_chart(charts.size_chart(seen.task, seen.size_px, seen.label))
    st.caption(
        say(
            "pages.data-read-from-version-fingerprint",
            {
                "layout": notices.escape(titles.get(record.layout, record.layout)),
                "root": record.root,
                "version": record.version,
                "fingerprint": record.fingerprint[:16],
                "made": record.made[:16].replace("T", " "),
            },
        )
    )
    _show_attributes(seen)
    if seen.unreadable:
        with st.expander(say("pages.data-could-not-be-read-2", {"unreadable": counted(len(seen.unreadable), "file")})):
            _list_files(seen.unreadable)
    if record.n_not_taken:
        _show_not_taken(record.name)
    with st.popover(say("pages.data-forget-this-collection"), icon=":material/delete:"):
        st.caption(say("pages.data-its-index-decisions-and"))
        if st.button(say("pages.data-forget-it"), key="data.forget"):
            data.remove_collection(record.name)
            state.remember(state.COLLECTION, None)
            st.rerun()


def _show_numbers(seen: data.Overview) -> None:
    record, patients = seen.record, seen.per_patient()
    out = say(
        "pages.data-dropped-see-findings-could",
        {"n_dropped": record.n_dropped, "n_set_aside": record.n_set_aside, "n_not_taken": record.n_not_taken},
    )
    told = {
        say("pages.data-left-out"): out,
        say("pages.data-lookalike-groups"): say("pages.data-lookalike-groups-help"),
    }
    with st.container(horizontal=True, gap="medium"):  # a narrow page breaks the row instead of cutting the words
        for title, value in (
            (say("pages.data-cases"), f"{record.n_cases:,}"),
            (say("pages.data-lookalike-groups"), f"{seen.n_groups:,}"),
            (
                say("pages.data-whose", {"whose": f"{seen.whose or 'patient'}s"}),
                f"{len(patients):,}" if patients else say("pages.unknown"),
            ),
            (say("pages.data-left-out"), f"{record.n_dropped + record.n_set_aside + record.n_not_taken:,}"),
        ):
            st.metric(title, value, help=told.get(title), width="content")


def _show_not_taken(name: str) -> None:
    """Show the files that were not taken when the collection was added, each with its reason."""
    left = data_plan.not_taken_of(name)
    with st.expander(say("pages.data-not-taken-2", {"left": counted(len(left), "file")})):
        _list_files(left.items())


def _list_files(files: Iterable[tuple[str, object]]) -> None:
    """Show files, each with why it is not there."""
    file, reason = say("pages.head-file"), say("pages.head-why")
    st.dataframe([{file: name, reason: str(why)} for name, why in files], hide_index=True)


def _show_attributes(seen: data.Overview) -> None:
    counts = data.count_attributes(seen.record.name)
    if not counts:
        return
    st.subheader(say("pages.data-what-else-the-set"))
    chosen = st.segmented_control(
        say("pages.data-attribute"),
        list(counts),
        default=next(iter(counts)),
        format_func=notices.escape,
        key=f"data.attribute.{seen.record.name}",
        label_visibility="collapsed",
        required=True,
    )
    shown = counts.get(chosen or "") or next(iter(counts.values()))
    show_chart(charts.attribute_chart(seen.task, shown))


def show_samples(seen: data.Overview) -> None:
    """Show cases of each label drawn at random, side by side, at most one of a group."""
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    n = left.slider(say("pages.data-cases-of-each-label"), 4, 32, 12, 4, key="data.samples.n")
    if right.button(say("pages.data-draw-others"), key="data.samples.again"):
        st.session_state[state.DATA_SEED] = st.session_state.get(state.DATA_SEED, 0) + 1
    seed = st.session_state.get(state.DATA_SEED, 0)
    labels = [label for label, count in seen.count().items() if count]
    for column, label in zip(st.columns(max(1, len(labels))), labels, strict=False):
        with column:
            known = label in seen.task.label_ids
            st.subheader(notices.escape(label_word(seen.task, label) if known else label))
            ids = data.sample_cases(seen.record.name, label, n, seed)
            show_cases(seen.record.name, seen.task, ids, 112 if len(labels) > 2 else 130)


def show_patients(seen: data.Overview) -> None:
    """Show cases and labels per patient, and where coordinates are known a patient's tissue."""
    patients = seen.per_patient()
    if not patients:
        notices.show_empty(
            say("pages.data-this-collection-does-not"),
            say("pages.data-pictures-that-look-the"),
        )
        return
    positive = " or ".join(seen.task.labels[i].name for i in seen.task.positive)
    histogram, shares = charts.patient_charts(patients, positive, seen.whose)
    left, right = st.columns(2)
    left.subheader(say("pages.data-cases-of-one-2", {"whose": seen.whose}))
    with left:
        show_chart(histogram)
    right.subheader(say("pages.data-share-of-in-each", {"positive": notices.escape(positive)}))
    with right:
        show_chart(shares)
    _show_patient(seen, patients, positive)


def _show_patient(seen: data.Overview, patients: dict[str, tuple[int, float]], positive: str) -> None:
    ordered = sorted(patients, key=lambda p: -patients[p][0])
    patient = st.selectbox(
        seen.whose.capitalize(),
        ordered,
        key=f"data.patient.{seen.record.name}",
        format_func=lambda p: say(
            "pages.data-cases-2", {"p": p, "n": patients[p][0], "share": patients[p][1], "positive": positive}
        ),
    )
    if not seen.has_places:
        show_cases(seen.record.name, seen.task, data.sample_cases(seen.record.name, "", 24, patient=patient))
        return
    try:
        tissue = data.lay_out_tissue(seen.record.name, patient)
    except MedclsError as error:
        notices.show_error(error)
        return
    scan, labelled = data.show_labels(tissue, seen.task)
    maps = () if labelled.empty else (viewer.Map(labelled),)
    panes = [viewer.Pane("", say("pages.alt-tissue", {"name": patient}), maps)]
    viewer.show(scan, panes, "data.tissue", viewer.Options(seen.task))
    st.caption(notices.escape(say("pages.tissue-labels", {"word": positive})))
