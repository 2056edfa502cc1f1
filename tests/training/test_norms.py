"""Norms measured again: on whole scans, without dropout, and only where it helps."""

import numpy as np
import torch
from torch import nn

from medcls.core.run import RunSpec
from medcls.nets import build
from medcls.nets.freezing import freeze
from medcls.training.fit import fit
from medcls.training.inputs import Features, TrainingData, normalise, to_device
from medcls.training.measure import epoch_scores
from medcls.training.norms import remeasure_norms

CPU = torch.device("cpu")


def test_statistics_are_those_of_what_comes_in_without_dropout() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.5), nn.BatchNorm1d(8), nn.Linear(8, 3))
    features = torch.randn(128, 4) * 3 + 1
    assert remeasure_norms(net, Features(features), CPU, seed=1)
    seen = net[1](net[0](features)).detach()
    assert torch.allclose(net[3].running_mean, seen.mean(0), rtol=1e-5)
    assert torch.allclose(net[3].running_var, seen.var(0), rtol=0.1)  # the mean over two batches' own variances
    assert net[3].momentum == 0.1
    assert not any(module.training for module in net.modules())


def test_frozen_norms_and_networks_without_norms_stay(data: TrainingData) -> None:
    net = build("resnet18", 3, size_px=32)
    freeze(net, "backbone")
    before = {name: value.clone() for name, value in net.state_dict().items()}
    assert not remeasure_norms(net, Features(torch.randn(16, 3, 32, 32)), CPU, seed=0)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert not remeasure_norms(nn.Linear(4, 3), Features(torch.randn(16, 4)), CPU, seed=0)
    assert not remeasure_norms(nn.BatchNorm1d(4), Features(torch.randn(1, 4)), CPU, seed=0)


def test_a_fitted_network_is_never_the_worse_for_it_and_better_after_heavy_dropout(data: TrainingData) -> None:
    spec = RunSpec.of(
        backbone="cancernet",
        initial="none",
        size_px=32,
        batch_size=8,
        epochs=6,
        lr=3e-3,
        monitor="loss",
        device="cpu",
        precision="fp32",
        schedule="constant",
        backbone_args={"channels": [[8], [8]], "dense": 16, "block_drop_rate": 0.5},
    )
    gains = []
    for seed in range(3):
        torch.manual_seed(seed)
        net = build(spec.network.backbone, 3, size_px=32, args=spec.network.backbone_args)
        results = list(fit(net, data, spec.having(seed=seed)))
        with torch.inference_mode():
            logits = net(normalise(to_device(data.validate.pixels, CPU), data.preprocess))
        gains.append(min(r.validate["loss"] for r in results) - epoch_scores(logits, data.validate.truth)["loss"])
    assert min(gains) > -1e-5
    assert np.max(gains) > 0.01
