"""Changed copies of training scans: made once, seeded, and drawn from in every epoch."""

import numpy as np
import torch
from lightning_fabric import Fabric

from medcls.core.collection import Case
from medcls.core.run import RunSpec
from medcls.core.scan import Preprocess
from medcls.core.settings import AugmentationSpec
from medcls.data.batches import Copies, Part, join_parts, read_part
from medcls.imaging.phantom import phantom
from medcls.imaging.shifts import Mixture
from medcls.tasks import list_tasks
from medcls.training import build
from medcls.training.inputs import Pixels
from medcls.training.precision import spare_wide_depthwise, use_own_forward

LABELS = ("normal", "benign", "malignant")
PREPROCESS = Preprocess(48, grey=True)


class Phantoms:
    """A few phantoms, as a collection is read."""

    name = "phantoms"

    def read(self, case: Case) -> bytes:
        """Return a case's bytes."""
        return phantom("breast-ultrasound", str(case.label), int(case.id), (60, 80))


def cases(n: int) -> list[Case]:
    return [Case(str(i), LABELS[i % 3], None, str(i), "0" * 64, (60, 80)) for i in range(n)]


def read(n: int, copies: Copies | None, first: int = 0) -> Part:
    return read_part(Phantoms(), cases(first + n)[first:], LABELS, PREPROCESS, copies=copies)


COPIES = Copies(3, Mixture(("gain", "line"), 1.0, 1.0), 7)


def test_copies_are_changed_and_the_same_again() -> None:
    plain, part = read(4, None), read(4, COPIES)
    assert part.copies is not None
    assert plain.copies is None
    assert part.copies.shape == (3, 4, 48, 48, 3)
    assert np.array_equal(part.pixels, plain.pixels)
    assert all(not np.array_equal(copy, part.pixels) for copy in part.copies)
    again = read(4, COPIES).copies
    assert np.array_equal(part.copies, again)  # type: ignore[arg-type]
    alone = read(1, COPIES, first=2).copies
    assert np.array_equal(alone[:, 0], part.copies[:, 2])  # type: ignore[index]


def test_parts_are_joined_with_their_copies() -> None:
    one, other = read(2, COPIES), read(1, COPIES, first=2)
    joined = join_parts([one, other])
    assert np.array_equal(joined.copies, np.concatenate([one.copies, other.copies], axis=1))  # type: ignore[arg-type, list-item]


def test_an_epoch_takes_scans_and_copies_alike_and_says_which_by_its_generator() -> None:
    part = read(3, COPIES)
    source = Pixels(part, PREPROCESS, RunSpec())
    rows = np.repeat(np.arange(3), 40)
    taken = source._drawn(rows, torch.Generator().manual_seed(1))
    assert np.array_equal(taken, source._drawn(rows, torch.Generator().manual_seed(1)))
    plain = sum(np.array_equal(taken[i], part.pixels[rows[i]]) for i in range(len(rows)))
    assert 15 <= plain <= 50  # a quarter of 120 are as they were
    assert np.array_equal(part.pixels, read(3, None).pixels)


def test_a_run_makes_the_copies_that_it_asks_for() -> None:
    task = list_tasks()["breast-ultrasound"]
    assert build.copies_for(RunSpec(), task, "train") is None
    assert build.copies_for(RunSpec(), task, "test") is None
    asked = RunSpec.of(shifts=("gain",), shift_copies=2, shift_strength=0.4, seed=9)
    assert build.copies_for(asked, task, "train") == Copies(2, Mixture(("gain",), 0.4), 9)
    watched = build.copies_for(asked, task, "validate")
    assert watched is not None
    assert {"gain", "blur", "resolution", "tint"} <= set(watched.mixture.names)


def test_copies_count_as_augmentation_and_their_strength_alone_does_not() -> None:
    assert not AugmentationSpec().is_on
    assert AugmentationSpec(shifts=("gain",), shift_copies=2).is_on


def test_wide_depthwise_convolutions_give_the_same_in_fp32() -> None:
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv2d(4, 4, 5, groups=4), torch.nn.Conv2d(4, 4, 3, groups=4))
    x = torch.randn(2, 4, 16, 16)
    with torch.no_grad():
        plain = net(x)
        spare_wide_depthwise(net, Fabric(accelerator="cpu", precision="32-true"))
        assert "forward" not in net[0].__dict__
        spare_wide_depthwise(net, Fabric(accelerator="cpu", precision="bf16-mixed"))
        assert "forward" in net[0].__dict__
        assert "forward" not in net[1].__dict__
        assert torch.equal(net(x), plain)
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.allclose(net(x).float(), plain, atol=0.03)
    use_own_forward(net)
    assert "forward" not in net[0].__dict__
