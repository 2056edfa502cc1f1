"""Looking inside: maps of transformers and of networks that keep channels last, several threads with hooks."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from safetensors.torch import save_file

from medcls.core.scan import Preprocess
from medcls.core.task import Label, Task
from medcls.nets import build
from medcls.nets.config import hub_config
from medcls.nets.layers import head_on_features, heatmap_layer, heatmap_layers, to_map, tokens, twin

TASK = Task("t", "Which?", (Label("a", "A"), Label("b", "B")))


def test_tokens_of_a_transformer_are_put_back_where_their_patches_are():
    net = build("vit", 2, size_px=64, args={"depth": 2}).eval()
    arranged = tokens(net)
    assert (arranged.grid, arranged.n_prefix) == ((4, 4), 1)
    x = torch.zeros(1, 3, 64, 64)
    x[:, :, 16:32, 48:64] = 1  # row 1, column 3
    with torch.no_grad():
        net.pos_embed.zero_()
        embedded = net._pos_embed(net.patch_embed(x))
    different = (to_map(net, embedded) - to_map(net, embedded)[:, :, :1, :1]).abs().sum(1)[0] > 1e-4
    assert different.nonzero().tolist() == [[1, 3]]


def test_registers_are_not_places():
    net = build("vit_small_patch14_reg4_dinov2", 2, size_px=56, args={"depth": 1, "embed_dim": 48, "num_heads": 2})
    assert (tokens(net).grid, tokens(net).n_prefix) == ((4, 4), 5)


def test_maps_with_channels_last_are_turned():
    net = build("swin_tiny_patch4_window7_224", 2, size_px=64, args={"depths": [1, 1, 1, 1]}).eval()
    kept = {}
    other = twin(net)
    other.get_submodule(heatmap_layer(net)).register_forward_hook(lambda _, __, out: kept.update(out=out))
    other(torch.zeros(1, 3, 64, 64))
    assert kept["out"].shape == (1, 2, 2, 768)
    assert to_map(net, kept["out"]).shape == (1, 768, 2, 2)


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("resnet18", "layer4"),
        ("densenet121", "features.norm5"),
        ("mobilenetv2", "bn2"),
        ("vit", "blocks.11.norm1"),
        ("inception_v3", "Mixed_7c"),
        ("convnext", "stages.3"),
    ],
)
def test_the_layer_is_the_one_people_use(name, layer):
    net = build(name, 2, size_px=128)
    assert heatmap_layer(net) == layer == heatmap_layers(net)[-1]


@pytest.mark.parametrize("name", ["resnet18", "densenet121", "vit", "inception_v3", "convnext", "cancernet", "vgg16"])
def test_dropout_before_the_classifier_is_found(name):
    net = build(name, 2, size_px=128, args={"drop_rate": 0.37} | ({"mlp_ratio": 0.01} if name == "vgg16" else {}))
    head = head_on_features(net).train()
    assert head[0].p == 0.37
    assert head[1] is net.get_classifier()


def test_threads_with_twins_see_their_own_maps():
    net = build("resnet18", 2, size_px=64).eval()
    scans = [torch.full((1, 3, 64, 64), float(i)) for i in range(4)]

    def look(x: torch.Tensor) -> torch.Tensor:
        own, kept = twin(net), []
        own.layer4.register_forward_hook(lambda _, __, out: kept.append(out))
        with torch.no_grad():
            own(x)
        return kept[0]

    alone = [look(x) for x in scans]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(look, scans * 3))
    assert all(torch.equal(a, b) for a, b in zip(alone * 3, together, strict=True))
    assert not net.layer4._forward_hooks


def test_a_published_timm_network_opens_without_medcls(tmp_path):
    net = build("mobilenetv2", 2, size_px=64, channels=1, args={"pad_type": "same"}).eval()
    config = hub_config(net, TASK, Preprocess(size_px=64, channels=1, mean=(0.4,), std=(0.2,)))
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    save_file(net.state_dict(), folder / "model.safetensors")
    x = torch.randn(1, 1, 63, 63)
    save_file({"x": x, "logits": net(x).detach()}, tmp_path / "expected.safetensors")
    code = f"""
import sys, timm, torch
from safetensors.torch import load_file
expected = load_file({str(tmp_path / "expected.safetensors")!r})
net = timm.create_model({"local-dir:" + str(folder)!r}, pretrained=True).eval()
assert torch.equal(net(expected["x"]), expected["logits"]) and "medcls" not in sys.modules
assert timm.data.resolve_model_data_config(net)["input_size"] == (1, 64, 64)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_config_refuses_another_number_of_labels():
    with pytest.raises(ValueError, match="3 outputs for 2 labels"):
        hub_config(build("resnet18", 3, size_px=64), TASK, Preprocess())
