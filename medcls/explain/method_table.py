"""The methods by which a heatmap can be drawn."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

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
        run: From an opened pass and a label's index to the map before scaling: (h, w) on the layer's grid or (S, S)
            on the network's square; any sign, parts below 0 count against the label.
        slow: True if it runs the network more than once.
        per_label: False if it draws the same for every label.
    """

    name: str
    title: str
    note: str
    run: "Callable[[Opened, int, Watch], np.ndarray]"
    slow: bool = False
    per_label: bool = True


_ROWS = (
    Method("gradcam", "Grad-CAM", "Channels weighed by their mean gradient; the usual choice.", library("GradCAM")),
    Method("gradcam++", "Grad-CAM++", "Weighs several separate places of evidence alike.", library("GradCAMPlusPlus")),
    Method(
        "hirescam",
        "HiResCAM",
        "Activation times gradient, place by place; exact behind a linear head.",
        library("HiResCAM"),
    ),
    Method("xgradcam", "XGrad-CAM", "Gradients weighed by each channel's share of activation.", library("XGradCAM")),
    Method(
        "layercam", "LayerCAM", "Place by place, gradients in favour only; made for lower layers.", library("LayerCAM")
    ),
    Method(
        "cam",
        "Class activation map",
        "The logit shared out over the cells; exact, needs an average and a linear head.",
        closed_form,
    ),
    Method("finercam", "Finer-CAM", "What sets this label apart from the ones nearest to it.", finer),
    Method(
        "eigencam", "Eigen-CAM", "The strongest pattern in the layer, the same for every label.", eigen, per_label=False
    ),
    Method("eigengradcam", "EigenGrad-CAM", "The strongest pattern in activation times gradient.", eigen_gradients),
    Method(
        "fullgrad",
        "FullGrad",
        "Input and every bias, over all layers; differentiates the whole network.",
        fullgrad,
        slow=True,
    ),
    Method(
        "scorecam",
        "Score-CAM",
        "Shows the network only where a channel is active; one pass per channel.",
        score,
        slow=True,
    ),
    Method(
        "ablationcam",
        "Ablation-CAM",
        "Removes one channel after the other and sees what it costs.",
        ablation,
        slow=True,
    ),
)

METHODS: Mapping[str, Method] = MappingProxyType({row.name: row for row in _ROWS})
