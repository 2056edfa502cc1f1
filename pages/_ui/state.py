"""The keys of the session, and the choices that stay.

A choice (task, model) is kept in the session and in the page's address: it survives a change of page, a
reload and a bookmark. Everything about a patient is kept in the session only.
"""

from typing import Any

import streamlit as st

# Choices, which stand in the address too.
TASK = "task"
MODEL = "model"
MODELS = "models"  # those that are compared, with commas between
MODE = "mode"  # what they are compared on
COLLECTION = "collection"
DATA = "data"  # the collection to train on
RUN = "run"
SEARCH = "search"
SITE = "site"  # where answers are read
RUNS_SHOW = "show"  # the list of runs or of searches

# What is before the user, on every page.
DROP = "drop"  # the scans, on whichever page they were dropped
FRAMES = "frames"  # how many pictures a file holds: entry -> count
DECODED = "decoded"  # the last few scans decoded: (entry, frame) -> scan or error
ENCODED = "encoded"  # pictures encoded for the viewer
ANSWERS = "answers"  # answers of the Classify page: (model, entry) -> row
HEATMAP_ON = "heatmap.on"  # whether the Read pages show one
HEATMAP_VIEW = "heatmap.view"  # how it looks
HEATMAPS = "heatmaps"  # the last ones drawn: (scan, model, label) -> heatmap

# Heatmaps.
MAPS = "heatmaps.maps"  # the maps side by side, as far as they are drawn
MAPS_STOPPED = "heatmaps.stopped"  # slow ones that were stopped
MAP_ANSWERS = "heatmaps.answers"  # (scan, model) -> answer
MAP_CHECKS = "heatmaps.checks"  # what the tests of a heatmap found
TISSUE = "heatmaps.tissue.map"  # the last tissue map

# Compare.
COMPARE_MODE = "compare.mode"
COMPARE_ANSWERS = "compare.answers"  # the last scan's, by model
COMPARE_FOUND = "compare.found"  # the last comparison on a test set
COMPARE_EVALUATIONS = "compare.evaluations"
COMPARE_DIFFERENCES = "compare.differences"
COMPARE_PICTURES = "compare.pictures"
COMPARE_COSTS = "compare.costs"  # what models cost, milliseconds measured: card -> cost
COMPARE_THRESHOLD = "compare.threshold"
COMPARE_LABEL = "compare.threshold.label"

# Site.
SITE_ROWS = "site.rows"  # dropped scans with their thumbnails, decoded once
SITE_CHECKED = "site.checked"  # the last check, with the settings that follow from it

# Data.
DATA_ADDED = "data.added"  # said once after a collection was added
DATA_TIMES = "data.add.times"  # archives added: a new key empties the uploader
DATA_PLAN = "data.plan"  # what was looked at last, and its plan
DATA_LEFT = "data.plan.left"  # every file of it that is not taken
DATA_SEED = "data.samples.seed"

# Train.
TRAIN_DRAFT = "train.draft"  # what the form began from
TRAIN_FORM = "train.number"  # how many times it began
TRAIN_LAST = "train.last"  # what it holds
TRAIN_UNUSABLE = "train.unusable"  # fields that hold nothing usable
TRAIN_CLONED = "train.cloned"
TRAIN_PREFLIGHT = "train.preflight"
TRAIN_SEEN = "train.seen"

# Runs.
RUNS_TABLE = "runs.table"
RUNS_KIND = "runs.kind"
RUNS_MOVE = "runs.moves"  # whether anything moved when the page was drawn
RUN_PUBLISHED = "runs.published"  # said once after a run was published
RUN_PICTURES = "runs.pictures"
RUN_POOLED = "runs.pooled"

# Models.
MODEL_ONNX = "models.onnx"  # the last file made
MODEL_MEASURED = "models.measured"  # the last measurement, before it is kept


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
