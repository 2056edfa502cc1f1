"""The seeds' own networks: their sizes counted by hand, their place among timm's."""

import subprocess
import sys

import pytest
import timm
import torch
from torch import nn

import medcls.nets  # noqa: F401 - registers the entry points
from medcls.nets.cancernet import SeparableConv

OWN = ("plain_cnn", "simple_cnn", "cancernet", "patch_vgg")


def count(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def test_cancernet_has_the_weights_counted_by_hand():
    # separable: k*k*in + in*out + out; batch norm: 2*out; 50 px becomes 25, 12, 6
    def separable(before, after):
        return 9 * before + before * after + after + 2 * after

    blocks = separable(3, 32) + separable(32, 64) + separable(64, 64) + separable(64, 128) + 2 * separable(128, 128)
    dense = 6 * 6 * 128 * 256 + 256 + 2 * 256
    assert count(timm.create_model("cancernet", num_classes=2)) == blocks + dense + 256 * 2 + 2


def test_plain_cnn_has_the_weights_counted_by_hand():
    # unpadded: 50 px becomes 48, 46, pooled 23
    expected = (3 * 9 * 32 + 32) + (32 * 9 * 64 + 64) + (23 * 23 * 64 * 256 + 256) + (256 * 3 + 3)
    assert count(timm.create_model("plain_cnn", num_classes=3, img_size=50)) == expected
    whole = timm.create_model("plain_cnn", num_classes=3, img_size=96, pool_px=0)
    assert whole.dense[0].in_features == 46 * 46 * 64
    assert timm.create_model("plain_cnn", num_classes=3, img_size=96).dense[0].in_features == 28 * 28 * 64


@pytest.mark.parametrize(
    ("args", "widths", "dense"),
    [
        ({}, [32, 64, 64, 128, 128, 128], 256),
        ({"width": 64, "depth": [1, 3, 4], "dense": 512}, [64] + [128] * 3 + [256] * 4, 512),
        ({"width": 32, "depth": [1, 2], "dense": 64}, [32, 64, 64], 64),
        ({"channels": [[2], [64, 64], [128, 128, 128]], "kernel_size": 2}, [2, 64, 64, 128, 128, 128], 256),
        ({"channels": [[2], [4, 4], [28, 28, 28]], "kernel_size": 5}, [2, 4, 4, 28, 28, 28], 256),
    ],
)
def test_cancernet_takes_every_shape_the_project_tried(args, widths, dense):
    net = timm.create_model("cancernet", num_classes=2, **args).eval()
    layers = [m for m in net.modules() if isinstance(m, SeparableConv)]
    assert [layer.pointwise.out_channels for layer in layers] == widths
    assert net.dense[0].out_features == dense
    assert {layer.depthwise.kernel_size[0] for layer in layers} == {args.get("kernel_size", 3)}
    assert net(torch.zeros(1, 3, 50, 50)).shape == (1, 2)


def test_separable_convolution_is_a_convolution_of_rank_one_per_channel():
    torch.manual_seed(0)
    layer = SeparableConv(3, 5, 3)
    x = torch.randn(2, 3, 8, 8)
    whole = layer.pointwise.weight * layer.depthwise.weight.transpose(0, 1)  # (5, 3, 1, 1) * (1, 3, 3, 3)
    assert torch.allclose(layer(x), nn.functional.conv2d(x, whole, layer.pointwise.bias, padding=1), atol=1e-5)


@pytest.mark.parametrize("name", OWN)
def test_behaves_as_timm_expects(name):
    net = timm.create_model(name, num_classes=2, img_size=64).eval()
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        features = net.forward_features(x)
        assert features.shape[1] == net.num_features
        assert net.forward_head(features, pre_logits=True).shape == (1, net.head_hidden_size)
        net.reset_classifier(5)
        assert net(x).shape == (1, 5)
        net.reset_classifier(0)
        assert torch.equal(net(x), net.forward_head(features, pre_logits=True))
        maps = timm.create_model(name, features_only=True, out_indices=(0, -1), img_size=64).eval()(x)
    assert [m.shape[1] for m in maps] == [net.feature_info[0]["num_chs"], net.num_features]
    for stage in net.feature_info:
        assert isinstance(net.get_submodule(stage["module"]), nn.Module)
    net.set_grad_checkpointing(False)
    with pytest.raises(ValueError, match="checkpointing"):
        net.set_grad_checkpointing()


@pytest.mark.parametrize("name", OWN)
def test_feature_info_tells_the_reduction(name):
    net = timm.create_model(name, num_classes=2, img_size=64).eval()
    sides = {}
    for stage in net.feature_info:
        net.get_submodule(stage["module"]).register_forward_hook(
            lambda _, __, out, stage=stage: sides.update({stage["module"]: out.shape[-1]})
        )
    net(torch.zeros(1, 3, 64, 64))
    for stage in net.feature_info:
        assert sides[stage["module"]] == pytest.approx(64 / stage["reduction"], abs=2.1)


@pytest.mark.parametrize("name", OWN)
def test_learns_to_tell_left_from_right(name):
    torch.manual_seed(0)
    net = timm.create_model(name, num_classes=2, img_size=32, in_chans=1)
    truth = torch.arange(8) % 2
    x = torch.zeros(8, 1, 32, 32)
    x[truth == 0, :, :, :16] = 1
    x[truth == 1, :, :, 16:] = 1
    x += 0.05 * torch.randn_like(x)
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3)
    first = last = nn.functional.cross_entropy(net.eval()(x), truth).item()
    for _ in range(25):
        loss = nn.functional.cross_entropy(net.train()(x), truth)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        last = loss.item()
    assert last < 0.5 * first


def test_takes_only_squares():
    with pytest.raises(ValueError, match="squares"):
        timm.create_model("cancernet", num_classes=2, img_size=(50, 60))
    assert timm.create_model("cancernet", num_classes=2, img_size=(50, 50)).side_px == 6


def test_the_table_is_read_without_torch():
    code = "import sys; from medcls.core.backbones import BACKBONES; sys.exit('torch' in sys.modules or not BACKBONES)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
