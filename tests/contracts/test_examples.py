"""The example scans of the Classify page are answered as they were drawn; `make examples` chooses them."""

import json
from pathlib import Path

import pytest

from medcls.core.task import Task
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


@pytest.fixture(scope="module", params=TABLE)
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """A task and its recommended model that ships, opened once for the task's examples."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDCLS_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("MEDCLS_WEIGHTS", str(ROOT / "weights"))
        yield list_tasks()[request.param], classify.open_model(classify.choose_model(request.param).id)


@pytest.mark.parametrize("place", range(3))
def test_an_example_is_answered_as_drawn(opened: tuple[Task, object], place: int) -> None:
    """By the recommended model that ships."""
    task, model = opened
    row = TABLE[task.id][place]
    answer = model.predict(scans.read(scans.example(task, row["label"], row["seed"])))
    assert answer.decided == row["label"], f"{answer.decided} at {answer.prob}: run `make examples`"
