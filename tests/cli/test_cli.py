"""The command line: exit statuses, one JSON object a scan, nothing heavy loaded for light verbs."""

import argparse
import io
import json
import sqlite3
import subprocess
import sys
from dataclasses import replace

import pytest
from PIL import Image

from medcls.cli import VERBS, main, parser, print_json
from medcls.cli.evaluate import tell
from medcls.core.note import Note
from medcls.imaging.phantom import phantom
from medcls.models import store


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "scans"
    path.mkdir()
    for label in ("benign", "malignant"):
        (path / f"{label}.png").write_bytes(phantom("breast-ultrasound", label, 1))
    return path


def _rows(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_every_verb_is_there_and_explains_itself(capsys):
    for name in VERBS:
        with pytest.raises(SystemExit) as stop:
            parser().parse_args([name, "--help"])
        assert stop.value.code == 0
        assert "usage" in capsys.readouterr().out


def test_a_wrong_word_after_a_verb_is_told_by_the_name_of_its_place(capsys):
    groups = [
        name
        for name, made in next(
            a for a in parser()._actions if isinstance(a, argparse._SubParsersAction)
        ).choices.items()
        if any(isinstance(action, argparse._SubParsersAction) for action in made._actions)
    ]
    assert {"models", "data", "runs", "search", "site", "audit"} <= set(groups)
    for name in groups:
        with pytest.raises(SystemExit) as stop:
            parser().parse_args([name, "no-such-word"])
        assert stop.value.code == 2
        assert "argument WHAT:" in capsys.readouterr().err


def test_models_list_prints_what_models_prints(capsys, tiny_model):
    said = []
    for words in (["models", "--json"], ["models", "list", "--json"], ["models", "--json", "list"]):
        assert main(words) == 0
        said.append(_rows(capsys))
    assert said[0]
    assert said[1] == said[2] == said[0]


def test_classify_gives_one_object_a_scan_and_status_0(capsys, folder, tiny_model):
    assert main(["classify", str(folder), "--json"]) == 0
    rows = _rows(capsys)
    assert len(rows) == 2
    for row in rows:
        told = {"file", "model", "labels", "prob", "decided", "unfamiliarity", "acquired", "notes", "codes", "sha256"}
        assert set(row) == told
        assert len(row["codes"]) == len(row["notes"])
        assert row["model"] == tiny_model.id
        assert row["labels"] == ["normal", "benign", "malignant"]
        assert sum(row["prob"]) == pytest.approx(1)
        assert row["decided"] in (*row["labels"], None)


def test_one_broken_scan_gives_its_sentence_and_status_1(capsys, folder, tiny_model):
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nrest")
    assert main(["classify", str(folder), "--json"]) == 1
    errors = [row for row in _rows(capsys) if "error" in row]
    assert len(errors) == 1
    assert set(errors[0]) == {"file", "model", "error", "code"}


def test_a_frame_can_be_chosen(capsys, tmp_path, tiny_model):
    pages = [Image.open(io.BytesIO(phantom("breast-ultrasound", label, 1))) for label in ("benign", "malignant")]
    pages[0].save(tmp_path / "pages.tif", save_all=True, append_images=pages[1:])
    pages[1].save(tmp_path / "second.tif")
    for n, status in (("2", 0), ("3", 1), ("0", 1)):
        assert main(["classify", str(tmp_path / "pages.tif"), "--frame", n, "--json"]) == status
    chosen, *refused = _rows(capsys)
    assert main(["classify", str(tmp_path / "second.tif"), "--json"]) == 0
    assert chosen["prob"] == _rows(capsys)[0]["prob"]
    assert all("no such frame" in row["error"] for row in refused)


def test_an_unknown_task_names_those_there_are(capsys, folder, tiny_model):
    assert main(["classify", str(folder), "--task", "chest"]) == 2
    assert "breast-ultrasound" in capsys.readouterr().err


def test_text_output_names_answer_and_notice(capsys, folder, tiny_model):
    assert main(["classify", str(folder / "benign.png")]) == 0
    said = capsys.readouterr()
    assert "benign.png: " in said.out
    assert "not a medical device" in said.err


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["nonsense"],
        ["classify"],
        ["classify", "x", "--model", "none"],
        ["models", "show", "none"],
        ["train", "--epochs", "0"],
        ["evaluate", "--model", "none", "--data", "none"],
        ["train", "--lr", "much"],
    ],
)
def test_wrong_use_is_status_2(capsys, argv):
    assert main(argv) == 2
    said = capsys.readouterr()
    assert said.err
    assert "Traceback" not in said.err + said.out


@pytest.mark.parametrize("argv", ["data list", "runs list", "search list", "site", "site list", "worklist", "outbox"])
def test_an_empty_list_says_so_and_its_json_does_not(capsys, home, argv):
    """On standard error: what is listed stays a list."""
    assert main(argv.split()) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.strip()
    if argv != "site":
        assert main([*argv.split(), "--json"]) == 0
        assert capsys.readouterr() == ("", "")


def test_a_path_that_is_not_there_is_said(capsys, tmp_path, tiny_model):
    assert main(["classify", str(tmp_path / "nowhere.png")]) != 0
    said = capsys.readouterr()
    assert "nowhere.png" in said.out + said.err


def test_models_lists_and_shows(capsys, tiny_model):
    assert main(["models", "--json"]) == 0
    row = _rows(capsys)[0]
    assert row["model"] == tiny_model.id
    assert {"value", "low", "high", "n"} <= set(row["scores"]["auroc"])
    assert main(["models", "show", tiny_model.id]) == 0
    assert "Research use" in capsys.readouterr().out
    assert main(["models"]) == 0
    assert tiny_model.id in capsys.readouterr().out


def test_models_that_are_all_damaged_are_not_none(capsys, tmp_path, monkeypatch):
    """They are listed with their errors; that there is none yet would send somebody to train one."""
    monkeypatch.setenv("MEDCLS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MEDCLS_SHIPPED_WEIGHTS", str(tmp_path / "none"))
    assert main(["models"]) == 0
    none = capsys.readouterr().err
    folder = tmp_path / "home" / "weights" / "breast-ultrasound--tiny--0001"
    folder.mkdir(parents=True)
    (folder / "card.json").write_text("{", encoding="utf-8")
    assert main(["models"]) == 1
    said = capsys.readouterr()
    assert folder.name in said.out
    assert none
    assert none not in said.err


@pytest.mark.parametrize("argv", [["models"], ["models", "--json"], ["--help"], ["runs", "list"]])
def test_light_verbs_load_neither_torch_nor_streamlit(argv, tiny_model):
    code = (
        "import sys, medcls\nfrom medcls.cli import main\ntry:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "sys.exit(bool({'torch', 'streamlit', 'timm'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, *argv], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_each_site_is_told_before_what_is_pooled(capsys, tiny_model):
    evaluation, cases = store.read_evaluation(tiny_model.id), store.read_cases(tiny_model.id)
    assert evaluation is not None
    assert cases is not None
    tell(replace(evaluation, subgroups={"site=he\nre": evaluation.scores}), cases, as_json=False)
    _, site, pooled, *_ = capsys.readouterr().out.splitlines()
    assert site.startswith(rf"  site=he\u000are: auroc_disease: {evaluation.scores['auroc_disease']}")
    assert "site" not in pooled


def test_a_place_that_cannot_be_written_is_said_in_a_sentence(capsys, tiny_model, tmp_path):
    """Before the work, and without a traceback: the folder asked for lies inside a file."""
    (tmp_path / "file").write_text("no folder")
    assert main(["evaluate", "--model", tiny_model.id, "--data", "none", "--out", str(tmp_path / "file" / "out")]) == 2
    told = capsys.readouterr().err
    assert told.startswith("medcls: A file or folder cannot be used: found ")


def test_trouble_with_files_is_a_sentence(capsys, monkeypatch, tmp_path):
    for error, words in (
        (OSError(30, "Read-only file system", str(tmp_path)), f"found Read-only file system, {tmp_path}"),
        (sqlite3.OperationalError("unable to open database file"), "found unable to open database file"),
    ):

        def fail(*args, error=error, **more):
            raise error

        monkeypatch.setattr("medcls.workflows.models.every_model", fail)
        assert main(["models"]) == 2
        assert words in capsys.readouterr().err


def test_a_missing_extra_is_named(monkeypatch, capsys) -> None:
    """Where an optional package is not installed, the sentence says which extra brings it; a bug stays a bug."""
    from medcls.cli import _missing

    assert _missing(ModuleNotFoundError("no", name="optuna.trial")).params == {
        "package": "optuna.trial",
        "extra": "search",
    }
    with pytest.raises(ModuleNotFoundError):
        _missing(ModuleNotFoundError("no", name="medcls.nowhere"))


def test_json_says_how_in_a_sentence_with_its_code_beside(capsys: pytest.CaptureFixture[str]) -> None:
    how = Note("words.example", n=2).to_dict()
    print_json({"proof": {"how": how, "n": float("nan")}, "part": "test", "notes": [how]})
    row = json.loads(capsys.readouterr().out)
    assert (type(row["proof"]["how"]), row["proof"]["how_code"], row["proof"]["n"]) == (str, how["code"], None)
    assert (row["part"], row["notes"]) == ("test", [how])
