"""A small model that really answers: random features, a head solved on synthetic scans, measured on others."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from medcls import home, nets
from medcls.core.evaluation import CaseTable, Evaluation
from medcls.core.model import Calibration, ModelCard
from medcls.core.note import Note
from medcls.core.scan import Preprocess, Scan
from medcls.core.task import Task
from medcls.imaging.decode import read_scan
from medcls.imaging.phantom import phantom
from medcls.models import store
from medcls.models.network import Network
from medcls.models.opening import open_network
from medcls.models.predictor import Predictor
from medcls.stats.calibration import calibrate
from medcls.stats.scores import evaluate_cases
from medcls.tasks import list_tasks


@lru_cache(maxsize=4)
def phantoms(task: Task, seeds: Sequence[int]) -> tuple[list[Scan], np.ndarray]:
    """Synthetic scans of every label, and the index of each one's label."""
    scans = [read_scan(phantom(task.id, label, seed)) for seed in seeds for label in task.label_ids]
    return scans, np.tile(np.arange(len(task.labels)), len(seeds))


def write_tiny(
    folder: Path, task_id: str = "breast-ultrasound", backbone: str = "cancernet", seed: int = 0
) -> ModelCard:
    """Write a model folder in the published layout; takes about a second."""
    task = list_tasks()[task_id]
    torch.manual_seed(seed)
    net = nets.build(backbone, len(task.labels), channels=3, size_px=64).eval()
    preprocess = Preprocess(size_px=64, mean=(0.5,) * 3, std=(0.25,) * 3)
    card = ModelCard(
        id=f"tiny-{backbone}-{seed}",
        name=f"Tiny {backbone} {seed}",
        task=task,
        backbone=nets.backbone_name_for(net),
        backbone_args=nets.backbone_args_for(net),
        preprocess=preprocess,
        calibration=Calibration(),
        trained_on="Synthetic scans made by medcls.",
        limits=("Never saw a patient.",),
        licence="Apache-2.0",
        n_parameters=sum(p.numel() for p in net.parameters()),
    )
    solve_head(net, Network(card, net), *phantoms(task, range(6)))
    folder.mkdir(parents=True)
    save_file(
        {k: v.contiguous() for k, v in net.state_dict().items()}, folder / store.WEIGHTS, metadata={"format": "pt"}
    )
    (folder / store.CONFIG).write_text("{}", encoding="utf-8")
    measure(folder, Network(card, net), task)
    return store.seal(folder, card)


def solve_head(net: torch.nn.Module, classifier: Predictor, scans: list[Scan], truth: np.ndarray) -> None:
    """Set the last layer by ridge regression onto the labels."""
    features = classifier.run(torch.stack([classifier.prepare(scan) for scan in scans]))[1].numpy().astype(np.float64)
    centre, scale = features.mean(0), features.std(0) + 1e-6
    x = np.c_[(features - centre) / scale, np.ones(len(features))]
    onto = np.linalg.solve(x.T @ x + 1e-1 * np.eye(x.shape[1]), x.T @ (6 * np.eye(truth.max() + 1)[truth] - 2))
    weight = onto[:-1].T / scale
    head = net.get_classifier()
    head.weight.data = torch.tensor(weight, dtype=torch.float32)
    head.bias.data = torch.tensor(onto[-1] - weight @ centre, dtype=torch.float32)


def measure(folder: Path, classifier: Predictor, task: Task) -> None:
    """Evaluate on synthetic scans the head never saw, and write that down."""
    scans, truth = phantoms(task, range(100, 104))
    logits = np.stack([p.logits for p in classifier.predict_many(scans)])
    names = np.array([f"phantom-{i}" for i in range(len(scans))])
    table = CaseTable(names, names, truth, calibrate(logits, 1.0), task.label_ids, {})
    k = len(task.labels)
    confusion = np.bincount(truth * k + table.prob.argmax(1), minlength=k * k).reshape(k, k)
    evaluation = Evaluation(
        classifier.card.id,
        "phantoms",
        "none",
        Note("words.said", text="synthetic, made with other seeds"),
        task.label_ids,
        len(truth),
        len(truth),
        evaluate_cases(table, task.positive, resamples=100),
        tuple(tuple(int(n) for n in row) for row in confusion),
    )
    store.write_evaluation(folder, evaluation, table)


def build_engine(made: Path) -> None:
    """Build the engine of a folder made by `write_tiny` beside it, for `install`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDCLS_HOME", str(made.with_name("home")))
        assert open_network(made).engine
        (home.cache() / "engines").rename(made.with_name("engines"))


def install(made: Path, weights: Path, model_id: str) -> ModelCard:
    """Publish a folder made by `write_tiny` among the models of a home, with its engine where one stands beside it."""
    if (engines := made.with_name("engines")).is_dir():
        shutil.copytree(engines, home.cache() / "engines", dirs_exist_ok=True)
    return store.publish(made, model_id=model_id, into=weights)


def recast(model_id: str, **fields: object) -> ModelCard:
    """Write an installed model's card anew, sealed, with fields that users cannot change."""
    path = store.folder(model_id)
    return store.seal(path, replace(store.read_card(path), **fields))  # type: ignore[arg-type]


def spoil(weights: Path, model_id: str) -> None:
    """Change one byte of a published model's weights."""
    path = weights / model_id / store.WEIGHTS
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def copy(source: Path, target: Path) -> None:
    """Copy a model folder as it is."""
    shutil.copytree(source, target)
