"""Models compared on labelled cases: what they share, subgroups, disagreements, warnings."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medcls.core.collection import Part
from medcls.core.evaluation import CaseTable, Evaluation
from medcls.core.note import Note
from medcls.data.collections import add_collection, open_collection
from medcls.errors import BadData, BadModel
from medcls.imaging.decode import read_scan
from medcls.imaging.phantom import phantom
from medcls.models import measured, store
from medcls.models.opening import open_model
from medcls.stats import paired, scores
from medcls.workflows.compare import (
    Disagreement,
    collection_states,
    collections_for,
    compare_afresh,
    compare_folders,
    compare_stored,
    read_case,
)
from medcls.workflows.data_mend import change
from tests import tiny
from tests.compared import LABELS, cases, publish, publish_three


@pytest.fixture
def compared(tiny_made: Path, home: Path) -> tuple[str, ...]:
    return publish_three(tiny_made, home)


def test_stored_cases_are_compared_with_verdicts(compared: tuple[str, ...]) -> None:
    found = compare_stored(compared, resamples=200)
    assert len(found.first) == 150
    assert found.n_groups == 75
    assert found.positive == (2,)
    assert found.notes == ()
    assert found.scores["good"]["auroc"].value > found.scores["bad"]["auroc"].value
    assert found.score_names()["recall:benign"] == "Recall, benign"
    by_pair = {(d.a, d.b): d for d in found.differences("auroc")}
    assert by_pair["good", "bad"].better == "good"
    assert by_pair["bad", "twin"].better == "twin"
    assert by_pair["good", "twin"].verdict == Note("stats.pair-alike", n=150)
    assert by_pair["good", "bad"].n_cases == 150
    with pytest.raises(BadData, match="no such score"):
        found.differences("beauty")


def test_only_shared_cases_count_and_it_is_said(tiny_made: Path, home: Path) -> None:
    publish(tiny_made, home, "all", cases(2.0))
    part = cases(1.0, seed=1).take(np.arange(100, 150))
    prefixed = CaseTable(
        np.char.add("set/", part.case), np.char.add("set/", part.group), part.truth, part.prob, LABELS, part.attributes
    )
    publish(tiny_made, home, "some", prefixed, fingerprint="f2")
    found = compare_stored(["all", "some"], resamples=50)
    assert len(found.first) == 50
    assert found.first.case[0] == "set/100.png"
    counts = [Note("evaluation.shared-count", n=n, models=name) for n, name in ((150, "all"), (50, "some"))]
    assert Note("evaluation.shared-only", n=50, counts=counts) in found.notes
    assert Note("evaluation.other-states") in found.notes


def test_models_evaluated_apart_are_compared_on_what_they_share(compared: tuple[str, ...], tmp_path: Path) -> None:
    folders = []
    for model_id, rows in (("good", np.arange(0, 120)), ("bad", np.arange(30, 150))):
        folder = tmp_path / model_id
        folder.mkdir()
        store.write_evaluation(folder, store.read_evaluation(model_id), store.read_cases(model_id).take(rows))
        folders.append(folder)
    found = compare_folders(folders, resamples=50)
    assert sorted(found.cases) == ["bad", "good"]
    assert list(found.first.case) == [f"set/{name}" for name in store.read_cases("good").case[30:120]]
    (told,) = found.differences("auroc")
    assert told.better == "good"
    with pytest.raises(BadData, match="evaluations of good"):
        compare_folders([folders[0], folders[0]])
    with pytest.raises(BadData, match="no evaluation in"):
        compare_folders([folders[0], tmp_path])


def test_models_without_cases_or_with_none_in_common(tiny_made: Path, home: Path, compared: tuple[str, ...]) -> None:
    tiny.install(tiny_made, home / "weights", "bare")
    path = home / "weights" / "bare"
    (path / store.CASES).unlink()
    store.seal(path, replace(store.read_card(path), files={}))
    with pytest.raises(BadData, match="bare was published without cases"):
        compare_stored(["good", "bare"])
    tiny.install(tiny_made, home / "weights", "other")
    with pytest.raises(BadData, match="no case in common"):
        compare_stored(["good", "other"])
    with pytest.raises(BadModel, match="cannot be compared"):
        compare_stored(["good"])
    with pytest.raises(BadModel, match="no such model"):
        compare_stored(["good", "missing"])


def test_subgroups_with_their_counts(compared: tuple[str, ...]) -> None:
    found = compare_stored(compared, resamples=50)
    assert tuple(found.columns()) == ("device", "birads", "width_px"), "those asked for most come first"
    by_device = {g.value: g for g in found.subgroups("device", "accuracy")}
    assert {value: group.n_cases for value, group in by_device.items()} == {"GE": 50, "Philips": 100}
    good = found.cases["good"]
    ge = good.attributes["device"] == "GE"
    expected = (good.prob[ge].argmax(1) == good.truth[ge]).mean()
    assert by_device["GE"].scores["good"].value == pytest.approx(expected)
    quarters = found.subgroups("width_px", "auroc", resamples=50)
    assert sum(group.n_cases for group in quarters) == 150
    assert next(group.value for group in quarters) == "100 to 137.25"
    birads = {group.value: group for group in found.subgroups("birads", "auroc", resamples=50)}
    assert set(birads) == {"5", "not stated"}
    assert np.isnan(birads["5"].scores["good"].value), "one class only: no AUROC, and it says so"
    with pytest.raises(BadData, match="no such column"):
        found.subgroups("colour")


def test_columns_of_boxes_and_of_many_words(compared: tuple[str, ...]) -> None:
    """A lesion's box counts by its longer side; a column whose every value is another one splits nothing."""
    stored = compare_stored(compared, resamples=50)
    rng = np.random.default_rng(0)
    sides = rng.integers(20, 200, (150, 2))
    boxes = np.array([f"[3,5,{w},{h}]" for w, h in sides])
    boxes[:10] = ""
    note = np.array([f"seen by {i}" for i in range(150)])
    columns = {"bbox": boxes, "note": note}
    tables = {m: replace(t, attributes=t.attributes | columns) for m, t in stored.cases.items()}
    found = replace(stored, cases=tables)
    assert tuple(found.columns()) == ("device", "birads", "bbox", "width_px")
    groups = {g.value: g.n_cases for g in found.subgroups("bbox", "accuracy", resamples=20)}
    longer = sides.max(axis=1)[10:]
    assert groups.pop("not stated") == 10
    assert sum(groups.values()) == 140
    ends = [float(end) for name in groups for end in name.split(" to ")]
    assert ends == sorted(ends), "from the smallest lesions to the largest"
    assert (ends[0], ends[1], ends[-1]) == (longer.min(), np.quantile(longer, 0.25), longer.max())


def test_disagreements_come_widest_first(compared: tuple[str, ...]) -> None:
    found = compare_stored(compared, resamples=50)
    rows = found.disagreements()
    assert rows
    assert [row.spread for row in rows] == sorted((row.spread for row in rows), reverse=True)
    for row in rows:
        assert len(set(row.answers.values())) > 1
        i = list(found.first.case).index(row.case)
        assert row.truth == LABELS[found.first.truth[i]]
        assert row.prob["good"] == pytest.approx(found.cases["good"].prob[i, 2])
    assert compare_stored(["good", "twin"], resamples=50).disagreements() == ()
    with pytest.raises(BadData):
        read_case(rows[0])  # the collection is not on this machine


def test_mcnemar_and_confusion_count_the_same_cases(compared: tuple[str, ...]) -> None:
    found = compare_stored(compared, resamples=50)
    pairs = found.right_and_wrong()
    hits = {m: sum(counts[i][i] for i in range(3)) for m, counts in found.confusions().items()}
    assert pairs["good", "bad"].only_a - pairs["good", "bad"].only_b == hits["good"] - hits["bad"]
    assert pairs["good", "bad"].p < 0.001
    assert pairs["good", "twin"].p == 1


def test_curves_end_where_the_scores_say(compared: tuple[str, ...]) -> None:
    found = compare_stored(compared, resamples=50)
    drawn = found.curves("malignant", resamples=50)
    assert set(drawn) == set(compared)
    area = np.trapezoid(drawn["good"].roc.y, drawn["good"].roc.x)
    assert area == pytest.approx(found.scores["good"]["auroc:malignant"].value, abs=0.02)


@pytest.fixture
def phantoms(home: Path, tmp_path: Path) -> str:
    """A labelled collection of synthetic scans, five of each label."""
    for label in LABELS:
        for seed in range(5):
            path = tmp_path / "scans" / label / f"{label}-{seed}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(phantom("breast-ultrasound", label, 500 + seed, size_px=(90, 120)))
    add_collection(tmp_path / "scans", "phantoms", task_id="breast-ultrasound")
    return "phantoms"


def test_sites_are_scored_once_and_each_from_its_own_cases(compared: tuple[str, ...]) -> None:
    found = compare_stored(compared, resamples=20)
    assert found.by_site is found.by_site
    assert list(found.by_site) == list(compared)
    where = np.array(["Busan", "Seoul"] * 75)
    table = replace(found.first, attributes={"site": where, "collection": np.full(150, "set")})
    assert {site: list(part.case) for site, part in table.by_site().items()} == {
        site: list(table.case[where == site]) for site in ("Busan", "Seoul")
    }
    assert list(replace(table, attributes={}).by_site("set")) == ["set"]


def test_cases_are_parsed_once_until_they_change(compared: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    first = store.read_cases("good")
    first.attributes["mine"] = np.array(["x"] * len(first))
    with monkeypatch.context() as patched:
        patched.setattr(measured, "parse_cases", None)
        again = store.read_cases("good")
    assert "mine" not in again.attributes
    assert np.shares_memory(again.prob, first.prob)
    store.write_evaluation(store.folder("good"), store.read_evaluation("good"), first.take(np.arange(9)))
    assert len(store.read_cases("good")) == 9


def test_a_collection_is_offered_where_the_cards_read_its_labels(tiny_made: Path, home: Path, tmp_path: Path) -> None:
    scan = phantom("breast-ultrasound", "normal", 1, size_px=(90, 120))
    for label in ("normal", "gutartig", "unklar"):
        (tmp_path / "klinik" / label).mkdir(parents=True)
        (tmp_path / "klinik" / label / f"{label}.png").write_bytes(scan)
    add_collection(tmp_path / "klinik", "klinik")
    card = tiny.install(tiny_made, home / "weights", "one")
    assert collections_for([card]) == ()
    label_map = {"klinik/gutartig": "benign", "klinik/unklar": ""}
    mapped = replace(card, origin=replace(card.origin, spec={"data": {"label_map": label_map}}))
    assert collections_for([mapped]) == ("klinik",)
    assert collections_for([mapped, card]) == ()


def test_a_decision_makes_another_state_of_a_collection(tiny_made: Path, home: Path, phantoms: str) -> None:
    """So that figures of the state before are not shown for this one."""
    card = tiny.install(tiny_made, home / "weights", "one")
    before = collection_states([card])
    assert tuple(before) == collections_for([card]) == (phantoms,)
    first = open_collection(phantoms).cases[0].id
    change(phantoms, {f"drop:{first}": "drop"})
    assert collection_states([card])[phantoms] not in ("", before[phantoms])


def test_models_are_evaluated_afresh_on_a_collection(tiny_made: Path, home: Path, phantoms: str) -> None:
    for model_id in ("one", "two"):
        tiny.install(tiny_made, home / "weights", model_id)
    cards = [store.read_card(model_id) for model_id in ("one", "two")]
    assert collections_for(cards) == (phantoms,)
    told: list[tuple[int, int, str]] = []
    known: dict[str, tuple[Evaluation, CaseTable]] = {}
    found = compare_afresh(
        ["one", "two"], (phantoms,), Part("all"), resamples=50, known=known, on_case=lambda *step: told.append(step)
    )
    assert len(found.first) == 15
    assert (15, 15, "two") in told
    assert np.bincount(found.first.truth).tolist() == [5, 5, 5]
    alone = open_model("one")
    for i in (0, 7, 14):
        data = read_case(Disagreement(str(found.first.case[i]), phantoms, "", {}, {}, 0.0))
        assert found.cases["one"].prob[i] == pytest.approx(alone.predict(read_scan(data)).prob, abs=1e-5)
    (same,) = found.differences("log_loss")
    assert same.verdict == Note("stats.pair-alike", n=15)
    told.clear()
    again = compare_afresh(
        ["one", "two"], (phantoms,), Part("all"), resamples=50, known=known, on_case=lambda *s: told.append(s)
    )
    assert told == [], "what is known is not asked again"
    assert again.scores == found.scores


def test_what_was_noted_at_an_evaluation_is_said_again(compared: tuple[str, ...], home: Path) -> None:
    path = home / "weights" / "bad"
    evaluation, table = store.read_evaluation(path), store.read_cases(path)
    assert evaluation is not None
    assert table is not None
    store.write_evaluation(path, replace(evaluation, notes=(Note("evaluation.learned-from", n=7),)), table)
    store.seal(path, replace(store.read_card(path), files={}))
    assert compare_stored(compared, resamples=20).notes == (
        Note("evaluation.of-models", models=["bad"], note=Note("evaluation.learned-from", n=7)),
    )


def test_what_is_resampled_is_counted(compared) -> None:
    """Model by model for the intervals and the bands, subgroup by subgroup; what was drawn is not drawn again."""
    found, steps = compare_stored(compared, resamples=20), []

    def tell(done: int, total: int, stage: str = "") -> None:
        steps.append((done, total, found.resampled))

    found.resample(tell)
    assert steps == [(0, 3, False), (1, 3, False), (2, 3, False), (3, 3, True)]
    drawn = found.drawn
    assert all(found.drawn[model] is one for model, one in drawn.items())
    steps.clear()
    found.curves("benign", resamples=20, progress=tell)
    assert [step[:2] for step in steps] == [(0, 3), (1, 3), (2, 3)]
    steps.clear()
    column = next(iter(found.columns()))
    n = len(found.subgroups(column, resamples=20, progress=tell))
    assert [step[:2] for step in steps] == [(k, n) for k in range(n)]


def test_groups_are_resampled_once_for_scores_and_every_difference(compared, monkeypatch) -> None:
    """The intervals and the tables of pairs, in any score, come from the same draws; so does each pair as it was computed alone."""
    drawn: list[int] = []
    original = scores.resample

    def counted(of, names, seed, resamples):
        drawn.append(resamples)
        return original(of, names, seed, resamples)

    monkeypatch.setattr(scores, "resample", counted)
    found = compare_stored(compared, resamples=100)
    tables = {name: found.differences(name) for name in ("auroc", "log_loss", "recall:malignant")}
    assert drawn == [100] * len(compared)
    for name, told in tables.items():
        assert told == paired.compare(found.cases, name, found.positive, resamples=100)
