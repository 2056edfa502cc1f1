"""The server itself: headers, closed doors, deep links, messages no visitor may send, nothing written."""

import asyncio
import http.client
import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from medcls.core.run import RunSpec
from medcls.runs.folder import make_run
from medcls.workflows.run_table import describe_run
from tests.e2e.conftest import PATIENCE_MS, ROOT, Server, fork_server, settle, stand, start_server, stop_server
from tests.tiny import install, spoil

pytestmark = pytest.mark.e2e


def get(url: str | urllib.request.Request) -> http.client.HTTPResponse:
    """An answer, whatever its status."""
    try:
        return urllib.request.urlopen(url, timeout=PATIENCE_MS / 1000)
    except urllib.error.HTTPError as error:
        return error  # type: ignore[return-value]


def apart(work: Coroutine) -> Any:
    """Run a coroutine on a thread of its own: Playwright holds this thread's event loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


@pytest.mark.parametrize("path", ["/", "/classify", "/_stcore/health", "/static/nothing.js"])
def test_every_answer_carries_the_headers(path: str, server: Server) -> None:
    """Pages, health and even errors cannot be framed, sniffed, or told to fetch from another host."""
    headers = get(server.url + path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    policy = headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "http:" not in policy
    assert "*" not in policy


@pytest.mark.parametrize("path", ["/_stcore/metrics", "/_stcore/agent/interact", "/_stcore/agent/openapi.json"])
def test_metrics_and_agent_interface_are_closed(path: str, server: Server) -> None:
    """Nobody reads the server's metrics or drives it without a browser."""
    assert get(server.url + path).status == 404


def test_only_this_machine_and_its_names(server: Server) -> None:
    """The socket is bound to the loopback address, and a foreign Host gets no session (DNS rebinding)."""
    port = int(server.url.rsplit(":", 1)[1])
    listening = [
        line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:] if line.split()[3] == "0A"
    ]
    assert f"0100007F:{port:04X}" in listening
    assert f"00000000:{port:04X}" not in listening
    assert apart(handshake(server, "evil.example")) == 403
    assert apart(handshake(server, f"127.0.0.1:{port}")) == 101


async def handshake(server: Server, host: str) -> int:
    """Status of opening a websocket under a Host header."""
    name, port = server.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(name, int(port))
    writer.write(
        f"GET /_stcore/stream HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    status = int((await reader.readline()).split()[1])
    writer.close()
    return status


def test_deep_link_is_the_first_thing_a_fresh_server_is_asked(chromium, app_home: Path, tmp_path: Path) -> None:
    """A page opened by its address before any other has its frame: notice, title of the tab."""
    server = start_server(app_home, tmp_path / "log.txt")
    try:
        page = chromium.new_page()
        page.goto(f"{server.url}/heatmaps?model=breast-ultrasound--tiny--0001")
        page.get_by_text("Research use, not a medical device").first.wait_for(timeout=PATIENCE_MS)
        page.get_by_text("Drop a scan to see where").wait_for(timeout=PATIENCE_MS)
        assert page.title() == "Heatmaps · medcls"
        page.close()
    finally:
        stop_server(server)


def test_the_page_that_opens_first_answers_to_its_name_too(chromium, server: Server) -> None:
    """Streamlit serves it at `/` alone, and tells who asks for `/classify` that there is no such page."""
    page = chromium.new_page()
    page.goto(f"{server.url}/classify?task=breast-ultrasound")
    page.get_by_role("button", name="Try: drawn as").first.wait_for(timeout=PATIENCE_MS)
    assert page.url.startswith(f"{server.url}/?task=breast-ultrasound")
    assert page.get_by_text("Page not found").count() == 0
    page.close()


def test_foreign_clear_cache_is_harmless(chromium, tiny_made: Path, tmp_path: Path) -> None:
    """A raw websocket client asks to empty the caches; the open model stays open.

    Its file is damaged meanwhile: a server that had to open it again would refuse it.
    """
    install(tiny_made, tmp_path / "home" / "weights", "breast-ultrasound--tiny--0001")
    server = fork_server(tmp_path / "home", tmp_path / "log.txt")
    try:
        page = chromium.new_page()
        page.goto(server.url)
        page.get_by_role("button", name="Try: drawn as").first.click(timeout=PATIENCE_MS)
        page.get_by_role("status").first.wait_for(timeout=PATIENCE_MS)
        settle(page)  # opened, answered and drawn
        spoil(tmp_path / "home" / "weights", "breast-ultrasound--tiny--0001")
        apart(send_clear_cache(server))
        page.get_by_role("button", name="Put away").click()
        page.get_by_role("button", name="Try: drawn as").nth(1).click(timeout=PATIENCE_MS)
        page.get_by_role("status").or_(page.get_by_text("is not the file")).first.wait_for(timeout=PATIENCE_MS)
        settle(page)
        assert page.get_by_text("is not the file that was published").count() == 0
        page.close()
    finally:
        stop_server(server)


async def send_clear_cache(server: Server) -> None:
    """What any client could send to a bare Streamlit to empty every user's caches."""
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from websockets.asyncio.client import connect

    async with connect(server.url.replace("http", "ws") + "/_stcore/stream", subprotocols=["streamlit"]) as socket:
        await socket.send(BackMsg(clear_cache=True).SerializeToString())
        await asyncio.sleep(0.5)


def test_a_container_finds_itself_healthy_under_the_name_it_is_given(
    app_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Dockerfile's own check against a server with the hosts that compose.yaml allows; strangers stay out."""
    compose, docker = ((ROOT / name).read_text(encoding="utf-8") for name in ("compose.yaml", "Dockerfile"))
    hosts = re.search(r"STREAMLIT_SERVER_ALLOWED_HOSTS: (.+)", compose)[1]
    told = re.search(
        r'STREAMLIT_SERVER_ALLOWED_HOSTS="(.+)"', (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    )[1]
    check = json.loads(re.search(r"HEALTHCHECK .*?CMD (\[.+\])", docker)[1])
    monkeypatch.setenv(
        "STREAMLIT_SERVER_ALLOWED_HOSTS", given := re.sub(r"\$\{MEDCLS_NAME:-\w+\}", "medcls.example.org", hosts)
    )
    assert given == told
    server = fork_server(app_home, tmp_path / "log.txt")
    try:
        port = server.url.rpartition(":")[2]
        subprocess.run([sys.executable, check[1], check[2].replace("8501", port)], check=True, timeout=60)
        found = {}
        for host in ("medcls.example.org", "localhost", "stranger.example.org", f"127.0.0.1:{port}"):
            asked = urllib.request.Request(f"{server.url}/_stcore/health", headers={"Host": host})
            found[host] = get(asked).status
        assert list(found.values()) == [200, 200, 403, 403]
    finally:
        stop_server(server)


def test_names_from_outside_are_text_on_the_page(server: Server, page, monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit makes links and icons of text once markdown was read: no backslash keeps it from that."""
    monkeypatch.setenv("MEDCLS_HOME", str(server.home))
    odd = ":material/bolt: www.h.example a@h.example"
    note = f"{odd} http://h.example [l](//h.example) <img src=x> a -> b -- c :streamlit:"
    run = make_run(RunSpec.of(name=note, collections=("none",)))
    try:
        describe_run(run.id, (odd[:24], ":material/bolt:"), note)
        stand(page, f"{server.url}/runs?run={run.id}")
        shown = page.get_by_test_id("stMainBlockContainer")
        assert shown.get_by_text(note, exact=True).count() >= 1
        assert shown.get_by_text(":material/bolt:", exact=True).count() >= 1
        assert shown.locator("[href*='h.example'], [src='x'], [aria-label='bolt icon'], img").count() == 0
    finally:
        run.delete()
