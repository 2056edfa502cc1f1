"""Compare, a test set: which model is better, and can these cases tell; where they disagree; subgroups; cost."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from medcls.core.model import ModelCard
from medcls.core.outcome import Outcome
from medcls.core.progress import staged
from medcls.core.task import Task
from medcls.core.titles import title_of
from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import compare, scans, tables
from pages._ui import cache, state
from pages._ui.compare.test_set import PICK_PX, Section, get_differences
from pages._ui.widgets import drops, gallery, matrix, notices
from pages._ui.widgets.charts import show_chart
from pages._ui.widgets.charts_scores import cost_chart
from pages._ui.widgets.numbers import show_change, show_estimate, show_prob
from pages._ui.widgets.palette import label_colours, label_word
from pages._ui.widgets.waits import watched

_SHOWN = 12
_TOLD = 3  # pairs at most that are said in words before one is asked for
_SURE = " ●"
_SIDE_BY_SIDE = 4  # models at most that have a column of a table each


def pick_score(found: compare.Comparison, key: str) -> str:
    """Let the user choose a score; the AUROC of disease against the rest until one is chosen."""
    titles = found.score_names()
    first = list(titles).index("auroc_disease")
    return st.selectbox(
        say("pages.runs-score"),
        list(titles),
        first,
        format_func=lambda name: titles[name],
        key=f"compare.score.{key}",
        width=PICK_PX,
    )


def show_pairs(found: compare.Comparison, names: dict[str, str]) -> tuple[str, Section]:
    """Show every pair's difference with its verdict; return the score chosen, and what can be downloaded."""
    score = pick_score(found, "pairs")
    differences = get_differences(found, score)
    mcnemar = found.right_and_wrong()
    st.markdown(say("pages.compare-row-minus-column-more"))
    _show_matrix(differences, names)
    st.markdown(say("pages.compare-cases-that-only-one"))
    st.dataframe(
        [
            {
                say("pages.head-a"): names[a],
                say("pages.head-b"): names[b],
                say("pages.compare-only-a-right"): m.only_a,
                say("pages.compare-only-b-right"): m.only_b,
                say("pages.compare-mcnemars-p"): f"{m.p:.3f}" if m.p >= 0.001 else "< 0.001",
            }
            for (a, b), m in mcnemar.items()
        ],
        hide_index=True,
        alt=say("pages.compare-mcnemar-s-test"),
    )
    st.caption(say("pages.compare-differences-paired-bootstrap"))
    return score, (say("pages.compare-mcnemar"), "mcnemar.csv", lambda: tables.mcnemar_rows(mcnemar))


def _show_matrix(differences: Sequence[Any], names: dict[str, str]) -> None:
    """Show the differences of all pairs; a click on a cell says it in words, else those that are sure, if few."""
    chosen = matrix.show(
        names, _cells(differences), say("pages.compare-differences-between-every"), f"compare.matrix.{'|'.join(names)}"
    )
    sure = [d for d in differences if d.better]
    told = [d for d in differences if chosen and {d.a, d.b} == set(chosen)] or (sure if len(sure) <= _TOLD else [])
    if told:
        st.markdown("\n".join(f"- {_sentence(d, names)}" for d in told))
    st.caption(say("pages.compare-click-cell", {"sure": len(sure), "n": len(differences)}))


def _sentence(difference: Any, names: dict[str, str]) -> str:
    told = difference.verdict_of({model: f"**{notices.escape(name)}**" for model, name in names.items()})
    return say(
        "pages.compare-against",
        {"a": notices.escape(names[difference.a]), "b": notices.escape(names[difference.b]), "told": told},
    )


def show_difference(difference: Any) -> str:
    """Return a difference with its interval; a dot where it is more than chance."""
    if math.isnan(difference.p):
        return say("pages.compare-not-computable")
    return show_change(difference.estimate) + (_SURE if difference.better else "")


def _cells(differences: Sequence[Any]) -> dict[tuple[str, str], matrix.Cell]:
    """Return the cells of the matrix, by row and column: a difference, and turned round."""
    cells: dict[tuple[str, str], matrix.Cell] = {}
    for d in differences:
        e = d.estimate
        turned = replace(d, estimate=replace(e, value=-e.value, low=-e.high, high=-e.low))
        for row, column, one in ((d.a, d.b, d), (d.b, d.a, turned)):
            value, _, interval = show_difference(one).removesuffix(_SURE).partition(" (")
            cells[row, column] = matrix.Cell(value, f"({interval}" if interval else "", bool(d.better))
    return cells


def show_disagreements(found: compare.Comparison, names: dict[str, str]) -> Section | None:
    """Show the cases on which the models' answers differ as pictures, one click from the scan."""
    rows = found.disagreements()
    if not rows:
        st.success(say("pages.compare-the-models-answer", {"first": len(found.first)}))
        return None
    n = found.count_disagreements()
    shown = say("pages.compare-the-first-stand", {"rows": len(rows)}) if n > len(rows) else ""
    st.caption(say("pages.compare-of-cases-widest", {"n": n, "first": len(found.first), "shown": shown}))
    task = next(iter(found.cards.values())).task
    _show_pictures(rows, names, task)
    _show_answers(rows, names, task)
    return (
        say("pages.compare-disagreements"),
        "disagreements.csv",
        lambda: tables.disagreement_rows(found.disagreements(len(found.first))),
    )


def _show_answers(rows: Sequence[compare.Disagreement], names: dict[str, str], task: Task) -> None:
    """Show who answered what of each case in a table; with many models their columns are headed by letters."""
    many = len(names) > _SIDE_BY_SIDE
    heads = dict(zip(names, matrix.LETTERS, strict=False)) if many else names
    if many:
        st.caption(notices.escape(" · ".join(f"{heads[m]} {name}" for m, name in names.items())))
    st.dataframe(
        [
            {say("pages.head-case"): r.case, say("pages.head-truth"): label_word(task, r.truth)}
            | {heads[m]: f"{label_word(task, a)} ({show_prob(r.prob[m])})" for m, a in r.answers.items()}
            for r in rows
        ],
        hide_index=True,
        column_config={say("pages.head-case"): st.column_config.TextColumn(pinned=True)},
        alt=say("pages.compare-cases-on-which"),
    )


def _show_pictures(rows: Sequence[compare.Disagreement], names: dict[str, str], task: Task) -> None:
    """Show the first cases whose scan is here; each reason why others have none is said once."""
    shown: list[tuple[compare.Disagreement, bytes]] = []
    missing: dict[str, int] = {}
    absent: list[str] = []
    for row in rows:
        picture = _picture(row)
        if picture.error is not None and picture.error.code == "data.no-such-collection":
            absent.append(row.collection)
        elif picture.value is None:
            missing[str(picture.error)] = missing.get(str(picture.error), 0) + 1
        else:
            shown.append((row, picture.value))
        if len(shown) == _SHOWN:
            break
    _show_gallery(shown, names, task)
    if absent:
        called = ", ".join(sorted(set(absent)))
        st.caption(notices.escape(say("pages.pictures-to-add", {"n": len(absent), "names": called})))
        st.page_link("../data.py", label=say("pages.data-add-a-collection"), icon=":material/photo_library:")
    for why, n in missing.items():
        st.caption(notices.escape(say("pages.no-pictures", {"n": n, "why": why.rstrip(".")})))


def _show_gallery(shown: Sequence[tuple[compare.Disagreement, bytes]], names: dict[str, str], task: Task) -> None:
    figures = [
        gallery.Figure(
            row.case,
            picture,
            say("pages.truth-is", {"word": label_word(task, row.truth)}),
            label_colours(task)[row.truth],
            [
                say(
                    "pages.model-says", {"model": names[m], "told": f"{label_word(task, a)} ({show_prob(row.prob[m])})"}
                )
                for m, a in row.answers.items()
            ],
        )
        for row, picture in shown
    ]

    def offer(place: int) -> None:
        if st.button(say("pages.look-at-scan"), key=f"compare.look.{place}") and _look(shown[place][0]):
            st.rerun()

    if figures:
        gallery.show(
            figures, lambda place: scans.read(compare.read_case(shown[place][0])), "compare.pictures", 230, offer
        )


def _look(row: compare.Disagreement) -> bool:
    """Turn the page to one scan, this one; returns whether it can be read."""
    try:
        drops.put_here(scans.Entry(row.case, compare.read_case(row)))
    except MedclsError as error:
        notices.show_error(error)
        return False
    st.session_state.pop(state.COMPARE_MODE, None)
    state.remember(state.MODE, "scan")
    return True


def _picture(row: compare.Disagreement) -> Outcome[bytes]:
    """Return a case's thumbnail, the last few dozen kept in this session."""
    held: dict[Any, Outcome[bytes]] = state.kept(state.COMPARE_PICTURES, dict)
    key = (row.collection, row.case)
    if key not in held:
        if len(held) > 60:
            held.pop(next(iter(held)))
        held[key] = Outcome.of(row.case, lambda: scans.thumbnail(scans.read(compare.read_case(row)), 320))
    return held[key]


def show_subgroups(found: compare.Comparison, names: dict[str, str]) -> Section | None:
    """Show a score in each subgroup of a column, with how many cases each has."""
    columns = found.columns()
    if not columns:
        st.info(say("pages.compare-the-cases-carry"))
        return None
    left, right, _ = st.columns(3)
    column = left.selectbox(
        say("pages.compare-column"), list(columns), format_func=columns.__getitem__, key="compare.column"
    )
    with right:
        score = pick_score(found, "subgroups")
    with watched(say("pages.compare-resampling-groups")) as tell:
        groups = found.subgroups(column, score, progress=staged(tell, say("pages.compare-subgroups-resampled")))
    st.dataframe(
        _subgroup_rows(groups, columns[column], names, column == "collection"),
        hide_index=True,
        height="content",
        alt=say("pages.compare-of-every-model", {"score": score, "column": column}),
    )
    st.caption(say("pages.compare-small-subgroups-have"))
    return say("pages.compare-subgroups"), "subgroups.csv", lambda: tables.subgroup_rows(column, score, groups)


def _subgroup_rows(
    groups: Sequence[compare.Subgroup], head: str, names: dict[str, str], collections: bool
) -> list[dict[str, Any]]:
    """Return a row for each subgroup, models beside each other; with many, for each subgroup and model."""
    rows: list[dict[str, Any]] = []
    for g in groups:
        told: dict[str, Any] = {head: title_of(g.value) if collections else g.value}
        told |= {say("pages.head-cases"): g.n_cases, say("pages.groups"): g.n_groups}
        scores = {names[m]: show_estimate(e) for m, e in g.scores.items()}
        if len(scores) <= _SIDE_BY_SIDE:
            rows.append(told | scores)
            continue
        each = ({say("pages.head-model"): name, say("pages.head-score"): score} for name, score in scores.items())
        rows += [told | one for one in each]
    return rows


def show_costs(found: compare.Comparison, names: dict[str, str]) -> Section:
    """Show what each model costs against what it is worth; milliseconds are measured on this machine on request."""
    held: dict[str, compare.Cost] = state.kept(state.COMPARE_COSTS, dict)
    if st.button(say("pages.compare-measure-the-milliseconds")):
        with watched(say("pages.compare-timing")) as tell:
            for done, card in enumerate(found.cards.values()):
                tell(done, len(found.cards), say("pages.compare-models-timed"))
                held[card.json_digest] = _cost(card, found, timed=True)
    rows, all_costs = [], []
    for model, card in found.cards.items():
        cost = held.get(card.json_digest) or _cost(card, found, timed=False)
        all_costs.append(cost)
        rows.append(
            {
                say("pages.head-model"): names[model],
                say("pages.models-million-weights-2"): round(cost.n_parameters / 1e6, 3),
                say("pages.compare-file-mb"): round(cost.file_bytes / 1e6, 2),
                say("pages.compare-ms-per-scan-here"): None if cost.scan_ms is None else round(cost.scan_ms, 1),
                say("pages.data-auroc"): show_estimate(found.scores[model]["auroc"]),
            }
        )
    st.dataframe(
        rows, hide_index=True, placeholder=say("pages.model-unmeasured"), alt=say("pages.compare-cost-and-auroc")
    )
    timed = all(row[say("pages.compare-ms-per-scan-here")] is not None for row in rows)
    key, title = (
        (say("pages.compare-ms-per-scan-here"), say("pages.compare-ms-per-scan-on"))
        if timed
        else (say("pages.models-million-weights-2"), say("pages.models-million-weights-2"))
    )
    points = [
        row | {"score": found.scores[m]["auroc"], "name": names[m]} for m, row in zip(found.cards, rows, strict=True)
    ]
    show_chart(cost_chart(points, key, title, say("pages.data-auroc")), key="compare.cost")
    return say("pages.compare-costs"), "costs.csv", lambda: tables.cost_rows(all_costs)


def _cost(card: ModelCard, found: compare.Comparison, *, timed: bool) -> compare.Cost:
    return found.cost(card.id, cache.open_classifier(card) if timed else None)
