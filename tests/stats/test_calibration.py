import numpy as np
import pytest
from scipy import optimize
from sklearn import metrics

from medcls.stats.calibration import calibrate, fit_temperature, log_loss


def boasting(temperature: float, n: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are `temperature` times too large for the truth they go with."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(n, 3)) * 2
    truth = (calibrate(logits, 1.0).cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return logits * temperature, truth


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_it_finds_the_temperature_the_logits_were_made_with(temperature: float) -> None:
    logits, truth = boasting(temperature)
    found = fit_temperature(logits, truth)
    assert found.temperature == pytest.approx(temperature, rel=0.08)
    assert found.n == 4000
    assert log_loss(logits, truth, found.temperature) <= log_loss(logits, truth)


def test_it_is_the_likeliest_temperature_by_another_method() -> None:
    logits, truth = boasting(2.0, 300)

    def slope(t: float) -> float:
        return (log_loss(logits, truth, t + 1e-4) - log_loss(logits, truth, t - 1e-4)) / 2e-4 + np.log(t) / t / 300

    assert fit_temperature(logits, truth).temperature == pytest.approx(optimize.brentq(slope, 0.5, 8), rel=1e-4)


def test_log_loss_equals_scikit_learn() -> None:
    logits, truth = boasting(1.0, 50)
    assert log_loss(logits, truth, 2.0) == pytest.approx(metrics.log_loss(truth, calibrate(logits, 2.0)), abs=1e-9)


def test_a_few_cases_all_right_do_not_make_it_endlessly_sure() -> None:
    few = fit_temperature(np.array([[3.0, 0.0], [0.0, 3.0]]), np.array([0, 1]))
    many = fit_temperature(np.tile([[3.0, 0.0], [0.0, 3.0]], (500, 1)), np.tile([0, 1], 500))
    assert 0.2 < many.temperature < few.temperature < 1


def test_no_case_changes_nothing() -> None:
    found = fit_temperature(np.zeros((0, 3)), np.zeros(0, int))
    assert (found.temperature, found.n) == (1.0, 0)
    found = fit_temperature(np.zeros((5, 3)), np.zeros(5, int))
    assert (found.temperature, found.n) == (pytest.approx(1.0, abs=1e-4), 5)


@pytest.mark.parametrize(
    ("logits", "truth"),
    [(np.zeros((2, 3)), np.array([0])), (np.array([[np.nan, 0]]), np.array([0])), (np.zeros((1, 2)), np.array([2]))],
)
def test_wrong_input_is_refused(logits: np.ndarray, truth: np.ndarray) -> None:
    with pytest.raises(ValueError, match="truth"):
        fit_temperature(logits, truth)
