"""Heatmaps of a run's test cases, drawn and tested: what a seed project showed, and whether it can be believed."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from medcls.core.evaluation import CaseTable
from medcls.core.note import Note
from medcls.models import store
from medcls.runs.folder import RunFolder

_EACH = 4  # cases drawn of each label


def draw_maps(run: RunFolder, method: str, into: Path) -> Note:
    """Draw and test heatmaps of a few test cases of each label, for the label the model finds most probable.

    Args:
        run: A run with a result.
        method: A name of `METHODS`.
        into: Folder for the pictures, made if missing.

    Returns:
        How many were drawn, on what grid, and how many stand the test of hiding first what they mark.

    Raises:
        MedclsError: If the method does not work on this network, or a scan cannot be read.
    """
    from medcls.data.collections import open_collection
    from medcls.explain.drawing import explain, open_scan
    from medcls.explain.faith import check
    from medcls.explain.method_table import METHODS
    from medcls.explain.overlay import Paint, paint
    from medcls.imaging.decode import read_scan
    from medcls.imaging.picture import to_png
    from medcls.models.opening import open_model

    classifier, cases = open_model(run.result), store.read_cases(run.result)
    assert cases is not None
    collection = open_collection(run.spec().data.collections[0])
    into.mkdir(parents=True, exist_ok=True)
    verdicts: list[bool | None] = []
    grid = (0, 0)
    for row in _some(cases):
        scan = read_scan(collection.read(collection.case(str(cases.case[row]))))
        truth, label = (cases.labels[k] for k in (cases.truth[row], cases.prob[row].argmax()))
        heatmap = explain(classifier, scan, label, method)
        grid = heatmap.grid_px
        picture = into / f"{scan.sha256[:16]}--is-{truth}--called-{label}.png"
        picture.write_bytes(to_png(paint(scan, heatmap, Paint(), 200)))
        found = {test.name: test.holds for test in check(open_scan(classifier, scan, None), label, method)}
        verdicts.append(found.get("order"))
    held, failed = (sum(v is wanted for v in verdicts) for wanted in (True, False))
    drawn = {"method": METHODS[method].title, "n": len(verdicts), "rows": grid[0], "columns": grid[1]}
    told = {"held": held, "failed": failed, "untold": len(verdicts) - held - failed}
    return Note("reproduction.drawn", **drawn, **told)


def _some(cases: CaseTable) -> Iterator[int]:
    rng = np.random.default_rng(0)
    for k in range(len(cases.labels)):
        yield from np.sort(rng.permutation(np.flatnonzero(cases.truth == k))[:_EACH]).tolist()
