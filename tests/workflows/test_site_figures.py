"""A model's figures by site: the order they stand in, who says them, and that nothing is pooled."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medcls.core.evaluation import CaseTable, Estimate, Evaluation
from medcls.core.note import UNSAID
from medcls.core.site import Aim
from medcls.evaluation.site_answer import track_record
from medcls.evaluation.sites import make_site
from medcls.exits.nameless import without_sites
from medcls.imaging.phantom import phantom
from medcls.models import store
from medcls.stats.score_table import confusion
from medcls.workflows import case_report, site, site_figures

MODEL = "breast-ultrasound--tiny--0001"


def estimate(value: float) -> Estimate:
    """An estimate of 20 groups."""
    return Estimate(value, value - 0.1, value + 0.1, 0.95, 20, UNSAID)


def scans(seeds: range) -> list[tuple[bytes, str, str]]:
    """Labelled phantoms, a patient each."""
    labels = ("normal", "benign", "malignant")
    return [(phantom("breast-ultrasound", label, s), label, f"{label} {s}") for label in labels for s in seeds]


def test_a_site_never_seen_stands_first_then_checks_then_letters_then_own_cases(tiny_model, home, monkeypatch) -> None:
    card, evaluation = store.read_card(MODEL), store.read_evaluation(MODEL)
    left_out = {"far": {"auroc_disease": estimate(0.7)}}
    monkeypatch.setattr(store, "read_evaluation", lambda model: replace(evaluation, left_out=left_out))
    check = site.check_dropped("Ward 3", MODEL, scans(range(300, 306)), Aim(0.5)).check
    letter = home / "letter.json"
    site.write_letter("Ward 3", check, letter, name="Elsewhere")
    site.import_letter(letter.read_bytes())
    assert [one.source for one in site_figures.figures_of(card)] == ["never-seen", "here", "measured"], (
        "an own letter tells nothing new"
    )
    far = site.check_dropped("Ward 4", MODEL, scans(range(320, 326)), Aim(0.5)).check
    site.write_letter("Ward 4", far, letter, name="Elsewhere")
    shutil.rmtree(make_site("Ward 4").path)
    site.import_letter(letter.read_bytes())
    figures = site_figures.figures_of(card)
    assert [one.source for one in figures] == ["never-seen", "here", "reported", "measured"]
    assert [one.site for one in figures[:3]] == ["far", "Ward 3", "Elsewhere"]
    assert (figures[1].scores, figures[2].scores) == (check.scores, far.scores)
    assert len({one.title for one in figures}) == 4
    beside = site_figures.beside(check, card)
    assert [one.source for one in beside] == ["here", "never-seen", "reported", "measured"]


def test_a_report_names_own_test_cases_as_measured_not_as_a_site_s_check(tiny_model) -> None:
    """Cases that tell no site stand under the collection, whatever else is known of the model."""
    card = store.read_card(MODEL)
    assert not {"site", "collection"} & set(store.read_cases(MODEL).attributes)
    before = [case_report.counts_of(card, label) for label in card.task.label_ids]
    assert any(before)
    site.check_dropped("Ward 3", MODEL, scans(range(300, 306)), Aim(0.5))
    assert [case_report.counts_of(card, label) for label in card.task.label_ids] == before


def test_a_site_called_as_a_published_collection_leaves_no_report_for_others(home) -> None:
    """Its name is taken out as any other's: it stands as it was given."""
    make_site("busi")
    figures = [site_figures.SiteFigures("busi", source, {}) for source in ("here", "measured")]
    here, measured = (without_sites(one.headline()).params["site"] for one in figures)
    assert "busi" not in here.casefold()
    assert measured == "BUSI"


def test_counts_of_sites_add_up_and_are_not_pooled() -> None:
    prob = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]])
    ids = np.array(list("abcd"))
    where = np.array(["x", "x", "y", "y"])
    table = CaseTable(ids, ids, np.array([0, 1, 1, 0]), prob, ("no", "yes"), {"site": where})
    scores = {"auroc_disease": estimate(0.5)}
    evaluation = Evaluation(
        "m", "c", "f", UNSAID, ("no", "yes"), 4, 4, scores, confusion(table), {"site=x": scores, "site=y": scores}
    )
    x, y = site_figures.evaluated_figures(evaluation, table)
    assert (x.site, x.confusion, y.confusion) == ("x", ((1, 0), (0, 1)), ((0, 1), (1, 0)))
    unsure = site_figures.evaluated_figures(evaluation, table, least=0.65)
    assert [(one.refused, one.by_prob) for one in unsure] == [(0, True), (1, True)]
    assert unsure[1].confusion == ((0, 1), (0, 0))
    noted = replace(table, attributes={**table.attributes, "refused": np.array(["foreign", "", "", ""])})
    first = site_figures.evaluated_figures(evaluation, noted, least=0.99)[0]
    assert (first.confusion, first.refused, first.by_prob) == (((0, 0), (0, 1)), 1, False)


def test_the_whole_evaluation_stands_for_no_single_site() -> None:
    scores, counts = {"auroc_disease": estimate(0.5)}, ((5, 1), (2, 6))
    by_site = {"site=x": scores, "site=y": scores}
    several = Evaluation("m", "c", "f", UNSAID, ("no", "yes"), 14, 14, scores, counts, by_site)
    assert [one.confusion for one in site_figures.evaluated_figures(several, None)] == [(), ()]
    (alone,) = site_figures.evaluated_figures(replace(several, subgroups={}), None)
    assert (alone.site, alone.confusion) == ("c", counts)


def test_what_an_answer_was_worth_is_counted_at_one_site(tiny_model) -> None:
    task = store.read_card(MODEL).task
    one = site_figures.SiteFigures("x", "measured", {}, ((5, 1, 1), (0, 6, 2), (1, 3, 9)), 0)
    said, missed = one.track_record(task, "malignant")
    assert (said.params["right"], said.params["said"], missed.params["n"], missed.params["missed"]) == (9, 12, 13, 4)
    said, among = one.track_record(task, "benign")
    assert (said.params["right"], said.params["said"], among.params["among"]) == (6, 10, 3)
    assert replace(one, confusion=()).track_record(task, "malignant") == ()
    never = tuple((row[0] + row[1], 0, row[2]) for row in one.confusion)
    assert [n.code for n in replace(one, confusion=never).track_record(task, "benign")] == ["evaluation.record-never"]
    kinds = ((0, False), (3, False), (3, True), (None, False))
    parts = [replace(one, refused=refused, by_prob=by_prob) for refused, by_prob in kinds]
    codes = [[note.code for note in part.track_record(task, "malignant")][2:] for part in parts]
    assert codes == [
        [],
        ["evaluation.record-refused"],
        ["evaluation.record-unsure"],
        ["evaluation.record-with-refused"],
    ]
    assert parts[1].track_record(task, "malignant")[-1].params == {"refused": 3, "n": 31}
    here = one.track_record(task, "malignant", 0.1)[-1]
    ill, well = 0.1 * 9 / 13, 0.9 * 3 / 15
    assert (here.code, float(here.params["n"])) == ("evaluation.record-here", round(100 * ill / (ill + well)))
    assert float(one.track_record(task, "benign", 0.001)[-1].params["n"]) < 1
    assert 0 < float(here.params["low"]) < float(here.params["n"]) < float(here.params["high"]) < 100


def test_the_card_and_the_sheet_give_one_interval(tiny_model) -> None:
    """Both rest on which cases belong together: cases of one group are not independent."""
    card = store.read_card(MODEL)
    table = store.read_cases(MODEL)
    paired = replace(table, group=np.arange(len(table.group)) // 2)
    positive, least = card.task.positive, card.abstention.min_prob
    evaluation = store.read_evaluation(MODEL)
    (card_says,) = site_figures.evaluated_figures(evaluation, paired, least)
    sheet_says = track_record(paired, positive, "malignant", 0.1, least).here
    told = next(n for n in card_says.track_record(card.task, "malignant", 0.1) if n.code == "evaluation.record-here")
    ends = [float(told.params[name]) for name in ("n", "low", "high")]
    assert ends == [round(100 * x) for x in (sheet_says.value, sheet_says.low, sheet_says.high)]


def test_no_false_alarm_among_few_is_no_promise_of_none(tiny_model) -> None:
    """With 36 of 36 others spared, a call is right in 100 of 100 as far as was seen, and perhaps in half of them."""
    task = store.read_card(MODEL).task
    one = site_figures.SiteFigures("x", "here", {}, ((18, 0, 0), (0, 18, 0), (0, 0, 21)), 0)
    here = one.track_record(task, "malignant", 0.1)[-1].params
    assert (here["n"], here["high"]) == ("100", "100")
    assert float(here["low"]) < 60
    few = replace(one, scores={"specificity": estimate(0.8), "sensitivity": estimate(0.8)})
    assert float(few.track_record(task, "malignant", 0.1)[-1].params["low"]) < float(here["low"])


@pytest.mark.parametrize("name", ["auroc_disease", "sensitivity"])
def test_a_headline_says_what_was_not_measured(name: str) -> None:
    told = site_figures.SiteFigures("x", "measured", {name: estimate(0.8)}).headline()
    assert told.params[name] == "0.80 (0.70–0.90)"
    assert sorted(v for v in told.params.values() if v == "–") == ["–", "–"]


def test_the_shipped_recommended_model_is_approved_out_of_the_box(tiny_made: Path, home: Path) -> None:
    from medcls.tasks import recommended
    from tests import tiny

    make_site("Ward 3")
    named = recommended("breast-ultrasound")
    tiny.install(tiny_made, home / "weights", named)
    tiny.install(tiny_made, home / "weights", "another")
    assert site.state_of("Ward 3", store.read_card(named)) == "approved"
    assert site.state_of("Ward 3", store.read_card("another")) == "draft"
