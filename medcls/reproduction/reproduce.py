"""The seed projects' systems, run again on splits without leaks: one command that goes on where it stopped."""

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from medcls import disk, home
from medcls.core.note import Note
from medcls.core.run import RunSpec
from medcls.errors import BadData, MedclsError
from medcls.models import store
from medcls.reproduction.means import Clock, Halted, Means, adapt
from medcls.reproduction.recipes import find_recipe, first_of, preset_of
from medcls.reproduction.table import SHOWN, Row, best_today, folder, sound_row, systems, write_row
from medcls.runs import lock
from medcls.runs.folder import RunFolder, make_run, open_run
from medcls.runs.search_spec import SearchSpec, list_searches
from medcls.runs.search_view import delete_search, search_here

if TYPE_CHECKING:
    from medcls.runs.make import Follow

_VALIDATE_SHARE = 4  # where cases are cut, one to choose the epoch by for so many to learn from


def reproduce(
    data: Mapping[str, str],
    means: Means,
    only: Sequence[str] = (),
    follow: "Follow | None" = None,
    say: Callable[[Note], None] = lambda note: None,
) -> Iterator[Row]:
    """Run every system that has no row yet, and yield the rows as they come.

    Several processes may work on one home: each takes the next system that nobody has, and ends when all are done.

    Args:
        data: Name of the labelled collection for each task id, and for each set a recipe names.
        means: What can be afforded.
        only: Names of recipes; empty for all.
        follow: Who is told of each run; if its `should_stop` says so, the system under way gets no row and is gone on
            with next time.
        say: Called with a note before each system.

    Raises:
        BadSpec: If a recipe is unknown.
        BadData: If no collection is named for a system.
    """
    from medcls.runs.make import Follow

    work = _Work(data, means, follow or Follow(), say)
    for name in only or systems():
        _collection_of(name, data)
    try:
        yield from work.rows(only or systems())
    except Halted:
        return


def _collection_of(name: str, data: Mapping[str, str]) -> str:
    recipe = find_recipe(name)
    wanted = (recipe.data,) if recipe.data else recipe.tasks
    found = next((data[key] for key in wanted if key in data), None)
    if found is None:
        raise BadData("reproduction.no-collection", tasks=wanted, first=wanted[0])
    return found


@dataclass(frozen=True)
class _Work:
    data: Mapping[str, str]
    means: Means
    base: "Follow"
    say: Callable[[Note], None]

    def rows(self, names: Sequence[str]) -> Iterator[Row]:
        """Take what nobody has; then wait for, or take over, what others had."""
        left = []
        for name in names:
            row = self.row_of(name, wait=False)
            if row is None:
                left.append(name)
            else:
                yield row
        for name in left:
            row = self.row_of(name, wait=True)
            if row is not None:
                yield row

    def row_of(self, name: str, *, wait: bool) -> Row | None:
        """Return a system's row, running it if there is none; None if another process has it and is not waited for."""
        folder().mkdir(parents=True, exist_ok=True)
        while True:
            with lock.hold(folder() / f"{name}.lock", patience_s=0.1) as held:
                if held:
                    row = sound_row(name)
                    if row is None:
                        row = self.run(name)
                        write_row(row)
                    return row
            if not wait:
                return None
            self.stop_if_requested()
            time.sleep(1.0)

    def stop_if_requested(self) -> None:
        if self.base.should_stop():
            raise Halted("reproduction.halted")

    def run(self, name: str) -> Row:
        from medcls.reproduction.maps import draw_maps

        recipe = find_recipe(name)
        self.stop_if_requested()
        begin = self.begin_of(name)
        self.say(Note("reproduction.system", name=name, help=recipe.help))
        spec, changes = adapt(name, _collection_of(name, self.data), self.means)
        try:
            if begin.error:
                raise BadData("reproduction.no-model-to-start-from", recipe=begin.recipe)
            spec, cut = self.cut(spec)
            row = self.searched(spec) if recipe.search else self.trained(spec, _run_of(spec))
            row = replace(row, changes=(*changes, *cut, *row.changes))
            if recipe.maps:
                row = replace(row, notes=(*row.notes, draw_maps(open_run(row.run), recipe.maps, folder() / name)))
            if recipe.data:
                _publish_as(name, row.run)
            return row
        except Halted:
            raise
        except MedclsError as error:
            return Row(name, recipe.reported, _noted_run(name), changes, error=Note.of(error))

    def begin_of(self, name: str) -> Row:
        """Return the row of the system whose model this one starts from, running that first; an empty one if none."""
        first = first_of(name)
        if not first:
            return Row("", "", "")
        _collection_of(first, self.data)
        row = self.row_of(first, wait=True)
        assert row is not None
        return row

    def cut(self, spec: RunSpec) -> tuple[RunSpec, tuple[Note, ...]]:
        """Return the spec with a split of fewer cases to learn from, and what to say of it."""
        from medcls.data.collections import open_collection
        from medcls.data.sources import choose_split
        from medcls.data.splits import cut_split, write_split

        collection = open_collection(spec.data.collections[0])
        whole = choose_split(collection, spec)
        n_train = len(whole.parts["train"])
        if not self.means.max_cases or n_train <= self.means.max_cases:
            return spec, ()
        most = {"train": self.means.max_cases, "validate": self.means.max_cases // _VALIDATE_SHARE}
        split = cut_split(collection, whole, f"auto-{self.means.max_cases}", most)
        write_split(collection, split)
        return spec.having(split=split.name), (
            Note("reproduction.fewer-cases", n=len(split.parts["train"]), of=n_train),
        )

    def trained(self, spec: RunSpec, run: RunFolder) -> Row:
        """Carry out a run, or resume it, within the time there is."""
        clock = Clock(60 * self.means.minutes, self.base)
        _carry_out(run, clock)
        row = _measured(spec.recipe, run)
        if not clock.is_over:
            return row
        stopped = Note("reproduction.stopped", spent=_minutes(self.means.minutes))
        return replace(row, changes=(*row.changes, stopped))

    def searched(self, spec: RunSpec) -> Row:
        """Carry out a search, or resume it; its best trial makes the row."""
        trials = self.means.max_trials
        each_s = 60 * self.means.minutes / trials

        def start(run: RunFolder) -> None:
            clock = Clock(each_s, self.base)
            try:
                _carry_out(run, clock)
            except Halted:
                raise
            except MedclsError as error:
                self.say(Note.of(error))  # the run's state says so too, and the search counts it as failed

        preset = preset_of(spec.recipe)
        assert preset is not None
        search = SearchSpec(_search_name(spec.recipe), spec, preset[1], preset[0], trials, prune=False)
        view = search_here(search, start, self.say)
        if view.best is None:
            raise BadData("reproduction.no-trial-ended", n=view.done)
        row = _measured(spec.recipe, open_run(view.best.run))
        found = ", ".join(f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in view.best.values.items())
        best = {"n": view.done, "score": spec.optimisation.monitor, "found": found or Note("reproduction.as-it-was")}
        words = [Note("reproduction.best-trial", **best)]
        if each_s:
            words.append(Note("reproduction.trial-stopped", spent=_minutes(each_s / 60)))
        return replace(row, changes=(*row.changes, *words))


def _minutes(minutes: float) -> Note:
    if minutes < 1:
        return Note("reproduction.seconds", n=round(60 * minutes))
    return Note("reproduction.minutes", n=int(minutes) if minutes == int(minutes) else minutes)


def _search_name(name: str) -> str:
    return f"reproduce-{name}"


def _carry_out(run: RunFolder, clock: Clock) -> None:
    """Carry a run out in this process.

    Raises:
        Halted: If whoever follows asked to stop.
        MedclsError: If it failed.
    """
    from medcls.runs.worker import NothingToDo, work

    try:
        work(run, clock.follow())
    except NothingToDo:
        return  # it had finished, and only its row was missing
    except MedclsError:
        if clock.base.should_stop():
            raise Halted("reproduction.halted") from None
        raise
    if clock.base.should_stop():
        raise Halted("reproduction.halted")


def _run_of(spec: RunSpec) -> RunFolder:
    """Return the run begun for this spec, if there is one, to go on with; else a new one."""
    try:
        run = open_run(_noted_run(spec.recipe))
        if run.spec() == spec:
            return run
    except MedclsError:
        pass  # none was begun, or it was deleted since
    run = make_run(spec)
    disk.write_atomically(_note_of(spec.recipe), run.id.encode())
    return run


def _note_of(name: str) -> Path:
    return folder() / f"{name}.run"


def _noted_run(name: str) -> str:
    return _note_of(name).read_text().strip() if _note_of(name).is_file() else ""


def _measured(name: str, run: RunFolder) -> Row:
    recipe, spec = find_recipe(name), run.spec()
    origin, evaluation, cases = (
        store.read_card(run.result).origin,
        store.read_evaluation(run.result),
        store.read_cases(run.result),
    )
    if evaluation is None or cases is None:
        raise BadData("reproduction.no-test-part")
    shown = {score: evaluation.scores[score] for score in SHOWN if score in evaluation.scores}
    first = first_of(name)
    started = Note("reproduction.starts-from", model=first) if first else origin.initial
    changes = () if spec.network.initial in ("none", "imagenet") else (started,)
    return Row(
        name,
        recipe.reported,
        run.id,
        changes,
        shown,
        evaluation.n_cases,
        evaluation.n_groups,
        evaluation.collection,
        origin.epochs,
        int(recipe.settings.get("epochs", RunSpec().optimisation.epochs)),
        origin.training_s,
        evaluation.notes,
        best_today(cases, spec.data.collections[0]),
    )


def _publish_as(name: str, run_id: str) -> None:
    """Publish the first step of a chain under its recipe's name, where the next step looks for it."""
    if not (home.weights() / name).exists():
        run = open_run(run_id)
        store.publish(run.result, name=run.name(), model_id=name)


def forget(names: Sequence[str]) -> None:
    """Delete rows, so that their systems are run again; runs and published models stay, but for those of chains.

    Raises:
        BadSpec: If a recipe is unknown.
        Conflict: If a search of one is being worked on.
    """
    for name in names:
        recipe = find_recipe(name)
        for suffix in ("json", "run"):
            (folder() / f"{name}.{suffix}").unlink(missing_ok=True)
        if _search_name(name) in list_searches():
            delete_search(_search_name(name))
        if recipe.data:
            shutil.rmtree(home.weights() / name, ignore_errors=True)
