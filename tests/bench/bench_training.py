"""Speed of training against the loop the seed projects used, in the same process on the same scans."""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import timm
import torch
from PIL import Image
from torchvision import transforms

from medcls import nets
from medcls.core.collection import Case
from medcls.core.run import RunSpec
from medcls.core.scan import Preprocess
from medcls.data.batches import read_part
from medcls.imaging.phantom import phantom
from medcls.nets.freezing import freeze
from medcls.training.fit import fit
from medcls.training.inputs import TrainingData

LABELS = ("normal", "benign", "malignant")
SPEC = RunSpec.of(
    backbone="resnet18", initial="none", device="cpu", optimiser="adam", schedule="constant", batch_size=16
)


def write_scans(
    folder: Path, n: int, side_px: int, task: str = "breast-ultrasound", labels: tuple[str, ...] = LABELS
) -> list[tuple[Path, int]]:
    """Write synthetic scans as PNG files; gives path and label of each."""
    rows = []
    for i in range(n):
        path = folder / f"{task}-{i}.png"
        path.write_bytes(phantom(task, labels[i % len(labels)], i, size_px=side_px))
        rows.append((path, i % len(labels)))
    return rows


class Files(torch.utils.data.Dataset):
    """The data set of every tutorial: opens, resizes and normalises a file each time it is asked for."""

    def __init__(self, rows: list[tuple[Path, int]], size_px: int) -> None:
        self.rows = rows
        steps = [
            transforms.Resize((size_px, size_px)),
            transforms.ToTensor(),
            transforms.Normalize([0.5] * 3, [0.5] * 3),
        ]
        self.change = transforms.Compose(steps)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, int]:
        path, label = self.rows[i]
        return self.change(Image.open(path).convert("RGB")), label


def plain_loop(net: torch.nn.Module, rows: list[tuple[Path, int]], size_px: int, batch_size: int, epochs: int) -> float:
    """Train as the seeds did, fp32; gives the seconds, validation on the same scans after each epoch included."""
    loader = torch.utils.data.DataLoader(Files(rows, size_px), batch_size, shuffle=True, drop_last=True)
    optimiser = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], 1e-3)
    started = time.perf_counter()
    for _ in range(epochs):
        net.train()
        for batch, truth in loader:
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(net(batch), truth).backward()
            optimiser.step()
        net.eval()
        with torch.no_grad():
            for batch, _ in loader:
                net(batch)
    return time.perf_counter() - started


class Folder:
    """Files as a collection gives them to training, where they lie.

    Args:
        rows: Path and label of each file.
    """

    name = "bench"

    def __init__(self, rows: list[tuple[Path, int]]) -> None:
        self.rows = rows
        self.cases = [Case(str(i), str(label), None, str(i), "", (1, 1)) for i, (_, label) in enumerate(rows)]

    def read(self, case: Case) -> bytes:
        """Give the bytes of a case's file."""
        return self.rows[int(case.id)][0].read_bytes()


def our_loop(net: torch.nn.Module, rows: list[tuple[Path, int]], spec: RunSpec) -> float:
    """Train as medcls does, from the files; gives the seconds, reading included."""
    started = time.perf_counter()
    preprocess = Preprocess(spec.data.size_px, 3, (0.5,) * 3, (0.5,) * 3, fit="stretch")
    folder, labels = Folder(rows), sorted({str(label) for _, label in rows})
    part = read_part(folder, folder.cases, labels, preprocess)
    list(fit(net, TrainingData(part, part, len(labels), preprocess), spec))
    return time.perf_counter() - started


def make(backbone: str, n_labels: int, size_px: int, how: str = "") -> torch.nn.Module:
    """Build a network with random weights, frozen as asked."""
    torch.manual_seed(0)
    net = nets.build(backbone, n_labels, size_px=size_px)
    freeze(net, how)
    return net


def rows_of(folder: Path) -> Iterator[tuple[str, int, float, float, str]]:
    """Measure each: what, scans seen, seconds of the baseline, our seconds, name of the baseline."""

    scans = write_scans(folder, 128, 500)  # the mean side of a published BUSI scan
    # Enough epochs that what is done once (choosing the number format, measuring the norms) weighs as it does in a real run.
    spec = SPEC.having(size_px=224, epochs=12)
    plain = best(lambda: plain_loop(timm.create_model("resnet18", num_classes=3), scans, 224, 16, 12), 1)
    ours = best(lambda: our_loop(make("resnet18", 3, 224), scans, spec), 1)
    yield "fine-tuning resnet18, 224 px, 12 epochs", 12 * len(scans), plain, ours, "plain fp32 PyTorch loop"

    few = scans[:48]
    spec = SPEC.having(size_px=224, epochs=20, freeze="backbone")
    plain = best(lambda: plain_loop(make("resnet18", 3, 224, "backbone"), few, 224, 16, 20), 1)
    ours = best(lambda: our_loop(make("resnet18", 3, 224, "backbone"), few, spec), 1)
    yield (
        "head of a frozen resnet18, 224 px, 20 epochs",
        20 * len(few),
        plain,
        ours,
        "plain fp32 PyTorch loop, backbone frozen",
    )

    patches = write_scans(folder, 5547, 50, "breast-histology-idc", ("no-idc", "idc"))  # as many as the seeds' subset
    spec = SPEC.having(backbone="cancernet", size_px=50, epochs=5, batch_size=64)
    keras = keras_loop(patches, 5)
    plain = keras or best(lambda: plain_loop(make("cancernet", 2, 50), patches, 50, 64, 5), 1)
    ours = best(lambda: our_loop(make("cancernet", 2, 50), patches, spec), 1)
    yield (
        "cancernet, 50 px, 5 epochs",
        5 * len(patches),
        plain,
        ours,
        "Keras" if keras else "plain fp32 PyTorch loop (Keras is not installed)",
    )


def best(measure: Callable[[], float], times: int = 2) -> float:
    """Give the best of a few: what else runs on the machine only ever adds."""
    return min(measure() for _ in range(times))


def keras_loop(rows: list[tuple[Path, int]], epochs: int) -> float | None:
    """Train the same network in Keras, its compiling not counted; None if it is not installed."""
    try:
        import keras
    except ImportError:
        return None
    layers, model = keras.layers, keras.Sequential([keras.Input((50, 50, 3))])
    for width, depth in ((32, 1), (64, 2), (128, 3)):
        for _ in range(depth):
            for layer in (layers.SeparableConv2D(width, 3, padding="same"), layers.ReLU(), layers.BatchNormalization()):
                model.add(layer)
        model.add(layers.MaxPooling2D())
        model.add(layers.Dropout(0.25))
    for layer in (
        layers.Flatten(),
        layers.Dense(256),
        layers.ReLU(),
        layers.BatchNormalization(),
        layers.Dropout(0.5),
        layers.Dense(2, "softmax"),
    ):
        model.add(layer)
    model.compile("adam", "sparse_categorical_crossentropy")
    batch = np.zeros((64, 50, 50, 3), np.float32), np.zeros(64, np.int64)
    model.fit(*batch, batch_size=64, validation_data=batch, verbose=0)
    started = time.perf_counter()
    pixels = np.stack(
        [np.asarray(Image.open(path).convert("RGB").resize((50, 50)), np.float32) / 255 for path, _ in rows]
    )
    truth = np.array([label for _, label in rows])
    model.fit(pixels, truth, batch_size=64, epochs=epochs, validation_data=(pixels, truth), verbose=0)
    return time.perf_counter() - started


def bf16_gain() -> float:
    """Give how much faster this processor convolves in bf16 than in fp32: resnet18's 3x3 kernels, forward and backward."""
    shapes = ((64, 56), (128, 28), (256, 14), (512, 7))  # channels and side of the maps of its four stages, at 224 px
    return sum(_convolve_s(*shape, torch.float32) for shape in shapes) / sum(
        _convolve_s(*shape, torch.bfloat16) for shape in shapes
    )


def _convolve_s(channels: int, side: int, form: torch.dtype) -> float:
    layer = torch.nn.Conv2d(channels, channels, 3, padding=1, bias=False).to(form, memory_format=torch.channels_last)
    maps, slope = (torch.randn(16, channels, side, side).to(form, memory_format=torch.channels_last) for _ in range(2))
    maps.requires_grad_()

    def step() -> float:
        started = time.perf_counter()
        layer(maps).backward(slope)
        return time.perf_counter() - started

    step()
    return best(step, 5)


def main() -> None:
    """Print one line per measurement."""
    from medcls.training.precision import has_bf16_units

    torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
    print(f"\n### Training, {torch.get_num_threads()} threads, bf16 units: {'yes' if has_bf16_units() else 'no'}\n")
    print("| what | baseline | baseline, scans/s | medcls, scans/s | ratio |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for what, n, plain_s, ours_s, baseline in rows_of(Path(folder)):
            print(
                f"| {what} | {baseline} | {n / plain_s:.0f} | {n / ours_s:.0f} | {plain_s / ours_s:.2f}x |", flush=True
            )
    if has_bf16_units():
        print(
            f"\nResNet18's convolutions alone gain {bf16_gain():.2f}x by bf16 on this processor: no loop goes far beyond."
        )


if __name__ == "__main__":
    main()
