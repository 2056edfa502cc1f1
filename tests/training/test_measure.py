"""Scores of an epoch, against an independent library and by hand."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, log_loss, roc_auc_score

from medcls.training.measure import epoch_scores, is_better


@settings(deadline=None, max_examples=50)
@given(st.integers(2, 5), st.integers(6, 60), st.integers(0, 2**16), st.booleans())
def test_scores_are_those_of_scikit_learn(k: int, n: int, seed: int, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    truth = np.concatenate([np.arange(k), rng.integers(0, k, n)])
    logits = torch.from_numpy(rng.normal(size=(len(truth), k)).round(0 if ties else 9)).float()
    prob = logits.softmax(1).double().numpy()
    prob /= prob.sum(axis=1, keepdims=True)
    scores = epoch_scores(logits, truth)
    areas = [roc_auc_score(truth == i, logits.softmax(1).double().numpy()[:, i]) for i in range(k)]
    assert scores["auroc"] == pytest.approx(np.mean(areas))
    assert scores["loss"] == pytest.approx(log_loss(truth, prob, labels=range(k)), rel=1e-4)
    assert scores["balanced-accuracy"] == pytest.approx(balanced_accuracy_score(truth, prob.argmax(1)))
    assert scores["accuracy"] == pytest.approx((truth == prob.argmax(1)).mean())


def test_one_label_alone_has_no_auroc_and_nan_logits_have_no_score() -> None:
    assert math.isnan(epoch_scores(torch.zeros(4, 2), np.zeros(4, np.int64))["auroc"])
    assert all(math.isnan(v) for v in epoch_scores(torch.full((4, 2), math.nan), np.array([0, 1, 0, 1])).values())


def test_which_epoch_is_better() -> None:
    assert is_better({"auroc": 0.5}, {}, "auroc")
    assert is_better({"auroc": 0.6}, {"auroc": 0.5}, "auroc")
    assert not is_better({"auroc": 0.5}, {"auroc": 0.5}, "auroc")
    assert is_better({"auroc": 0.5, "loss": 0.3}, {"auroc": 0.5, "loss": 0.4}, "auroc"), "among equals the lower loss"
    assert not is_better({"auroc": 0.5, "loss": 0.4}, {"auroc": 0.5, "loss": 0.4}, "auroc")
    assert not is_better({"auroc": 0.4, "loss": 0.3}, {"auroc": 0.5, "loss": 0.4}, "auroc")
    assert is_better({"loss": 0.4}, {"loss": 0.5}, "loss")
    assert not is_better({"auroc": math.nan}, {"auroc": 0.5}, "auroc")
    assert is_better({"auroc": 0.1}, {"auroc": math.nan}, "auroc")
