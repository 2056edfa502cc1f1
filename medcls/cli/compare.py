"""`compare`: which model is better on the same labelled cases, and can these cases tell?"""

import argparse
from pathlib import Path
from typing import Any

from medcls.cli import add_mode, add_part, print_json, print_line, say, verb
from medcls.core.note import Note


def add(verbs: Any) -> None:
    """Add the verb."""
    made = verb(verbs, "compare", _compare, "Compare models on the same labelled cases, with intervals and verdicts.")
    made.add_argument("--models", default="", metavar="A,B[,C…]", help="two to eight model ids, or `all` with --task")
    made.add_argument("--task", default="", help="task id; with --models all")
    made.add_argument(
        "--data",
        default="",
        metavar="D[,E…]",
        help="labelled collections, by name or path; without it, the cases published with the models",
    )
    made.add_argument(
        "--evaluations",
        nargs="+",
        type=Path,
        metavar="DIR",
        help="instead of models: folders that `evaluate --out` wrote, one a model; the cases they share are compared",
    )
    add_part(made)
    made.add_argument("--score", default="auroc", help="score whose differences are tested")
    made.add_argument("--by", default="", metavar="COLUMN", help="the score in each subgroup of a column, as device")
    made.add_argument("--resamples", type=int, default=2000, help="times the groups are resampled")
    made.add_argument("--json", action="store_true", help="one JSON object a score and a pair")
    made.add_argument("--markdown", action="store_true", help="the scores and the differences as Markdown tables")
    made.add_argument(
        "--into",
        type=Path,
        metavar="FILE",
        help="put the table of differences between its markers in this file, as docs/results.md: "
        "<!-- compared TASK: begin --> and … end -->",
    )
    made.add_argument("--html", type=Path, metavar="FILE", help="write a report that needs nothing else")
    made.add_argument("--csv", type=Path, metavar="FOLDER", help="write scores.csv, differences.csv and cases.csv")
    add_mode(made, "others: what is written names no case")
    ablation = verb(verbs, "ablation", _ablation, "Line up finished runs that differ in one setting, with what it did.")
    ablation.add_argument("--score", default="auroc", help="score to compare")
    ablation.add_argument("--json", action="store_true", help="one JSON object a pair of runs")


def _compare(args: argparse.Namespace) -> int:
    from medcls.exits.comparison_text import pairs_to_markdown, to_markdown

    found = _found(args)
    differences = found.differences(args.score)
    _write(args, found, differences)
    if args.markdown:
        pairs = pairs_to_markdown(found, args.score, resamples=args.resamples)
        print(to_markdown(found), pairs, sep="\n", end="")
    elif args.json:
        _print_json(found, differences)
    else:
        _print(found, differences, args.score)
    if args.by:
        _print_subgroups(found, args)
    for note in found.notes:
        say(str(note))
    return 0


def _found(args: argparse.Namespace) -> Any:
    from medcls.core.collection import Part
    from medcls.errors import BadData
    from medcls.workflows import compare
    from medcls.workflows.evaluate import name_collections

    if bool(args.models) == bool(args.evaluations):
        raise BadData("cli.nothing-to-compare")
    if args.evaluations:
        return compare.compare_folders(args.evaluations, resamples=args.resamples)
    models = _models(args)
    if not args.data:
        return compare.compare_stored(models, resamples=args.resamples)
    return compare.compare_afresh(
        models,
        name_collections(args.data.split(","), say),
        Part(args.part, args.split, args.fold),
        resamples=args.resamples,
        on_case=_progress,
    )


def _models(args: argparse.Namespace) -> list[str]:
    if args.models != "all":
        return args.models.split(",")
    from medcls.workflows.models import list_models

    return [card.id for card in list_models(args.task or None)]


def _progress(done: int, total: int, stage: str = "") -> None:
    if done == total or done % 200 == 0:
        say(f"{stage}: {done} of {total} cases")


def _print(found: Any, differences: Any, score: str) -> None:
    from medcls.core.evaluation import describe_basis
    from medcls.core.numbers import show_estimate
    from medcls.workflows.site_figures import compared_figures

    title, sites = found.score_names()[score], compared_figures(found)
    print(f"{describe_basis(len(found.first), found.n_groups, found.collection)}: {found.part}.\n")
    for model_id, scores in found.scores.items():
        print(f"{model_id}: {title} {show_estimate(scores[score])}, accuracy {show_estimate(scores['accuracy'])}")
        for one in sites[model_id]:
            print(f"  {one.headline()}")
    print()
    for d in differences:
        print(f"{d.a} against {d.b}: {d.verdict}")


def _print_json(found: Any, differences: Any) -> None:
    from medcls.workflows.tables import difference_rows, score_rows, site_rows

    for row in site_rows(found):
        print_json({"kind": "site"} | row)
    for row in score_rows(found):
        print_json({"kind": "score"} | row)
    for row in difference_rows(differences):
        print_json({"kind": "difference"} | row)


def _print_subgroups(found: Any, args: argparse.Namespace) -> None:
    from medcls.core.numbers import show_estimate

    for group in found.subgroups(args.by, args.score):
        for model_id, estimate in group.scores.items():
            row = {
                "model": model_id,
                "score": args.score,
                args.by: group.value,
                "cases": group.n_cases,
                "groups": group.n_groups,
            }
            if args.json:
                print_json({"kind": "subgroup"} | row | estimate.to_dict())
            else:
                print_line(f"{args.by} {group.value} (n = {group.n_cases}): {model_id} {show_estimate(estimate)}")


def _write(args: argparse.Namespace, found: Any, differences: Any) -> None:
    from medcls.errors import Conflict
    from medcls.workflows import report, tables
    from medcls.workflows.case_report import send_out

    if args.into:
        report.write_pairs(found, args.into, args.score, resamples=args.resamples, mode=args.mode)
    try:
        if args.html:
            page = report.page_of(found, differences, report.costs_of(found))
            args.html.write_bytes(send_out("comparison", page, args.mode).data)
        if args.csv:
            args.csv.mkdir(parents=True, exist_ok=True)
            rows = {"scores": tables.score_rows(found), "differences": tables.difference_rows(differences)}
            for name, lines in (rows | {"cases": tables.case_rows(found)}).items():
                table = tables.as_table(name, lines, found)
                (args.csv / f"{name}.csv").write_bytes(send_out("table-csv", table, args.mode).data)
    except OSError as error:
        raise Conflict("cli.report-not-written", found=error.strerror or type(error).__name__) from error


def _ablation(args: argparse.Namespace) -> int:
    from medcls.core.numbers import show_estimate
    from medcls.workflows.ablation import ablate

    rows = ablate(args.score)
    for row in rows:
        if args.json:
            print_json(
                {
                    "knob": row.setting,
                    "before": row.before,
                    "after": row.after,
                    "value_before": row.value_before,
                    "value_after": row.value_after,
                    "score_before": row.score_before.to_dict(),
                    "score_after": row.score_after.to_dict(),
                    "difference": row.difference.estimate.to_dict(),
                    "p": row.difference.p,
                    "verdict": str(row.difference.verdict),
                    "code": row.difference.verdict.code,
                }
            )
        else:
            print(
                f"{row.setting} {row.value_before} → {row.value_after}: {show_estimate(row.score_before)} → "
                f"{show_estimate(row.score_after)}; {row.difference.verdict}"
            )
    if not rows:
        say(str(Note("cli.no-ablation")))
    return 0
