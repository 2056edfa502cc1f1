"""`data`: bring labelled scans, know them, split them honestly."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medcls.cli import end_list, print_json, print_line, say, verb
from medcls.cli.data_add import add_add, print_left
from medcls.cli.data_mend import add_mending
from medcls.cli.progress import Bar
from medcls.core.collection import Audit, CollectionRecord, Split
from medcls.core.note import Note
from medcls.errors import BadSplit


def add(verbs: Any) -> None:
    """Add the verb with its own verbs."""
    made = verbs.add_parser("data", help="Labelled scans: add, list, show, audit, split.")
    inner = made.add_subparsers(title="what", metavar="WHAT", required=True)
    add_add(inner)
    one = verb(inner, "list", _list, "List the collections on this machine.")
    one = verb(inner, "show", _show, "Say what is in a collection.")
    one.add_argument("name")
    one.add_argument("--list", action="store_true", help="name every file that was not taken")
    one = verb(inner, "audit", _audit, "Look a collection through for what is wrong with it; settle what was found.")
    one.add_argument("name")
    one.add_argument("--again", action="store_true", help="search for duplicates anew")
    one.add_argument("--probe", action="store_true", help="also see what border, size, blur and marks alone tell")
    one.add_argument(
        "--model",
        action="append",
        help="model whose features judge the labels, may be given again; else those of the task; "
        "'' takes the pictures themselves",
    )
    one.add_argument(
        "--decide",
        action="append",
        default=[],
        metavar="KEY=DECISION",
        help="settle a finding: drop, merge or keep; KEY=none takes a decision back; may be repeated",
    )
    one.add_argument("--who", default="", help="who decided; else the name of the account")
    _add_split(inner)
    add_mending(inner)
    one = verb(inner, "remove", _remove, "Forget a collection; the scans themselves are not touched.")
    one.add_argument("name")
    for parser in inner.choices.values():
        parser.add_argument("--json", action="store_true", help="one JSON object a line")


def _add_split(inner: Any) -> None:
    one = verb(inner, "split", _split, "Split a collection without cutting a patient or group, with proof.")
    one.add_argument("name")
    one.add_argument("--as", dest="split", default="auto", metavar="NAME", help="what to call the split")
    one.add_argument("--parts", default="70/15/15", help="train/validate/test in percent")
    one.add_argument("--folds", type=int, default=0, help="make so many folds instead of parts")
    one.add_argument("--by", default="", choices=("", "patient", "group", "published"), help="what stays whole")
    one.add_argument("--seed", type=int, default=0)
    one.add_argument(
        "--from", dest="file", type=Path, help="take over a split made elsewhere (JSON or csv), if it holds"
    )


def _list(args: argparse.Namespace) -> int:
    from medcls.workflows import data

    records = data.list_collections()
    for record in records:
        _print_record(record, args.json)
    broken = data.broken()
    for one in broken:
        line = {"name": one.name, "error": str(one.error), "code": one.error.code if one.error else ""}
        print_json(line) if args.json else print_line(Note("cli.unreadable-row", name=one.name, error=str(one.error)))
    return end_list("cli.no-collection", records, broken, args.json)


def _print_record(record: CollectionRecord, as_json: bool) -> int:
    if as_json:
        print_json(record.to_dict())
    else:
        told = Note(
            "cli.row-cases",
            n=record.n_cases,
            dropped=record.n_dropped,
            unreadable=record.n_set_aside,
            left=record.n_not_taken,
        )
        print_line(
            f"{record.name}  {record.layout}  {record.task_id}  {told}  {', '.join(map(record.name_of, record.labels))}"
        )
    return 1 if record.n_set_aside else 0


def _show(args: argparse.Namespace) -> int:
    from medcls.workflows import data, data_plan, data_split

    seen = data.read_overview(args.name)
    patients = seen.per_patient()
    sizes = {f"{h} x {w}" for h, w in seen.size_px[:2000].tolist()}
    parts = data_plan.count_brought_parts(args.name)
    left = data_plan.not_taken_of(args.name)
    labels = [
        {"id": label, "name": seen.record.name_of(label), "positive": label in seen.positive, "n": n}
        for label, n in seen.count().items()
    ]
    row = {
        **seen.record.to_dict(),
        "counts": seen.count(),
        "labels_named": labels,
        "n_groups": seen.n_groups,
        "n_patients": len(patients),
        "parts": parts,
        "splits": list(data_split.list_splits(args.name)),
        "unreadable": [[name, str(reason)] for name, reason in seen.unreadable],
        "unreadable_reasons": [{"file": name} | _reason(reason) for name, reason in seen.unreadable],
        "n_not_taken": len(left),
        "not_taken": [one.to_dict() | _reason(one.reason) for one in data_plan.group_left(left)],
    }
    if args.json:
        print_json(row)
        return 0
    print_line(f"{seen.record.name}: {seen.task.question}")
    for label in labels:
        print_line(f"  {label['name']:<16}{label['n']:>9,}{Note('cli.row-disease') if label['positive'] else ''}")
    if seen.record.n_unlabelled:
        print_line(f"  {Note('cli.unlabelled')!s:<16}{seen.record.n_unlabelled:>9,}")
    whose = Note("cli.row-patients", n=len(patients)) if patients else Note("cli.row-patients-unknown")
    print_line(Note("cli.row-groups", n=seen.n_groups, whose=whose, sizes=len(sizes)))
    for code, found in (("cli.row-parts", parts), ("cli.row-sites", seen.record.sites)):
        if found:
            print_line(Note(code, counts=", ".join(f"{name} {n:,}" for name, n in found.items())))
    print_line(Note("cli.row-root", path=seen.record.root))
    print_line(Note("cli.row-version", version=seen.record.version, fingerprint=seen.record.fingerprint[:16]))
    print_line(Note("cli.row-splits", names=", ".join(row["splits"]) or Note("data.no-split-yet")))
    for name, reason in seen.unreadable:
        print_line(Note("cli.row-unreadable", name=name, reason=reason))
    _print_left(left, everything=args.list)
    return 0


def _reason(note: Note) -> dict[str, Any]:
    """Return a reason for programs, by its code, and for people."""
    return {"reason": note.to_dict(), "says": str(note)}


def _print_left(left: Mapping[str, Note], everything: bool) -> None:
    from medcls.workflows import data_plan

    if everything:
        for path, reason in left.items():
            print_line(Note("cli.row-not-taken", name=path, reason=reason))
        return
    for one in data_plan.group_left(left)[:12]:
        print_left(one)


def _judges(given: list[str] | None) -> list[str] | None:
    return None if given is None else [model for model in given if model]


def _audit(args: argparse.Namespace) -> int:
    from medcls.workflows import data_audit

    audit = data_audit.audit_collection(args.name, again=args.again, models=_judges(args.model), progress=Bar())
    if args.decide:
        pairs = (text.rpartition("=") for text in args.decide)
        decisions = {key: None if value == "none" else value for key, _, value in pairs}
        audit = data_audit.decide(args.name, decisions, who=args.who)
    probed = data_audit.probe_shortcuts(args.name) if args.probe else {}
    if args.json:
        for finding in audit.findings:
            plain, notes = finding.to_dict(), {"says": finding.says, "advice": finding.advice}
            print_json(plain | {name: str(note) for name, note in notes.items()} | {"notes": [plain[n] for n in notes]})
        for view, (estimate, sentence) in probed.items():
            print_json({"probe": view, "auroc": estimate.to_dict(), "says": str(sentence), "note": sentence.to_dict()})
        return 0
    _print_audit(audit)
    for _, sentence in probed.values():
        print_line(sentence)
    return 0


def _print_audit(audit: Audit) -> None:
    for finding in audit.findings:
        done = (
            f"  [{finding.decided or Note('cli.finding-default', default=finding.default)}]" if finding.choices else ""
        )
        print_line(f"{finding.key}: {finding.says}{done}")
        for case in finding.cases[:4]:
            print_line(f"    {case}")
        if finding.n > 4:
            print_line(Note("cli.finding-more", n=finding.n))
    if not audit.findings:
        print_line(Note("cli.nothing-found"))
    print_line(Note("cli.pairs-compared", n=audit.pairs_compared))


def _split(args: argparse.Namespace) -> int:
    from medcls.workflows import data_split

    try:
        if args.file:
            made = data_split.take_split(args.name, args.split, data_split.read_split_file(args.file))
        else:
            made = data_split.split_collection(
                args.name, args.split, parts=_shares(args.parts), folds=args.folds, seed=args.seed, by=args.by
            )
    except BadSplit as error:
        for what, a, b in data_split.list_leaks(error)[:40]:
            say(str(Note("cli.leak", what=what, a=a, b=b)))
        raise
    return _print_split(args.name, made, args.json)


def _print_split(name: str, split: Split, as_json: bool) -> int:
    from medcls.workflows import data, data_split

    counts, named = data_split.count_parts(name, split), data.read_overview(name).record.name_of
    if as_json:
        proof = split.proof.to_dict() if split.proof else None
        print_json({"name": split.name, "by": split.by, "seed": split.seed, "parts": counts, "proof": proof})
        return 0
    for part, labels in counts.items():
        print_line(
            f"  {part:<10}{sum(labels.values()):>9,}  "
            + ", ".join(f"{n:,} {named(label)}" for label, n in labels.items())
        )
    if split.proof and split.proof.caution:
        print_line(Note("cli.split-caution", caution=split.proof.caution))
    if split.proof:
        shared = {"groups": split.proof.groups_shared, "pairs": split.proof.near_pairs_across}
        print_line(Note("cli.split-proof", **shared, compared=split.proof.pairs_compared, how=split.proof.how))
    return 0


def _shares(text: str) -> dict[str, float]:
    try:
        values = [float(part) for part in text.split("/")]
    except ValueError:
        values = []
    if len(values) not in (2, 3) or not sum(values) > 0:
        raise BadSplit("cli.wrong-parts", found=text[:40])
    names = ("train", "validate", "test") if len(values) == 3 else ("train", "test")
    return {name: value / sum(values) for name, value in zip(names, values, strict=True)}


def _remove(args: argparse.Namespace) -> int:
    from medcls.workflows import data

    data.remove_collection(args.name)
    if not args.json:
        say(str(Note("cli.collection-forgotten", name=args.name)))
    return 0
