"""The tests of the heatmaps shown: a table of verdicts, then each one's words, numbers on demand."""

import time
from collections.abc import Sequence
from typing import Any

import streamlit as st

from medcls.core.progress import Progress
from medcls.core.scan import Scan
from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import explain
from pages._ui import cache, state
from pages._ui.heatmaps.ask import Asked
from pages._ui.heatmaps.grid import Map
from pages._ui.widgets import notices
from pages._ui.widgets.numbers import show_seconds

_KEPT = 64
_MARKS = {True: say("pages.heatmaps-passed"), False: say("pages.heatmaps-failed"), None: say("pages.cannot-tell")}


def show_tests(scan: Scan, maps: Sequence[Map]) -> None:
    """Test every heatmap shown, on request; an ensemble's by testing each of its networks'."""
    st.subheader(say("pages.heatmaps-how-far-to"))
    mask = _read_mask(scan)
    if not st.toggle(
        say("pages.heatmaps-test-these-heatmaps"),
        key="heatmaps.test",
        help=say("pages.heatmaps-hides-and-shows"),
    ):
        return
    drawn = [m.asked for m in maps if m.heatmap is not None]
    jobs = [(title, asked, network) for asked in drawn for title, network in _networks(asked)]
    if any(asked.card.is_mean for asked in drawn):
        st.caption(say("pages.heatmaps-a-model-that"))
    bar, started = st.progress(0.0, text=say("pages.heatmaps-testing-2")), time.monotonic()
    code = "pages.heatmaps-testing-of-switch" if len(jobs) > 1 else "pages.heatmaps-testing"
    tested: list[tuple[str, Sequence[explain.Check]]] = []
    for i, (title, asked, network) in enumerate(jobs):

        def tell(done: int, total: int, stage: str = "", i: int = i, title: str = title) -> None:
            share, gone = (i + done / max(total, 1)) / len(jobs), time.monotonic() - started
            left = (
                say("pages.heatmaps-about-left", {"left": show_seconds(gone / share * (1 - share))})
                if share > 0 and gone > 1
                else ""
            )
            bar.progress(
                share,
                text=say(code, {"title": notices.escape(title), "i": i + 1, "jobs": len(jobs), "left": left}),
            )

        try:
            tested.append((title, _checks(scan, asked, network, mask, tell)))
        except MedclsError as error:
            notices.show_error(error, title)
    bar.empty()
    _show_table(tested)


def _networks(asked: Asked) -> list[tuple[str, Any]]:
    """Return the networks behind a heatmap, each with what its row is called."""
    classifier = cache.open_classifier(asked.card)
    networks = explain.networks_of(classifier)
    if len(networks) == 1:
        return [(asked.title, networks[0])]
    names = [network.card.name for network in networks]
    several = [n if n and names.count(n) == 1 else network.card.id for n, network in zip(names, networks, strict=True)]
    return [(f"{asked.title}, {name}", network) for name, network in zip(several, networks, strict=True)]


def _read_mask(scan: Scan) -> bytes | None:
    file = st.file_uploader(say("pages.heatmaps-outline-of-the"), key=f"heatmaps.mask.{scan.sha256}")
    if file is None:
        return None
    try:
        explain.read_mask(file.getvalue(), scan)
    except MedclsError as error:
        notices.show_error(error)
        return None
    return file.getvalue()


def _checks(scan: Scan, asked: Asked, network: Any, mask: bytes | None, tell: Progress) -> Sequence[explain.Check]:
    held: dict[tuple[object, ...], Sequence[explain.Check]] = state.kept(state.MAP_CHECKS, dict)
    key = (scan.sha256, network.card.json_digest, asked.label, asked.method, asked.layer, mask)
    if key not in held:
        outline = explain.read_mask(mask, scan) if mask else None
        wanted = explain.HeatmapRequest(asked.label, asked.method, asked.layer)
        checks = explain.check_heatmap(scan, network, wanted, outline, tell)
        while len(held) >= _KEPT:
            held.pop(next(iter(held)))
        held[key] = checks
    return held[key]


def _show_table(tested: Sequence[tuple[str, Sequence[explain.Check]]]) -> None:
    titles = {check.name: check.title for _, checks in tested for check in checks}
    marks = [(title, {c.name: _MARKS[c.holds] for c in checks}) for title, checks in tested]
    rows = [
        {say("pages.heatmaps-test"): words} | {title: held.get(name, "") for title, held in marks}
        for name, words in titles.items()
    ]
    if rows:
        st.dataframe(rows, hide_index=True, width="stretch", alt=say("pages.heatmaps-each-test-and"))
    for i, (title, checks) in enumerate(tested):
        stood = sum(c.holds is True for c in checks)
        asked = sum(c.holds is not None for c in checks)
        with st.expander(
            say("pages.checks-passed", {"title": notices.escape(title), "passed": stood, "asked": asked}),
            expanded=i == 0,
        ):
            for check in checks:
                st.markdown(f"**{notices.escape(check.title)}** {notices.escape(check.words)}")
            with st.popover(say("pages.heatmaps-the-numbers")):
                numbers = [
                    {
                        say("pages.head-test"): c.title,
                        say("pages.head-figure"): name,
                        say("pages.head-value"): round(value, 2),
                    }
                    for c in checks
                    for name, value in c.numbers.items()
                ]
                st.dataframe(
                    numbers, hide_index=True, width=620, alt=say("pages.heatmaps-figures-behind-the", {"title": title})
                )
