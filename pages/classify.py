"""Classify: drop scans, see what the network says of each."""

from medcls.errors import MedclsError
from medcls.words import say
from pages._ui import state
from pages._ui.classify import landing, room
from pages._ui.widgets import drops, header, notices, pickers

card = header.open_page(say("pages.title-classify"))
if card is None:
    state.done()

entries = drops.drop("classify", card.task)
if not entries:
    landing.show(card)
    pickers.warm(card)
    state.done()

try:
    room.show(entries, card)
except MedclsError as error:
    notices.show_error(error)
