"""Runs: searches over settings, each trial of which is an ordinary run."""

import math
from typing import Any

import streamlit as st

from medcls.core.progress import staged
from medcls.core.run import RunSpec
from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import runs, search
from pages._ui import state
from pages._ui.runs.charts import score_word
from pages._ui.runs.search_charts import importance_chart, parallel_chart
from pages._ui.runs.table import setting_word
from pages._ui.widgets import notices
from pages._ui.widgets.charts import show_chart
from pages._ui.widgets.numbers import show_seconds
from pages._ui.widgets.waits import watched

_SILENT_S = 600.0
_RECIPES, _OWN = "recipe", "own"
_VARY = {
    _RECIPES: say("pages.runs-what-the-recipe-searches"),
    "batch-and-rate": say("pages.runs-batch-size-and-learning"),
    "layers-and-rate": say("pages.runs-layers-that-stay-frozen"),
    _OWN: say("pages.runs-only-the-ranges-below"),
}
_SAMPLERS = {"random": say("pages.runs-at-random"), "tpe": say("pages.runs-bayesian-tpe")}


def show_searches() -> None:
    """Draw the choice of a search and the one chosen."""
    names = search.list_searches()
    if not names:
        notices.show_empty(say("pages.runs-searches-stand-here"), say("pages.runs-start-one-on"))
        return
    last = state.choice(state.SEARCH)
    if last and last not in names:
        notices.show_missing(say("pages.unknown-search", {"wanted": last}))
    state.follow("search.name", state.SEARCH, last if last in names else names[0])
    name = st.selectbox(
        say("pages.runs-search"), names, index=names.index(last) if last in names else 0, key="search.name"
    )
    state.remember(state.SEARCH, name)
    try:
        view = search.show_search(name)
    except MedclsError as error:
        notices.show_error(error)
        return
    _show_actions(view)
    _show(view)


def any_moves() -> bool:
    """Return whether a search is worked on here, or a trial's run still moves."""
    return search.any_at_work() or any(view.moves for view in runs.list_runs())


def _show_actions(view: search.SearchView) -> None:
    with st.container(horizontal=True):
        if view.worked_on and st.button(say("pages.runs-stop-the-search"), icon=":material/stop_circle:"):
            _do(search.stop_search, view.spec.name)
        if (
            not view.worked_on
            and view.done < view.spec.trials
            and st.button(say("pages.runs-resume-the-search"), icon=":material/play_arrow:", type="primary")
        ):
            _do(search.resume_search, view.spec.name)
        if view.best and view.best.run and st.button(say("pages.runs-show-the-best"), icon=":material/trophy:"):
            state.remember(state.RUN, view.best.run)
            st.rerun(scope="app")


def _do(action: Any, name: str) -> None:
    try:
        action(name)
    except MedclsError as error:
        notices.show_error(error)
        return
    st.rerun()


def _show(view: search.SearchView) -> None:
    total, score = view.spec.trials, score_word(view.spec.base.optimisation.monitor)
    st.progress(
        min(1.0, view.done / total),
        text=say("pages.runs-of-trials-done", {"done": view.done, "total": total})
        + (say("pages.runs-at-work") if view.worked_on else ""),
    )
    if view.ended_early:
        st.warning(
            say("pages.runs-nobody-works-on"),
            icon=":material/pause_circle:",
        )
    elif view.silent_s > _SILENT_S:
        st.warning(
            say("pages.runs-whoever-works-on", {"silent_s": show_seconds(view.silent_s)}),
            icon=":material/hourglass_disabled:",
        )
    rows = [
        {
            say("pages.head-trial"): t.number,
            say("pages.head-state"): t.state,
            score: None if math.isnan(t.value) else round(t.value, 4),
            **{setting_word(name): value for name, value in t.values.items()},
            say("pages.head-best"): "●" if view.best and t.number == view.best.number else "",
            say("pages.head-run"): t.run,
        }
        for t in view.trials
    ]
    complete = [row for row, t in zip(rows, view.trials, strict=True) if t.state == "complete"]
    _show_charts(view, complete, score)
    st.dataframe(
        rows,
        hide_index=True,
        width="stretch",
        column_config={score: st.column_config.NumberColumn(format="%.2f")},
        alt=say("pages.runs-trials-with-what"),
    )
    with st.expander(say("pages.runs-log"), icon=":material/notes:"):
        st.code(search.read_log(view.spec.name) or say("pages.runs-nothing-was-said"), language=None, height=240)
    st.caption(say("pages.runs-scores-are-the", {"score": score}))


def _show_charts(view: search.SearchView, complete: list[dict[str, Any]], score: str) -> None:
    """Draw the complete trials as lines, and which setting mattered."""
    if len(complete) > 1:
        log = [setting_word(name) for name, r in view.spec.ranges.items() if r.log]
        names = list(map(setting_word, view.spec.ranges))
        show_chart(
            parallel_chart(complete, names, log, score, lower_is_better=score == "loss"),
            key="search.parallel",
        )
    if view.importance:
        shares = {setting_word(name): share for name, share in view.importance.items()}
        show_chart(importance_chart(shares), key="search.importance")
    elif view.trials:
        st.caption(say("pages.runs-which-setting-mattered", {"FEWEST_FOR_IMPORTANCE": search.FEWEST_FOR_IMPORTANCE}))


def _range_words(r: search.Range) -> str:
    if r.choices:
        return ", ".join(map(str, r.choices))
    return f"{r.low:g} to {r.high:g}" + (say("pages.runs-evenly-on-a-log") if r.log else "")


def show_form(spec: RunSpec) -> None:
    """Draw the form of a new search around a run's settings."""
    recipes_own = search.preset_of(spec.recipe)
    presets: dict[str, Any] = {**({_RECIPES: recipes_own} if recipes_own else {}), **search.PRESETS, _OWN: ("tpe", {})}
    with st.expander(
        say("pages.runs-search-over-settings"), icon=":material/travel_explore:", expanded=recipes_own is not None
    ):
        what, how = st.columns([2, 1])
        key = spec.recipe if recipes_own else ""
        preset = what.selectbox(
            say("pages.runs-what-to-vary"), list(presets), format_func=_VARY.__getitem__, key=f"search.preset.{key}"
        )
        usual, ranges = presets[preset]
        sampler = how.selectbox(
            say("pages.runs-how-the-next"),
            list(_SAMPLERS),
            index=list(_SAMPLERS).index(usual),
            format_func=_SAMPLERS.__getitem__,
            key=f"search.sampler.{preset}.{key}",
        )
        if ranges:
            tried = "; ".join(f"{setting} {_range_words(r)}" for setting, r in ranges.items())
            st.caption(say("pages.runs-tries-whatever-stands", {"tried": notices.escape(tried)}))
        left, middle, right = st.columns(3)
        name = left.text_input(say("pages.runs-name-of-the"), "search-1", key="search.new")
        trials = int(middle.number_input(say("pages.runs-trials"), 1, 10_000, 20, key="search.trials"))
        prune = right.toggle(say("pages.runs-give-up-trials"), True, key="search.prune")
        left, right = st.columns([2, 1])
        more = left.text_input(
            say("pages.runs-ranges") if preset == _OWN else say("pages.runs-further-ranges"),
            placeholder="weight_decay=1e-5..1e-2:log  dropout=0..0.5  optimiser=adam,sgd",
            key="search.more",
            help=say("pages.runs-of-any-setting"),
        )
        storage = right.text_input(
            say("pages.runs-database-for-several"),
            placeholder="postgresql://…",
            key="search.storage",
            help=say("pages.runs-empty-a-file"),
        )
        if st.button(say("pages.runs-start-the-search"), icon=":material/travel_explore:"):
            try:
                ranges = {**ranges, **dict(map(search.parse_range, more.split()))}
                asked = search.SearchSpec(name, spec, ranges, sampler, trials, prune, storage=storage.strip())  # type: ignore[arg-type]
            except MedclsError as error:
                notices.show_error(error)
                return
            _begin(asked)


def _begin(asked: search.SearchSpec) -> None:
    try:
        with watched(say("pages.runs-starting-the-search")) as tell:
            search.start_search(asked, staged(tell, say("pages.runs-starting-step")))
    except MedclsError as error:
        notices.show_error(error)
        return
    state.remember(state.SEARCH, asked.name)
    state.remember(state.RUNS_SHOW, "searches")
    st.switch_page("../runs.py", query_params={state.SEARCH: asked.name, "show": "searches"})
