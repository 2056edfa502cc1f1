"""From a run's spec to what the loop needs, and from a fitted network to a model folder."""

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save

import medcls
from medcls import nets
from medcls.core.collection import Case
from medcls.core.model import Abstention, Calibration, ModelCard, Origin
from medcls.core.note import Note
from medcls.core.progress import Progress, silent
from medcls.core.run import EpochResult, RunSpec
from medcls.core.scan import Preprocess
from medcls.core.task import Task
from medcls.data.batches import Copies, Part, join_parts, read_part
from medcls.data.sources import Sources, find_sources
from medcls.imaging.shifts import Mixture
from medcls.models import store
from medcls.models.opening import open_network
from medcls.nets.config import hub_config
from medcls.nets.freezing import freeze
from medcls.nets.initial import IMAGENET_MEAN, IMAGENET_STD, Matched, for_channels, inspect_initial, load_initial
from medcls.stats.calibration import calibrate, fit_temperature
from medcls.stats.familiarity import TrainingReference
from medcls.training.familiar import familiar_copies, gated_limits, learn_reference, measure_limits
from medcls.training.inputs import TrainingData
from medcls.training.kinds import teach_gate
from medcls.training.made_in import MadeIn
from medcls.training.outputs import run_part

_LARGEST_FP16 = 65_000.0


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
    """Return the changed copies a part needs: to learn from, or to be counted as familiar."""
    asked, seed = spec.augmentation, spec.optimisation.seed
    if part == "validate":
        return familiar_copies(task, seed)
    if part != "train" or not (asked.shifts and asked.shift_copies):
        return None
    return Copies(asked.shift_copies, Mixture(asked.shifts, asked.shift_strength), seed)


def draw_groups(cases: list[Case], most: int, seed: int) -> list[Case]:
    """Return at most so many cases, drawn by whole groups; one group at least, as none can be cut."""
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


def round_weights(net: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Round a network's weights to what is stored, and return them.

    Matrices and kernels are kept as fp16 where they fit its range; vectors (biases, norms and their statistics) as
    fp32. Rounding comes before calibration and evaluation, so what is measured is what ships.

    Args:
        net: Changed in place.

    Returns:
        Tensors by name, as they go to disk.
    """
    stored = {}
    for name, value in net.state_dict().items():
        fits = value.is_floating_point() and value.ndim > 1 and value.abs().max() < _LARGEST_FP16
        stored[name] = (value.half() if fits else value).contiguous().clone()
    net.load_state_dict({name: v.float() if v.dtype == torch.float16 else v for name, v in stored.items()})
    return stored


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fitted network and the story of how it was fitted.

    Args:
        net: The network, best epoch, on the CPU.
        data: The scans it was fitted on; made pictures are none.
        sources: Where that came from.
        matched: What its initial weights matched.
        epochs: Every epoch's result.
        made: The pictures made by program that it was fitted on besides; None if there were none.
    """

    net: torch.nn.Module
    data: TrainingData
    sources: Sources
    matched: Matched
    epochs: tuple[EpochResult, ...]
    made: MadeIn | None = None


def write_result(fitted: Fitted, spec: RunSpec, run_id: str, folder: Path) -> ModelCard:
    """Write weights, config and features of a fitted network into a folder; nothing is evaluated or sealed yet.

    Args:
        fitted: The network and its story.
        spec: The run's spec.
        run_id: Id of the run; becomes the model's id until it is published under another.
        folder: Where to write; made if missing.

    Returns:
        The card to seal the folder with, once all files stand in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    net, data, task = fitted.net, fitted.data, fitted.sources.task
    weights = round_weights(net)
    # save_file hides that a disk is full
    (folder / store.WEIGHTS).write_bytes(save(weights, metadata={"format": "pt"}))
    known, calibration, limits = learn_limits(net, data, task, spec.optimisation.seed)
    store.write_reference(folder, known)
    store.write_seen(folder, _seen(fitted, spec))
    preprocess = data.preprocess
    (folder / store.CONFIG).write_text(json.dumps(hub_config(net, task, preprocess), indent=2) + "\n", encoding="utf-8")
    return ModelCard(
        id=run_id,
        name=spec.name or f"{spec.network.backbone} for {task.id}",
        task=task,
        backbone=nets.backbone_name_for(net),
        backbone_args=nets.backbone_args_for(net),
        preprocess=preprocess,
        calibration=calibration,
        abstention=limits,
        origin=_origin(fitted, spec, run_id),
        trained_on=_trained_on(fitted),
        n_parameters=sum(p.numel() for p in net.parameters()),
        limits=_limits(spec, fitted.made),
    )


def learn_limits(
    net: torch.nn.Module, data: TrainingData, task: Task, seed: int
) -> tuple[TrainingReference, Calibration, Abstention]:
    """Return what a fitted network knows again, how its logits become probabilities, and when it says "cannot tell".

    Args:
        net: The network, its weights rounded as they are stored.
        data: What it was fitted and watched on.
        task: The question.
        seed: Seed of all draws.
    """
    logits, features = run_part(net, data.validate, data.preprocess)
    calibration = fit_temperature(logits, data.validate.truth)
    known = learn_reference(net, data, seed)
    limits = measure_limits(net, data, known, calibrate(logits, calibration.temperature), features)
    if taught := teach_gate(data, task, seed):
        known, limits = replace(known, gate=taught[0]), gated_limits(limits, taught[1])
    return known, calibration, limits


def refit_limits(folder: Path, spec: RunSpec) -> ModelCard:
    """Measure limits and calibration of a finished network anew, as a run would today; its weights stay.

    Args:
        folder: A run's model folder that is not published; its card is written anew. Evaluate it again afterwards.
        spec: The spec of the run.

    Raises:
        BadModel: If the folder is not a whole model, or the mean of several.
        BadData: If the scans it learned from are not here.
    """
    network, sources = open_network(folder), find_sources(spec)
    card, task = network.card, network.card.task
    parts = [read_sources(sources, part, card.preprocess, spec) for part in ("train", "validate")]
    data = TrainingData(parts[0], parts[1], len(task.labels), card.preprocess)
    known, calibration, limits = learn_limits(network.net, data, task, spec.optimisation.seed)
    store.write_reference(folder, known)
    return store.seal(folder, replace(card, calibration=calibration, abstention=limits))


def _limits(spec: RunSpec, made: MadeIn | None) -> tuple[str, ...]:
    """Say what the spec and made pictures alone make of a model's answers."""
    found = []
    if spec.optimisation.balance in ("weights", "sampler", "oversample"):
        found.append(str(Note("training.limit-balanced")))
    if made:
        found.append(str(Note("training.limit-made", label=made.label, n=len(made.part))))
    return tuple(found)


def _seen(fitted: Fitted, spec: RunSpec) -> set[str]:
    """Digests of every scan that shaped the weights: trained or tuned on here, or by the model it started from."""
    cases = (*fitted.data.train.cases, *fitted.data.validate.cases)
    model = _model_of(find_initial(spec.network.initial))
    before = (store.read_seen(model) or {store.NO_RECORD}) if model else frozenset()
    made = set(fitted.made.digests) if fitted.made else set()
    return {case.sha256 for case in cases} | made | before


def _model_of(source: str | Path) -> Path | None:
    """Return the folder of the model that initial weights are of, named by folder or by file; None if of none."""
    if not isinstance(source, Path):
        return None
    folder = source if source.is_dir() else source.parent
    return folder if (folder / store.CARD).is_file() else None


def _origin(fitted: Fitted, spec: RunSpec, run_id: str) -> Origin:
    libraries = {name: version(name) for name in ("torch", "torchvision", "timm", "lightning-fabric", "pillow")}
    last = fitted.epochs[-1] if fitted.epochs else None
    source = find_initial(spec.network.initial)
    told = (
        spec.having(initial=source.name) if isinstance(source, Path) else spec
    )  # a card travels: no path of this machine
    return Origin(
        run=run_id,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        collections=tuple(_counts(fitted)),
        fingerprint=fitted.sources.fingerprint,
        initial=fitted.matched.note,
        spec=told.to_dict(),
        versions={"medcls": medcls.__version__, "python": platform.python_version()} | libraries,
        training_s=last.elapsed_s if last else 0.0,
        epochs=last.epoch if last else 0,
    )


def _counts(fitted: Fitted) -> list[Note]:
    learned = {(case.id, case.sha256) for case in fitted.data.train.cases}  # fewer than the part, where asked for
    counts = []
    for collection, cases in zip(fitted.sources.collections, fitted.sources.cases, strict=True):
        numbers = {part: len(cases[part]) for part in ("train", "validate", "test") if cases.get(part)}
        if "train" in numbers:
            numbers["train"] = sum((case.id, case.sha256) in learned for case in cases["train"])
        parts = [Note("training.counted-part", n=n, part=part) for part, n in numbers.items()]
        version = collection.record.version
        counts.append(Note("training.counted", name=collection.name, version=version, parts=parts))
    return counts


def _trained_on(fitted: Fitted) -> str:
    sources, learned = fitted.sources, fitted.data.train.cases
    counts = ", ".join(f"{sum(c.label == label for c in learned)} {label}" for label in sources.task.label_ids)
    names = " and ".join(c.name for c in sources.collections)
    trained = Note("training.trained-on", n=len(learned), names=names, counts=counts)
    made = [fitted.made.told] if fitted.made else []
    return " ".join(map(str, (trained, *made, Note("training.kept-apart", by=sources.by))))
