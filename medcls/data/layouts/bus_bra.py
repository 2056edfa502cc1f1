"""BUS-BRA: breast ultrasound of biopsied patients, with patients, BI-RADS, device, masks and published folds.

References:
    Gómez-Flores et al., BUS-BRA: a breast ultrasound dataset for assessing computer-aided diagnosis
    systems, Medical Physics 51, 2024.
"""

from collections.abc import Iterator
from dataclasses import replace

from medcls.core.note import Note
from medcls.core.plan import PlanChoices, PlanTable
from medcls.data.layouts.layout import (
    Entry,
    Layout,
    Reading,
    below,
    common_root,
    find_roots,
    roles_of_roots,
    with_parts,
)
from medcls.data.tables import Table, read_tables
from medcls.data.tree import Tree
from medcls.errors import BadData

_KEPT = {"Histology": "histology", "BIRADS": "birads", "Device": "device", "Side": "side", "BBOX": "bbox"}


def _fits(tree: Tree, folder: str) -> bool:
    return below(folder, "bus_data.csv") in tree.files and "Images" in tree.children.get(folder, ())


def _read(tree: Tree, choices: PlanChoices) -> Reading | None:
    roots = find_roots(tree, _fits)
    if not roots:
        return None
    told = roles_of_roots(roots)
    root = common_root(roots)
    reading = Reading("bus-bra", root, [], [Note("data.why-bus-bra")], "breast-ultrasound", ("benign", "malignant"))
    reading.patients_from = [Note("data.from-column", name="Case")]
    for root in roots:
        entries = _read_root(tree, root, reading)
        reading.entries += [replace(e, attributes={**e.attributes, **told[root]}) for e in entries]
    reading.used = {table.path for table in reading.tables}
    reading.entries = with_parts(reading.entries)
    return reading


def _read_root(tree: Tree, root: str, reading: Reading) -> list[Entry]:
    """Return the scans of the tables in a folder; the tables, and what is missing, are added to the reading."""
    cases = _table(tree, below(root, "bus_data.csv"), ("ID", "Case", "Pathology"))
    folds = below(root, "5-fold-cv.csv")
    fold = {}
    if folds in tree.files:
        told = _table(tree, folds, ("ID", "kFold"))
        fold = dict(zip(told.column("ID"), told.column("kFold"), strict=True))
        reading.tables.append(PlanTable(folds, {"path": "ID", "part": "kFold"}, len(told.rows)))
    reading.tables.insert(
        0, PlanTable(cases.path, {"path": "ID", "label": "Pathology", "patient": "Case"}, len(cases.rows))
    )
    return list(_entries(tree, root, cases, fold, reading))


def _table(tree: Tree, path: str, needed: tuple[str, ...]) -> Table:
    (table,) = read_tables(tree.root, path) or [Table(path, (), [])]
    if missing := [name for name in needed if name not in table.header]:
        raise BadData("data.table-lacks-columns", name=path.rpartition("/")[2], columns=", ".join(missing))
    return table


def _entries(tree: Tree, root: str, cases: Table, fold: dict[str, str], reading: Reading) -> Iterator[Entry]:
    files, masks = (_pictures(tree, below(root, name)) for name in ("Images", "Masks"))
    for row in (dict(zip(cases.header, cells, strict=True)) for cells in cases.rows):
        key = row["ID"]
        if key not in files:
            place = root[len(reading.root) :].strip("/")
            reading.missing[below(place, f"Images/{key}.png")] = Note("data.row-missing", table="bus_data.csv")
            continue
        mask = masks.get(key.replace("bus_", "mask_", 1))
        attributes = {ours: row[theirs] for theirs, ours in _KEPT.items() if row.get(theirs)}
        if key in fold:
            attributes["fold"] = fold[key]
        yield Entry(
            files[key],
            row["Pathology"].strip().lower() or None,
            row["Case"] or None,
            masks=(mask,) if mask else (),
            attributes=attributes,
        )


def _pictures(tree: Tree, folder: str) -> dict[str, str]:
    """Return the pictures in a folder and below it by their names without ending."""
    inside = (path for path in tree.pictures if path.startswith(f"{folder}/"))
    return {path.rpartition("/")[2].rpartition(".")[0]: path for path in inside}


BUS_BRA = Layout("bus-bra", Note("data.layout-bus-bra"), _read, "breast-ultrasound", ("benign", "malignant"))
