"""BUS-BRA: breast ultrasound of biopsied patients, with patients, BI-RADS, device, masks and published folds.

References:
    Gómez-Flores et al., BUS-BRA: a breast ultrasound dataset for assessing computer-aided diagnosis
    systems, Medical Physics 51, 2024.
"""

from collections.abc import Iterator

from medcls.core.note import Note
from medcls.core.plan import PlanChoices, PlanTable
from medcls.data.layouts.layout import Entry, Layout, Reading, below, find_roots
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
    root = roots[0]
    reading = Reading("bus-bra", root, [], [Note("data.why-bus-bra")], "breast-ultrasound", ("benign", "malignant"))
    reading.patients_from = [Note("data.from-column", name="Case")]
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
    reading.used = {table.path for table in reading.tables}
    reading.entries = list(_entries(tree, root, cases, fold, reading))
    return reading


def _table(tree: Tree, path: str, needed: tuple[str, ...]) -> Table:
    (table,) = read_tables(tree.root, path) or [Table(path, (), [])]
    if missing := [name for name in needed if name not in table.header]:
        raise BadData("data.table-lacks-columns", name=path.rpartition("/")[2], columns=", ".join(missing))
    return table


def _entries(tree: Tree, root: str, cases: Table, fold: dict[str, str], reading: Reading) -> Iterator[Entry]:
    files = {
        p.rpartition("/")[2].rpartition(".")[0]: p
        for p in tree.folders.get(below(root, "Images"), ())
        if tree.is_picture(p)
    }
    masks = set(tree.folders.get(below(root, "Masks"), ()))
    for row in (dict(zip(cases.header, cells, strict=True)) for cells in cases.rows):
        key = row["ID"]
        if key not in files:
            reading.missing[f"Images/{key}.png"] = Note("data.row-missing", table="bus_data.csv")
            continue
        mask = below(root, f"Masks/{key.replace('bus_', 'mask_', 1)}.png")
        attributes = {ours: row[theirs] for theirs, ours in _KEPT.items() if row.get(theirs)}
        if key in fold:
            attributes["fold"] = fold[key]
        yield Entry(
            files[key],
            row["Pathology"].strip().lower() or None,
            row["Case"] or None,
            masks=(mask,) if mask in masks else (),
            attributes=attributes,
        )


BUS_BRA = Layout("bus-bra", Note("data.layout-bus-bra"), _read, "breast-ultrasound", ("benign", "malignant"))
