"""A patient's patches laid out where they were cut from, as a collection's index knows them."""

import hashlib
import json
from dataclasses import dataclass

import numpy as np
from PIL import Image

from medcls.core.prediction import Heatmap
from medcls.core.scan import Scan
from medcls.core.task import Task
from medcls.data.collection import Collection
from medcls.errors import BadData
from medcls.stats.grid import on_grid, step_of

_NOTHING = (11, 13, 16)


@dataclass(frozen=True, eq=False)
class Tissue:
    """A patient's patches laid out where they were cut from.

    Args:
        picture: (H, W, 3) uint8; near-black where there is no patch.
        label: Index of the label of each place, -1 where there is no patch, (rows, columns) int.
        labels: Label ids.
    """

    picture: np.ndarray
    label: np.ndarray
    labels: tuple[str, ...]

    def scan(self) -> Scan:
        """Return the picture as a scan."""
        return Scan(self.picture.astype(np.float32) / 255, hashlib.sha256(self.picture.tobytes()).hexdigest())

    def labelled(self, task: Task) -> Heatmap:
        """Return where patches are labelled as disease, as a map over the picture."""
        positive = [self.labels.index(task.labels[i].id) for i in task.positive if task.labels[i].id in self.labels]
        sick = np.where(self.label < 0, np.nan, np.isin(self.label, positive)).astype(np.float32)  # (rows, columns)
        tile_px = self.picture.shape[0] // self.label.shape[0]
        values = sick.repeat(tile_px, 0).repeat(tile_px, 1)
        rows, columns = self.label.shape
        label = task.labels[task.positive[-1]].id
        return Heatmap(values, label, "", "labels", "", (rows, columns), float(np.nan_to_num(values).max()))


def lay_out(collection: Collection, patient: str, tile_px: int) -> Tissue:
    """Return a patient's patches laid out by their coordinates.

    Args:
        collection: The collection.
        patient: Patient id in it.
        tile_px: Side of a patch in the picture.

    Raises:
        BadData: If the patient has no patches with coordinates.
    """
    rows = np.flatnonzero(collection.column("patient") == patient)
    told = [json.loads(text) for text in collection.column("attributes")[rows]]
    if not len(rows) or not all("x" in one and "y" in one for one in told):
        raise BadData("data.patches-without-places")
    x, y = (np.array([int(one[axis]) for one in told]) for axis in ("x", "y"))
    step = step_of(x, y)
    column, row = on_grid(x, step), on_grid(y, step)
    label = np.full((row.max() + 1, column.max() + 1), -1)
    picture = np.full((*(np.array(label.shape) * tile_px), 3), _NOTHING, np.uint8)
    looks, tints = (collection.descriptors()[name] for name in ("grey", "tint"))
    values, labels = collection.column("label")[rows], collection.labels
    for i, n in enumerate(rows):
        label[row[i], column[i]] = labels.index(values[i]) if values[i] in labels else -1
        top, left = row[i] * tile_px, column[i] * tile_px
        picture[top : top + tile_px, left : left + tile_px] = _tile(looks[n], tints[n], tile_px)
    return Tissue(picture, label, labels)


def _tile(grey: np.ndarray, tint: np.ndarray, side_px: int) -> np.ndarray:
    """Make a small colour picture out of a look: its colour in 8 x 8 fields, its detail in grey."""
    size = (side_px, side_px)
    colour = np.asarray(Image.fromarray(tint).resize(size, Image.Resampling.BILINEAR)).astype(np.float32)
    detail = np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.BILINEAR)).astype(np.float32)
    return np.clip(colour + (detail - colour.mean(2))[:, :, None], 0, 255).astype(np.uint8)
