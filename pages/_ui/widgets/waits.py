"""Waits that are counted: what is done of how much, and the time left."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from medcls.core.progress import Progress
from medcls.words import say


@contextmanager
def watched(title: str) -> Iterator[Progress]:
    """Show a progress bar with the stage, what is done and the time left, gone when the work is."""
    bar, started = st.progress(0.0, title), {"": 0.0}

    def tell(done: int, total: int, stage: str = "") -> None:
        spent_s = time.monotonic() - started.setdefault(stage, time.monotonic())
        left_s = spent_s / max(done, 1) * (total - done)
        left = say("pages.data-about-s-left", {"left_s": left_s}) if spent_s + left_s > 5 and done else ""
        bar.progress(min(1.0, done / max(total, 1)), f"{stage.capitalize()}: {done:,} of {total:,}{left}")

    try:
        yield tell
    finally:
        bar.empty()


@contextmanager
def counted(code: str, title: str) -> Iterator[Progress]:
    """Show a progress bar whose sentence counts the steps (`i` of `n`), gone when the work is; for short waits.

    Args:
        code: The sentence.
        title: What stands there before the first step.
    """
    bar = st.progress(0.0, title)

    def tell(done: int, total: int, stage: str = "") -> None:
        bar.progress(min(1.0, done / max(total, 1)), say(code, {"i": min(done + 1, total), "n": total}))

    try:
        yield tell
    finally:
        bar.empty()
