"""A home with one small labelled collection, made once for all tests of runs."""

from pathlib import Path

import pytest

from tests.runs.processes import phantom_home


@pytest.fixture(scope="session")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the collection `phantoms`: 36 synthetic scans of three labels."""
    return phantom_home(tmp_path_factory.mktemp("runs"))


@pytest.fixture
def phantoms(shared_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Use the home that has the collection `phantoms`."""
    monkeypatch.setenv("MEDCLS_HOME", str(shared_home))
    return shared_home
