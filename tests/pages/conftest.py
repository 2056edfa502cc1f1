"""The whole app as AppTest runs it: main script, frame and pages."""

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from pages._ui import cache
from pages._ui.contents import PAGES

MAIN = Path(__file__).resolve().parents[2] / "pages" / "_ui" / "main.py"


FILES = [f"../{page.address}.py" for page in PAGES]


# AppTest reads the metadata of every installed package for each session; once is enough.
packages_read_once = functools.cache(manifest_scanner.scan_component_manifests)


@pytest.fixture
def open_app(home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Opens the app in a new session, at a page of its table (`../classify.py`) or at the first."""
    monkeypatch.setattr(manifest_scanner, "scan_component_manifests", packages_read_once)
    for kept in (cache._open, cache._rehearse, cache._read_overview, cache.resume_once):
        kept.clear()  # the examples stay: they are drawn from their seeds, whatever the home

    def opened(page: str = "", **query: str) -> AppTest:
        app = AppTest.from_file(str(MAIN), default_timeout=120)
        for name, value in query.items():
            app.query_params[name] = value
        return (app.switch_page(page) if page else app).run()

    return opened


def words(app: AppTest) -> str:
    """Every text a reader sees on the page."""
    kinds = ("title", "header", "subheader", "markdown", "caption", "error", "warning", "info", "success", "html")
    texts = [str(getattr(e, "value", "") or getattr(e, "body", "")) for kind in kinds for e in app.get(kind)]
    return "\n".join(texts)


def assert_sound(app: AppTest) -> None:
    """No exception reached the reader."""
    assert not app.exception, [e.value for e in app.exception]


def component(app: AppTest, name: str, place: int = 0) -> dict[str, Any]:
    """What a component of our own on the page was given."""
    found = [c.proto for c in app.get("bidi_component") if c.proto.component_name == name]
    assert len(found) > place, f"{len(found)} of {name}"
    return json.loads(found[place].json)


def shown(app: AppTest) -> dict[str, Any]:
    """What the page's viewer shows: what it was given, and the maps that were laid over it later in the same run."""
    told = component(app, "medcls_viewer")
    for proto in (c.proto for c in app.get("bidi_component") if c.proto.component_name == "medcls_maps"):
        late = json.loads(proto.json)
        assert (late["of"], late["key"]) == (told["id"], told["key"])
        assert not any(pane["maps"] for pane in told["panes"]), "what came with the scan is not sent twice"
        panes = [pane | {"maps": maps} for pane, maps in zip(told["panes"], late["panes"], strict=True)]
        told |= {"panes": panes, "labels": late["labels"], "label": late["label"]}
        told["pictures"] |= late["pictures"]
    return told
