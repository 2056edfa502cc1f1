"""The methods by which a heatmap can be drawn."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from medcls.core.note import Note
from medcls.explain.biases import fullgrad
from medcls.explain.channels import ablation, score
from medcls.explain.gradients import closed_form, eigen, eigen_gradients, finer, library
from medcls.explain.watch import Watch

if TYPE_CHECKING:
    from medcls.explain.opening import Opened


@dataclass(frozen=True)
class Method:
    """A way to draw a heatmap.

    Args:
        name: What the command line calls it.
        title: What a person reads.
        note: One sentence: what it shows.
        run: From a pass `opened` at a layer and the index of a `label` to the map before scaling, (h, w) on the layer's
            grid or (S, S) on the network's square; any sign, parts below 0 count against the label. `watch` is told how
            far a slow one has come, and may stop it.
        slow: True if it runs the network more than once.
        per_label: False if it draws the same for every label.
    """

    name: str
    title: str
    note: Note
    run: "Callable[[Opened, int, Watch], np.ndarray]"
    slow: bool = False
    per_label: bool = True


_ROWS = (
    Method("gradcam", "Grad-CAM", Note("explain.method-gradcam"), library("GradCAM")),
    Method("gradcam++", "Grad-CAM++", Note("explain.method-gradcampp"), library("GradCAMPlusPlus")),
    Method(
        "hirescam",
        "HiResCAM",
        Note("explain.method-hirescam"),
        library("HiResCAM"),
    ),
    Method("xgradcam", "XGrad-CAM", Note("explain.method-xgradcam"), library("XGradCAM")),
    Method("layercam", "LayerCAM", Note("explain.method-layercam"), library("LayerCAM")),
    Method(
        "cam",
        "Class activation map",
        Note("explain.method-cam"),
        closed_form,
    ),
    Method("finercam", "Finer-CAM", Note("explain.method-finercam"), finer),
    Method("eigencam", "Eigen-CAM", Note("explain.method-eigencam"), eigen, per_label=False),
    Method("eigengradcam", "EigenGrad-CAM", Note("explain.method-eigengradcam"), eigen_gradients),
    Method(
        "fullgrad",
        "FullGrad",
        Note("explain.method-fullgrad"),
        fullgrad,
        slow=True,
    ),
    Method(
        "scorecam",
        "Score-CAM",
        Note("explain.method-scorecam"),
        score,
        slow=True,
    ),
    Method(
        "ablationcam",
        "Ablation-CAM",
        Note("explain.method-ablationcam"),
        ablation,
        slow=True,
    ),
)

METHODS: Mapping[str, Method] = MappingProxyType({row.name: row for row in _ROWS})
