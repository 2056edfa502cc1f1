"""`train`: fit a network in the foreground; `runs start` does the same in the background."""

import argparse
from typing import Any

from medcls.cli import print_json, say, verb
from medcls.cli.runs import add_settings, make_spec
from medcls.core.made import MadeSet
from medcls.core.note import Note
from medcls.core.run import RunSpec


def add(verbs: Any) -> None:
    """Add the verb, with one flag per setting of a run's spec."""
    made = verb(
        verbs, "train", _train, "Fit a network on labelled scans, here and now. Ctrl-C keeps the best epoch so far."
    )
    made.add_argument(
        "--recipe", dest="recipe_name", metavar="NAME", help="take every setting not given here from this recipe"
    )
    made.add_argument("--from", dest="like", metavar="RUN", help="take every setting not given here from this run")
    made.add_argument(
        "--publish",
        metavar="ID",
        nargs="?",
        const="",
        help="put the model into the list of models, under this id or the next free one",
    )
    made.add_argument(
        "--all-folds",
        action="store_true",
        help="cross-validation: a run for every fold of --split, each case answered by the network that never saw it; "
        "given again, it goes on where it stopped",
    )
    made.add_argument(
        "--json", action="store_true", help="print the card of the model made as JSON; of folds, what was measured"
    )
    add_settings(made)


def _train(args: argparse.Namespace) -> int:
    from medcls.workflows.train import train

    spec = make_spec(args)
    if args.all_folds:
        return _train_folds(spec, args)
    if spec.data.leave_out and not spec.is_translator:
        return _train_without(spec, args)
    with Bars() as bars:
        run_id, card = train(spec, bars.follow())
    if isinstance(card, MadeSet):
        print_json(card.to_dict()) if args.json else say(
            str(Note("cli.made-scans", run=run_id, n=len(card.pictures), label=card.to_label))
        )
        return 0
    if args.publish is not None:
        from medcls.workflows.run_results import publish_run

        card = publish_run(run_id, model_id=args.publish)
    print_json(card.to_dict()) if args.json else say(f"Run {run_id}: model {card.id}, {card.trained_on}")
    return 0


def _train_folds(spec: RunSpec, args: argparse.Namespace) -> int:
    from medcls.cli.evaluate import tell
    from medcls.workflows import fold_results, folds

    with Bars() as bars:
        found = folds.train_folds(spec, bars.follow())
    if found.missing:
        say(str(Note("cli.folds-go-on", progress=found.progress)))
        return 1
    status = tell(*fold_results.pool_folds(found), args.json)
    if args.publish is not None:
        say(str(Note("cli.published", model=fold_results.publish_folds(found, spec.name, args.publish).id)))
    return status


def _train_without(spec: RunSpec, args: argparse.Namespace) -> int:
    from medcls.workflows.left_out import measure_without, train_without

    with Bars() as bars:
        runs = train_without(spec, bars.follow())
    scores, far = measure_without(runs.values())
    if args.json:
        print_json(
            {"runs": runs, "sites": {s: {n: e.to_dict() for n, e in found.items()} for s, found in scores.items()}}
        )
    for site, found in scores.items() if not args.json else ():
        auroc = str(found["auroc_disease"]) if "auroc_disease" in found else Note("cli.not-measured")
        print(Note("cli.unseen-site", site=site, run=runs[site], auroc=auroc))
    if far is not None and not args.json:
        print(Note("cli.acquired-unlike", auroc=str(far)))
    return 0


class Bars:
    """Progress bars and one line per epoch, on standard error; Ctrl-C asks to stop, a second one stops at once."""

    def __enter__(self) -> "Bars":
        import signal

        self.stopping = False
        self.bar: Any = None
        self.before = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(self, *_: object) -> None:
        import signal

        self._close()
        signal.signal(signal.SIGINT, self.before)

    def follow(self) -> Any:
        """Return a `Follow` that draws these bars."""
        from medcls.runs.make import Follow

        return Follow(
            self.should_stop, on_step=self.on_step, on_epoch=self.on_epoch, on_read=self.on_read, say=self.say
        )

    def _interrupt(self, number: int, frame: object) -> None:
        if self.stopping:
            raise KeyboardInterrupt
        self.stopping = True
        say(str(Note("cli.stopping")))

    def _close(self) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None

    def should_stop(self) -> bool:
        """Return whether Ctrl-C was pressed."""
        return self.stopping

    def on_step(self, done: int, total: int, stage: str = "") -> None:
        """Move the bar of an epoch."""
        self._show("step", done, total)

    def on_read(self, done: int, total: int, stage: str = "") -> None:
        """Move the bar of the scans read."""
        self._show(f"reading, {stage}", done, total)

    def _show(self, what: str, done: int, total: int) -> None:
        from tqdm import tqdm

        if self.bar is None:
            self.bar = tqdm(total=total, desc=what, leave=False, disable=None)
        self.bar.n = done
        self.bar.refresh()
        if done == total:
            self._close()

    def on_epoch(self, result: Any) -> None:
        """Print an epoch's scores."""
        self._close()
        scores = ", ".join(f"{name} {value:.3f}" for name, value in result.validate.items())
        best = " *" if result.best else ""
        loss, seconds = result.train["loss"], result.elapsed_s
        say(str(Note("cli.epoch", epoch=result.epoch, loss=loss, scores=scores, best=best, seconds=seconds)))

    def say(self, note: Note) -> None:
        """Print a note in place of the bar."""
        self._close()
        say(str(note))
