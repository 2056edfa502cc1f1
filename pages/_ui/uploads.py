"""Who may upload what: an address for a file works for the browser it was given to, and a session has a quota.

Streamlit takes any file under any id from whoever knows the id of a session, without a bound on all of them together.
Here the addresses are watched as they go out: one that was never given out, or was given to another browser, changes
nothing.
"""

import os
import re
import secrets
from collections import OrderedDict
from http.cookies import CookieError, SimpleCookie

from starlette.types import Scope
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

ROUTE = "/_stcore/upload_file/"
COOKIE = "medcls_door"
_MARK = b"_stcore/upload_file/"
_PLACE = re.compile(r"[^/]+/[^/]+")
_DIGITS = 16  # of an upload's size
_MOST_ADDRESSES = 100_000  # of all sessions; the oldest are forgotten


def quota_bytes() -> int:
    """Return how many bytes of uploads one session may hold: `MEDCLS_UPLOAD_QUOTA_MB`, 2,000 unless set."""
    asked = os.environ.get("MEDCLS_UPLOAD_QUOTA_MB", "")
    return (int(asked) if asked.isdecimal() else 2000) << 20


def new_token() -> str:
    """Return a token that tells one browser from another."""
    return secrets.token_urlsafe(32)


def token_of(scope: Scope) -> str:
    """Return the token a browser sent with a request; empty if it sent none."""
    sent = b"; ".join(value for name, value in scope.get("headers", ()) if name.lower() == b"cookie")
    try:
        found = SimpleCookie(sent.decode("latin-1")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def browser_of(scope: Scope) -> str:
    """Return what tells a browser from others: its token, or where it keeps no cookies the address it asks from."""
    token = token_of(scope)
    return f"token {token}" if token else f"peer {(scope.get('client') or ('',))[0]}"


def header_of(scope: Scope, name: bytes) -> str | None:
    """Return a header's value; None if it is missing or stands there twice."""
    found = [value for key, value in scope.get("headers", ()) if key.lower() == name]
    return found[0].decode("latin-1") if len(found) == 1 else None


class Uploads:
    """Which addresses were given to which browser, and what each session holds."""

    def __init__(self) -> None:
        self._given: OrderedDict[str, str] = OrderedDict()
        self._held: dict[str, dict[str, int]] = {}

    def watch(self, message: bytes, token: str) -> None:
        """Note the addresses in a message from the server to a browser.

        Args:
            message: A serialised `ForwardMsg`.
            token: What tells the browser it goes to from others; see `browser_of`.
        """
        if _MARK not in message:
            return
        told = ForwardMsg()
        told.ParseFromString(message)
        for urls in told.file_urls_response.file_urls:
            self._given[_place(urls.upload_url)] = token
        while len(self._given) > _MOST_ADDRESSES:
            self._given.popitem(last=False)

    def verdict(self, scope: Scope) -> int:
        """Return the HTTP status to refuse a request for an upload's address with; 0 if it may pass.

        403: the address was never given out, or to another browser. 404: neither an upload nor a deletion; nothing can
        be read here. 411: an upload that does not say its size. 413: more than the session may hold.
        """
        place = scope["path"].rsplit(ROUTE, 1)[-1]  # to the letter: `file?1` would be another file than `file`
        if scope["method"] not in ("PUT", "DELETE"):
            asks_beforehand = scope["method"] == "OPTIONS" and _PLACE.fullmatch(place)  # as a browser may; see CORS
            return 0 if asks_beforehand else 404
        given = self._given.get(place)
        if given is None or not secrets.compare_digest(given.encode(), browser_of(scope).encode()):
            return 403
        session, _, file = place.partition("/")
        held = self._held.setdefault(session, {})
        if scope["method"] == "DELETE":
            held.pop(file, None)
            return 0
        size = header_of(scope, b"content-length") or ""
        if not (size.isdecimal() and size.isascii() and len(size) < _DIGITS):
            return 411
        if sum(held.values()) - held.get(file, 0) + int(size) > quota_bytes():
            return 413
        held[file] = int(size)
        return 0


def _place(url: str) -> str:
    """Return `session/file` of an address that was given out."""
    return url.rsplit(_MARK.decode(), 1)[-1].split("?")[0]
