"""`train`: fit in the foreground; what a program reads on standard output is one JSON object."""

import json

import pytest
from safetensors.torch import save_file

from medcls.cli import main
from medcls.data.collections import add_collection
from medcls.imaging.phantom import phantom
from medcls.nets import build
from medcls.runs.folder import open_run

KNOBS = ["--backbone", "cancernet", "--size-px", "32", "--epochs", "1", "--max-cases", "20", "--balance", "weights"]


@pytest.fixture
def patches(tmp_path):
    for label in ("no-idc", "idc"):
        (tmp_path / "patches" / label).mkdir(parents=True)
        for seed in range(20):
            (tmp_path / "patches" / label / f"{seed}.png").write_bytes(phantom("breast-histology-idc", label, seed))
    add_collection(tmp_path / "patches", "patches", task_id="breast-histology-idc")


def test_standard_output_is_the_card_alone_and_the_log_is_kept(patches, capsys):
    assert main(["train", "--data", "patches", "--json", "--initial", "none", *KNOBS]) == 0
    card = json.loads(capsys.readouterr().out)
    learned = int(card["trained_on"].split()[0])
    assert 0 < learned <= 20  # of 28 in the training part
    assert any("Labels were balanced" in limit for limit in card["limits"])
    assert "1 of 1 epochs" in open_run(card["id"]).log_tail()


def test_a_card_names_the_file_it_started_from_and_not_where_it_lies(patches, capsys, tmp_path):
    folder = tmp_path / "home of somebody"
    folder.mkdir()
    save_file(build("cancernet", 2, size_px=32).state_dict(), folder / "start.safetensors")
    assert main(["train", "--data", "patches", "--json", "--initial", str(folder / "start.safetensors"), *KNOBS]) == 0
    said = capsys.readouterr().out
    assert json.loads(said)["origin"]["spec"]["network"]["initial"] == "start.safetensors"
    assert "somebody" not in said
