"""`receive`, `worklist` and `outbox`: scans from the systems around, results to them."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from medcls.cli import add_mode, end_list, print_json, print_line, say, verb
from medcls.errors import MedclsError


def add(verbs: Any) -> None:
    """Add the verbs."""
    verb(verbs, "receive", _receive, "Listen for scans that named senders store here (DICOM), and send what waits.")
    listed = verb(verbs, "worklist", _worklist, "List the scans that wait to be read.")
    listed.add_argument("source", nargs="?", default="", metavar="SOURCE", help="inbox, folder, or a server's name")
    listed.add_argument("--patient", default="", metavar="ID", help="only of this patient")
    listed.add_argument("--date", default="", metavar="YYYYMMDD", help="only of this day or span, as 20260101-20260131")
    listed.add_argument("--fetch", type=Path, metavar="DIR", help="write the files there")
    add_mode(listed, "others: files are de-identified, and none with text on its picture is written")
    listed.add_argument("--json", action="store_true", help="one JSON object a scan")
    out = verb(verbs, "outbox", _outbox, "List the results on their way, and try what waits.")
    out.add_argument("--try", dest="again", default="", metavar="ID", help="try one that failed once more")
    out.add_argument("--json", action="store_true", help="one JSON object a result")


def _receive(args: argparse.Namespace) -> int:
    from medcls.workflows.receive import receive

    receive(say)
    return 0


def _worklist(args: argparse.Namespace) -> int:
    from medcls import disk
    from medcls.workflows.case_report import send_out
    from medcls.workflows.pacs import export, worklist

    failed: list[str] = []
    waiting = worklist(args.source, patient_id=args.patient, date=args.date)
    for number, item in enumerate(waiting):
        if args.json:
            print_json(asdict(item))
        else:
            print_line(
                "  ".join(filter(None, (item.source, item.date, item.modality, item.patient_id, item.patient, item.id)))
            )
        if args.fetch:
            args.fetch.mkdir(parents=True, exist_ok=True)
            try:
                parcel = send_out("received", export(item, f"{number + 1:04d}"), args.mode)
                disk.write_atomically((args.fetch / parcel.name).absolute(), parcel.data)
            except MedclsError as error:
                failed.append(item.id)
                say(f"{item.id}: {error}")
    return end_list("pages.worklist-empty", waiting, failed, args.json)


def _outbox(args: argparse.Namespace) -> int:
    from medcls.workflows import pacs

    _ = pacs.try_again(args.again) if args.again else pacs.try_waiting()
    rows = pacs.sendings()
    for row in rows:
        print_json(asdict(row)) if args.json else print_line(f"{row.id}  {row.server}  {row.state}  {row.why}".rstrip())
    return end_list("cli.no-result-sent", rows, [row for row in rows if row.state == "failed"], args.json)
