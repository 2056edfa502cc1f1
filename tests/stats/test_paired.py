"""Paired comparison against independent libraries, and verdicts."""

import math

import numpy as np
import pytest
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.multitest import multipletests

from medcls.core.evaluation import CaseTable
from medcls.core.note import Note
from medcls.core.numbers import signed
from medcls.errors import BadData
from medcls.stats.difference import holm
from medcls.stats.paired import compare, delong_paired, mcnemar, share_cases


@pytest.mark.parametrize(("only_a", "only_b"), [(4, 1), (0, 6), (7, 7), (30, 12), (0, 0)])
def test_mcnemar_equals_statsmodels(only_a: int, only_b: int) -> None:
    a = np.repeat([True, False, True], [only_a, only_b, 20])
    b = np.repeat([False, True, True], [only_a, only_b, 20])
    found = mcnemar(a, b)
    assert (found.only_a, found.only_b) == (only_a, only_b)
    table = [[20, only_a], [only_b, 0]]
    assert found.p_exact == pytest.approx(statsmodels_mcnemar(table, exact=True).pvalue, abs=1e-9)
    assert found.p_mid <= found.p_exact


def test_mcnemar_mid_p_by_hand() -> None:
    """Of 5 discordant, 1: P(0) + P(5) + half of P(1) + P(4) = 2/32 + 5/32."""
    found = mcnemar(np.array([1, 1, 1, 1, 0], bool), np.array([0, 0, 0, 0, 1], bool))
    assert found.p_mid == pytest.approx(7 / 32)
    assert found.p == found.p_mid
    even = mcnemar(np.array([1, 0], bool), np.array([0, 1], bool))
    assert even.p_mid == pytest.approx(0.75)  # outcomes 0 and 2 in full, the middle one (1/2) half


def test_holm_equals_statsmodels() -> None:
    p = [0.01, 0.2, 0.04, 0.03, 0.005, 0.9]
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1], abs=1e-12)
    with_gap = holm([0.01, math.nan, 0.04])
    assert with_gap[[0, 2]] == pytest.approx([0.02, 0.04])
    assert math.isnan(with_gap[1])


def test_delong_paired_equals_pair_by_pair() -> None:
    rng = np.random.default_rng(2)
    positive = rng.random(60) < 0.4
    a, b = (np.round(positive + rng.normal(size=60), 1) for _ in range(2))

    def wins(score: np.ndarray) -> np.ndarray:
        gap = score[positive][:, None] - score[~positive][None]
        return (gap > 0) + 0.5 * (gap == 0)

    d = wins(a) - wins(b)
    variance = np.var(d.mean(1), ddof=1) / positive.sum() + np.var(d.mean(0), ddof=1) / (~positive).sum()
    difference, error, p = delong_paired(a, b, positive)
    assert difference == pytest.approx(d.mean(), abs=1e-12)
    assert error == pytest.approx(np.sqrt(variance), abs=1e-12)
    assert p == pytest.approx(math.erfc(abs(d.mean()) / np.sqrt(2 * variance)), abs=1e-9)


def test_the_bootstrap_agrees_with_delong_where_cases_are_independent(clustered) -> None:
    a, b = (clustered(8, 400, most=1, noise=0.7, of=k) for k in (1, 2))
    (found,) = compare({"a": a, "b": b}, "auroc", (1,))
    difference, error, p = delong_paired(a.prob[:, 1], b.prob[:, 1], a.truth == 1)
    assert found.estimate.value == pytest.approx(difference, abs=1e-12)
    assert (found.estimate.high - found.estimate.low) / 2 / 1.966 == pytest.approx(error, rel=0.08)
    assert found.p == pytest.approx(p, abs=0.06)


def test_a_model_against_itself_is_not_distinguishable(clustered) -> None:
    table = clustered(1, 60)
    for score in ("auroc", "accuracy", "log_loss", "recall:malignant"):
        (found,) = compare({"a": table, "again": table}, score, (1,))
        assert found.estimate.value == 0
        assert found.p == 1
        assert found.better == ""
        assert found.verdict == Note("stats.pair-alike", n=len(table))


def test_a_planted_better_model_is_found_in_words(clustered) -> None:
    good, bad = clustered(1, 150), clustered(1, 150, noise=1.5)
    found = compare({"good": good, "bad": bad, "twin": good}, "auroc", (1,))
    first, twins, last = found
    assert (first.better, last.better, twins.better) == ("good", "twin", "")
    assert first.estimate.low > 0
    told = first.verdict.params
    assert first.verdict.code == "stats.pair-better-holm"
    assert (told["better"], told["by"], told["low"], told["pairs"]) == (
        "good",
        first.estimate.value,
        first.estimate.low,
        3,
    )
    assert f"{signed(first.estimate.value)} ({signed(first.estimate.low)} to ".replace("+", "") in str(first.verdict)
    assert str(first.verdict_of({"good": "A", "bad": "B"})).startswith("A is better")
    (lower,) = compare({"bad": bad, "good": good}, "log_loss", (1,))
    assert lower.better == "good", "a smaller loss is the better one"


@pytest.mark.parametrize(("n", "found"), [(2, False), (3, False), (5, False), (6, True), (20, True)])
@pytest.mark.parametrize("score", ["accuracy", "auroc", "brier"])
def test_a_difference_that_never_varies_is_no_certainty(n: int, found: bool, score: str) -> None:
    """One model right on every case and one on none: resampling shows no spread, a coin would do it in 2 of 2^n."""
    names, truth = np.arange(n).astype(str), np.arange(n) % 2
    right = np.where(np.eye(2)[truth] > 0, 0.9, 0.1)
    tables = {m: CaseTable(names, names, truth, p, ("b", "m"), {}) for m, p in (("a", right), ("b", 1 - right))}
    (told,) = compare(tables, score, (1,), resamples=100)
    assert told.p == pytest.approx(2 / 2**n)
    assert bool(told.better) is found
    assert (told.estimate.low * told.estimate.high > 0) is (n >= 5)
    assert told.estimate.low < told.estimate.high


def test_delong_without_spread_has_no_p() -> None:
    truth = np.array([0, 0, 1, 1], bool)
    assert delong_paired(truth * 1.0, truth * 1.0, truth) == (0.0, 0.0, 1.0)
    difference, error, p = delong_paired(truth * 1.0, truth * -1.0, truth)
    assert (difference, error) == (1.0, 0.0)
    assert math.isnan(p)


def test_a_small_set_says_what_it_could_have_seen(clustered) -> None:
    a, b = (clustered(4, 25, noise=0.3, of=k) for k in (1, 2))
    (found,) = compare({"a": a, "b": b}, "auroc", (1,))
    assert found.better == ""
    assert found.verdict == Note("stats.pair-alike-seen", n=found.n_cases, seen=found.seen)
    assert found.seen > abs(found.estimate.value)


def test_a_score_that_cannot_be_computed_is_said_so(clustered) -> None:
    table = clustered(4, 25)
    benign = table.take(table.truth == 0)
    (found,) = compare({"a": benign, "b": benign}, "auroc", (1,))
    assert math.isnan(found.p)
    assert found.verdict == Note("stats.pair-incomparable", n=len(benign))


def test_shared_cases_are_lined_up_by_id_and_label(clustered) -> None:
    table = clustered(1, 20)
    rows = np.random.default_rng(0).permutation(len(table))[:30]
    other = table.take(rows)
    turned = CaseTable(other.case, other.group, 1 - other.truth, other.prob[:, ::-1], ("malignant", "benign"), {})
    found = share_cases({"a": table, "b": turned})
    assert len(found["a"]) == 30
    assert list(found["a"].case) == list(found["b"].case)
    assert found["b"].labels == table.labels
    assert np.array_equal(found["a"].prob, found["b"].prob)
    assert np.array_equal(found["a"].truth, found["b"].truth)


def test_tables_that_cannot_be_compared_are_refused(clustered) -> None:
    table = clustered(1, 20)
    empty = table.take(np.zeros(0, int))
    flipped = CaseTable(table.case, table.group, 1 - table.truth, table.prob, table.labels, {})
    others = CaseTable(table.case, table.group, table.truth, table.prob, ("idc", "no-idc"), {})
    twice = table.take(np.array([0, 0, 1]))
    for wrong, word in (
        (empty, "no case in common"),
        (flipped, "one label"),
        (others, "same question"),
        (twice, "twice"),
    ):
        with pytest.raises(BadData, match=word):
            share_cases({"a": table, "b": wrong})
    with pytest.raises(ValueError, match="different cases"):
        compare({"a": table, "b": table.take(np.arange(5))}, "auroc", (1,))
