"""From a run's spec to what the loop needs: its scans, decoded, and its network with initial weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from medcls import nets
from medcls.core.collection import Case
from medcls.core.progress import Progress, silent
from medcls.core.run import RunSpec
from medcls.core.scan import Preprocess
from medcls.core.task import Task
from medcls.data.batches import Copies, Part, join_parts, read_part
from medcls.data.sources import Sources
from medcls.imaging.shifts import Mixture
from medcls.models import store
from medcls.nets.freezing import freeze
from medcls.nets.initial import IMAGENET_MEAN, IMAGENET_STD, Matched, for_channels, inspect_initial, load_initial
from medcls.training.familiar import familiar_copies


def read_sources(
    sources: Sources,
    part: str,
    preprocess: Preprocess,
    spec: RunSpec,
    on_case: Progress = silent,
) -> Part:
    """Decode one part of every collection into one set of arrays.

    Args:
        sources: From `find_sources`.
        part: `train`, `validate` or `test`.
        preprocess: How the network is fed.
        spec: The run's spec; `max_cases` bounds the training part, drawn by whole groups, one at least.
        on_case: Called with cases done and cases in all, per collection.
    """
    parts = []
    for collection, cases in zip(sources.collections, sources.cases, strict=True):
        few = list(cases.get(part, ()))
        if part == "train" and spec.data.max_cases:
            few = draw_groups(few, spec.data.max_cases // len(sources.collections), spec.optimisation.seed)
        if few:
            copies = copies_for(spec, sources.task, part)
            parts.append(read_part(collection, few, sources.task.label_ids, preprocess, on_case, copies))
    return join_parts(parts)


def copies_for(spec: RunSpec, task: Task, part: str) -> Copies | None:
    """Return the changed copies a part needs: to learn from, or to be counted as familiar.

    Args:
        spec: The run's spec.
        task: The question.
        part: `train`, `validate` or `test`; test scans are never changed.
    """
    asked, seed = spec.augmentation, spec.optimisation.seed
    if part == "validate":
        return familiar_copies(task, seed)
    if part != "train" or not (asked.shifts and asked.shift_copies):
        return None
    return Copies(asked.shift_copies, Mixture(asked.shifts, asked.shift_strength), seed)


def draw_groups(cases: list[Case], most: int, seed: int) -> list[Case]:
    """Return at most so many cases, drawn by whole groups; one group at least, as none can be cut.

    Args:
        cases: Cases to draw from.
        most: How many at most.
        seed: The same seed draws the same groups.
    """
    groups = np.random.default_rng(seed).permutation(sorted({case.group for case in cases})).tolist()
    sizes = dict.fromkeys(groups, 0)
    for case in cases:
        sizes[case.group] += 1
    kept: set[str] = set()
    total = 0
    for group in groups:
        if not kept or total + sizes[group] <= most:  # one whole group at least: none can be cut
            kept.add(group)
            total += sizes[group]
    return [case for case in cases if case.group in kept]


def build_net(spec: RunSpec, n_labels: int, args: Mapping[str, Any] | None = None) -> torch.nn.Module:
    """Return a run's network with random weights, nothing frozen.

    Args:
        spec: The run's spec.
        n_labels: Number of labels.
        args: What its initial weights want it built with; the spec's own arguments go before.

    Raises:
        BadModel: If there is no such network.
        BadSpec: If it does not work as asked.
    """
    asked, data = spec.network, spec.data
    dropout = {"drop_rate": asked.dropout} if asked.dropout > 0 else {}
    given = {**(args or {}), **asked.backbone_args, **dropout}
    return nets.build(
        asked.backbone, n_labels, channels=data.channels, size_px=data.size_px, head=asked.head, args=given
    )


def make_net(spec: RunSpec, task: Task) -> tuple[torch.nn.Module, Matched, Preprocess]:
    """Build a run's network with its initial weights, frozen as asked.

    Returns:
        The network, what its initial weights matched, and how it wants to be fed.

    Raises:
        BadModel: If the network or the weights cannot be had.
        BadSpec: If what shall be frozen is unknown.
    """
    source = find_initial(spec.network.initial)
    start = inspect_initial(source, spec.network.backbone, spec.data.channels)
    torch.manual_seed(spec.optimisation.seed)
    net = build_net(spec, len(task.labels), start.args)
    matched = load_initial(net, source, labels=task.label_ids)
    freeze(net, spec.network.freeze)
    mean, std = (for_channels(v, spec.data.channels) for v in (start.mean or IMAGENET_MEAN, start.std or IMAGENET_STD))
    given = spec.data
    fit: Any = given.fit  # one of the choices that its setting allows
    preprocess = Preprocess(
        given.size_px,
        given.channels,
        mean,
        std,
        fit=fit,
        cleaning=given.cleaning,
        grey=task.is_grey,
        orientations=given.orientations,
    )
    return net, matched, preprocess


def find_initial(initial: str) -> str | Path:
    """Say what a spec's `initial` means: `imagenet` and `none` themselves, a file, or the folder of a published model.

    Raises:
        BadModel: If it is neither a word, a file nor a model.
    """
    if initial in ("imagenet", "none"):
        return initial
    path = Path(initial).expanduser()
    return path if path.is_file() or path.suffix == ".safetensors" else store.folder(initial)
