"""Pictures that lie as rows in a `.npy` file: opened without loading, shown by one rule for the whole array."""

from functools import lru_cache
from pathlib import Path
from threading import Lock

import numpy as np

from medcls.core.note import Note
from medcls.errors import BadData

_ROWS = 256
_OPENING = Lock()


def open_array(path: Path) -> np.ndarray:
    """Open an array without loading it.

    Returns:
        As it lies in the file, of any shape and dtype, read-only; rows are read from disk when they are asked for.

    Raises:
        BadData: If it is no `.npy` file of numbers.
    """
    try:
        state = path.stat()
        with _OPENING:  # headers are parsed by Python's own parser, which several threads at once confuse
            return _opened(path, state.st_mtime_ns, state.st_size)
    except (OSError, ValueError, EOFError) as error:
        raise BadData("data.array-unreadable", found=type(error).__name__) from error


@lru_cache(maxsize=16)
def _opened(path: Path, changed_ns: int, size_bytes: int) -> np.ndarray:
    return np.load(path, mmap_mode="r", allow_pickle=False)


def array_scale(path: Path) -> int:
    """Return the factor that spreads the values of an array over 0 to 255; one for all of its pictures.

    Args:
        path: A `.npy` file.

    Returns:
        1 for whole numbers from 0 to 255, 255 for real numbers from 0 to 1.

    Raises:
        BadData: If it holds anything else, or is no `.npy` file of numbers.
        OSError: If the file is gone.
    """
    state = path.stat()
    kind, low, high, whole = _range(path, state.st_mtime_ns, state.st_size)
    if kind.startswith("float") and low >= 0 and high <= 1:
        return 255
    if whole and low >= 0 and high <= 255:
        return 1
    span = Note("data.array-nan") if np.isnan(low) else Note("data.array-span", low=f"{low:.6g}", high=f"{high:.6g}")
    raise BadData("data.array-values", kind=kind, span=span)


@lru_cache(maxsize=64)
def _range(path: Path, changed_ns: int, size_bytes: int) -> tuple[str, float, float, bool]:
    """Return an array's type, lowest and highest value, and whether all are whole; NaN where there are no numbers."""
    values = open_array(path)
    kind = str(values.dtype)
    if values.dtype == np.uint8:
        return kind, 0.0, 255.0, True
    if values.dtype.kind not in "iuf" or values.ndim == 0:
        return kind, np.nan, np.nan, False
    low, high, whole = np.inf, -np.inf, True
    for start in range(0, len(values), _ROWS):
        block = values[start : start + _ROWS]
        if block.size:
            low, high = float(np.minimum(low, block.min())), float(np.maximum(high, block.max()))
        whole = whole and (values.dtype.kind != "f" or bool((block == np.rint(block)).all()))
    return kind, low, high, whole


def read_row(path: Path, row: int) -> np.ndarray:
    """Return one picture of an array, (H, W) or (H, W, 3) uint8.

    Raises:
        BadData: If the array has no such row, or values that are not read.
        OSError: If the file is gone.
    """
    scale, values = array_scale(path), open_array(path)
    if not row < len(values):
        raise BadData("data.array-row", row=row, n_values=len(values) - 1)
    picture = values[row]
    if picture.dtype == np.uint8:
        return np.ascontiguousarray(picture)
    return np.ascontiguousarray(np.rint(picture.astype(np.float64) * scale).astype(np.uint8))
