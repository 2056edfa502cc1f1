"""Doubt and distance: errors among the doubtful, and the score of scans acquired unlike."""

import numpy as np
import pytest

from medcls.core.evaluation import CaseTable, Estimate, Evaluation
from medcls.core.note import UNSAID
from medcls.evaluation.risk import ACQUIRED, REFUSED, far_auroc, risk_coverage


def table(prob: np.ndarray, truth: np.ndarray, **columns: np.ndarray) -> CaseTable:
    ids = np.array([str(i) for i in range(len(truth))])
    return CaseTable(ids, ids, truth, np.c_[1 - prob, prob], ("well", "ill"), columns)


def test_errors_among_the_most_doubtful_tenth_are_counted():
    prob, truth = np.full(100, 0.9), np.ones(100, int)
    prob[:10] = 0.6
    truth[:6], truth[50:52] = 0, 0  # six errors among the ten most doubtful, two elsewhere
    found = risk_coverage(table(prob, truth))
    assert found.doubtful_share == pytest.approx(6 / 8)
    assert found.risk[-1] == pytest.approx(0.08)
    assert found.coverage[-1] == 1


def test_what_was_refused_as_foreign_is_most_doubtful_of_all():
    prob, truth = np.full(20, 0.8), np.ones(20, int)
    prob[3], truth[3] = 0.99, 0
    why = np.full(20, "", dtype="<U8")
    why[3] = "foreign"
    assert risk_coverage(table(prob, truth, **{REFUSED: why})).doubtful_share == 1
    assert risk_coverage(table(prob, truth)).doubtful_share == 0


def test_far_scans_are_scored_alone_and_only_where_there_are_enough():
    rng = np.random.default_rng(0)
    truth = np.arange(80) % 2
    prob = np.where(truth == 1, 0.7, 0.3) + rng.normal(0, 0.05, 80)
    far = np.array(["1.5"] * 40 + ["0.4"] * 40)
    prob[:40] = rng.random(40)  # far ones are guessed
    found = far_auroc(table(np.clip(prob, 0, 1), truth, **{ACQUIRED: far}), (1,))
    assert found.n == 40
    assert 0.2 < found.value < 0.8
    assert far_auroc(table(prob[30:], truth[30:], **{ACQUIRED: far[30:]}), (1,)) is None
    assert far_auroc(table(prob, truth, **{ACQUIRED: np.full(80, "")}), (1,)) is None
    assert far_auroc(table(prob, truth), (1,)) is None


def test_the_headline_stands_by_site_with_a_site_never_seen_first():
    def scores(value: float) -> dict[str, Estimate]:
        return {"auroc_disease": Estimate(value, value, value, 0.95, 9, UNSAID)}

    made = Evaluation(
        "m",
        "a, b",
        "0",
        UNSAID,
        ("x", "y"),
        9,
        9,
        scores(0.96),
        ((1, 0), (0, 1)),
        {"site=a": scores(0.9), "site=b": scores(0.93), "device=q": scores(0.5)},
        left_out={"c": scores(0.8)},
    )
    assert [(s.site, s.never_seen, s.disease.value) for s in made.by_site()] == [
        ("c", True, 0.8),
        ("a", False, 0.9),
        ("b", False, 0.93),
    ]
    assert Evaluation.from_json(made.to_json()) == made
