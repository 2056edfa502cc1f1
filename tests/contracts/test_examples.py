"""The example scans of the Classify page are answered as they were drawn; `make examples` chooses them."""

import json
from pathlib import Path

import pytest

from medcls.tasks import list_tasks
from medcls.workflows import classify, scans

ROOT = Path(__file__).resolve().parents[2]
TABLE = json.loads((ROOT / "pages" / "_ui" / "classify" / "examples.json").read_text())


def test_every_task_that_ships_has_examples() -> None:
    """Three each, one of every label among them."""
    assert set(TABLE) == set(list_tasks())
    assert {len(rows) for rows in TABLE.values()} == {3}
    for task in list_tasks().values():
        assert {row["label"] for row in TABLE[task.id]} == set(task.label_ids)


@pytest.mark.parametrize(("task_id", "place"), [(task, i) for task, rows in TABLE.items() for i in range(len(rows))])
def test_an_example_is_answered_as_drawn(task_id: str, place: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the recommended model that ships."""
    monkeypatch.setenv("MEDCLS_WEIGHTS", str(ROOT / "weights"))
    row, task = TABLE[task_id][place], list_tasks()[task_id]
    model = classify.open_model(classify.choose_model(task_id).id)
    answer = model.predict(scans.read(scans.example(task, row["label"], row["seed"])))
    assert answer.decided == row["label"], f"{answer.decided} at {answer.prob}: run `make examples`"
