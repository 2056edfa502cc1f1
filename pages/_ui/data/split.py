"""Data page: splits, with their proof."""

from collections.abc import Callable

import streamlit as st

from medcls.core.collection import Split
from medcls.errors import BadSplit, MedclsError
from medcls.words import say
from medcls.workflows import case_report, data, data_split
from pages._ui.data import charts
from pages._ui.data.pictures import show_cases
from pages._ui.widgets import downloads, notices
from pages._ui.widgets.charts import show_chart

_WAYS = {
    "": say("pages.data-patient-where-known-else"),
    "patient": say("pages.data-patient"),
    "group": say("pages.data-lesion-or-lookalike-group"),
    "published": say("pages.data-the-folds-that-came"),
    "given": say("pages.data-as-its-maker-did"),
}
_SHOWN = 6


def show_split(seen: data.Overview) -> None:
    """Make a split or take one over, and show those there are."""
    with st.form("data.split", border=True):
        left, middle, right = st.columns([1, 1.6, 1])
        split = left.text_input(say("pages.run-name"), "auto", help=say("pages.data-training-takes-the-split"))
        by = middle.selectbox(say("pages.data-keep-together"), list(_WAYS)[:-1], format_func=_WAYS.__getitem__)
        seed = int(right.number_input(say("pages.data-seed"), 0, 2**31 - 1, 0))
        folds = int(left.number_input(say("pages.data-folds"), 0, 20, 0, help=say("pages.data-0-makes-train-validate")))
        validate = middle.slider(say("pages.data-validate"), 0, 40, 15, 5)
        test = right.slider(say("pages.data-test"), 5, 40, 15, 5)
        if st.form_submit_button(say("pages.data-make-the-split"), type="primary"):
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
        notices.show_empty(say("pages.data-there-is-no-split"), say("pages.data-make-one-it-is"))
    for name, made in splits.items():
        st.subheader(notices.escape(name))
        if isinstance(made, str):
            st.warning(notices.escape(made))
        else:
            _show(seen, made)


def _take_over(seen: data.Overview) -> None:
    with st.expander(say("pages.data-import-a-split-made"), icon=":material/upload_file:"):
        st.caption(say("pages.data-json-with-the-case"))
        left, right = st.columns(2)
        file = left.file_uploader(say("pages.data-split-json-or-csv"), type=["json", "csv"], key="data.split.file")
        split = right.text_input(say("pages.run-name"), "given", key="data.split.given")
        asked = right.button(say("pages.data-check-and-import"), disabled=file is None, key="data.split.take")
        if asked and file:
            _tell_leaks(seen, lambda: data_split.take_split(seen.record.name, split, file.getvalue()))


def _tell_leaks(seen: data.Overview, make: Callable[[], Split]) -> None:
    """Make a split; where it leaks, show what stands on both sides, side by side."""
    try:
        make()
    except MedclsError as error:
        notices.show_error(error)
        if isinstance(error, BadSplit) and (leaks := data_split.list_leaks(error)):
            rows = [
                {say("pages.head-what"): what, say("pages.data-one-side"): a, say("pages.data-other-side"): b}
                for what, a, b in leaks
            ]
            st.dataframe(rows, hide_index=True)
            for column, (what, a, b) in zip(st.columns(2) * (_SHOWN // 2), leaks, strict=False):
                with column:
                    show_cases(seen.record.name, seen.task, (a, b), 120, key=what)
                    st.caption(notices.escape(what))
            if len(leaks) > _SHOWN:
                st.caption(say("pages.data-the-pictures-of-the", {"shown": _SHOWN, "n": len(leaks)}))
    else:
        st.rerun()  # the way above was drawn before the split was made


def _show(seen: data.Overview, split: Split) -> None:
    counts = data_split.count_parts(seen.record.name, split)
    show_chart(charts.split_chart(seen.task, counts), key=f"data.split.chart.{split.name}")
    proof = split.proof
    if proof and proof.caution:
        st.warning(notices.escape(str(proof.caution)), icon=":material/warning:")
    if proof:
        st.success(
            say(
                "pages.data-proof-patients-or-lookalike",
                {
                    "groups_shared": proof.groups_shared,
                    "near_pairs_across": proof.near_pairs_across,
                    "pairs_compared": proof.pairs_compared,
                    "how": notices.escape(proof.how),
                },
            ),
            icon=":material/verified:",
        )
    st.caption(say("pages.data-kept-together-seed", {"by": _WAYS.get(split.by, split.by), "seed": split.seed}))
    name = f"{seen.record.name}-{split.name}"
    file = case_report.OwnFile(name, split.to_json().encode(), "split")
    downloads.offer(
        say("pages.data-split-as-json"),
        "own-file",
        lambda: file,
        "record",
        f"{name}.json",
        key=f"data.split.save.{split.name}",
    )
