"""Patches averaged with those around: by hand on three patches, and better where tissue is of one piece."""

import numpy as np
import pytest

from medcls.core.evaluation import CaseTable
from medcls.evaluation.neighbours import on_tissue, with_neighbours
from medcls.evaluation.scoring import stack_tables
from medcls.evaluation.tissue import agreement
from medcls.stats.scores import evaluate_cases


def test_three_patches_in_a_row_by_hand():
    prob = np.array([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8]])
    joined, n = with_neighbours(prob, np.zeros(3, int), np.array([0, 1, 3]))  # the last one lies apart
    both = np.sqrt(prob[0] * prob[1])
    assert joined[0] == pytest.approx(both / both.sum())
    assert (joined[0] == joined[1]).all()
    assert joined[2] == pytest.approx(prob[2])
    assert n.tolist() == [1, 1, 0]


def sheet(scattered: bool = False) -> CaseTable:
    rng, side = np.random.default_rng(0), 16
    y, x = (v.ravel() for v in np.mgrid[:side, :side])
    truth = ((y - 7) ** 2 + (x - 6) ** 2 < 20).astype(int)  # one piece of disease
    odds = 1.2 * (2 * truth - 1) + rng.normal(0, 2, side * side)
    p = 1 / (1 + np.exp(-odds))
    ids = np.array([str(i) for i in range(side * side)])
    group = ids if scattered else np.full(side * side, "one")
    place = {"x": (50 * x + 1).astype(str), "y": (50 * y + 1).astype(str)}
    return CaseTable(ids, group, truth, np.c_[1 - p, p], ("well", "ill"), place)


def test_noise_of_single_patches_is_averaged_out():
    alone, joined = on_tissue(sheet())
    before, after = (
        evaluate_cases(t, (1,), names=("auroc_disease",), resamples=20)["auroc_disease"].value for t in (alone, joined)
    )
    assert after > before + 0.05
    assert joined.prob.sum(axis=1) == pytest.approx(1)


def test_scattered_patches_and_unknown_places_are_left_alone():
    assert on_tissue(sheet(scattered=True)) is None
    known = sheet()
    assert on_tissue(CaseTable(known.case, known.group, known.truth, known.prob, known.labels, {})) is None


def test_a_whole_tissue_among_scattered_patches_is_compared_with_itself():
    alone, joined = on_tissue(stack_tables([sheet(scattered=True), sheet()]))
    assert set(alone.group) == set(joined.group) == {"one"}
    assert alone.case.tolist() == joined.case.tolist()
    assert (alone.prob == sheet().prob).all()
    assert not (joined.prob == sheet().prob).all()


def test_agreement_is_the_share_of_pairs_in_order() -> None:
    """Of six pairs of a sick and a sound patch four are in order and one is tied: 4.5 / 6; what is unknown is left out."""
    prob = np.array([[0.9, 0.4, 0.2], [0.4, 0.6, np.nan]])
    truth = np.array([[1, 1, 0], [0, 0, 1]], float)
    found = agreement(prob, truth)
    assert found is not None
    assert (found.value, found.n) == (pytest.approx(4.5 / 6), 5)
    assert agreement(prob, np.zeros_like(prob)) is None
