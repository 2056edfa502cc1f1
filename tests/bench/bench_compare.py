"""Eight models on one scan against the sum of their bare forward passes."""

import time
from statistics import median

import numpy as np
import torch

from medcls import nets
from medcls.core.model import ModelCard
from medcls.core.scan import Preprocess, Scan
from medcls.imaging.decode import read_scan
from medcls.imaging.phantom import phantom
from medcls.models.network import Network
from medcls.models.predictor import Predictor
from medcls.tasks import list_tasks
from medcls.workflows.compare_scan import compare_scan

BACKBONES = (
    "resnet18",
    "resnet34",
    "resnet50",
    "densenet121",
    "densenet169",
    "mobilenetv2_100",
    "mobilenetv3_small_100",
    "efficientnet_b0",
)
REPEATS = 9


def classifiers() -> dict[str, Predictor]:
    """Eight networks with random weights, all for one task at 224 px."""
    task = list_tasks()["breast-ultrasound"]
    made = {}
    for name in BACKBONES:
        net = nets.build(name, len(task.labels), size_px=224)
        made[name] = Network(ModelCard(name, name, task, name, Preprocess()), net)
    return made


def bare(models: dict[str, Predictor], scan: Scan) -> float:
    """Seconds of the eight forward passes alone, one after the other, on inputs prepared before."""
    batch = next(iter(models.values())).prepare(scan)[None].contiguous(memory_format=torch.channels_last)
    started = time.perf_counter()
    with torch.inference_mode():
        for model in models.values():
            model.net(batch)
    return time.perf_counter() - started


def main() -> None:
    """Print the table: medians of alternating runs."""
    models = classifiers()
    scan = read_scan(phantom("breast-ultrasound", "malignant", 0, size_px=(480, 640)))
    pairs = []
    for _ in range(REPEATS + 2):
        alone = bare(models, scan)
        started = time.perf_counter()
        found = compare_scan(scan, BACKBONES, models.__getitem__)
        pairs.append((alone, time.perf_counter() - started))
        assert all(answer.error is None for answer in found.answers)
    pairs = pairs[2:]
    ratio = median(together / alone for alone, together in pairs)
    alone, together = (1000 * median(column) for column in np.array(pairs).T)
    print("| eight models on one scan of 480 x 640 px | ms | ratio |\n|---|---|---|")
    print(f"| bare forward passes, one after the other | {alone:.0f} | 1 |")
    print(f"| `compare_scan`: prepared, answered, calibrated, averaged | {together:.0f} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
