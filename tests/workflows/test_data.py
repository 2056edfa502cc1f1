"""Labelled scans as the Data page brings them."""

import shutil
from pathlib import Path

import pytest

from medcls.core.plan import PlanChoices
from medcls.errors import BadData
from medcls.workflows import data, data_plan
from tests.data import trees


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MEDCLS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def zipped(folder: Path) -> Path:
    return Path(shutil.make_archive(str(folder), "zip", folder))


def test_a_dropped_archive_is_recognised_or_read_as_the_layout_says(tmp_path: Path) -> None:
    archive = zipped(trees.busi(tmp_path / "set"))
    with archive.open("rb") as file:
        assert data_plan.add_upload(file, data_plan.make_plan_of_upload(file), "seen").layout == "busi"
    with archive.open("rb") as file:
        told = data_plan.add_upload(file, data_plan.make_plan_of_upload(file, PlanChoices(layout="folders")), "told")
    assert told.layout == "folders", "what the user chose counts, not what it looks like"
    assert {record.name for record in data.list_collections()} == {"seen", "told"}


def test_a_dropped_archive_of_another_layout_is_refused_and_leaves_nothing(tmp_path: Path, home: Path) -> None:
    with zipped(trees.busi(tmp_path / "set")).open("rb") as file, pytest.raises(BadData):
        data_plan.make_plan_of_upload(file, PlanChoices(layout="ham10000"))
    assert not data.list_collections()
    assert not list((home / "datasets").iterdir())
