"""HAM10000 and other ISIC sets: skin lesions with a metadata table; seven diagnoses folded to melanoma or not.

References:
    Tschandl et al., The HAM10000 dataset, Scientific Data 5, 2018.
"""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from medcls.data.layouts.layout import Entry, Layout, is_picture, names, near, read_table

# Diagnoses as HAM10000 and the ISIC archive write them, codes and names; another word says nothing we may count on.
_NOT_MELANOMA = (
    "akiec", "bcc", "bkl", "df", "nv", "vasc", "scc", "nevus", "basal cell carcinoma", "actinic keratosis",
    "benign keratosis", "dermatofibroma", "vascular lesion", "squamous cell carcinoma", "seborrheic keratosis",
)  # fmt: skip
_LABELS: Mapping[str, str] = MappingProxyType(
    {"mel": "melanoma", "melanoma": "melanoma"} | dict.fromkeys(_NOT_MELANOMA, "not-melanoma")
)
_KEPT = ("dx", "dx_type", "age", "sex", "localization")


def _tables(folder: Path) -> list[Path]:
    return [folder / n for n in names(folder) if "metadata" in n.lower() and Path(n).suffix.lower() in ("", ".csv")]


def _header(path: Path) -> set[str]:
    try:
        with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
            return set(next(csv.reader(file), []))
    except csv.Error:
        return set()


def _table(folder: Path) -> Path | None:
    found = [p for p in _tables(folder) if p.is_file() and {"image_id", "lesion_id", "dx"} <= _header(p)]
    return found[0] if found else None


def _pictures(root: Path) -> dict[str, str]:
    """Map an image's id to its path; several folders of images (`…_part_1`) are one set."""
    folders = [n for n in names(root) if (root / n).is_dir() and "seg" not in n.lower() and "mask" not in n.lower()]
    found = {Path(n).stem: n for n in names(root) if is_picture(n)}
    for folder in folders:
        found |= {Path(n).stem: f"{folder}/{n}" for n in names(root / folder) if is_picture(n)}
    return found


def _masks(root: Path) -> dict[str, str]:
    folders = [n for n in names(root) if (root / n).is_dir() and ("seg" in n.lower() or "mask" in n.lower())]
    return {n.split("_segmentation")[0]: f"{folder}/{n}" for folder in folders for n in names(root / folder)}


def _entries(root: Path) -> Iterator[Entry]:
    table = _table(root)
    pictures, masks = _pictures(root), _masks(root)
    for row in sorted(read_table(table or root), key=lambda row: row["image_id"]):
        key = row["image_id"]
        yield Entry(
            pictures.get(key, f"{key}.jpg"),
            _LABELS.get(row["dx"].strip().lower()),
            group=row["lesion_id"] or None,
            masks=(masks[key],) if key in masks else (),
            attributes={name: row[name] for name in _KEPT if row.get(name)},
        )


HAM10000 = Layout(
    "ham10000",
    "HAM10000 or ISIC, skin lesions",
    lambda path: near(path, lambda folder: _table(folder) is not None),
    _entries,
    "skin-melanoma",
    ("not-melanoma", "melanoma"),
)
