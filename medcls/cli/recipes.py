"""`recipes`: named presets. `reproduce`: the seed projects' systems, run again on honest splits."""

import argparse
from pathlib import Path
from typing import Any

from medcls.cli import add_mode, print_json, verb
from medcls.core.note import Note


def add(verbs: Any) -> None:
    """Add both verbs."""
    recipes = verb(verbs, "recipes", _recipes, "List the named presets of a run, with what their project reported.")
    recipes.add_argument("--json", action="store_true", help="one JSON object a recipe")
    made = verb(
        verbs,
        "reproduce",
        _reproduce,
        "Run the seed projects' systems again on splits without leaks; goes on where it stopped.",
    )
    made.add_argument(
        "--data",
        nargs="+",
        default=[],
        metavar="TASK=COLLECTION",
        help="labelled collection of each task, and breakhis=COLLECTION for the chains that begin there",
    )
    made.add_argument("--only", nargs="+", default=[], metavar="NAME", help="only these systems")
    made.add_argument("--again", nargs="+", default=[], metavar="NAME", help="forget the rows of these systems first")
    made.add_argument(
        "--minutes", type=float, default=0.0, help="stop the training of one system after so long (default: never)"
    )
    made.add_argument(
        "--max-px", type=int, default=0, help="largest input size to run (default: what the system asks for)"
    )
    made.add_argument(
        "--max-epochs", type=int, default=0, help="most epochs to run (default: what the system asks for)"
    )
    made.add_argument(
        "--max-cases",
        type=int,
        default=0,
        help="most cases to learn from; a quarter as many choose the epoch (default: all)",
    )
    made.add_argument("--max-trials", type=int, default=12, help="trials of a search (default 12)")
    made.add_argument(
        "--imagenet",
        type=Path,
        metavar="DIR",
        help="folder of <timm name>.safetensors files to start from, in place of the hub",
    )
    made.add_argument("--table", type=Path, metavar="FILE", help="write the table here as a Markdown page")
    add_mode(made, "others: what is written says of a failed system only that it failed")
    made.add_argument("--table-only", action="store_true", help="run nothing, only make the table of what has been run")
    made.add_argument("--json", action="store_true", help="one JSON object a system")


def _recipes(args: argparse.Namespace) -> int:
    from medcls.reproduction.recipes import PROJECTS, RECIPES, first_of

    heading = None
    for name, recipe in RECIPES.items():
        if args.json:
            print_json(
                {
                    "recipe": name,
                    "help": recipe.help,
                    "tasks": list(recipe.tasks),
                    "reported": recipe.reported,
                    "project": recipe.project,
                    "first": first_of(name),
                    "search": list(recipe.search),
                    "maps": recipe.maps,
                    "knobs": dict(recipe.settings),
                }
            )
            continue
        if recipe.project != heading:
            print(f"\n{PROJECTS[recipe.project].title}" if recipe.project else Note("cli.good-beginnings"))
            heading = recipe.project
        first = Note("cli.recipe-first", name=first_of(name)) if first_of(name) else ""
        reported = Note("cli.recipe-reported", reported=recipe.reported) if recipe.reported else ""
        print(f"  {name:28}  {recipe.help}{first}{reported}")
    return 0


def _reproduce(args: argparse.Namespace) -> int:
    from medcls import disk
    from medcls.cli.train import Bars
    from medcls.errors import MedclsError
    from medcls.reproduction.means import Means
    from medcls.reproduction.reproduce import forget, reproduce
    from medcls.reproduction.table import describe_page, read_rows

    if wrong := [pair for pair in args.data if "=" not in pair]:
        raise MedclsError("cli.collection-without-task", found=wrong[0][:80])
    forget(args.again)
    means = Means(args.minutes, args.max_px, args.max_epochs, args.max_cases, args.max_trials, args.imagenet)
    data = dict(pair.split("=", 1) for pair in args.data)
    failed = 0
    if not args.table_only:
        with Bars() as bars:
            for row in reproduce(data, means, args.only, bars.follow(), bars.say):
                failed += bool(row.error)
                if args.json:
                    print_json(row.to_dict())
    if args.table:
        from medcls.workflows.case_report import Markdown, send_out

        page = Markdown("reproduction", lambda names: describe_page(read_rows(), names))
        disk.write_atomically(args.table.absolute(), send_out("markdown", page, args.mode).data)
    elif not args.json:
        print(describe_page(read_rows()))
    return 1 if failed else 0
