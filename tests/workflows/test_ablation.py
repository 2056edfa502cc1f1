"""Runs that differ in one knob, lined up."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from medcls.core.evaluation import CaseTable, Evaluation
from medcls.core.note import Note
from medcls.core.run import RunSpec
from medcls.errors import BadData
from medcls.models import store
from medcls.runs.folder import make_run
from medcls.stats.difference import holm
from medcls.stats.scores import confusion, evaluate_cases
from medcls.workflows.ablation import ablate
from tests.stats.conftest import simulate


def finished(made: Path, spec: RunSpec, table: CaseTable, status: str = "finished") -> str:
    """A run's folder with a result in it, as a worker leaves one."""
    run = make_run(spec)
    (run.path / "state.json").write_text(replace(run.state(), status=status).to_json(), encoding="utf-8")
    shutil.copytree(made, run.result)
    card = store.read_card(run.result)
    three = CaseTable(table.case, table.group, table.truth, table.prob, table.labels, {})
    evaluation = Evaluation(
        card.id,
        "set",
        "f",
        Note("evaluation.part-test"),
        three.labels,
        len(three),
        1,
        evaluate_cases(three, (1,), resamples=20),
        confusion(three),
    )
    store.write_evaluation(run.result, evaluation, three)
    labels = tuple(label for label in card.task.labels if label.id != "normal")
    store.seal(run.result, replace(card, task=replace(card.task, labels=labels), files={}))
    return run.id


def test_runs_that_differ_in_one_knob_are_lined_up(tiny_made: Path) -> None:
    plain = RunSpec.of(name="plain", collections=("set",))
    before = finished(tiny_made, plain, simulate(1, 80, noise=1.5, of=1))
    balanced = finished(tiny_made, plain.having(name="balanced", balance="sampler"), simulate(1, 80))
    finished(
        tiny_made, plain.having(balance="weights", lr=0.1), simulate(1, 80, noise=1.5, of=2)
    )  # two knobs from the others
    make_run(plain.having(balance="mixup"))  # still to come: no result
    finished(tiny_made, plain.having(epochs=99), simulate(1, 80), status="stopped")  # not what its spec says
    (row,) = ablate("auroc", resamples=300)
    assert (row.setting, row.before, row.after) == ("balance", before, balanced)
    assert (row.value_before, row.value_after) == ("none", "sampler")
    assert row.difference.better == balanced
    assert row.difference.estimate.value == pytest.approx(row.score_after.value - row.score_before.value)
    assert ablate("auroc", run_ids=(before,)) == ()


def test_the_same_knobs_twice_are_no_ablation(tiny_made: Path) -> None:
    spec = RunSpec.of(name="a", collections=("set",))
    finished(tiny_made, spec, simulate(1, 30))
    finished(tiny_made, spec.having(name="b", device="cpu"), simulate(1, 30))
    assert ablate("auroc") == ()


def test_a_wrong_score_is_refused(tiny_made: Path) -> None:
    spec = RunSpec.of(collections=("set",))
    finished(tiny_made, spec, simulate(1, 30))
    finished(tiny_made, spec.having(seed=1), simulate(1, 30))
    with pytest.raises(BadData, match="no such score"):
        ablate("beauty")


@pytest.mark.parametrize("score", ["foo", "kappa:x", "recall"])
def test_a_wrong_score_is_refused_before_there_are_runs(score: str) -> None:
    """That nothing was found would say that there is such a score."""
    with pytest.raises(BadData) as refused:
        ablate(score)
    assert refused.value.code == "workflows.no-such-score"
    assert [ablate(known) for known in ("auroc", "recall:malignant", "auroc:malignant")] == [()] * 3


def test_pairs_of_a_knob_are_corrected_together(tiny_made: Path) -> None:
    """Six learning rates make fifteen pairs: Holm's p is never the smaller, and equal only where it is 1 or the largest."""
    for i in range(6):
        finished(
            tiny_made,
            RunSpec.of(name=f"run {i}", collections=("set",), lr=0.001 * (i + 1)),
            simulate(1, 60, noise=0.5 + 0.4 * i, of=i),
        )
    steps: list[tuple[int, int]] = []
    rows = ablate("auroc", resamples=200, progress=lambda done, total, stage="": steps.append((done, total)))
    assert len(rows) == 15
    assert steps == [(k, 15) for k in range(15)]
    assert {row.difference.pairs for row in rows} == {15}
    p = [row.difference.p for row in rows]
    assert [row.difference.p_holm for row in rows] == pytest.approx(holm(p))
    assert max(row.difference.p_holm / row.difference.p for row in rows) > 5
