"""Two servers on one home behind a sticky proxy that logs people in: a browser stays with one; killed, it goes on at the other."""

import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from medcls import audit
from medcls.imaging.phantom import phantom
from medcls.runs.folder import RunFolder
from tests.e2e.conftest import PATIENCE_MS, Server, button_of_page, fork_server, settle, stop_server
from tests.e2e.test_training_story import choose, fill, grown
from tests.inlets.conftest import free_port
from tests.runs.processes import add_phantoms

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
HAPROXY = shutil.which("haproxy") or "/usr/sbin/haproxy"
RULES = '[proxy]\nheader = "X-Forwarded-User"\ntrusted = ["127.0.0.1"]\n[roles]\nread = ["*"]\nbuild = ["kim"]\n'


@pytest.fixture
def front(app_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, dict[str, Server]]]:
    """The proxy's address, and the servers behind it by the value of their cookie."""
    if not Path(HAPROXY).is_file():
        pytest.skip("haproxy is not installed: apt-get install haproxy")
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "")  # as `medcls app` sets it
    home = tmp_path / "shared"
    shutil.copytree(app_home, home, ignore=shutil.ignore_patterns("audit"))  # other tests' answers stand in it
    (home / "access.toml").write_text(RULES)
    servers = {name: fork_server(home, tmp_path / f"{name}.txt") for name in ("one", "two")}
    ports = {name: server.url.rsplit(":", 1)[1] for name, server in servers.items()}
    config, port = tmp_path / "haproxy.cfg", free_port()
    config.write_text(Path(__file__).with_name("haproxy.cfg").read_text().format(front=port, **ports))
    proxy = subprocess.Popen([HAPROXY, "-db", "-f", str(config)], stderr=(tmp_path / "proxy.txt").open("wb"))
    wait_for(port)
    yield f"http://127.0.0.1:{port}", servers
    proxy.terminate()
    proxy.wait(10)
    for server in servers.values():
        stop_server(server)


def wait_for(port: int) -> None:
    """Wait until somebody listens at a port."""
    until = time.monotonic() + PATIENCE_MS / 1000
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("the proxy does not listen")


def drop(page, name: str) -> None:
    """Drop a scan and wait until it is answered and its picture is there."""
    data = phantom("breast-ultrasound", "malignant", 3)
    page.get_by_role("button", name="Try: drawn as").first.wait_for()
    settle(page)  # the network is opened below the examples
    page.locator('input[type="file"]').first.set_input_files({"name": name, "mimeType": "image/png", "buffer": data})
    page.get_by_role("status").first.wait_for()  # the card with the answer
    page.locator(".viewer[data-ready]").first.wait_for()
    settle(page)


def cookie_of(context) -> str:
    """Which server the browser is kept with."""
    return next(c["value"] for c in context.cookies() if c["name"] == "MEDCLS_SERVER")


def test_a_killed_server_is_replaced_and_a_run_outlives_it(
    chromium, front, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """Two browsers, both servers in use; one starts a run, and its server is killed: a reload is enough.

    Login, answers and pictures are there again at the other server, the run has gone on, is watched and stopped there,
    nobody else noticed, and what lies on disk is as it was. Whoever comes without the proxy is nobody.
    """
    address, servers = front
    home = servers["one"].home
    monkeypatch.setenv("MEDCLS_HOME", str(home))
    add_phantoms(tmp_path / "scans")
    stays_out(chromium, servers["one"])
    contexts = [chromium.new_context(viewport={"width": 1440, "height": 1000}) for _ in range(2)]
    pages = [context.new_page() for context in contexts]
    for page in pages:
        page.set_default_timeout(PATIENCE_MS)
        page.goto(address)
        page.get_by_text("kim (read, build)").wait_for()
        drop(page, "scan.png")
    kept = [cookie_of(context) for context in contexts]
    assert set(kept) == {"one", "two"}  # round robin: both are in use
    run = start_run(pages[0], address, home)
    request.addfinalizer((run.path / "stop").touch)  # whatever happens below, no worker stays
    before = int(grown(pages[0], 1))
    spec, lines = (run.path / "spec.json").read_bytes(), (run.path / "metrics.jsonl").read_bytes()
    trail = (home / "audit" / "audit-000001.jsonl").read_bytes()
    assert trail.count(b'"what": "classify"') == 2
    assert b'"who": "kim"' in trail
    models = {p: p.read_bytes() for p in (home / "weights").rglob("*") if p.is_file()}

    servers[kept[0]].process.kill()
    assert servers[kept[0]].ends(PATIENCE_MS / 1000)
    pages[0].reload()
    pages[0].get_by_text("kim (read, build)").wait_for()
    pages[0].get_by_text(re.compile(r"^\d+ of 5000$")).wait_for()
    assert int(grown(pages[0], before + 2)) > before + 2  # it has gone on, and is watched
    assert cookie_of(contexts[0]) == kept[1]
    settle(pages[0])
    button_of_page(pages[0], "Stop").click()
    pages[0].get_by_role("button", name="Publish").wait_for()
    pages[0].goto(address)
    drop(pages[0], "scan.png")
    pages[1].get_by_text("kim (read, build)").wait_for()  # nobody else noticed
    assert (run.path / "spec.json").read_bytes() == spec
    assert (run.path / "metrics.jsonl").read_bytes().startswith(lines)
    epochs = [json.loads(line)["epoch"] for line in (run.path / "metrics.jsonl").read_text().splitlines()]
    assert epochs == sorted(set(epochs)), "one worker wrote them"
    now = (home / "audit" / "audit-000001.jsonl").read_bytes()
    assert now.startswith(trail)
    assert now.count(b'"what": "classify"') == 3
    assert audit.verify().broken_at is None
    assert {p: p.read_bytes() for p in (home / "weights").rglob("*") if p.is_file()} == models
    for context in contexts:
        context.close()


def start_run(page, address: str, home: Path) -> RunFolder:
    """Start a run of many short epochs on Train, and wait until it is watched."""
    page.goto(f"{address}/train")
    page.get_by_text("kim (read, build)").wait_for()
    choose(page, "Recipe", "none: every")
    choose(page, "Network", "Simple CNN")
    choose(page, "Start from", "nothing")
    for label, value in {"Size (px)": "64", "Epochs": "5000", "Batch size": "8"}.items():
        fill(page, label, value)
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(re.compile("run="))
    page.get_by_text(re.compile(r"^\d+ of 5000$")).wait_for()
    return RunFolder(home / "runs" / re.search(r"run=([\w-]+)", page.url)[1])


def stays_out(chromium, server: Server) -> None:
    """A header of one's own from an address that is not trusted: here, none at all."""
    context = chromium.new_context()
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(server.url)
    page.get_by_text("Nobody is logged in").wait_for()
    context.close()
