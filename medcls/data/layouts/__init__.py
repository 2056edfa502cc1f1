"""The published layouts medcls knows, most particular first."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from medcls.data.layouts.arrays import ARRAYS, IDC_ARRAYS
from medcls.data.layouts.breakhis import BREAKHIS
from medcls.data.layouts.bus_bra import BUS_BRA
from medcls.data.layouts.busi import BUSI
from medcls.data.layouts.dicom import DICOM
from medcls.data.layouts.folders import FOLDERS
from medcls.data.layouts.ham10000 import HAM10000
from medcls.data.layouts.idc import IDC
from medcls.data.layouts.layout import Entry, Layout
from medcls.data.layouts.table import TABLE
from medcls.errors import BadData

_ORDER = (BUS_BRA, HAM10000, IDC, BUSI, BREAKHIS, IDC_ARRAYS, ARRAYS, TABLE, DICOM, FOLDERS)
LAYOUTS: Mapping[str, Layout] = MappingProxyType({layout.name: layout for layout in _ORDER})
__all__ = ["LAYOUTS", "Entry", "Layout", "recognise"]


def recognise(path: Path, name: str | None = None) -> tuple[Layout, Path]:
    """Find which layout a folder or file has, and where its root is.

    Args:
        path: Folder or file as downloaded.
        name: Try only the layout of this name; None tries all.

    Returns:
        The layout and the folder (or file) it starts at.

    Raises:
        BadData: If nothing is there, the name is unknown, or no layout fits.
    """
    if not path.exists():
        raise BadData("There is nothing at this path", do="Check the path on the machine medcls runs on")
    if name is not None and name not in LAYOUTS:
        raise BadData("The layout is unknown", found=name[:80], allowed=", ".join(LAYOUTS))
    for layout in [LAYOUTS[name]] if name else LAYOUTS.values():
        if (root := layout.find(path)) is not None:
            return layout, root
    raise BadData(
        "No labelled scans are recognised here",
        allowed="; ".join(dict.fromkeys(layout.title for layout in LAYOUTS.values())),
        do="Put the scans into one folder per label, or write a csv with the columns path and label",
    )
