"""Names from outside on every kind of element that reads markdown: shown as text, whatever they hold."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block

from medcls.core.run import RunSpec
from medcls.core.task import Task
from medcls.data.collections import add_collection
from medcls.data.mending import change
from medcls.imaging.phantom import phantom
from medcls.models import store
from medcls.runs.folder import make_run
from medcls.workflows import run_table
from pages._ui import state
from pages._ui.widgets import notices
from tests.data import trees
from tests.pages.conftest import assert_sound
from tests.tiny import install, recast

ODD = ":material/bolt: http://h.example www.h.example a@h.example **b** [l](//h.example) :red[r] <i> a -> b"
_READ = re.compile(r"(?<!\\):red\[r|(?<!\\)\*\*b|(?<!\\)\[l\]|(?<!\\)<i>")
_MADE_LATE = re.compile(r":material/bolt:|http://h|www\.h|a@h|a -> b")  # of text, when markdown was read
# What is shown as it stands, or is no text of a reader's: everything else is markdown.
_AS_IT_IS = {"id", "raw_value", "raw_values", "default", "value", "json", "form_id", "alt"}
_PLAIN = {"selectbox", "multiselect", "dataframe", "arrow_data_frame", "plotly_chart", "code", "text", "html"}


def obeyed(app: AppTest) -> set[tuple[str, str]]:
    """Elements and fields whose text has something of `ODD` that markdown would obey."""
    assert_sound(app)
    return {(kind, name) for kind, name, text in texts(app) if is_obeyed(text)}


def is_obeyed(text: str) -> bool:
    """Whether markdown, or what the page does after it, would make something of a text that holds `ODD`."""
    return bool(_READ.search(text) or _MADE_LATE.search(re.sub(r"\\(\W)", r"\1", text)))


def texts(app: AppTest) -> Iterator[tuple[str, str, str]]:
    """Every text on a page that is read as markdown: the kind of its element, its field, and the text."""
    waiting: list[Any] = [app._tree]
    while waiting:
        node = waiting.pop()
        waiting += node.children.values() if isinstance(node, Block) else ()
        if hasattr(proto := getattr(node, "proto", None), "ListFields"):
            for name, text in fields(proto):
                if not (node.type in _PLAIN and name not in ("label", "help")):
                    yield node.type, name, text


def fields(message: Any) -> Iterator[tuple[str, str]]:
    """Every text of a message that stands for a person to read, by the name of its field."""
    for field, value in message.ListFields():
        if field.name in _AS_IT_IS or (field.message_type and field.message_type.GetOptions().map_entry):
            continue
        for one in value if field.is_repeated else [value]:
            if field.type == field.TYPE_MESSAGE:
                yield from fields(one)
            elif field.type == field.TYPE_STRING:
                yield field.name, one


def odd(task: Task, **changes: Any) -> Task:
    """A task whose labels have names to be obeyed."""
    return replace(task, labels=tuple(replace(one, name=f"{ODD} {one.id}") for one in task.labels), **changes)


@pytest.fixture
def named(home: Path, tiny_made: Path) -> list[str]:
    """Three models, one of a task of its own, whose labels, names and cards are to be obeyed."""
    ids = [f"breast-ultrasound--tiny--000{n}" for n in (1, 2, 3)]
    for n, model_id in enumerate(ids):
        card = install(tiny_made, home / "weights", model_id)
        own = {"id": "own-odd", "question": ODD} if n == 2 else {}
        recast(model_id, task=odd(card.task, **own), name=f"{ODD} {n}", trained_on=ODD, limits=(ODD,), licence=ODD)
    return ids


def test_of_a_model_and_its_labels(open_app, named: list[str]) -> None:
    app = open_app(model=named[0])
    assert not obeyed(app)
    app.session_state[state.OWN_FIRST] = True
    files = [(f"{ODD.replace('/', '-')}{n}.png", phantom("breast-ultrasound", "malignant", n), "") for n in (7, 8)]
    app.file_uploader[0].set_value(files).run()
    assert not obeyed(app)
    for page in ("models", "compare", "heatmaps"):
        assert not obeyed(open_app(f"../{page}.py", card=named[0], model=named[0])), page


def test_of_tags_and_runs(open_app, home: Path) -> None:
    run = make_run(RunSpec.of(name=ODD, collections=("none",)))
    run_table.describe_run(run.id, (ODD[:40], ODD[40:75]), ODD)
    run.path.joinpath("log.txt").write_text(ODD)
    for address in ({}, {"run": run.id}):
        assert not obeyed(open_app("../runs.py", **address))


@pytest.mark.parametrize("section", ["Overview", "Labels", "Findings"])
def test_of_a_collection_s_labels_and_columns(section: str, open_app, tmp_path: Path, home: Path) -> None:
    folder = trees.folders(tmp_path / "f")
    names = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*.png"))]
    rows = [{"image": name, ODD: f"{ODD}{n % 2}"} for n, name in enumerate(names)]
    trees.write_csv(folder / "table.csv", rows)
    record = add_collection(folder, "f")
    change("f", {f"rename:{record.labels[0]}": ODD})
    assert not obeyed(open_app("../data.py", collection="f", section=section))


def test_what_is_looked_for_is_found(open_app, named: list[str]) -> None:
    """A name that is not escaped would be seen: the picker of models shows it, as it is, in a list of plain text."""
    app = open_app("../models.py")
    assert store.read_card(named[0]).name.startswith(ODD)
    assert is_obeyed(ODD)
    assert is_obeyed(r"\:material/bolt\: http\://h\.example")
    assert not is_obeyed(notices.escape(ODD))
    assert any("material/bolt" in text for _, _, text in texts(app)), "escaped, it is there"
