"""The training loop, readable in one sitting.

Every random number of an epoch comes from the run's seed and the epoch's number, so a run that was killed goes on
from its last whole epoch and, on a CPU, ends with the very weights it would have had.

Started by `fabric run` with several processes, each takes its share of every batch; the first alone writes.
"""

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from timm.data.mixup import Mixup
from timm.utils.model_ema import ModelEmaV3

from medcls.core.note import Note
from medcls.core.progress import Progress, silent
from medcls.core.run import EpochResult, RunSpec
from medcls.errors import RunFailed
from medcls.nets.freezing import train_mode
from medcls.training.checkpoint import read_last, write_last
from medcls.training.inputs import Head, Source, TrainingData, keeps_features, make_source, row_batches
from medcls.training.loss import class_weights, loss, soft_targets
from medcls.training.measure import epoch_scores, exploded, is_better
from medcls.training.memory import is_out_of_memory, what_would_fit
from medcls.training.norms import remeasure_norms
from medcls.training.optimise import make_optimiser, make_schedule
from medcls.training.order import epoch_order
from medcls.training.precision import spare_wide_depthwise, use_own_forward
from medcls.training.shares import gather_rows, join_shares, make_fabric


@dataclass(frozen=True)
class Watch:
    """How a run is followed and stopped from outside.

    Args:
        folder: Where checkpoints go; None keeps none.
        should_stop: Asked after every step; True ends the run with the best epoch so far.
        on_step: Called with steps done and steps in the epoch.
    """

    folder: Path | None = None
    should_stop: Callable[[], bool] = lambda: False
    on_step: Progress = silent


@dataclass
class _State:
    """Where a run stands between two epochs."""

    epoch: int = 0
    elapsed_s: float = 0.0
    best_epoch: int = 0
    best: dict[str, float] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)


def fit(net: torch.nn.Module, data: TrainingData, spec: RunSpec, watch: Watch = Watch()) -> Iterator[EpochResult]:
    """Fit a network, one `EpochResult` per epoch; goes on from the folder's checkpoint if there is one.

    The epochs of the checkpoint come first, as they were, so that whoever listens knows all of them. When the
    iterator is exhausted, `net` holds the weights of the best epoch, on the CPU, in evaluation mode.

    Args:
        net: The network, frozen as it shall be; changed in place.
        data: What it learns from.
        spec: The run's spec.
        watch: How it is followed and stopped.

    Raises:
        RunFailed: If the loss is no longer a number, or memory ran out.
        OSError: If a checkpoint cannot be written; the last one is then whole.
    """
    last = read_last(watch.folder)
    fabric = make_fabric(net, data, spec, last["precision"] if last else None)
    net = net.to(fabric.device).to(memory_format=torch.channels_last)
    kept = keeps_features(net, spec)
    with fabric.autocast():  # features that are kept are computed as a step would compute them
        train, validate = (make_source(net, p, data, spec, fabric.device, kept) for p in (data.train, data.validate))
    learner = Head(net).to(fabric.device) if kept else net
    batches = _Batches(train, data, spec, fabric)
    optimiser = make_optimiser(spare_wide_depthwise(learner, fabric), spec)
    schedule = make_schedule(optimiser, spec, math.ceil(batches.steps / spec.optimisation.grad_accum_steps))
    model, optimiser = fabric.setup(learner, optimiser)
    average = (
        ModelEmaV3(learner, decay=spec.optimisation.ema_decay, use_warmup=True) if spec.optimisation.ema_decay else None
    )
    work = _Work(fabric, model, optimiser, schedule, average, batches)
    parts = {"net": learner, "optimiser": optimiser, "schedule": schedule} | ({"average": average} if average else {})
    state, best_weights = _resume(last, parts)
    yield from (EpochResult.from_dict(known) for known in state.history)

    while state.epoch < spec.optimisation.epochs and not _patience_over(state, spec):
        started, epoch = time.perf_counter(), state.epoch + 1
        _seed(spec.optimisation.seed, epoch)
        seen = _train_epoch(work, epoch, watch)
        if seen is None:  # stopped in the middle: the best epoch so far is the result
            break
        judged = average.module if average else learner
        scores = epoch_scores(logits_of(judged, validate, fabric), data.validate.truth)
        if spec.optimisation.schedule == "plateau":
            schedule.step(scores["loss"])  # type: ignore[arg-type]  # plateau takes a score
        state.epoch, best = epoch, is_better(scores, state.best, spec.optimisation.monitor)
        if best:
            state.best_epoch, state.best = epoch, scores
            best_weights = {k: v.detach().cpu().clone() for k, v in judged.state_dict().items()}
        state.elapsed_s += time.perf_counter() - started
        lr = optimiser.param_groups[-1]["lr"]
        result = EpochResult(epoch, state.elapsed_s, lr, seen, scores, best)
        result = replace(result, notes=_notes(kept, result, data.n_labels, fabric))
        state.history.append(result.to_dict())
        if fabric.is_global_zero and watch.folder:
            states = {name: part.state_dict() for name, part in parts.items()}
            known = {"state": dict(vars(state)), "precision": str(fabric._precision.precision), **states}
            write_last(watch.folder, known, best_weights, state.best_epoch if best else 0)
        fabric.barrier()
        yield result

    if best_weights:
        learner.load_state_dict(best_weights)
        _steady(learner, batches, validate, data.validate.truth, state.best["loss"])
    use_own_forward(net).cpu().eval()


def _steady(
    learner: torch.nn.Module, batches: "_Batches", validate: Source, truth: np.ndarray, loss_before: float
) -> None:
    """Measure the norms again, and keep that where the validation loss says that it is right."""
    before = {name: value.clone() for name, value in learner.named_buffers()}
    fabric, seed = batches.fabric, batches.spec.optimisation.seed
    if not remeasure_norms(learner, batches.source, fabric.device, seed):
        return
    loss_after = epoch_scores(logits_of(learner, validate, fabric), truth)["loss"]
    if not loss_after < loss_before:
        for name, value in learner.named_buffers():
            value.copy_(before[name])


def logits_of(net: torch.nn.Module, source: Source, fabric: Fabric) -> torch.Tensor:
    """Run a network over a part in evaluation mode.

    Args:
        net: The network, on this process' device.
        source: The part; the processes share its rows.
        fabric: The processes.

    Returns:
        Logits (N, K) float32 on the CPU, all of them in every process.
    """
    net.eval()
    with torch.inference_mode(), fabric.autocast():
        shares = row_batches(len(source), fabric.global_rank, fabric.world_size)
        own = [net(source.batch(rows, fabric.device)).float().cpu() for rows in shares]  # (n, K) each
    return gather_rows(own, len(source), fabric)


class _Batches:
    """Shuffled, balanced and augmented batches of the training part, the same for the same epoch."""

    def __init__(self, source: Source, data: TrainingData, spec: RunSpec, fabric: Fabric) -> None:
        self.source, self.spec, self.fabric, self.n_labels = source, spec, fabric, data.n_labels
        self.truth = torch.from_numpy(data.train.truth)  # (N,) int64
        weights = class_weights(self.truth, data.n_labels) if spec.optimisation.balance == "weights" else None
        self.weights = None if weights is None else weights.to(fabric.device)
        self.size = min(spec.optimisation.batch_size, len(self.truth))
        if self.size < fabric.world_size:
            raise RunFailed("training.batch-not-shareable", size=self.size, n=fabric.world_size)
        self.steps = max(1, len(epoch_order(data.train.truth, spec, 1)) // self.size)
        # Labels are smoothed below, as asked; timm's own smoothing would come on top of it.
        self.mixup = (
            Mixup(spec.optimisation.mixup, label_smoothing=0.0, num_classes=data.n_labels)
            if spec.optimisation.balance == "mixup"
            else None
        )

    def __call__(self, epoch: int) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        """Return this process' share: batch (N, …), target (N, K), truth (N,). An incomplete last batch is left out."""
        rank, world = self.fabric.global_rank, self.fabric.world_size
        generator = torch.Generator().manual_seed((self.spec.optimisation.seed * 100_003 + epoch) * world + rank)
        order = epoch_order(self.truth.numpy(), self.spec, epoch)
        for step in range(self.steps):
            rows = order[step * self.size : (step + 1) * self.size][rank::world]
            batch = self.source.training_batch(rows, self.fabric.device, generator)  # (n, C, S, S) or (n, D)
            truth = self.truth[rows].to(self.fabric.device)  # (n,)
            target = soft_targets(truth, self.n_labels, self.spec.optimisation.label_smoothing)  # (n, K)
            if self.mixup and (paired := len(batch) // 2 * 2):  # an odd one out stays as it is
                batch[:paired], mixed = self.mixup(batch[:paired], truth[:paired])
                target[:paired] = (
                    mixed * (1 - self.spec.optimisation.label_smoothing)
                    + self.spec.optimisation.label_smoothing / self.n_labels
                )
            yield batch, target, truth

    def share(self, n: int) -> float:
        """Factor that makes the mean over processes of a share's loss the mean over the batch; 1 for one process."""
        return n * self.fabric.world_size / self.size


@dataclass(frozen=True, eq=False)
class _Work:
    """What an epoch of training works with, as Fabric set it up."""

    fabric: Fabric
    model: Any
    optimiser: Any
    schedule: Any
    average: ModelEmaV3 | None
    batches: _Batches

    def step(self, epoch: int, step: int) -> None:
        """Change the weights by the gradients gathered, then the learning rate and the moving average."""
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        if self.batches.spec.optimisation.schedule != "plateau":
            self.schedule.step()
        if self.average:
            self.average.update(self.model.module, step=(epoch - 1) * self.batches.steps + step)


def _train_epoch(work: _Work, epoch: int, watch: Watch) -> dict[str, float] | None:
    """Pass once over the training part; return its scores as seen while training, or None if asked to stop."""
    fabric, model, batches = work.fabric, work.model, work.batches
    spec, seen, truths, losses = batches.spec, [], [], []
    accumulate = spec.optimisation.grad_accum_steps
    train_mode(model.module)
    try:
        for step, (batch, target, truth) in enumerate(batches(epoch), 1):
            logits = model(batch)  # (N, K)
            value = loss(logits, target, spec, batches.weights)  # ()
            _require_finite(value, spec, epoch, step)
            together = min(accumulate, batches.steps - (step - 1) // accumulate * accumulate)
            fabric.backward(value * batches.share(len(batch)) / together)
            if step % accumulate == 0 or step == batches.steps:
                work.step(epoch, step)
            seen.append(logits.detach().float().cpu())
            truths.append(truth.cpu())
            losses.append(float(value.detach()))
            watch.on_step(step, batches.steps)
            if fabric.broadcast(watch.should_stop()):
                return None
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        work.optimiser.zero_grad(set_to_none=True)
        raise what_would_fit(model, batches.source, spec, fabric) from error
    return _scores_seen(seen, truths, losses, fabric)


def _require_finite(value: torch.Tensor, spec: RunSpec, epoch: int, step: int) -> None:
    if torch.isfinite(value):
        return
    whole = spec.machine.precision == "fp32"
    code = "training.loss-not-finite" if whole else "training.loss-not-finite-in-half"
    raise RunFailed(code, loss=value.item(), epoch=epoch, step=step, lr=spec.optimisation.lr)


def _scores_seen(
    seen: list[torch.Tensor], truths: list[torch.Tensor], losses: list[float], fabric: Fabric
) -> dict[str, float]:
    logits, truth, mean = torch.cat(seen), torch.cat(truths), torch.tensor(np.mean(losses))  # (N, K), (N,), ()
    if fabric.world_size > 1:
        logits, truth, means = (join_shares(share, fabric) for share in (logits, truth, mean[None]))
        mean = means.mean()
    return epoch_scores(logits, truth.numpy()) | {"loss": float(mean)}


def _notes(kept: bool, result: EpochResult, n_labels: int, fabric: Fabric) -> tuple[Note, ...]:
    """Return what a reader of an epoch must know: of the first, how it was computed; of any, an exploded loss."""
    notes = exploded(result.train["loss"], result.validate["loss"], n_labels)
    if result.epoch > 1:
        return notes
    first = [Note("training.computed-in", precision=str(fabric._precision.precision))]
    if kept:
        first.append(Note("training.features-kept"))
    if fabric.world_size > 1:
        first.append(Note("training.batch-shared", n=fabric.world_size))
    return (*first, *notes)


def _seed(seed: int, epoch: int) -> None:
    """Set the generators that dropout (torch) and mixup (numpy) draw from."""
    torch.manual_seed(seed * 100_003 + epoch)
    np.random.seed((seed * 100_003 + epoch) % 2**32)


def _patience_over(state: _State, spec: RunSpec) -> bool:
    return bool(spec.optimisation.patience) and state.epoch - state.best_epoch >= spec.optimisation.patience


def _resume(last: dict[str, Any] | None, parts: dict[str, Any]) -> tuple[_State, dict[str, torch.Tensor]]:
    if last is None:
        return _State(), {}
    for name, part in parts.items():
        part.load_state_dict(copy.deepcopy(last[name]))
    return _State(**last["state"]), last["best_weights"]
