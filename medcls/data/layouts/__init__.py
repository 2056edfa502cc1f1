"""The layouts medcls knows, most particular first."""

from collections.abc import Mapping
from types import MappingProxyType

from medcls.core.plan import PlanChoices
from medcls.data.layouts.arrays import ARRAYS, IDC_ARRAYS
from medcls.data.layouts.breakhis import BREAKHIS
from medcls.data.layouts.bus_bra import BUS_BRA
from medcls.data.layouts.busi import BUSI
from medcls.data.layouts.folders import DICOM, FOLDERS
from medcls.data.layouts.idc import IDC
from medcls.data.layouts.layout import Entry, Layout, Reading
from medcls.data.layouts.table import HAM10000, ISIC, TABLE
from medcls.data.tree import Tree, without_masks
from medcls.errors import BadData

_ORDER = (BUS_BRA, IDC, BUSI, BREAKHIS, IDC_ARRAYS, ARRAYS, HAM10000, ISIC, TABLE, DICOM, FOLDERS)
LAYOUTS: Mapping[str, Layout] = MappingProxyType({layout.name: layout for layout in _ORDER})
_PUBLISHED = (BUS_BRA, IDC, BUSI, BREAKHIS, IDC_ARRAYS, ARRAYS)
__all__ = ["LAYOUTS", "Entry", "Layout", "Reading", "recognise"]


def recognise(tree: Tree, choices: PlanChoices | None = None) -> Reading:
    """Find which layout a tree has, and read it.

    Args:
        tree: What was found at the path.
        choices: What a person decided; None for nothing.

    Raises:
        BadData: If the layout named is unknown, or none fits.
    """
    choices = choices or PlanChoices()
    if choices.layout and choices.layout not in LAYOUTS:
        raise BadData("data.layout-unknown", found=choices.layout[:80], allowed=", ".join(LAYOUTS))
    reading = LAYOUTS[choices.layout].read(tree, choices) if choices.layout else _by_looking(tree, choices)
    if reading is None or not (reading.entries or reading.missing):
        raise BadData(
            "data.nothing-recognised",
            allowed="; ".join(dict.fromkeys(layout.title for layout in _ORDER)),
            **_seen(tree),
        )
    return reading


def _by_looking(tree: Tree, choices: PlanChoices) -> Reading | None:
    if not (tree.sole or choices.table or choices.folders or choices.columns):
        for layout in _PUBLISHED:
            if (reading := layout.read(tree, choices)) is not None:
                return reading
    if choices.folders:
        return FOLDERS.read(tree, choices)
    by_table = TABLE.read(tree, choices)
    covered = by_table is not None and 2 * len(by_table.entries) >= len(without_masks(tree))
    if covered or tree.sole or choices.table:
        return by_table
    by_folders = FOLDERS.read(tree, choices)
    return by_folders if by_folders is not None and (by_table is None or by_folders.labelled) else by_table


def _seen(tree: Tree) -> dict[str, str]:
    n, tables = len(tree.pictures), len(tree.of_kind("table"))
    return {"found": f"{n:,} pictures and {tables:,} tables"}
