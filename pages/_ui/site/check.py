"""Site, check: scans of one's own in, a verdict in words out, then the figures."""

from collections.abc import Callable, Sequence

import streamlit as st

from medcls.core.model import ModelCard
from medcls.core.progress import Progress
from medcls.core.site import Aim, SiteCheck
from medcls.errors import MedclsError
from medcls.words import counted
from medcls.workflows import compare, site, site_figures
from pages._ui import state
from pages._ui.site.label import label_drop
from pages._ui.widgets import notices
from pages._ui.widgets.charts_forest import forest_chart, forest_notes

WORDS = {
    "fit": ("Fit", ":material/check_circle:", "green"),
    "not-fit": ("Not fit", ":material/cancel:", "red"),
    "too-few": ("Too few scans to tell", ":material/help:", "gray"),
}
NAMES = {
    "auroc_disease": "AUROC, disease against the rest",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "ppv": "A call of disease is right (PPV)",
    "npv": "No call is right (NPV)",
    "refused": "Nothing decided",
    "unfamiliar": "Refused as unlike",
    "ece_excess": "Calibration error above chance",
    "ece_excess_after": "The same by a temperature fitted here",
}


def show_check(name: str, card: ModelCard) -> None:
    """Let the user measure a model on the site's labelled scans, and show what came of it."""
    aim = _aim()
    source = st.segmented_control(
        "Scans",
        ["Drop and label them here", "A labelled collection"],
        default="Drop and label them here",
        key="site.source",
    )
    if source == "A labelled collection":
        _from_collections(name, card, aim)
    else:
        _from_drop(name, card, aim)
    made: site.Checked | None = st.session_state.get(state.SITE_CHECKED)
    if made and (made.check.site, made.check.model) == (name, card.id):
        show_verdict(made.check, card)
        _offer(name, made)
        return
    earlier = [one.value for one in _kept(name) if one.value is not None and one.value.model == card.id]
    if earlier:
        st.caption(f"The last check, of {earlier[0].made}:")
        show_verdict(earlier[0], card)


def _aim() -> Aim | None:
    columns = st.columns(3)
    sensitivity = columns[0].number_input(
        "Sensitivity wanted",
        0.0,
        0.99,
        0.90,
        0.01,
        key="site.sensitivity",
        help="Share of the scans with disease to be called; 0 asks for none.",
    )
    specificity = columns[1].number_input(
        "Specificity wanted",
        0.0,
        0.99,
        0.0,
        0.01,
        key="site.specificity",
        help="Share of the other scans not to be called; 0 asks for none.",
    )
    prevalence = columns[2].number_input(
        "Prevalence here",
        0.001,
        0.999,
        0.10,
        0.01,
        format="%.3f",
        key="site.prevalence",
        help="Share of the people examined who have the disease.",
    )
    try:
        return Aim(sensitivity, specificity, prevalence)
    except MedclsError as error:
        notices.show_error(error)
        return None


def _from_collections(name: str, card: ModelCard, aim: Aim | None) -> None:
    known = compare.collections_for([card])
    if not known:
        notices.show_empty(
            "No labelled collection carries this model's labels.", "Add one (Build: Data), or drop scans here."
        )
        return
    chosen = st.multiselect("Labelled scans of this site", known, key=f"site.on.{card.id}")
    if st.button("Check", type="primary", disabled=not (chosen and name and aim), key="site.check"):
        assert aim is not None
        _run(lambda tell: site.check_site(name, card.id, tuple(chosen), aim, tell))


def _from_drop(name: str, card: ModelCard, aim: Aim | None) -> None:
    scans = label_drop(card)
    if not scans:
        return
    st.caption(f"{counted(len(scans), 'labelled scan')}; nothing of them is written to disk.")
    if st.button(
        "Check",
        type="primary",
        disabled=not (name and aim),
        key="site.check.dropped",
        help=None if name else "Name the site first.",
    ):
        assert aim is not None
        _run(lambda tell: site.check_dropped(name, card.id, scans, aim, tell))


def _run(check: Callable[[Progress], site.Checked]) -> None:
    bar = st.progress(0.0, text="Opening the network …")

    def tell(done: int, total: int, stage: str = "") -> None:
        bar.progress(done / max(1, total), text=f"{done} of {counted(total, 'scan')}")

    try:
        st.session_state[state.SITE_CHECKED] = check(tell)
    except MedclsError as error:
        notices.show_error(error)
    bar.empty()


def _kept(name: str) -> Sequence:
    try:
        return site.site_folder(name).checks() if name else ()
    except MedclsError:  # a new site has none
        return ()


def show_verdict(check: SiteCheck, card: ModelCard) -> None:
    """Show a check: the verdict in words, why, what more would settle it, then figures and forest plot."""
    word, icon, colour = WORDS[check.verdict]
    with st.container(border=True):
        st.markdown(f"### :{colour}[{icon} {word}]")
        for note in check.why:
            st.markdown(notices.escape(note))
        if check.more_scans:
            st.markdown(f"About **{check.more_scans:,} more scans** of the same kind would probably settle it.")
        st.caption(
            f"{counted(check.n_cases, 'scan')}, {check.n_positive} with disease, "
            f"{counted(check.n_groups, 'patient')} as far as is known; "
            f"predictive values at a prevalence of {check.aim.prevalence:.1%}."
        )
    st.dataframe(
        [
            {"": NAMES.get(n, n), "value": s.value, "from": s.low, "to": s.high, "n": s.n}
            for n, s in check.scores.items()
        ],
        hide_index=True,
        column_config={c: st.column_config.NumberColumn(c, format="%.2f") for c in ("value", "from", "to")},
    )
    figures = site_figures.beside(check, card)
    st.plotly_chart(
        forest_chart(figures, check.aim),
        key=f"site.forest.{check.made}.{check.n_cases}",
        config={"displayModeBar": False},
    )
    if told := forest_notes(figures):
        st.caption(told)
    if check.found:
        st.caption("Found in the pictures: " + ", ".join(f"{_FOUND.get(k, k)} {v:.3g}" for k, v in check.found.items()))


_FOUND = {
    "shorter_side_px": "median shorter side in pixels",
    "grain": "median grain",
    "coloured": "share in colour",
    "acquired_unlike": "share acquired unlike what was learned from",
}


def _offer(name: str, made: site.Checked) -> None:
    st.subheader("Set it up for here")
    for note in made.fitted:
        st.markdown(f"- {notices.escape(note)}")
    changes = made.settings.temperature != 1.0 or made.settings.threshold == made.settings.threshold
    if st.button(
        "Read answers here by these settings",
        disabled=not changes,
        key="site.apply",
        help="Undone by a click under *Settings and state*.",
    ):
        site.apply_settings(made.settings)
        st.toast("Applied: answers at this site say so.")
