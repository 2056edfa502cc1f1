"""Where the time of a training step goes, part by part: the profile behind what docs/training.md says of speed.

PYTHONPATH=. python tests/bench/bench_training_parts.py [THREADS …]
ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 …      the same as on a processor without bf16 units
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from lightning_fabric import Fabric
from timm.utils.model_ema import ModelEmaV3

from medcls import nets
from medcls.core.run import RunSpec
from medcls.core.scan import Preprocess
from medcls.data.batches import Part
from medcls.training.inputs import Pixels
from medcls.training.optimise import make_optimiser
from medcls.training.precision import has_bf16_units, spare_wide_depthwise, use_own_forward

STEPS = 7
NETWORKS = (("resnet18", 224, 16), ("efficientnet_lite0", 224, 16), ("mobilenetv2", 160, 32), ("cancernet", 50, 64))
PARTS = ("data", "forward", "backward", "optimiser", "average")


@dataclass(frozen=True)
class Way:
    """One way to compute a step.

    Args:
        name: What the table calls it.
        bf16: Whether it computes in bf16 where that is safe.
        last: Whether a picture's channels lie side by side in memory.
        larger: How many times the usual batch goes through at once.
    """

    name: str
    bf16: bool = False
    last: bool = True
    larger: int = 1


WAYS = (
    Way("fp32, channels apart", last=False),
    Way("fp32"),
    Way("fp32, batch x 4", larger=4),
    Way("bf16", bf16=True),
    Way("bf16, batch x 4", bf16=True, larger=4),
)


class Step(NamedTuple):
    """A network ready to take steps, and what it takes them with."""

    net: torch.nn.Module
    source: Pixels
    optimiser: torch.optim.Optimizer
    average: ModelEmaV3
    way: Way
    n: int


def ready(backbone: str, size_px: int, batch: int, way: Way) -> Step:
    """Return a network with random weights, and scans of noise: their content changes no time."""
    torch.manual_seed(0)
    n = batch * way.larger
    spec = RunSpec.of(backbone=backbone, initial="none", device="cpu", size_px=size_px, batch_size=n, hflip=True)
    preprocess = Preprocess(size_px, 3, (0.5,) * 3, (0.5,) * 3)
    pixels = np.random.default_rng(0).integers(0, 256, (n, size_px, size_px, 3), dtype=np.uint8)
    net = nets.build(backbone, 3, size_px=size_px)
    net = net.to(memory_format=torch.channels_last if way.last else torch.contiguous_format)
    precision = "bf16-mixed" if way.bf16 else "32-true"
    spare_wide_depthwise(net, Fabric(accelerator="cpu", precision=precision))  # type: ignore[arg-type]
    source = Pixels(Part(pixels, np.zeros(n, np.int64), ()), preprocess, spec)
    return Step(net.train(), source, make_optimiser(net, spec), ModelEmaV3(net, decay=0.99), way, n)


def once(step: Step, generator: torch.Generator) -> dict[str, float]:
    """Take one step; returns the seconds of each of its parts."""
    seconds: dict[str, float] = {}

    def timed(name: str, act: Callable[[], torch.Tensor | None]) -> torch.Tensor:
        started = time.perf_counter()
        found = act()
        seconds[name] = time.perf_counter() - started
        return torch.empty(0) if found is None else found

    rows, truth = np.arange(step.n), torch.arange(step.n) % 3
    layout = torch.channels_last if step.way.last else torch.contiguous_format
    with torch.autocast("cpu", torch.bfloat16, enabled=step.way.bf16):
        device = torch.device("cpu")
        batch = timed(
            "data", lambda: step.source.training_batch(rows, device, generator).contiguous(memory_format=layout)
        )
        loss = timed("forward", lambda: F.cross_entropy(step.net(batch).float(), truth))
    timed("backward", lambda: loss.backward())
    timed("optimiser", lambda: step.optimiser.step())
    timed("average", lambda: step.average.update(step.net))
    step.optimiser.zero_grad(set_to_none=True)
    return seconds


def profile(backbone: str, size_px: int, batch: int, way: Way) -> list[float]:
    """Return milliseconds a scan of each part, the median of a few steps; the first warms up and is not counted."""
    step, generator = ready(backbone, size_px, batch, way), torch.Generator().manual_seed(0)
    taken = [once(step, generator) for _ in range(STEPS + 1)][1:]
    use_own_forward(step.net)
    return [1000 * statistics.median(one[part] for one in taken) / step.n for part in PARTS]


def main() -> None:
    """Print a table."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--threads", type=int, default=2)
    ask.add_argument("--networks", nargs="*", default=[name for name, *_ in NETWORKS])
    args = ask.parse_args()
    torch.set_num_threads(args.threads)
    ways = [way for way in WAYS if has_bf16_units() or not way.bf16]
    print(f"\n### {args.threads} threads, bf16 units: {'yes' if has_bf16_units() else 'no'}; milliseconds a scan\n")
    print(f"| network | way | {' | '.join(PARTS)} | in all | against the first |")
    print("|---|---|" + "---|" * (len(PARTS) + 2))
    for backbone, size_px, batch in (row for row in NETWORKS if row[0] in args.networks):
        first = 0.0
        for way in ways:
            parts = profile(backbone, size_px, batch, way)
            first = first or sum(parts)
            cells = [f"{ms:.2f}" for ms in (*parts, sum(parts))]
            what = f"{backbone}, {size_px} px, batch {batch}"
            print(f"| {what} | {way.name} | {' | '.join(cells)} | {first / sum(parts):.2f}x |", flush=True)


if __name__ == "__main__":
    main()
