"""The whole app as AppTest runs it: main script, frame and pages."""

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest, local_script_runner

from pages._ui import cache
from pages._ui.contents import PAGES

MAIN = Path(__file__).resolve().parents[2] / "pages" / "_ui" / "main.py"


FILES = [f"../{page.address}.py" for page in PAGES]


# AppTest reads the metadata of every installed package for each session; once is enough.
packages_read_once = functools.cache(manifest_scanner.scan_component_manifests)


polled = local_script_runner.require_widgets_deltas


def waited(runner: local_script_runner.LocalScriptRunner, timeout: float = 3) -> None:
    """Wait for a page's thread; AppTest looks a thousand times a second, which the page itself pays for."""
    if runner._script_thread:
        runner._script_thread.join(timeout)
    polled(runner, 0.01)  # raises where it was too slow


@pytest.fixture
def unsettled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening a model walks no heap: that of these tests is many times a server's. test_settled.py has the real one."""
    monkeypatch.setattr(cache, "settle", lambda **_: None)


@pytest.fixture
def open_app(home: Path, monkeypatch: pytest.MonkeyPatch, unsettled: None) -> Callable[..., AppTest]:
    """Opens the app in a new session, at a page of its table (`../classify.py`) or at the first."""
    monkeypatch.setattr(manifest_scanner, "scan_component_manifests", packages_read_once)
    monkeypatch.setattr(local_script_runner, "require_widgets_deltas", waited)
    for kept in (cache._open, cache._read_overview, cache.resume_once):
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
