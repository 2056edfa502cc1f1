"""The loop: it learns, goes on bit for bit, stops with a reason, and keeps features of a frozen backbone."""

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from medcls import disk
from medcls.core.run import EpochResult, RunSpec, settings
from medcls.core.settings import AugmentationSpec, setting
from medcls.errors import RunFailed
from medcls.nets.freezing import freeze
from medcls.training import fit as loop
from medcls.training import inputs
from medcls.training.build import build_net
from medcls.training.checkpoint import read_last
from medcls.training.fit import Watch, fit
from medcls.training.inputs import TrainingData, keeps_features
from medcls.training.measure import EXPLODED, exploded
from medcls.training.optimise import lr_factor
from medcls.training.shares import make_fabric
from tests.small_run import small_spec

SPEC = small_spec(schedule="constant")


def build(spec: RunSpec) -> torch.nn.Module:
    torch.manual_seed(spec.optimisation.seed)
    net = build_net(spec, 3)
    freeze(net, spec.network.freeze)
    return net


def train(
    spec: RunSpec, data: TrainingData, watch: Watch = Watch()
) -> tuple[list[EpochResult], dict[str, torch.Tensor]]:
    net = build(spec)
    results = list(fit(net, data, spec, watch))
    return results, net.state_dict()


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def untimed(results: list[EpochResult]) -> list[EpochResult]:
    return [dataclasses.replace(r, elapsed_s=0.0) for r in results]


def test_it_learns_and_gives_the_best_epochs_weights(data: TrainingData) -> None:
    results, weights = train(SPEC.having(epochs=25), data)
    assert [r.epoch for r in results] == list(range(1, 26))
    assert results[-1].train["accuracy"] > 0.9 > results[0].train["accuracy"]
    assert max(r.validate["auroc"] for r in results) > 0.9
    best = max(r.epoch for r in results if r.best)
    again, weights_then = train(SPEC.having(epochs=best), data)
    assert again[-1].best
    assert equal(weights, weights_then)
    assert all(a.elapsed_s < b.elapsed_s for a, b in itertools.pairwise(results))


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(data: TrainingData) -> None:
    _, one = train(SPEC, data)
    _, same = train(SPEC, data)
    _, other = train(SPEC.having(seed=1), data)
    assert equal(one, same)
    assert not equal(one, other)


HARD = (
    {"optimiser": "adamw", "schedule": "cosine", "warmup_epochs": 1.0, "ema_decay": 0.9},
    {"optimiser": "rmsprop", "schedule": "plateau", "balance": "mixup", "dropout": 0.3, "batch_size": 6, "gamma": 0.5},
    {"optimiser": "adadelta", "schedule": "one-cycle", "rotate_deg": 20.0, "zoom": 0.2, "blur": 0.5, "texture": 0.5},
    {"optimiser": "momentum", "schedule": "multistep", "grad_accum_steps": 2, "balance": "sampler", "head": "dense256"},
    {"optimiser": "adagrad", "freeze": "backbone", "dropout": 0.5, "balance": "oversample"},
)


@pytest.mark.parametrize("knobs", HARD, ids=lambda k: k["optimiser"])
def test_a_run_cut_off_after_each_epoch_ends_with_the_very_same_weights(
    data: TrainingData, tmp_path: Path, knobs: dict
) -> None:
    spec = SPEC.having(epochs=4, **knobs)
    whole, weights = train(spec, data)
    for _ in range(
        spec.optimisation.epochs
    ):  # a fresh network and process state each time, one epoch further each time
        torch.manual_seed(99)
        np.random.seed(99)
        steps = fit(build(spec), data, spec, Watch(tmp_path))
        done = read_last(tmp_path)
        for _ in range((done["state"]["epoch"] if done else 0) + 1):
            next(steps)
        steps.close()
    results, resumed = train(spec, data, Watch(tmp_path))
    assert untimed(results) == untimed(whole)
    assert equal(resumed, weights)


def test_a_stop_keeps_the_best_epoch_and_goes_on_later(data: TrainingData, tmp_path: Path) -> None:
    spec, seen = SPEC.having(epochs=6), []
    whole, weights = train(spec, data)

    def on_step(done: int, total: int) -> None:
        seen.append(done)

    watch = Watch(tmp_path, lambda: len(seen) == 8, on_step)  # three steps an epoch: in the middle of the third
    results, stopped = train(spec, data, watch)
    assert untimed(results) == untimed(whole[:2])
    assert seen == [1, 2, 3, 1, 2, 3, 1, 2]
    best = max(r.epoch for r in results if r.best)
    assert equal(stopped, read_last(tmp_path)["best_weights"])
    assert read_last(tmp_path)["state"]["best_epoch"] == best
    results, resumed = train(spec, data, Watch(tmp_path))
    assert untimed(results) == untimed(whole)
    assert equal(resumed, weights)


def test_a_stop_before_the_first_epoch_gives_nothing(data: TrainingData, tmp_path: Path) -> None:
    results, _ = train(SPEC, data, Watch(tmp_path, lambda: True))
    assert results == []
    assert read_last(tmp_path) is None


def test_a_loss_that_explodes_without_end_is_noted(data: TrainingData) -> None:
    spec = SPEC.having(optimiser="sgd", lr=8.0, epochs=2)
    first = next(fit(build(spec), data, spec))  # in the second epoch it is no longer a number
    (wild,) = [note for note in first.notes if note.code == EXPLODED]
    assert wild.params["loss"] > 10 * wild.params["guessing"] == pytest.approx(10 * np.log(3))
    calm = next(fit(build(SPEC), data, SPEC))
    assert not [note for note in calm.notes if note.code == EXPLODED]
    assert exploded(1.0, 40.0, 3)[0].params["part"] == "validation"
    assert not exploded(1.0, float("nan"), 3)


def test_a_loss_that_is_no_number_stops_with_a_reason(data: TrainingData, tmp_path: Path) -> None:
    spec = SPEC.having(optimiser="sgd", lr=10.0, epochs=50, loss="cross-entropy")
    net = build(spec)
    with torch.no_grad():
        next(net.parameters()).mul_(1e30)
    with pytest.raises(RunFailed) as caught:
        list(fit(net, data, spec, Watch(tmp_path)))
    assert caught.value.code == "training.loss-not-finite"
    assert (caught.value.params["epoch"], caught.value.params["lr"]) == (1, 10.0)


def test_a_full_disk_in_the_middle_leaves_the_last_checkpoint_whole(
    data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, whole = SPEC.having(epochs=4), train(SPEC.having(epochs=4), data)
    written, fsync = [], disk.os.fsync

    def full(handle: int) -> None:
        written.append(handle)
        if len(written) > 5:  # two files and two folders in the first epoch: inside the second
            raise OSError(28, "No space left on device")
        fsync(handle)

    with monkeypatch.context() as patch:
        patch.setattr(disk.os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            train(spec, data, Watch(tmp_path))
    assert read_last(tmp_path)["state"]["epoch"] == 1
    assert not list(tmp_path.glob(".*")), "nothing half written is left"
    results, weights = train(spec, data, Watch(tmp_path))
    assert untimed(results) == untimed(whole[0])
    assert equal(weights, whole[1])


def test_only_the_best_epochs_weights_are_kept_beside_the_last(data: TrainingData, tmp_path: Path) -> None:
    train(SPEC.having(epochs=6), data, Watch(tmp_path))
    best = read_last(tmp_path)["state"]["best_epoch"]
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"best-{best}.pt", "last.pt"]


def test_a_damaged_checkpoint_is_said_in_a_sentence(data: TrainingData, tmp_path: Path) -> None:
    train(SPEC, data, Watch(tmp_path))
    (tmp_path / "last.pt").write_bytes((tmp_path / "last.pt").read_bytes()[:-2000])
    with pytest.raises(RunFailed, match="checkpoint cannot be read"):
        train(SPEC, data, Watch(tmp_path))


def test_a_checkpoint_with_code_in_it_is_refused(data: TrainingData, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple:
            return Path.touch, (tmp_path / "executed",)

    torch.save({"state": Evil()}, tmp_path / "last.pt")
    with pytest.raises(RunFailed, match="checkpoint cannot be read"):
        train(SPEC, data, Watch(tmp_path))
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("backbone", "head"), [("resnet18", "dense256"), ("vit_tiny_patch16_224", "linear"), ("simple_cnn", "linear")]
)
def test_kept_features_teach_what_scans_would(
    data: TrainingData, monkeypatch: pytest.MonkeyPatch, backbone: str, head: str
) -> None:
    args = {"width": 4} if backbone == "simple_cnn" else {}
    spec = SPEC.having(backbone=backbone, backbone_args=args, freeze="backbone", head=head, epochs=2)
    assert keeps_features(build(spec), spec)
    kept, weights = train(spec, data)
    assert "training.features-kept" in [note.code for note in kept[0].notes]
    monkeypatch.setattr(loop, "keeps_features", lambda net, spec: False)
    usual, expected = train(spec, data)
    for one, other in zip(kept, usual, strict=True):
        assert one.validate == pytest.approx(other.validate, rel=2e-3, abs=2e-4)
        assert one.train == pytest.approx(other.train, rel=2e-3, abs=2e-4)
    for name in weights:
        torch.testing.assert_close(weights[name], expected[name], rtol=2e-3, atol=2e-4, msg=name)


def test_a_frozen_backbone_runs_once_per_scan(data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, net, seen = SPEC.having(freeze="backbone", epochs=5), None, []
    net = build(spec)
    inner = net.forward_features
    monkeypatch.setattr(net, "forward_features", lambda x: (seen.append(len(x)), inner(x))[1])
    list(fit(net, data, spec))
    assert sum(seen) == len(data.train) + len(data.validate)


@dataclasses.dataclass(frozen=True)
class MoreAugmentation(AugmentationSpec):
    """The augmentation of a later medcls, with a change that nobody has told the loop of."""

    sepia: float = setting(0.0, "Random sepia.", "augmentation")


def test_an_augmentation_added_later_keeps_no_features_either() -> None:
    plain = dataclasses.replace(SPEC.having(freeze="backbone"), augmentation=MoreAugmentation())
    assert keeps_features(build(plain), plain)
    later = dataclasses.replace(plain, augmentation=MoreAugmentation(sepia=0.5))
    assert not keeps_features(build(later), later)


@pytest.mark.parametrize("knob", [name for name, place in settings().items() if place.noun == "augmentation"])
def test_features_are_not_kept_where_a_scan_changes_from_epoch_to_epoch(knob: str) -> None:
    on = {"hflip": True, "vflip": True, "shifts": ("gain",), "shift_copies": 2, "shift_strength": 0.5}.get(knob, 0.1)
    spec = SPEC.having(freeze="backbone", **{knob: on})
    assert not keeps_features(build(spec), spec)
    assert not keeps_features(build(SPEC), SPEC), "nothing is frozen"
    mixup = SPEC.having(freeze="backbone", balance="mixup")
    assert not keeps_features(build(mixup), mixup)


def test_early_stopping_counts_epochs_without_a_better_score(data: TrainingData, tmp_path: Path) -> None:
    spec = SPEC.having(epochs=40, patience=2, lr=1e-8)
    results, _ = train(spec, data, Watch(tmp_path))
    best = max(r.epoch for r in results if r.best)
    assert len(results) == best + 2 < 40
    again, _ = train(spec, data, Watch(tmp_path))
    assert again == results, "a run that is over stays over"


def test_memory_that_runs_out_names_a_batch_that_fits(data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = SPEC.having(batch_size=16)
    net = build(spec)
    inner = type(net).forward

    def hungry(self: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
        if len(x) > 5:
            torch.empty(2**60)  # what torch itself says when memory runs out
        return inner(self, x)

    monkeypatch.setattr(type(net), "forward", hungry)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    with pytest.raises(RunFailed) as caught:
        list(fit(net, data, spec))
    assert caught.value.code == "training.out-of-memory-smaller-fits"
    assert caught.value.params == {"size": 16, "fits": 4, "steps": 4}
    assert equal(before, net.state_dict())


def test_lr_factor_by_hand() -> None:
    multistep = RunSpec.of(schedule="multistep", milestones=(0.5, 0.75), gamma=0.1)
    assert [lr_factor(multistep, s, 100, 0) for s in (0, 49, 50, 74, 75, 99)] == pytest.approx(
        [1, 1, 0.1, 0.1, 0.01, 0.01]
    )
    warm = RunSpec.of(schedule="constant", warmup_epochs=1)
    assert [lr_factor(warm, s, 100, 4) for s in range(6)] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1, 1])
    assert lr_factor(RunSpec.of(schedule="cosine"), 100, 100, 0) == 0


@pytest.mark.parametrize(("smoothing", "largest"), [(0.0, 1.0), (0.3, 0.8)])
def test_mixup_smooths_labels_as_asked_and_no_more(data: TrainingData, smoothing: float, largest: float) -> None:
    """Smoothing by s leaves 1 - s + s / 3 on the label of a scan that was mixed with its like, however much of either."""
    spec = SPEC.having(balance="mixup", label_smoothing=smoothing)
    net = build(spec)
    fabric = make_fabric(net, data, spec, None)
    batches = loop._Batches(inputs.make_source(net, data.train, data, spec, fabric.device, False), data, spec, fabric)
    targets = torch.cat([target for epoch in range(1, 30) for _, target, _ in batches(epoch)])
    assert float(targets.max()) == pytest.approx(largest, abs=1e-3)
    assert targets.sum(dim=1).numpy() == pytest.approx(1.0, abs=1e-5)


def test_an_accumulation_longer_than_the_epoch_is_one_over_the_epoch(data: TrainingData) -> None:
    """Gradients are averaged over the steps there were, not over those asked for."""
    steps = len(data.train) // SPEC.optimisation.batch_size
    plain = SPEC.having(optimiser="sgd", lr=0.1, epochs=1, monitor="loss")
    _, whole = train(plain.having(grad_accum_steps=steps), data)
    _, longer = train(plain.having(grad_accum_steps=2 * steps), data)
    assert equal(whole, longer)
