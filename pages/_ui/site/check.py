"""Site, check: scans of one's own in, a verdict in words out, then the figures."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import streamlit as st

from medcls.core.model import ModelCard
from medcls.core.note import Note
from medcls.core.outcome import Outcome
from medcls.core.progress import Progress
from medcls.core.site import Aim, SiteCheck, SiteLook
from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import compare, site, site_figures, site_look
from pages._ui import state
from pages._ui.site.label import label_drop
from pages._ui.widgets import header, notices, top
from pages._ui.widgets.charts import show_chart
from pages._ui.widgets.charts_forest import forest_chart, forest_notes
from pages._ui.widgets.numbers import show_estimate

_VERDICTS = {
    "fit": ("pages.site-verdict-fit", ":material/check_circle:", "green"),
    "not-fit": ("pages.site-verdict-not-fit", ":material/cancel:", "red"),
    "too-few": ("pages.site-verdict-too-few", ":material/help:", "gray"),
}
_DROP, _COLLECTION = "drop", "collection"
_PARTS = {
    "auroc_disease": "pages.site-auroc",
    "sensitivity": "pages.site-sensitivity",
    "specificity": "pages.site-specificity",
    "ppv": "pages.site-ppv",
    "npv": "pages.site-npv",
    "refused": "pages.site-refused",
    "unfamiliar": "pages.site-unfamiliar",
    "ece_excess": "pages.site-ece",
    "ece_excess_after": "pages.site-ece-after",
}
_COLUMNS = ("pages.site-column-value", "pages.site-column-n")
_FOUND = {
    "shorter_side_px": "pages.site-found-side",
    "mm_per_px": "pages.site-found-spacing",
    "grain": "pages.site-found-grain",
    "coloured": "pages.site-found-coloured",
    "marked": "pages.site-found-marked",
    "acquired_unlike": "pages.site-found-acquired",
}


def verdict(check_verdict: str) -> str:
    """Return a verdict as a person reads it."""
    return say(_VERDICTS[check_verdict][0])


def show_check(name: str, card: ModelCard) -> None:
    """Let the user measure a model on the site's scans, and show what came of it."""
    answered = st.container()  # the verdict comes before what can be asked
    made: site.Checked | None = st.session_state.get(state.SITE_CHECKED)
    if made and (made.check.site, made.check.model) != (name, card.id):
        made = None
    looked: tuple[str, SiteLook, tuple[Note, ...]] | None = st.session_state.get(state.SITE_LOOKED)
    looked = looked if looked and looked[0] == card.id else None
    earlier = site.checks_of(name, card) if name else ()
    _ask(name, card, shut=bool(made or looked or earlier))
    with answered:
        if made:
            show_verdict(made.check, card)
            _offer(made)
        elif looked:
            _show_look(looked[1], looked[2])
        elif earlier:
            st.caption(say("pages.site-last", {"made": earlier[0].made}))
            show_verdict(earlier[0], card)
    top.show()


def _ask(name: str, card: ModelCard, shut: bool) -> None:
    """Draw what can be asked: how good is good enough, and on which scans; shut where an answer stands above it."""
    title = say("pages.site-scans-again" if shut else "pages.site-scans")
    with st.expander(title, expanded=not shut, icon=":material/photo_library:"):
        aim = _aim(card)
        words = {_DROP: say("pages.site-drop"), _COLLECTION: say("pages.site-collection")}
        source = st.segmented_control(
            say("pages.site-scans"),
            list(words),
            default=_DROP,
            format_func=words.__getitem__,
            key="site.source",
            label_visibility="collapsed",
        )
        _from_collections(name, card, aim) if source == _COLLECTION else _from_drop(name, card, aim)


def _aim(card: ModelCard) -> Aim | None:
    columns = st.columns(3)
    sensitivity = columns[0].number_input(
        say("pages.site-want-sensitivity"),
        0.0,
        0.99,
        0.90,
        0.01,
        key="site.sensitivity",
        help=say("pages.site-want-sensitivity-help"),
    )
    specificity = columns[1].number_input(
        say("pages.site-want-specificity"),
        0.0,
        0.99,
        0.0,
        0.01,
        key="site.specificity",
        help=say("pages.site-want-specificity-help"),
    )
    prevalence = columns[2].number_input(
        say("pages.site-prevalence"),
        0.001,
        0.999,
        header.prevalence(card),
        0.01,
        format="%.3f",
        key=f"site.prevalence.{header.site_name()}.{card.task.id}",
        help=say("pages.site-prevalence-help"),
    )
    header.keep_prevalence(card, prevalence)
    try:
        return Aim(sensitivity, specificity, prevalence)
    except MedclsError as error:
        notices.show_error(error)
        return None


def _from_collections(name: str, card: ModelCard, aim: Aim | None) -> None:
    known = compare.collections_for([card])
    if not known:
        notices.show_empty(say("pages.site-no-collection"), say("pages.site-no-collection-do"))
        return
    chosen = st.multiselect(say("pages.site-collections"), known, key=f"site.on.{card.id}")
    if _check_button("site.check", name, bool(chosen and aim)):
        assert aim is not None
        _run(lambda tell: site.check_site(name, card.id, tuple(chosen), aim, tell))


def _from_drop(name: str, card: ModelCard, aim: Aim | None) -> None:
    dropped = label_drop(card)
    if not dropped:
        return
    labelled = [scan for scan in dropped if scan[1]]
    st.caption(say("pages.site-labelled", {"labelled": len(labelled), "n": len(dropped)}))
    with st.container(horizontal=True):
        check = _check_button("site.check.dropped", name, bool(labelled and aim))
        look = st.button(say("pages.site-look"), key="site.look", help=say("pages.site-look-help"))
    if check:
        assert aim is not None
        _run(lambda tell: site.check_dropped(name, card.id, labelled, aim, tell))
    elif look:
        _look(card, [data for data, _, _ in dropped])


def _check_button(key: str, name: str, ready: bool) -> bool:
    return st.button(
        say("pages.site-check"),
        type="primary",
        disabled=not (name and ready),
        key=key,
        help=None if name else say("pages.site-name-first"),
    )


def _run(check: Callable[[Progress], site.Checked]) -> None:
    """Check, and draw the page anew with what came of it in front."""
    with _watched() as tell:
        st.session_state[state.SITE_CHECKED] = check(tell)
        st.session_state.pop(state.SITE_LOOKED, None)
        top.ask()
        st.rerun()


def _look(card: ModelCard, scans: Sequence[bytes]) -> None:
    """Count the answers to scans without labels."""
    with _watched() as tell:
        found = site_look.inspect_site(
            card.id, [Outcome(str(i), data) for i, data in enumerate(scans)], tell, len(scans)
        )
        st.session_state[state.SITE_LOOKED] = (card.id, *found)
        st.session_state.pop(state.SITE_CHECKED, None)
        top.ask()
        st.rerun()


@contextmanager
def _watched() -> Iterator[Progress]:
    """Show how far something is; an error is shown in its place."""
    bar = st.progress(0.0, text=say("pages.site-opening"))

    def tell(done: int, total: int, stage: str = "") -> None:
        bar.progress(done / max(1, total), text=say("pages.site-progress", {"done": done, "total": total}))

    try:
        yield tell
    except MedclsError as error:
        notices.show_error(error)
    finally:
        bar.empty()


def _show_look(look: SiteLook, told: Sequence[Note]) -> None:
    with st.container(border=True):
        heading = say("pages.site-looked")
        st.markdown(f"### :gray[:material/visibility: {heading}]")
        for note in told:
            st.markdown(notices.escape(note))
        if look.n_failed:
            st.caption(say("pages.site-look-failed", {"n": look.n_failed}))
    _show_found(look.found)


def show_verdict(check: SiteCheck, card: ModelCard) -> None:
    """Show a check: the verdict in words, why, what more would settle it, then figures and forest plot."""
    code, icon, colour = _VERDICTS[check.verdict]
    with st.container(border=True):
        st.markdown(f"### :{colour}[{icon} {say(code)}]")
        for note in check.why:
            st.markdown(notices.escape(note))
        if check.more_scans:
            st.markdown(say("pages.site-more", {"n": check.more_scans}))
        shown = {"n": check.n_cases, "sick": check.n_positive, "groups": check.n_groups}
        st.caption(say("pages.site-counted", shown | {"prevalence": f"{100 * check.aim.prevalence:g} %"}))
    figures = site_figures.beside(check, card)
    show_chart(
        forest_chart(figures, check.aim),
        key=f"site.forest.{check.made}.{check.n_cases}",
    )
    if told := forest_notes(figures):
        st.caption(told)
    value, n = (say(code) for code in _COLUMNS)
    st.table(  # its words break where a phone has no room beside each other
        [
            {"": say(_PARTS[name]), value: show_estimate(s), n: s.n}
            for name, s in ((name, check.scores[name]) for name in _PARTS if name in check.scores)
        ],
        border="horizontal",
        hide_index=True,
    )
    _show_found(check.found)


def _show_found(found: Mapping[str, float]) -> None:
    if found:
        parts = ", ".join(say(_FOUND[name], {"value": value}) for name, value in found.items() if name in _FOUND)
        st.caption(say("pages.site-found", {"parts": parts}))


def _offer(made: site.Checked) -> None:
    st.subheader(say("pages.site-set-up"))
    for note in made.fitted:
        st.markdown(f"- {notices.escape(note)}")
    if st.button(
        say("pages.site-apply"), disabled=not made.settings.changes, key="site.apply", help=say("pages.site-apply-help")
    ):
        site.apply_settings(made.settings)
        st.toast(say("pages.site-applied"))
