"""Data page: the tables that a plan found, and what a person may say of them: which, how written, which columns."""

from collections.abc import Mapping

import streamlit as st

from medcls.core.plan import Plan
from medcls.words import say
from pages._ui.widgets import notices

ROLES = {
    "label": say("pages.data-label"),
    "patient": say("pages.worklist-patient"),
    "group": say("pages.data-lesion-or-what-else"),
    "part": say("pages.data-part-or-fold"),
    "site": say("pages.site"),
}
_PARTS = {
    "train": say("pages.data-part-train"),
    "validate": say("pages.data-part-validate"),
    "test": say("pages.data-part-test"),
    "fold": say("pages.data-part-fold"),
    "nothing": say("pages.data-part-nothing"),
}
_IN_A_ROW = 4  # fields; on a phone they stand below one another
_NONE, EACH = "—", "*"
_ENCODINGS = (
    "utf-8",
    "utf-16",
    "cp1252",
    "cp1250",
    "cp1251",
    "cp1253",
    "cp1254",
    "cp1256",
    "cp949",
    "cp932",
    "gb18030",
    "big5",
)
_GUESSED = "data.table-encoding-guessed"


def ask_columns(plan: Plan, key: str) -> dict[str, str]:
    """Let a person name the columns of the table that the labels, or else the patients, come from."""
    used = next((table for table in plan.tables if table.columns), None)
    if used is None:
        return {}
    st.caption(say("pages.data-columns-of", {"path": notices.escape(used.path)}))
    asked = {"label" for question in plan.questions if question.option == "--label-column"}
    chosen = {}
    for place, (role, title) in zip(st.columns(len(ROLES)), ROLES.items(), strict=True):
        now = used.columns.get(role, _NONE)
        options = list(dict.fromkeys([_NONE, now, *used.header]))
        picked = place.selectbox(title, options, index=options.index(now), key=f"{key}.{role}")
        if picked != now or role in asked:
            chosen[role] = "-" if picked == _NONE else picked
    return chosen


def name_columns(now: Mapping[str, str], key: str) -> dict[str, str]:
    """Let a person write the names of columns, where no table was read whose names could be offered."""
    titles = {"path": say("pages.site-file"), **ROLES}
    places = st.columns(len(titles), vertical_alignment="bottom")
    written = {
        role: place.text_input(title, now.get(role, ""), key=f"{key}.{role}").strip()
        for place, (role, title) in zip(places, titles.items(), strict=True)
    }
    return {role: name for role, name in written.items() if name}


def ask_parts(plan: Plan, key: str) -> dict[str, str]:
    """Let a person say what the cells of a column of parts mean, those that are asked about and those answered."""
    asked = {str(one.asks.params.get("cell", EACH)): one for one in plan.questions if one.option == "--part-name"}
    said = dict(plan.choices.parts)
    cells = (*said, *(cell for cell in asked if cell not in said))
    rows = [place for _ in cells[::_IN_A_ROW] for place in st.columns(_IN_A_ROW)]
    for cell, place in zip(cells, rows, strict=False):
        options = ["", *_PARTS]
        picked = place.selectbox(
            say("pages.data-part-of", {"cell": cell if cell != EACH else say("pages.data-part-each")}),
            options,
            index=options.index(said[cell]) if said.get(cell) in _PARTS else 0,
            key=f"{key}.part.{cell}",
            format_func=lambda part: _PARTS.get(part, say("pages.data-part-unsaid")),
        )
        if picked:
            said[cell] = picked
    return said


def ask_table(plan: Plan, place: st.delta_generator.DeltaGenerator, key: str) -> str:
    """Let a person name the one table to be read, where there are several."""
    files = list(dict.fromkeys(table.path.partition("[")[0] for table in plan.tables if table.header))
    asked = next((question.allowed for question in plan.questions if question.option == "--table"), ())
    if len(files) < 2 and not plan.choices.table and not asked:
        return ""
    options = list(dict.fromkeys(["", plan.choices.table, *asked, *files]))
    return place.selectbox(
        say("pages.data-table"),
        options,
        index=options.index(plan.choices.table),
        key=f"{key}.table",
        format_func=lambda path: path or say("pages.data-tables-all"),
        help=say("pages.data-table-alone"),
    )


def ask_encoding(plan: Plan, place: st.delta_generator.DeltaGenerator, key: str) -> str:
    """Let a person say how the tables are written, where that is a guess."""
    guessed = any(note.code == _GUESSED for table in plan.tables for note in table.notes)
    if not guessed and not plan.choices.encoding:
        return ""
    options = list(dict.fromkeys(["", plan.choices.encoding, *_ENCODINGS]))
    return place.selectbox(
        say("pages.data-encoding"),
        options,
        index=options.index(plan.choices.encoding),
        key=f"{key}.encoding",
        format_func=lambda name: name or say("pages.data-encoding-found"),
    )


def show_tables(plan: Plan) -> None:
    """Show every table found: what its columns were read as, and why it is not used where it is not."""
    if not plan.tables:
        return
    with st.expander(say("pages.data-tables-found", {"n": len(plan.tables)})):
        for table in plan.tables:
            read = ", ".join(f"{role}: {name}" for role, name in table.columns.items())
            st.markdown(f"**{notices.escape(table.path)}** · {notices.escape(read or say('pages.data-not-used'))}")
            if table.notes:
                st.caption(notices.escape(" ".join(map(str, table.notes))))
