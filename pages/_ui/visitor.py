"""Who sits before the browser, named by the proxy's header or Streamlit's login; workflows ask for it, pages do not."""

import streamlit as st

from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import people
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
    if not told.get("is_logged_in") or (rules.claim == "email" and told.get("email_verified") is False):
        return ""
    return str(told.get(rules.claim) or "")


people.ask_with(login_name)


def come_in() -> None:
    """Let the visitor in.

    Raises:
        MedclsError: If they may not even read; a login is offered where Streamlit does it.
    """
    try:
        people.need("read")
    except MedclsError as error:
        if error.code == "access.not-logged-in" and people.read_rules().claim:
            st.button(say("pages.log-in"), on_click=st.login, type="primary")
        raise


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
