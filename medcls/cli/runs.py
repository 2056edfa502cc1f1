"""`medcls runs …`: fine-tuning runs from the command line; the same workflows as the Train and Runs pages."""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_origin

from medcls.cli import end_list, run_about
from medcls.core.note import Note
from medcls.core.run import RENAMED, Place, RunSpec, settings
from medcls.errors import BadData, BadSpec


def add(subparsers: Any) -> None:
    """Add the verb `runs` with its actions."""
    parser = subparsers.add_parser("runs", help="Fine-tune networks in the background.", description=__doc__)
    actions = parser.add_subparsers(title="what", dest="action", required=True, metavar="WHAT")
    start = _action(actions, "start", _start, "start a new run", run=False)
    start.add_argument("--from", dest="like", metavar="RUN", help="take every setting not given here from this run")
    start.add_argument(
        "--recipe", dest="recipe_name", metavar="RECIPE", help="take every setting not given here from this recipe"
    )
    start.add_argument("--preflight", action="store_true", help="say what the run would need, and start nothing")
    start.add_argument("--watch", action="store_true", help="wait for its end, one line per change")
    start.add_argument("--all-folds", action="store_true", help="cross-validation: a run for every fold of --split")
    add_settings(start)
    _action(actions, "list", _list, "list all runs", run=False)
    show = _action(actions, "show", _show, "show one run: its state, its epochs, the end of its log")
    show.add_argument("--log", type=int, default=10, metavar="N", help="lines of the log (default 10)")
    _action(actions, "stop", _stop, "stop a run; its best epoch is kept")
    resume = _action(actions, "resume", _resume, "go on with a run that was stopped, paused or died", run=False)
    resume.add_argument("run", nargs="?", help="id of the run, or its beginning")
    resume.add_argument("--interrupted", action="store_true", help="every run that a restart of this machine cut off")
    delete = _action(actions, "delete", _delete, "delete a run and all it made")
    delete.add_argument("--yes", action="store_true", help="do not ask")
    _action(actions, "rename", _rename, "call a run something else").add_argument("name")
    describe = _action(actions, "describe", lambda given: _tell(run_about.describe(given), given.json), run_about.HELP)
    run_about.add_flags(describe)
    _action(actions, "reproduce", _reproduce, "start a run again, on data checked to be the same")
    watch = _action(actions, "watch", _watch, "wait for a run's end, one line per change")
    watch.add_argument("--every", type=float, default=1.0, metavar="S", help="seconds between two looks (default 1)")
    publish = _action(actions, "publish", _publish, "put a run's model into the list of models")
    publish.add_argument("--name", default="", help="what to call the model")
    publish.add_argument("--id", default="", dest="model_id", help="id to publish under")
    publish.add_argument("--licence", default="", help="terms of use to write on the card")
    publish.add_argument(
        "--limit", action="append", default=[], help="what it was not trained or tested on; may be repeated"
    )
    publish.add_argument(
        "--all-folds", action="store_true", help="the mean of the networks of all folds, measured over all of them"
    )
    publish.add_argument(
        "--without",
        nargs="+",
        default=[],
        metavar="RUN",
        help="runs that each left a site out: their figures stand first",
    )
    pool = _action(actions, "pool", _pool, "measure a cross-validation over all its folds")
    pool.add_argument("--out", type=Path, metavar="DIR", help="write evaluation.json and cases.csv here")


def _action(actions: Any, name: str, handler: Callable[[argparse.Namespace], int], help: str, run: bool = True) -> Any:
    parser = actions.add_parser(name, help=help, description=help)
    parser.add_argument("--json", action="store_true", help="one JSON object per line")
    if run:
        parser.add_argument("run", help="id of the run, or its beginning")
    parser.set_defaults(handler=handler)
    return parser


def add_settings(parser: argparse.ArgumentParser, but: tuple[str, ...] = ()) -> None:
    """Add one flag per setting of `RunSpec` (not those of `but`); a flag that is not given leaves no value."""
    old_names = {new: old for old, new in RENAMED.items()}
    for name, place in settings().items():
        if name == "recipe" or name in but:
            continue  # --recipe fills the settings in, and is noted in the spec
        dest, parsing = f"setting_{name}", _parsing(place)
        flags = ("--data", _flag(name)) if name == "collections" else (_flag(name),)
        parser.add_argument(
            *flags, dest=dest, default=argparse.SUPPRESS, help=_help(place).replace("%", "%%"), **parsing
        )
        if name in old_names:
            parser.add_argument(
                _flag(old_names[name]),
                dest=dest,
                default=argparse.SUPPRESS,
                help=argparse.SUPPRESS,
                action=_OldName,
                **parsing,
            )


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


class _OldName(argparse.Action):
    """Stores what a flag was given under the name it had before; the old name is said to be going."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        new = _flag(self.dest.removeprefix("setting_"))
        print(Note("cli.flag-renamed", old=option_string, new=new), file=sys.stderr)
        setattr(namespace, self.dest, values)


def _help(place: Place) -> str:
    found, default = place.setting, place.default
    bounds = f" {found.low:g} to {found.high:g} {found.unit}".rstrip() if abs(found.low) != float("inf") else ""
    return f"{found.help}{bounds} (default {default if default not in ('', (), {}) else 'none'})"


def _parsing(place: Place) -> dict[str, Any]:
    hint, found = place.hint, place.setting
    if hint is bool:
        return {"action": argparse.BooleanOptionalAction}
    if get_origin(hint) is tuple:
        return {
            "nargs": "*",
            "type": get_args(hint)[0],
            "choices": found.choices or None,
            "metavar": None if found.choices else "X",
        }
    if hint == dict[str, str]:
        return {"type": _pairs, "metavar": "NAME=VALUE,…"}
    if get_origin(hint) is dict:
        return {"type": _json_object, "metavar": "JSON"}
    return {"type": hint, "choices": found.choices or None, "metavar": None if found.choices else hint.__name__.upper()}


def _json_object(text: str) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError('a JSON object is needed, as {"width": 0.5}')
    return value


def _pairs(text: str) -> dict[str, Any]:
    """Read names and values written as `a=b,c=d` (a value may be empty), or as a JSON object."""
    if text.lstrip().startswith("{"):
        return _json_object(text)
    pairs = [pair.partition("=") for pair in text.split(",") if pair.strip()]
    if not all(sign and name.strip() for name, sign, _ in pairs):
        raise argparse.ArgumentTypeError("pairs are needed, as busi/cancer=malignant,busi/other=")
    return {name.strip(): value.strip() for name, _, value in pairs}


def read_settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the settings that were given as flags."""
    given = {k.removeprefix("setting_"): v for k, v in vars(arguments).items() if k.startswith("setting_")}
    return {name: tuple(v) if isinstance(v, list) else v for name, v in given.items()}


def make_spec(arguments: argparse.Namespace) -> RunSpec:
    """Return the spec that flags, `--from` and `--recipe` ask for together; flags win.

    Raises:
        BadSpec: If a value cannot be, or both a run and a recipe are named.
    """
    from medcls.reproduction.recipes import apply_recipe
    from medcls.workflows import run_again

    if arguments.like and arguments.recipe_name:
        raise BadSpec("cli.run-from-two-sources")
    spec = run_again.clone_spec(arguments.like) if arguments.like else RunSpec()
    if arguments.recipe_name:
        spec = apply_recipe(spec, arguments.recipe_name)
    return spec.having(**read_settings(arguments))


def _start(arguments: argparse.Namespace) -> int:
    from medcls.workflows import runs

    spec = make_spec(arguments)
    if arguments.preflight:
        return _preflight(spec, arguments.json)
    if arguments.all_folds:
        from medcls.workflows.folds import start_folds

        views = start_folds(spec)
    else:
        views = (runs.start_run(spec),)
    if not arguments.watch:
        return max(_tell(view, arguments.json) for view in views)
    return max(_follow(view.id, arguments.json, 1.0) for view in views)


def _preflight(spec: RunSpec, as_json: bool) -> int:
    from medcls.workflows.preflight import check_run

    found = check_run(spec)
    plain = found.to_dict()
    said = {name: [str(note) for note in getattr(found, name)] for name in ("blockers", "findings")}
    said_split = {"split": "; ".join(map(str, found.split))}
    notes = {"notes": plain["blockers"] + plain["findings"]}
    print(json.dumps(plain | said | said_split | notes) if as_json else "\n".join(map(str, found.lines)))
    return 1 if found.blockers else 0


def _list(arguments: argparse.Namespace) -> int:
    from medcls.workflows import runs

    views, broken = runs.list_runs(), runs.broken_runs()
    for view in views:
        _tell(view, arguments.json)
    for one in broken:
        plain = json.dumps({"run": one.name, "error": str(one.error)})
        print(plain if arguments.json else Note("cli.unreadable-row", name=one.name, error=str(one.error)))
    return end_list("cli.no-run", views, broken, arguments.json)


def _show(arguments: argparse.Namespace) -> int:
    from medcls.workflows import runs

    view, epochs = runs.show_run(arguments.run), runs.read_metrics(arguments.run)
    log = runs.read_log(arguments.run, arguments.log)
    if arguments.json:
        whole = {**_row(view), "spec": view.spec.values(), "epochs": [e.to_dict() for e in epochs], "log": log}
        print(json.dumps(whole))
        return 0
    _tell(view, as_json=False)
    for name, place in settings().items():
        if (value := view.spec.value(name)) != place.default:
            print(f"  {name} = {value}")
    for e in epochs:
        both = [f"{k} {e.train.get(k, float('nan')):.3f}/{v:.3f}" for k, v in e.validate.items()]
        scores = "  ".join(both + [f"{k} {v:.3f}" for k, v in e.train.items() if k not in e.validate])
        print(f"  epoch {e.epoch:3d}{' *' if e.best else '  '} {e.elapsed_s:7.1f} s  lr {e.lr:.2e}  {scores}")
    if epochs:
        print(Note("cli.epochs-legend"))
    if log:
        print(log)
    return 0


def _stop(arguments: argparse.Namespace) -> int:
    from medcls.workflows import runs

    return _tell(runs.stop_run(arguments.run), arguments.json)


def _resume(arguments: argparse.Namespace) -> int:
    from medcls.workflows import runs

    if arguments.interrupted == bool(arguments.run):
        raise BadSpec("cli.no-run-named")
    if not arguments.interrupted:
        return _tell(runs.resume_run(arguments.run), arguments.json)
    for run_id in runs.resume_interrupted():
        _tell(runs.show_run(run_id), arguments.json)
    return 0


def _delete(arguments: argparse.Namespace) -> int:
    from medcls.workflows import runs

    view = runs.show_run(arguments.run)
    question = f"{Note('cli.delete-run', run=view.id, name=view.name)} [y/N] "
    if arguments.yes or input(question).strip().lower() == "y":
        runs.delete_run(view.id)
    return 0


def _rename(arguments: argparse.Namespace) -> int:
    from medcls.workflows import runs

    return _tell(runs.rename_run(arguments.run, arguments.name), arguments.json)


def _reproduce(arguments: argparse.Namespace) -> int:
    from medcls.workflows import run_again

    return _tell(run_again.reproduce_run(arguments.run), arguments.json)


def _watch(arguments: argparse.Namespace) -> int:
    from medcls.workflows import runs

    return _follow(runs.show_run(arguments.run).id, arguments.json, arguments.every)


def _follow(run_id: str, as_json: bool, every_s: float) -> int:
    from medcls.workflows import runs

    status = ""
    for view in runs.watch_run(run_id, time.sleep, every_s):
        _tell(view, as_json)
        status = view.state.status
    return 0 if status in ("finished", "stopped") else 1


def _pool(arguments: argparse.Namespace) -> int:
    from medcls.cli.evaluate import tell
    from medcls.workflows.fold_results import pool_folds

    return tell(*pool_folds(_folds_of(arguments.run)), arguments.json, arguments.out)


def _folds_of(run_id: str) -> Any:
    from medcls.workflows.folds import find_folds

    if found := find_folds(run_id):
        return found
    raise BadData("cli.run-without-folds", run=run_id)


def _publish(arguments: argparse.Namespace) -> int:
    from medcls.workflows import fold_results, run_results

    told = (arguments.name, arguments.model_id, run_results.Terms(arguments.licence, tuple(arguments.limit)))
    if arguments.all_folds:
        card = fold_results.publish_folds(_folds_of(arguments.run), *told)
    else:
        card = run_results.publish_run(arguments.run, *told, tuple(arguments.without))
    print(json.dumps({"model": card.id, "name": card.name}) if arguments.json else card.id)
    return 0


def _row(view: Any) -> dict[str, Any]:
    state = view.state.to_dict()
    said = {"message": str(view.state.message or ""), "note": state["message"]}
    return {
        "run": view.id,
        "name": view.name,
        **state,
        **said,
        "may_hang": view.may_hang,
        "has_result": view.has_result,
    }


def _tell(view: Any, as_json: bool) -> int:
    if as_json:
        print(json.dumps(_row(view)), flush=True)
        return 0
    s = view.state
    left = f"{s.left_s:.0f} s left" if s.left_s == s.left_s and view.moves else ""
    best = f"best {s.best_score:.3f} in {s.best_epoch}" if s.best_epoch else ""
    words = (
        f"{view.id}  {s.status:9}  {s.epoch}/{s.epochs or view.spec.optimisation.epochs}",
        best,
        left,
        view.name,
        str(s.message or ""),
    )
    print("  ".join(w for w in words if w), flush=True)
    return 0
