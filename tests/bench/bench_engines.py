"""What a user would pick instead, in one run: a plain timm and pytorch-grad-cam script, ONNX Runtime alone, OpenVINO alone.

OpenVINO is no requirement: `pip install openvino` for this bench, else its column stays empty.
"""

import importlib.util
import io
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np

BACKBONES = (("tf_efficientnet_lite0", 224), ("mobilenetv2", 160), ("resnet18", 224))
ROUNDS = 25


def main() -> None:
    """Print a Markdown table: milliseconds of the plain script's forward pass, all else as ratios to it."""
    import torch

    with tempfile.TemporaryDirectory() as home:
        os.environ["MEDCLS_HOME"] = home
        print(f"{torch.get_num_threads()} threads, median of {ROUNDS} rounds; each round runs every way once.\n")
        print(
            "| backbone | timm, bytes to answer | medcls, bytes to answer | ONNX Runtime alone | OpenVINO alone"
            " | timm and library, answer and Grad-CAM | medcls, answer and Grad-CAM | medcls, 16 scans, each | ONNX Runtime, 16, each |"
        )
        print("|---|---|---|---|---|---|---|---|---|")
        for name, size_px in BACKBONES:
            ways = ways_of(name, size_px)
            taken = interleaved([way for way, _ in ways])
            base = taken[0]
            cells = [f"{1e3 * base:.1f} ms"] + [
                "not installed" if way is None else f"{seconds / scans / base:.2f}"
                for seconds, (way, scans) in zip(taken[1:], ways[1:], strict=True)
            ]
            print(f"| {name}, {size_px} px | " + " | ".join(cells) + " |")


def ways_of(name: str, size_px: int) -> list[tuple[Callable[[], Any] | None, int]]:
    """Return each way with the number of scans it answers at once."""
    import torch
    from PIL import Image
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
    from torchvision import transforms

    from medcls import nets
    from medcls.explain.drawing import predict_and_explain
    from medcls.imaging.decode import read_scan
    from medcls.models.engine import _export
    from medcls.nets.layers import heatmap_layer

    data, network = scan_bytes(), made(name, size_px)
    plain = nets.build(name, 3, size_px=size_px).eval()
    steps = transforms.Compose(
        [transforms.Resize((size_px, size_px)), transforms.ToTensor(), transforms.Normalize((0.5,) * 3, (0.25,) * 3)]
    )
    cam = GradCAM(plain, [plain.get_submodule(heatmap_layer(plain))])

    def read() -> torch.Tensor:
        return steps(Image.open(io.BytesIO(data)).convert("RGB"))[None]

    def timm() -> None:
        with torch.inference_mode():
            plain(read()).softmax(1)

    def timm_and_library() -> None:
        cam(read(), [ClassifierOutputTarget(2)])

    one = np.random.default_rng(0).normal(size=(1, 3, size_px, size_px)).astype(np.float32)
    many = np.repeat(one, 16, axis=0)
    graph = _export(network.net, np.repeat(one, 2, axis=0))
    session, scans = bare_session(graph), [read_scan(data)] * 16
    return [
        (timm, 1),
        (lambda: network.predict(read_scan(data)), 1),
        (lambda: session.run(["logits"], {"scans": one}), 1),
        (openvino_alone(graph, one), 1),
        (timm_and_library, 1),
        (lambda: predict_and_explain(network, read_scan(data), "malignant"), 1),
        (lambda: network.predict_many(scans), 16),
        (lambda: session.run(["logits"], {"scans": many}), 16),
    ]


def made(name: str, size_px: int) -> Any:
    """Return a model whose weights stand in no file but have a digest, so that its engine is built."""
    from medcls import nets
    from medcls.core.model import ModelCard
    from medcls.core.scan import Preprocess
    from medcls.models.network import Network
    from medcls.tasks import list_tasks

    net = nets.build(name, 3, size_px=size_px)
    task = list_tasks()["breast-ultrasound"]
    card = ModelCard("bench", "Bench", task, nets.backbone_name_for(net), Preprocess(size_px=size_px))
    return Network(card, net, weights_sha256=f"{name}-{size_px}")


def bare_session(graph: bytes) -> Any:
    """Return ONNX Runtime with its own defaults."""
    import onnxruntime

    return onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])


def openvino_alone(graph: bytes, one: np.ndarray) -> Callable[[], Any] | None:
    """Return OpenVINO's forward pass of one scan; None where it is not installed."""
    if importlib.util.find_spec("openvino") is None:
        return None
    import openvino

    compiled = openvino.Core().compile_model(openvino.Core().read_model(io.BytesIO(graph)), "CPU")
    return lambda: compiled(one)


def scan_bytes() -> bytes:
    """Return a phantom of the size BUSI's scans have, as a PNG."""
    from PIL import Image

    from medcls.imaging.phantom import phantom

    out = io.BytesIO()
    Image.open(io.BytesIO(phantom("breast-ultrasound", "benign", 0))).resize((560, 470)).save(out, "PNG")
    return out.getvalue()


def interleaved(ways: list[Callable[[], Any] | None]) -> list[float]:
    """Return median seconds of each way, run in turn; 0 for one that is not there."""
    times: list[list[float]] = [[] for _ in ways]
    for _ in range(ROUNDS + 3):
        for way, seen in zip(ways, times, strict=True):
            started = time.perf_counter()
            if way is not None:
                way()
            seen.append(time.perf_counter() - started)
    return [statistics.median(seen[3:]) for seen in times]


if __name__ == "__main__":
    main()
