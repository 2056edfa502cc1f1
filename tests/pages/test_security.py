"""The middleware's parts, without a server."""

import asyncio
import io
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.formparsers import MultiPartParser
from starlette.requests import Request
from streamlit.proto.BackMsg_pb2 import BackMsg

from pages._ui.security import HEADERS, SafeDoor, is_allowed, keep_uploads_in_memory


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


def call(path: str, kind: str = "http") -> list[dict]:
    """What the middleware sends for a request to an app that answers 200."""
    sent: list[dict] = []

    async def inner(scope, receive, send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"X-Frame-Options", b"ALLOWALL")]})
        await send({"type": "http.response.body", "body": b"inner"})

    async def send(message: dict) -> None:
        sent.append(message)

    run(SafeDoor(inner)({"type": kind, "path": path, "headers": []}, None, send))
    return sent


def test_headers_are_set_once_and_win() -> None:
    """Every answer carries every header exactly once, with our value."""
    headers = call("/classify")[0]["headers"]
    names = [k.decode().lower() for k, _ in headers]
    assert {k.decode(): v.decode() for k, v in headers} == HEADERS
    assert len(names) == len(set(names))


@pytest.mark.parametrize("path", ["/_stcore/metrics", "/base/_stcore/metrics", "/_stcore/agent/openapi.json"])
def test_closed_doors(path: str) -> None:
    """Metrics and the agent interface are not there for visitors."""
    assert call(path)[0]["status"] == 404
    assert call("/_stcore/health")[0]["status"] == 200
