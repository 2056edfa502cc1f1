"""The worklist: every scan of a drop with its thumbnail, answer and caution; a key goes to the next one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from medcls.words import say

_FOLDER = Path(__file__).parent
_mount = st.components.v2.component(
    "medcls_worklist",
    html='<div class="list" role="listbox" tabindex="0"></div>',
    css=(_FOLDER / "worklist.css").read_text(encoding="utf-8"),
    js=(_FOLDER / "worklist.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class Line:
    """One scan of the list.

    Args:
        place: Its place in the drop.
        name: What it is called.
        thumbnail: A data URL; empty for none.
        word: The answer in a word; empty while there is none.
        prob: Its probability as shown; empty for none.
        colour: The label's; grey for no answer.
        caution: A short caution; empty for none.
        looked: True if it was looked at.
        case: The case it belongs to; empty for its own.
    """

    place: int
    name: str
    thumbnail: str
    word: str
    prob: str
    colour: str
    caution: str = ""
    looked: bool = False
    case: str = ""


def show(lines: Sequence[Line], chosen: int, key: str, on_open: Callable[[int], None], height_px: int = 620) -> None:
    """Show the list.

    Args:
        lines: The scans, in the order shown.
        chosen: Place in the drop of the one that is looked at.
        key: Distinguishes this list from others.
        on_open: Called with the place of a scan that is to be looked at.
        height_px: Height at most; a longer list scrolls.
    """

    def opened() -> None:
        place = st.session_state[key].get("open")
        if isinstance(place, int | float):
            on_open(int(place))

    rows = [
        {
            "place": line.place,
            "name": line.name,
            "thumb": line.thumbnail,
            "word": line.word,
            "prob": line.prob,
            "colour": line.colour,
            "caution": line.caution,
            "looked": line.looked,
            "case": line.case,
        }
        for line in lines
    ]
    words = {
        "list": say("pages.worklist"),
        "looked": say("pages.worklist-looked"),
        "waiting": say("pages.worklist-waiting"),
    }
    _mount(key=key, data={"rows": rows, "chosen": chosen, "words": words, "height": height_px}, on_open_change=opened)
