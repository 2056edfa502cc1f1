"""Streamlit's own login against a real provider: who logs in has their role, who has none is refused, nobody forges it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from medcls import audit
from tests.e2e.conftest import PATIENCE_MS, Server, start_server, stop_server
from tests.e2e.provider import CLIENT, SECRET, Provider
from tests.inlets.conftest import free_port
from tests.tiny import install

pytestmark = pytest.mark.e2e
RULES = '[oidc]\non = true\n[roles]\nread = ["kim@example.org"]\nbuild = ["kim@example.org"]\n'


@pytest.fixture
def server(tiny_made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server whose people log in at a provider."""
    pytest.importorskip("authlib", reason="Authlib is not installed: pip install authlib")
    provider, port = Provider(), free_port()
    provider.start()
    home, told = tmp_path / "home", tmp_path / "secrets.toml"
    install(tiny_made, home / "weights", "breast-ultrasound--tiny--0001")
    (home / "access.toml").write_text(RULES)
    told.write_text(
        f'[auth]\nredirect_uri = "http://127.0.0.1:{port}/oauth2callback"\ncookie_secret = "{"c" * 32}"\n'
        f'client_id = "{CLIENT}"\nclient_secret = "{SECRET}"\n'
        f'server_metadata_url = "{provider.url}/.well-known/openid-configuration"\n'
    )
    monkeypatch.setenv("STREAMLIT_SECRETS_FILES", f'["{told}"]')
    monkeypatch.setenv("MEDCLS_HOME", str(home))
    made = start_server(home, tmp_path / "server.log", port=port)
    yield made
    stop_server(made)
    provider.stop()


def log_in(chromium, server: Server, person: str):
    """A page of somebody who logged in at the provider."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(server.url)
    page.get_by_text("Nobody is logged in").wait_for()
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name=person, exact=True).click()
    return page


def test_whoever_logs_in_has_their_role_and_nobody_else(chromium, server: Server) -> None:
    """The role of the address the provider vouches for; without a role, or with an address nobody looked at, nothing."""
    page = log_in(chromium, server, "kim")
    page.get_by_text("kim@example.org (read, build)").wait_for()
    page.get_by_role("button", name="Try: drawn as").first.click()
    page.get_by_role("status").first.wait_for()
    assert {line.who for line in audit.lines() if line.what == "classify"} == {"kim@example.org"}
    page.context.close()

    page = log_in(chromium, server, "lee")
    page.get_by_text("This needs the role read").first.wait_for()
    assert page.get_by_role("button", name="Try: drawn as").count() == 0
    page.context.close()

    page = log_in(chromium, server, "odd")
    page.get_by_text("Nobody is logged in").wait_for()
    assert page.get_by_role("button", name="Try: drawn as").count() == 0
    page.context.close()


def test_a_forged_cookie_is_nobody(chromium, server: Server) -> None:
    """A login that this server did not sign."""
    context = chromium.new_context()
    context.add_cookies(
        [{"name": "_streamlit_user", "value": "2|1:0|10:1700000000|15:_streamlit_user|4:e30=|0", "url": server.url}]
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(server.url)
    page.get_by_text("Nobody is logged in").wait_for()
    context.close()
