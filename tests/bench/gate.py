"""What the gate of shipped models refuses: own scans as they are, at half resolution and blurred, and every foreign kind at hand.

Asks each network's gate alone, without running the network: a share of refusals costs no answer. Own scans are those of the
named collections that the model never saw; foreign ones are made by program, phantoms of other tasks, and other collections.
With `--strange`, also kinds that no gate was taught (documents, faces, wood, sky …), in colour and in grey; with `--photos`,
photographs of a folder, whole and five random cuts of each.

    PYTHONPATH=. python tests/bench/gate.py --model M --own D… --foreign D… --into docs/results.md
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from medcls.core.collection import Selection
from medcls.core.scan import Scan
from medcls.data.collections import open_collection
from medcls.evaluation.asking import cases_for
from medcls.imaging.contrast import MADE, make_foreign, make_phantoms
from medcls.imaging.decode import read_scan
from medcls.models.familiarity import how_unlike, refuse_foreign
from medcls.models.opening import open_model
from medcls.models.predictor import Predictor
from medcls.stats.intervals import wilson
from medcls.tasks import list_tasks
from medcls.workflows.marked import put_between_marks
from tests.bench.strange import STRANGE, as_grey, make_strange

SEED = 4242  # none that a gate was taught with
_CUTS, _CUT_PX = 6, 400  # pictures of each photograph, and the longer side of each
FAMILIAR = {"as they are": 0.03, "at half resolution": 0.05, "blurred by 2 px": 0.05}


def main() -> None:
    """Print a line for every kind of picture, or put the table between its marks in a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--own", nargs="+", default=[], help="collections of the model's own kind")
    parser.add_argument("--foreign", nargs="*", default=[], help="collections of other kinds")
    parser.add_argument("--most", type=int, default=150, help="scans of every kind at most")
    parser.add_argument("--strange", type=int, default=0, help="pictures of every kind that no gate was taught")
    parser.add_argument("--photos", type=Path, help="folder of photographs")
    parser.add_argument("--into", type=Path, help="Markdown file with the marks `gate MODEL`")
    args = parser.parse_args()
    model = open_model(args.model)
    text = table(model, args.own, args.foreign, args.most)
    for kind, scans in [*untaught(args.strange), *photographs(args.photos)]:
        text += line(kind, model, scans, "none set") + "\n"
    put_between_marks(args.into, f"gate {args.model}", text) if args.into else print(text, end="")


def table(model: Predictor, own: Sequence[str], foreign: Sequence[str], most: int) -> str:
    """Return the shares refused as Markdown."""
    lines = ["| pictures | n | refused as another kind | goal |", "|---|---|---|---|"]
    for name in own:
        plain = [
            read_scan(read(case))
            for _, cases, read in cases_for(model, Selection((name,), "unseen", most))
            for case in cases
        ]
        for how, goal in FAMILIAR.items():
            lines.append(line(f"{name}, {how}", model, [changed(scan, how) for scan in plain], f"≤ {goal:.0%}"))
    for kind, scans in strangers(model, foreign, most):
        lines.append(line(kind, model, scans, "≥ 98 %"))
    return "\n".join(lines) + "\n"


def changed(scan: Scan, how: str) -> Scan:
    """Return a scan as it is, at half its resolution, or blurred by a Gaussian of 2 px."""
    if how == "at half resolution":
        size = tuple(max(1, side // 2) for side in scan.pixels.shape[1::-1])
        return replace(scan, pixels=cv2.resize(scan.pixels, size, interpolation=cv2.INTER_AREA))
    return replace(scan, pixels=cv2.GaussianBlur(scan.pixels, (0, 0), 2)) if how == "blurred by 2 px" else scan


def strangers(model: Predictor, collections: Sequence[str], most: int) -> Iterator[tuple[str, list[Scan]]]:
    """Yield every foreign kind with pictures of it."""
    for kind in MADE:
        yield f"{kind}, made by program", list(make_foreign(kind, most, SEED))
    for task in list_tasks().values():
        if task.id != model.card.task.id:
            yield f"phantoms of {task.id}", list(make_phantoms(task, most, SEED))
    for name in collections:
        collection = open_collection(name)
        rows = np.random.default_rng(SEED).permutation(len(collection.cases))[:most]
        yield name, [read_scan(collection.read(collection.cases[int(i)])) for i in rows]


def untaught(most: int) -> Iterator[tuple[str, list[Scan]]]:
    """Yield the kinds that no gate was taught, all of them in grey last."""
    grey: list[Scan] = []
    for kind in STRANGE if most else ():
        scans = list(make_strange(kind, most, SEED))
        grey += [as_grey(scan) for scan in scans[: most // 5]]
        yield f"{kind}, never taught", scans
    if grey:
        yield "all of these in grey", grey


def photographs(folder: Path | None) -> Iterator[tuple[str, list[Scan]]]:
    """Yield the photographs of a folder, and cuts of them, in colour and in grey."""
    if folder is None:
        return
    rng, cuts = np.random.default_rng(SEED), []
    for path in sorted(folder.iterdir()):
        whole = cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
        for cut in range(_CUTS):
            share = rng.uniform(0.25, 1) if cut else 1.0
            size = [max(16, int(side * share)) for side in whole.shape[:2]]
            y, x = (int(rng.integers(side - part + 1)) for side, part in zip(whole.shape[:2], size, strict=True))
            part = whole[y : y + size[0], x : x + size[1]]
            fit = min(1.0, _CUT_PX / max(size))
            part = cv2.resize(part, None, fx=fit, fy=fit, interpolation=cv2.INTER_AREA)
            cuts.append(Scan((part / 255).astype(np.float32), "0" * 64))
    yield "photographs, never taught", cuts
    yield "the same in grey", [as_grey(scan) for scan in cuts]


def line(kind: str, model: Predictor, scans: Sequence[Scan], goal: str) -> str:
    """Return a kind's line of the table."""
    hits = sum(is_refused(model, scan) for scan in scans)
    low, high = wilson(hits, len(scans))
    return f"| {kind} | {len(scans)} | {hits / len(scans):.3f} ({low:.3f}–{high:.3f}) | {goal} |"


def is_refused(model: Predictor, scan: Scan) -> bool:
    """Say whether half of a model's networks or more refuse a scan as of another kind."""
    refused = 0
    for member in model.members:
        square = member.place(scan)
        gate_alone = replace(member.card.abstention, max_distance=None, max_appearance=None)
        unlike = how_unlike(replace(member.card, abstention=gate_alone), member.known, [square], np.zeros((1, 1)))[0]
        refused += refuse_foreign(scan, member.card, unlike) is not None
    return 2 * refused >= len(model.members)


if __name__ == "__main__":
    main()
