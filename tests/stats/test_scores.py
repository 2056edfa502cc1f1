"""Scores against cases worked by hand, independent libraries and properties."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from medcls.core.evaluation import CaseTable
from medcls.stats.scores import SCORES, confusion, evaluate_cases, find, names_of, score
from medcls.stats.weighted import Cases, Weighted

POSITIVE = (2,)


def by_hand() -> CaseTable:
    """Six cases, three labels; a benign case called malignant, a malignant one called benign."""
    prob = [[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.1, 0.3, 0.6], [0.1, 0.2, 0.7], [0.2, 0.5, 0.3], [0.1, 0.1, 0.8]]
    names = np.array(list("abcdef"))
    return CaseTable(names, names, np.array([0, 1, 1, 2, 2, 2]), np.array(prob), ("normal", "benign", "malignant"), {})


def test_scores_of_six_cases_worked_by_hand() -> None:
    found = {name: estimate.value for name, estimate in evaluate_cases(by_hand(), POSITIVE).items()}
    expected = {
        "accuracy": 4 / 6,
        "balanced_accuracy": (1 + 1 / 2 + 2 / 3) / 3,
        "recall:benign": 1 / 2,
        "precision:malignant": 2 / 3,
        "f1:benign": 1 / 2,
        "macro_f1": (1 + 1 / 2 + 2 / 3) / 3,
        "sensitivity": 2 / 3,
        "specificity": 2 / 3,
        # malignant 0.7, 0.3, 0.8 against 0.1, 0.1, 0.6: all but (0.3 < 0.6) are won
        "auroc:malignant": 8 / 9,
        "auroc_disease": 8 / 9,
        # positives at ranks 1, 2, 4 of the falling scores 0.8, 0.7, 0.6, 0.3
        "average_precision:malignant": (1 + 1 + 3 / 4) / 3,
        # chance agreement: rows 1, 2, 3; columns 1, 2, 3 of 6
        "kappa": (4 / 6 - 14 / 36) / (1 - 14 / 36),
        "log_loss": -np.log([0.7, 0.8, 0.3, 0.7, 0.3, 0.8]).mean(),
        "brier": (0.14 + 0.06 + 0.86 + 0.14 + 0.78 + 0.06) / 6,
        # bins of 1/15: 0.5, 0.6, {0.7, 0.7}, {0.8, 0.8}; wrong, wrong, right, right
        "ece": (0.5 + 0.6 + 0.6 + 0.4) / 6,
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-12), name
    assert confusion(by_hand()) == ((1, 0, 0), (0, 1, 1), (0, 1, 2))


def test_every_score_equals_scikit_learn(three_labels) -> None:
    table = three_labels(3, 60)
    truth, prob, decided = table.truth, table.prob, table.prob.argmax(1)
    found = {name: estimate.value for name, estimate in evaluate_cases(table, POSITIVE).items()}
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(truth, decided)
    one_hot = np.eye(3)[truth]
    expected = {
        "accuracy": metrics.accuracy_score(truth, decided),
        "balanced_accuracy": metrics.balanced_accuracy_score(truth, decided),
        "macro_f1": metrics.f1_score(truth, decided, average="macro"),
        "kappa": metrics.cohen_kappa_score(truth, decided),
        "log_loss": metrics.log_loss(truth, prob),
        "brier": metrics.brier_score_loss(truth, prob, scale_by_half=False),
        "auroc": metrics.roc_auc_score(truth, prob, multi_class="ovr"),
        "average_precision": metrics.average_precision_score(one_hot, prob, average="macro"),
        "sensitivity": metrics.recall_score(truth == 2, decided == 2),
        "specificity": metrics.recall_score(truth != 2, decided != 2),
        "auroc_disease": metrics.roc_auc_score(truth == 2, prob[:, 2]),
    }
    for k, label in enumerate(table.labels):
        expected |= {f"precision:{label}": precision[k], f"recall:{label}": recall[k], f"f1:{label}": f1[k]}
        expected[f"auroc:{label}"] = metrics.roc_auc_score(truth == k, prob[:, k])
        expected[f"average_precision:{label}"] = metrics.average_precision_score(truth == k, prob[:, k])
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-9), name
    assert set(found) - set(expected) == {"ece", "ece_floor", "ece_excess"}
    assert (np.array(confusion(table)) == metrics.confusion_matrix(truth, decided)).all()


def test_weights_mean_the_same_as_repeated_cases(three_labels) -> None:
    """A group drawn three times is that group standing in the table three times: the whole bootstrap rests on it."""
    table = three_labels(4, 15)
    cases = Cases(table, POSITIVE)
    counts = np.random.default_rng(0).integers(1, 4, (15, 1)).astype(float)
    rows = np.repeat(np.arange(len(table)), counts[cases.grouping[0], 0].astype(int))
    repeated = table.take(rows)
    for name, kind in SCORES.items():
        at_once = kind.compute(Weighted(cases, counts))
        one_by_one = kind.compute(Weighted.once(Cases(repeated, POSITIVE)))
        assert at_once == pytest.approx(one_by_one, abs=1e-12), name


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(2, 12))
def test_intervals_hold_their_value_and_stay_on_the_scale(seed: int, groups: int) -> None:
    rng = np.random.default_rng(seed)
    index = np.repeat(np.arange(groups), rng.integers(1, 4, groups))
    prob = rng.dirichlet(np.full(3, 0.3), len(index)).round(1) + 0.01
    table = CaseTable(
        np.arange(len(index)).astype(str),
        index.astype(str),
        rng.integers(0, 3, len(index)),
        prob / prob.sum(1, keepdims=True),
        ("a", "b", "c"),
        {},
    )
    for name, found in evaluate_cases(table, (1, 2), resamples=50).items():
        if math.isnan(found.value) or math.isnan(found.low):
            continue
        if not name.startswith("ece"):
            assert found.low - 1e-9 <= found.value <= found.high + 1e-9, name
            least, greatest = SCORES[find(name, table.labels)[0]].scale
            assert least - 1e-9 <= found.low, name
            assert found.high <= greatest + 1e-9, name


def test_scores_that_cannot_be_computed_say_so() -> None:
    only_benign = by_hand().take(np.array([1, 2]))
    found = evaluate_cases(only_benign, POSITIVE)
    for name in ("auroc", "auroc:malignant", "sensitivity", "recall:malignant", "auroc_disease"):
        assert math.isnan(found[name].value), name
        assert found[name].how.code == "stats.how-no-case"
    assert found["accuracy"].value == 0.5
    nothing = evaluate_cases(by_hand().take(np.zeros(0, int)), POSITIVE)
    assert all(math.isnan(estimate.value) and estimate.n == 0 for estimate in nothing.values())


def test_perfect_scores_keep_an_honest_interval() -> None:
    names = np.arange(20).astype(str)
    truth = np.repeat([0, 1], 10)
    prob = np.where(np.eye(2)[truth] > 0, 0.9, 0.1)
    alone = evaluate_cases(CaseTable(names, names, truth, prob, ("b", "m"), {}), (1,))
    grouped = evaluate_cases(CaseTable(names, np.repeat(names[:10], 2), truth, prob, ("b", "m"), {}), (1,))
    for name in ("auroc", "accuracy", "sensitivity", "balanced_accuracy", "average_precision", "kappa"):
        assert alone[name].value == pytest.approx(1.0), name
        assert grouped[name].low < alone[name].low < 0.95, name
    assert grouped["sensitivity"].n == 5


def test_calibration_error_is_reported_above_its_floor() -> None:
    rng = np.random.default_rng(5)
    confidence = rng.uniform(0.5, 1, 100)
    names = np.arange(100).astype(str)
    calibrated, boasting = [], []
    for _ in range(60):
        truth = (rng.random(100) > confidence).astype(int)
        for prob, into in ((confidence, calibrated), (np.minimum(confidence + 0.2, 0.999), boasting)):
            table = CaseTable(names, names, truth, np.stack([prob, 1 - prob], 1), ("a", "b"), {})
            into.append(evaluate_cases(table, (1,), resamples=20))
    # notes/evidence: a calibrated model shows about 0.067 at n = 100 (10 bins); with 15 bins a little more
    assert 0.06 < np.mean([found["ece"].value for found in calibrated]) < 0.12
    assert np.mean([found["ece_excess"].value for found in calibrated]) < 0.015
    assert np.mean([found["ece_excess"].value for found in boasting]) > 0.06


def test_the_same_seed_gives_the_same_intervals(three_labels) -> None:
    table = three_labels(1, 30)
    assert evaluate_cases(table, POSITIVE, resamples=100) == evaluate_cases(table, POSITIVE, resamples=100)
    assert evaluate_cases(table, POSITIVE, resamples=100) != evaluate_cases(table, POSITIVE, resamples=100, seed=1)


def test_names_lead_back_to_their_score() -> None:
    for name in SCORES:
        for column, full_name in enumerate(names_of(name, ("a", "b"))):
            assert find(full_name, ("a", "b")) == (name, column if SCORES[name].per_label else 0)
    assert score(by_hand(), "recall:benign", POSITIVE) == 0.5
    with pytest.raises(KeyError):
        find("recall:c", ("a", "b"))


def test_one_group_gives_no_interval_of_what_is_above_the_floor() -> None:
    """No interval is known from one group: not one of no width at 0."""
    prob = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]])
    table = CaseTable(np.arange(4).astype(str), np.repeat("g", 4), np.array([1, 1, 1, 0]), prob, ("a", "b"), {})
    found = evaluate_cases(table, (1,), resamples=20)["ece_excess"]
    assert found.value > 0
    assert np.isnan(found.low)
    assert np.isnan(found.high)
