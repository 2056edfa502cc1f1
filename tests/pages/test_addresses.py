"""What a page is told of its own address."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from streamlit.config import get_option, set_option

from pages._ui.addresses import Signpost, script

BODY = b"<!DOCTYPE html><html><head><title>a</title></head></html>"


def served(body: bytes, status: int = 200, path: str = "/heatmaps", **headers: str) -> tuple[dict[bytes, bytes], bytes]:
    """What leaves the middleware where an app answers so."""
    told = {b"content-length": str(len(body)).encode()} | {
        name.replace("_", "-").encode(): value.encode() for name, value in headers.items()
    }
    sent: list[dict[str, Any]] = []

    async def answer(scope: Any, receive: object, send: Any) -> None:
        packs = b"accept-encoding" in dict(scope["headers"])
        assert path != "/heatmaps" or not packs, "what is packed cannot be added to"
        await send({"type": "http.response.start", "status": status, "headers": list(told.items())})
        await send({"type": "http.response.body", "body": body})

    async def keep(message: dict[str, Any]) -> None:
        sent.append(message)

    accepts = [(b"accept", b"text/html,*/*;q=0.8"), (b"accept-encoding", b"gzip")]
    asked = {"type": "http", "path": path, "headers": accepts}
    with ThreadPoolExecutor(1) as apart:  # a browser test before this one leaves a loop in its thread
        apart.submit(asyncio.run, Signpost(answer)(asked, None, keep)).result()
    return dict(sent[0]["headers"]), b"".join(one["body"] for one in sent[1:])


def test_a_page_is_told_where_its_server_is() -> None:
    headers, body = served(BODY, content_type="text/html; charset=utf-8")
    assert body == BODY.replace(b"<head>", b"<head>" + script())
    assert int(headers[b"content-length"]) == len(body)


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (200, {"content_type": "text/javascript"}),
        (404, {"content_type": "text/html"}),
        (200, {"content_type": "text/html", "content_encoding": "gzip"}),
    ],
)
def test_nothing_else_is_touched(status: int, headers: dict[str, str]) -> None:
    told, body = served(BODY, status, **headers)
    assert (body, int(told[b"content-length"])) == (BODY, len(BODY))


@pytest.mark.parametrize(
    ("base", "path", "known"),
    [
        ("", "/", False),
        ("", "/heatmaps/", True),
        ("lab", "/lab/heatmaps", True),
        ("models", "/models/", False),  # the front page, not the page of this name
        ("models", "/models/models", True),
    ],
)
def test_only_a_page_below_the_front_page_is_told(base: str, path: str, known: bool) -> None:
    before = get_option("server.baseUrlPath")
    set_option("server.baseUrlPath", base)
    try:
        assert (served(BODY, path=path, content_type="text/html")[1] != BODY) == known
    finally:
        set_option("server.baseUrlPath", before)


def test_a_page_without_a_head_is_served_as_it_is() -> None:
    headers, body = served(b"<p>none</p>", content_type="text/html")
    assert (body, int(headers[b"content-length"])) == (b"<p>none</p>", 11)


def test_every_page_but_the_front_page_is_known() -> None:
    assert b'"worklist", "heatmaps", "compare", "site", "data", "train", "runs", "models"' in script()
