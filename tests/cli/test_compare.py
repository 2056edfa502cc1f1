"""`compare` and `ablation` as a user types them."""

import json
from pathlib import Path

import pytest

from medcls.cli import main
from medcls.models import store
from medcls.workflows.evaluate import write
from medcls.workflows.marked import marks
from tests.compared import publish_three


@pytest.fixture
def three(tiny_made: Path, home: Path) -> str:
    return ",".join(publish_three(tiny_made, home))


def test_compare_tells_verdicts(three: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "--models", three, "--resamples", "100"]) == 0
    out = capsys.readouterr().out
    assert "150 cases in 75 groups of set" in out
    assert "good against bad: good is better by" in out
    assert "good against twin: not distinguishable on these 150 cases" in out


def test_compare_as_json_is_one_object_a_line(three: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["compare", "--models", three, "--json", "--by", "device", "--score", "accuracy", "--resamples", "50"])
        == 0
    )
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    kinds = [row["kind"] for row in rows]
    assert kinds.count("difference") == 3
    assert kinds.count("subgroup") == 6
    assert {type(row["how"]) for row in rows if "how" in row} == {str}
    assert {row["score"] for row in rows if row["kind"] == "difference"} == {"accuracy"}
    (auroc,) = [row for row in rows if row["kind"] == "score" and (row["model"], row["score"]) == ("good", "auroc")]
    assert auroc["low"] < auroc["value"] < auroc["high"]


def test_compare_writes_files(three: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report, folder = tmp_path / "report.html", tmp_path / "csv"
    args = ["compare", "--models", "all", "--task", "breast-ultrasound", "--resamples", "50"]
    assert main([*args, "--html", str(report), "--csv", str(folder), "--markdown"]) == 0
    assert report.read_text().startswith("<!doctype html>")
    assert {p.name for p in folder.iterdir()} == {"scores.csv", "differences.csv", "cases.csv"}
    out = capsys.readouterr().out
    assert out.startswith("| model | AUROC |")
    assert "| A | B | set: 150 cases, 75 groups |" in out
    assert main([*args, "--html", str(tmp_path / "no" / "folder.html")]) == 2


def test_compare_puts_its_table_into_a_readme(three: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "README.md"
    begin, end = marks("compared breast-ultrasound")
    path.write_text(f"before\n{begin}\nold\n{end}\nafter\n")
    args = ["compare", "--models", three, "--resamples", "50", "--into", str(path)]
    assert main(args) == 0
    text = path.read_text()
    assert text.startswith(f"before\n{begin}\n| A | B |")
    assert text.endswith(f"{end}\nafter\n")
    assert "old" not in text
    assert main(args) == 0
    assert path.read_text() == text
    path.write_text("no place")
    assert main(args) == 2
    assert begin in capsys.readouterr().err


def test_evaluations_made_apart_are_compared(three: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = []
    for model in ("good", "bad"):
        write(store.read_evaluation(model), store.read_cases(model), tmp_path / model)
        folders.append(str(tmp_path / model))
    assert main(["compare", "--evaluations", *folders, "--resamples", "50"]) == 0
    assert "good against bad: good is better by" in capsys.readouterr().out
    assert main(["compare", "--evaluations", *folders, "--models", three]) == 2
    assert main(["compare"]) == 2


def test_a_threshold_is_kept_and_taken_off(three: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "threshold", "good", "screening", "malignant", "0.3"]) == 0
    assert capsys.readouterr().out == "screening: malignant at 0.300 or above\n"
    assert main(["models", "threshold", "good", "screening", "malignant"]) == 0
    assert store.read_card("good").thresholds == ()
    assert main(["models", "threshold", "good", "screening", "idc", "0.3"]) == 2


def test_wrong_use_is_said_and_gives_2(three: str, capsys: pytest.CaptureFixture[str]) -> None:
    for args, word in (
        (["--models", "good"], "cannot be compared"),
        (["--models", "good,missing"], "no such model"),
        (["--models", three, "--score", "beauty"], "no such score"),
        (["--models", three, "--by", "colour"], "no such column"),
        (["--models", three, "--data", "nowhere"], "no such labelled collection"),
    ):
        assert main(["compare", *args, "--resamples", "20"]) == 2
        assert word in capsys.readouterr().err


def test_ablation_without_runs_says_so(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ablation"]) == 0
    assert "No two finished runs" in capsys.readouterr().err
