"""A small OpenID Connect provider on loopback: discovery, a page to choose a person, signed tokens, its public key."""

import base64
import hashlib
import json
import secrets
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "medcls", "a secret of the client, long enough"
PEOPLE = {
    "kim": {"email": "kim@example.org", "email_verified": True},
    "lee": {"email": "lee@example.org", "email_verified": True},
    "odd": {"email": "kim@example.org", "email_verified": False},  # says it is kim; nobody looked
}


@dataclass
class Provider:
    """A running provider."""

    url: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"}))
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    server: ThreadingHTTPServer | None = None

    def start(self) -> None:
        """Listen on a free port of loopback."""
        handler = type("Handler", (_Handler,), {"provider": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """End it."""
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()

    def discovery(self) -> dict[str, object]:
        """What a client must know (OpenID Connect Discovery 1.0, section 3)."""
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
        }

    def id_token(self, asked: dict[str, str]) -> str:
        """Who logged in, signed."""
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "sub": asked["person"], "iat": now, "exp": now + 600}
        claims |= {"nonce": asked["nonce"]} if asked.get("nonce") else {}
        return jwt.encode({"alg": "RS256", "kid": "one"}, claims | PEOPLE[asked["person"]], self.key)


class _Handler(BaseHTTPRequestHandler):
    provider: Provider

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(asked.query).items()}
        if asked.path == "/.well-known/openid-configuration":
            self._json(self.provider.discovery())
        elif asked.path == "/keys":
            self._json({"keys": [self.provider.key.as_dict(private=False)]})
        elif asked.path == "/authorize" and query.get("client_id") == CLIENT and query.get("response_type") == "code":
            links = [f'<a href="/in?{urlencode(query | {"person": name})}">{name}</a>' for name in PEOPLE]
            self._answer(200, "text/html", f"<!doctype html><title>Log in</title>{' '.join(links)}".encode())
        elif asked.path == "/in":
            code = secrets.token_urlsafe(16)
            self.provider.codes[code] = query
            self.send_response(302)
            self.send_header(
                "Location", f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"
            )
            self.end_headers()
        else:
            self._answer(404, "text/plain", b"not found")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        asked = self.provider.codes.pop(form.get("code", ""), None)
        if asked is None or not self._is_client(form) or not _proves(form.get("code_verifier"), asked):
            self._json({"error": "invalid_grant"}, 400)
            return
        token = self.provider.id_token(asked)
        self._json({"access_token": "none", "token_type": "Bearer", "expires_in": 600, "id_token": token})

    def _is_client(self, form: dict[str, str]) -> bool:
        basic = self.headers.get("Authorization", "").removeprefix("Basic ")
        given = base64.b64decode(basic).decode() if basic else f"{form.get('client_id')}:{form.get('client_secret')}"
        return given.replace("+", " ").replace("%2C", ",").replace("%20", " ") == f"{CLIENT}:{SECRET}"

    def _json(self, told: dict[str, object], status: int = 200) -> None:
        self._answer(status, "application/json", json.dumps(told).encode())

    def _answer(self, status: int, kind: str, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *told: object) -> None:
        """Say nothing."""


def _proves(verifier: str | None, asked: dict[str, str]) -> bool:
    """Whether whoever redeems a code is whoever asked for it (RFC 7636); true where no proof was announced."""
    if "code_challenge" not in asked:
        return True
    digest = hashlib.sha256((verifier or "").encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == asked["code_challenge"]
