"""`data add`: what would be taken is shown first; a person decides where a program can only guess."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from medcls import disk
from medcls.cli import print_json, print_line, say, verb
from medcls.cli.progress import Bar
from medcls.core.note import Note
from medcls.core.plan import Plan, PlanChoices
from medcls.errors import BadData

_COLUMNS = {
    "path": "column of a table that names the files",
    "label": "column of the labels",
    "patient": "column of the patients",
    "lesion": "column of what must stay together beside the patient, as lesions",
    "part": "column of the parts or folds",
    "site": "column of the sites",
}
_PART_NAME = (
    "what a cell of the column of parts means: train, validate, test, fold (its number) or nothing; "
    "* stands for every number"
)
_SHOWN = 12


def add_add(inner: Any) -> None:
    """Add the verb."""
    one = verb(inner, "add", _add, "Look at labelled scans and index them where they lie; the plan is shown first.")
    one.add_argument("path", type=Path, help="folder, table or ZIP archive")
    one.add_argument("--name", default="", help="what to call the collection; else the folder's name")
    one.add_argument("--yes", action="store_true", help="take the plan without being asked")
    one.add_argument("--look", action="store_true", help="show the plan and add nothing")
    one.add_argument("--list", action="store_true", help="name every file that is not taken")
    one.add_argument("--copy", action="store_true", help="copy the files instead of reading them where they are")
    one.add_argument("--plan", type=Path, metavar="FILE", help="decide as in a saved plan")
    one.add_argument("--save-plan", type=Path, metavar="FILE", help="save the plan, to be used with --plan")
    _add_choices(one.add_argument_group("what to change in the plan"))


def _add_choices(made: Any) -> None:
    """Add what changes a plan."""
    made.add_argument("--layout", default="", help="name of the layout; else recognised")
    made.add_argument(
        "--folders",
        default="",
        metavar="ROLES",
        help="roles of the levels of folders, as part/label/patient; "
        "each one of part, site, label, patient, group, other",
    )
    made.add_argument(
        "--disease", action="append", default=[], metavar="LABEL", help="label that means disease; may be repeated"
    )
    made.add_argument(
        "--label-name",
        action="append",
        default=[],
        metavar="OLD=NEW",
        help="call a label otherwise; two of one name become one",
    )
    made.add_argument(
        "--part-name",
        action="append",
        default=[],
        metavar="CELL=PART",
        help=_PART_NAME,
    )
    made.add_argument("--task", default="", help="task the labels belong to; else the layout's")
    made.add_argument("--table", default="", help="table to take the labels from, below the path")
    made.add_argument(
        "--names-begin-with",
        default="",
        choices=("patient", "nothing", "group"),
        help="what the names of files begin with, as P001_L_1.png",
    )
    made.add_argument(
        "--patients",
        default="",
        choices=("shared", "per-site"),
        help="whether an id that stands at several sites is one patient, or another at each",
    )
    made.add_argument("--encoding", default="", help="encoding of the tables, as cp949")
    made.add_argument(
        "--leave-out", action="append", default=[], metavar="PATTERN", help="folder, or pattern of paths, not to take"
    )
    for role, help in _COLUMNS.items():
        made.add_argument(f"--{role}-column", default="", metavar="COLUMN", help=f"{help}; '-' for none")


def _choices(args: argparse.Namespace) -> PlanChoices:
    """Return what a person decided: in a saved plan, and over it by options."""
    from medcls.workflows import data_plan

    made = data_plan.read_plan(args.plan) if args.plan else PlanChoices()
    columns = {role if role != "lesion" else "group": getattr(args, f"{role}_column") for role in _COLUMNS}
    given = {
        "layout": args.layout,
        "folders": args.folders,
        "disease": tuple(args.disease),
        "task": args.task,
        "table": args.table,
        "encoding": args.encoding,
        "beginnings": args.names_begin_with,
        "patients": args.patients,
        "leave_out": tuple(args.leave_out),
        "names": _names(args.label_name, "cli.label-name-wrong"),
        "parts": _names(args.part_name, "cli.part-name-wrong"),
    }
    made = replace(made, **{name: value for name, value in given.items() if value})
    return replace(made, columns={**made.columns, **{role: name for role, name in columns.items() if name}})


def _names(pairs: list[str], code: str) -> dict[str, str]:
    parted = [pair.rpartition("=") for pair in pairs]
    if wrong := [pair for pair, (old, _, new) in zip(pairs, parted, strict=True) if not (old and new)]:
        raise BadData(code, found=wrong[0][:80])
    return {old: new for old, _, new in parted}


def _save_plan(path: Path, text: str) -> None:
    from medcls.workflows import case_report

    file = case_report.OwnFile(path.stem, text.encode(), "plan")
    disk.write_atomically(path.absolute(), case_report.send_out("own-file", file, "record").data)


def _add(args: argparse.Namespace) -> int:
    from medcls.workflows import data_plan

    choices, bar = _choices(args), Bar()
    plan = data_plan.make_plan(args.path, choices, bar)
    if args.save_plan:
        _save_plan(args.save_plan, plan.to_json())
    if not args.json:
        print_plan(plan)
    if args.list:
        for path, reason in data_plan.list_not_taken(args.path, choices).items():
            print_json({"file": path, "reason": reason.to_dict(), "says": str(reason)}) if args.json else print_line(
                f"{path}: {reason}"
            )
    if args.look or not _may_add(plan, args):
        if args.json:
            print_json(plan.to_dict())
        return 0 if args.look else _told(plan)
    record = data_plan.add_planned(args.path, plan, args.name, copy=args.copy, progress=bar)
    if args.json:
        print_json({**record.to_dict(), "plan": plan.to_dict()})
    else:
        counts = {"n": record.n_cases, "dropped": record.n_dropped, "unreadable": record.n_set_aside}
        print_line(Note("cli.collection-added", name=record.name, **counts, not_taken=record.n_not_taken))
    return 1 if record.n_set_aside else 0


def _may_add(plan: Plan, args: argparse.Namespace) -> bool:
    """Return whether to add: asked for, or agreed to on a terminal, or without one a plan that needs no person."""
    if plan.open_questions:
        return False
    if args.yes:
        return True
    if sys.stdin is None or not sys.stdin.isatty():
        return not plan.questions
    print(Note("cli.add-it"), end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _told(plan: Plan) -> int:
    """Print which options answer what is open; return the exit status."""
    for question in plan.questions:
        answers = (f"{question.option}={one}" if one.startswith("-") else one for one in question.allowed)
        allowed = f" {' | '.join(answers)}" if question.allowed else ""
        default = Note("cli.question-default", default=question.default) if question.default else ""
        say(f"{Note('cli.question', asks=question.asks, option=question.option)}{allowed}{default}")
    if not plan.questions:
        say(str(Note("cli.nothing-added")))
        return 0
    if not plan.open_questions:
        say(str(Note("cli.yes-takes-plan")))
    return 2


def print_plan(plan: Plan) -> None:
    """Print a plan for a person."""
    print_line(f"{plan.path}: {' '.join(map(str, plan.why))}")
    for label in plan.labels:
        means = {True: "cli.disease", False: "cli.no-disease", None: "cli.disease-unknown"}[label.positive]
        written = Note("cli.written", names=", ".join(label.written)) if set(label.written) - {label.name} else ""
        print_line(f"  {label.name:<20}{label.n:>9,}  {Note(means)}{written}")
    for what, code in (("part", "cli.row-parts"), ("site", "cli.row-sites")):
        if found := plan.count_by(what):
            print_line(Note(code, counts=", ".join(f"{name} {n:,}" for name, n in found.items())))
    known = Note("cli.plan-patients", n=plan.n_patients, names=", ".join(map(str, plan.patients_from)))
    whose = known if plan.n_owned else Note("cli.plan-patients-unknown")
    print_line(Note("cli.plan-owned", whose=whose, n=plan.n_owned, of=plan.n_scans))
    counts = {"scans": plan.n_scans, "masks": plan.n_masks, "tables": plan.n_tables, "left": plan.n_not_taken}
    print_line(Note("cli.plan-files", n=plan.n_files, **counts))
    for table in plan.tables:
        read = ", ".join(str(Note("cli.role-from", role=role, name=name)) for role, name in table.columns.items())
        notes = " ".join(map(str, table.notes))
        print_line(
            str(Note("cli.plan-table", path=table.path, read=read or Note("cli.not-used"), notes=notes)).rstrip()
        )
    for row in plan.not_taken[:_SHOWN]:
        print_left(row)
    if len(plan.not_taken) > _SHOWN:
        print_line(Note("cli.plan-more", n=sum(row.n for row in plan.not_taken[_SHOWN:])))
    for note in plan.notes:
        print_line(Note("cli.plan-note", note=note))


def print_left(row: Any) -> None:
    """Print how many files of a kind were not taken, where, and why."""
    kind = row.ending or Note("cli.without-ending")
    names = ", ".join(row.names[:4])
    print_line(Note("cli.row-left", n=row.n, kind=kind, folder=row.folder, reason=row.reason, names=names))
