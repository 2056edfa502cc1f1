"""An OpenID Connect provider on loopback: discovery, a page that asks who comes, signed identity tokens, logout."""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

CLIENT, SECRET = "medcls", "a secret of the test"


@dataclass
class Provider:
    """What it knows.

    Args:
        people: Claims by the name that a person clicks.
        back: The only address it sends anybody back to.
        issuer: Its own address.
        forge: True to sign with a key that it does not publish.
        codes: What was asked for each code that was not redeemed yet.
        refused: What it refused, in order.
        ended: How many people logged out.
    """

    people: dict[str, dict[str, object]]
    back: str
    issuer: str = ""
    forge: bool = False
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    ended: int = 0

    def __post_init__(self) -> None:
        from joserfc.jwk import RSAKey

        self.key, self.other = (RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}) for _ in range(2))

    def metadata(self) -> dict[str, object]:
        """What discovery answers."""
        ends = {"authorization": "authorize", "token": "token", "end_session": "end"}
        return {
            "issuer": self.issuer,
            **{f"{name}_endpoint": f"{self.issuer}/{path}" for name, path in ends.items()},
            "jwks_uri": f"{self.issuer}/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
        }

    def choices(self, asked: dict[str, str]) -> str:
        """The page that asks who comes."""
        links = "".join(
            f'<li><a href="/choose?{escape(urlencode({**asked, "who": who}))}">{who}</a></li>' for who in self.people
        )
        return f"<!doctype html><title>Provider</title><h1>Who are you?</h1><ul>{links}</ul>"

    def choose(self, asked: dict[str, str]) -> str:
        """Where whoever chose is sent."""
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return f"{self.back}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, login: str, given: dict[str, str]) -> dict[str, object] | None:
        """Tokens for a code, once, for the client that asked with this challenge; else None, and why is noted."""
        from joserfc import jwt

        asked = self.codes.pop(given.get("code", ""), None)
        challenge = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        for reason, wrong in {
            "client": login != f"{CLIENT}:{SECRET}",
            "code": asked is None,
            "address": given.get("redirect_uri") != self.back,
            "verifier": asked is not None
            and base64.urlsafe_b64encode(challenge).rstrip(b"=").decode() != asked.get("code_challenge"),
        }.items():
            if wrong:
                self.refused.append(reason)
                return None
        assert asked is not None
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            "sub": asked["who"],
        }
        signed = jwt.encode(
            {"alg": "RS256", "kid": "one"}, claims | self.people[asked["who"]], self.other if self.forge else self.key
        )
        return {"access_token": "none", "token_type": "Bearer", "expires_in": 300, "id_token": signed}


@contextmanager
def serve(provider: Provider) -> Iterator[Provider]:
    """The provider, answering at its issuer's address."""

    class Answer(BaseHTTPRequestHandler):
        def _say(self, body: object, status: int = 200) -> None:
            page = isinstance(body, str)
            data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/html" if page else "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _send_to(self, address: str) -> None:
            self.send_response(302)
            self.send_header("Location", address)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            asked = {key: values[0] for key, values in parse_qs(url.query).items()}
            if url.path == "/.well-known/openid-configuration":
                self._say(provider.metadata())
            elif url.path == "/jwks":
                self._say({"keys": [provider.key.as_dict(private=False)]})
            elif (
                url.path == "/authorize"
                and asked.get("client_id") == CLIENT
                and asked.get("redirect_uri") == provider.back
            ):
                self._say(provider.choices(asked))
            elif url.path == "/choose":
                self._send_to(provider.choose(asked))
            elif url.path == "/end" and asked.get("post_logout_redirect_uri") == provider.back:
                provider.ended += 1
                self._send_to(provider.back)
            else:
                self._say({"error": "not found"}, 404)

        def do_POST(self) -> None:
            sent = parse_qs(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())
            login = base64.b64decode(self.headers.get("Authorization", "").removeprefix("Basic ")).decode()
            made = provider.token(login, {key: values[0] for key, values in sent.items()})
            self._say(made or {"error": "invalid_grant"}, 200 if made else 400)

        def log_message(self, *told: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    provider.issuer = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
