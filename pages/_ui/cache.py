"""The only caches shared by all sessions: opened models, columns of collections. Never a scan, never an answer."""

import contextlib
import gc
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import streamlit as st

from medcls.core.collection import CollectionRecord
from medcls.core.model import ModelCard
from medcls.core.progress import Progress, silent, staged
from medcls.core.scan import Scan
from medcls.core.task import Task
from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import data, explain, scans
from medcls.workflows.classify import open_model
from pages._ui.widgets import shared
from pages._ui.widgets.charts import data_url

MODELS_OPEN = 10  # networks kept in memory; the one opened first makes room
_OPENING, _FITTING = "opening", "fitting"  # the stages of opening a model
COLLECTIONS_OPEN = 4  # a few columns of each, as long as it has cases
# What `_open` holds, which says so of nothing: gone from here once it is gone from there.
_OPENED: WeakValueDictionary[tuple[str, str], Any] = WeakValueDictionary()
_TRIED: set[tuple[str, str, str]] = set()  # models that have explained an empty picture here


@st.cache_resource(max_entries=MODELS_OPEN, show_spinner=False)
def _open(model_id: str, digest: str, _progress: Progress = silent) -> Any:
    """Open a model and let it answer an empty picture once: the first real scan then waits for nothing."""
    model = open_model(model_id, staged(_progress, _OPENING))
    with contextlib.suppress(MedclsError):  # what fails here fails again, and is told, with a real scan
        explain.fit_to_machine(model, _blank(), staged(_progress, _FITTING))
    settle()
    _OPENED[model_id, digest] = model
    return model


def _say_opening(done: int, total: int, stage: str) -> str:
    """Say how far opening a model is: its networks are loaded, then fitted to the machine."""
    code = "pages.fitting-network" if stage == _FITTING else "pages.opening-network"
    return say(code, {"i": min(done + 1, total), "n": total})


def settle() -> None:
    """Spare the garbage collector what is loaded for good.

    Streamlit collects fully after every run of a page. With torch and three networks in memory that walked 360,000
    objects, 0.16 s each time, while every other session stood still.
    """
    gc.unfreeze()  # what was let go since, cycles too, is found now
    gc.collect()
    gc.freeze()


def open_classifier(card: ModelCard) -> Any:
    """Return the model's `Predictor`, opened once for all sessions and again when its files change.

    Args:
        card: The model's card as it is on disk now; its digests are part of the cache's key.

    Raises:
        BadModel: If it cannot be opened.
    """
    if (card.id, card.json_digest) in _OPENED:
        return _open(card.id, card.json_digest)
    key = ("model", card.id, card.json_digest)
    return shared.do(key, lambda tell: _open(card.id, card.json_digest, tell), _say_opening, len(card.networks))


def rehearse(card: ModelCard) -> None:
    """Open a model and let it explain an empty picture once; an answer asked for meanwhile does not wait for it.

    Raises:
        BadModel: If it cannot be opened.
    """
    model, key = open_classifier(card), ("trial", card.id, card.json_digest)
    if key not in _TRIED:
        shared.do(key, lambda tell: _explain_blank(model), lambda *step: say("pages.trying-network"))
        _TRIED.add(key)


def _explain_blank(model: Any) -> None:
    with contextlib.suppress(MedclsError):  # as above
        explain.rehearse(model, _blank())
    settle()


def _blank() -> Scan:
    return Scan(np.full((64, 64), 0.5, np.float32), "0" * 64)


@st.cache_resource(max_entries=COLLECTIONS_OPEN, show_spinner=False)
def _read_overview(name: str, digest: str, _progress: Progress = silent) -> data.Overview:
    return data.read_overview(name, _progress)


def _say_reading(done: int, total: int, stage: str) -> str:
    return say("pages.reading-collection", {"i": min(done + 1, total), "n": total})


def read_overview(record: CollectionRecord) -> data.Overview:
    """Return what is in a collection, read once for all sessions and again when its record changes.

    Args:
        record: The collection's record as it is on disk now.

    Raises:
        BadData: If its index is gone.
    """
    key = ("collection", record.name, record.json_digest)
    return shared.do(
        key, lambda tell: _read_overview(record.name, record.json_digest, tell), _say_reading, data.OVERVIEW_STEPS
    )


@st.cache_resource(show_spinner=False)
def resume_once() -> tuple[str, ...]:
    """Go on, once per server, with the runs that a restart of this machine cut off; return their ids."""
    from medcls.workflows.runs import resume_interrupted

    return resume_interrupted()


@dataclass(frozen=True)
class Example:
    """A synthetic scan that the recommended model answers as it was drawn, with its thumbnail as a data URL."""

    label: str
    data: bytes
    thumbnail: str


_EXAMPLES = Path(__file__).with_name("classify") / "examples.json"


def examples(task: Task) -> tuple[Example, ...]:
    """Return the examples of a task; none for a task of the user's own."""
    return _examples(task.id, task)


@st.cache_resource(show_spinner=False)
def _examples(task_id: str, _task: Task) -> tuple[Example, ...]:
    made = []
    for row in json.loads(_EXAMPLES.read_text(encoding="utf-8")).get(task_id, ()):
        data = scans.example(_task, row["label"], row["seed"])
        made.append(Example(row["label"], data, data_url(scans.thumbnail(scans.read(data), 320))))
    return tuple(made)
