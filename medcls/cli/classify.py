"""`classify`: what a model says of scans."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medcls.cli import print_json, say, verb
from medcls.cli.files import add_way_out, save_drawings
from medcls.core.model import ModelCard
from medcls.core.note import Note
from medcls.core.scan import Scan
from medcls.errors import MedclsError

if TYPE_CHECKING:  # torch costs seconds
    from medcls.workflows.classify import Answer


def add(verbs: Any) -> None:
    """Add the verb."""
    made = verb(verbs, "classify", _classify, "Say what a model answers for scans, folders or ZIP archives of them.")
    made.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="scan, folder or ZIP archive")
    made.add_argument("--task", default="", help="task id; needed where models of several tasks are installed")
    made.add_argument("--model", default="", help="model id; without it the one recommended for the task")
    made.add_argument("--frame", type=int, metavar="N", help="which frame or page of each file, from 1; else the first")
    made.add_argument("--site", default="", help="site whose settings the answers are read with")
    made.add_argument("--json", action="store_true", help="one JSON object a scan")
    made.add_argument(
        "--show-anyway", action="store_true", help="print the probabilities of a scan that the model cannot tell, too"
    )
    made.add_argument(
        "--marks",
        type=Path,
        metavar="DIR",
        help="write here what drawn marks were found on each scan, and it without them; names are made from its digest",
    )
    add_way_out(made)


def _classify(args: argparse.Namespace) -> int:
    from medcls.workflows.classify import choose_model, classify_many, open_model
    from medcls.workflows.scans import walk
    from medcls.workflows.site import reader_at

    card = choose_model(args.task, args.model)
    read = reader_at(args.site, card) if args.site else None
    failed = total = 0
    frame = None if args.frame is None else args.frame - 1
    for answer in classify_many(walk(args.paths), open_model(card.id), frame, args.site):
        total += 1
        answer = replace(answer, prediction=answer.prediction.then(read)) if read else answer
        failed += not answer.prediction.ok
        row = answer_row(answer, card)
        if args.marks and answer.scan.value is not None:
            failed += not _write_marks(args, answer.scan.value, card, row)
        print_json(row) if args.json else print(line_of(row, args.show_anyway))
    if not total:
        raise MedclsError("cli.nothing-to-classify")
    if not args.json:
        say(str(Note("cli.answered", done=total - failed, total=total, model=card.id)))
    return 1 if failed else 0


def _write_marks(args: argparse.Namespace, scan: Scan, card: ModelCard, row: dict[str, Any]) -> bool:
    """Write pictures of what was painted over, and say in the row which, or why not; False if they may not leave."""
    from medcls.workflows import marks

    try:
        row["marks"] = [str(path) for path in save_drawings(marks.exports(scan, marks.step_of(card)), args.marks, args)]
    except MedclsError as error:
        row |= {"marks": [], "marks_error": str(error), "marks_code": error.code}
        return False
    return True


def answer_row(answer: "Answer", card: ModelCard) -> dict[str, Any]:
    """Return an answer as the documented JSON object.

    Returns:
        `file` and `model`; then what `Prediction.to_dict` gives; or `error` and its `code`. With `--marks` the verb
        adds `marks`, the pictures written, or `marks_error` and `marks_code`.
    """
    row: dict[str, Any] = {"file": answer.name, "model": card.id}
    if (error := answer.prediction.error) is not None:
        return row | {"error": str(error), "code": error.code}
    return row | answer.prediction.get().to_dict(answer.scan.get().history)


def line_of(row: dict[str, Any], anyway: bool) -> str:
    """Return an answer as a line, its notes below it; probabilities of a refusal only if asked for."""
    if "error" in row:
        return f"{row['file']}: {row['error']}"
    prob = ", ".join(f"{label} {p:.2f}" for label, p in zip(row["labels"], row["prob"], strict=True))
    told = f" ({prob})" if row["decided"] or anyway else ""
    below = [*row["notes"], *row.get("marks", ()), *filter(None, [row.get("marks_error")])]
    return f"{row['file']}: {row['decided'] or Note('cli.cannot-tell')}{told}" + "".join(
        f"\n    {line}" for line in below
    )
