"""Models with cases of known skill: a good one, a bad one, and the good one's twin."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import special

from medcls.core.evaluation import CaseTable, Evaluation
from medcls.core.model import ModelCard
from medcls.core.note import Note
from medcls.models import store
from medcls.stats.scores import confusion, evaluate_cases
from tests import tiny

LABELS = ("normal", "benign", "malignant")


def cases(skill: float, seed: int = 0, n: int = 150) -> CaseTable:
    """Cases of 75 patients, two each, that a model of some skill answered; the same truth for every skill."""
    truth = np.random.default_rng(1).integers(0, 3, n // 2).repeat(2)
    logits = np.random.default_rng([2, seed]).normal(size=(n, 3)) + skill * np.eye(3)[truth]
    columns = {
        "collection": np.full(n, "set"),
        "device": np.where(np.arange(n) % 3 == 0, "GE", "Philips"),
        "width_px": np.arange(100, 100 + n).astype(str),
        "constant": np.full(n, "x"),
        "birads": np.where(truth == 2, "5", ""),
    }
    names = np.array([f"{i}.png" for i in range(n)])
    group = (np.arange(n) // 2).astype(str)
    return CaseTable(names, group, truth, special.softmax(logits, axis=1), LABELS, columns)


def publish(made: Path, home: Path, model_id: str, table: CaseTable, fingerprint: str = "f1") -> ModelCard:
    tiny.install(made, home / "weights", model_id)
    path = home / "weights" / model_id
    card = store.read_card(path)
    evaluation = Evaluation(
        model_id,
        "set",
        fingerprint,
        Note("evaluation.part-test"),
        table.labels,
        len(table),
        75,
        evaluate_cases(table, (2,), resamples=50),
        confusion(table),
    )
    store.write_evaluation(path, evaluation, table)
    return store.seal(path, replace(card, files={}))


def publish_three(made: Path, home: Path) -> tuple[str, ...]:
    """Publish the three; gives their ids."""
    publish(made, home, "good", cases(2.5))
    publish(made, home, "bad", cases(0.4, seed=1))
    publish(made, home, "twin", cases(2.5))
    return "good", "bad", "twin"
