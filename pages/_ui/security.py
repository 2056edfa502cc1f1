"""The middleware in front of Streamlit: headers, closed doors, and messages no visitor may send.

Why each part is needed was tried on the Streamlit in use: its defaults send no security headers, answer
`/_stcore/metrics` to anybody, let any websocket client empty every user's caches, and spool an
upload above 1 MiB to a temporary file.
"""

import re

from starlette.formparsers import MultiPartParser
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

from medcls.errors import MedclsError
from medcls.workflows import people
from pages._ui.uploads import COOKIE, ROUTE, Uploads, browser_of, header_of, new_token, token_of

# 'unsafe-inline' and 'unsafe-eval' are what Streamlit's own page and the charts need; nothing may
# be fetched from, sent to or framed by another host.
_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
VOUCHED = b"x-medcls-visitor"  # the login name of whom the proxy logged in; only the door writes it
_HIDDEN = ("/_stcore/metrics", "/_stcore/agent", "/_stcore/script-health-check")
# Everything a page needs from a browser. Clearing caches, switching run-on-save, installing things
# and debugging are the server operator's, not a visitor's.
_ALLOWED = {"rerun_script", "stop_script", "file_urls_request", "app_heartbeat", "backend_operation_request"}
_ALLOWED_OPERATIONS = {"deferred_file", "dataframe_chunk"}


def keep_uploads_in_memory() -> None:
    """Stop the form parser from spooling uploads to a temporary file: dropped scans never reach a disk."""
    MultiPartParser.spool_max_size = 0  # 0: SpooledTemporaryFile never rolls over to a file


def is_allowed(data: bytes) -> bool:
    """Return whether a browser's websocket message may reach Streamlit."""
    message = BackMsg()
    try:
        message.ParseFromString(data)
    except Exception:  # noqa: BLE001 - protobuf raises its own private types; what cannot be parsed is refused
        return False
    kind = message.WhichOneof("type")
    if kind == "backend_operation_request":
        return message.backend_operation_request.WhichOneof("payload") in _ALLOWED_OPERATIONS
    return kind in _ALLOWED


def without_claims(scope: Scope) -> Scope:
    """Return a request without headers that name a person, but with `VOUCHED` where a trusted proxy named one, once.

    A session keeps the headers it was opened with. What the proxy's header is called, and from whom it is believed, is
    asked here and now: rules that come into force later believe no claim that came before them.
    """
    try:
        rules = people.read_rules()
    except MedclsError:  # then nobody is vouched for
        rules = people.Rules()
    name, peer = rules.header.encode("latin-1"), (scope.get("client") or ("",))[0]
    told = header_of(scope, name) if name and rules.trusts(peer) else None
    kept = [(key, value) for key, value in scope["headers"] if key.lower() not in (name, VOUCHED)]
    return {**scope, "headers": [*kept, (VOUCHED, told.encode("latin-1"))] if told else kept}


class SafeDoor:
    """ASGI middleware: adds the headers, hides what is not for visitors, drops forbidden messages.

    A foreign `Host` gets 403, at the websocket too: a name that another site points at this machine opens nothing.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._uploads = Uploads()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(without_claims(scope), receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(without_claims(scope), receive, send)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _is_ours(header_of(scope, b"host")):
            await _refuse(_with_headers(send, "none for strangers"), 403)
            return
        send = _with_headers(send, token_of(scope))
        # A base path may stand before the route, so the end of the path decides.
        if any(hidden in scope["path"] for hidden in _HIDDEN):
            await _refuse(send, 404)
        elif ROUTE in scope["path"] and (status := self._uploads.verdict(scope)):
            await _refuse(send, status)
        else:
            await self._app(scope, receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _is_ours(header_of(scope, b"host")):
            await send({"type": "websocket.close", "code": 1008})  # before it is accepted: the server answers 403
            return
        await self._app(scope, _filtered(receive), _watched(send, self._uploads, browser_of(scope)))


def _is_ours(host: str | None) -> bool:
    """Return whether a `Host` is one of this server's names; Streamlit reads `[::1].evil.example` as `[::1]`."""
    _, bracket, behind = (host or "").partition("]")
    return is_host_allowed(host) and (not bracket or not behind or re.fullmatch(r":[0-9]+", behind) is not None)


_WORDS = {403: b"forbidden", 404: b"not found", 411: b"length required", 413: b"too large"}


async def _refuse(send: Send, status: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": _WORDS[status]})


def _watched(send: Send, uploads: Uploads, token: str) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "websocket.send" and message.get("bytes"):
            uploads.watch(message["bytes"], token)
        await send(message)

    return sending


def _with_headers(send: Send, token: str) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [(k, v) for k, v in message.get("headers", []) if k.decode("latin-1").lower() not in HEADERS]
            own = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in HEADERS.items()]
            if not token:
                own.append((b"set-cookie", f"{COOKIE}={new_token()}; Path=/; HttpOnly; SameSite=Strict".encode()))
            message = {**message, "headers": kept + own}
        await send(message)

    return sending


def _filtered(receive: Receive) -> Receive:
    async def receiving() -> Message:
        while True:
            message = await receive()
            data = message.get("bytes")
            if message["type"] != "websocket.receive" or data is None or is_allowed(data):
                return message

    return receiving
