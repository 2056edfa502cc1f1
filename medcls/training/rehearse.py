"""A few steps of a run on made-up pixels, to know its time and memory beforehand."""

import itertools
import resource
import statistics
import sys
import time

import numpy as np
import torch

from medcls.core.collection import Case
from medcls.core.progress import Progress, silent
from medcls.core.rehearsal import Rehearsal
from medcls.core.run import RunSpec
from medcls.core.scan import Preprocess
from medcls.data.batches import Part
from medcls.nets.freezing import freeze
from medcls.nets.initial import for_channels, load_initial
from medcls.training.build import build_net, find_initial
from medcls.training.fit import Watch, fit
from medcls.training.inputs import TrainingData, keeps_features

_STEPS, _LOOKS = 4, 16


def rehearse(spec: RunSpec, n_labels: int, progress: Progress = silent) -> Rehearsal:
    """Carry out a few steps of a run on random pixels; nothing is written.

    Args:
        spec: The run's spec; its data are not read.
        n_labels: Number of labels.
        progress: Told once the network is loaded, and of every step.

    Raises:
        BadModel: If there is no such network, or its initial weights cannot be had.
        BadSpec: If it does not work as asked.
        RunFailed: If memory ran out, with the batch that fits.
    """
    net = build_net(spec, n_labels)
    load_initial(net, find_initial(spec.network.initial))  # may have to be fetched, which is better known beforehand
    freeze(net, spec.network.freeze)
    kept = keeps_features(net, spec)
    short = spec.having(
        epochs=1,
        patience=0,
        grad_accum_steps=1,
        lr=1e-6,
        optimiser=spec.optimisation.optimiser,
        schedule="constant",
        monitor="loss",
    )
    data = _made_up(spec, n_labels, 1 if kept else _STEPS)
    progress(1, _STEPS + 2)
    times = [time.perf_counter()]

    def on_step(done: int, total: int, stage: str = "") -> None:
        times.append(time.perf_counter())
        progress(min(len(times), _STEPS + 1), _STEPS + 2)

    watch = Watch(on_step=on_step)
    started = times[0]
    for result in fit(net, data, short, watch):
        whole_s, precision = time.perf_counter() - started, str(result.notes[0].params["precision"])
    steps = [b - a for a, b in itertools.pairwise(times)]
    looked = len(data.validate) + (len(data.train) if kept else 0)
    step_s = statistics.median(steps[1:] or steps)
    forward_s = (times[1] - started if kept else started + whole_s - times[-1]) / looked
    parameters = list(net.parameters())
    return Rehearsal(
        step_s,
        max(forward_s, 0.0),
        _peak_bytes(),
        sum(p.numel() * 4 for p in parameters),
        sum(p.numel() * 4 for p in parameters if p.requires_grad),
        kept,
        f"{precision} on {_device(spec)}",
    )


def _made_up(spec: RunSpec, n_labels: int, steps: int) -> TrainingData:
    def part(n: int) -> Part:
        rng = np.random.default_rng(0)
        pixels = rng.integers(0, 256, (n, spec.data.size_px, spec.data.size_px, spec.data.channels), np.uint8)
        truth = np.arange(n, dtype=np.int64) % n_labels
        return Part(
            pixels,
            truth,
            tuple(Case(str(i), "", None, str(i), "", (spec.data.size_px, spec.data.size_px)) for i in range(n)),
        )

    mean, std = (for_channels((0.5,) * 3, spec.data.channels) for _ in range(2))
    return TrainingData(
        part(steps * spec.optimisation.batch_size),
        part(_LOOKS),
        n_labels,
        Preprocess(spec.data.size_px, spec.data.channels, mean, std),
    )


def _device(spec: RunSpec) -> str:
    return (
        "cuda"
        if spec.machine.device in ("auto", "cuda") and torch.cuda.is_available()
        else spec.machine.device.replace("auto", "cpu")
    )


def _peak_bytes() -> int:
    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        return torch.cuda.max_memory_reserved()
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
