"""Site, other sites: cards that go by mail, kept beside a model's own figures and never mixed with them."""

import tempfile
from pathlib import Path

import streamlit as st

from medcls.core.model import ModelCard
from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import people, site, site_figures
from pages._ui import state
from pages._ui.site.check import verdict
from pages._ui.widgets import notices
from pages._ui.widgets.charts import show_chart
from pages._ui.widgets.charts_forest import forest_chart, forest_notes
from pages._ui.widgets.numbers import show_estimate


def show_letters(name: str, card: ModelCard) -> None:
    """Show what other sites told of a model; import a card, or make one of the last check."""
    listed = st.container()
    _import(card)
    with listed:
        _list(card)
    _export(name, card)


def _list(card: ModelCard) -> None:
    rows = []
    for one in site.letters_of(card):
        if one.value is None:
            notices.show_failure(one)
            continue
        told, score = one.value.card, one.value.card.scores.get("sensitivity")
        rows.append(
            {
                say("pages.site"): told.site or say("pages.site-not-named"),
                say("pages.site-made"): told.made,
                say("pages.site-verdict"): verdict(told.verdict),
                say("pages.site-n-scans"): told.n_cases,
                say("pages.site-sensitivity"): show_estimate(score) if score else "",
                say("pages.site-key"): one.value.fingerprint,
            }
        )
    if not rows:
        st.caption(say("pages.site-no-letter"))
        return
    st.dataframe(rows, hide_index=True)
    try:
        figures = site_figures.figures_of(card)
    except MedclsError as error:
        notices.show_error(error)
        return
    show_chart(forest_chart(figures), key="site.letters.forest")
    st.caption(forest_notes(figures))


def _import(card: ModelCard) -> None:
    """Keep a card that was dropped, once, and say whose it is and what it stands beside."""
    file = st.file_uploader(say("pages.site-letter"), type=["json"], key="site.letter")
    if file is None:
        return
    held = st.session_state.get(state.SITE_LETTER)
    if held is None or held[0] != (file.file_id, card.id):
        try:
            held = ((file.file_id, card.id), site.import_letter(file.getvalue(), card.id))
        except MedclsError as error:
            notices.show_error(error)
            return
        st.session_state[state.SITE_LETTER] = held
    kept = held[1]
    st.success(say("pages.site-letter-kept", {"key": kept.signed.fingerprint}))
    if kept.before:
        st.info(say("pages.site-letter-again", {"before": kept.before}))
    if kept.own:
        st.info(say("pages.site-letter-own"))
    if kept.rivals:
        st.warning(say("pages.site-letter-rivals", {"keys": kept.rivals}))


def _export(name: str, card: ModelCard) -> None:
    mine = site.checks_of(name, card) if name else ()
    if not mine:
        return
    st.subheader(say("pages.site-tell"))
    left, right = st.columns(2)
    called = left.text_input(say("pages.site-tell-name"), key="site.letter.site", max_chars=60)
    maker = right.text_input(say("pages.site-tell-maker"), key="site.letter.maker", max_chars=60)

    def made() -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "card.json"
            site.write_letter(name, mine[0], path, maker, called)
            return path.read_bytes()

    st.download_button(
        say("pages.site-tell-save", {"made": mine[0].made}),
        people.as_now(made),
        f"{card.id}-card.json",
        "application/json",
        icon=":material/outgoing_mail:",
        help=say("pages.site-tell-help"),
    )
