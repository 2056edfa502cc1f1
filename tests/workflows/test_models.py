"""The list of models and its table."""

from dataclasses import replace

import numpy as np
import pytest

from medcls import audit
from medcls.errors import MedclsError
from medcls.models import store
from medcls.tasks import recommended
from medcls.workflows.marked import marks
from medcls.workflows.models import TABLES, describe_models, list_models, retire, write_table
from tests import tiny

BEGIN, END = marks(TABLES[False])


def test_the_table_has_a_line_for_every_model_and_leaves_the_rest_of_the_file(tiny_model, tmp_path):
    path = tmp_path / "README.md"
    path.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write_table(path)
    text = path.read_text()
    assert text.startswith("before\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "old" not in text
    assert text.count(f"`{tiny_model.id}`") == 1
    write_table(path)
    assert path.read_text() == text


def test_the_table_tells_what_share_of_the_errors_the_most_doubtful_tenth_holds(tiny_model) -> None:
    evaluation, cases = store.read_evaluation(tiny_model.id), store.read_cases(tiny_model.id)
    assert evaluation is not None
    assert cases is not None
    right = np.eye(len(cases.labels))[cases.truth] * 0.8 + 0.2 / len(cases.labels)
    right[:1] = np.eye(len(cases.labels))[(cases.truth[:1] + 1) % len(cases.labels)] * 0.1 + 0.9 / len(cases.labels)
    for prob, told in ((right, "1.00"), (right[1:2].repeat(len(cases), 0), None)):
        held = replace(cases, prob=prob, truth=cases.truth if told else prob.argmax(axis=1), attributes={})
        store.write_evaluation(store.folder(tiny_model.id), evaluation, held)
        store.seal(store.folder(tiny_model.id), replace(tiny_model, files={}))
        row = next(line for line in describe_models().splitlines() if f"`{tiny_model.id}`" in line)
        assert row.split("|")[-3].strip() == (told or "–")  # – where nothing is wrong


def test_for_others_sites_are_numbered_and_that_it_was_written_is_a_line_of_the_trail(tiny_model, tmp_path) -> None:
    path, evaluation = tmp_path / "README.md", store.read_evaluation(tiny_model.id)
    assert evaluation is not None
    told = replace(evaluation, left_out={"ZQMARK hospital": evaluation.scores})
    store.write_evaluation(store.folder(tiny_model.id), told, store.read_cases(tiny_model.id))
    store.seal(store.folder(tiny_model.id), replace(tiny_model, files={}))
    for mode in ("record", "others"):
        path.write_text(f"{BEGIN}\n{END}\n")
        write_table(path, mode=mode)
        assert ("ZQMARK" in path.read_text()) == (mode == "record")
    assert "site 1, never seen" in path.read_text()
    assert [(line.what, line.facts["mode"]) for line in audit.lines()] == [
        ("exit.markdown", "record"),
        ("exit.markdown", "others"),
    ]


def test_a_file_without_a_place_for_it_is_left_alone(tiny_model, tmp_path):
    path = tmp_path / "README.md"
    path.write_text("nothing here")
    with pytest.raises(MedclsError, match="no place"):
        write_table(path)
    assert path.read_text() == "nothing here"


def test_a_retired_model_leaves_the_lists_until_it_is_put_back(tiny_model):
    retire(tiny_model.id, "replaced")
    assert list_models() == ()
    assert tiny_model.id not in describe_models()
    retire(tiny_model.id, "")
    assert [card.id for card in list_models("breast-ultrasound")] == [tiny_model.id]
    assert list_models("skin-melanoma") == ()


def test_the_short_table_holds_only_recommended_models(tiny_model, home, tiny_made, tmp_path):
    named = recommended("breast-ultrasound")
    tiny.install(tiny_made, home / "weights", named)
    table = describe_models(only_recommended=True)
    assert f"`{named}`" in table
    assert tiny_model.id not in table
