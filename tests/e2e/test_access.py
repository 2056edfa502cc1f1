"""Pages with nothing on them checked by axe-core in both themes: no serious finding; and no error on the console."""

import pytest

from tests.e2e.conftest import Server, Tab, settle, stand, walk

pytestmark = pytest.mark.e2e
EMPTY = (
    "Worklist",
    "Heatmaps",
    "Compare",
    "Site",
    "Data",
    "Train",
    "Runs",
)  # test_reading_room: with something on them, every page
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


def test_no_serious_finding_where_there_is_nothing_yet(page, tab: Tab, server: Server) -> None:
    stand(page, server.url)
    found = {"Classify": in_both_themes(page)} | {name: in_both_themes(page) for name in walk(page, *EMPTY)}
    assert not {name: told for name, told in found.items() if told}
    assert not tab.errors
