"""The server: `streamlit run app.py` finds `app` here and serves the main script behind the middleware."""

import streamlit as st
from starlette.middleware import Middleware

from pages._ui.addresses import ROUTES, Signpost
from pages._ui.security import SafeDoor, keep_uploads_in_memory

keep_uploads_in_memory()
app = st.App("pages/_ui/main.py", routes=ROUTES, middleware=[Middleware(SafeDoor), Middleware(Signpost)])
