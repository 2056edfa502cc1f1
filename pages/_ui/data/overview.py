"""Data page: what is in a collection, at a glance and as pictures."""

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
    record, patients = seen.record, seen.per_patient()
    titles = data.list_layouts()
    out = (
        f"{record.n_dropped:,} dropped, see Findings; {record.n_set_aside:,} could not be read; "
        f"{record.n_not_taken:,} were not taken when the collection was added."
    )
    with st.container(horizontal=True, gap="large"):  # a narrow page breaks the row instead of cutting the words
        for title, value in (
            ("Cases", f"{record.n_cases:,}"),
            ("Look-alike groups", f"{seen.n_groups:,}"),
            (f"{seen.whose or 'patient'}s".capitalize(), f"{len(patients):,}" if patients else "unknown"),
            ("Left out", f"{record.n_dropped + record.n_set_aside + record.n_not_taken:,}"),
        ):
            st.metric(title, value, help=out if title == "Left out" else None, width="content")
    left, right = st.columns(2)
    with left:
        st.subheader("Cases of each label")
        show_chart(charts.label_chart(seen.task, seen.count()))
    with right:
        st.subheader("Sizes")
        show_chart(charts.size_chart(seen.task, seen.size_px, seen.label))
    st.caption(
        f"{notices.escape(titles.get(record.layout, record.layout))} · read from `{record.root}` · "
        f"version {record.version}, fingerprint `{record.fingerprint[:16]}` · "
        f"added {record.made[:16].replace('T', ' ')} UTC"
    )
    _show_attributes(seen)
    if seen.unreadable:
        with st.expander(f"{counted(len(seen.unreadable), 'file')} could not be read"):
            st.dataframe([{"file": name, "why": why} for name, why in seen.unreadable], hide_index=True)
    if record.n_not_taken:
        _show_not_taken(record.name)
    with st.popover("Forget this collection", icon=":material/delete:"):
        st.caption(
            "Its index, decisions and splits go, and files that were unpacked or copied for it; not the originals."
        )
        if st.button("Forget it", key="data.forget"):
            data.remove_collection(record.name)
            state.remember(state.COLLECTION, None)
            st.rerun()


def _show_not_taken(name: str) -> None:
    """Show the files that were not taken when the collection was added, each with its reason."""
    left = data_plan.not_taken_of(name)
    with st.expander(f"Not taken: {counted(len(left), 'file')}"):
        st.dataframe([{"file": file, "why": str(why)} for file, why in left.items()], hide_index=True)


def _show_attributes(seen: data.Overview) -> None:
    counts = data.count_attributes(seen.record.name)
    if not counts:
        return
    st.subheader("What else the set says")
    chosen = st.segmented_control(
        "Attribute",
        list(counts),
        default=next(iter(counts)),
        key=f"data.attribute.{seen.record.name}",
        label_visibility="collapsed",
        required=True,
    )
    shown = counts.get(chosen or "") or next(iter(counts.values()))
    show_chart(charts.attribute_chart(seen.task, shown))


def show_samples(seen: data.Overview) -> None:
    """Show cases of each label drawn at random, side by side, at most one of a group."""
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    n = left.slider("Cases of each label", 4, 32, 12, 4, key="data.samples.n")
    if right.button("Draw others", key="data.samples.again"):
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
            "This collection does not say which patient a case is of.",
            "Pictures that look the same are kept together; see Findings.",
        )
        return
    positive = " or ".join(seen.task.labels[i].name for i in seen.task.positive)
    histogram, shares = charts.patient_charts(patients, positive, seen.whose)
    left, right = st.columns(2)
    left.subheader(f"Cases of one {seen.whose}")
    with left:
        show_chart(histogram)
    right.subheader(f"Share of {notices.escape(positive)} in each")
    with right:
        show_chart(shares)
    _show_patient(seen, patients, positive)


def _show_patient(seen: data.Overview, patients: dict[str, tuple[int, float]], positive: str) -> None:
    ordered = sorted(patients, key=lambda p: -patients[p][0])
    patient = st.selectbox(
        seen.whose.capitalize(),
        ordered,
        key=f"data.patient.{seen.record.name}",
        format_func=lambda p: f"{p} — {patients[p][0]:,} cases, {patients[p][1]:.0%} {positive}",
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
