"""Long work that several sessions wait for: done once, in a thread of its own, its steps counted on every page."""

from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import streamlit as st

from medcls.core.progress import Progress

_SIGN_S, _TICK_S = 0.3, 0.2  # until a wait shows a sign, and between two looks how far it is
_THREADS = ThreadPoolExecutor(4, "medcls-shared")
_UNDER_WAY: dict[Hashable, "_Work"] = {}
_LOCK = Lock()


@dataclass
class _Work:
    """Work under way, and how far it is."""

    told: str
    share: float = 0.0
    result: Future[Any] = field(default_factory=Future)


def do(key: Hashable, work: Callable[[Progress], Any], words: Callable[[int, int, str], str]) -> Any:
    """Return what a work gives; where that takes a while, a bar counts its steps.

    Whoever asks for the same work meanwhile waits for it too, as does a page that runs again: nothing is begun twice.
    What is drawn inside a cached function would be drawn again from the cache, so the work itself draws nothing.

    Args:
        key: What tells this work from others.
        work: Is given what to call with steps done, their number, and the stage.
        words: Says them.
    """
    with _LOCK:
        under_way = _UNDER_WAY.get(key) or _begin(key, work, words)
    if not wait([under_way.result], _SIGN_S).done:
        place = st.empty()
        while not wait([under_way.result], _TICK_S).done:
            place.progress(min(1.0, under_way.share), under_way.told)
        place.empty()
    return under_way.result.result()


def _begin(key: Hashable, work: Callable[[Progress], Any], words: Callable[[int, int, str], str]) -> _Work:
    made = _UNDER_WAY[key] = _Work(words(0, 1, ""))

    def tell(done: int, total: int, stage: str = "") -> None:
        made.told, made.share = words(done, total, stage), done / max(total, 1)

    def run() -> Any:
        try:
            return work(tell)
        finally:
            with _LOCK:
                _UNDER_WAY.pop(key, None)

    made.result = _THREADS.submit(run)
    return made
