"""A translator and a run with its pictures from the command line."""

import json
from pathlib import Path

import pytest

from medcls.cli import main
from medcls.runs.folder import list_runs
from tests.runs.processes import phantom_home

SMALL = ["--size-px", "32", "--epochs", "1", "--batch-size", "4", "--device", "cpu", "--precision", "fp32"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return phantom_home(tmp_path_factory.mktemp("translate-cli"))


def test_teach_a_translator_learn_from_it_and_see_what_it_is(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MEDCLS_HOME", str(place))
    narrow = [
        "--translator-width",
        "4",
        "--translator-blocks",
        "1",
        "--to-label",
        "malignant",
        "--from-label",
        "benign",
    ]
    assert main(["train", "--data", "phantoms", "--recipe", "cyclegan", *SMALL, *narrow, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["from_label"], told["to_label"], told["epochs"]) == ("benign", "malignant", 1)
    assert main(["runs", "show", told["run"]]) == 0
    shown = capsys.readouterr().out
    assert "kind = translator" in shown
    assert "discriminators" in shown
    network = ["--backbone", "simple_cnn", "--backbone-args", '{"width": 4}', "--initial", "none"]
    asked = ["train", "--data", "phantoms", *SMALL, *network, "--made-from", told["run"], "--made-most", "3", "--json"]
    assert main(asked) == 0
    card = json.loads(capsys.readouterr().out)
    assert "3 made scans of malignant in training" in card["trained_on"]
    assert main(["runs", "start", "--collections", "phantoms", *SMALL, "--made-from", "nobody"]) == 2
    assert main([*asked[:-1], "--fit", "crop"]) == 2, "made ready in another way"


@pytest.mark.parametrize("site", ["nowhere", "each", "phantoms"])
def test_a_site_that_cannot_be_left_out_leaves_no_run_behind(place: Path, monkeypatch, site: str) -> None:
    """One of this name, or the only one there is."""
    monkeypatch.setenv("MEDCLS_HOME", str(place))
    before = {run.id for run in list_runs()}
    assert main(["train", "--data", "phantoms", *SMALL, "--initial", "none", "--leave-out", site]) == 2
    assert {run.id for run in list_runs()} == before
