"""Methods of one pass and one gradient of its tail, written down where the head is an average and a linear layer.

The arithmetic is pytorch-grad-cam's.

The library hooks the network it is given and differentiates its parameters too, which is not safe on a network
that threads share. Here it is given a network of nothing, and the activations and gradients of an `Opened` pass.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from medcls.errors import BadModel
from medcls.explain.watch import Watch
from medcls.lean import load_grad_cam

if TYPE_CHECKING:
    from collections.abc import Callable

    from medcls.explain.opening import Opened

_FINER_RIVALS = 3


def library(name: str) -> "Callable[[Opened, int, Watch], np.ndarray]":
    """Return the method that a class of pytorch-grad-cam computes from activations and gradients.

    Args:
        name: Name of the class, such as `GradCAM`.

    Returns:
        A function of an opened pass, a label's index and a watch; it returns the map (h, w) before scaling.
    """

    def run(opened: "Opened", label: int, watch: Watch) -> np.ndarray:
        return _weighed(name, opened, opened.label_gradients(label))

    return run


def finer(opened: "Opened", label: int, watch: Watch) -> np.ndarray:
    """Grad-CAM of what sets a label apart from the labels with the nearest logits.

    References:
        Zhang et al., Finer-CAM: spotting the difference reveals finer details for visual explanation, CVPR 2025.
    """
    target = load_grad_cam().utils.model_targets.FinerWeightedTarget
    logits = opened.logits.detach()
    order = (logits - logits[label]).abs().argsort().tolist()
    rivals = [i for i in order if i != label][:_FINER_RIVALS]
    return _weighed("GradCAM", opened, opened.gradients(target(label, rivals, 1.0)))


def eigen(opened: "Opened", label: int, watch: Watch) -> np.ndarray:
    """Eigen-CAM: the strongest pattern in the layer, whatever the label; its sign follows the activations'.

    References:
        Muhammad and Yeasin, Eigen-CAM: class activation map using principal components, IJCNN 2020.
    """
    activations = opened.activations[0]
    return _strongest(activations, np.abs(activations).sum(0))


def eigen_gradients(opened: "Opened", label: int, watch: Watch) -> np.ndarray:
    """EigenGrad-CAM: the strongest pattern in activation times gradient; its sign follows the evidence's."""
    evidence = (opened.activations * opened.label_gradients(label))[0]
    return _strongest(evidence, evidence.sum(0))


def closed_form(opened: "Opened", label: int, watch: Watch) -> np.ndarray:
    """Plain class activation map: each cell's share of the logit, where the head is an average and a linear layer.

    The shares of all cells and the bias add up to the logit, so the map is exact, not an estimate.

    Raises:
        BadModel: If the network's head is anything else behind this layer.

    References:
        Zhou et al., Learning deep features for discriminative localization, CVPR 2016.
    """
    if opened.shares is None:
        raise BadModel("explain.no-plain-cam", layer=opened.layer)
    activations = opened.activations[0]
    return np.tensordot(opened.shares[label], activations, 1) / activations[0].size


def _weighed(name: str, opened: "Opened", gradients: np.ndarray) -> np.ndarray:
    return _cam(name).get_cam_image(None, None, None, opened.activations, gradients, False)[0]


@cache
def _cam(name: str) -> Any:
    """Return the library's method on a network of nothing; it keeps nothing between scans."""
    import torch

    with torch.random.fork_rng(devices=[]):  # the network's weights are drawn, and nobody else's draws move for it
        return getattr(load_grad_cam(), name)(torch.nn.Linear(1, 1), [])


def _strongest(maps: np.ndarray, towards: np.ndarray) -> np.ndarray:
    """Project (C, h, w) onto its first principal component; the sign is the one that goes along with `towards`."""
    rows = np.nan_to_num(maps.reshape(len(maps), -1).T)
    rows = rows - rows.mean(0)
    _, _, patterns = np.linalg.svd(rows, full_matrices=False)
    projected = (rows @ patterns[0]).reshape(maps.shape[1:])
    return projected if float((projected * (towards - towards.mean())).sum()) >= 0 else -projected
