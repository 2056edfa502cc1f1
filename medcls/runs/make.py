"""Executing a run: data, network, loop, model folder, evaluation. The worker and `train` both do this."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from medcls.core.made import MadeSet
from medcls.core.model import ModelCard
from medcls.core.note import Note
from medcls.core.progress import Progress, silent, staged
from medcls.core.run import EpochResult, RunSpec
from medcls.data.batches import join_parts
from medcls.data.made import choose_made, read_made
from medcls.data.sources import Sources, find_sources
from medcls.errors import BadData
from medcls.evaluation.asking import evaluate_sources
from medcls.models import store
from medcls.models.opening import open_unsealed
from medcls.runs.made import find_made
from medcls.training.build import copies_for, make_net, read_sources
from medcls.training.fit import TrainingData, Watch, fit
from medcls.training.made_in import MadeIn
from medcls.training.result import Fitted, write_result
from medcls.training.shares import is_first


@dataclass(frozen=True)
class Follow:
    """Callbacks to follow a run while it executes.

    Args:
        should_stop: Asked after every step; True ends training with the best epoch so far.
        on_step: Called with steps done and steps in the epoch.
        on_epoch: Called with every epoch's result.
        on_read: Called with cases decoded and cases in all, and the part as the stage.
        say: Called with a note about what is being done.
        on_sources: Called with the cases chosen, before any scan is decoded.
        on_made: Called with the set of made pictures and how many of them are added to the training part.
    """

    should_stop: Callable[[], bool] = lambda: False
    on_step: Progress = silent
    on_epoch: Callable[[EpochResult], None] = lambda result: None
    on_read: Progress = silent
    say: Callable[[Note], None] = lambda note: None
    on_sources: Callable[[Sources], None] = lambda sources: None
    on_made: Callable[[MadeSet, int], None] = lambda made, n: None


def make_model(spec: RunSpec, run_id: str, folder: Path, follow: Follow | None = None) -> ModelCard | None:
    """Execute a run from its spec to an evaluated model folder in `folder/result`.

    A run that was killed goes on from `folder/checkpoint`.

    Args:
        spec: What is asked for.
        run_id: Id of the run.
        folder: The run's folder.
        follow: Who is told.

    Returns:
        The card of the model made; None if it was asked to stop before the first epoch was done, and in every process
        but the first.

    Raises:
        MedclsError: If data, network or weights cannot be had, or training came to nothing.
        OSError: If the disk is full or cannot be written.
    """
    follow = follow or Follow()
    sources = find_sources(spec)
    follow.on_sources(sources)
    net, matched, preprocess = make_net(spec, sources.task)
    follow.say(Note("runs.initial-weights", words=matched.note))
    parts = {}
    for part in ("train", "validate"):
        follow.say(Note("runs.reading", n=sources.count(part), part=part))
        parts[part] = read_sources(sources, part, preprocess, spec, staged(follow.on_read, part))
    data = TrainingData(parts["train"], parts["validate"], len(sources.task.labels), preprocess)
    made = read_made_in(spec, sources, data, follow) if spec.data.made_from else None
    learned = replace(data, train=join_parts([data.train, made.part])) if made else data
    epochs = []
    for result in fit(net, learned, spec, Watch(folder / "checkpoint", follow.should_stop, follow.on_step)):
        epochs.append(result)
        follow.on_epoch(result)
    if not epochs or not is_first():
        return None
    follow.say(Note("runs.evaluating"))
    fitted = Fitted(net, data, sources, matched, tuple(epochs), made)
    return finish(fitted, spec, run_id, folder / "result", follow.say)


def read_made_in(spec: RunSpec, sources: Sources, data: TrainingData, follow: Follow) -> MadeIn:
    """Read the made pictures that a run adds to its training part.

    Args:
        spec: The run's spec, whose `made_from` names a translator's run.
        sources: Its cases.
        data: The scans it learns from.
        follow: Who is told.

    Raises:
        MedclsError: As `find_made`, or if their label is the most common one already.
    """
    run, made = find_made(spec, sources)
    counts = np.bincount(data.train.truth, minlength=data.n_labels).tolist()
    pictures = choose_made(made, dict(zip(sources.task.label_ids, counts, strict=True)), spec)
    follow.on_made(made, len(pictures))
    follow.say(Note("runs.adds-made", n=len(pictures), label=made.to_label, run=run.id))
    if made.asked.size_px < spec.data.size_px:
        follow.say(Note("runs.made-smaller", made=made.asked.size_px, asked=spec.data.size_px, label=made.to_label))
    copies = copies_for(spec, sources.task, "train")
    part = read_made(run.made, made, pictures, data.preprocess, copies, staged(follow.on_read, "made"))
    return MadeIn(part, run.id, made.to_label, made.digests)


def finish(fitted: Fitted, spec: RunSpec, run_id: str, result: Path, say: Callable[[Note], None]) -> ModelCard:
    """Write a fitted network as a model folder, evaluate it as a user would run it, and put it in place whole.

    Args:
        fitted: The network, and the data it was fitted on.
        spec: The run's spec.
        run_id: The run, for the card.
        result: The model folder; an earlier one there is replaced.
        say: Told why the network could not be measured, if it could not: it is written all the same.

    Returns:
        The card as it was sealed.
    """
    aside = result.with_name(f".{result.name}.aside")
    shutil.rmtree(aside, ignore_errors=True)
    card = write_result(fitted, spec, run_id, aside)
    try:
        store.write_evaluation(aside, *evaluate_sources(open_unsealed(aside, card), fitted.sources, "test"))
    except BadData as error:  # no test part, or a model it started from has seen all of it
        say(Note("runs.not-measured", error=Note.of(error)))
    card = store.seal(aside, card)
    shutil.rmtree(result, ignore_errors=True)
    aside.rename(result)
    return card
