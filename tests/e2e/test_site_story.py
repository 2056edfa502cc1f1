"""From dropped scans to a verdict, a card that is mailed, and the line it adds to the forest plot of a second home."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from medcls.imaging.phantom import phantom
from medcls.workflows import site
from tests.e2e.conftest import PATIENCE_MS, Server, fork_server, settle, stop_server
from tests.e2e.test_classify import downloaded
from tests.tiny import install

MODEL = "breast-ultrasound--tiny--0001"
SHOTS = os.environ.get("MEDCLS_SHOTS")
LABELS = ("normal", "benign", "malignant")
EACH = 20


@contextmanager
def opened(chromium, home: Path, address: str) -> Iterator[tuple]:
    """A page at an address of a server of its own."""
    server = fork_server(home, home / "server.log")
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    try:
        page.goto(f"{server.url}/{address}")
        settle(page)
        yield page, server
    finally:
        context.close()
        stop_server(server)


def shots(page, server: Server, name: str) -> None:
    """Keep how the page looks, light and dark and at 800 px, where a person asked for it."""
    if not SHOTS:
        return
    Path(SHOTS).mkdir(parents=True, exist_ok=True)
    for scheme, width in (("light", 1280), ("dark", 1280), ("light", 800)):
        page.set_viewport_size(
            {"width": width, "height": 2000}
        )  # a page scrolls within itself: all of it is to be seen
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(1500)
        page.screenshot(path=f"{SHOTS}/{name}-{scheme}-{width}.png", full_page=True)
    page.set_viewport_size({"width": 1280, "height": 900})
    page.emulate_media(color_scheme="light")


def checked(page) -> None:
    """Check the scans, and wait until settings are offered."""
    page.get_by_role("button", name="Check", exact=True).click()
    page.get_by_text("Set it up for here").wait_for()
    settle(page)  # until then the fields of the run before stand beside the new ones
    up = "document.querySelector('[data-testid=stMain]').scrollTop === 0"
    page.wait_for_function(up, timeout=30_000)  # the verdict is in sight


@pytest.mark.e2e
def test_a_check_here_becomes_a_line_elsewhere(
    chromium, tiny_made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    homes = [tmp_path / "here", tmp_path / "elsewhere"]
    for home in homes:
        home.mkdir()
        install(tiny_made, home / "weights", MODEL)
    files = [
        {"name": f"{label} {i}.png", "mimeType": "image/png", "buffer": phantom("breast-ultrasound", label, 500 + i)}
        for label in LABELS
        for i in range(EACH)
    ]
    with opened(chromium, homes[0], "site") as (page, server):
        page.get_by_label("Name of the site").fill("Ward 3")
        page.get_by_label("Name of the site").press("Enter")
        page.locator('input[type="file"]').first.set_input_files(files)
        page.get_by_text(f"{3 * EACH} of {3 * EACH} scans labelled").wait_for()
        settle(page)
        shots(page, server, "label")
        checked(page)
        page.get_by_role("heading", name="Too few scans to tell").wait_for()
        page.get_by_text("more scans of the same kind").wait_for()
        page.locator('[data-testid="stExpander"] summary').click()
        wanted = page.get_by_role("spinbutton", name="Sensitivity wanted")
        wanted.wait_for()
        verdict = page.get_by_role("heading", name="Too few scans to tell")
        assert verdict.bounding_box()["y"] < wanted.bounding_box()["y"], "the answer comes before what can be asked"
        wanted.fill("0.5")
        wanted.press("Enter")
        settle(page)
        checked(page)
        page.get_by_role("heading", name=re.compile(r"(^|\W)Fit$")).wait_for()  # behind the name of its icon
        settle(page)
        shots(page, server, "verdict")
        page.get_by_role("tab", name="Other sites").click()
        page.get_by_label("What this site calls itself to others").fill("Busan")
        page.get_by_label("What this site calls itself to others").press("Enter")
        settle(page)
        button = page.get_by_role("button", name="Evaluation card of").inner_text().splitlines()[-1]
        card = downloaded(page, button)
        shots(page, server, "letters")
    sent = json.loads(card)["card"]
    assert (sent["n_cases"], sent["n_positive"], sent["verdict"], sent["site"]) == (3 * EACH, EACH, "fit", "Busan")
    assert b"malignant 1" not in card
    with opened(chromium, homes[1], "site") as (page, server):
        page.get_by_role("tab", name="Other sites").click()
        page.locator('input[type="file"]').last.set_input_files(
            {"name": "card.json", "mimeType": "application/json", "buffer": card}
        )
        page.get_by_text("Its key reads").wait_for()
        settle(page)
        shots(page, server, "imported")
        page.goto(f"{server.url}/models")
        page.locator(
            ".js-plotly-plot .annotation", has_text=re.compile(r"Busan,\s*reported by others")
        ).first.wait_for()
        settle(page)
        shots(page, server, "models")
    monkeypatch.setenv("MEDCLS_HOME", str(homes[0]))
    monkeypatch.setenv("MEDCLS_SHIPPED_WEIGHTS", str(tmp_path / "none"))
    assert [one.get().verdict for one in site.site_folder("Ward 3").checks()] == ["fit", "too-few"]
