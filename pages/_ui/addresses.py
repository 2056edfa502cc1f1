"""Addresses that Streamlit itself does not answer, and what a page is told of its own."""

import json
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.config import get_option

from pages._ui.contents import BELOW, PAGES


async def _open_front_page(request: Request) -> RedirectResponse:
    """Send `/classify` to `/`, query and all: Streamlit serves the page that opens first at no other address."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"./{query}")


ROUTES = (Route(f"/{PAGES[0].address}", _open_front_page),)
_HEAD = b"<head>"


def script(pages: Sequence[str] = BELOW) -> bytes:
    """Return what tells a page's browser code where its server is.

    Streamlit's code looks below the page's own address first (`/heatmaps/_stcore/health`), is told 404, and the
    browser's console has two errors. `BACKEND_BASE_URL` is its own setting for who knows better. An address that does
    not end in one of ours is left to Streamlit's search.

    Args:
        pages: The last part of each page's address.
    """
    find = (
        f"const own = {json.dumps(list(pages))}, parts = location.pathname.replace(/\\/$/, '').split('/');"
        "const known = own.includes(parts.pop()), base = location.origin + parts.join('/') + '/';"
        "if (known) window.__streamlit = { BACKEND_BASE_URL: base }"
    )
    return f"<script>{{{find}}}</script>".encode()


class Signpost:
    """ASGI middleware: puts `script` into the head of every page but the front page, which needs none."""

    def __init__(self, app: ASGIApp) -> None:
        self._app, self._script = app, script()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _wants_page(scope) and _is_below(scope["path"]):
            plain = [(key, value) for key, value in scope["headers"] if key != b"accept-encoding"]
            await self._app({**scope, "headers": plain}, receive, _with_script(send, self._script))
        else:
            await self._app(scope, receive, send)


def _wants_page(scope: Scope) -> bool:
    """Return whether a browser asks for a page: nothing else that it loads is text to be read."""
    return any(key == b"accept" and b"text/html" in value for key, value in scope["headers"])


def _is_below(path: str) -> bool:
    """Return whether an address ends in one of our pages: a base path may end in such a word itself."""
    base = (get_option("server.baseUrlPath") or "").strip("/")
    below = path.strip("/").removeprefix(base) if base else path
    return below.strip("/").rpartition("/")[2] in BELOW


def _with_script(send: Send, code: bytes) -> Send:
    held: list[Message] = []  # the start of a page, until its head is seen

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start" and _is_page(message):
            held.append(message)
            return
        if held:
            body = message.get("body", b"")
            changed = body.replace(_HEAD, _HEAD + code, 1)
            await send(_longer(held.pop(), len(changed) - len(body)))
            message = {**message, "body": changed}
        await send(message)

    return sending


def _is_page(start: Message) -> bool:
    headers = dict(start.get("headers", ()))
    is_html = headers.get(b"content-type", b"").startswith(b"text/html")
    return start["status"] == 200 and is_html and b"content-encoding" not in headers


def _longer(start: Message, by: int) -> Message:
    """Return the start of a response whose body has so many bytes more."""
    headers = [
        (key, str(int(value) + by).encode() if key.lower() == b"content-length" else value)
        for key, value in start["headers"]
    ]
    return {**start, "headers": headers}
