"""A network run over a part of a collection."""

from dataclasses import replace

import numpy as np
import torch

from medcls.core.scan import Preprocess
from medcls.data.batches import Part
from medcls.imaging.orientations import predict_oriented
from medcls.nets.anatomy import logits_and_features
from medcls.training.inputs import normalise, to_device


def run_part(
    net: torch.nn.Module, part: Part, preprocess: Preprocess, batch_size: int = 64
) -> tuple[np.ndarray, np.ndarray]:
    """Return what a network says of a part, as an answer asks it.

    Args:
        net: The network, on the CPU; left in evaluation mode.
        part: The scans, as squares; at least one.
        preprocess: How the network is fed, in how many orientations too.
        batch_size: How many scans pass at once.

    Returns:
        Logits (N, K), averaged over the scans' orientations, and the features before the last layer (N, D) of the scans
        as they are; float32.
    """
    net.eval()

    def ask(squares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        logits, features = logits_and_features(net, normalise(to_device(squares, torch.device("cpu")), preprocess))
        return logits.numpy(), features.numpy()

    with torch.inference_mode():
        starts = range(0, len(part), batch_size)
        asked = [predict_oriented(part.pixels[i : i + batch_size], preprocess.orientations, ask) for i in starts]
    return np.concatenate([logits for logits, _ in asked]), np.concatenate([features for _, features in asked])


def describe_part(net: torch.nn.Module, part: Part, preprocess: Preprocess) -> np.ndarray:
    """Return the features before the last layer of a part's scans as they are, (N, D) float32.

    Args:
        net: The network, on the CPU.
        part: The scans, as squares.
        preprocess: How the network is fed.
    """
    return run_part(net, part, replace(preprocess, orientations=1))[1]
