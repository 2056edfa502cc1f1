"""Site, other sites: cards that go by mail, kept beside a model's own figures and never mixed with them."""

import tempfile
from pathlib import Path

import streamlit as st

from medcls.core.model import ModelCard
from medcls.errors import MedclsError
from medcls.workflows import people, site
from pages._ui.site.check import WORDS
from pages._ui.widgets import notices


def show_letters(name: str, card: ModelCard) -> None:
    """Show what other sites told of a model; import a card, or make one of the last check."""
    rows = []
    for one in site.letters_of(card):
        if one.value is None:
            assert one.error is not None
            notices.show_error(one.error, one.name)
            continue
        told, score = one.value.card, one.value.card.scores.get("sensitivity")
        rows.append(
            {
                "site": told.site or "not named",
                "made": told.made,
                "verdict": WORDS[told.verdict][0] if told.verdict in WORDS else told.verdict,
                "scans": told.n_cases,
                "sensitivity": str(score) if score else "",
                "key": one.value.fingerprint,
            }
        )
    if rows:
        st.dataframe(rows, hide_index=True)
    else:
        st.caption("No other site has told of this model yet.")
    _import(card)
    _export(name, card)


def _import(card: ModelCard) -> None:
    file = st.file_uploader("An evaluation card that was mailed", type=["json"], key="site.letter")
    if file is None:
        return
    try:
        signed = site.import_letter(file.getvalue(), card.id)
    except MedclsError as error:
        notices.show_error(error)
        return
    st.success(f"Kept. Its key reads **{signed.fingerprint}**: ask its maker whether that is right.")


def _export(name: str, card: ModelCard) -> None:
    try:
        checks = [one.value for one in site.site_folder(name).checks() if one.value is not None] if name else []
    except MedclsError:
        checks = []
    mine = [check for check in checks if check.model == card.id]
    if not mine:
        return
    st.subheader("Tell others")
    left, right = st.columns(2)
    called = left.text_input("What this site calls itself to others", key="site.letter.site", max_chars=60)
    maker = right.text_input("Made by", key="site.letter.maker", max_chars=60)

    def made() -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "card.json"
            site.write_letter(name, mine[0], path, maker, called)
            return path.read_bytes()

    st.download_button(
        f"Evaluation card of {mine[0].made}",
        people.as_now(made),
        f"{card.id}-card.json",
        "application/json",
        icon=":material/outgoing_mail:",
        help="Counts and scores, signed: no pictures, no names, no rows.",
    )
