"""The Worklist page: who waits, taken to Classify by a click; results on their way, with why, tried again by a click."""

from pathlib import Path

from medcls.evaluation.sites import make_site
from medcls.inlets import inbox, outbox
from medcls.words import say
from medcls.workflows import pacs, site
from pages._ui import state
from pages._ui.pacs import waiting
from tests.inlets.conftest import dicom, free_port
from tests.pages.conftest import assert_sound, words

PAGE = "../worklist.py"


def name_around(home: Path) -> None:
    """A listener, and a server that is not there."""
    home.mkdir(parents=True, exist_ok=True)
    text = f'[receive]\ncallers = ["US1"]\n[servers.pacs]\nurl = "http://127.0.0.1:{free_port()}/dicom-web"\n'
    (home / "servers.toml").write_text(text)


def test_without_a_file_it_says_what_to_do(open_app) -> None:
    """And with a broken one, what is wrong with it."""
    app = open_app(PAGE)
    assert_sound(app)
    assert "servers.toml" in words(app)


def test_a_broken_file_is_a_sentence(open_app, home: Path) -> None:
    """In place of the list."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "servers.toml").write_text("[servers")
    app = open_app(PAGE)
    assert_sound(app)
    assert len(app.error) == 1


def test_who_waits_is_read_by_a_click(open_app, home: Path, tiny_model) -> None:
    """The scan chosen stands before the reader on Classify; put away, it is gone."""
    name_around(home)
    digest = inbox.put(dicom())
    app = open_app(PAGE)
    assert_sound(app)
    (table,) = app.dataframe
    assert table.value["patient"].tolist() == ["KIM MINSU"]
    assert app.button(key="worklist.read").disabled
    app.session_state[waiting.table_key(pacs.worklist())] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    app.run()
    app.button(key="worklist.read").click().run()
    assert_sound(app)
    (entry,) = app.session_state[state.DROP].entries
    assert entry.get() == inbox.read(digest)


def test_who_is_to_read_says_where_the_site_has_retired_the_model(open_app, home: Path, tiny_model) -> None:
    """The model chosen on another page is the one that Classify asks."""
    name_around(home)
    folder = make_site("Ward 3")
    told = say("pages.model-retired-here", {"site": "Ward 3"})
    assert told not in words(open_app(PAGE, site=folder.id, model=tiny_model.id)).replace("\\", "")
    site.set_state("Ward 3", tiny_model.id, "retired", why="scanner changed")
    assert told in words(open_app(PAGE, site=folder.id, model=tiny_model.id)).replace("\\", "")
    assert told not in words(open_app(PAGE, site=folder.id)).replace("\\", "")


def test_a_row_that_takes_another_s_place_is_not_chosen(open_app, home: Path) -> None:
    """One is put away elsewhere while another comes: the list is as long as before."""
    name_around(home)
    first = inbox.put(dicom())
    app = open_app(PAGE)
    app.session_state[waiting.table_key(pacs.worklist())] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    app.run()
    assert not app.button(key="worklist.read").disabled
    inbox.put_away(first)
    inbox.put(dicom(seed=2))
    app.run()
    assert_sound(app)
    assert len(app.dataframe[0].value) == 1
    assert app.button(key="worklist.read").disabled


def test_a_result_that_was_not_sent_says_why_and_is_tried_again(open_app, home: Path) -> None:
    """The server is down: it waits, with the reason; a click tries it now."""
    name_around(home)
    made = outbox.put("pacs", [dicom()], "ab" * 32)
    app = open_app(PAGE)
    assert_sound(app)
    assert f"scan {'ab' * 6}" in words(app)
    app.button(key=f"outbox.{made.id}").click().run()
    assert_sound(app)
    (tried,) = outbox.sendings()
    assert (tried.tries, tried.code) == (1, "inlets.no-answer")
    assert "does not answer" in words(app)
