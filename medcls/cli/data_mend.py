"""`data label|undo|diff|next`: labels mended, and what that changed."""

import argparse
from typing import Any

from medcls.cli import print_json, print_line, say, verb
from medcls.core.note import Note
from medcls.errors import BadData


def add_mending(inner: Any) -> None:
    """Add the verbs."""
    one = verb(
        inner,
        "label",
        _label,
        "Mend labels: of single cases, or the name of a label; the next version says what changed.",
    )
    one.add_argument("name")
    one.add_argument(
        "--case", action="append", default=[], metavar="CASE=LABEL", help="label of one case; CASE=given takes it back"
    )
    one.add_argument(
        "--rename", action="append", default=[], metavar="LABEL=NAME", help="another name; two of one name become one"
    )
    one.add_argument("--who", default="", help="who decided; else the name of the account")
    one = verb(inner, "undo", _undo, "Take back the last change of a collection.")
    one.add_argument("name")
    one.add_argument("--who", default="", help="who decided; else the name of the account")
    one = verb(inner, "diff", _diff, "Say what differs between two collections, or versions of one (name@2).")
    one.add_argument("before")
    one.add_argument("after")
    one = verb(inner, "next", _next, "List the scans whose labels are most doubted: what to look at next.")
    one.add_argument("name")
    one.add_argument("--most", type=int, default=20, help="how many")
    one = verb(inner, "changes", _changes, "List what was changed in a collection, by whom and when.")
    one.add_argument("name")


def _pairs(texts: list[str]) -> dict[str, str]:
    parted = [text.rpartition("=") for text in texts]
    if wrong := [text for text, (key, _, value) in zip(texts, parted, strict=True) if not (key and value)]:
        raise BadData("cli.pair-wrong", found=wrong[0][:80])
    return {key: value for key, _, value in parted}


def _label(args: argparse.Namespace) -> int:
    from medcls.workflows import data_mend

    cases, names = _pairs(args.case), _pairs(args.rename)
    if not cases and not names:
        raise BadData("cli.nothing-to-mend")
    decisions: dict[str, str | None] = {
        f"label:{case}": None if label == "given" else label for case, label in cases.items()
    }
    decisions |= {f"rename:{label}": name for label, name in names.items()}
    return _told(args, data_mend.change(args.name, decisions, who=args.who))


def _undo(args: argparse.Namespace) -> int:
    from medcls.workflows import data_mend

    return _told(args, data_mend.undo(args.name, who=args.who))


def _told(args: argparse.Namespace, record: Any) -> int:
    if args.json:
        print_json(record.to_dict())
    else:
        labels = ", ".join(map(record.name_of, record.labels))
        print_line(Note("cli.now-version", name=record.name, version=record.version, n=record.n_cases, labels=labels))
    return 0


def _diff(args: argparse.Namespace) -> int:
    from medcls.workflows import data_mend

    found = data_mend.compare_collections(args.before, args.after)
    if args.json:
        print_json(found.to_dict())
        return 0
    print_line(f"{found.before} -> {found.after}")
    counts = {"removed": found.n_removed, "relabelled": found.n_relabelled, "moved": found.n_moved}
    print_line(Note("cli.diff-counts", added=found.n_added, **counts))
    for what, n in found.relabels.items():
        print_line(f"  {what}: {n:,}")
    for case, was, now in found.relabelled[:20]:
        none = Note("cli.unlabelled")
        print_line(Note("cli.diff-relabelled", case=case, was=was or none, now=now or none))
    for case, was, now in found.moved[:20]:
        none = Note("cli.no-part")
        print_line(Note("cli.diff-moved", case=case, was=was or none, now=now or none))
    for code, cases in (("cli.diff-added", found.added), ("cli.diff-removed", found.removed)):
        for case in cases[:10]:
            print_line(Note(code, case=case))
    return 0


def _next(args: argparse.Namespace) -> int:
    from medcls.workflows import data, data_mend

    doubts, named = data_mend.list_doubts(args.name, args.most), data.read_overview(args.name).record.name_of
    if not doubts and not args.json:
        say(str(Note("cli.next-nothing", name=args.name)))
    for doubt in doubts:
        if args.json:
            print_json(vars(doubt))
        else:
            by = doubt.by or Note("cli.simple-model")
            said = {"label": named(doubt.label), "suggested": named(doubt.suggested), "by": by}
            print_line(Note("cli.doubt", case=doubt.case, prob=doubt.prob, own=doubt.own, **said))
    return 0


def _changes(args: argparse.Namespace) -> int:
    from medcls.workflows import data_mend

    for one in data_mend.list_changes(args.name):
        if args.json:
            print_json(one.to_dict())
        else:
            told = ", ".join(f"{key} {value or Note('cli.taken-back')}" for key, value in list(one.set.items())[:4])
            what = f"{told}{' …' if len(one.set) > 4 else ''}"
            code = "cli.change-undone" if one.undoes else "cli.change"
            print_line(Note(code, version=one.version, at=one.at, who=one.who, what=what))
    return 0
