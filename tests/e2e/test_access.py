"""Every page checked by axe-core in both themes: no serious finding; and no error on the browser's console."""

import pytest

from medcls.imaging.phantom import phantom
from tests.e2e.conftest import PATIENCE_MS, Server, settle

pytestmark = pytest.mark.e2e
PAGES = ("", "worklist", "heatmaps", "compare", "site", "data", "train", "runs", "models")
SERIOUS = ("serious", "critical")
GROUNDS = {"light": "rgb(250, 250, 249)", "dark": "rgb(22, 25, 29)"}


def listen(page) -> list[str]:
    """Return a list that fills with the errors of the browser's console."""
    errors: list[str] = []

    def told(message) -> None:
        if message.type == "error":
            errors.append(f"{message.text} {message.location['url']}")

    page.on("console", told)
    page.on("pageerror", lambda error: errors.append(str(error)))
    return errors


def findings(page) -> list[str]:
    """Return what axe-core finds serious, each with the element it stands at."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [
        f"{v['id']}: {v['help']} at {node['target']}" for v in found if v["impact"] in SERIOUS for node in v["nodes"]
    ]


def in_both_themes(page) -> dict[str, list[str]]:
    """Return what axe-core finds in the light and in the dark theme of the page that is open, where there is anything."""
    page.add_style_tag(content="* { transition: none !important; animation: none !important }")
    found = {}
    for scheme, ground in GROUNDS.items():
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(
            "c => getComputedStyle(document.querySelector('[data-testid=\"stApp\"]')).backgroundColor === c", arg=ground
        )
        settle(page)
        found[scheme] = findings(page)
    return {scheme: told for scheme, told in found.items() if told}


@pytest.mark.parametrize("address", PAGES)
def test_no_serious_finding(address: str, page, server: Server) -> None:
    errors = listen(page)
    page.goto(f"{server.url}/{address}")
    page.get_by_text("Research use, not a medical device").first.wait_for(timeout=PATIENCE_MS)
    settle(page)
    assert not in_both_themes(page)
    assert not errors


def test_a_reading_room_at_work_has_no_serious_finding(page, server: Server) -> None:
    errors = listen(page)
    page.goto(server.url)
    page.get_by_role("button", name="Try: drawn as").first.wait_for(timeout=PATIENCE_MS)
    settle(page)
    scans = [
        (f"{label}.png", phantom("breast-ultrasound", label, i)) for i, label in enumerate(("malignant", "benign"))
    ]
    page.locator('input[type="file"]').first.set_input_files(
        [{"name": name, "mimeType": "image/png", "buffer": data} for name, data in scans]
    )
    page.locator('.viewer[data-maps="1"]').wait_for(timeout=PATIENCE_MS)
    settle(page)
    assert not in_both_themes(page)
    assert not errors
