"""`models`: which there are, and what is known of one."""

import argparse
from pathlib import Path
from typing import Any

from medcls.cli import add_mode, print_json, say, verb
from medcls.core.note import Note
from medcls.errors import MedclsError


def add(verbs: Any) -> None:
    """Add the verb and what can be done with it."""
    made = verb(verbs, "models", _list, "List the models that can be asked.")
    made.add_argument("--json", action="store_true", help="one JSON object a model")
    inside = made.add_subparsers(title="what", metavar="WHAT")
    listed = verb(inside, "list", _list, "List the models that can be asked.")
    listed.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="one JSON object a model")
    table = verb(inside, "table", _table, "Print the models and their figures as a Markdown table.")
    table.add_argument("--recommended", action="store_true", help="only the models recommended for their task")
    table.add_argument(
        "--into", type=Path, metavar="FILE", help="put it between its markers in this file instead, as docs/results.md"
    )
    add_mode(table, "others: sites are numbered in what is written")
    show = verb(inside, "show", _show, "Show everything known of a model.")
    show.add_argument("model", metavar="M", help="model id")
    show.add_argument("--json", action="store_true", help="the card as JSON")
    joined = verb(inside, "ensemble", _ensemble, "Publish the mean of several models as a model of its own.")
    joined.add_argument("members", nargs="+", metavar="M", help="model ids")
    joined.add_argument("--name", default="Ensemble", help="what to call it")
    joined.add_argument("--id", default="", dest="model_id", help="id to publish under")
    retire = verb(inside, "retire", _retire, "Take a model off the lists without deleting it.")
    retire.add_argument("model", metavar="M", help="model id")
    retire.add_argument("--reason", default="retired by the user", help="why; empty puts it back")
    remove = verb(
        inside, "remove", _remove, "Delete a model of this machine for good: a retired one, or one that cannot be read."
    )
    remove.add_argument("model", metavar="M", help="model id")
    point = verb(inside, "threshold", _threshold, "Keep a named operating point on a model's card, or take one off.")
    point.add_argument("model", metavar="M", help="model id")
    point.add_argument("name", metavar="NAME", help="what to call it, as screening")
    point.add_argument("label", metavar="LABEL", help="id of the label that is called")
    point.add_argument(
        "prob", metavar="PROB", type=float, nargs="?", help="called at or above this; without it, taken off"
    )
    export = verb(inside, "export", _export, "Write a model as one ZIP archive, or as ONNX with checked equality.")
    export.add_argument("model", metavar="M", help="model id")
    export.add_argument("--out", type=Path, default=Path(), metavar="DIR", help="folder to write to (default: here)")
    add_mode(export, "record: with the names of its test cases", default="others")
    export.add_argument("--onnx", action="store_true", help="ONNX instead of a ZIP archive")
    bring = verb(
        inside, "import", _import, "Take the models of an archive that `models export` wrote; hashes are verified."
    )
    bring.add_argument("archive", type=Path, metavar="ZIP", help="the archive")


def _table(args: argparse.Namespace) -> int:
    from medcls.workflows.models import describe_models, write_table

    if args.into:
        write_table(args.into, args.recommended, args.mode)
    else:
        print(describe_models(args.recommended), end="")
    return 0


def _threshold(args: argparse.Namespace) -> int:
    from medcls.workflows.thresholds import forget_threshold, save_threshold

    if args.prob is None:
        card = forget_threshold(args.model, args.name, args.label)
    else:
        card = save_threshold(args.model, args.name, args.label, args.prob)
    for t in card.thresholds:
        print(Note("cli.point", name=t.name, label=t.label, at=t.prob))
    if not card.thresholds:
        say(str(Note("cli.no-operating-point", model=card.id)))
    return 0


def _export(args: argparse.Namespace) -> int:
    from medcls.workflows import exchange

    if not args.onnx:
        print(exchange.export_model(args.model, args.out, args.mode))
        return 0
    made = exchange.export_onnx(args.model, args.out)
    print(made.path)
    say(str(Note("cli.onnx-differs", most=made.greatest, n=made.n_scans)))
    return 0


def _import(args: argparse.Namespace) -> int:
    from medcls.workflows.exchange import import_model

    cards = import_model(args.archive)
    for card in cards:
        print(f"{card.id}: {card.name}")
    if not cards:
        say(str(Note("cli.models-here")))
    return 0


def _ensemble(args: argparse.Namespace) -> int:
    from medcls.workflows.ensemble import make_ensemble

    print(make_ensemble(args.members, args.name, args.model_id).id)
    return 0


def _retire(args: argparse.Namespace) -> int:
    from medcls.workflows.models import retire

    card = retire(args.model, args.reason)
    print(f"{card.id}: {card.retired or Note('cli.offered-again')}")
    return 0


def _remove(args: argparse.Namespace) -> int:
    from medcls.workflows.exchange import remove_model

    done = remove_model(args.model)
    if done.unread is not None:
        say(str(done.unread))
    print(Note("cli.model-removed", model=args.model, n=done.n_files, megabytes=done.n_bytes / 1e6))
    return 0


def _list(args: argparse.Namespace) -> int:
    from medcls.workflows.models import every_model

    found = every_model()
    for outcome in found:
        if outcome.value is not None:
            print_json(_row(outcome.value)) if args.json else print(_line(outcome.value))
        elif outcome.error is not None and args.json:
            print_json({"model": outcome.name, "error": str(outcome.error), "code": outcome.error.code})
        else:
            print(Note("cli.unusable-row", name=outcome.name, error=str(outcome.error)))
    if not found:
        say(str(Note("cli.no-model")))
    return 0 if all(outcome.ok for outcome in found) else 1


def _row(card: Any) -> dict[str, Any]:
    evaluation, error = _measured(card)
    sites = evaluation.by_site() if evaluation else ()
    return {
        "model": card.id,
        "name": card.name,
        "task": card.task.id,
        "labels": list(card.task.label_ids),
        "backbone": card.backbone,
        "parameters": card.n_parameters,
        "scores": _plain(evaluation.scores if evaluation else {}),
        "sites": [{"site": s.site, "never_seen": s.never_seen, **_plain(s.scores)} for s in sites],
        "licence": card.licence,
    } | ({"error": str(error), "code": error.code} if error else {})


def _plain(scores: Any) -> dict[str, Any]:
    return {name: estimate.to_dict() for name, estimate in scores.items()}


def _line(card: Any) -> str:
    from medcls.workflows.site_figures import evaluated_figures

    evaluation, error = _measured(card)
    sites = evaluated_figures(evaluation, None) if evaluation else ()
    none = Note("cli.not-measured")
    told = "; ".join(f"{one.title} {one.scores.get('auroc_disease', none)}" for one in sites)
    return f"{card.id}  {card.task.id}  {card.backbone}  AUROC {told or error or none}"


def _measured(card: Any) -> tuple[Any, MedclsError | None]:
    """Return what was measured of a model, or what ails it: one model's damage takes no other off the list.

    No `Outcome`: a model that was never measured has neither.
    """
    from medcls.workflows.models import evaluation_of

    try:
        return evaluation_of(card.id), None
    except MedclsError as error:
        return None, error


def _show(args: argparse.Namespace) -> int:
    from medcls.workflows.models import show_model

    card, text = show_model(args.model)
    print_json(card.to_dict()) if args.json else print(text)
    return 0
