"""A csv of paths with labels, and a patient or lesion column where there is one."""

import csv
from collections.abc import Iterator
from pathlib import Path

from medcls.data.layouts.layout import Entry, Layout, label_ids, names, near, read_table
from medcls.errors import BadData

_COLUMNS = {
    "path": ("path", "file", "filename", "file_name", "image", "image_path", "image_id"),
    "label": ("label", "class", "diagnosis", "target", "pathology"),
    "patient": ("patient", "patient_id", "patientid", "case", "subject", "slide"),
    "group": ("group", "lesion", "lesion_id"),
    "mask": ("mask", "mask_path", "segmentation"),
}


def _columns(path: Path) -> dict[str, str]:
    """Map our column names to the file's; empty if it is no such table."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header = next(csv.reader(file), [])
    except (OSError, UnicodeDecodeError, csv.Error):
        return {}
    low = {name.strip().lower(): name for name in header}
    found = {ours: low[t] for ours, theirs in _COLUMNS.items() for t in reversed(theirs) if t in low}
    return found if {"path", "label"} <= set(found) else {}


def _find(path: Path) -> Path | None:
    if path.is_file():
        return path if path.suffix.lower() == ".csv" and _columns(path) else None
    folder = near(path, lambda folder: any(_tables(folder)), depth=1)
    return next(_tables(folder)) if folder else None


def _tables(folder: Path) -> Iterator[Path]:
    return (folder / n for n in names(folder) if n.lower().endswith(".csv") and _columns(folder / n))


def _entries(table: Path) -> Iterator[Entry]:
    columns = _columns(table)
    ids = label_ids(label for row in read_table(table) if (label := row[columns["label"]].strip()))
    seen: set[str] = set()
    for row in read_table(table):
        value = {ours: row[theirs].strip() for ours, theirs in columns.items()}
        if not value["path"]:
            continue
        name = _below(value["path"], table.parent)
        if name in seen:
            raise BadData("The table names a file twice", do="Keep one line for each file")
        seen.add(name)
        yield Entry(
            name, ids.get(value["label"]), value.get("patient") or None,
            value.get("group") or None, (value["mask"],) if value.get("mask") else (),
            {k: v for k, v in row.items() if k and k not in columns.values() and v},
        )  # fmt: skip


def _below(name: str, folder: Path) -> str:
    """Give a path relative to the table's folder where it lies in it, as it is otherwise (reading refuses it)."""
    path = Path(name)
    return path.relative_to(folder).as_posix() if path.is_absolute() and path.is_relative_to(folder) else name


TABLE = Layout("table", "a csv with the columns path and label", _find, _entries)
