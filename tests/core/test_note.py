"""Notes, errors and outcomes: codes that travel, sentences made at the edge."""

import pickle
from dataclasses import dataclass

import numpy as np
import pytest

from medcls.core.note import Note
from medcls.core.outcome import Outcome
from medcls.core.record import Record
from medcls.errors import BadScan, MedclsError


@dataclass(frozen=True)
class Kept(Record):
    """A record with notes in it."""

    notes: tuple[Note, ...] = ()


def test_a_note_goes_to_json_and_comes_back_the_same() -> None:
    """Numbers of NumPy, lists and notes within notes too; equal notes count once."""
    inner = Note("words.example", n=np.int64(3))
    note = Note("words.said", text="x", sizes=[1, 2.5], why=inner)
    kept = Kept((note, inner))
    assert Kept.from_json(kept.to_json()) == kept
    assert len({note, Note("words.said", why=inner, sizes=(1, 2.5), text="x")}) == 1
    assert pickle.loads(pickle.dumps(note)) == note


def test_a_figure_that_is_none_is_kept_as_none() -> None:
    """NaN is no JSON: it must neither keep a record from being written nor come back as a figure."""
    note = Note("words.example", n=float("nan"), inner=(Note("words.example", n=float("inf")),))
    text = note.to_json()
    read = Note.from_json(text)
    assert read.params["n"] is None
    assert read.params["inner"][0].params["n"] is None
    assert str(read)


def test_sentences_of_older_records_are_notes_that_say_themselves() -> None:
    """A card of before keeps its words."""
    old = Kept.from_json('{"notes": ["Measured on 12 cases."]}')
    assert old.notes[0].code == "words.said"
    assert str(old.notes[0]) == "Measured on 12 cases."


@pytest.mark.parametrize(
    "bad", ["[1]", "[null]", '[{"code": 1}]', '[{"code": "a", "x": 1}]', '[{"code": "a", "params": 1}]']
)
def test_what_is_no_note_is_refused(bad: str) -> None:
    """With the project's own error."""
    with pytest.raises(MedclsError) as refused:
        Kept.from_json(f'{{"notes": {bad}}}')
    assert refused.value.code == "core.wrong-record"


def test_a_note_is_frozen() -> None:
    """Neither its code nor a list in it changes."""
    note = Note("words.said", text="a", sizes=[1])
    with pytest.raises(AttributeError):
        note.code = "words.example"
    note.params["sizes"] = 2
    assert note.params["sizes"] == (1,)
    with pytest.raises(TypeError):
        Note("words.said", text=object())


def test_a_code_from_the_future_is_shown_with_its_parameters() -> None:
    """Nothing is swallowed."""
    assert str(Note("imaging.not-yet-known", n=3)) == "imaging.not-yet-known (n 3)"


def test_an_error_carries_its_code_through_processes() -> None:
    """Pickled or as plain values, it is the same error of the same type."""
    error = BadScan("core.wrong-record", where="card", found="1", allowed="a list")
    for copy in (pickle.loads(pickle.dumps(error)), MedclsError.from_dict(error.to_dict())):
        assert type(copy) is BadScan
        assert copy.code == error.code
        assert str(copy) == str(error)
    assert str(Note.of(error)) == str(error)
    assert (error.what, error.found, error.allowed, error.do) == ("card is wrong", "1", "a list", "")


def test_an_outcome_is_a_thing_or_an_error() -> None:
    """Never both, never neither; a bug is not an outcome."""

    def refuse() -> int:
        raise BadScan("core.no-json", where="x")

    assert Outcome.of("a", lambda: 2).then(lambda n: n + 1).get() == 3
    failed = Outcome.of("a", refuse)
    assert not failed.ok
    assert failed.then(lambda n: n + 1).error is failed.error
    with pytest.raises(BadScan):
        failed.get()
    with pytest.raises(ZeroDivisionError):
        Outcome.of("a", lambda: 1 // 0)
    with pytest.raises(ValueError, match="a value or an error"):
        Outcome("a")
