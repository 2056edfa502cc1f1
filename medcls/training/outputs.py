"""A network run over a part of a collection."""

import numpy as np
import torch

from medcls.core.scan import Preprocess
from medcls.data.batches import Part
from medcls.nets.anatomy import logits_and_features
from medcls.training.inputs import normalise, to_device


def run_part(
    net: torch.nn.Module, part: Part, preprocess: Preprocess, batch_size: int = 64
) -> tuple[np.ndarray, np.ndarray]:
    """Return logits (N, K) and the features before the last layer (N, D) of a part, float32."""
    net.eval()
    logits, features = [], []
    with torch.inference_mode():
        for i in range(0, len(part), batch_size):
            batch = normalise(to_device(part.pixels[i : i + batch_size], torch.device("cpu")), preprocess)
            one = logits_and_features(net, batch)
            logits.append(one[0].numpy())
            features.append(one[1].numpy())
    return np.concatenate(logits), np.concatenate(features)
