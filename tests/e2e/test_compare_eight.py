"""Compare with as many models as it takes, in a real browser: what is compared fits on the page."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from medcls.imaging.phantom import phantom
from medcls.models import store
from tests.compared import cases, publish
from tests.e2e.conftest import Server, fork_server, settle, stand, stop_server
from tests.e2e.test_access import in_both_themes

pytestmark = pytest.mark.e2e
NAMES = ("MobileNetV2", "EfficientNet-Lite0, sees levelled contrast", "Ward 3, mixup and label smoothing, 320 px")


@pytest.fixture(scope="module")
def eight(tmp_path_factory: pytest.TempPathFactory, tiny_made: Path) -> Iterator[tuple[Server, str]]:
    """A server with eight models of unlike skill, some with long names, and their ids as an address has them."""
    home = tmp_path_factory.mktemp("eight")
    ids = [f"breast-ultrasound--tiny--000{n}" for n in range(8)]
    for n, model in enumerate(ids):
        publish(tiny_made, home, model, cases(0.4 + 0.3 * n, seed=n))
        card = store.read_card(home / "weights" / model)
        store.seal(home / "weights" / model, replace(card, name=f"{NAMES[n % 3]}, {n}", files={}))
    server = fork_server(home, home / "log.txt")
    yield server, ",".join(ids)
    stop_server(server)


def test_differences_of_eight_models_stand_side_by_side_and_are_said_in_words(page, eight: tuple[Server, str]) -> None:
    server, ids = eight
    page.set_viewport_size({"width": 1280, "height": 800})
    stand(page, f"{server.url}/compare?mode=set&view=Which%20is%20better&models={ids}")
    matrix = page.locator(".matrix")
    matrix.locator("tbody tr").nth(7).wait_for()
    for width in (1280, 800):
        page.set_viewport_size({"width": width, "height": 800})
        settle(page)
        assert matrix.evaluate("node => node.scrollWidth <= node.clientWidth")
    page.set_viewport_size({"width": 390, "height": 844})
    settle(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "what is too wide scrolls inside itself"
    gaps = page.locator('[data-testid="stColumn"]').filter(has_not=page.get_by_test_id("stElementContainer"))
    assert not any(gap.is_visible() for gap in gaps.all()), "an empty column leaves no gap"
    page.set_viewport_size({"width": 800, "height": 800})
    settle(page)
    said = page.locator("li", has_text="MobileNetV2, 0 against Ward 3, mixup and label smoothing, 320 px, 2")
    assert not said.count()
    matrix.locator('[data-at="0,1"]').focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    said.wait_for()
    assert matrix.locator('[aria-pressed="true"]').get_attribute("data-at") == "0,2"
    settle(page)
    assert not in_both_themes(page)


def test_nine_pictures_are_seen_at_once(page, eight: tuple[Server, str]) -> None:
    server, ids = eight
    page.set_viewport_size({"width": 1280, "height": 800})
    stand(page, f"{server.url}/compare?models={ids}")
    wide = phantom("breast-ultrasound", "malignant", 21, size_px=(160, 320))
    scan = {"name": "scan.png", "mimeType": "image/png", "buffer": wide}
    page.locator('input[type="file"]').first.set_input_files([scan])
    viewer = page.locator('.viewer[data-ready]:not([data-maps="0"])')
    viewer.wait_for()
    settle(page)
    last = viewer.locator(".stage").nth(8).bounding_box()
    assert last["y"] + last["height"] <= 800
