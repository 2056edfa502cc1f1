"""BreakHis: breast histology; class, tumour, slide and magnification are all in the file's name.

References:
    Spanhol et al., A dataset for breast cancer histopathological image classification, IEEE TBME 63, 2016.
"""

import re
from collections.abc import Iterator

from medcls.core.note import Note
from medcls.core.plan import PlanChoices
from medcls.data.layouts.layout import Entry, Layout, Reading, parts_by_folder, with_part
from medcls.data.tree import Tree

_LABELS = {"B": "benign", "M": "malignant"}
_NAME = re.compile(
    r"SOB_(?P<k>[BM])_(?P<tumour>[A-Z]+)-(?P<year>\d+)-(?P<slide>[0-9A-Z]+)-(?P<zoom>\d+)-(?P<n>\d+)\.\w+",
    re.IGNORECASE,
)


def _read(tree: Tree, choices: PlanChoices) -> Reading | None:
    looked = tree.pictures
    fitting = [path for path in looked if _NAME.fullmatch(path.rpartition("/")[2])]
    if not fitting or 2 * len(fitting) < len(looked):
        return None
    reading = Reading(
        "breakhis", "", list(_entries(fitting)), [Note("data.why-breakhis")], labels=("benign", "malignant")
    )
    reading.patients_from = [Note("data.from-files")]
    return reading


def _entries(paths: list[str]) -> Iterator[Entry]:
    parts = parts_by_folder(paths)
    for path in paths:
        if match := _NAME.fullmatch(path.rpartition("/")[2]):
            told = {"tumour": match["tumour"].upper(), "magnification": match["zoom"]}
            patient = f"{match['year']}-{match['slide'].upper()}"
            part = parts.get(path.rpartition("/")[0], "")
            yield Entry(path, _LABELS[match["k"].upper()], patient, attributes=with_part(told, part))


BREAKHIS = Layout("breakhis", Note("data.layout-breakhis"), _read, "own", ("benign", "malignant"))
