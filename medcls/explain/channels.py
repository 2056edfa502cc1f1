"""Methods that ask the network once per channel: slow, batched, stoppable."""

from typing import TYPE_CHECKING

import numpy as np

from medcls.explain.watch import Watch

if TYPE_CHECKING:
    from medcls.explain.opening import Opened

_BATCH = 32


def score(opened: "Opened", label: int, watch: Watch) -> np.ndarray:
    """Score-CAM: channels weighed by the logit the network gives when it sees only where they are active.

    A channel that is the same everywhere shows nothing, so one pass serves all of those.

    References:
        Wang et al., Score-CAM: score-weighted visual explanations for convolutional neural networks, CVPRW 2020.
    """
    import torch

    from medcls.explain.geometry import cells_of

    activations = opened.activations[0]
    cells = cells_of(opened.net, opened.x, activations.shape[1], opened.layer)
    low, high = activations.min((1, 2)), activations.max((1, 2))
    varied = np.flatnonzero(high > low)
    scores = np.full(len(activations), float(opened.run(torch.zeros_like(opened.x))[0, label]), np.float64)
    for first in range(0, len(varied), _BATCH):
        watch.step(first, len(varied))
        some = varied[first : first + _BATCH]
        spread = cells.spread((activations[some] - low[some, None, None]) / (high - low)[some, None, None])
        masks = torch.from_numpy(spread).to(opened.x)[:, None]
        scores[some] = opened.run(opened.x * masks)[:, label].cpu().numpy()
    watch.step(len(varied), len(varied))
    weights = np.exp(scores - scores.max())
    return np.tensordot(weights / weights.sum(), activations, 1)


def ablation(opened: "Opened", label: int, watch: Watch) -> np.ndarray:
    """Ablation-CAM: channels weighed by how far the logit falls when they are set to zero.

    The paper divides the falls by the logit; here they stay in the logit's unit, since a negative logit would
    turn the map inside out.

    References:
        Desai and Ramaswamy, Ablation-CAM: visual explanations for deep convolutional network via gradient-free
            localization, WACV 2020.
    """
    from medcls.explain.opening import replay

    activations = opened.activations[0]
    run, n = replay(opened), len(activations)
    falls = np.zeros(n, np.float64)
    whole = opened.logits[label].item()
    for first in range(0, n, _BATCH):
        watch.step(first, n)
        some = np.arange(first, min(first + _BATCH, n))
        values = opened.leaf.detach().repeat(len(some), *[1] * (opened.leaf.ndim - 1))
        by_channel = values.movedim(opened.channel_axis, 1)
        for row, channel in enumerate(some):
            by_channel[row, channel] = 0
        falls[some] = whole - run(values)[:, label].cpu().numpy()
    watch.step(n, n)
    return np.tensordot(falls, activations, 1)
