"""Small labelled arrays a network can learn in seconds."""

import numpy as np
import pytest
import torch

from medcls.core.collection import Case
from medcls.core.scan import Preprocess
from medcls.data.batches import Part
from medcls.training.inputs import TrainingData

SIDE_PX, LABELS = 32, ("normal", "benign", "malignant")


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def make_part(counts: tuple[int, ...], seed: int) -> Part:
    """Noise with a bright square for label 1 and bright lines for label 2."""
    rng = np.random.default_rng(seed)
    truth = rng.permutation(np.repeat(np.arange(len(counts)), counts)).astype(np.int64)
    pixels = rng.integers(0, 120, (len(truth), SIDE_PX, SIDE_PX, 3)).astype(np.uint8)
    pixels[truth == 1, 8:20, 8:20] += 100
    pixels[truth == 2, ::4] += 100
    cases = tuple(
        Case(f"{seed}/{i}", LABELS[k], None, f"{seed}/{i}", f"{i:064d}", (32, 32)) for i, k in enumerate(truth)
    )
    return Part(pixels, truth, cases)


@pytest.fixture(scope="session")
def data() -> TrainingData:
    """24 cases of three labels to train, 12 to validate, at 32 px."""
    return TrainingData(make_part((8, 8, 8), 1), make_part((4, 4, 4), 2), 3, Preprocess(SIDE_PX))
