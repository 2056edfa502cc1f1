"""The loop of a translator: what it learns, that it goes on bit for bit, and what it shows."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from medcls.core.run import RunSpec
from medcls.errors import RunFailed
from medcls.training.history import History
from medcls.training.translation import TranslationWatch, Translator, TwoLabels, redraw, translate
from tests.training.conftest import make_part

SPEC = RunSpec.of(
    kind="translator",
    size_px=32,
    epochs=4,
    batch_size=4,
    lr=2e-3,
    translator_width=4,
    translator_blocks=1,
    hflip=True,
    made_history=5,
    device="cpu",
    precision="fp32",
)


def grey(counts: tuple[int, ...], seed: int) -> tuple:
    part = make_part(counts, seed)
    return tuple(
        replace(part, pixels=part.pixels[part.truth == k][..., :1], truth=part.truth[part.truth == k]) for k in (0, 1)
    )


@pytest.fixture(scope="module")
def data() -> TwoLabels:
    """Noise, and noise with a bright square: 8 and 6 to learn from, 4 each to watch."""
    return TwoLabels(grey((8, 6), 1), grey((4, 4), 2))


def taught(data: TwoLabels, spec: RunSpec, watch: TranslationWatch | None = None) -> tuple:
    net = Translator(1, spec)
    epochs = [replace(result, elapsed_s=0.0) for result in translate(net, data, spec, watch or TranslationWatch())]
    return net, epochs


def weights(net: Translator) -> list[bytes]:
    return [value.numpy().tobytes() for value in net.state_dict().values()]


def test_it_learns_the_way_back_and_to_leave_scans_as_they_are(data: TwoLabels) -> None:
    _, epochs = taught(data, SPEC.having(epochs=12))
    assert epochs[-1].validate["cycle"] < 0.8 * epochs[0].validate["cycle"]
    assert epochs[-1].validate["identity"] < 0.8 * epochs[0].validate["identity"]
    for result in epochs:
        assert result.best
        assert result.validate["loss"] == pytest.approx(10 * result.validate["cycle"] + 5 * result.validate["identity"])
    assert [round(result.lr / 2e-3, 3) for result in epochs[5:]] == [1, *(round(1 - k / 7, 3) for k in range(1, 7))]


def test_a_run_that_was_cut_off_ends_with_the_very_weights(data: TwoLabels, tmp_path: Path) -> None:
    whole, told = taught(data, SPEC)
    looks = [0]

    def in_the_middle_of_the_third() -> bool:
        looks[0] += 1
        return looks[0] == 5  # two steps an epoch

    cut, first = taught(data, SPEC, TranslationWatch(tmp_path, in_the_middle_of_the_third))
    assert [result.epoch for result in first] == [1, 2]
    two, _ = taught(data, SPEC.having(epochs=2))
    assert weights(cut) != weights(two), "the rate falls sooner where fewer epochs are asked for"
    again, rest = taught(data, SPEC, TranslationWatch(tmp_path))
    assert rest == told
    assert weights(again) == weights(whole)


def test_after_a_stop_it_holds_the_last_whole_epoch(data: TwoLabels, tmp_path: Path) -> None:
    looks = [0]

    def later() -> bool:
        looks[0] += 1
        return looks[0] == 4

    cut, _ = taught(data, SPEC, TranslationWatch(tmp_path, later))
    whole = torch.load(tmp_path / "last.pt", weights_only=True)["net"]
    assert weights(cut) == [value.numpy().tobytes() for value in whole.values()]


def test_samples_are_scans_redrawn_and_redrawn_back(data: TwoLabels) -> None:
    seen: dict[int, np.ndarray] = {}
    net, _ = taught(data, SPEC.having(epochs=1), TranslationWatch(on_samples=seen.__setitem__))
    assert seen[1].shape == (2, 3, 3, 32, 32, 1)
    scans = seen[1][0, :, 0]
    assert (scans == data.validate[0].pixels[[0, 2, 3]]).all() or (scans == data.validate[0].pixels[[0, 1, 3]]).all()
    assert (seen[1][0, :, 1] == redraw(net.there, scans)).all()
    assert (seen[1][1, :, 2] == redraw(net.there, seen[1][1, :, 1])).all()


def test_every_knob_of_a_translator_does_what_it_says(data: TwoLabels) -> None:
    def first(**changes: float) -> dict[str, float]:
        _, epochs = taught(data, SPEC.having(epochs=1, **changes))
        return epochs[0].train

    plain = first()
    assert plain["loss"] == pytest.approx(10 * plain["cycle"] + 5 * plain["identity"])
    light = first(cycle_weight=1.0, identity_weight=0.5)
    assert light["loss"] == pytest.approx(light["cycle"] + 0.5 * light["identity"])
    assert first(made_history=0)["discriminators"] != plain["discriminators"]
    n = [
        sum(p.numel() for p in Translator(1, SPEC.having(**size)).parameters())
        for size in ({}, {"translator_width": 8}, {"translator_blocks": 2})
    ]
    assert n[0] < n[2] < n[1]


def test_bf16_computes_and_is_noted(data: TwoLabels) -> None:
    _, epochs = taught(data, SPEC.having(epochs=1, precision="bf16"))
    (note,) = epochs[0].notes
    assert (note.code, note.params["precision"]) == ("training.computed-in", "bf16-mixed")
    assert np.isfinite(epochs[0].train["loss"])


def test_a_loss_that_is_no_number_stops_it(data: TwoLabels) -> None:
    net = Translator(1, SPEC)
    next(net.there.parameters()).data.fill_(torch.nan)
    with pytest.raises(RunFailed) as failed:
        list(translate(net, data, SPEC))
    assert failed.value.code == "training.loss-not-finite"


def test_a_history_shows_new_ones_and_half_of_the_time_old_ones() -> None:
    generator = torch.Generator().manual_seed(0)
    history, shown = History(50), []
    for i in range(1000):
        (one,) = history.draw(torch.full((1, 1, 1, 1), float(i)), generator).flatten().tolist()
        shown.append(i - one)
    assert shown[:50] == [0.0] * 50
    assert len(history.pictures) == 50
    old = [late > 0 for late in shown[50:]]
    assert 0.45 < np.mean(old) < 0.55
    assert min(shown) >= 0, "none comes twice out of the future"
    same = History(0).draw(torch.ones(2, 1, 1, 1), generator)
    assert same.shape == (2, 1, 1, 1)
