"""A comparison as files: nothing lost, nothing fetched, nothing run."""

import csv
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from medcls.core.model import Threshold
from medcls.core.note import Note
from medcls.core.numbers import show_estimate
from medcls.errors import BadData
from medcls.exits import comparison_html, comparison_text
from medcls.models import store
from medcls.workflows import report, tables
from medcls.workflows.compare import Comparison, compare_stored
from medcls.workflows.thresholds import try_threshold
from tests.compared import publish_three


@pytest.fixture
def found(tiny_made: Path, home: Path) -> Comparison:
    return compare_stored(publish_three(tiny_made, home), resamples=50)


def read(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))


def test_csv_holds_every_number_exactly(found: Comparison) -> None:
    scores = {(r["model"], r["score"]): r for r in read(tables.to_csv(tables.score_rows(found)))}
    assert len(scores) == sum(len(s) for s in found.scores.values())
    assert float(scores["good", "auroc"]["value"]) == found.scores["good"]["auroc"].value
    assert float(scores["bad", "brier"]["high"]) == found.scores["bad"]["brier"].high
    pairs = read(tables.to_csv(tables.difference_rows(found.differences())))
    assert [(r["a"], r["b"]) for r in pairs] == [("good", "bad"), ("good", "twin"), ("bad", "twin")]
    rows = read(tables.to_csv(tables.case_rows(found)))
    assert len(rows) == 150
    assert float(rows[7]["good:malignant"]) == found.cases["good"].prob[7, 2]
    assert rows[7]["truth"] == found.first.labels[found.first.truth[7]]


def test_csv_cells_that_look_like_formulas_stay_text() -> None:
    (row,) = read(tables.to_csv([{"model": "=1+1", "n": -3, "value": -0.5, "none": float("nan")}]))
    assert row == {"model": "'=1+1", "n": "-3", "value": "-0.5", "none": ""}
    (row,) = read(tables.to_csv([{"wide": np.float64(0.1), "narrow": np.float32(0.5), "none": np.float64("inf")}]))
    assert row == {"wide": "0.1", "narrow": "0.5", "none": ""}
    assert tables.to_csv([]) == b"\xef\xbb\xbf\r\n"


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
    dirty = replace(found, cards=found.cards | {"good": card}, notes=(Note("words.said", text=evil),), collection=evil)
    page = comparison_html.to_html(dirty, found.differences())
    tags = Tags()
    tags.feed(page)
    assert tags.wrong == []
    assert tags.seen.count("svg") == 3
    assert "http" not in page
    assert "not distinguishable on these 150 cases" in page
    assert show_estimate(found.scores["bad"]["auroc"]) in page
    assert "Research use, not a medical device" in page
    assert not any(str(case) in page for case in found.first.case), "no case id in a report that is passed on"
    numbers = [float(n) for n in re.findall(r"[ML]([\d.]+) ", page)]
    assert numbers
    assert all(0 <= n <= 400 for n in numbers), "every point of a curve lies inside its picture"


def test_markdown_table_for_a_readme(found: Comparison) -> None:
    lines = comparison_text.to_markdown(found).splitlines()
    assert lines[0].startswith("| model | AUROC |")
    assert lines[2].startswith(f"| good | {show_estimate(found.scores['good']['auroc'])} |")
    assert lines[-1] == f"150 cases in 75 groups of set: {found.part}. In brackets: 95 % intervals."


def test_pairs_of_models_as_a_table_on_each_collection(found: Comparison) -> None:
    where = np.where(np.arange(150) < 60, "busi", "bus-bra")
    tables_ = {m: replace(t, attributes=t.attributes | {"collection": where}) for m, t in found.cases.items()}
    both = replace(found, cases=tables_)
    lines = comparison_text.pairs_to_markdown(both, "auroc", resamples=200).splitlines()
    assert (
        lines[0]
        == "| A | B | bus-bra: 90 cases, 45 groups | busi: 60 cases, 30 groups | together: 150 cases, 75 groups |"
    )
    assert len(lines) == 2 + 3 + 2
    good_bad = lines[2].split(" | ")
    assert good_bad[:2] == ["| `good`", "`bad`"]
    assert good_bad[-1].endswith("p < 0.001: **A is better** |")
    assert lines[3].endswith("| 0.000, p = 1.000: not distinguishable |")
    assert "**B is better**" in lines[4]
    assert "Holm's correction for the 3 pairs" in lines[-1]
    with pytest.raises(BadData, match="no such score"):
        comparison_text.pairs_to_markdown(both, "beauty")


def test_every_section_has_its_rows(found: Comparison) -> None:
    groups = found.subgroups("device", "accuracy", resamples=20)
    rows = read(tables.to_csv(tables.subgroup_rows("device", "accuracy", groups)))
    assert {(r["device"], int(r["cases"])) for r in rows} == {("GE", 50), ("Philips", 100)}
    assert len(rows) == 6
    points = [try_threshold(found.cases["good"], "malignant", t, 0.1) for t in (0.3, 0.6)]
    first, second = read(tables.to_csv(tables.threshold_rows("good", "malignant", points)))
    assert float(first["sensitivity"]) == points[0].sensitivity.value
    assert float(second["missed_per_1000"]) == points[1].missed_per_1000
    drawn = found.curves("malignant", resamples=20)
    curves = read(tables.to_csv(tables.curve_rows(drawn, "malignant")))
    assert len([r for r in curves if (r["model"], r["curve"]) == ("good", "roc")]) == 101
    unlike = read(tables.to_csv(tables.disagreement_rows(found.disagreements(1000))))
    assert len(unlike) == found.count_disagreements()
    pairs = read(tables.to_csv(tables.mcnemar_rows(found.right_and_wrong())))
    assert int(pairs[0]["only_a_right"]) == found.right_and_wrong()["good", "bad"].only_a
    costs = read(tables.to_csv(tables.cost_rows(report.costs_of(found))))
    assert [r["scan_ms"] for r in costs] == ["", "", ""]
    assert float(costs[0]["value"]) == found.scores["good"]["auroc"].value


def test_a_report_holds_subgroups_operating_points_and_costs(found: Comparison) -> None:
    card = replace(found.cards["good"], thresholds=(Threshold("screening", "malignant", 0.3),))
    page = comparison_html.to_html(
        replace(found, cards=found.cards | {"good": card}), found.differences(), report.costs_of(found)
    )
    for said in (
        "Subgroups: AUROC",
        "<td>Philips</td><td>100</td>",
        "Operating points",
        "malignant at 0.30 or above",
        "Cost against quality",
        "McNemar",
    ):
        assert said in page


def test_a_perfect_or_hopeless_model_still_makes_a_report(tiny_made: Path, home: Path) -> None:
    ids = publish_three(tiny_made, home)
    found = compare_stored(ids, resamples=20)
    benign = {m: t.take(t.truth == 1) for m, t in found.cases.items()}
    only = replace(found, cases=benign)
    page = comparison_html.to_html(only, only.differences())
    assert "cannot be compared on these" in page
    assert store.read_card("good").id == "good"
