import math

import numpy as np
import pytest
from sklearn import metrics

from medcls.stats.curves import Steps, precision_recall, reliability, roc
from medcls.stats.operating import operate, sensitivity_at, specificity_at


@pytest.fixture
def steps(clustered) -> Steps:
    table = clustered(2, 120)
    return Steps(np.round(table.prob[:, 1], 2), table.truth == 1, table.group)


def test_thresholds_equal_scikit_learn(steps: Steps) -> None:
    rate, found, thresholds = metrics.roc_curve(steps.is_positive, steps.score, drop_intermediate=False)
    hits, alarms = steps.called()
    assert hits[:, 0] / hits[-1, 0] == pytest.approx(found, abs=1e-12)
    assert alarms[:, 0] / alarms[-1, 0] == pytest.approx(rate, abs=1e-12)
    assert steps.thresholds == pytest.approx(thresholds[1:], abs=1e-12)


def test_roc_by_hand() -> None:
    """Falling scores: + - + -; sensitivity 1/2 at no false alarm, 1 from a rate of 1/2 on."""
    steps = Steps(np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, False, True, False]), np.arange(4))
    curve = roc(steps, resamples=20)
    assert curve.y[0] == 0.5
    assert curve.y[49] == 0.5
    assert curve.y[50] == 1.0
    assert precision_recall(steps, resamples=20).y[[0, 50, 51, 100]] == pytest.approx([1, 1, 2 / 3, 2 / 3])


def test_curves_hold_their_bands(steps: Steps) -> None:
    for make in (roc, precision_recall):
        curve = make(steps, resamples=200)
        inside = (curve.low <= curve.y + 1e-9) & (curve.y <= curve.high + 1e-9)
        assert inside.mean() > 0.97
        assert (np.diff(curve.x) > 0).all()
        assert (curve.high - curve.low)[50] > 0.02
    sensitivity = roc(steps, resamples=20).y
    assert (np.diff(sensitivity) >= 0).all()
    rate, found, _ = metrics.roc_curve(steps.is_positive, steps.score, drop_intermediate=False)
    assert sensitivity[30] == pytest.approx(found[rate <= 0.3].max())


def test_one_sided_cases_give_no_curve() -> None:
    none = Steps(np.array([0.1, 0.2]), np.array([False, False]), np.arange(2))
    assert np.isnan(roc(none, resamples=5).y).all()
    assert np.isnan(precision_recall(none, resamples=5).low).all()
    empty = Steps(np.zeros(0), np.zeros(0, bool), np.zeros(0, str))
    assert np.isnan(roc(empty, resamples=5).y).all()
    assert len(reliability(empty).x) == 0
    assert math.isnan(sensitivity_at(none, 0.9)[0].value)


def test_reliability_counts_every_case_once(steps: Steps) -> None:
    curve = reliability(steps)
    assert curve.n.sum() == len(steps.score)
    assert (curve.y * curve.n).sum() == pytest.approx(steps.is_positive.sum())
    assert (curve.x * curve.n).sum() == pytest.approx(steps.score.sum())
    assert ((curve.low <= curve.y) & (curve.y <= curve.high)).all()


def test_operating_point_by_hand() -> None:
    """80 of 100 sick called, 90 of 100 well not: at 1 % prevalence, 8 in 10.7... Bayes on paper."""
    score = np.repeat([0.9, 0.1, 0.9, 0.1], [80, 20, 10, 90])
    steps = Steps(score, np.repeat([True, False], [100, 100]), np.arange(200))
    found = operate(steps, 0.5, 0.01)
    assert found.sensitivity.value == 0.8
    assert found.specificity.value == 0.9
    assert found.ppv.value == pytest.approx(0.008 / (0.008 + 0.099))
    assert found.npv.value == pytest.approx(0.891 / (0.891 + 0.002))
    assert found.missed_per_1000 == pytest.approx(2.0)
    assert found.alarms_per_1000 == pytest.approx(99.0)
    for estimate in (found.sensitivity, found.specificity, found.ppv, found.npv):
        assert estimate.low < estimate.value < estimate.high


def test_predictive_values_keep_honest_ends() -> None:
    steps = Steps(np.array([0.9] * 10 + [0.1] * 10), np.repeat([True, False], 10), np.arange(20))
    found = operate(steps, 0.5, 0.1)
    assert found.ppv.value == found.npv.value == 1
    assert 0.1 < found.ppv.low < 0.9
    assert 0.9 < found.npv.low < 1
    never = operate(steps, 0.95, 0.1)
    assert never.sensitivity.value == 0
    assert math.isnan(never.ppv.value), "nobody is called: no call can be right"
    with pytest.raises(ValueError, match="prevalence"):
        operate(steps, 0.5, 0.0)


def test_predictive_value_intervals_cover() -> None:
    rng = np.random.default_rng(0)
    prevalence, true = 0.05, 0.05 * 0.85 / (0.05 * 0.85 + 0.95 * 0.2)
    positive = np.repeat([True, False], [60, 120])
    hit = 0
    for _ in range(800):
        called = rng.random(180) < np.where(positive, 0.85, 0.2)
        found = operate(Steps(called.astype(float), positive, np.arange(180)), 0.5, prevalence).ppv
        hit += found.low <= true <= found.high
    assert 0.93 <= hit / 800 <= 0.975


def test_sensitivity_at_a_specificity_and_the_reverse(steps: Steps) -> None:
    rate, found, _ = metrics.roc_curve(steps.is_positive, steps.score, drop_intermediate=False)
    sensitivity, threshold = sensitivity_at(steps, 0.9, resamples=300)
    assert sensitivity.value == pytest.approx(found[rate <= 0.1 + 1e-12].max())
    assert operate(steps, threshold, 0.1).specificity.value >= 0.9
    assert sensitivity.low < sensitivity.value < sensitivity.high
    specificity, at = specificity_at(steps, 0.9, resamples=300)
    assert specificity.value == pytest.approx(1 - rate[found >= 0.9 - 1e-12].min())
    assert operate(steps, at, 0.1).sensitivity.value >= 0.9
    assert specificity.low < specificity.value < specificity.high


def test_at_the_end_of_the_scale_cases_of_a_group_count_together() -> None:
    """10 patients of 50 scans, told apart without error: as sure as `operate` on the same cases, not as 500 patients."""
    group, positive = np.repeat(np.arange(20), 25), np.repeat(np.arange(20) < 10, 25)
    steps = Steps(np.where(positive, 0.9, 0.1), positive, group)
    point = operate(steps, 0.5, 0.1)
    for found, known in (
        (sensitivity_at(steps, 0.9)[0], point.sensitivity),
        (specificity_at(steps, 0.9)[0], point.specificity),
    ):
        assert (found.value, found.n) == (1.0, 10)
        assert found.low == pytest.approx(known.low)
        assert found.low < 0.8
