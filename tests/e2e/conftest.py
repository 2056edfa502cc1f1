"""A real server in its own process and a real Chromium; skipped, saying how to get one, where there is none."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from tests.forks import FORKS, serve

ROOT = Path(__file__).resolve().parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
NO_BROWSER = (
    "no Chromium was found: install one (Debian and Ubuntu: apt-get install chromium; macOS: brew install --cask chromium; "
    "anywhere: python -m playwright install chromium) or set MEDCLS_CHROMIUM to its path"
)

OWN = ("http://127.0.0.1:", "data:", "blob:")  # every server of these tests is on this machine
PATIENCE_MS = 300_000  # a loaded machine is slow; what is there sooner is not waited for


# What Playwright itself says, not what a test asserts: that a page was still being drawn when it was pressed.
STUMBLES = r"^(Timeout)?Error: (Locator|Page|Frame)\."


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Walk a browser story once more where the browser stumbled; an assertion that fails stays failed."""
    for item in items:
        if item.get_closest_marker("e2e"):
            item.add_marker(pytest.mark.flaky(reruns=1, only_rerun=[STUMBLES]))


def find_browser() -> str | None:
    """Path of a Chromium: MEDCLS_CHROMIUM, one on the PATH, or Playwright's own."""
    named = os.environ.get("MEDCLS_CHROMIUM")
    found = named or next((path for name in BROWSERS if (path := shutil.which(name))), None)
    return found or _playwright_own()


def _playwright_own() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


@dataclass
class Server:
    """A running `streamlit run app.py`."""

    url: str
    process: subprocess.Popen | BaseProcess
    home: Path
    log: Path

    def ends(self, patience_s: float) -> bool:
        """Wait for its end; False if it does not come."""
        if isinstance(self.process, subprocess.Popen):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(patience_s)
            return self.process.returncode is not None
        self.process.join(patience_s)
        return self.process.exitcode is not None


def start_server(
    home: Path, log: Path, shipped: Path | None = None, script: str = "app.py", folder: Path = ROOT, port: int = 0
) -> Server:
    """Start an app as anybody does, on a free port unless one is named, and wait until it answers."""
    arguments, env, url = _asked(home, shipped, script, port)
    command = [sys.executable, "-m", "streamlit", *arguments]
    process = subprocess.Popen(command, cwd=folder, env=env, stdout=log.open("wb"), stderr=subprocess.STDOUT)
    return _answering(Server(url, process, home, log))


def fork_server(home: Path, log: Path, port: int = 0) -> Server:
    """Start the app in a process that parts from one with its libraries loaded, a third of the work; else the same."""
    arguments, env, url = _asked(home, None, "app.py", port)
    log.touch()
    process = FORKS.Process(target=serve, args=(arguments, ROOT, env, log), daemon=True)
    process.start()
    return _answering(Server(url, process, home, log))


def _asked(home: Path, shipped: Path | None, script: str, port: int) -> tuple[list[str], dict[str, str], str]:
    """What Streamlit is asked, its environment and its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", port))
        port = probe.getsockname()[1]
    env = os.environ | {
        "MEDCLS_HOME": str(home),
        "MEDCLS_SHIPPED_WEIGHTS": str(shipped or home / "none"),
        "OMP_NUM_THREADS": "1",
        "TMPDIR": str(home / "tmp"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    (home / "tmp").mkdir(parents=True, exist_ok=True)
    arguments = ["run", script, "--server.port", str(port), "--server.headless", "true"]
    return arguments, env, f"http://127.0.0.1:{port}"


def _answering(server: Server) -> Server:
    """Wait until a server answers."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"{server.url}/_stcore/health", timeout=10)
            return server
        except urllib.error.HTTPError:  # it answers, if not to this name
            return server
        except OSError:
            assert not server.ends(0.1), server.log.read_text()
    stop_server(server)
    raise AssertionError(f"the server did not answer: {server.log.read_text()}")


def settle(page) -> None:
    """Wait until the script has run to its end; the page itself says so from the moment it asks for a run."""
    page.wait_for_timeout(200)  # some widgets gather what is typed before they ask
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for(timeout=PATIENCE_MS)


def stand(page, url: str) -> None:
    """Open an address and wait until every widget has come."""
    page.goto(url)
    stands(page)


def stands(page) -> None:
    """Wait until the script has run and no widget is a grey bar any more."""
    page.get_by_text("Research use, not a medical device").first.wait_for(timeout=PATIENCE_MS)
    settle(page)
    page.wait_for_function("!document.querySelector('[data-testid=stSkeleton]')")


def walk(page, *names: str) -> Iterator[str]:
    """Go to one page after the other by the links of the head, as a person does; each is yielded once it stands."""
    for name in names:
        page.get_by_role("link", name=name).first.click()
        page.wait_for_function("name => document.title.startsWith(name)", arg=name)
        stands(page)
        yield name


def wait_for_choice(page, label: str, text: str) -> None:
    """Wait until a select box shows a text: it is the value of a field, which is filled after it is drawn."""
    from playwright.sync_api import expect

    expect(page.get_by_role("combobox", name=label)).to_have_value(text, timeout=PATIENCE_MS)


def button_of_page(page, name: str):
    """A button of the page itself: while a script runs, Streamlit's own header has a *Stop* as well."""
    return page.get_by_test_id("stMainBlockContainer").get_by_role("button", name=name)


def shot(page, name: str) -> None:
    """Keep a picture of the page where MEDCLS_SHOTS names a folder."""
    if folder := os.environ.get("MEDCLS_SHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def stop_server(server: Server) -> None:
    """End the server this test started."""
    server.process.terminate()
    if not server.ends(10):
        server.process.kill()
        server.ends(PATIENCE_MS / 1000)


@pytest.fixture(scope="session")
def chromium() -> Iterator:
    """A browser for the whole session, without any connection of its own."""
    path = find_browser()
    if path is None:
        pytest.skip(NO_BROWSER)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def app_home(tmp_path_factory: pytest.TempPathFactory, tiny_made: Path) -> Path:
    """A home with one small breast-ultrasound model published in it."""
    from tests.tiny import install

    home = tmp_path_factory.mktemp("app")
    install(tiny_made, home / "weights", "breast-ultrasound--tiny--0001")
    return home


@pytest.fixture(scope="session")
def server(app_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the tests that do not need a fresh one."""
    server = fork_server(app_home, tmp_path_factory.mktemp("log") / "server.txt")
    yield server
    stop_server(server)


@dataclass
class Tab:
    """A page of the browser, and what went wrong on it since it was last made ready."""

    page: Any
    foreign: list[str]
    errors: list[str]

    def make_ready(self) -> None:
        """Forget what a test before chose and what went wrong; whatever it opens next is a session of its own."""
        self.page.set_viewport_size({"width": 1280, "height": 900})
        self.page.emulate_media(color_scheme="light")
        if self.page.url != "about:blank":
            self.page.evaluate("localStorage.clear()")
        self.foreign.clear()
        self.errors.clear()

    @property
    def refused(self) -> list[str]:
        """What the page's own policy refused it."""
        return [text for text in self.errors if "Content Security Policy" in text]


@pytest.fixture(scope="module")
def tab(chromium) -> Iterator[Tab]:
    """One page for a whole file: a page loaded again in it costs half of what it costs in a browser context of its own."""
    context = chromium.new_context()
    tab = Tab(context.new_page(), [], [])
    tab.page.set_default_timeout(PATIENCE_MS)
    tab.page.on("request", lambda r: None if r.url.startswith(OWN) else tab.foreign.append(r.url))
    tab.page.on("console", lambda m: tab.errors.append(f"{m.text} {m.location['url']}") if m.type == "error" else None)
    tab.page.on("pageerror", lambda error: tab.errors.append(str(error)))
    yield tab
    context.close()


@pytest.fixture
def page(tab: Tab) -> Iterator:
    """The file's page made ready, at 1280 px; any request to another host fails the test."""
    tab.make_ready()
    yield tab.page
    assert not tab.foreign, f"the page asked other hosts: {tab.foreign}"
    assert not tab.refused, f"the page was refused something by its own policy: {tab.refused}"
