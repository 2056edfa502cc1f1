"""The whole story in a browser: from labelled scans to an answer, with the server killed in between."""

import re
import time
from pathlib import Path

import pytest

from medcls.imaging.decode import read_scan
from medcls.imaging.phantom import phantom
from medcls.models import store
from medcls.models.opening import open_model
from medcls.workflows import runs
from tests.e2e.conftest import (
    PATIENCE_MS,
    button_of_page,
    fork_server,
    settle,
    shot,
    stop_server,
    wait_for_choice,
)
from tests.runs.processes import add_phantoms


@pytest.mark.e2e
@pytest.mark.slow
def test_start_watch_kill_the_server_finish_publish_classify(
    chromium, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("MEDCLS_HOME", str(home))
    add_phantoms(tmp_path / "scans")
    server = fork_server(home, tmp_path / "one.log")
    context = chromium.new_context(viewport={"width": 1440, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    try:
        page.goto(f"{server.url}/train")
        choose(page, "Recipe", "none: every")
        choose(page, "Network", "Simple CNN")
        choose(page, "Start from", "nothing")
        for label, value in (
            ("Size (px)", "64"),
            ("Epochs", "5000"),
            ("Batch size", "8"),
            ("Name of the run", "story"),
        ):
            fill(page, label, value)
        shot(page, "1-form")
        page.get_by_role("button", name="Start", exact=True).click()
        page.wait_for_url(re.compile("run="))
        run_id = re.search(r"run=([\w-]+)", page.url)[1]
        page.get_by_text(re.compile(r"^\d+ of 5000$")).wait_for()
        grown(page, 1)
        shot(page, "2-running")
        before = int(grown(page, 3))
        server.process.kill()
        assert server.ends(PATIENCE_MS / 1000)
        until = time.monotonic() + PATIENCE_MS / 1000
        while runs.show_run(run_id).state.epoch <= before + 3:
            assert time.monotonic() < until, runs.read_log(run_id)
            time.sleep(0.2)
        server = fork_server(home, tmp_path / "two.log")
        page.goto(f"{server.url}/runs?run={run_id}")
        page.get_by_text(re.compile(r"^\d+ of 5000$")).wait_for()
        assert int(grown(page, before)) > before
        button_of_page(page, "Stop").click()
        page.get_by_role("button", name="Publish").wait_for()
        shot(page, "3-stopped")
        page.get_by_text("Report", exact=True).click()
        page.get_by_text("95 % interval").wait_for()
        page.locator(".js-plotly-plot .main-svg").first.wait_for()
        settle(page)
        shot(page, "4-report")
        page.get_by_role("button", name="Publish").click()
        page.get_by_role("dialog").get_by_role("button", name="Publish").click()
        page.get_by_role("button", name="Open in Classify").wait_for()
        page.goto(f"{server.url}/classify")
        wait_for_choice(page, "Model", "Recommended · story")
        shot(page, "5-classify")
        (card,) = store.list_cards()
        scan = read_scan(phantom("breast-ultrasound", "benign", 7))
        assert open_model(card.id).predict(scan).prob.sum() == pytest.approx(1)
    finally:
        context.close()
        stop_server(server)
        for view in runs.list_runs():
            if view.moves:
                runs.stop_run(view.id)


def choose(page, label: str, text: str) -> None:
    """Pick the option of a select box that begins with a text."""
    box = page.get_by_role("combobox", name=re.compile(re.escape(label)))
    box.click()
    page.get_by_role("option", name=re.compile("^" + re.escape(text))).first.click()
    settle(page)


def fill(page, label: str, value: str) -> None:
    """Type into a field and let the page take it."""
    field = page.get_by_label(label, exact=True)
    field.fill(value)
    field.press("Enter")
    settle(page)


def grown(page, beyond: int) -> str:
    """Wait until the page itself shows more epochs than so many; gives how many."""
    until = time.monotonic() + PATIENCE_MS / 1000
    while True:
        shown = page.get_by_text(re.compile(r"^\d+ of 5000$")).first.inner_text().split()[0]
        if int(shown) > beyond:
            return shown
        assert time.monotonic() < until, "the page stands still"
        page.wait_for_timeout(300)
