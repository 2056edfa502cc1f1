"""What a layout is: how a published data set lies on disk, and what its files say."""

import csv
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from medcls.errors import BadData

PICTURES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".dcm", ".dicom"})


@dataclass(frozen=True)
class Entry:
    """One scan as its layout describes it, before its bytes were looked at.

    Args:
        id: Path below the root with `/`; for arrays `X.npy#17`.
        label: Label id; None if unlabelled.
        patient: Patient or slide id; None if unknown.
        group: What must stay together if that is not the patient (a lesion); None for the patient.
        masks: Paths of lesion masks below the root.
        attributes: Whatever else the set says of the case.
    """

    id: str
    label: str | None
    patient: str | None = None
    group: str | None = None
    masks: tuple[str, ...] = ()
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Layout:
    """A way in which labelled scans lie on disk.

    Args:
        name: Stable name, stored with every collection.
        title: What a person reads.
        find: Gives the folder or file at or below a path that has this layout; None if there is none.
        entries: Gives the entries below that root, in an order that depends on their names only.
        task_id: Task the labels belong to; `own` for a task made of the labels.
        labels: Label ids in order; empty if they are found in the data.
    """

    name: str
    title: str
    find: Callable[[Path], Path | None]
    entries: Callable[[Path], Iterator[Entry]]
    task_id: str = "own"
    labels: tuple[str, ...] = ()


def names(folder: Path) -> list[str]:
    """Give the names in a folder, sorted, hidden ones and archive debris left out; none if it is no folder."""
    if not folder.is_dir():
        return []
    return sorted(p.name for p in folder.iterdir() if not p.name.startswith((".", "__MACOSX")))


def read_table(path: Path, needed: tuple[str, ...] = ()) -> Iterator[dict[str, str]]:
    """Give the rows of a csv by column; a cell that is missing is empty.

    Args:
        path: A csv with a header, UTF-8.
        needed: Columns it must have.

    Raises:
        BadData: If it is no such table.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file, restval="")
            if missing := [name for name in needed if name not in (rows.fieldnames or ())]:
                raise BadData("A table of the set lacks columns", found=f"no {', '.join(missing)}", do="Get it anew")
            for row in rows:
                row.pop(None, None)
                yield row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadData(
            "A table of the set cannot be read", found=type(error).__name__, allowed="csv in UTF-8", do="Save it anew"
        ) from error


def is_picture(name: str) -> bool:
    """Say whether a file name ends like a scan's."""
    return Path(name).suffix.lower() in PICTURES


def near(path: Path, fits: Callable[[Path], bool], depth: int = 2) -> Path | None:
    """Give the first folder at `path` or at most `depth` levels below it that fits.

    A folder with more than 64 folders inside is not searched further: it is the data, not a wrapping.
    """
    if not path.is_dir():
        return None
    if fits(path):
        return path
    if depth == 0:
        return None
    inside = [path / name for name in names(path) if (path / name).is_dir()]
    for folder in inside if len(inside) <= 64 else []:
        if (found := near(folder, fits, depth - 1)) is not None:
            return found
    return None


def natural(name: str) -> list[tuple[int, int | str]]:
    """Give a sort key that puts `benign (2)` before `benign (10)`."""
    return [(0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d+)", name) if part]


def slug(name: str) -> str:
    """Turn a folder's name into a label id: lower case, `-` for anything else; `label` if nothing is left."""
    return re.sub(r"[^a-z0-9._]+", "-", name.lower()).strip("-._")[:64] or "label"


def label_ids(found: Iterable[str]) -> Mapping[str, str]:
    """Give every label of a collection an id of its own.

    Args:
        found: The labels as the collection writes them, repeated or not.

    Returns:
        Id by label: its `slug`, with `plus` and `minus` for a sign; a number is added in sorted order where two labels
        would have the same id.

    Raises:
        BadData: If two labels differ by nothing but case or spaces.

    Example:
        >>> dict(label_ids(["HER2+", "HER2-", "良性", "恶性"]))
        {'HER2+': 'her2-plus', 'HER2-': 'her2-minus', '良性': 'label-2', '恶性': 'label'}
    """
    found = list(dict.fromkeys(found))
    distinct = sorted(found, key=lambda name: (name != slug(name), name))
    written: dict[str, str] = {}
    for name in distinct:
        other = written.setdefault(" ".join(unicodedata.normalize("NFC", name).casefold().split()), name)
        if other != name:
            raise BadData(
                "Two labels differ by nothing but case or spaces", found=f"{other!r:.60} and {name!r:.60}",
                do="Write the label in one way, or make the names different",
            )  # fmt: skip
    plain = {name: slug(_signs_in_words(name)) for name in distinct}
    taken: set[str] = set()
    given = {}
    for name in distinct:
        given[name] = _free(plain[name], taken, set(plain.values()))
        taken.add(given[name])
    return {name: given[name] for name in found}


def _signs_in_words(name: str) -> str:
    """Write out every plus, and a minus where it is a sign and no hyphen: at the end, or before a number at the start."""
    name = re.sub(r"[-−–](?=\W*$)", " minus ", re.sub(r"\++", " plus ", name))
    return re.sub(r"^\W*[-−–](?=\d)", "minus ", name)


def _free(wanted: str, taken: set[str], others: set[str]) -> str:
    """Give the wanted id, or the first with a number behind it that no label has or would have."""
    if wanted not in taken:
        return wanted
    numbered = (f"{wanted[: 63 - len(str(n))].rstrip('-._')}-{n}" for n in count(2))
    return next(name for name in numbered if name not in taken and name not in others)
