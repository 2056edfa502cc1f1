"""One body over the whole table of backbones: whatever is added there is tested the day it is added."""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from medcls.core.backbones import BACKBONES
from medcls.core.model import ModelCard
from medcls.core.run import RunSpec
from medcls.core.scan import Preprocess
from medcls.core.task import Label, Task
from medcls.errors import BadSpec
from medcls.models import engine
from medcls.nets import backbone_args_for, backbone_name_for, build, from_weights
from medcls.nets.anatomy import classifier_name, classifier_of
from medcls.nets.config import hub_config
from medcls.nets.dense256 import DenseHead
from medcls.nets.freezing import features_are_fixed, freeze, frozen_boundary, parametrised_layers, train_mode
from medcls.nets.layers import (
    answer_from,
    features_and_head,
    head_on_features,
    heatmap_layer,
    heatmap_layers,
    penultimate,
    to_map,
    twin,
)

# The dense head is computed with on one network for each place where timm keeps a classifier; on all others it is built
# and frozen without weights being drawn.
DENSE = ("resnet18", "densenet121", "mobilenetv4", "convnext", "vit", "vgg16", "cancernet")
# VGG's dense layers hold 120 of its 134 million weights and only cost time here.
THINNER = {"vgg16": {"mlp_ratio": 0.01}, "vgg19": {"mlp_ratio": 0.01}}
# Networks that the exporter cannot write at the small size used here, where their pooling cuts maps into uneven parts: PyTorch
# answers for them.
NOT_WRITTEN = frozenset({"vgg16", "vgg19", "plain_cnn"})
TASK = Task("t", "Which?", (Label("a", "A"), Label("b", "B"), Label("c", "C")))


def small_px(name: str) -> int:
    return 64 if BACKBONES[name].min_px <= 32 else 128


def scans(channels: int, size_px: int, n: int = 2) -> torch.Tensor:
    return torch.randn(n, channels, size_px, size_px, generator=torch.Generator().manual_seed(size_px))


def make(name: str, n_labels: int, head: str = "linear", channels: int = 3, size_px: int = 0) -> nn.Module:
    """Build a network whose batch norms have seen something, so that a lost statistic shows."""
    torch.manual_seed(0)
    net = build(name, n_labels, channels=channels, size_px=size_px or small_px(name), head=head, args=THINNER.get(name))
    with torch.no_grad():
        net.train()(scans(channels, size_px or small_px(name), 2))
    return net.eval()


@dataclass(frozen=True)
class Built:
    """A network in evaluation mode, its answer to two scans, and a folder with its weights."""

    name: str
    head: str
    net: nn.Module
    x: torch.Tensor
    logits: torch.Tensor
    folder: Path


COMPUTED = [*((name, "linear") for name in BACKBONES), *((name, "dense256") for name in DENSE)]


@pytest.fixture(scope="module", params=COMPUTED, ids="-".join)
def built(request) -> Iterator[Built]:
    name, head = request.param
    net, x = make(name, 3, head), scans(3, small_px(name))
    with torch.no_grad():
        logits = net(x)
    with tempfile.TemporaryDirectory() as folder:
        save_file(net.state_dict(), Path(folder, "model.safetensors"))
        yield Built(name, head, net, x, logits, Path(folder))


@pytest.mark.parametrize("name", BACKBONES)
def test_table_says_the_truth(name):
    row = BACKBONES[name]
    with torch.device("meta"):
        net = build(name, 3, size_px=row.size_px)
    assert row.name == name
    assert sum(p.numel() for p in net.parameters()) / 1e6 == pytest.approx(row.megaparams, abs=0.051)
    record = net.pretrained_cfg
    assert bool(row.weights) == bool(record.get("hf_hub_id") or record.get("url"))
    assert net.pretrained_cfg["input_size"][-1] == row.size_px
    assert str(row.note).endswith(".")
    assert 32 <= row.min_px <= row.size_px


@pytest.mark.parametrize("name", BACKBONES)
def test_a_run_and_a_model_take_the_size_it_was_made_for(name):
    size_px = BACKBONES[name].size_px
    assert Preprocess(size_px=size_px).size_px == size_px
    assert RunSpec.of(collections=("some",), backbone=name, size_px=size_px).data.size_px == size_px


def test_its_engine_gives_its_answers(built, monkeypatch):
    """ONNX Runtime's where it can be written so, PyTorch's where not; its tail gives them from its maps, or it says no."""
    monkeypatch.setattr(engine, "_time_ratio", lambda *_: 0.5)
    preprocess = Preprocess(size_px=built.x.shape[-1])
    card = ModelCard("m", "m", TASK, built.name, preprocess, backbone_args=backbone_args_for(built.net))
    found = engine.engine_for(card, "0" * 64, built.net)
    equal = {"rtol": 1e-4, "atol": 1e-4 * max(1.0, float(built.logits.abs().max()))}
    logits, features = found.run(built.x.numpy())
    np.testing.assert_allclose(logits, built.logits, **equal)
    assert len(features) == len(built.x)
    if (opened := found.run_open(built.x.numpy())) is not None:
        np.testing.assert_allclose(
            answer_from(built.net, torch.from_numpy(opened[2]))[0].detach(), built.logits, **equal
        )
    assert isinstance(found, engine.OnnxEngine) or built.name in NOT_WRITTEN


@pytest.mark.parametrize("name", BACKBONES)
def test_answers_at_its_native_size(name):
    size = BACKBONES[name].size_px
    with torch.device("meta" if size > 224 else "cpu"):  # the two largest: shapes only
        net = build(name, 2, size_px=size, args=THINNER.get(name)).eval()
        x = torch.zeros(1, 3, size, size)
    with torch.no_grad():
        logits = net(x)
    assert logits.shape == (1, 2)
    assert logits.is_meta or torch.isfinite(logits).all()


@pytest.mark.parametrize("name", BACKBONES)
def test_answers_on_the_smallest_grey_scan_and_not_below(name):
    least = BACKBONES[name].min_px
    net = make(name, 2, channels=1, size_px=least)
    with torch.no_grad():
        logits = net(scans(1, least))
    assert logits.shape == (2, 2)
    assert torch.isfinite(logits).all()
    if least > 32:
        with pytest.raises(BadSpec, match=f"{least} px or more"):
            build(name, 2, size_px=least - 1)


@pytest.mark.parametrize("name", BACKBONES)
def test_takes_the_largest_scan(name):
    with torch.device("meta"):
        net = build(name, 2, size_px=512).eval()
        assert net(torch.zeros(1, 3, 512, 512)).shape == (1, 2)


@pytest.mark.parametrize("name", BACKBONES)
def test_carries_a_dense_head_in_place_of_its_classifier(name):
    with torch.device("meta"):
        net = build(name, 3, size_px=small_px(name), head="dense256", channels=1).eval()
        logits = net(torch.zeros(2, 1, small_px(name), small_px(name)))
    assert logits.shape == (2, 3)
    assert isinstance(classifier_of(net), DenseHead)
    freeze(net, "backbone")
    assert features_are_fixed(net)
    assert parametrised_layers(net)[-1] == f"{classifier_name(net)}.classifier"


def test_answers_are_finite_and_differ(built):
    assert built.logits.shape == (2, 3)
    assert torch.isfinite(built.logits).all()
    assert not torch.equal(built.logits[0], built.logits[1])


def test_card_and_weights_give_the_same_network(built):
    card = json.loads(json.dumps({"backbone": backbone_name_for(built.net), "args": backbone_args_for(built.net)}))
    again = from_weights(card["backbone"], card["args"], 3, load_file(built.folder / "model.safetensors"))
    with torch.no_grad():
        assert torch.equal(again(built.x), built.logits)
    assert not any(p.is_meta for p in again.parameters())
    assert backbone_args_for(again) == card["args"]
    assert card["args"]["head"] == built.head


def test_timm_opens_the_folder(built):
    side = built.x.shape[-1]
    config = hub_config(built.net, TASK, Preprocess(size_px=side, mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6)))
    (built.folder / "config.json").write_text(json.dumps(config))
    again = timm.create_model(f"local-dir:{built.folder}", pretrained=True).eval()
    with torch.no_grad():
        assert torch.equal(again(built.x), built.logits)
    data = timm.data.resolve_model_data_config(again)
    assert data["input_size"] == (3, side, side)
    assert tuple(data["mean"]) == (0.1, 0.2, 0.3)
    assert again.pretrained_cfg["label_names"] == ["a", "b", "c"]


def test_features_then_head_is_the_whole(built):
    features, head = features_and_head(built.net)
    with torch.no_grad():
        last = features(built.x)
        assert torch.equal(head(last), built.logits)
        entering = built.net.forward_head(last, pre_logits=True)
        assert torch.equal(classifier_of(built.net)(entering), built.logits)
        assert torch.equal(head_on_features(built.net).eval()(entering), built.logits)
    built.net.eval()


def test_heatmap_layer_has_places_and_a_twin_takes_the_hooks(built):
    net, other = built.net, twin(built.net)
    assert all(a is b for a, b in zip(net.parameters(), other.parameters(), strict=True))
    assert all(a is b for a, b in zip(net.buffers(), other.buffers(), strict=True))
    assert not {id(m) for m in net.modules()} & {id(m) for m in other.modules()}
    layers = heatmap_layers(net)
    assert layers[-1] == heatmap_layer(net)
    kept: dict[str, torch.Tensor] = {}
    for name in layers:
        other.get_submodule(name).register_forward_hook(lambda _, __, out, name=name: kept.update({name: out}))
    with torch.no_grad():
        assert torch.equal(other(built.x), built.logits)
    maps = [to_map(net, kept[name]) for name in layers]
    sides = [m.shape[-1] for m in maps]
    assert len(maps) >= 2
    assert all(m.ndim == 4 and m.shape[0] == 2 and m.shape[2] == m.shape[3] for m in maps)
    assert sides == sorted(sides, reverse=True)
    assert sides[-1] > 1
    assert not any(module._forward_hooks for module in net.modules())


def test_frozen_backbone_leaves_the_classifier_to_learn(built):
    net = built.net
    frozen = freeze(net, "backbone")
    head = classifier_of(net)
    assert {id(p) for p in net.parameters() if p.requires_grad} == {id(p) for p in head.parameters()}
    assert features_are_fixed(net)
    owners = [m for m in head.modules() if list(m.parameters(recurse=False))]
    assert len(frozen) + len(owners) == len(parametrised_layers(net))
    before = {k: v.clone() for k, v in net.state_dict().items()}
    train_mode(net)
    with torch.no_grad():
        penultimate(net, built.x)
    for key, value in net.state_dict().items():  # the head has not run, so nothing at all may have changed
        assert torch.equal(value, before[key]), key
    assert freeze(net, "") == ()
    assert all(p.requires_grad for p in net.parameters())
    assert frozen_boundary(net) == parametrised_layers(net)[0]
    net.eval()


def test_freezing_up_to_a_layer_splits_all_weights_there(built):
    net = built.net
    layers = parametrised_layers(net)
    middle = layers[len(layers) // 2]
    assert freeze(net, middle) == layers[: len(layers) // 2]
    assert frozen_boundary(net) == middle
    assert freeze(net, f"lowest:{len(layers) // 2}") == layers[: len(layers) // 2]
    freeze(net, "")
