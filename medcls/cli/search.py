"""`medcls search …`: searches over settings; each trial is an ordinary run."""

import argparse
import dataclasses
from typing import Any

from medcls.cli import end_list, print_json, say
from medcls.cli.runs import add_settings, make_spec
from medcls.core.note import Note


def add(verbs: Any) -> None:
    """Add the verb `search` with its actions."""
    parser = verbs.add_parser("search", help="Search over the settings of a run.", description=__doc__)
    actions = parser.add_subparsers(title="what", dest="action", required=True, metavar="WHAT")
    start = _action(actions, "start", _start, "start a search in the background")
    start.add_argument("--preset", help="what the seeds searched: batch-and-rate, layers-and-rate")
    start.add_argument(
        "--range",
        action="append",
        default=[],
        dest="ranges",
        metavar="SETTING=VALUES",
        help="setting=low..high, setting=low..high:log or setting=a,b,c; may be repeated",
    )
    start.add_argument(
        "--sampler", choices=("random", "tpe"), default=None, help="how the next trial is chosen (tpe: Bayesian)"
    )
    start.add_argument("--trials", type=int, default=20, help="how many to try (default 20)")
    start.add_argument("--no-prune", action="store_true", help="let every trial run to its end")
    start.add_argument(
        "--storage", default="", metavar="URL", help="database several machines share, as postgresql://…"
    )
    start.add_argument("--from", dest="like", metavar="RUN", help="take every setting not given here from this run")
    start.add_argument(
        "--recipe", dest="recipe_name", metavar="RECIPE", help="take every setting not given here from this recipe"
    )
    add_settings(start, but=("name",))
    _action(actions, "list", _list, "list the searches on this machine", named=False)
    show = _action(actions, "show", _show, "show a search: its trials, the best, which setting mattered")
    show.add_argument("--log", type=int, default=10, metavar="N", help="lines of its log (default 10)")
    _action(actions, "stop", _stop, "stop a search with the run it is in")
    _action(actions, "resume", _resume, "go on with a search")
    _action(actions, "work", _work, "work on a search in this process (what start and resume do in the background)")
    _action(actions, "delete", _delete, "delete a search; its runs stay")
    join = _action(actions, "join", _join, "take part in a search that another machine began")
    join.add_argument("storage", metavar="URL", help="the database both machines reach")


def _action(actions: Any, name: str, handler: Any, help: str, named: bool = True) -> Any:
    made = actions.add_parser(name, help=help, description=help)
    made.add_argument("--json", action="store_true", help="one JSON object per line")
    if named:
        made.add_argument("name", help="name of the search")
    made.set_defaults(handler=handler)
    return made


def _start(args: argparse.Namespace) -> int:
    from medcls.errors import BadSpec
    from medcls.workflows import search

    sampler, ranges = args.sampler, dict(map(search.parse_range, args.ranges))
    if args.preset:
        if args.preset not in search.PRESETS:
            raise BadSpec("cli.no-such-preset", found=args.preset[:40], allowed=", ".join(search.PRESETS))
        usual, preset = search.PRESETS[args.preset]
        sampler, ranges = sampler or usual, {**preset, **ranges}
    if found := None if ranges else search.preset_of(args.recipe_name or ""):
        sampler, ranges = sampler or found[0], found[1]
    spec = search.SearchSpec(
        args.name,
        dataclasses.replace(make_spec(args), name=""),
        ranges,
        sampler or "tpe",
        args.trials,
        not args.no_prune,
        storage=args.storage,
    )
    search.start_search(spec)
    return _tell(args)


def _tell(args: argparse.Namespace) -> int:
    from medcls.workflows import search

    view = search.show_search(args.name)
    if args.json:
        best = view.best.to_dict() if view.best else None
        print_json(
            {
                "search": args.name,
                "worked_on": view.worked_on,
                "done": view.done,
                "trials": [t.to_dict() for t in view.trials],
                "best": best,
                "importance": view.importance,
                "spec": view.spec.to_dict(),
            }
        )
        return 0
    print(f"{Note('cli.trials-done', name=args.name, n=view.done, of=view.spec.trials)}{_standing(view)}")
    for t in view.trials:
        mark = "*" if view.best and t.number == view.best.number else " "
        tried = "  ".join(f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in t.values.items())
        print(f"{mark} {t.number:4d}  {t.state:9} {t.value:8.4f}  {tried}  {t.run}")
    for name, share in view.importance.items():
        print(Note("cli.importance", name=name, share=share))
    if log := search.read_log(args.name, args.log if "log" in args else 3):
        print(log)
    return 0


_show = _tell


def _standing(view: Any) -> str:
    if view.worked_on:
        return str(Note("cli.search-working"))
    return str(Note("cli.search-ended-early")) if view.ended_early else ""


def _list(args: argparse.Namespace) -> int:
    from medcls.workflows import search

    entries = list(search.show_all())
    for entry in entries:
        if entry.error is not None:
            line = {"search": entry.name, "error": str(entry.error)}
            print_json(line) if args.json else print(
                Note("cli.unreadable-row", name=entry.name, error=str(entry.error))
            )
            continue
        name, view = entry.name, entry.get()
        if args.json:
            print_json({"search": name, "worked_on": view.worked_on, "done": view.done, "trials": view.spec.trials})
        else:
            print(f"{name}  {view.done} of {view.spec.trials}{_standing(view)}")
    broken = [entry for entry in entries if entry.error is not None]
    return end_list("cli.no-search", entries, broken, args.json)


def _stop(args: argparse.Namespace) -> int:
    from medcls.workflows import search

    search.stop_search(args.name)
    return _tell(args)


def _resume(args: argparse.Namespace) -> int:
    from medcls.workflows import search

    search.resume_search(args.name)
    return _tell(args)


def _work(args: argparse.Namespace) -> int:
    from medcls.workflows import search

    for note in search.work_on(args.name):
        say(str(note))
    return 0


def _delete(args: argparse.Namespace) -> int:
    from medcls.workflows import search

    search.delete_search(args.name)
    return 0


def _join(args: argparse.Namespace) -> int:
    from medcls.workflows import search

    search.join_search(args.name, args.storage)
    return _tell(args)
