"""Freezing: what is said to stay does stay, and what is not frozen learns."""

import pytest
import torch
from torch import nn

from medcls.errors import BadSpec
from medcls.nets import build
from medcls.nets.freezing import KERAS_NAMES, features_are_fixed, freeze, frozen_boundary, parts, train_mode

VGG = {"mlp_ratio": 0.01}


def step(net: nn.Module) -> set[str]:
    """Train one step in the net's training mode; name what changed, batch norm's statistics included."""
    before = {k: v.clone() for k, v in net.state_dict().items()}
    optimiser = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], lr=0.1)
    train_mode(net)(torch.randn(4, 3, 64, 64)).square().sum().backward()
    optimiser.step()
    return {k for k, v in net.state_dict().items() if not torch.equal(v, before[k])}


def test_up_to_a_layer_everything_before_it_stays_and_everything_from_it_learns():
    net = build("resnet18", 2, size_px=64)
    frozen = freeze(net, "layer3")
    changed = step(net)
    assert {name.split(".")[0] for name in frozen} == {"conv1", "bn1", "layer1", "layer2"}
    assert {name.split(".")[0] for name in changed} == {"layer3", "layer4", "fc"}
    assert {"layer3.0.downsample.0.weight", "layer3.0.bn1.running_mean", "layer3.0.bn2.weight", "fc.bias"} <= changed
    assert frozen_boundary(net) == "layer3.0.conv1"
    assert not features_are_fixed(net)


def test_frozen_batch_norm_keeps_its_statistics_only_where_frozen():
    net = build("resnet18", 2, size_px=64)
    assert "bn1.running_mean" in step(net)
    freeze(net, "backbone")
    assert step(net) == {"fc.weight", "fc.bias"}
    assert not net.bn1.training
    assert net.fc.training


def test_frozen_blocks_drop_nothing_while_training():
    net = build("cancernet", 2, size_px=50)
    freeze(net, "backbone")
    train_mode(net)
    x = torch.randn(4, 3, 50, 50)
    assert torch.equal(net.forward_features(x), net.forward_features(x))
    assert net.head_drop.training
    assert not torch.equal(net(x), net(x))
    freeze(net, "")
    train_mode(net)
    assert not torch.equal(net.forward_features(x), net.forward_features(x))


def test_freezing_again_forgets_what_was_frozen():
    net = build("resnet18", 2, size_px=64)
    freeze(net, "backbone")
    assert len(freeze(net, "lowest:1")) == 1
    assert sum(not p.requires_grad for p in net.parameters()) == 1
    assert freeze(net, " ") == ()
    assert all(p.requires_grad for p in net.parameters())


def test_lowest_counts_layers_with_weights():
    net = build("cancernet", 2, size_px=50)
    frozen = freeze(net, "lowest:4")
    assert frozen == ("blocks.0.0.depthwise", "blocks.0.0.pointwise", "blocks.0.2", "blocks.1.0.depthwise")
    assert net.blocks[1][0].pointwise.weight.requires_grad
    assert not net.blocks[1][0].depthwise.weight.requires_grad


@pytest.mark.parametrize("how", ["lowest:0", "lowest:-1", "lowest:x", "lowest:", "lowest:9999", "lowest:²"])
def test_so_many_layers_are_refused_with_how_many_there_are(how):
    with pytest.raises(BadSpec, match="lowest:1 to lowest:20"):
        freeze(build("cancernet", 2, size_px=50), how)


def test_an_unknown_layer_is_refused_with_the_real_names():
    net = build("resnet18", 2, size_px=64)
    with pytest.raises(BadSpec, match="conv1, bn1, layer1, layer2, layer3, layer4, fc, backbone, lowest:N"):
        freeze(net, "layer5")
    with pytest.raises(BadSpec, match="block4_conv1"):
        freeze(build("vgg16", 2, size_px=64, args=VGG), "block6_conv1")
    assert all(p.requires_grad for p in net.parameters())


def test_a_name_is_a_whole_name():
    net = build("densenet121", 2, size_px=64)
    with pytest.raises(BadSpec):
        freeze(net, "features.denseblock")
    net = build("vit", 2, size_px=64, args={"depth": 12})
    freeze(net, "blocks.1")
    assert frozen_boundary(net).startswith("blocks.1.")
    assert not net.cls_token.requires_grad
    assert not net.pos_embed.requires_grad
    freeze(net, "blocks.10")
    assert frozen_boundary(net).startswith("blocks.10.")


@pytest.mark.parametrize("name", ["vgg16", "vgg19"])
def test_keras_names_of_vgg_are_its_convolutions_in_order(name):
    net = build(name, 2, size_px=64, args=VGG)
    convolutions = [f"features.{i}" for i, m in enumerate(net.features) if isinstance(m, nn.Conv2d)]
    assert list(KERAS_NAMES[name].values()) == convolutions
    block = 1
    expected = []
    for module in net.features:
        if isinstance(module, nn.MaxPool2d):
            block += 1
        elif isinstance(module, nn.Conv2d):
            expected.append(f"block{block}_conv{sum(e.startswith(f'block{block}_') for e in expected) + 1}")
    assert list(KERAS_NAMES[name]) == expected


def test_keras_names_of_resnet50_are_its_blocks_in_order():
    net = build("resnet50", 2, size_px=64)
    blocks = [f"layer{i}.{j}" for i in (1, 2, 3, 4) for j in range(len(net.get_submodule(f"layer{i}")))]
    names = {k: v for k, v in KERAS_NAMES["resnet50"].items() if not k.endswith("_1_conv")}
    assert list(names.values()) == blocks
    assert freeze(net, "conv4_block1") == freeze(net, "conv4_block1_1_conv") == freeze(net, "layer3")


def test_parts_have_every_weight_that_learns_once():
    net = build("resnet18", 2, size_px=64, head="dense256")
    freeze(net, "layer4")
    groups = parts(net)
    assert {id(p) for p in groups["head"]} == {id(p) for p in net.fc.parameters()}
    assert {id(p) for p in groups["backbone"]} == {id(p) for p in net.layer4.parameters()}
