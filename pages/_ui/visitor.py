"""Who sits before the browser, named by the proxy's header or Streamlit's login; workflows ask for it, pages do not."""

from collections.abc import Mapping
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitAuthError

from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import people
from pages._ui import state
from pages._ui.security import VOUCHED


def login_name() -> str:
    """Return the login name of this session's visitor; empty if nobody is logged in.

    Behind a proxy only the door's word counts, never a header that the browser may have sent.

    Raises:
        BadSpec: If the rules cannot be read.
    """
    rules = people.read_rules()
    if rules.header:
        return st.context.headers.get(VOUCHED.decode(), "")
    told = st.user.to_dict()
    if not told.get("is_logged_in") or (rules.claim == "email" and not _is_verified(told)):
        return ""
    return str(told.get(rules.claim) or "")


def _is_verified(told: Mapping[str, Any]) -> bool:
    """Return False unless a provider that says whether it verified the address says so; some say it as text."""
    return str(told.get("email_verified", True)).lower() == "true"


people.ask_with(login_name)


def come_in() -> None:
    """Let the visitor in; the audit trail says so, once for a session.

    Raises:
        MedclsError: If they may not even read; a login is offered where Streamlit does it.
    """
    try:
        people.come_in(_session())
    except MedclsError as error:
        if error.code == "access.not-logged-in" and (claim := people.read_rules().claim):
            _offer_login(claim)
        raise


def _session() -> people.Session:
    return state.kept(state.SESSION, people.Session)


def _refused(code: str, **told: str) -> MedclsError:
    """Return why a login came to nothing; the audit trail says so."""
    people.note_arrival(_session(), code)
    return MedclsError(code, **told)


def _log_out() -> None:
    people.go_out(_session())
    st.logout()


def _offer_login(claim: str) -> None:
    """Offer the login.

    Raises:
        MedclsError: If they came back from it without a name, or there is none that works.
    """
    if st.user.to_dict().get("is_logged_in"):
        raise _refused("access.login-names-nobody", claim=claim)
    if not st.button(say("pages.log-in"), type="primary", icon=":material/login:"):
        return
    try:
        st.login()
    except StreamlitAuthError as error:
        raise _refused("access.login-not-set-up", found=" ".join(str(error).split())[:200]) from error


def offer_logout() -> None:
    """Offer to log out whoever came in by Streamlit's own login."""
    try:
        own = bool(people.read_rules().claim)
    except MedclsError:
        return
    if own and st.user.to_dict().get("is_logged_in"):
        st.button(say("pages.log-out"), on_click=_log_out, type="tertiary", icon=":material/logout:", key="log-out")


def describe() -> str:
    """Return who is logged in and what they may do; empty where nobody logs in."""
    try:
        if not people.read_rules().on:
            return ""
        who = people.present()
    except MedclsError:
        return ""
    roles = ", ".join(role for role in people.ROLES if role in who.roles)
    return say("pages.logged-in", {"name": who.name, "roles": roles}) if who.name else ""
