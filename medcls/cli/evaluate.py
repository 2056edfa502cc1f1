"""`evaluate`: measure a model on labelled scans."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medcls.cli import add_mode, add_part, print_json, print_line, say, verb
from medcls.core.evaluation import CaseTable, Evaluation

if TYPE_CHECKING:
    from medcls.exits.case import Mode


def add(verbs: Any) -> None:
    """Add the verb."""
    made = verb(verbs, "evaluate", _evaluate, "Measure a model on labelled scans, with intervals.")
    made.add_argument("--model", required=True, metavar="M", help="model id")
    made.add_argument(
        "--data",
        required=True,
        nargs="+",
        metavar="D",
        help="names of labelled collections, or a folder of labelled scans",
    )
    add_part(made)
    made.add_argument("--out", type=Path, metavar="DIR", help="write evaluation.json and cases.csv here")
    add_mode(made, "others: what is written names no case")
    made.add_argument("--json", action="store_true", help="print the evaluation as JSON")


def _evaluate(args: argparse.Namespace) -> int:
    from medcls.workflows.evaluate import evaluate, name_collections

    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)  # where it cannot be, that is said before the work
    names = name_collections(args.data, say)
    evaluation, cases = evaluate(args.model, names, args.part, split=args.split, fold=args.fold)
    return tell(evaluation, cases, args.json, args.out, args.mode)


def tell(
    evaluation: Evaluation, cases: CaseTable, as_json: bool, out: Path | None = None, mode: "Mode" = "record"
) -> int:
    """Print what was measured.

    Args:
        evaluation: The scores.
        cases: The cases.
        as_json: True for one JSON object.
        out: Folder to write evaluation.json and cases.csv into; None for nowhere.
        mode: `record`; or `others`, where what is written names no case.
    """
    from medcls.workflows.doubt import doubts
    from medcls.workflows.evaluate import write

    if out:
        write(evaluation, cases, out, mode)
    if as_json:
        print_json(evaluation.to_dict())
        return 0
    print(
        f"{evaluation.model} on {evaluation.collection}, {evaluation.part}: "
        f"{evaluation.n_cases} cases, {evaluation.n_groups} groups"
    )
    for part, scores in evaluation.subgroups.items():  # each site and, of patches, whole tissue: before what is pooled
        told = (f"{name}: {scores[name]}" for name in ("auroc_disease", "sensitivity", "specificity") if name in scores)
        print_line(f"  {part}: {', '.join(told)}")
    for name, score in evaluation.scores.items():
        print(f"  {name}: {score}")
    for note in (*(one.note() for one in doubts(cases, evaluation.collection)), *evaluation.notes):
        say(str(note))
    return 0
