"""What counts as familiar: scans of the kind learned from, taken otherwise, and not other pictures."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from medcls import nets
from medcls.core.collection import Case
from medcls.core.scan import Preprocess
from medcls.data.batches import Part, read_part
from medcls.imaging.appearance import appearance
from medcls.imaging.decode import read_scan
from medcls.imaging.phantom import phantom
from medcls.imaging.prepare import place
from medcls.imaging.shifts import shift_scan
from medcls.tasks import list_tasks
from medcls.training.familiar import FAMILIAR_SHARE, familiar_copies, learn_reference, measure_limits
from medcls.training.inputs import TrainingData
from medcls.training.outputs import run_part

TASK = list_tasks()["breast-ultrasound"]
PREPROCESS = Preprocess(64, grey=True)


class Phantoms:
    """Phantoms, as a collection is read."""

    name = "phantoms"

    def read(self, case: Case) -> bytes:
        """Return a case's bytes."""
        return phantom("breast-ultrasound", str(case.label), int(case.id), (120, 160))


def part(first: int, n: int, watched: bool) -> Part:
    cases = [
        Case(str(i), TASK.label_ids[i % 3], None, str(i), f"{i:064x}", (120, 160)) for i in range(first, first + n)
    ]
    copies = familiar_copies(TASK, 0) if watched else None
    return read_part(Phantoms(), cases, TASK.label_ids, PREPROCESS, copies=copies)


@pytest.fixture(scope="module")
def data() -> TrainingData:
    return TrainingData(part(0, 36, False), part(100, 36, True), 3, PREPROCESS)


@pytest.fixture(scope="module")
def net() -> torch.nn.Module:
    torch.manual_seed(0)
    return nets.build("simple_cnn", 3, size_px=64, args={"width": 4})


def beyond(net: torch.nn.Module, data: TrainingData, squares: list[np.ndarray]) -> float:
    """Share of pictures whose looks lie beyond the limit."""
    known = learn_reference(net, data, 0)
    logits, features = run_part(net, data.validate, PREPROCESS)
    limits = measure_limits(net, data, known, np.exp(logits) / np.exp(logits).sum(1, keepdims=True), features)
    assert known.appearance is not None
    assert limits.max_appearance is not None
    return float((known.appearance.distance(np.stack([appearance(s) for s in squares])) > limits.max_appearance).mean())


def squares(name: str) -> list[np.ndarray]:
    scans = [read_scan(phantom("breast-ultrasound", TASK.label_ids[i % 3], 300 + i, (120, 160))) for i in range(20)]
    return [place(shift_scan(scan, name, 0.6, i), PREPROCESS).pixels for i, scan in enumerate(scans)]


@pytest.mark.parametrize("name", ["blur", "resolution", "gain", "tint", "linear-frame"])
def test_the_same_kind_taken_otherwise_is_familiar(net: torch.nn.Module, data: TrainingData, name: str) -> None:
    assert beyond(net, data, squares(name)) <= 0.15


def test_without_copies_it_would_not_be(net: torch.nn.Module, data: TrainingData) -> None:
    narrow = TrainingData(data.train, replace(data.validate, copies=None), 3, PREPROCESS)
    assert beyond(net, narrow, squares("blur")) >= 0.2


def test_another_kind_of_picture_is_not(net: torch.nn.Module, data: TrainingData) -> None:
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 256, (64, 64, 1), np.uint8).repeat(3, 2) for _ in range(5)]
    masks = [np.full((64, 64, 3), v, np.uint8) for v in (0, 255)]
    assert beyond(net, data, noise + masks) == 1.0


def test_limits_hold_for_the_share_they_say(net: torch.nn.Module, data: TrainingData) -> None:
    assert data.validate.copies is not None
    shown = [*data.validate.pixels, *data.validate.copies.reshape(-1, 64, 64, 3)]
    assert beyond(net, data, shown) <= 1 - FAMILIAR_SHARE + 0.01


def test_features_are_of_scans_as_they_are_each_run_once(net: torch.nn.Module, data: TrainingData) -> None:
    ran: list[int] = []

    def known(orientations: int) -> np.ndarray:
        ran.append(0)
        asked = replace(data, preprocess=replace(PREPROCESS, orientations=orientations))
        return learn_reference(net, asked, 0).features

    def note(net: torch.nn.Module, given: tuple[torch.Tensor, ...]) -> None:
        ran[-1] += len(given[0])

    hook = next(net.children()).register_forward_pre_hook(note)
    try:
        assert np.array_equal(known(1), known(8))
    finally:
        hook.remove()
    assert ran[0] == ran[1] == len(data.train)
