"""The middleware's parts, without a server."""

import asyncio
import io
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.formparsers import MultiPartParser
from starlette.requests import Request
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from medcls import access, audit
from medcls.words import say
from pages._ui.security import HEADERS, SafeDoor, is_allowed, keep_uploads_in_memory
from tests.pages.conftest import assert_sound, words


def message(**fields: object) -> bytes:
    """A browser's message."""
    return BackMsg(**fields).SerializeToString()


@pytest.mark.parametrize("field", ["clear_cache", "set_run_on_save", "load_git_info", "debug_shutdown_runtime"])
def test_operator_messages_are_refused(field: str) -> None:
    """A visitor cannot clear caches, switch run-on-save, or debug."""
    assert not is_allowed(message(**{field: True}))


def test_installing_is_refused() -> None:
    """The one-click installation of files by the browser is closed too."""
    back = BackMsg()
    back.backend_operation_request.install_skills.SetInParent()
    assert not is_allowed(back.SerializeToString())


def test_what_a_page_needs_passes() -> None:
    """Reruns, uploads, downloads and heartbeats work."""
    rerun, download = BackMsg(), BackMsg()
    rerun.rerun_script.query_string = "a=b"
    download.backend_operation_request.deferred_file.SetInParent()
    assert is_allowed(rerun.SerializeToString())
    assert is_allowed(download.SerializeToString())
    assert is_allowed(message(stop_script=True))
    assert is_allowed(message(app_heartbeat=True))


def test_bytes_that_are_no_message_are_refused() -> None:
    """Neither noise nor nothing reaches Streamlit."""
    assert not is_allowed(b"\xff\xff\xff")
    assert not is_allowed(b"")


def upload(size: int) -> tuple[bytes, Request]:
    """A form with one file of `size` bytes."""
    body = b"".join(
        (
            b'--x\r\nContent-Disposition: form-data; name="f"; filename="scan.png"\r\n\r\n',
            b"\x89" * size,
            b"\r\n--x--\r\n",
        )
    )
    scope = {"type": "http", "method": "PUT", "headers": [(b"content-type", b"multipart/form-data; boundary=x")]}

    async def receive() -> dict:
        return {"type": "http.request", "body": body, "more_body": False}

    return body, Request(scope, receive)


def test_upload_is_not_spooled_to_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """An upload of 3 MiB stays in memory; with the parser's own setting it would be a file."""

    async def parse() -> object:
        form = await upload(3 * 2**20)[1].form()
        return form["f"].file

    monkeypatch.setattr(MultiPartParser, "spool_max_size", 2**20)
    assert run(parse())._rolled, "the hole this guards against is gone: the setting can go too"
    keep_uploads_in_memory()
    spooled = run(parse())
    assert not spooled._rolled
    assert isinstance(spooled._file, io.BytesIO)


def run(coroutine: Coroutine) -> object:
    """Await it in a thread of its own: a browser test before this one may have left an event loop in the main thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


HOST = (b"host", b"localhost:8501")
BROWSER = (b"cookie", b"other=1; medcls_door=a-browser")


def call(
    path: str,
    kind: str = "http",
    headers: tuple = (HOST,),
    method: str = "GET",
    door: SafeDoor | None = None,
    peer: str = "127.0.0.1",
) -> list[dict]:
    """What the middleware sends for a request to an app that answers 200."""
    sent: list[dict] = []

    async def send(message: dict) -> None:
        sent.append(message)

    scope = {"type": kind, "path": path, "method": method, "headers": list(headers), "client": (peer, 9)}
    run((door or SafeDoor(answering))(scope, None, send))
    return sent


async def answering(scope, receive, send) -> None:
    """An app that answers 200 to everything, and tells every websocket where it may upload."""
    if scope["type"] == "websocket":
        told = ForwardMsg()
        told.file_urls_response.file_urls.add(
            file_id="f", upload_url="/_stcore/upload_file/s/f", delete_url="/_stcore/upload_file/s/f"
        )
        await send({"type": "websocket.send", "bytes": told.SerializeToString()})
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"X-Frame-Options", b"ALLOWALL")]})
    await send({"type": "http.response.body", "body": b"inner"})


def test_headers_are_set_once_and_win() -> None:
    """Every answer carries every header exactly once, with our value; a browser that has a token gets no other."""
    headers = call("/classify", headers=(HOST, BROWSER))[0]["headers"]
    names = [k.decode().lower() for k, _ in headers]
    assert {k.decode(): v.decode() for k, v in headers} == HEADERS
    assert len(names) == len(set(names))
    (cookie,) = [v.decode() for k, v in call("/classify")[0]["headers"] if k == b"set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie


@pytest.mark.parametrize(
    "host",
    [
        None,
        b"evil.example",
        b"localhost.evil.example",
        b"localhost@evil.example",
        b"",
        b"127.0.0.1.nip.io",
        b"[::2]",
        b"[::1].evil.example",
        b"[::1].evil.example:8501",
        b"[::1]:1]",
    ],
)
def test_a_foreign_host_gets_nothing_at_the_websocket_either(host: bytes | None) -> None:
    headers = () if host is None else ((b"host", host),)
    for path in ("/", "/_stcore/health", "/_stcore/upload_file/s/f", "/_stcore/metrics"):
        assert call(path, headers=headers)[0]["status"] == 403
    assert call("/_stcore/stream", "websocket", headers) == [{"type": "websocket.close", "code": 1008}]
    assert call("/", headers=(HOST, (b"host", b"evil.example")))[0]["status"] == 403, "two of them"
    assert call("/")[0]["status"] == 200


def put(door: SafeDoor, path: str, *headers: tuple, method: str = "PUT", peer: str = "127.0.0.1") -> int:
    """The status an upload gets."""
    sent = call(f"/_stcore/upload_file/{path}", headers=(HOST, *headers), method=method, door=door, peer=peer)
    return sent[0]["status"]


def test_an_address_for_a_file_works_for_the_browser_it_was_given_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDCLS_UPLOAD_QUOTA_MB", "1")
    door, size, half = SafeDoor(answering), (b"content-length", b"1000"), (b"content-length", str(600 << 10).encode())
    assert put(door, "s/f", BROWSER, size) == 403, "never given out"
    call("/_stcore/stream", "websocket", (HOST, BROWSER), door=door)
    assert put(door, "s/f", BROWSER, size) == 200
    stranger = (b"cookie", b"medcls_door=another")
    for headers in ((), (stranger,), ((b"cookie", b"medcls_door="),)):
        assert put(door, "s/f", *headers, size) == 403
        assert put(door, "s/f", *headers, method="DELETE") == 403
    assert put(door, "s/g", BROWSER, size) == 403
    assert put(door, "s/f", BROWSER) == 411
    assert put(door, "s/f", BROWSER, (b"content-length", b"-5")) == 411
    assert put(door, "s/f", BROWSER, half) == 200
    assert put(door, "s/f", BROWSER, half) == 200, "in the place of the first"
    assert put(door, "s/f", BROWSER, (b"content-length", str(2 << 20).encode())) == 413
    assert put(door, "s/f", BROWSER, method="DELETE") == 200


def test_an_address_is_taken_to_the_letter_and_odd_headers_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """`f?1` and `f` are two files to Streamlit: told as one, a session could hold any number."""
    monkeypatch.setenv("MEDCLS_UPLOAD_QUOTA_MB", "1")
    door, size = SafeDoor(answering), (b"content-length", b"1000")
    call("/_stcore/stream", "websocket", (HOST, BROWSER), door=door)
    for path in ("s/f?1", "s/f?_stcore/upload_file/s/f", "s/f/", "s//f", "S/f", "s/f\0", "/s/f"):
        assert put(door, path, BROWSER, size) == 403, path
    assert put(door, "s/f", (b"cookie", b'medcls_door="\\351"'), size) == 403
    assert put(door, "s/f", (b"cookie", b"medcls_door=\xe9"), size) == 403
    assert put(door, "s/f", BROWSER, (b"content-length", b"9" * 5000)) == 411


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PATCH", "OPTIONS"])
def test_nothing_is_read_at_an_address_for_a_file_and_nobody_is_sent_elsewhere(method: str) -> None:
    """Streamlit answers the page there, or sends whoever adds a slash to the address without it."""
    door = SafeDoor(answering)
    call("/_stcore/stream", "websocket", (HOST, BROWSER), door=door)
    for path in ("", "s", "s/", "s/f/", "s/f//", "s//f", "/s/f", "x/_stcore/upload_file/s/f/"):
        assert put(door, path, BROWSER, method=method) == 404, path
    assert put(door, "s/f", method=method) == (200 if method == "OPTIONS" else 404)


def test_a_browser_without_cookies_is_known_by_where_it_asks_from() -> None:
    door, size = SafeDoor(answering), (b"content-length", b"1000")
    call("/_stcore/stream", "websocket", (HOST,), door=door, peer="10.0.0.1")
    assert put(door, "s/f", size, peer="10.0.0.1") == 200
    assert put(door, "s/f", size, peer="10.0.0.2") == 403
    assert put(door, "s/f", size, (b"cookie", b'medcls_door="peer 10.0.0.1"'), peer="10.0.0.2") == 403


@pytest.mark.parametrize("path", ["/_stcore/metrics", "/base/_stcore/metrics", "/_stcore/agent/openapi.json"])
def test_closed_doors(path: str) -> None:
    """Metrics and the agent interface are not there for visitors."""
    assert call(path)[0]["status"] == 404
    assert call("/_stcore/health")[0]["status"] == 200


def test_a_login_that_cannot_begin_is_a_sentence(open_app, home) -> None:
    """Without a provider, or without Authlib; nothing of the page is drawn, and nobody can log out."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "access.toml").write_text('[oidc]\non = true\n[roles]\nread = ["*"]\n')
    app = open_app()
    assert [button.label for button in app.button] == [say("pages.log-in")]
    app.button[0].click().run()
    assert_sound(app)
    assert "Authlib" in words(app)
    assert not app.get("file_uploader")


def test_who_comes_behind_a_proxy_is_a_line_of_the_trail_once_for_a_session(open_app, home, monkeypatch) -> None:
    """However often the page runs; what comes after it says who did it."""
    home.mkdir(parents=True, exist_ok=True)
    rules = '[proxy]\nheader = "X-Forwarded-User"\ntrusted = ["127.0.0.1"]\n[roles]\nread = ["kim"]\n'
    (home / "access.toml").write_text(rules)
    monkeypatch.setattr(access, "_ask", [lambda: "kim"])
    app = open_app()
    app.run()
    assert_sound(app)
    told = [(line.who, line.what, line.outcome, line.facts) for line in audit.lines()]
    assert told == [("kim", "login", "done", {"by": "proxy", "roles": "read"})]
