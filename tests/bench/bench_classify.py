"""What answering costs beside the network itself: one warm scan, and a folder of 500."""

import io
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path


def main() -> None:
    """Print a Markdown table of ratios against named baselines of the same run."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["MEDCLS_HOME"] = home
        print("| what | medcls | baseline | ratio |\n|---|---|---|---|")
        for backbone in ("resnet18", "mobilenetv2", "resnet50"):
            _warm_scan(backbone)
        _folder("resnet18", 500)


def _made(backbone: str):
    """A model that answers for three labels at 224 px; its weights are random, which costs the same."""
    import numpy as np
    import torch

    from medcls import nets
    from medcls.core.model import Abstention, ModelCard
    from medcls.core.scan import Preprocess
    from medcls.models.network import Network
    from medcls.stats.familiarity import Normal, TrainingReference
    from medcls.tasks import list_tasks

    net = nets.build(backbone, 3, size_px=224)
    card = ModelCard(
        "bench",
        "bench",
        list_tasks()["breast-ultrasound"],
        nets.backbone_name_for(net),
        Preprocess(),
        abstention=Abstention(0.6, 1.0, 1.0),
    )
    classifier = Network(
        card, net, weights_sha256=backbone
    )  # a digest, so that its engine is built as a file's would be
    width = classifier.run(torch.zeros(1, 3, 224, 224))[1].shape[1]
    rows = np.random.default_rng(0).normal(size=(512, width))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    classifier.known = TrainingReference(
        rows.astype(np.float32), Normal(np.zeros(10), np.eye(10))
    )  # as large as a shipped model's
    return classifier


def _scan_bytes(seed: int) -> bytes:
    """A phantom of the size BUSI's scans have."""
    from PIL import Image

    from medcls.imaging.phantom import phantom

    out = io.BytesIO()
    Image.open(io.BytesIO(phantom("breast-ultrasound", "benign", seed))).resize((560, 470)).save(out, "PNG")
    return out.getvalue()


def _interleaved(*calls: Callable[[], object], rounds: int = 15) -> list[float]:
    """Median seconds of each call, taken in turn so that a busy machine slows all alike."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, seen in zip(calls, times, strict=True):
            started = time.perf_counter()
            call()
            seen.append(time.perf_counter() - started)
    return [statistics.median(seen[2:]) for seen in times]


def _warm_scan(backbone: str) -> None:
    import torch

    from medcls.imaging.decode import read_scan

    classifier, data = _made(backbone), _scan_bytes(0)
    batch = classifier.prepare(read_scan(data))[None].contiguous(memory_format=torch.channels_last)

    def bare() -> None:
        with torch.inference_mode():
            classifier.net(batch)

    ours, theirs = _interleaved(lambda: classifier.predict(read_scan(data)), bare)
    print(
        f"| one warm 560 x 470 PNG, bytes to probabilities, {backbone} | {1000 * ours:.1f} ms | bare forward {1000 * theirs:.1f} ms | {ours / theirs:.2f} |"
    )


def _folder(backbone: str, n: int) -> None:
    import torch
    from PIL import Image
    from torchvision import transforms

    from medcls.workflows.classify import classify_many
    from medcls.workflows.scans import walk

    classifier = _made(backbone)
    with tempfile.TemporaryDirectory() as name:
        for i in range(n):
            (Path(name) / f"{i:03d}.png").write_bytes(_scan_bytes(i % 8))
        steps = transforms.Compose(
            [transforms.Resize((224, 224)), transforms.ToTensor(), transforms.Normalize((0.5,) * 3, (0.25,) * 3)]
        )

        class Files(torch.utils.data.Dataset):
            def __init__(self) -> None:
                self.paths = sorted(Path(name).iterdir())

            def __len__(self) -> int:
                return len(self.paths)

            def __getitem__(self, i: int) -> torch.Tensor:
                return steps(Image.open(self.paths[i]).convert("RGB"))

        def plain() -> None:
            loader = torch.utils.data.DataLoader(Files(), batch_size=32, num_workers=os.cpu_count() or 1)
            with torch.inference_mode():
                for batch in loader:
                    classifier.net(batch).softmax(1)

        def ours() -> None:
            assert sum(a.prediction.ok for a in classify_many(walk([Path(name)]), classifier)) == n

        took, baseline = _interleaved(ours, plain, rounds=5)
    print(
        f"| folder of {n} PNG, {backbone} | {n / took:.0f} scans/s | DataLoader loop, {os.cpu_count()} workers: {n / baseline:.0f} scans/s | {took / baseline:.2f} of its time |"
    )


if __name__ == "__main__":
    main()
