"""A new clinical question needs a TOML file and a folder of labelled scans, no code."""

import io
import json

import numpy as np
from PIL import Image

from medcls import home
from medcls.cli import main
from medcls.data.collections import add_collection
from medcls.workflows.models import list_models

PACK = """
schema = 1
id = "chest-xray"
question = "Does this chest radiograph show pneumonia?"
modality = "radiograph"

[[labels]]
id = "normal"
name = "normal"

[[labels]]
id = "pneumonia"
name = "pneumonia"
positive = true
"""


def _chest(ill: bool, seed: int) -> bytes:
    """Two dark fields on grey, one of them hazy if ill."""
    rng = np.random.default_rng(seed + 1000 * ill)
    picture = rng.normal(150, 12, (64, 64))
    picture[8:56, 6:28] -= 90
    picture[8:56, 36:58] -= 20 if ill else 90
    out = io.BytesIO()
    Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def test_a_task_pack_trains_publishes_and_answers(tmp_path, capsys):
    home.tasks().mkdir(parents=True)
    (home.tasks() / "chest-xray.toml").write_text(PACK)
    for label, ill in (("normal", False), ("pneumonia", True)):
        (tmp_path / "chests" / label).mkdir(parents=True)
        for seed in range(16):
            (tmp_path / "chests" / label / f"{seed}.png").write_bytes(_chest(ill, seed))
    add_collection(tmp_path / "chests", "chests", task_id="chest-xray")
    network = ["--backbone", "simple_cnn", "--initial", "none", "--size-px", "32"]
    schedule = ["--epochs", "4", "--batch-size", "8", "--lr", "0.003", "--schedule", "constant"]
    assert main(["train", "--data", "chests", *network, *schedule, "--publish"]) == 0
    card = list_models("chest-xray")[0]
    assert card.task.label_ids == ("normal", "pneumonia")
    assert card.task.positive == (1,)
    scan = tmp_path / "new.png"
    scan.write_bytes(_chest(True, 99))
    capsys.readouterr()
    assert main(["classify", str(scan), "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["model"], row["labels"]) == (card.id, ["normal", "pneumonia"])
    assert row["prob"][1] > row["prob"][0]
