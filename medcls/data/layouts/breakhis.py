"""BreakHis: breast histology; class, tumour, slide and magnification are all in the file's name.

References:
    Spanhol et al., A dataset for breast cancer histopathological image classification, IEEE TBME 63, 2016.
"""

import os
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from medcls.data.layouts.layout import Entry, Layout, is_picture

_LABELS = {"B": "benign", "M": "malignant"}
_NAME = re.compile(
    r"SOB_(?P<k>[BM])_(?P<tumour>[A-Z]+)-(?P<year>\d+)-(?P<slide>[0-9A-Z]+)-(?P<zoom>\d+)-(?P<n>\d+)\.\w+",
    re.IGNORECASE,
)


def _files(root: Path) -> Iterator[str]:
    for folder, inside, files in os.walk(root):
        inside.sort()
        for name in sorted(files):
            yield (Path(folder) / name).relative_to(root).as_posix()


def _find(path: Path) -> Path | None:
    looked = list(islice(_files(path), 200)) if path.is_dir() else []
    fitting = [name for name in looked if _NAME.fullmatch(Path(name).name)]
    return path if fitting and 2 * len(fitting) >= len(looked) else None


def _entries(root: Path) -> Iterator[Entry]:
    for path in _files(root):
        match = _NAME.fullmatch(Path(path).name)
        if match and is_picture(path):
            told = {"tumour": match["tumour"].upper(), "magnification": match["zoom"]}
            patient = f"{match['year']}-{match['slide'].upper()}"
            yield Entry(path, _LABELS[match["k"].upper()], patient, attributes=told)


BREAKHIS = Layout("breakhis", "BreakHis, breast histology", _find, _entries, "own", ("benign", "malignant"))
