"""From a fitted network to a model folder: weights as they are stored, limits, and what its card says."""

import json
import platform
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import torch
from safetensors.torch import save

import medcls
from medcls import nets
from medcls.core.model import Abstention, Calibration, ModelCard, Origin
from medcls.core.note import Note
from medcls.core.run import EpochResult, RunSpec
from medcls.core.task import Task
from medcls.data.sources import Sources, find_sources
from medcls.models import store
from medcls.models.opening import open_network
from medcls.nets.config import hub_config
from medcls.nets.initial import Matched
from medcls.stats.calibration import calibrate, fit_temperature
from medcls.stats.familiarity import TrainingReference
from medcls.training.build import find_initial, read_sources
from medcls.training.familiar import gated_limits, learn_reference, measure_limits
from medcls.training.inputs import TrainingData
from medcls.training.kinds import teach_gate
from medcls.training.made_in import MadeIn
from medcls.training.outputs import run_part

_LARGEST_FP16 = 65_000.0


def round_weights(net: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Round a network's weights to what is stored, and return them.

    Matrices and kernels are kept as fp16 where they fit its range; vectors (biases, norms and their statistics) as
    fp32. Rounding comes before calibration and evaluation, so what is measured is what ships.

    Args:
        net: Changed in place.

    Returns:
        Tensors by name, as they go to disk; shapes are as in the network.
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

    Returns:
        What it knows again, its temperature, and the limits at which it says "cannot tell".
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
    return " ".join(map(str, (trained, *made, Note("training.kept-apart", by="; ".join(map(str, sources.by))))))
