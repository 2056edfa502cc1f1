"""The keys of the session, and the choices that stay.

A choice (task, model) is kept in the session and in the page's address: it survives a change of page, a
reload and a bookmark. Everything about a patient is kept in the session only.
"""

from typing import Any

import streamlit as st

TASK = "task"
MODEL = "model"
DROP = "drop"  # the scans before the user, on whichever page they were dropped
ANSWERS = "answers"  # answers of the Classify page: (model, entry) -> row
FRAMES = "frames"  # how many pictures a file holds: entry -> count
HEATMAP_ON = "heatmap.on"  # whether the Classify page shows one
HEATMAPS = "heatmaps"  # the last ones drawn: (scan, model, label) -> heatmap
DECODED = "decoded"  # the last few scans decoded: (entry, frame) -> scan or error


def choice(key: str) -> str | None:
    """Give the last choice under `key`: of this session, else of the page's address, else None."""
    return st.session_state.get(f"choice.{key}") or st.query_params.get(key)


def remember(key: str, value: str | None) -> None:
    """Keep a choice for this session and put it into the address; None forgets it."""
    st.session_state[f"choice.{key}"] = value
    if value is None:
        st.query_params.pop(key, None)
    elif st.query_params.get(key) != value:
        st.query_params[key] = value


def kept(key: str, make: Any) -> Any:
    """Give what the session holds under `key`, made by `make()` the first time."""
    if key not in st.session_state:
        st.session_state[key] = make()
    return st.session_state[key]


def make_room(held: dict[Any, Any], values_of: Any, most: int = 32, most_values: int = 75_000_000) -> None:
    """Drop the oldest of what a session keeps until the rest is few and small; the newest always stays.

    Args:
        held: What is kept, oldest first.
        values_of: Tells how many numbers an item holds (four bytes each).
        most: Items at most.
        most_values: Numbers at most in all: 300 MB.
    """
    sizes = {key: values_of(item) for key, item in held.items()}
    while len(held) > 1 and (len(held) > most or sum(sizes[key] for key in held) > most_values):
        held.pop(next(iter(held)))
