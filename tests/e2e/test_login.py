"""Streamlit's own login by OpenID Connect, against a real provider that the test serves: roles, strangers, logout, forgeries."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import PATIENCE_MS, Server, fork_server, settle, stop_server
from tests.e2e.provider import CLIENT, SECRET, Provider, serve
from tests.e2e.test_replicas import drop
from tests.inlets.conftest import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
RULES = '[oidc]\non = true\n[roles]\nread = ["lee@example.org"]\nbuild = ["kim@example.org"]\nadmin = ["root@example.org"]\n'
KIM = "kim@example.org"
PEOPLE: dict[str, dict[str, object]] = {
    "kim": {"email": "kim@example.org", "email_verified": True},
    "eve": {"email": "eve@example.org", "email_verified": True},
    "not root": {"email": "root@example.org", "email_verified": False},
    "not root either": {"email": "root@example.org", "email_verified": "false"},
    "nobody": {},
}


@pytest.fixture(scope="module")
def house(app_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Provider]]:
    """A server whose visitors log in at a provider of another site."""
    pytest.importorskip("authlib", reason="Authlib is not installed: pip install -r requirements-dev.txt")
    folder, port = tmp_path_factory.mktemp("login"), free_port()
    home = folder / "home"
    shutil.copytree(app_home, home, ignore=shutil.ignore_patterns("audit"))
    (home / "access.toml").write_text(RULES)
    with serve(Provider(PEOPLE, f"http://localhost:{port}/oauth2callback")) as provider:
        lines = {
            "redirect_uri": provider.back,
            "cookie_secret": "a long random text of the test",
            "client_id": CLIENT,
            "client_secret": SECRET,
            "server_metadata_url": f"{provider.issuer}/.well-known/openid-configuration",
        }
        secrets = folder / "secrets.toml"
        secrets.write_text("[auth]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in lines.items()))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("STREAMLIT_SECRETS_FILES", str(secrets))
            server = fork_server(home, folder / "server.txt", port=port)
        yield server, provider
        stop_server(server)


@pytest.fixture
def door(house: tuple[Server, Provider]) -> tuple[Server, Provider]:
    """The house with its rules as they were, its trail empty, and an honest provider that remembers nothing."""
    server, provider = house
    (server.home / "access.toml").write_text(RULES)
    shutil.rmtree(server.home / "audit", ignore_errors=True)
    provider.forge, provider.ended = False, 0
    provider.codes.clear()
    provider.refused.clear()
    return server, provider


@pytest.fixture
def visitor(chromium, door: tuple[Server, Provider]) -> Iterator:
    """A browser at the front page, that nobody logged in with."""
    server, _ = door
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    refused: list[str] = []
    page.on("console", lambda m: refused.append(m.text) if "Content Security Policy" in m.text else None)
    page.goto(server.url.replace("127.0.0.1", "localhost"))
    page.get_by_text("Nobody is logged in").wait_for()
    yield page
    context.close()
    assert not refused


def log_in(page, who: str) -> None:
    """Go to the provider and come back as somebody."""
    settle(page)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name=who, exact=True).click()
    page.wait_for_url("http://localhost:*/")


def trail_of(home: Path) -> list[tuple[str, str, str]]:
    """Who did what, and how it ended, as the audit trail says."""
    (trail,) = (home / "audit").glob("*.jsonl")
    told = [json.loads(line) for line in trail.read_text().splitlines()]
    return [(line["who"], line["what"], line["outcome"]) for line in told]


def log_out(page) -> None:
    """Leave, at the provider too."""
    settle(page)
    page.get_by_role("button", name="Log out").click()
    page.get_by_text("Nobody is logged in").wait_for()


def test_who_logs_in_has_the_roles_of_the_rules_and_nobody_else_any(visitor, door) -> None:
    """One with a role reads, under that name; a stranger and an address that was not verified do nothing; out is out."""
    server, provider = door
    log_in(visitor, "kim")
    visitor.get_by_text("kim@example.org (read, build)").wait_for()
    drop(visitor, "scan.png")
    assert trail_of(server.home) == [(KIM, "login", "done"), (KIM, "classify", "done")]
    visitor.reload()
    visitor.get_by_text("kim@example.org (read, build)").wait_for()  # the cookie holds
    (server.home / "access.toml").write_text(RULES.replace("kim@", "kam@"))
    visitor.reload()
    visitor.get_by_text("This needs the role read").wait_for()  # the rules hold from the next click on
    log_out(visitor)
    assert provider.ended == 1
    visitor.reload()
    visitor.get_by_text("Nobody is logged in").wait_for()

    log_in(visitor, "eve")
    visitor.get_by_text("This needs the role read").wait_for()
    log_out(visitor)
    for who in ("not root", "not root either", "nobody"):
        log_in(visitor, who)
        visitor.get_by_text("The login names nobody").wait_for()
        assert not visitor.get_by_text("admin").count()
        log_out(visitor)
    assert not provider.refused
    came_and_went = [(KIM, "login", "done"), (KIM, "login", "access.denied"), (KIM, "logout", "done")]
    came_and_went += [("eve@example.org", "login", "access.denied"), ("eve@example.org", "logout", "done")]
    nobody = [("nobody", "login", "access.login-names-nobody"), ("nobody", "logout", "done")]
    assert trail_of(server.home)[2:] == came_and_went + 3 * nobody


def test_a_token_that_the_provider_did_not_sign_logs_nobody_in(visitor, door) -> None:
    """Nor does a cookie that this server did not sign, or a callback that nobody asked for."""
    _, provider = door
    provider.forge = True
    log_in(visitor, "kim")
    visitor.get_by_text("Nobody is logged in").wait_for()
    told = json.dumps({"email": "root@example.org", "is_logged_in": True, "origin": provider.back.rpartition("/")[0]})
    visitor.context.add_cookies([{"name": "_streamlit_user", "value": told, "domain": "localhost", "path": "/"}])
    visitor.reload()
    visitor.get_by_text("Nobody is logged in").wait_for()
    visitor.goto(f"{provider.back}?code=x&state=y")
    visitor.get_by_text("Nobody is logged in").wait_for()


def test_a_login_is_believed_only_where_the_rules_say_so(visitor, door) -> None:
    """With a proxy in the rules a login by OpenID Connect is nobody's."""
    server, _ = door
    log_in(visitor, "kim")
    visitor.get_by_text("kim@example.org (read, build)").wait_for()
    proxy = '[proxy]\nheader = "X-Forwarded-User"\ntrusted = ["127.0.0.1"]\n[roles]\nread = ["*"]\n'
    (server.home / "access.toml").write_text(proxy)
    visitor.reload()
    visitor.get_by_text("Nobody is logged in").wait_for()
    assert not visitor.get_by_role("button", name="Log in").count()
