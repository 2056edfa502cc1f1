"""Data page: splits, with their proof."""

from collections.abc import Callable

import streamlit as st

from medcls.core.collection import Split
from medcls.errors import BadSplit, MedclsError
from medcls.workflows import case_report, data, data_split
from pages._ui.data import charts
from pages._ui.data.pictures import show_cases
from pages._ui.widgets import downloads, notices
from pages._ui.widgets.charts import show_chart

_WAYS = {
    "": "patient where known, else look-alike group",
    "patient": "patient",
    "group": "lesion or look-alike group",
    "published": "the folds that came with it",
    "given": "as its maker did",
}
_SHOWN = 6


def show_split(seen: data.Overview) -> None:
    """Make a split or take one over, and show those there are."""
    with st.form("data.split", border=True):
        left, middle, right = st.columns(3)
        split = left.text_input("Name", "auto", help="Training takes the split called auto unless told otherwise.")
        by = middle.selectbox("Keep together", list(_WAYS)[:-1], format_func=_WAYS.__getitem__)
        seed = int(right.number_input("Seed", 0, 2**31 - 1, 0))
        folds = int(left.number_input("Folds", 0, 20, 0, help="0 makes train, validate and test instead."))
        validate = middle.slider("Validate, %", 0, 40, 15, 5)
        test = right.slider("Test, %", 5, 40, 15, 5)
        if st.form_submit_button("Make the split", type="primary"):
            shares = {"train": 100 - validate - test, "validate": validate, "test": test}
            parts = {part: share / 100 for part, share in shares.items()}
            _tell_leaks(
                seen,
                lambda: data_split.split_collection(
                    seen.record.name, split, parts=parts, folds=folds, seed=seed, by=by
                ),
            )
    _take_over(seen)
    splits = data_split.list_splits(seen.record.name)
    if not splits:
        notices.show_empty("There is no split yet.", "Make one: it is checked, and written down with its proof.")
    for name, made in splits.items():
        st.subheader(notices.escape(name))
        if isinstance(made, str):
            st.warning(notices.escape(made))
        else:
            _show(seen, made)


def _take_over(seen: data.Overview) -> None:
    with st.expander("Import a split made elsewhere", icon=":material/upload_file:"):
        st.caption(
            "JSON with the case ids of each part, or a csv with the columns `id` and `part` (or `fold`). "
            "It is refused if a patient, a look-alike group or a picture stands on both sides."
        )
        left, right = st.columns(2)
        file = left.file_uploader("Split, JSON or csv", type=["json", "csv"], key="data.split.file")
        split = right.text_input("Name", "given", key="data.split.given")
        asked = right.button("Check and import", disabled=file is None, key="data.split.take")
        if asked and file:
            _tell_leaks(seen, lambda: data_split.take_split(seen.record.name, split, file.getvalue()))


def _tell_leaks(seen: data.Overview, make: Callable[[], Split]) -> None:
    """Make a split; where it leaks, show what stands on both sides, side by side."""
    try:
        make()
    except MedclsError as error:
        notices.show_error(error)
        if isinstance(error, BadSplit) and (leaks := data_split.list_leaks(error)):
            rows = [{"what": what, "one side": a, "other side": b} for what, a, b in leaks]
            st.dataframe(rows, hide_index=True)
            for column, (what, a, b) in zip(st.columns(2) * (_SHOWN // 2), leaks, strict=False):
                with column:
                    show_cases(seen.record.name, seen.task, (a, b), 120, key=what)
                    st.caption(notices.escape(what))
            if len(leaks) > _SHOWN:
                st.caption(f"The pictures of the first {_SHOWN} of {len(leaks):,} are shown.")


def _show(seen: data.Overview, split: Split) -> None:
    counts = data_split.count_parts(seen.record.name, split)
    show_chart(charts.split_chart(seen.task, counts), key=f"data.split.chart.{split.name}")
    proof = split.proof
    if proof and proof.caution:
        st.warning(notices.escape(str(proof.caution)), icon=":material/warning:")
    if proof:
        st.success(
            f"Proof: {proof.groups_shared} patients or look-alike groups and "
            f"{proof.near_pairs_across} pairs of pictures on both sides. "
            f"{proof.pairs_compared:,} likely pairs were compared: {notices.escape(proof.how)}.",
            icon=":material/verified:",
        )
    st.caption(f"Kept together: {_WAYS.get(split.by, split.by)}. Seed {split.seed}.")
    name = f"{seen.record.name}-{split.name}"
    file = case_report.OwnFile(name, split.to_json().encode(), "split")
    downloads.offer(
        "Split as JSON", "own-file", lambda: file, "record", f"{name}.json", key=f"data.split.save.{split.name}"
    )
