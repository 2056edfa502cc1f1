"""Data page: splits, with their proof."""

import re

import streamlit as st

from medcls.core.collection import Split
from medcls.errors import MedclsError
from medcls.workflows import data
from pages._ui import charts_data, notices

_WAYS = {"": "patient where known, else group", "patient": "patient", "group": "lesion or duplicate group",
         "published": "the folds that came with it"}  # fmt: skip


def show_split(seen: data.Overview) -> None:
    """Make a split, and show those there are."""
    with st.form("data.split", border=True):
        left, middle, right = st.columns(3)
        split = left.text_input("Name", "auto", help="Training takes the split called auto unless told otherwise.")
        by = middle.selectbox("Keep together", list(_WAYS), format_func=_WAYS.__getitem__)
        seed = int(right.number_input("Seed", 0, 2**31 - 1, 0))
        folds = int(left.number_input("Folds", 0, 20, 0, help="0 makes train, validate and test instead."))
        validate = middle.slider("Validate, %", 0, 40, 15, 5)
        test = right.slider("Test, %", 5, 40, 15, 5)
        if st.form_submit_button("Make the split", type="primary"):
            parts = {"train": 100 - validate - test, "validate": validate, "test": test}
            _make(seen, split, {part: share / 100 for part, share in parts.items()}, folds, seed, by)
    for name, made in data.list_splits(seen.record.name).items():
        st.subheader(notices.escape(name))
        if isinstance(made, str):
            st.warning(notices.escape(made))
        else:
            _show(seen, made)


def _make(seen: data.Overview, split: str, parts: dict[str, float], folds: int, seed: int, by: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", split):
        st.error("A split's name has letters, digits, '.', '_' and '-', 64 at most.")
        return
    try:
        data.split_collection(seen.record.name, split, parts=parts, folds=folds, seed=seed, by=by)
    except MedclsError as error:
        notices.show_error(error)
        pairs = getattr(error, "pairs", ())
        if pairs:
            st.dataframe([{"one side": a, "other side": b} for a, b in pairs[:200]], hide_index=True)


def _show(seen: data.Overview, split: Split) -> None:
    counts = data.count_parts(seen.record.name, split)
    st.plotly_chart(
        charts_data.split_chart(seen.task, counts), config=charts_data.CONFIG, key=f"data.split.{split.name}"
    )
    proof = split.proof
    if proof:
        st.success(
            f"Proof: {proof.groups_shared} groups and {proof.near_pairs_across} pairs of pictures on both sides. "
            f"{proof.pairs_compared:,} likely pairs were compared: {notices.escape(proof.how)}.",
            icon=":material/verified:",
        )
    st.caption(f"Kept together: {_WAYS.get(split.by, split.by)}. Seed {split.seed}.")
    st.download_button(
        "Split as JSON", split.to_json(), f"{seen.record.name}-{split.name}.json", "application/json",
        key=f"data.split.save.{split.name}",
    )  # fmt: skip
