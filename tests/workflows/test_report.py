"""A comparison as files: nothing lost, nothing fetched, nothing run."""

import csv
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from medcls import store
from medcls.workflows import report
from medcls.workflows.compare import Comparison, compare_stored, differences
from tests.compared import publish_three


@pytest.fixture
def found(tiny_made: Path, home: Path) -> Comparison:
    return compare_stored(publish_three(tiny_made, home), resamples=50)


def read(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))


def test_csv_holds_every_number_exactly(found: Comparison) -> None:
    scores = {(r["model"], r["score"]): r for r in read(report.to_csv(report.score_rows(found)))}
    assert len(scores) == sum(len(s) for s in found.scores.values())
    assert float(scores["good", "auroc"]["value"]) == found.scores["good"]["auroc"].value
    assert float(scores["bad", "brier"]["high"]) == found.scores["bad"]["brier"].high
    pairs = read(report.to_csv(report.difference_rows(differences(found, resamples=50))))
    assert [(r["a"], r["b"]) for r in pairs] == [("good", "bad"), ("good", "twin"), ("bad", "twin")]
    rows = read(report.to_csv(report.case_rows(found)))
    assert len(rows) == 150
    assert float(rows[7]["good:malignant"]) == found.cases["good"].prob[7, 2]
    assert rows[7]["truth"] == found.first.labels[found.first.truth[7]]


def test_csv_cells_that_look_like_formulas_stay_text() -> None:
    (row,) = read(report.to_csv([{"model": "=1+1", "n": -3, "value": -0.5, "none": float("nan")}]))
    assert row == {"model": "'=1+1", "n": "-3", "value": "-0.5", "none": ""}
    assert report.to_csv([]) == b"\xef\xbb\xbf\r\n"


class Tags(HTMLParser):
    """Counts tags and notes attributes that could fetch or run something."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.wrong += [
            f"{tag} {name}" for name, _ in attrs if name in ("src", "href", "action") or name.startswith("on")
        ]
        if tag in ("script", "iframe", "object", "img", "link"):
            self.wrong.append(tag)


def test_html_report_needs_nothing_and_runs_nothing(found: Comparison) -> None:
    evil = '<script>alert(1)</script><img src=x onerror="a">'
    card = replace(found.cards["good"], trained_on=evil, licence=evil)
    dirty = replace(found, cards=found.cards | {"good": card}, notes=(evil,), collection=evil)
    page = report.to_html(dirty, differences(found, resamples=50))
    tags = Tags()
    tags.feed(page)
    assert tags.wrong == []
    assert tags.seen.count("svg") == 3
    assert "http" not in page
    assert "not distinguishable on these 150 cases" in page
    assert report.show(found.scores["bad"]["auroc"]) in page
    assert "Research use, not a medical device" in page
    assert not any(str(case) in page for case in found.first.case), "no case id in a report that is passed on"
    numbers = [float(n) for n in re.findall(r"[ML]([\d.]+) ", page)]
    assert numbers
    assert all(0 <= n <= 400 for n in numbers), "every point of a curve lies inside its picture"


def test_markdown_table_for_a_readme(found: Comparison) -> None:
    lines = report.to_markdown(found).splitlines()
    assert lines[0].startswith("| model | AUROC |")
    assert lines[2].startswith(f"| good | {report.show(found.scores['good']['auroc'])} |")
    assert lines[-1] == "150 cases in 75 groups of set: part 'test'. In brackets: 95 % intervals."


def test_a_perfect_or_hopeless_model_still_makes_a_report(tiny_made: Path, home: Path) -> None:
    ids = publish_three(tiny_made, home)
    found = compare_stored(ids, resamples=20)
    benign = {m: t.take(t.truth == 1) for m, t in found.cases.items()}
    only = replace(found, cases=benign, scores=dict(found.scores))
    page = report.to_html(only, differences(only, resamples=20))
    assert "cannot be compared on these" in page
    assert store.read_card("good").id == "good"
