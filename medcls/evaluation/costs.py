"""What a model costs and what it achieves: weights, file size, milliseconds per scan on this machine, a score."""

import time
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from medcls.core.evaluation import Estimate
from medcls.core.model import ModelCard
from medcls.core.note import Note
from medcls.core.scan import Scan
from medcls.errors import BadModel
from medcls.models.folder import ModelFolder
from medcls.models.layout import WEIGHTS

_REPEATS = 7


@dataclass(frozen=True)
class Cost:
    """What a model costs, and a score of it.

    Args:
        model: Its id.
        n_parameters: Number of weights.
        file_bytes: Size of what it takes on disk, weights only.
        scan_ms: Milliseconds a scan takes here, from decoded scan to answer, median; None if not measured.
        score: What it is worth; None if not measured.
    """

    model: str
    n_parameters: int
    file_bytes: int
    scan_ms: float | None
    score: Estimate | None


def cost_of(card: ModelCard, score: Estimate | None, classifier: Any = None) -> Cost:
    """Return a model's cost.

    Args:
        card: Its card.
        score: What it is worth.
        classifier: The opened model, to measure its time; None to leave that out.

    Raises:
        BadModel: If its folder is gone, or cannot be looked into.
    """
    try:
        sizes = [(ModelFolder.find(one).path / WEIGHTS).stat().st_size for one in card.networks]
    except OSError as error:
        raise BadModel(
            "models.incomplete", model=card.id, found=Note("models.found-unreadable", name=WEIGHTS)
        ) from error
    return Cost(card.id, card.n_parameters, sum(sizes), None if classifier is None else measure_ms(classifier), score)


def measure_ms(classifier: Any, size_px: tuple[int, int] = (480, 640)) -> float:
    """Measure how many milliseconds a model takes for a decoded scan, the median of seven after one to warm up."""
    rng = np.random.default_rng(0)
    scan = Scan(rng.random((*size_px, 3), dtype=np.float32), "0" * 64)
    times = []
    for _ in range(_REPEATS + 1):
        started = time.perf_counter()
        classifier.predict(scan)
        times.append(1000 * (time.perf_counter() - started))
    return median(times[1:])
