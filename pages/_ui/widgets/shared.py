"""Long work that several sessions wait for: done once, in a thread of its own, its steps counted on every page."""

from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from medcls.core.progress import Progress

_SIGN_S, _TICK_S = 0.3, 0.2  # until a wait shows a sign, and between two looks how far it is
_THREADS = ThreadPoolExecutor(4, "medcls-shared")
_UNDER_WAY: dict[Hashable, "_Work"] = {}


@dataclass
class _Work:
    """Work under way, and how far it is."""

    told: str
    share: float = 0.0
    result: Future[Any] = field(default_factory=Future)


def do(key: Hashable, work: Callable[[Progress], Any], words: Callable[[int, int, str], str], n: int = 1) -> Any:
    """Return what a work gives; where that takes a while, a bar counts its steps.

    Whoever asks for the same work meanwhile waits for it too, as does a page that runs again: nothing is begun twice.
    What is drawn inside a cached function would be drawn again from the cache, so the work itself draws nothing.

    Args:
        key: What tells this work from others.
        work: Is given what to call with steps done, their number, and the stage.
        words: Says them.
        n: The number of steps it begins with.
    """
    mine = _Work(words(0, n, ""))
    under_way = _UNDER_WAY.setdefault(key, mine)
    if under_way is mine:
        _THREADS.submit(_run, key, work, words, mine)
    if not wait([under_way.result], _SIGN_S).done:
        place = st.empty()
        while not wait([under_way.result], _TICK_S).done:
            place.progress(min(1.0, under_way.share), under_way.told)
        place.empty()
    return under_way.result.result()


def _run(key: Hashable, work: Callable[[Progress], Any], words: Callable[[int, int, str], str], mine: _Work) -> None:
    """Do the work; what it gives or raises is told to all who wait."""

    def tell(done: int, total: int, stage: str = "") -> None:
        mine.told, mine.share = words(done, total, stage), done / max(total, 1)

    def give() -> Any:
        try:
            return work(tell)
        finally:
            _UNDER_WAY.pop(key)

    try:
        mine.result.set_result(give())
    except BaseException as error:  # noqa: BLE001  # whatever it is, those who wait must hear of it
        mine.result.set_exception(error)
