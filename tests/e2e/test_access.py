"""Every page checked by axe-core in both themes: no serious finding; and no error on the browser's console."""

import pytest

from medcls.imaging.phantom import phantom
from tests.e2e.conftest import PATIENCE_MS, Server, settle

pytestmark = pytest.mark.e2e
PAGES = ("", "heatmaps", "compare", "site", "data", "train", "runs", "models")
SERIOUS = ("serious", "critical")
# On a deep link Streamlit's browser code first looks for its server below the page's own address, and is told 404.
STREAMLITS_SEARCH = ("/_stcore/health", "/_stcore/host-config")


def listen(page) -> list[str]:
    """Return a list that fills with the errors of the browser's console."""
    errors: list[str] = []

    def told(message) -> None:
        if message.type == "error" and not message.location["url"].endswith(STREAMLITS_SEARCH):
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("address", PAGES)
def test_no_serious_finding(address: str, scheme: str, page, server: Server) -> None:
    errors = listen(page)
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{server.url}/{address}")
    page.get_by_text("Research use, not a medical device").first.wait_for(timeout=PATIENCE_MS)
    settle(page)
    assert not findings(page)
    assert not errors


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_reading_room_at_work_has_no_serious_finding(scheme: str, page, server: Server) -> None:
    errors = listen(page)
    page.emulate_media(color_scheme=scheme)
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
    assert not findings(page)
    assert not errors
