"""A verdict on a site is wrong no oftener than it says, and a site's own settings keep their promise."""

import math

import numpy as np
import pytest
from scipy import special, stats

from medcls.core.site import Aim
from medcls.errors import BadSpec
from medcls.evaluation.cross_fit import (
    fit_caution,
    fit_site_temperature,
    fit_threshold,
    folds_of,
    nearer_aim,
    promise,
)
from medcls.evaluation.site_check import judge, one_sided, scans_needed
from medcls.stats.calibration import log_loss
from medcls.stats.operating import proportion

DRAWS = 2000


def site(rng: np.random.Generator, n: int, prevalence: float, sensitivity: float, specificity: float):
    """One scan of each of `n` patients: called or not, sick or not, patient."""
    sick = rng.random(n) < prevalence
    called = rng.random(n) < np.where(sick, sensitivity, 1 - specificity)
    return called, sick, np.arange(n)


@pytest.mark.parametrize(("n", "prevalence"), [(30, 0.5), (100, 0.05), (100, 0.3), (500, 0.05), (500, 0.5)])
def test_a_verdict_is_wrong_in_one_of_twenty_at_most(n: int, prevalence: float) -> None:
    """Where the truth is the aim itself, or a hair off it, the worst case for both verdicts."""
    aim, rng = Aim(0.9), np.random.default_rng(n)
    just_below = [judge(aim, *site(rng, n, prevalence, 0.9 - 1e-9, 0.8))[0] for _ in range(DRAWS)]
    assert np.mean([v == "fit" for v in just_below]) <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / DRAWS)
    assert np.mean([v == "not-fit" for v in just_below]) <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / DRAWS)


def test_patients_with_several_scans_do_not_count_several_times() -> None:
    """Scans of a patient are all called or none: the error stays where it was."""
    aim, rng, wrong = Aim(0.9), np.random.default_rng(5), []
    for _ in range(DRAWS):
        called, sick, patient = site(rng, 120, 0.5, 0.9 - 1e-9, 0.8)
        wrong.append(judge(aim, np.repeat(called, 4), np.repeat(sick, 4), np.repeat(patient, 4))[0] == "fit")
    assert np.mean(wrong) <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / DRAWS)


def test_a_good_and_a_bad_model_are_told_apart() -> None:
    """With 500 scans, half of them with disease, 0.97 is fit and 0.80 is not."""
    rng = np.random.default_rng(0)
    assert np.mean([judge(Aim(0.9), *site(rng, 500, 0.5, 0.97, 0.8))[0] == "fit" for _ in range(200)]) > 0.9
    assert np.mean([judge(Aim(0.9), *site(rng, 500, 0.5, 0.80, 0.8))[0] == "not-fit" for _ in range(200)]) > 0.9


def test_two_things_asked_must_both_be_met() -> None:
    """A model that calls everybody is not fit where a specificity is asked for; the reason comes first."""
    called, sick = np.ones(200, bool), np.arange(200) < 100
    verdict, why = judge(Aim(0.9, 0.5), called, sick, np.arange(200))
    assert verdict == "not-fit"
    assert (why[0].code, why[0].params["score"], why[0].params["share"]) == (
        "evaluation.site-not-fit",
        "specificity",
        0.0,
    )
    assert why[1].code == "evaluation.site-fit"


def test_without_a_scan_with_disease_nothing_is_told() -> None:
    """Nor is a number given for what cannot be counted."""
    nobody = np.zeros(50, bool)
    assert judge(Aim(0.9), nobody, nobody, np.arange(50))[0] == "too-few"
    assert scans_needed(Aim(0.9), nobody, nobody, np.arange(50)) is None


def test_bounds_are_clopper_and_pearson_s() -> None:
    """As SciPy's exact one-sided intervals."""
    for hits, n in ((0, 7), (3, 10), (45, 50), (30, 30)):
        low = stats.binomtest(hits, n, alternative="greater").proportion_ci(0.95, "exact").low
        high = stats.binomtest(hits, n, alternative="less").proportion_ci(0.95, "exact").high
        assert one_sided(hits, n) == pytest.approx((low, high), abs=1e-9)


def test_the_number_of_further_scans_settles_it_mostly() -> None:
    """With as many more of the same, the verdict is no longer open in most draws; settled asks for none."""
    rng = np.random.default_rng(3)
    called, sick, patient = site(rng, 60, 0.5, 1.0, 0.8)
    called[np.flatnonzero(sick)[:1]] = False
    more = scans_needed(Aim(0.9), called, sick, patient)
    share = float(called[sick].mean())
    assert more is not None
    assert more > 0
    settled = [judge(Aim(0.9), *site(rng, 60 + more, 0.5, share, 0.8))[0] != "too-few" for _ in range(300)]
    assert np.mean(settled) > 0.45  # the expected figures just settle it: about half of the draws do
    assert scans_needed(Aim(0.5), *site(rng, 500, 0.5, 0.99, 0.8)) == 0


@pytest.mark.parametrize(
    "aim", [(1.0, 0.0, 0.1), (0.0, 0.0, 0.1), (0.9, -0.1, 0.1), (0.9, 0.0, 0.0), (math.nan, 0.5, 0.1)]
)
def test_an_aim_that_cannot_be_is_refused(aim: tuple[float, float, float]) -> None:
    """With the project's own error."""
    with pytest.raises(BadSpec):
        Aim(*aim)


def scores(rng: np.random.Generator, n: int, prevalence: float) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of disease of `n` patients, and who is sick."""
    sick = rng.random(n) < prevalence
    return special.expit(rng.normal(np.where(sick, 1.5, -1.5), 1.5)), sick


@pytest.mark.parametrize(("n", "prevalence"), [(60, 0.5), (200, 0.1), (500, 0.3)])
def test_a_promised_sensitivity_is_kept_on_fresh_patients(n: int, prevalence: float) -> None:
    """On average over sites, and what the cross-fit says of it is right."""
    rng, fresh, told = np.random.default_rng(n), [], []
    for _ in range(400):
        score, sick = scores(rng, n, prevalence)
        found = fit_threshold(score, sick, np.arange(n), 0.9)
        if math.isnan(found.value):
            continue
        true = 1 - stats.norm.cdf(special.logit(found.value), 1.5, 1.5)
        fresh.append(float(true))
        told.append(found.sensitivity.value)
    assert len(fresh) > 100
    assert np.mean(fresh) >= 0.9 - 0.01
    assert abs(np.mean(told) - np.mean(fresh)) < 0.03


def test_a_promise_is_kept_where_patients_have_several_scans() -> None:
    """Neither broken by scans that go together nor overdone by taking each patient's lowest."""
    rng, fresh = np.random.default_rng(2), []
    for _ in range(300):
        patients, each = 60, rng.integers(1, 5, 60)
        own = np.repeat(rng.normal(0, 1, patients), each)
        group, score = np.repeat(np.arange(patients), each), special.expit(1.5 + own + rng.normal(0, 1, each.sum()))
        threshold = promise(score, np.ones(len(score), bool), group, 0.9)
        fresh.append(1 - stats.norm.cdf(special.logit(threshold), 1.5, math.sqrt(2)))
    assert 0.89 <= np.mean(fresh) <= 0.93


def test_too_few_patients_promise_nothing() -> None:
    """Eight with disease cannot promise 0.9 of the next."""
    assert math.isnan(promise(np.linspace(0.1, 0.9, 8), np.ones(8, bool), np.arange(8), 0.9))
    found = fit_threshold(np.linspace(0, 1, 30), np.arange(30) >= 25, np.arange(30), 0.9)
    assert math.isnan(found.value)
    assert found.sensitivity.value == 1.0  # without a threshold everybody is called


def test_scans_of_a_patient_stand_in_one_fold() -> None:
    """And those with disease are spread over all folds."""
    group = np.repeat(np.arange(50), 3)
    sick = group < 10
    fold = folds_of(group, sick)
    assert all(len(set(fold[group == g])) == 1 for g in range(50))
    assert [int((fold[sick] == f).sum()) for f in range(5)] == [6] * 5


def test_a_temperature_is_better_only_where_probabilities_were_off() -> None:
    """Overconfident probabilities are mended beyond doubt; honest ones are left, in all but a few draws."""
    mended, left = 0, 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        logit = rng.normal(0, 1.5, 300)
        truth = (rng.random(300) < special.expit(logit)).astype(int)
        honest = np.c_[special.expit(-logit), special.expit(logit)]
        sure = np.c_[special.expit(-4 * logit), special.expit(4 * logit)]
        mended += fit_site_temperature(sure, truth, np.arange(300), resamples=300).better
        left += not fit_site_temperature(honest, truth, np.arange(300), resamples=300).better
    assert mended >= 57
    assert left >= 54


def test_a_hundred_scans_mend_what_is_off_and_the_promise_holds_on_fresh_ones() -> None:
    """Probabilities too sure by a factor of 1.7: applied often, and then fresh scans are nearly always better off."""
    applied, kept = 0, 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        logit = rng.normal(-1, 1.5, 2100)
        truth = (rng.random(2100) < special.expit(logit)).astype(int)
        sure = np.c_[special.expit(-1.7 * logit), special.expit(1.7 * logit)]
        found = fit_site_temperature(sure[:100], truth[:100], np.arange(100), resamples=200)
        fresh = np.log(sure[100:])
        applied += found.better
        kept += found.better and log_loss(fresh, truth[100:], found.value) < log_loss(fresh, truth[100:])
    assert applied >= 12
    assert kept >= 0.95 * applied


def test_a_threshold_is_better_only_where_it_brings_calls_nearer_to_the_aim() -> None:
    """Calls that miss half of the sick are mended; calls from the very threshold itself gain nothing, in all but a few draws."""
    mended = same = 0
    for seed in range(60):
        score, sick = scores(np.random.default_rng(seed), 200, 0.3)
        found = fit_threshold(score, sick, np.arange(200), 0.9)
        which, gain = nearer_aim(found, score > special.expit(1.5), sick, np.arange(200), 0.9)
        mended += which == "sensitivity" and gain.low > 0
        same += nearer_aim(found, score >= found.value, sick, np.arange(200), 0.9)[1].low > 0
    assert mended >= 57
    assert same <= 3


def test_a_threshold_that_loses_the_aim_is_never_better() -> None:
    """However many false alarms it spares."""
    score, sick = np.r_[np.full(50, 0.5), np.linspace(0, 1, 50)], np.arange(100) >= 50
    found = fit_threshold(score, sick, np.arange(100), 0.9)
    which, gain = nearer_aim(found, np.ones(100, bool), sick, np.arange(100), 0.999)
    assert which == "specificity"
    assert math.isnan(gain.low)


def test_a_caution_is_moved_only_where_it_then_tells_wrong_answers_from_right_ones() -> None:
    """At a site whose scans all lie beyond the card's limit, and where errors lie farther out; and where nothing hangs together."""
    moved = stayed = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        far = rng.lognormal(1.0, 0.5, 300)
        wrong = rng.random(300) < np.where(far > 3.5, 0.5, 0.05)
        found = fit_caution(far, wrong, np.arange(300), seed=seed)
        moved += found.better and 2 < found.value < 5
        stayed += not fit_caution(far, rng.permutation(wrong), np.arange(300), seed=seed).better
    assert moved >= 57
    assert stayed >= 57


def test_without_wrong_answers_or_distances_the_card_s_limit_stays() -> None:
    """Nothing is measured, and nothing claimed."""
    for far, wrong in ((np.full(20, np.nan), np.arange(20) < 5), (np.linspace(0, 2, 20), np.zeros(20, bool))):
        found = fit_caution(far, wrong, np.arange(20))
        assert (found.value, found.better, found.gain.n) == (1.0, False, 0)


@pytest.mark.parametrize(("n", "prevalence"), [(30, 0.5), (100, 0.1), (100, 0.3), (500, 0.05), (500, 0.5)])
def test_intervals_of_a_check_cover_what_they_promise(n: int, prevalence: float) -> None:
    """Over sites whose true shares lie from 0.6 to 0.95, patients with one or two scans that go together."""
    rng, hits, told = (
        np.random.default_rng(n),
        {"sensitivity": 0, "specificity": 0},
        {"sensitivity": 0, "specificity": 0},
    )
    for _ in range(DRAWS):
        true = {name: rng.uniform(0.6, 0.95) for name in hits}
        called, sick, patient = site(rng, n, prevalence, true["sensitivity"], true["specificity"])
        each = rng.integers(1, 3, n)
        called, sick, patient = (np.repeat(v, each) for v in (called, sick, patient))
        for name, hit, counted in (("sensitivity", called, sick), ("specificity", ~called, ~sick)):
            if counted.any():
                found = proportion(hit, counted, patient)
                told[name] += 1
                hits[name] += found.low <= true[name] <= found.high
    covered = {name: hits[name] / told[name] for name in hits}
    assert all(0.93 <= share <= 0.97 for share in covered.values()), covered
