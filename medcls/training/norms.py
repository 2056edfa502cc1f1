"""Batch norms' statistics, measured again when training is over.

While a network learns, its norms see what dropout left of their input, of augmented scans, under weights that change at
every step. The statistics they keep are then not those of the finished network on whole scans: it answers the same
scan with other probabilities than it learned, in bad cases far beside (losses of 1e3 and more beside ordinary
accuracies). One pass over training scans as they are puts that right.

References:
    Li et al., Understanding the disharmony between dropout and batch normalization by variance shift, CVPR 2019.
    Wu and Johnson, Rethinking "Batch" in BatchNorm, 2021, section 3 (precise batch norm).
"""

import numpy as np
import torch
from torch.nn.modules.batchnorm import _BatchNorm

from medcls.nets.freezing import train_mode
from medcls.training.inputs import Source

# So many training scans are looked at, in batches of so many.
_MOST, _BATCH = 4096, 64


def remeasure_norms(net: torch.nn.Module, source: Source, device: torch.device, seed: int) -> bool:
    """Measure the statistics of every batch norm that learned, on training scans as they are and without dropout.

    Args:
        net: The fitted network; its norms are changed in place, frozen ones stay. Left in evaluation mode.
        source: What it learned from.
        device: Where the network stands.
        seed: Seed of the draw of scans.

    Returns:
        False if there was nothing to measure: no norm learned, or there are too few scans for a batch.
    """
    train_mode(net)
    norms = [m for m in net.modules() if isinstance(m, _BatchNorm) and m.training and m.track_running_stats]
    net.eval()
    order = np.random.default_rng(seed).permutation(len(source))[:_MOST]
    batches = np.array_split(order, max(1, len(order) // _BATCH))  # no small last one: each counts alike
    if not norms or len(order) < 2:
        return False
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over batches
        norm.train()
    with torch.no_grad():
        for rows in batches:
            net(source.batch(np.sort(rows), device))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    net.eval()
    return True
