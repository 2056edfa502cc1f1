"""`explain`, `explain-test`, `tissue-map`: where a model finds evidence, and how far to believe the picture."""

import argparse
from pathlib import Path
from typing import Any

from medcls.cli import print_json, say, verb
from medcls.cli.files import add_way_out, each_file, read_some, save_drawings
from medcls.core.note import Note
from medcls.core.scan import Scan
from medcls.errors import MedclsError


def add(verbs: Any) -> None:
    """Add the verbs."""
    _add_explain(verbs)
    _add_study(verbs)
    _add_tissue(verbs)


def _add_explain(verbs: Any) -> None:
    made = verb(verbs, "explain", _explain, "Draw where a model finds evidence in scans, as PNG files.")
    made.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="scan, folder or ZIP archive")
    made.add_argument("--model", required=True, metavar="M", help="model id")
    made.add_argument(
        "--method",
        nargs="+",
        default=["gradcam"],
        metavar="NAME",
        help="heatmap methods (default gradcam); `all` for every one",
    )
    made.add_argument("--label", default="", help="label id; without it the most probable one")
    made.add_argument("--layer", default="", help="name of the layer to read; without it the last one")
    made.add_argument("--mask", type=Path, help="picture of the lesion, white on black, for one scan")
    made.add_argument("--test", action="store_true", help="test each heatmap (also with --mask)")
    made.add_argument("--style", default="fill", choices=("fill", "contour", "both"), help="how it is painted")
    made.add_argument("--caption", action="store_true", help="write model, method and label under each picture too")
    made.add_argument(
        "--out",
        required=True,
        type=Path,
        metavar="DIR",
        help="write the pictures here; names are made from the scan's digest",
    )
    made.add_argument("--json", action="store_true", help="one JSON object a heatmap")
    add_way_out(made)


def _add_study(verbs: Any) -> None:
    study = verb(
        verbs,
        "explain-test",
        _study,
        "Measure how often a model's heatmaps point at the lesion, on labelled scans with masks.",
    )
    study.add_argument("--model", required=True, metavar="M", help="model id")
    study.add_argument("--data", required=True, metavar="D", help="name of a labelled collection with masks")
    study.add_argument("--label", required=True, help="label id: truth of the cases and evidence drawn")
    study.add_argument(
        "--method",
        nargs="+",
        default=["gradcam", "hirescam", "layercam"],
        metavar="NAME",
        help="heatmap methods; `all` for every one",
    )
    study.add_argument("--layer", default="", help="name of the layer to read; without it the last one")
    study.add_argument("--everything", action="store_true", help="every case, not only those the model was tested on")
    study.add_argument(
        "--into-card",
        action="store_true",
        help="keep the table in the model's folder too, for its README and the Models page",
    )
    study.add_argument("--json", action="store_true", help="print the table as JSON")


def _add_tissue(verbs: Any) -> None:
    tissue = verb(verbs, "tissue-map", _tissue, "Map what a model says of every patch of a patient's tissue.")
    tissue.add_argument("--model", required=True, metavar="M", help="model id")
    tissue.add_argument("--data", required=True, metavar="D", help="name of a labelled collection with coordinates")
    tissue.add_argument("--patient", required=True, metavar="P", help="patient id in the collection")
    tissue.add_argument("--label", default="", help="label id; without it the first that means disease")
    tissue.add_argument("--out", required=True, type=Path, metavar="DIR", help="write the pictures here")
    tissue.add_argument("--json", action="store_true", help="print the map as JSON")
    add_way_out(tissue)


def _explain(args: argparse.Namespace) -> int:
    from medcls.workflows import explain
    from medcls.workflows.classify import open_model
    from medcls.workflows.scans import read

    methods = list(explain.METHODS) if args.method == ["all"] else args.method
    if unknown := [name for name in methods if name not in explain.METHODS]:
        raise MedclsError("workflows.unknown-method", found=", ".join(unknown)[:80], allowed=", ".join(explain.METHODS))
    classifier = open_model(args.model)
    args.out.mkdir(parents=True, exist_ok=True)
    total, failed = each_file(
        args.paths,
        lambda name, data: _rows(args, name, read(data), classifier, methods),
        lambda row: print_json(row) if args.json else print(_line(row)),
        model=args.model,
    )
    if not total:
        raise MedclsError("cli.nothing-to-explain")
    return 1 if failed else 0


def _rows(args: argparse.Namespace, name: str, scan: Scan, classifier: Any, methods: list[str]) -> list[dict[str, Any]]:
    """Draw one scan by each method; a method that fails gives a row with its error and the rest go on."""
    from medcls.workflows import explain
    from medcls.workflows.classify import classify_one

    mask = explain.read_mask(read_some(args.mask), scan) if args.mask else None
    label = args.label or classify_one(scan, classifier).top
    rows = []
    for drawn in explain.draw_many(scan, classifier, [label], methods, [args.layer or None]):
        row: dict[str, Any] = {
            "file": name,
            "model": args.model,
            "sha256": scan.sha256,
            "label": label,
            "method": drawn.request.method,
        }
        if (heatmap := drawn.heatmap.value) is None:
            rows.append(row | {"error": str(drawn.heatmap.error)})
            continue
        how = explain.Paint(args.style)
        (picture,) = save_drawings([explain.export(scan, heatmap, how, args.caption)], args.out, args)
        row |= {
            "layer": drawn.request.layer,
            "grid": list(heatmap.grid_px),
            "peak": heatmap.peak,
            "empty": heatmap.empty,
            "picture": str(picture),
        }
        if args.test or mask is not None:
            wanted = explain.HeatmapRequest(label, drawn.request.method, args.layer or None)
            row["checks"] = [
                {"model": network.card.id, "name": c.name, "holds": c.holds, "words": c.words, "numbers": c.numbers}
                for network in explain.networks_of(classifier)
                for c in explain.check_heatmap(scan, network, wanted, mask)
            ]
        rows.append(row)
    return rows


def _line(row: dict[str, Any]) -> str:
    if "error" in row:
        return f"{row['file']}: {row.get('method', '')} {row['error']}".replace("  ", " ")
    what = str(Note("cli.no-evidence", label=row["label"])) if row["empty"] else row["picture"]
    marks = {True: Note("cli.yes"), False: Note("cli.no"), None: Note("cli.cannot-tell")}
    checks = row.get("checks", ())
    several = len({c["model"] for c in checks}) > 1  # an ensemble is tested network by network
    tests = "".join(f"\n    {c['model'] + ', ' if several else ''}{marks[c['holds']]}: {c['words']}" for c in checks)
    return f"{row['file']}: {row['method']} for {row['label']}: {what}{tests}"


def _study(args: argparse.Namespace) -> int:
    from medcls.workflows.explain import METHODS
    from medcls.workflows.pointing import Asked, keep, measure, table

    def tell(done: int, total: int, stage: str = "") -> None:
        if done % 25 == 0 or done == total:
            say(f"{done} of {total} cases")

    methods = tuple(METHODS) if args.method == ["all"] else tuple(args.method)
    study = measure(args.model, args.data, Asked(args.label, methods, args.layer or None, args.everything), tell)
    print_json(study.to_dict()) if args.json else print(table(study), end="")
    if args.into_card:
        keep(study)
        say(str(Note("cli.kept-with-model", model=args.model)))
    return 0


def _tissue(args: argparse.Namespace) -> int:
    from medcls.workflows import tissue
    from medcls.workflows.classify import open_model

    found = tissue.tissue_map(open_model(args.model), args.data, args.patient, args.label or None)
    paths = save_drawings(tissue.exports(found, args.model), args.out, args)
    row = {
        "model": args.model,
        "label": found.label,
        "patches": found.n_patches,
        "unread": found.n_unread,
        "pictures": [str(p) for p in paths],
    }
    if args.json:
        print_json(
            row | {"prob": found.prob.tolist(), "auroc": None if found.agreement is None else found.agreement.to_dict()}
        )
        return 0
    print(Note("cli.tissue", n=found.n_patches, unread=found.n_unread))
    if found.agreement is not None:
        print(Note("cli.tissue-auroc", auroc=str(found.agreement)))
    print("\n".join(map(str, paths)))
    return 0
