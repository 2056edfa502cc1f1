"""Worklist: scans that wait to be read, and results on their way to other systems."""

import streamlit as st

from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import pacs
from pages._ui import state
from pages._ui.pacs import outbox, waiting
from pages._ui.widgets import header, notices

header.head(say("pages.worklist-title"))
try:
    around = pacs.read_pacs_config()
except MedclsError as error:
    notices.show_error(error)
    state.done()
if not waiting.sources(around):
    notices.show_empty(say("pages.worklist-what"), say("pages.worklist-first"))
    state.done()
header.tell_who_reads()
waiting.show(around)
st.subheader(say("pages.outbox"), anchor=False)
outbox.show()
