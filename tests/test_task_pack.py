"""A new clinical question needs a TOML file and a folder of labelled scans, no code."""

import io
import json
from pathlib import Path

import numpy as np
from PIL import Image

from medcls import home
from medcls.cli import main
from medcls.workflows.models import list_models

SECTION = (Path(__file__).resolve().parent.parent / "docs" / "tasks.md").read_text(encoding="utf-8")
PACK = SECTION.split("```toml\n")[1].split("```")[0]
COMMANDS = SECTION.split("```\n")[-2].splitlines()


def _chest(ill: bool, seed: int) -> bytes:
    """Two dark fields on grey, one of them hazy if ill."""
    rng = np.random.default_rng(seed + 1000 * ill)
    picture = rng.normal(150, 12, (64, 64))
    picture[8:56, 6:28] -= 90
    picture[8:56, 36:58] -= 20 if ill else 90
    out = io.BytesIO()
    Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def test_the_readme_shows_it_in_ten_lines() -> None:
    assert len(PACK.splitlines()) + len(COMMANDS) <= 10
    assert all(command.startswith("python -m medcls ") for command in COMMANDS)


def test_a_task_pack_trains_publishes_and_answers_as_the_readme_says(tmp_path, capsys, monkeypatch):
    home.tasks().mkdir(parents=True)
    (home.tasks() / "chest-pneumonia.toml").write_text(PACK)
    for label, ill in (("no-pneumonia", False), ("pneumonia", True)):
        (tmp_path / "chests" / label).mkdir(parents=True)
        for seed in range(16):
            (tmp_path / "chests" / label / f"{seed}.png").write_bytes(_chest(ill, seed))
    (tmp_path / "new.png").write_bytes(_chest(True, 99))
    monkeypatch.chdir(tmp_path)
    add, train, classify = (command.removeprefix("python -m medcls ").split() for command in COMMANDS)
    assert main(add) == 0
    # A network small enough for a test, from nothing: the README's own would fetch ImageNet weights.
    small = ["--backbone", "simple_cnn", "--initial", "none", "--size-px", "32", "--epochs", "12", "--batch-size", "8"]
    assert main([*train, *small, "--rotate-deg", "0", "--warmup-epochs", "0"]) == 0
    card = list_models("chest-pneumonia")[0]
    assert card.task.label_ids == ("no-pneumonia", "pneumonia")
    assert card.task.positive == (1,)
    capsys.readouterr()
    assert main([*classify, "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["model"], row["labels"]) == (card.id, ["no-pneumonia", "pneumonia"])
    assert row["prob"][1] > row["prob"][0]
