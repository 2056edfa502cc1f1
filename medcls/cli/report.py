"""`report` and `audit`: a case as a document, and the trail of what was done."""

import argparse
from pathlib import Path
from typing import Any

from medcls.cli import add_mode, print_json, say, verb
from medcls.cli.files import each_file
from medcls.cli.progress import Bar
from medcls.core.note import Note
from medcls.core.progress import staged
from medcls.errors import MedclsError


def add(verbs: Any) -> None:
    """Add the verbs."""
    _add_report(verbs)
    trail = verb(verbs, "audit", _verify, "Check the audit trail, or print it.")
    parts = trail.add_subparsers(title="what", metavar="WHAT")
    verb(parts, "verify", _verify, "Find a line that was changed, taken out or moved.")
    verb(parts, "list", _list, "Print the trail, one JSON object a line.")
    out = verb(parts, "export", _export, "Write the trail as FHIR R4 AuditEvents.")
    out.add_argument("--out", type=Path, required=True, metavar="FILE", help="file to write")
    add_mode(out, "others: people are numbered")


def _add_report(verbs: Any) -> None:
    from medcls.exits import CASE_EXITS

    made = verb(verbs, "report", _report, "Answer scans and write a report for each.")
    made.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="scan, folder or ZIP archive")
    made.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write to; made if missing")
    made.add_argument(
        "--as", dest="ways", default="pdf", metavar="WAY…", help=f"of {', '.join(CASE_EXITS)}; several with commas"
    )
    add_mode(made, "others: de-identified")
    made.add_argument("--task", default="", help="task id; needed where models of several tasks are installed")
    made.add_argument("--model", default="", help="model id; without it the best measured one of the task")
    made.add_argument("--site", default="", help="site whose settings the answer is read with")
    made.add_argument("--read", default="", metavar="LABEL", help="your own reading, a label id, before the answer")
    made.add_argument("--comment", default="", help="free text; left out for others")
    made.add_argument("--checks", action="store_true", help="test the heatmap as well; takes some seconds a scan")
    made.add_argument("--cover-text", action="store_true", help="paint over text found on the picture")
    made.add_argument("--views", action="store_true", help="all scans are views of one case: one report, of the first")
    made.add_argument(
        "--show-anyway", action="store_true", help="probabilities and heatmap of what cannot be told, too"
    )
    made.add_argument("--json", action="store_true", help="one JSON object a file")


def _report(args: argparse.Namespace) -> int:
    from medcls.workflows.classify import choose_model, open_model

    model = open_model(choose_model(args.task, args.model).id)
    args.out.mkdir(parents=True, exist_ok=True)
    if args.views:
        return _report_views(args, model)
    total, failed = each_file(
        args.paths,
        lambda name, data: [{"file": name, "written": str(path)} for path in _write(args, name, data, model)],
        lambda row: print_json(row) if args.json else print(f"{row['file']}: {row.get('written') or row['error']}"),
    )
    if not total:
        raise MedclsError("cli.nothing-to-classify")
    say(str(Note("cli.reported", done=total - failed, total=total)))
    return 1 if failed else 0


def _write(args: argparse.Namespace, name: str, data: bytes, model: Any) -> list[Path]:
    """Write one scan's report in every way asked for."""
    return _save(args, _case(args, name, data, model))


def _case(args: argparse.Namespace, name: str, data: bytes, model: Any) -> Any:
    from medcls.workflows import case_report

    reading = case_report.Reading(args.read, "", args.comment)
    said = case_report.Said(reading=reading, site=args.site, anyway=args.show_anyway)
    checks = staged(Bar(), "checks") if args.checks else None
    case = case_report.make_case(data, name, model, said=said, checks=checks)
    if args.read and args.read not in case.card.task.label_ids:
        raise MedclsError("cli.no-such-label", found=args.read[:40], allowed=", ".join(case.card.task.label_ids))
    return case


def _report_views(args: argparse.Namespace, model: Any) -> int:
    """Write one report of several views of a case; one that cannot be read stops it."""
    from medcls.workflows import case_report
    from medcls.workflows.scans import walk

    entries = list(walk(args.paths))
    if not entries:
        raise MedclsError("cli.nothing-to-classify")
    files = [(entry.name, entry.get()) for entry in entries]
    first, *others = (_case(args, name, data, model) for name, data in files)
    views = [case_report.View(case.scan, case.prediction) for case in others]
    for path in _save(args, case_report.with_views(first, views, args.site)):
        print_json({"written": str(path)}) if args.json else print(path)
    return 0


def _save(args: argparse.Namespace, case: Any) -> list[Path]:
    from medcls.workflows import case_report

    if args.cover_text:
        case = case_report.cover_text(case)
    written = []
    for way in args.ways.split(","):
        parcel = case_report.send_out(way.strip(), case, args.mode)
        (args.out / parcel.name).write_bytes(parcel.data)
        written.append(args.out / parcel.name)
    return written


def _verify(args: argparse.Namespace) -> int:
    from medcls.workflows import trail

    found = trail.verify()
    if found.broken_at is not None:
        say(str(Note("cli.trail-broken", line=found.broken_at, where=found.where)))
        return 1
    if found.missing:
        say(str(Note("cli.trail-cut", n=found.missing)))
        return 1
    print(Note("cli.trail-whole", n=found.n, digest=found.digest))
    return 0


def _export(args: argparse.Namespace) -> int:
    from medcls import disk
    from medcls.workflows import trail

    disk.write_atomically(args.out.absolute(), trail.export(args.mode).data)
    print(args.out)
    return 0


def _list(args: argparse.Namespace) -> int:
    from medcls.workflows import trail

    for line in trail.lines():
        print_json(
            {"n": line.n, "at": line.at, "who": line.who, "what": line.what, "outcome": line.outcome, **line.facts}
        )
    return 0
