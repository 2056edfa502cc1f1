"""Every knob of a run's spec does what its help says; a knob without a test of its own fails here."""

import dataclasses
import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch

from medcls import nets
from medcls.core.note import Note
from medcls.core.run import RunSpec, settings
from medcls.core.scan import Preprocess
from medcls.data.sources import Sources
from medcls.errors import BadModel, BadSpec
from medcls.nets.freezing import freeze
from medcls.tasks import list_tasks
from medcls.training.augment import Augment
from medcls.training.build import make_net, read_sources
from medcls.training.fit import fit
from medcls.training.inputs import TrainingData
from medcls.training.loss import class_weights, loss, soft_targets
from medcls.training.optimise import make_optimiser, make_schedule
from medcls.training.order import epoch_order
from medcls.training.shares import make_fabric
from tests.small_run import small_spec

SPEC = small_spec(epochs=2, schedule="constant")
TESTS: dict[str, Callable] = {}
# Knobs that decide which scans are used, or where and under which name: tested where that is done.
ELSEWHERE = {
    "name": "tests/runs/test_folder.py",
    "recipe": "tests/reproduction/test_recipes.py",
    "collections": "tests/runs/test_worker.py",
    "split": "tests/training/test_sources.py",
    "fold": "tests/training/test_sources.py",
    "task": "tests/training/test_sources.py",
    "shifts": "tests/training/test_copies.py",
    "shift_copies": "tests/training/test_copies.py",
    "shift_strength": "tests/training/test_copies.py",
    "leave_out": "tests/training/test_sources.py",
    "label_map": "tests/training/test_sources.py",
    "patience": "tests/training/test_fit.py",
    "monitor": "tests/training/test_measure.py",
    "kind": "tests/runs/test_translate.py",
    "from_label": "tests/runs/test_translate.py",
    "to_label": "tests/runs/test_translate.py",
    "made_from": "tests/runs/test_made.py",
    "made_most": "tests/runs/test_made.py",
    **dict.fromkeys(
        ("cycle_weight", "identity_weight", "translator_width", "translator_blocks", "made_history"),
        "tests/training/test_translation.py",
    ),
}


def covers(*names: str) -> Callable:
    def note(test: Callable) -> Callable:
        TESTS.update(dict.fromkeys(names, test))
        return test

    return note


def spec_of(**changes) -> RunSpec:
    return SPEC.having(**changes)


def build(spec: RunSpec) -> torch.nn.Module:
    net, _, _ = make_net(spec, list_tasks()["breast-ultrasound"])
    return net


def weights_after(spec: RunSpec, data: TrainingData) -> torch.Tensor:
    net = build(spec)
    list(fit(net, data, spec))
    return torch.cat([p.detach().flatten() for p in net.parameters()])


def changed(spec: RunSpec, batch: torch.Tensor) -> torch.Tensor:
    return Augment(spec.augmentation)(batch.clone(), torch.Generator().manual_seed(3))


@pytest.fixture(scope="module")
def picture() -> torch.Tensor:
    """Eight scans, each dark with one bright square off the middle."""
    batch = torch.full((8, 3, 32, 32), 0.3)
    batch[:, :, 6:12, 18:26] = 0.8
    batch[:, 0] += 0.05
    return batch


def test_every_knob_is_tested() -> None:
    assert set(TESTS) | set(ELSEWHERE) == set(settings()), set(settings()) ^ (set(TESTS) | set(ELSEWHERE))


@covers("backbone", "backbone_args", "channels", "size_px", "head", "dropout")
def test_what_the_network_is() -> None:
    assert type(build(spec_of(backbone="cancernet", backbone_args={}))).__name__ == "CancerNet"
    assert sum(p.numel() for p in build(SPEC).parameters()) < sum(
        p.numel() for p in build(spec_of(backbone_args={"width": 8})).parameters()
    )
    grey, _, preprocess = make_net(spec_of(channels=1, size_px=40), list_tasks()["breast-ultrasound"])
    assert grey(torch.zeros(2, 1, 40, 40)).shape == (2, 3)
    assert (preprocess.channels, preprocess.size_px, len(preprocess.mean)) == (1, 40, 1)
    assert type(build(spec_of(head="dense256")).get_classifier()).__name__ == "DenseHead"
    dropping = build(spec_of(dropout=0.5)).train()
    with torch.no_grad():
        assert not torch.equal(dropping(torch.ones(2, 3, 32, 32)), dropping(torch.ones(2, 3, 32, 32)))


@covers("initial")
def test_where_weights_start(tmp_path) -> None:
    from safetensors.torch import save_file

    given = build(spec_of(seed=5))
    save_file({k: v.contiguous() for k, v in given.state_dict().items()}, tmp_path / "start.safetensors")
    same = build(spec_of(seed=6, initial=str(tmp_path / "start.safetensors")))
    assert all(torch.equal(a, b) for a, b in zip(given.state_dict().values(), same.state_dict().values(), strict=True))
    fresh = build(spec_of(seed=6))
    assert not torch.equal(next(given.parameters()), next(fresh.parameters()))


@covers("fit", "cleaning", "orientations")
def test_how_scans_are_fed() -> None:
    spec = spec_of(fit="crop", cleaning=("clahe", "bilateral"), orientations=2)
    _, _, preprocess = make_net(spec, list_tasks()["breast-ultrasound"])
    assert (preprocess.fit, preprocess.cleaning, preprocess.orientations) == ("crop", ("clahe", "bilateral"), 2)


@pytest.mark.parametrize("n", [0, 3, 4, 16])
def test_only_a_group_of_orientations_is_averaged(n: int) -> None:
    with pytest.raises(BadSpec):
        spec_of(orientations=n)
    with pytest.raises(BadModel):
        Preprocess(orientations=n)


@covers("max_cases")
def test_at_most_so_many_cases_by_whole_groups(data: TrainingData) -> None:
    class Held:
        name, fingerprint = "held", "0" * 64

        def read(self, case) -> bytes:
            from medcls.imaging.phantom import phantom

            return phantom("breast-ultrasound", case.label, 1, size_px=32)

    task = list_tasks()["breast-ultrasound"]
    cases = tuple(dataclasses.replace(c, group=str(i // 4)) for i, c in enumerate(data.train.cases))
    sources = Sources(task, (Held(),), ({"train": cases},), ())  # type: ignore[arg-type]
    preprocess = make_net(SPEC, task)[2]
    few = read_sources(sources, "train", preprocess, spec_of(max_cases=10))
    assert len(few) == 8
    assert all(sum(c.group == g for c in few.cases) == 4 for g in {c.group for c in few.cases})
    assert len(read_sources(sources, "train", preprocess, SPEC)) == 24
    assert len(read_sources(sources, "train", preprocess, spec_of(max_cases=2))) == 4, "one whole group at least"


MOVES = {"rotate_deg": 40.0, "shift": 0.3, "shear": 0.5, "zoom": 0.4, "hflip": True, "vflip": True}
LIGHTS = {"brightness": 0.5, "contrast": 0.5, "hue": 0.3, "blur": 1.0, "erase": 1.0}


@covers(*MOVES)
@pytest.mark.parametrize("knob", MOVES)
def test_a_move_keeps_values_and_moves_the_square(picture: torch.Tensor, knob: str) -> None:
    moved = changed(spec_of(**{knob: MOVES[knob]}), picture)
    assert not torch.allclose(moved, picture)
    assert moved.min() >= 0.29
    assert moved.max() <= 0.86
    if knob == "hflip":
        assert all(
            torch.allclose(m, p, atol=1e-4) or torch.allclose(m, p.flip(-1), atol=1e-4)
            for m, p in zip(moved, picture, strict=True)
        )
    if knob == "vflip":
        assert all(
            torch.allclose(m, p, atol=1e-4) or torch.allclose(m, p.flip(-2), atol=1e-4)
            for m, p in zip(moved, picture, strict=True)
        )


@covers(*LIGHTS)
@pytest.mark.parametrize("knob", LIGHTS)
def test_a_change_of_light_leaves_the_square_where_it_is(picture: torch.Tensor, knob: str) -> None:
    lit = changed(spec_of(**{knob: LIGHTS[knob]}), picture)
    assert not torch.allclose(lit, picture)
    assert 0 <= lit.min() <= lit.max() <= 1
    if knob != "erase":
        inside, outside = lit[:, :, 8:10, 20:24].mean(dim=(1, 2, 3)), lit[:, :, 20:30, 2:12].mean(dim=(1, 2, 3))
        assert (inside > outside).all()
    if knob == "hue":
        grey = picture.mean(1, keepdim=True).repeat(1, 3, 1, 1)
        torch.testing.assert_close(changed(spec_of(hue=0.3), grey), grey, atol=2e-3, rtol=0)


@covers("texture")
def test_a_texture_keeps_mean_and_spread_where_things_lie_and_grey_grey(picture: torch.Tensor) -> None:
    grey = (picture.mean(1, keepdim=True) * 0.4 + 0.3).repeat(1, 3, 1, 1)
    filtered = changed(spec_of(texture=1.0), grey)
    assert all(not torch.allclose(one, other, atol=1e-3) for one, other in itertools.pairwise(filtered - grey))
    torch.testing.assert_close(filtered[:, 0], filtered[:, 2])
    torch.testing.assert_close(filtered.mean(dim=(1, 2, 3)), grey.mean(dim=(1, 2, 3)), atol=0.05, rtol=0)
    edges = [(x[:, 0].diff(dim=-1).abs() > 0.02).float().flatten(1) for x in (grey, filtered)]
    share = (edges[0] * edges[1]).sum(1) / edges[0].sum(1)
    assert (share > 0.5).float().mean() > 0.5, "the outlines stay for most kernels"
    few = changed(spec_of(texture=0.3), grey)
    same = torch.tensor([torch.allclose(a, b, atol=1e-6) for a, b in zip(few, grey, strict=True)])
    assert 0 < same.sum() < len(grey)


@covers("freeze")
@pytest.mark.parametrize("how", ["backbone", "lowest:2", "blocks.2"])
def test_frozen_weights_stay(data: TrainingData, how: str) -> None:
    spec = spec_of(freeze=how, weight_decay=0.1)
    net, before = build(spec), {k: v.clone() for k, v in build(spec).state_dict().items()}
    frozen = {name for name, p in net.named_parameters() if not p.requires_grad}
    list(fit(net, data, spec))
    after = net.state_dict()
    assert frozen
    assert {
        name for name in before if name in dict(net.named_parameters()) and torch.equal(before[name], after[name])
    } == frozen


@covers("loss", "focal_gamma", "label_smoothing")
def test_losses_by_hand() -> None:
    logits, truth = torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 0])
    target = soft_targets(truth, 2, 0.0)
    log_prob = logits.log_softmax(1)[:, 0]
    torch.testing.assert_close(loss(logits, target, spec_of()), -log_prob.mean())
    focal = loss(logits, target, spec_of(loss="focal", focal_gamma=3.0))
    torch.testing.assert_close(focal, (-((1 - log_prob.exp()) ** 3) * log_prob).mean())
    binary = loss(logits, target, spec_of(loss="binary"))
    torch.testing.assert_close(binary, torch.nn.functional.softplus(logits[:, 1] - logits[:, 0]).mean())
    three = torch.tensor([[1.0, -1.0, 0.5]])
    expected = torch.nn.functional.binary_cross_entropy_with_logits(three, torch.tensor([[0.0, 1.0, 0.0]]))
    torch.testing.assert_close(loss(three, soft_targets(torch.tensor([1]), 3, 0.0), spec_of(loss="binary")), expected)
    smooth = torch.nn.CrossEntropyLoss(label_smoothing=0.2)(three, torch.tensor([2]))
    torch.testing.assert_close(loss(three, soft_targets(torch.tensor([2]), 3, 0.2), spec_of()), smooth)
    weights = torch.tensor([1.0, 2.0, 4.0])
    logits, truth = torch.randn(9, 3, generator=torch.Generator().manual_seed(0)), torch.arange(9) % 3
    expected = torch.nn.CrossEntropyLoss(weight=weights)(logits, truth)
    torch.testing.assert_close(loss(logits, soft_targets(truth, 3, 0.0), spec_of(), weights), expected)


@covers("balance", "mixup")
def test_uneven_classes(data: TrainingData) -> None:
    truth = np.repeat([0, 1, 2], [60, 30, 10])
    assert sorted(epoch_order(truth, spec_of(), 1)) == list(range(100))
    drawn = np.concatenate([truth[epoch_order(truth, spec_of(balance="sampler"), e)] for e in range(1, 40)])
    assert np.bincount(drawn) / len(drawn) == pytest.approx([1 / 3] * 3, abs=0.03)
    over = epoch_order(truth, spec_of(balance="oversample"), 1)
    assert list(np.bincount(truth[over])) == [60, 60, 60]
    assert set(over) == set(range(100))
    torch.testing.assert_close(class_weights(torch.from_numpy(truth), 3), torch.tensor([100 / 180, 100 / 90, 100 / 30]))
    plain = weights_after(SPEC, data)
    mixed = weights_after(spec_of(balance="mixup", mixup=0.2), data)
    assert not torch.equal(plain, mixed)
    assert not torch.equal(mixed, weights_after(spec_of(balance="mixup", mixup=2.0), data))
    odd = spec_of(batch_size=7)
    assert not torch.equal(weights_after(odd, data), weights_after(odd.having(balance="mixup"), data))
    assert not torch.equal(plain, weights_after(spec_of(balance="weights", max_cases=0), shrink(data)))


def shrink(data: TrainingData) -> TrainingData:
    rows = np.flatnonzero((data.train.truth > 0) | (np.arange(24) % 3 == 0))
    part = dataclasses.replace(
        data.train,
        pixels=data.train.pixels[rows],
        truth=data.train.truth[rows],
        cases=tuple(data.train.cases[i] for i in rows),
    )
    return dataclasses.replace(data, train=part)


REFERENCE = {
    "sgd": lambda p: torch.optim.SGD(p, 0.01, weight_decay=0.1),
    "momentum": lambda p: torch.optim.SGD(p, 0.01, momentum=0.7, weight_decay=0.1),
    "adagrad": lambda p: torch.optim.Adagrad(p, 0.01, weight_decay=0.1),
    "adadelta": lambda p: torch.optim.Adadelta(p, 0.01, weight_decay=0.1),
    "rmsprop": lambda p: torch.optim.RMSprop(p, 0.01, momentum=0.7, weight_decay=0.1),
    "adam": lambda p: torch.optim.Adam(p, 0.01, weight_decay=0.1),
    "adamw": lambda p: torch.optim.AdamW(p, 0.01, weight_decay=0.1),
}


@covers("optimiser", "lr", "momentum", "weight_decay", "backbone_lr_factor")
@pytest.mark.parametrize("name", REFERENCE)
def test_optimisers_are_torchs_own(name: str) -> None:
    spec = spec_of(optimiser=name, lr=0.01, momentum=0.7, weight_decay=0.1)
    ours, theirs = build(spec), build(spec)
    optimisers = make_optimiser(ours, spec), REFERENCE[name]([p for p in theirs.parameters() if p.ndim > 1])
    x = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    for net, optimiser in zip((ours, theirs), optimisers, strict=True):
        net.eval()
        for _ in range(3):
            for p in net.parameters():
                p.grad = None
            net(x).square().mean().backward()
            if net is ours:
                for p in net.parameters():
                    p.grad = None if p.ndim == 1 else p.grad
            optimiser.step()
    for (n, a), b in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, msg=n)
    parts = make_optimiser(ours, spec_of(lr=0.01, backbone_lr_factor=0.1, weight_decay=0.1)).param_groups
    head = {id(p) for p in ours.get_classifier().parameters()}
    for group in parts:
        for p in group["params"]:
            assert group["lr"] == pytest.approx(0.01 if id(p) in head else 0.001)
            assert group["weight_decay"] == (0.1 if p.ndim > 1 else 0)


@covers("schedule", "warmup_epochs", "milestones", "gamma")
def test_schedules(data: TrainingData) -> None:
    def rates(**changes) -> list[float]:
        spec = spec_of(epochs=8, lr=0.01, **changes)
        optimiser = make_optimiser(build(spec), spec)
        schedule = make_schedule(optimiser, spec, 3)
        seen = []
        for _ in range(24):
            seen.append(optimiser.param_groups[0]["lr"])
            optimiser.step()
            schedule.step()
        return seen

    assert rates(schedule="constant") == pytest.approx([0.01] * 24)
    assert rates(schedule="multistep", milestones=(0.5,), gamma=0.2) == pytest.approx([0.01] * 12 + [0.002] * 12)
    cosine = rates(schedule="cosine")
    assert cosine[12] == pytest.approx(0.005)
    assert all(a > b for a, b in itertools.pairwise(cosine))
    warm = rates(schedule="constant", warmup_epochs=2.0)
    assert warm[0] < warm[3] < warm[6] == pytest.approx(0.01)
    cycle = rates(schedule="one-cycle")
    assert max(cycle) == pytest.approx(0.01, rel=0.05)
    assert max(cycle) not in (cycle[0], cycle[-1])
    spec = spec_of(schedule="plateau", epochs=8, lr=1e-8, gamma=0.1, patience=2, optimiser="sgd")
    results = list(fit(build(spec), data, spec.having(patience=0)))
    assert results[-1].lr == 1e-8, "ten epochs without a better loss come first"
    long = list(fit(build(spec), data, spec.having(patience=6, epochs=20)))
    assert long[-1].lr <= 1e-8


@covers("batch_size", "grad_accum_steps", "epochs")
def test_accumulating_is_a_larger_batch(data: TrainingData) -> None:
    # a network without batch norm: two batches of 4 whose gradients are added are one of 8
    large = weights_after(spec_of(batch_size=8, epochs=3, optimiser="momentum"), data)
    added = weights_after(spec_of(batch_size=4, grad_accum_steps=2, epochs=3, optimiser="momentum"), data)
    torch.testing.assert_close(large, added, rtol=1e-4, atol=1e-6)
    assert not torch.equal(large, weights_after(spec_of(batch_size=4, epochs=3, optimiser="momentum"), data))
    assert len(list(fit(build(SPEC), data, spec_of(epochs=3)))) == 3


@covers("ema_decay")
def test_averaged_weights_lag_behind(data: TrainingData) -> None:
    spec = spec_of(epochs=1, lr=1e-2)
    start = torch.cat([p.detach().flatten() for p in build(spec).parameters()])
    plain, averaged = (weights_after(s, data) for s in (spec, spec.having(ema_decay=0.999)))
    assert 0 < (averaged - start).norm() < (plain - start).norm()


@covers("precision", "device")
def test_precision_and_device(data: TrainingData) -> None:
    net = build(SPEC)
    assert str(make_fabric(net, data, spec_of(precision="bf16"), None)._precision.precision) == "bf16-mixed"
    assert str(make_fabric(net, data, spec_of(precision="fp32"), None)._precision.precision) == "32-true"
    assert str(make_fabric(net, data, spec_of(precision="auto"), None)._precision.precision) in (
        "32-true",
        "bf16-mixed",
    )
    assert str(make_fabric(net, data, SPEC, "bf16-mixed")._precision.precision) == "bf16-mixed", (
        "a resumed run keeps its own"
    )
    assert make_fabric(net, data, spec_of(device="cpu"), None).device.type == "cpu"
    (result,) = list(fit(build(SPEC), data, spec_of(precision="bf16", epochs=1)))
    assert Note("training.computed-in", precision="bf16-mixed") in result.notes


@covers("seed")
def test_the_seed_decides_weights_order_and_changes(data: TrainingData) -> None:
    truth = data.train.truth
    assert list(epoch_order(truth, spec_of(seed=1), 1)) == list(epoch_order(truth, spec_of(seed=1), 1))
    assert list(epoch_order(truth, spec_of(seed=1), 1)) != list(epoch_order(truth, spec_of(seed=2), 1))
    assert list(epoch_order(truth, spec_of(seed=1), 1)) != list(epoch_order(truth, spec_of(seed=1), 2))
    assert not torch.equal(next(build(spec_of(seed=1)).parameters()), next(build(spec_of(seed=2)).parameters()))


def test_freezing_in_a_frozen_network_is_an_error_in_a_sentence() -> None:
    from medcls.errors import BadSpec

    net = nets.build("simple_cnn", 3, size_px=32, args={"width": 4})
    freeze(net, "")
    for p in net.parameters():
        p.requires_grad = False
    with pytest.raises(BadSpec, match="Nothing is left to learn"):
        make_optimiser(net, SPEC)
