"""BUS-BRA: breast ultrasound of biopsied patients, with patients, BI-RADS, device, masks and published folds.

References:
    Gómez-Flores et al., BUS-BRA: a breast ultrasound dataset for assessing computer-aided diagnosis
    systems, Medical Physics 51, 2024.
"""

from collections.abc import Iterator
from pathlib import Path

from medcls.data.layouts.layout import Entry, Layout, is_picture, names, near, read_table

_KEPT = {"Histology": "histology", "BIRADS": "birads", "Device": "device", "Side": "side", "BBOX": "bbox"}


def _fits(folder: Path) -> bool:
    return (folder / "bus_data.csv").is_file() and (folder / "Images").is_dir()


def _entries(root: Path) -> Iterator[Entry]:
    files = {Path(name).stem: name for name in names(root / "Images") if is_picture(name)}
    masks = set(names(root / "Masks"))
    folds = root / "5-fold-cv.csv"
    fold = {row["ID"]: row["kFold"] for row in read_table(folds, ("ID", "kFold"))} if folds.is_file() else {}
    for row in read_table(root / "bus_data.csv", ("ID", "Case", "Pathology")):
        key = row["ID"]
        mask = f"{key.replace('bus_', 'mask_', 1)}.png"
        attributes = {ours: row[theirs] for theirs, ours in _KEPT.items() if row.get(theirs)}
        if key in fold:
            attributes["fold"] = fold[key]
        yield Entry(
            f"Images/{files.get(key, key + '.png')}",
            row["Pathology"].strip().lower() or None,
            row["Case"],
            masks=(f"Masks/{mask}",) if mask in masks else (),
            attributes=attributes,
        )


BUS_BRA = Layout(
    "bus-bra",
    "BUS-BRA, breast ultrasound",
    lambda path: near(path, _fits),
    _entries,
    "breast-ultrasound",
    ("benign", "malignant"),
)
