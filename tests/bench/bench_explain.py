"""Answer and Grad-CAM of a warm scan, against the bare forward pass and against the library's usual use."""

import copy
import os
import tempfile
import time
from collections.abc import Callable

import numpy as np
import torch
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

from medcls import nets
from medcls.core.model import ModelCard
from medcls.core.scan import Preprocess
from medcls.explain.drawing import predict_and_explain, square_of
from medcls.explain.method_table import METHODS
from medcls.explain.opening import open_at
from medcls.imaging.decode import read_scan
from medcls.imaging.phantom import phantom
from medcls.models.network import Network
from medcls.nets.layers import heatmap_layer
from medcls.tasks import list_tasks

BACKBONES = ("resnet18", "resnet50", "densenet121", "mobilenetv2")
ROUNDS = 31


def main() -> None:
    """Print a table of ratios; within a round everything runs once, so that a busy machine slows all alike."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["MEDCLS_HOME"] = home  # engines are built there
        compare()


def compare() -> None:
    """Measure and print."""
    scan = read_scan(phantom("breast-ultrasound", "malignant", 1))
    print(
        f"One scan of {scan.size_px[1]} x {scan.size_px[0]} px, network at 224 px, {torch.get_num_threads()} threads, median of {ROUNDS} rounds.\n"
    )
    print(
        "| backbone | bare forward | forward and Grad-CAM | scan to answer | scan to answer and heatmap | library, whole network |"
    )
    print("|---|---|---|---|---|---|")
    for name in BACKBONES:
        timed = measure(name, scan)
        bare = timed[0]
        print(f"| {name} | {1e3 * bare:.1f} ms | " + " | ".join(f"{t / bare:.2f}x" for t in timed[1:]) + " |")


def measure(name: str, scan) -> list[float]:
    """Give the median seconds of the bare forward pass and of each way after it."""
    task = list_tasks()["breast-ultrasound"]
    net = nets.build(name, len(task.labels))
    made = Network(ModelCard("bench", "Bench", task, name, Preprocess()), net, weights_sha256=name)
    x = made.prepare(scan)[None]
    layer = heatmap_layer(net)
    usual = copy.deepcopy(made.net).requires_grad_(True)
    cam = GradCAM(usual, [usual.get_submodule(layer)])

    def library() -> None:
        cam(x, [ClassifierOutputTarget(1)])

    def pass_and_map() -> None:

        square_of(open_at(made.net, layer, x), 1, METHODS["gradcam"])

    ways: list[Callable[[], object]] = [
        lambda: made.run(x),
        pass_and_map,
        lambda: made.predict(scan),
        lambda: predict_and_explain(made, scan, "malignant"),
        library,
    ]
    for way in ways * 3:
        way()
    taken = np.array([[_seconds(way) for way in ways] for _ in range(ROUNDS)])
    return [float(t) for t in np.median(taken, axis=0)]


def _seconds(way: Callable[[], object]) -> float:
    started = time.perf_counter()
    way()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
