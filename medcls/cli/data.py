"""`data`: bring labelled scans, know them, split them honestly."""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from medcls.cli import print_json, say, verb
from medcls.core.collection import Audit, CollectionRecord, Split
from medcls.errors import BadSplit


def add(verbs: Any) -> None:
    """Add the verb with its own verbs."""
    made = verbs.add_parser("data", help="Labelled scans: add, list, show, audit, split.")
    inner = made.add_subparsers(title="verbs", metavar="VERB", required=True)
    one = verb(inner, "add", _add, "Index labelled scans where they lie; the layout is recognised by looking.")
    one.add_argument("path", type=Path, help="folder, csv or ZIP archive")
    one.add_argument("--name", default="", help="what to call the collection; else the folder's name")
    one.add_argument("--layout", default="", help="name of the layout; else recognised")
    one.add_argument("--task", default="", help="task id its labels belong to; else the layout's")
    one.add_argument("--copy", action="store_true", help="copy the files instead of reading them where they are")
    one = verb(inner, "list", _list, "List the collections on this machine.")
    one = verb(inner, "show", _show, "Say what is in a collection.")
    one.add_argument("name")
    one = verb(inner, "audit", _audit, "Look a collection through for what is wrong with it; settle what was found.")
    one.add_argument("name")
    one.add_argument("--again", action="store_true", help="search for duplicates anew")
    one.add_argument("--probe", action="store_true", help="also see what border, size, blur and marks alone tell")
    one.add_argument(
        "--model", help="model whose features judge the labels; else one of the task; '' takes the pictures themselves"
    )
    one.add_argument(
        "--decide", action="append", default=[], metavar="KEY=DECISION",
        help="settle a finding: drop, merge or keep; KEY=none takes a decision back; may be repeated",
    )  # fmt: skip
    _add_split(inner)
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


class _Bar:
    """Progress on standard error, on one line that is written over; silent where nobody watches."""

    def __init__(self) -> None:
        self.shown = sys.stderr.isatty()
        self.started, self.stage, self.last = time.monotonic(), "", 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        if stage != self.stage:
            self.started, self.stage, self.last = now, stage, 0.0
        if self.shown and (now - self.last > 0.2 or done == total):
            self.last = now
            left = (now - self.started) / max(done, 1) * (total - done)
            end = "\n" if done == total else ""
            print(f"\r{stage}: {done:,} of {total:,}, {left:.0f} s left   ", end=end, file=sys.stderr, flush=True)


def _add(args: argparse.Namespace) -> int:
    from medcls.workflows import data

    record = data.add_collection(
        args.path, args.name, layout=args.layout, task_id=args.task, copy=args.copy, progress=_Bar()
    )
    return _print_record(record, args.json)


def _list(args: argparse.Namespace) -> int:
    from medcls.workflows import data

    records = data.list_collections()
    for record in records:
        _print_record(record, args.json)
    if not records and not args.json:
        say("There is no collection yet. Add one: python -m medcls data add PATH")
    return 0


def _print_record(record: CollectionRecord, as_json: bool) -> int:
    if as_json:
        print_json(record.to_dict())
    else:
        told = f"{record.n_cases:,} cases, {record.n_dropped:,} dropped, {record.n_set_aside:,} unreadable"
        print(f"{record.name}  {record.layout}  {record.task_id}  {told}  {', '.join(record.labels)}")
    return 1 if record.n_set_aside else 0


def _show(args: argparse.Namespace) -> int:
    from medcls.workflows import data, data_split

    seen = data.look_over(args.name)
    patients = seen.per_patient()
    sizes = {f"{h} x {w}" for h, w in seen.size_px[:2000].tolist()}
    row = {
        **seen.record.to_dict(), "counts": seen.count(), "n_groups": seen.n_groups, "n_patients": len(patients),
        "splits": list(data_split.list_splits(args.name)), "unreadable": [list(pair) for pair in seen.unreadable],
    }  # fmt: skip
    if args.json:
        print_json(row)
        return 0
    print(f"{seen.record.name}: {seen.task.question}")
    for label, n in seen.count().items():
        print(f"  {label:<16}{n:>9,}")
    print(f"  {seen.n_groups:,} groups, {len(patients) or 'unknown'} patients or lesions, {len(sizes)} sizes")
    print(f"  root {seen.record.root}\n  fingerprint {seen.record.fingerprint[:16]}…")
    print(f"  splits: {', '.join(row['splits']) or 'none made yet'}")
    for name, reason in seen.unreadable:
        print(f"  unreadable: {name}: {reason}")
    return 0


def _audit(args: argparse.Namespace) -> int:
    from medcls.workflows import data_audit

    audit = data_audit.audit_collection(args.name, again=args.again, model=args.model, progress=_Bar())
    if args.decide:
        pairs = (text.rpartition("=") for text in args.decide)
        audit = data_audit.decide(args.name, {key: None if value == "none" else value for key, _, value in pairs})
    probed = data_audit.probe_shortcuts(args.name) if args.probe else {}
    if args.json:
        for finding in audit.findings:
            print_json(finding.to_dict())
        for view, (estimate, sentence) in probed.items():
            print_json({"probe": view, "auroc": estimate.to_dict(), "says": sentence})
        return 0
    _print_audit(audit)
    for _, sentence in probed.values():
        print(sentence)
    return 0


def _print_audit(audit: Audit) -> None:
    for finding in audit.findings:
        done = f"  [{finding.decided or finding.default + ' unless decided otherwise'}]" if finding.choices else ""
        print(f"{finding.key}: {finding.says}{done}")
        for case in finding.cases[:4]:
            print(f"    {case}")
        if finding.n > 4:
            print(f"    … {finding.n} in all")
    if not audit.findings:
        print("Nothing found.")
    print(f"{audit.pairs_compared:,} likely pairs of pictures were laid over each other.")


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
            say(f"{what} on both sides: {a} | {b}")
        raise
    return _print_split(args.name, made, args.json)


def _print_split(name: str, split: Split, as_json: bool) -> int:
    from medcls.workflows import data_split

    counts = data_split.count_parts(name, split)
    if as_json:
        proof = split.proof.to_dict() if split.proof else None
        print_json({"name": split.name, "by": split.by, "seed": split.seed, "parts": counts, "proof": proof})
        return 0
    for part, labels in counts.items():
        print(f"  {part:<10}{sum(labels.values()):>9,}  " + ", ".join(f"{n:,} {label}" for label, n in labels.items()))
    if split.proof:
        print(
            f"Proof: {split.proof.groups_shared} groups and {split.proof.near_pairs_across} pairs of pictures on both "
            f"sides; {split.proof.pairs_compared:,} likely pairs compared ({split.proof.how})."
        )
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
        say(f"{args.name} is forgotten; its scans are where they were.")
    return 0
