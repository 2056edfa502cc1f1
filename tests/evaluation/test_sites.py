"""A site's records, settings, cards by mail and watch."""

import math
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
import scipy

from medcls.core.evaluation import CaseTable
from medcls.core.model import ModelCard
from medcls.core.note import Note
from medcls.core.outcome import Outcome
from medcls.core.prediction import Prediction
from medcls.core.scan import Preprocess
from medcls.core.site import Aim, SiteEvent, SiteSettings
from medcls.errors import BadData, BadSpec, MedclsError
from medcls.evaluation import sites
from medcls.evaluation.site_answer import read_at_site, track_record, weights_of
from medcls.evaluation.site_ask import Asked, _judged, calibration_bins, roc_points
from medcls.evaluation.site_watch import BINS, Week, alarms, basis_of, count, last_alarms, weeks
from medcls.tasks import list_tasks

WEIGHTS = ("w" * 64,)
CARD = ModelCard(
    "m",
    "m",
    list_tasks()["breast-ultrasound"],
    "cancernet",
    Preprocess(size_px=64),
    files={"model.safetensors": WEIGHTS[0]},
)


def answer(*prob: float, refusal: Note | None = None, far: float | None = None, **more: object) -> Prediction:
    """An answer with these probabilities of normal, benign and malignant."""
    labels = CARD.task.label_ids
    return Prediction("m", "0" * 64, labels, np.log(prob), np.array(prob), refusal, unfamiliarity=far, **more)


def settings(**changes: object) -> SiteSettings:
    """Settings of a ward for the card."""
    return replace(SiteSettings("Ward 3", "m", WEIGHTS, n_cases=120, made="2026-11-28"), **changes)


def test_a_site_keeps_its_name_in_any_script() -> None:
    """Its folder too; names that leave nothing, and those that clash, are refused."""
    folder = sites.make_site("부산 병원")
    assert (folder.id, folder.site.name) == ("부산-병원", "부산 병원")
    assert sites.make_site("부산 병원").site.key == folder.site.key
    for bad in ("", "..", "///", "x" * 200):
        with pytest.raises(BadSpec):
            sites.make_site(bad)


def test_a_damaged_site_stands_in_its_place() -> None:
    """The others are listed."""
    sites.make_site("good")
    bad = sites.make_site("bad")
    (bad.path / "site.json").write_bytes(b"\xff\x00")
    listed = {one.name: one.ok for one in sites.list_sites()}
    assert listed == {"bad": False, "good": True}
    (bad.path / "checks").mkdir()
    (bad.path / "checks" / "x.json").write_text("{}")
    assert [one.ok for one in bad.checks()] == [False]


def test_settings_are_undone_one_by_one() -> None:
    """A damaged line is passed over; what stands around it holds."""
    folder = sites.make_site("Ward 3")
    assert folder.settings("m") is None
    for threshold in (0.3, 0.4):
        folder.record(SiteEvent("applied", "m", "local", sites.now(), settings(threshold=threshold)))
    with (folder.path / "history.jsonl").open("ab") as file:
        file.write(b"\xff{]\n")
    assert folder.settings("m") == settings(threshold=0.4)
    folder.record(SiteEvent("undone", "m", "local", sites.now()))
    assert folder.settings("m") == settings(threshold=0.3)
    folder.record(SiteEvent("undone", "m", "local", sites.now()))
    folder.record(SiteEvent("undone", "m", "local", sites.now()))
    assert folder.settings("m") is None
    assert folder.settings("other") is None


def test_the_same_settings_applied_twice_are_undone_one_by_one() -> None:
    """Two people who saw the second undo it once; a line of an older medcls names what it said, and takes the last."""
    folder, same = sites.make_site("Ward 3"), settings(threshold=0.3)
    for _ in range(2):
        folder.record(SiteEvent("applied", "m", "local", "", same))
    twice = folder.in_force("m")
    assert twice is not None
    assert twice.line == 2
    for _ in range(2):
        folder.record(SiteEvent("undone", "m", "local", "", same, undoes=twice.line))
    once = folder.in_force("m")
    assert once is not None
    assert (once.line, once.settings) == (1, same)
    folder.record(SiteEvent("undone", "m", "local", "", same))
    assert folder.in_force("m") is None


def test_no_model_stays_approved_behind_a_line_that_cannot_be_read() -> None:
    """It may have retired it; half a line takes the next one not with it, and a history out of reach is told."""
    folder, path = sites.make_site("Ward 3"), sites.make_site("Ward 3").path / "history.jsonl"

    def say(state: str) -> None:
        folder.record(SiteEvent("state", "m", "local", sites.now(), state=state, why="because"))

    say("approved")
    with path.open("ab") as file:
        file.write(b'{"what": "sta')
    assert (folder.state("m"), folder.state("other"), folder.n_damaged()) == ("draft", "draft", 1)
    say("retired")
    assert (folder.state("m"), folder.n_damaged()) == ("retired", 1)
    say("approved")
    assert folder.state("m") == "approved"
    say("certified")
    assert folder.state("m") == "draft"
    path.rename(path.with_suffix(".aside"))
    assert folder.state("m") is None
    path.mkdir()
    for ask in (folder.state, folder.settings):
        with pytest.raises(MedclsError) as unreadable:
            ask("m")
        assert unreadable.value.code == "core.unreadable-record"


def test_a_threshold_decides_between_disease_and_the_rest() -> None:
    """Below the most probable label's own cut as well; the answer says by whose threshold."""
    close = answer(0.1, 0.65, 0.25)
    assert close.decided == "benign"
    read = read_at_site(close, CARD, settings(threshold=0.2))
    assert (read.decided, close.stands_at) == ("malignant", 0.65)
    assert read.stands_at == pytest.approx(0.25)
    assert read.points[-1].code == "evaluation.site-threshold"
    assert read.points[-1].params["site"] == "Ward 3"
    assert read_at_site(answer(0.1, 0.3, 0.6), CARD, settings(threshold=0.7)).decided == "benign"


def test_what_was_refused_stays_refused() -> None:
    """A temperature makes a scan no more familiar, and no refusal is lifted by it."""
    foreign = answer(0.01, 0.01, 0.98, refusal=Note("models.unsure", least=0.6), far=3.0)
    read = read_at_site(foreign, CARD, settings(temperature=0.5, threshold=0.1))
    assert read.decided is None
    limits = replace(CARD, abstention=replace(CARD.abstention, min_prob=0.6))
    assert read_at_site(answer(0.1, 0.25, 0.65), limits, settings(temperature=4.0)).decided is None


def test_settings_for_other_weights_change_nothing_but_say_so() -> None:
    """A model published anew under the same id is another model."""
    given = answer(0.1, 0.65, 0.25)
    read = read_at_site(given, CARD, settings(weights=("x",), threshold=0.1, temperature=3.0))
    assert (read.decided, read.prob.tolist()) == (given.decided, given.prob.tolist())
    assert [note.code for note in read.cautions] == ["evaluation.settings-of-other-weights"]
    assert weights_of(CARD) == WEIGHTS


def test_the_site_s_limit_decides_where_the_caution_stands() -> None:
    """Beyond it there is one, within it none, and either says by whose limit; where both limits agree nothing changes."""
    card_s = Note("models.acquired-looks", times=1.5)
    far, near = answer(0.1, 0.2, 0.7, acquired=1.5, cautions=(card_s,)), answer(0.1, 0.2, 0.7, acquired=0.8)
    read = read_at_site(far, CARD, settings(caution=2.0))
    assert (read.cautions, [n.code for n in read.points]) == ((), ["evaluation.site-no-caution"])
    read = read_at_site(near, CARD, settings(caution=0.5))
    assert ([n.code for n in read.cautions], read.points) == (["evaluation.site-caution"], ())
    assert (read.cautions[0].params["site"], read.cautions[0].params["n"]) == ("Ward 3", 120)
    for same in (answer(0.1, 0.2, 0.7), near, replace(far, acquired=3.0), replace(far, acquired=math.nan)):
        assert read_at_site(same, CARD, settings(caution=2.0)).cautions == same.cautions


@pytest.mark.parametrize(
    "wrong",
    [{"temperature": 0.0}, {"temperature": math.nan}, {"threshold": 1.1}, {"caution": 0.0}, {"caution": math.inf}],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, float]) -> None:
    """NaN is no temperature."""
    with pytest.raises(BadSpec):
        settings(**wrong)


def test_what_an_answer_was_worth_is_counted() -> None:
    """By hand: five called malignant, four rightly; of six cancers two were called benign."""
    truth = np.array([2, 2, 2, 2, 2, 2, 1, 1, 1, 0])
    said = np.array([2, 2, 2, 2, 1, 1, 2, 1, 1, 0])
    prob = np.full((10, 3), 0.1)
    prob[np.arange(10), said] = 0.8
    ids = np.array([str(i) for i in range(10)])
    table = CaseTable(ids, ids, truth, prob, CARD.task.label_ids, {})
    found = track_record(table, CARD.task.positive, "malignant", 0.05)
    assert (found.said, found.right, found.of, found.missed) == (5, 4, 6, {"normal": 0, "benign": 2})
    assert found.here is not None
    assert found.here.value == pytest.approx(0.05 * (4 / 6) / (0.05 * (4 / 6) + 0.95 * (1 / 4)))
    assert found.refused == 0
    refused = np.array(["unsure", *[""] * 5, "foreign", *[""] * 3])
    answered = track_record(replace(table, attributes={"refused": refused}), CARD.task.positive, "malignant", 0.05)
    assert (answered.said, answered.right, answered.of, answered.missed["benign"], answered.refused) == (3, 3, 5, 2, 2)
    unsure = replace(table, prob=np.where(np.arange(10)[:, None] == 0, [[0.3, 0.3, 0.4]], prob))
    assert track_record(unsure, CARD.task.positive, "malignant", 0.05, 0.6).refused == 1
    benign = track_record(table, CARD.task.positive, "benign", 0.05)
    assert (benign.said, benign.right, benign.of, benign.missed, benign.here) == (4, 2, 4, {"malignant": 1}, None)


def test_nothing_is_counted_without_consent() -> None:
    """And then counts alone: the file holds no digest and no name."""
    folder = sites.make_site("Ward 3")
    given = [
        answer(0.1, 0.2, 0.7, far=0.4, split=True),
        answer(0.4, 0.3, 0.3, refusal=Note("models.unsure", least=0.6)),
    ]
    assert not count(folder, given, CARD.task.positive, day=date(2026, 11, 28))
    assert weeks(folder, "m") == []
    sites.consent(folder, True)
    assert count(folder, given, CARD.task.positive, day=date(2026, 11, 28))
    (week,) = weeks(folder, "m")
    assert (week.get().week, week.get().scans, week.get().refused, week.get().disagreed) == ("2026-W48", 2, 1, 1)
    assert sum(week.get().score) == sum(week.get().distance) == 2
    text = next((folder.path / "watch" / "m").glob("*.json")).read_text()
    assert "0" * 64 not in text


def test_a_network_asked_once_has_the_baseline_it_had_before_networks_were_asked_in_orientations() -> None:
    assert basis_of(CARD, None) == "d1c95920-4f53cda1"
    turned = replace(CARD, preprocess=replace(CARD.preprocess, orientations=8))
    assert basis_of(turned, None) != basis_of(CARD, None)


def test_answers_read_otherwise_begin_a_baseline_of_their_own() -> None:
    """Another threshold, temperature or network; the same again goes on where it stopped."""
    folder = sites.make_site("Ward 3")
    sites.consent(folder, True)
    plain, own = basis_of(CARD, None), basis_of(CARD, settings(threshold=0.2))
    others = [basis_of(CARD, settings(threshold=0.3)), basis_of(CARD, settings(threshold=0.2, temperature=2.0))]
    others += [basis_of(replace(CARD, calibration=replace(CARD.calibration, temperature=3.0)), settings(threshold=0.2))]
    assert len({plain, own, *others}) == 5
    assert basis_of(CARD, settings(weights=("x",), threshold=0.2)) == plain
    for basis in (plain, own, plain):
        assert count(folder, [answer(0.1, 0.2, 0.7)], CARD.task.positive, basis, date(2026, 11, 28))
    found = [one.get() for one in weeks(folder, "m")]
    assert [(w.week, w.basis, w.scans) for w in found] == [("2026-W48", plain, 2), ("2026-W48", own, 1)]


def test_a_week_is_compared_only_with_weeks_read_alike() -> None:
    """A threshold applied on Monday is no alarm on Sunday; nor are weeks under the old one its baseline."""
    rng = np.random.default_rng(0)
    before = [replace(week_of(rng, 0.05), basis="m-a") for _ in range(12)]
    odd = week_of(rng, 0.6)
    assert alarms(before, [replace(odd, basis="m-a")])
    assert alarms(before, [replace(odd, basis="m-b")]) == ()
    mixed = [*before, *(replace(week_of(rng, 0.6), basis="m-b") for _ in range(3))]
    assert {n.params["before"] for n in alarms(mixed, [replace(odd, basis="m-a")])} == {
        n.params["before"] for n in alarms(before, [replace(odd, basis="m-a")])
    }
    told = [
        Outcome.of(f"2026-W{n:02d}", lambda week=week, n=n: replace(week, week=f"2026-W{n:02d}"))
        for n, week in enumerate(before, start=30)
    ]
    last = [
        Outcome.of("2026-W47", lambda: replace(odd, week="2026-W47", basis="m-a")),
        Outcome.of("2026-W47.002", lambda: replace(odd, week="2026-W47", basis="m-b")),
    ]
    assert "evaluation.watch-refused" in {n.code for n in last_alarms([*told, *last], date(2026, 11, 28))}
    assert last_alarms([*told, last[1]], date(2026, 11, 28)) == ()


SCORE, FAR = (np.diff(scipy.stats.beta(*shape).cdf(np.linspace(0, 1, BINS + 1))) for shape in ((2, 3), (3, 5)))
SCORE_MOVED = np.diff(scipy.stats.beta(4, 3).cdf(np.linspace(0, 1, BINS + 1)))


def weeks_of(
    rng: np.random.Generator, n: int, refused: float = 0.05, score: np.ndarray = SCORE, scans: int = 40
) -> list[Week]:
    """Weeks of so many scans each."""
    drawn = zip(
        rng.binomial(scans, refused, n).tolist(),
        rng.binomial(scans, 0.1, n).tolist(),
        rng.multinomial(scans, score, n).tolist(),
        rng.multinomial(scans, FAR, n).tolist(),
        strict=True,
    )
    return [Week("2026-W01", "m", scans, a, b, tuple(c), tuple(d)) for a, b, c, d in drawn]


def week_of(rng: np.random.Generator, refused: float) -> Week:
    """A week of forty scans."""
    return weeks_of(rng, 1, refused)[0]


def joined(a: Week, b: Week) -> Week:
    """The counts of two weeks."""
    bins = {name: tuple(np.add(getattr(a, name), getattr(b, name)).tolist()) for name in ("score", "distance")}
    return replace(
        a, scans=a.scans + b.scans, refused=a.refused + b.refused, disagreed=a.disagreed + b.disagreed, **bins
    )


def false_alarms(years: int, bases: tuple[str, ...], scans: int) -> float:
    """Weeks a year that alarm where nothing changes but, from month to month, by what else answers are read."""
    rng, false = np.random.default_rng(len(bases) * scans), 0
    for _ in range(years):
        before = {basis: replace(joined(*weeks_of(rng, 2, scans=8 * scans)), basis=basis) for basis in bases}
        for at in range(52):
            now = [replace(w, basis=b) for b, w in zip(bases, weeks_of(rng, len(bases), scans=scans), strict=True)]
            now = now[: 1 + at // 4 % len(now)]
            false += bool(alarms(list(before.values()), now))
            before |= {week.basis: joined(before[week.basis], week) for week in now}
    return false / years


@pytest.mark.parametrize(
    ("bases", "scans", "years"), [(("",), 40, 60), (("a", "b"), 40, 40), (("a", "b", "c"), 120, 25)]
)
def test_the_alarm_is_false_about_once_a_year(bases: tuple[str, ...], scans: int, years: int) -> None:
    """Where answers are read in one way, and where others come and go: all of them share the one alarm."""
    assert 0.6 <= false_alarms(years, bases, scans) <= 1.4


def test_a_basis_that_cannot_alarm_takes_nothing_from_the_others() -> None:
    """Three scans read by another threshold, and counts without an event, leave the level as it was."""
    rng = np.random.default_rng(0)
    before = [joined(*weeks_of(rng, 2, scans=240))]
    few = replace(weeks_of(rng, 1, scans=3)[0], basis="b")
    told = [(alarms(before, [week]), alarms(before, [few, week])) for week in weeks_of(rng, 40, 0.2)]
    assert all(alone == beside for alone, beside in told)
    assert 5 < sum(bool(alone) for alone, _ in told) < 40


def test_the_alarm_hears_a_change() -> None:
    """Of what is refused, and of how probable disease is; with another basis beside it as well."""
    rng = np.random.default_rng(0)
    for change in ({"refused": 0.35}, {"score": SCORE_MOVED}):
        heard = []
        for other in weeks_of(rng, 60):
            before = [joined(*weeks_of(rng, 2, scans=240))]
            before.append(replace(before[0], basis="b"))
            heard.append(bool(alarms(before, [weeks_of(rng, 1, **change)[0], replace(other, basis="b")])))
        assert np.mean(heard) > 0.8


def test_only_a_week_that_is_over_alarms_and_stands_until_the_next_is() -> None:
    """Looked at every day a growing week alarms far more often than once a year; a damaged last week says nothing."""
    rng = np.random.default_rng(0)
    told = [
        Outcome.of(week, lambda week=week, share=share: replace(week_of(rng, share), week=week))
        for week, share in (("2026-W45", 0.05), ("2026-W46", 0.05), ("2026-W47", 0.6), ("2026-W48", 0.6))
    ]
    now, then = date(2026, 11, 28), date(2026, 11, 30)
    assert [note.code for note in last_alarms(told[:3], now)] == ["evaluation.watch-refused"]
    few = Outcome.of("2026-W48", lambda: Week("2026-W48", "m", 1, 1))
    assert last_alarms([*told[:3], few], now) == last_alarms(told[:3], now)
    assert last_alarms([*told[:2], told[3]], now) == ()
    assert last_alarms([*told[:2], told[3]], then) != ()
    damaged = Outcome("2026-W47", None, BadData("core.no-json", where="", found=""))
    assert last_alarms([*told[:2], damaged], now) == ()


@pytest.mark.parametrize(("n_refused", "verdict"), [(0, "fit"), (5, "fit"), (60, "too-few"), (80, "too-few")])
def test_a_model_that_decides_nothing_is_not_called_fit(n_refused: int, verdict: str) -> None:
    """However right the probabilities are that nobody gets to see."""
    truth = np.tile([2, 1], 40)
    ids = np.array([str(i) for i in range(80)])
    table = CaseTable(ids, ids, truth, np.eye(3)[truth] * 0.8 + 0.2 / 3, CARD.task.label_ids, {})
    refused = np.arange(80) < n_refused
    asked = Asked(table, refused, refused, 0, np.full(80, np.nan))
    sick = truth == 2
    found, why = _judged(Aim(0.9), asked, sick, sick)
    assert found == verdict
    assert (why[0].code == "evaluation.site-few-answered") == (verdict != "fit")


def test_bins_and_curve_of_a_check_add_up() -> None:
    """They pass the letter's own rules."""
    rng = np.random.default_rng(1)
    prob = rng.dirichlet([1, 1, 1], 60)
    ids = np.array([str(i) for i in range(60)])
    table = CaseTable(ids, ids, rng.integers(0, 3, 60), prob, CARD.task.label_ids, {})
    assert sum(row[0] for row in calibration_bins(table)) == 60
    roc = roc_points(table, CARD.task.positive)
    assert len(roc) == 21
    assert list(roc) == sorted(roc)
    assert roc[-1] == 1.0
