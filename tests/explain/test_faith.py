"""The tests of a heatmap pass for the one network whose truth is known, and fail for maps that are wrong."""

import dataclasses

import numpy as np
import pytest
import torch

from medcls import nets
from medcls.errors import BadScan
from medcls.explain import METHODS, Stopped, faith
from medcls.explain.drawing import open_scan
from medcls.explain.method_table import Method
from medcls.explain.random_weights import randomised
from medcls.explain.watch import Watch
from medcls.imaging.decode import read_scan
from medcls.imaging.phantom import phantom
from tests.explain.planted import SIZE_PX, model, scan

# Green means nothing to the network; one that learned nothing sees it all the same.
PICTURE = scan(("red", 24, 40), ("green", 48, 12), ("green", 52, 52), ("green", 10, 10), radius_px=4)


def spot_mask() -> np.ndarray:
    mask = np.zeros((SIZE_PX, SIZE_PX), bool)
    mask[20:29, 36:45] = True
    return mask


def by_name(checks: tuple[faith.Check, ...]) -> dict[str, faith.Check]:
    return {c.name: c for c in checks}


def test_true_map_stands_every_test() -> None:
    found = by_name(faith.check(open_scan(model(), PICTURE), "red", "hirescam", spot_mask()))
    assert list(found) == ["order", "random", "shift", "padding", "mask"]
    assert found["order"].holds
    assert found["order"].numbers["deletion"] < found["order"].numbers["deletion_random"]
    assert found["order"].numbers["insertion"] > found["order"].numbers["insertion_random"]
    assert found["shift"].holds
    assert found["padding"].holds
    assert found["mask"].holds
    assert found["mask"].numbers["hit"] == 1
    assert all(c.words.endswith(".") for c in found.values())


def test_a_network_asked_in_several_orientations_is_tested_in_the_scans_own_and_says_so() -> None:
    """The probabilities are not those of its answer."""
    one, eight = (faith.check(open_scan(model(orientations=n), PICTURE), "red", "hirescam") for n in (1, 8))
    told = by_name(eight)["order"].found
    assert (told.code, told.params["n"]) == ("explain.check-as-it-is", 8)
    assert told.params["told"] == by_name(one)["order"].found
    assert by_name(eight)["order"].numbers == by_name(one)["order"].numbers


def test_map_that_points_elsewhere_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A method that always points at one corner: the order test and the mask find it out."""
    corner = np.zeros((8, 8), np.float32)
    corner[7, 0] = 1
    monkeypatch.setattr(
        faith, "chosen", lambda name: Method("corner", "Corner", "", lambda opened, label, watch: corner)
    )
    found = by_name(faith.check(open_scan(model(), PICTURE), "red", "corner", spot_mask()))
    assert found["order"].holds is False
    assert found["mask"].holds is False
    assert found["mask"].numbers["energy_inside"] == 0


def test_map_that_any_network_draws_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A method that looks at the scan and not at the network draws the same with random weights."""
    edges = Method("bright", "Bright", "", lambda opened, label, watch: opened.x[0].mean(0).numpy())
    monkeypatch.setattr(faith, "chosen", lambda name: edges)
    found = by_name(faith.check(open_scan(model(), PICTURE), "red", "bright"))
    assert found["random"].holds is False
    assert found["random"].numbers["agreement"] == pytest.approx(1)


def test_random_network_disagrees() -> None:
    """A network with trained-like statistics and the same one with weights drawn anew draw different maps."""
    torch.manual_seed(0)
    made = model(nets.build("resnet18", 3, size_px=96), size_px=96)
    picture = read_scan(phantom("breast-ultrasound", "malignant", 3))
    found = by_name(faith.check(open_scan(made, picture, "layer3"), "red"))
    assert -1 <= found["random"].numbers["agreement"] < 0.9


def test_random_network_is_the_same_each_time_and_leaves_the_shared_one_alone() -> None:
    made = model()
    before = {k: v.clone() for k, v in made.net.state_dict().items()}
    state = torch.get_rng_state()
    one, two, three = (randomised(made.net, seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[k], two[k]) for k in one)
    assert not torch.equal(one["fc.weight"], three["fc.weight"])
    assert all(torch.equal(before[k], v) for k, v in made.net.state_dict().items())
    assert torch.equal(state, torch.get_rng_state())


def test_unstable_map_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A method that draws noise from the scan's own values does not hold still."""

    def noise(opened, label: int, watch) -> np.ndarray:
        return np.random.default_rng(abs(hash(opened.x.numpy().tobytes()))).random((8, 8), np.float32)

    monkeypatch.setattr(faith, "chosen", lambda name: Method("noise", "Noise", "", noise))
    assert by_name(faith.check(open_scan(model(), PICTURE), "red", "noise"))["shift"].holds is False


def test_evidence_in_the_padding_is_told() -> None:
    """A network that fires on black edges: the map on the scan alone would hide it."""

    def edges(opened, label: int, watch) -> np.ndarray:
        return (opened.x[0].amax(0) == 0).numpy().astype(np.float32)

    picture = scan(size_px=(32, 64))
    picture = type(picture)(np.full((32, 64, 3), 0.2, np.float32), "0" * 64)
    view = open_scan(model(), picture)
    case = faith._Case(view, 0, "Red", Method("edges", "", "", edges), edges(view.opened, 0, None), 0, faith.Watch())
    found = faith._padding(case)
    assert found.holds is False
    assert found.numbers == {"outside": 1.0, "area_outside": 0.5}
    knows_nothing = dataclasses.replace(case, square=np.ones_like(case.square))
    assert faith._padding(knows_nothing).holds is False, "a map that is the same everywhere looks at nothing"
    mostly = np.where(case.square > 0, 0.2, 1.0).astype(np.float32)
    assert faith._padding(dataclasses.replace(case, square=mostly)).holds is True


def test_empty_map_has_nothing_to_test() -> None:
    (only,) = faith.check(open_scan(model(), scan()), "red")
    assert (only.name, only.holds) == ("empty", None)


def test_scan_on_which_nothing_matters_cannot_be_told() -> None:
    """Weak evidence, hardly any change of probability: the order test says that it cannot tell."""
    made = model()
    with torch.no_grad():
        made.net.fc.weight.mul_(1e-3)
    assert by_name(faith.check(open_scan(made, PICTURE), "red"))["order"].holds is None


def test_mask_must_lie_on_the_scan() -> None:
    view = open_scan(model(), PICTURE)
    for mask in (np.ones((10, 10), bool), np.zeros((SIZE_PX, SIZE_PX), bool)):
        with pytest.raises(BadScan):
            faith.check(view, "red", mask=mask)


def test_tests_report_and_stop() -> None:
    told: list[tuple[int, int]] = []
    view = open_scan(model(), PICTURE)
    faith.check(view, "red", watch=Watch(lambda done, total: told.append((done, total))))
    assert told == [(i, 4) for i in range(5)]
    with pytest.raises(Stopped):
        faith.check(view, "red", watch=Watch(should_stop=lambda: True))


def test_every_quick_method_can_be_tested() -> None:
    view = open_scan(model(), PICTURE)
    for method in METHODS.values():
        if not method.slow:
            assert by_name(faith.check(view, "red", method.name))["order"].holds, method.name
