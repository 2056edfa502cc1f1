"""A translator's run carried out: scans of two labels, the loop, made pictures of the training part.

It gives no model. In its folder stand, beside what every run has, `samples/` (a sheet an epoch) and `made/`.
"""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from medcls import disk
from medcls.core.collection import Case
from medcls.core.made import MadePicture, MadeSet
from medcls.core.note import Note
from medcls.core.progress import staged
from medcls.core.run import RunSpec
from medcls.core.scan import Preprocess
from medcls.data.batches import Part, join_parts, read_part
from medcls.data.made import write_made
from medcls.data.sources import Sources, find_sources
from medcls.errors import BadData
from medcls.imaging.made import draw_sheet
from medcls.runs.folder import RunFolder
from medcls.runs.make import Follow
from medcls.training.build import draw_groups
from medcls.training.shares import is_first
from medcls.training.translation import TranslationWatch, Translator, TwoLabels, redraw, translate
from medcls.words import say


@dataclass(frozen=True)
class _Labels:
    """The label that is redrawn, and the one it is redrawn as."""

    first: str
    second: str


def make_scans(spec: RunSpec, run: RunFolder, follow: Follow | None = None) -> MadeSet | None:
    """Carry out a translator's run, from its spec to the pictures made of its training part.

    A run that was killed goes on from its checkpoint.

    Args:
        spec: What is asked for.
        run: The run.
        follow: Who is told.

    Returns:
        The pictures made; None if it was asked to stop before the first epoch was done, and in every process but the
        first: one process does it all.

    Raises:
        MedclsError: If the data cannot be had, a label has no scans, or training came to nothing.
        OSError: If the disk is full or cannot be written.
    """
    if not is_first():
        return None
    follow = follow or Follow()
    sources = _with_drawn(find_sources(spec), spec)
    follow.on_sources(sources)
    labels = _choose_labels(sources, spec)
    channels = 1 if sources.task.is_grey else spec.data.channels
    preprocess = _preprocess(spec, channels, sources.task.is_grey)
    data = _read(sources, labels, preprocess, follow)
    net = Translator(channels, spec)
    follow.say(Note("runs.translates", before=labels.first, after=labels.second))
    titles = (say("runs.sheet-scan"), say("runs.sheet-made"), say("runs.sheet-back"))

    def save_sheet(epoch: int, samples: np.ndarray) -> None:
        run.samples.mkdir(exist_ok=True)
        rows = samples.reshape(-1, *samples.shape[2:])
        disk.write_atomically(run.samples / f"epoch-{epoch:05d}.png", draw_sheet(rows, titles), alone=True)

    watch = TranslationWatch(run.path / "checkpoint", follow.should_stop, follow.on_step, save_sheet)
    epoch = 0
    for result in translate(net, data, spec, watch):
        epoch = result.epoch
        follow.on_epoch(result)
    if not epoch:
        return None
    follow.say(Note("runs.makes-pictures", n=len(data.train[0]), label=labels.second))
    told = _describe(run, sources, labels, channels, epoch)
    return _put_in_place(run.made, redraw(net.there, data.train[0].pixels), told)


def _with_drawn(sources: Sources, spec: RunSpec) -> Sources:
    """Return the cases with no more to train on than asked, drawn by whole groups as for any run."""
    if not spec.data.max_cases:
        return sources
    each = spec.data.max_cases // len(sources.collections)
    drawn = tuple(
        {**cases, "train": tuple(draw_groups(list(cases.get("train", ())), each, spec.optimisation.seed))}
        for cases in sources.cases
    )
    return replace(sources, cases=drawn)


def _choose_labels(sources: Sources, spec: RunSpec) -> _Labels:
    """Return the labels asked for; of those left open the most common one is redrawn as the rarest."""
    asked = spec.translation
    counts = dict.fromkeys(sources.task.label_ids, 0)
    for cases in sources.cases:
        for case in cases.get("train", ()):
            counts[str(case.label)] += 1
    for label in filter(None, (asked.from_label, asked.to_label)):
        sources.task.label(label)
    there = {label: n for label, n in counts.items() if n}
    first = asked.from_label or max((x for x in there if x != asked.to_label), key=there.__getitem__)
    second = asked.to_label or min((x for x in there if x != first), key=there.__getitem__)
    for part in ("train", "validate"):
        for label in (first, second):
            if not any(case.label == label for cases in sources.cases for case in cases.get(part, ())):
                raise BadData("runs.translation-part-empty", label=label, part=part)
    return _Labels(first, second)


def _preprocess(spec: RunSpec, channels: int, grey: bool) -> Preprocess:
    data, half = spec.data, (0.5,) * channels
    return Preprocess(data.size_px, channels, half, half, fit=data.fit, cleaning=data.cleaning, grey=grey)  # type: ignore[arg-type]


def _read(sources: Sources, labels: _Labels, preprocess: Preprocess, follow: Follow) -> TwoLabels:
    found = []
    for part in ("train", "validate"):
        follow.say(Note("runs.reading", n=sources.count(part), part=part))
        found.append(
            tuple(_of_label(sources, part, label, preprocess, follow) for label in (labels.first, labels.second))
        )
    return TwoLabels(*found)  # type: ignore[arg-type]


def _of_label(sources: Sources, part: str, label: str, preprocess: Preprocess, follow: Follow) -> Part:
    """Decode the scans of one label, in the order of `_cases_of`."""
    parts = []
    for collection in sources.collections:
        few = [case for name, case in _cases_of(sources, part, label) if name == collection.name]
        if few:
            told = staged(follow.on_read, part)
            parts.append(read_part(collection, few, sources.task.label_ids, preprocess, told))
    return join_parts(parts)


def _cases_of(sources: Sources, part: str, label: str) -> list[tuple[str, Case]]:
    """Return the cases of a part that have a label, each with its collection's name."""
    return [
        (collection.name, case)
        for collection, cases in zip(sources.collections, sources.cases, strict=True)
        for case in cases.get(part, ())
        if case.label == label
    ]


def _describe(run: RunFolder, sources: Sources, labels: _Labels, channels: int, epochs: int) -> MadeSet:
    """Return what the made pictures are, their digests still to come."""
    redrawn, others = (_cases_of(sources, "train", label) for label in (labels.first, labels.second))
    learned = {c.name: tuple(case.id for name, case in redrawn + others if name == c.name) for c in sources.collections}
    return MadeSet(
        run=run.id,
        from_label=labels.first,
        to_label=labels.second,
        labels=sources.task.label_ids,
        asked=run.spec().data,
        channels=channels,
        fingerprints={c.name: c.fingerprint for c in sources.collections},
        splits=sources.splits,
        learned=learned,
        digests=tuple(case.sha256 for _, case in redrawn + others),
        epochs=epochs,
        pictures=tuple(
            MadePicture(f"made-{i:05d}.png", "", name, case.id, case.group, case.patient)
            for i, (name, case) in enumerate(redrawn)
        ),
    )


def _put_in_place(folder: Path, pixels: np.ndarray, made: MadeSet) -> MadeSet:
    """Write the pictures aside and rename the folder, so that nobody reads half of them."""
    aside = folder.with_name(f".{folder.name}.aside")
    shutil.rmtree(aside, ignore_errors=True)
    written = write_made(aside, pixels, made)
    shutil.rmtree(folder, ignore_errors=True)
    aside.rename(folder)
    return written
