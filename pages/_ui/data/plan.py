"""Data page: the plan of adding scans, and what a person may change in it."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pandas as pd
import streamlit as st

from medcls.core.plan import Plan, PlanChoices, Question
from medcls.words import counted, say
from medcls.workflows import data
from pages._ui import state
from pages._ui.data import plan_tables as tables
from pages._ui.widgets import notices

_BEGINNINGS = {
    "": say("pages.data-beginning-unsaid"),
    "patient": say("pages.data-beginning-patient"),
    "group": say("pages.data-beginning-group"),
    "nothing": say("pages.data-beginning-nothing"),
}
_PATIENTS = {
    "": say("pages.data-patients-unsaid"),
    "shared": say("pages.data-patients-shared"),
    "per-site": say("pages.data-patients-per-site"),
}
_SEVERAL_CELLS = 2
_AT_SITES = ("data.ids-at-sites", "data.ids-per-site")


def show_summary(plan: Plan) -> None:
    """Show what would be taken: counts by label, part and site, whose the scans are, and what a person should know."""
    st.markdown(
        say("pages.data-scans-of-files", {"n_scans": plan.n_scans, "n_files": plan.n_files})
        + notices.escape(" ".join(map(str, plan.why)))
    )
    owners = f"{plan.n_patients:,}" if plan.n_owned else say("pages.unknown")
    whence = ", ".join(map(str, plan.patients_from)) or say("pages.plan-nowhere")
    with st.container(horizontal=True, gap="medium"):
        st.metric(say("pages.site-n-scans"), f"{plan.n_scans:,}", width="content")
        st.metric(say("pages.data-labels"), sum(label.n > 0 for label in plan.labels), width="content")
        st.metric(
            say("pages.data-patients-or-lesions"),
            owners,
            help=notices.escape(say("pages.data-from", {"names": whence})),
            width="content",
        )
        st.metric(say("pages.data-masks"), f"{plan.n_masks:,}", width="content")
        st.metric(say("pages.data-not-taken-3"), f"{plan.n_not_taken:,}", width="content")
    if (rows := _by_part(plan)) is not None:
        st.dataframe(rows, hide_index=True, width="content")
    for note in plan.notes:
        st.caption(notices.escape(str(note)))


def _by_part(plan: Plan) -> pd.DataFrame | None:
    """Return scans by part and site, a column a label; None where the set has neither."""
    if not any(row.part or row.site for row in plan.counts):
        return None
    names = {label.id: label.name for label in plan.labels} | {"": say("pages.plan-unlabelled")}
    table = pd.DataFrame([{"part": r.part, "site": r.site, "label": names[r.label], "n": r.n} for r in plan.counts])
    keys = [key for key in ("site", "part") if table[key].any()]
    wide = table.pivot_table(index=keys, columns="label", values="n", aggfunc="sum", fill_value=0)
    return wide.reset_index().rename(columns={"site": say("pages.head-site"), "part": say("pages.head-part")})


def ask_choices(plan: Plan) -> PlanChoices | None:
    """Let a person change how the set is read; returns the choices once they are to be applied."""
    for asks in _asked(plan):
        st.warning(notices.escape(asks), icon=":material/help:")
    key = f"data.plan.{plan.path}.{hash(plan.to_json())}"
    with st.form(key, border=True):
        labels = _ask_labels(plan, key)
        columns = tables.ask_columns(plan, key)
        left, right = st.columns(2)
        folders = _ask_folders(plan, left, key)
        leave_out = _ask_leave_out(plan.choices, right, key)
        layout = _ask_layout(plan, left, key)
        beginnings = _ask_beginnings(plan, right, key)
        patients = _ask_patients(plan, right, key)
        parts = tables.ask_parts(plan, key)
        table, encoding = tables.ask_table(plan, left, key), tables.ask_encoding(plan, right, key)
        if not st.form_submit_button(say("pages.data-apply")):
            return None
    names, disease = _said(plan, labels)
    return replace(
        plan.choices,
        columns={**plan.choices.columns, **columns},
        folders=folders,
        layout=layout,
        leave_out=leave_out,
        names=names,
        disease=disease,
        beginnings=beginnings,
        patients=patients,
        parts=parts,
        table=table,
        encoding=encoding,
    )


def ask_more(choices: PlanChoices, source: str) -> PlanChoices | None:
    """Let a person say how a set is to be read in which nothing was recognised; returns it once it is to be looked at.

    Args:
        choices: What was said before.
        source: What tells this set from another.
    """
    key = f"data.refused.{source}"
    layouts = {"": say("pages.data-recognised-alone"), **data.list_layouts()}
    with st.form(key, border=True):
        st.caption(say("pages.data-say-more"))
        columns = tables.name_columns(choices.columns, key)
        left, right = st.columns(2)
        title, help_ = say("pages.data-levels-of-folders"), say("pages.data-one-role-a-level")
        folders = left.text_input(title, choices.folders, key=f"{key}.folders", help=help_)
        layout = _ask_one(layouts, say("pages.data-layout"), choices.layout, right, f"{key}.layout")
        leave_out = _ask_leave_out(choices, left, key)
        table = right.text_input(say("pages.data-table"), choices.table, key=f"{key}.table").strip()
        if not st.form_submit_button(say("pages.data-look-again")):
            return None
    return replace(choices, columns=columns, folders=folders, layout=layout, leave_out=leave_out, table=table)


def _ask_leave_out(choices: PlanChoices, place: st.delta_generator.DeltaGenerator, key: str) -> tuple[str, ...]:
    """Let a person name folders or patterns of paths that are not to be taken."""
    written = place.text_input(
        say("pages.data-leave-out"),
        ", ".join(choices.leave_out),
        key=f"{key}.out",
        placeholder="models, */figures/*",
        help=say("pages.data-folders-or-patterns-of"),
    )
    return tuple(part.strip() for part in written.split(",") if part.strip())


def _asked(plan: Plan) -> list[str]:
    """Return what is asked, several cells of a column of parts in one sentence."""
    cells = [question for question in plan.questions if question.asks.code == "data.asks-part"]
    if len(cells) < _SEVERAL_CELLS:
        return [str(question.asks) for question in plan.questions]
    names = ", ".join(str(question.asks.params["cell"]) for question in cells)
    columns = ", ".join(dict.fromkeys(str(question.asks.params["column"]) for question in cells))
    others = [str(question.asks) for question in plan.questions if question not in cells]
    return [*others, say("pages.data-asks-parts", {"names": names, "column": columns})]


def _ask_beginnings(plan: Plan, place: st.delta_generator.DeltaGenerator, key: str) -> str:
    """Let a person say whether names begin with the patient, where they may."""
    asked = any(question.option == "--names-begin-with" for question in plan.questions)
    title, now = say("pages.data-names-begin-with"), plan.choices.beginnings
    return _ask_one(_BEGINNINGS, title, now, place, f"{key}.beginnings") if asked or now else ""


def _ask_patients(plan: Plan, place: st.delta_generator.DeltaGenerator, key: str) -> str:
    """Let a person say whether ids that stand at several sites are of one patient, where there are any."""
    there = any(note.code in _AT_SITES for note in plan.notes)
    title, now = say("pages.data-ids-at-sites"), plan.choices.patients
    return _ask_one(_PATIENTS, title, now, place, f"{key}.patients") if there or now else ""


def _ask_one(
    answers: Mapping[str, str], title: str, now: str, place: st.delta_generator.DeltaGenerator, key: str
) -> str:
    return place.selectbox(title, list(answers), list(answers).index(now), key=key, format_func=answers.__getitem__)


def _ask_labels(plan: Plan, key: str) -> pd.DataFrame:
    st.caption(say("pages.data-what-the-labels-are"))
    rows = [
        {
            say("pages.data-written"): ", ".join(label.written) or label.name,
            say("pages.run-name"): label.name,
            say("pages.data-disease"): bool(label.positive),
            say("pages.site-n-scans"): label.n,
        }
        for label in plan.labels
    ]
    return st.data_editor(
        pd.DataFrame(rows),
        hide_index=True,
        disabled=[say("pages.data-written"), say("pages.site-n-scans")],
        key=f"{key}.labels",
    )


def _ask_layout(plan: Plan, place: st.delta_generator.DeltaGenerator, key: str) -> str:
    layouts = data.list_layouts()
    return place.selectbox(
        say("pages.data-layout"),
        ["", *layouts],
        index=["", *layouts].index(plan.choices.layout),
        key=f"{key}.layout",
        format_func=lambda i: layouts.get(i, say("pages.data-recognised", {"layout": layouts[plan.layout]})),
    )


def _said(plan: Plan, labels: pd.DataFrame) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the names and the disease as a person edited them."""
    names = dict(plan.choices.names)
    for label, name in zip(plan.labels, labels[say("pages.run-name")], strict=True):
        if str(name).strip() and str(name).strip() != label.name:
            names |= {written: str(name).strip() for written in label.written or (label.name,)}
    disease = {
        str(n).strip()
        for n, sick in zip(labels[say("pages.run-name")], labels[say("pages.data-disease")], strict=True)
        if sick
    }
    asked = any(question.option == "--disease" for question in plan.questions)
    as_read = {label.name for label in plan.labels if label.positive}
    said = tuple(sorted(disease)) if disease and (asked or disease != as_read) else plan.choices.disease
    return names, said


def _ask_folders(plan: Plan, place: st.delta_generator.DeltaGenerator, key: str) -> str:
    """Let a person say what the levels of folders are."""
    asked: Question | None = next((q for q in plan.questions if q.option == "--folders"), None)
    options = [option for option in (asked.allowed if asked else ()) if "/" in option]
    if options:
        return (
            place.selectbox(say("pages.data-levels-of-folders"), ["", *options], key=f"{key}.folders")
            or plan.choices.folders
        )
    shown = place.text_input(
        say("pages.data-levels-of-folders"),
        plan.choices.folders or plan.folders,
        key=f"{key}.folders",
        help=say("pages.data-one-role-a-level"),
    )
    return plan.choices.folders if shown == plan.folders else shown


def show_not_taken(plan: Plan, list_all: Callable[[], dict[str, str]]) -> None:
    """Show what is not taken by folder, ending and reason, and every name on a click."""
    tables.show_tables(plan)
    if not plan.n_not_taken:
        return
    with st.expander(
        say("pages.data-not-taken-4", {"n_not_taken": counted(plan.n_not_taken, "file")}),
        expanded=plan.n_not_taken < 200,
    ):
        st.dataframe(
            [
                {
                    say("pages.head-folder"): row.folder,
                    say("pages.head-ending"): row.ending or say("pages.plan-no-ending"),
                    say("pages.head-why"): str(row.reason),
                    say("pages.head-files"): row.n,
                    say("pages.data-such-as"): ", ".join(row.names[:3]),
                }
                for row in plan.not_taken
            ],
            hide_index=True,
        )
        if st.button(say("pages.data-name-them-all"), key=f"data.plan.list.{plan.path}"):
            st.session_state[state.DATA_LEFT] = list_all()
        if (left := st.session_state.get(state.DATA_LEFT)) is not None and len(left) == plan.n_not_taken:
            st.dataframe(
                [{say("pages.head-file"): file, say("pages.head-why"): why} for file, why in left.items()],
                hide_index=True,
            )
