"""Building from names and arguments: what is taken, what is refused and in which words."""

import json
import subprocess
import sys

import pytest
import torch
from huggingface_hub import constants

from medcls.errors import BadModel, BadSpec
from medcls.nets import Undrawn, backbone_args_for, backbone_name_for, build, from_card, from_weights
from medcls.nets.building import unreachable
from medcls.nets.dense256 import DenseHead


def test_takes_any_timm_name_with_its_tag():
    net = build("regnetx_002.pycls_in1k", 4, size_px=64)
    assert net(torch.zeros(2, 3, 64, 64)).shape == (2, 4)
    assert backbone_name_for(net) == "regnetx_002.pycls_in1k"


def test_a_window_transformer_is_built_for_the_size():
    net = build("swin_tiny_patch4_window7_224", 2, size_px=128, channels=1, args={"depths": [1, 1, 1, 1]}).eval()
    assert net(torch.zeros(1, 1, 128, 128)).shape == (1, 2)
    assert backbone_args_for(net)["img_size"] == 128


def test_arguments_reach_the_network_and_the_card():
    net = build("mobilenetv2", 2, size_px=64, args={"pad_type": "same", "drop_rate": 0.3})
    assert backbone_args_for(net) == {"in_chans": 3, "pad_type": "same", "drop_rate": 0.3, "head": "linear"}
    again = from_card("mobilenetv2_100", json.loads(json.dumps(backbone_args_for(net))), 2)
    assert type(again.conv_stem) is type(net.conv_stem) is not torch.nn.Conv2d
    assert again.drop_rate == 0.3


def test_no_dropout_leaves_the_networks_own():
    assert build("cancernet", 2, size_px=50).drop_rate == 0.5
    assert build("cancernet", 2, size_px=50, args={"drop_rate": 0.2}).drop_rate == 0.2
    assert build("cancernet", 2, size_px=50, args={"drop_rate": 0.0}).drop_rate == 0.0


def test_dense_head_is_the_one_described_and_holds_the_dropout():
    net = build("resnet18", 3, size_px=64, head="dense256", args={"drop_rate": 0.4})
    head = net.get_classifier()
    assert isinstance(head, DenseHead)
    assert [type(m).__name__ for m in head.children()] == ["Linear", "ReLU", "BatchNorm1d", "Dropout", "Linear"]
    assert (head.dense.out_features, head.drop.p, net.drop_rate) == (256, 0.4, 0.0)


@pytest.mark.parametrize("name", ["resnet1", "", "../etc", "no/such", "ftp:x", "local-dir:/tmp", "hf-hub:"])
def test_an_unknown_network_is_refused_with_those_there_are(name):
    with pytest.raises(BadModel, match=r"no such network|not a backbone"):
        build(name, 2)


@pytest.mark.parametrize("key", ["checkpoint_path", "pretrained_cfg", "pretrained", "cache_dir", "backbone"])
def test_arguments_that_open_files_are_refused(key):
    with pytest.raises(BadSpec, match=key):
        build("resnet18", 2, args={key: "/tmp/x.pth"})
    with pytest.raises(BadModel, match=key):
        from_card("resnet18", {key: "/tmp/x.pth"}, 2)


def test_wrong_arguments_are_named():
    with pytest.raises(BadSpec, match="widht"):
        build("cancernet", 2, size_px=50, args={"widht": 3})
    with pytest.raises(BadSpec, match="linear, dense256"):
        build("resnet18", 2, head="mlp")
    with pytest.raises(BadSpec, match="dense head"):
        build("deit_tiny_distilled_patch16_224", 2, head="dense256")


def test_a_hub_network_that_cannot_be_reached_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(BadModel) as refused:
        build("hf-hub:someone/network", 2)
    assert refused.value.code == "nets.unreachable"


def test_a_hubs_own_words_are_cut_after_a_sentence_and_not_in_a_word():
    error = OSError("The hub cannot be reached, " + "at all, " * 12 + "ever. Please check your connection. " * 9)
    found = unreachable("x", error).params["found"]
    assert found.startswith("The hub cannot be reached")
    assert found.endswith("ever")


def test_a_hub_network_in_the_cache_is_built_and_its_card_needs_no_hub(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    config = {
        "architecture": "vit_tiny_patch16_224",
        "num_classes": 1000,
        "pretrained_cfg": {"input_size": [3, 224, 224], "fixed_input_size": True, "classifier": "head"},
        "model_args": {"depth": 2},
    }
    fill_cache(tmp_path, "someone/network", "config.json", json.dumps(config).encode())
    for head in ("linear", "dense256"):
        name = "hf-hub:someone/network" if head == "linear" else "hf_hub:someone/network"  # timm takes both
        net = build(name, 2, size_px=64, head=head).eval()
        assert len(net.blocks) == 2
        card = json.loads(json.dumps([backbone_name_for(net), backbone_args_for(net)]))
        assert card[0] == "vit_tiny_patch16_224"
        again = from_card(*card, 2).eval()
        again.load_state_dict(net.state_dict())
        x = torch.randn(1, 3, 64, 64)
        assert torch.equal(again(x), net(x))


@pytest.mark.parametrize("name", ["hf-hub:someone/network", "hf_hub:someone/network", "local-dir:/tmp", "ftp:x"])
def test_a_card_that_names_what_must_be_fetched_is_refused_and_nothing_is_fetched(name, monkeypatch):
    asked = []
    monkeypatch.setattr("timm.create_model", lambda *args, **more: asked.append(args))
    monkeypatch.setattr("timm.models._hub.hf_hub_download", lambda *args, **more: asked.append(args))
    for opened in (lambda: from_card(name, {}, 2), lambda: from_weights(name, {"head": "dense256"}, 2, {})):
        with pytest.raises(BadModel, match=r"would have to be fetched|not a backbone|no such network"):
            opened()
    assert asked == []


def fill_cache(cache, repo, name, content):
    folder = cache / f"models--{repo.replace('/', '--')}"
    (folder / "snapshots" / "abc").mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("abc")
    (folder / "snapshots" / "abc" / name).write_bytes(content)


def test_published_weights_must_fit_exactly():
    net = build("resnet18", 2, size_px=64).eval()
    weights = net.state_dict()
    halves = {k: v.half() if v.is_floating_point() else v for k, v in weights.items()}
    again = from_weights("resnet18", backbone_args_for(net), 2, halves)
    assert all(p.dtype == torch.float32 and p.requires_grad for p in again.parameters())
    assert not again.training
    del halves["conv1.weight"]
    with pytest.raises(BadModel, match=r"conv1\.weight"):
        from_weights("resnet18", backbone_args_for(net), 2, halves)
    with pytest.raises(BadModel, match="do not fit"):
        from_weights("resnet18", backbone_args_for(net), 3, weights)


def test_published_weights_fill_networks_that_compute_while_built():
    # Swin keeps index tables that are no weights: they must be real, not left empty.
    net = build("swin_tiny_patch4_window7_224", 2, size_px=64, args={"depths": [1, 1, 1, 1]}).eval()
    again = from_weights(backbone_name_for(net), backbone_args_for(net), 2, net.state_dict())
    x = torch.randn(1, 3, 64, 64)
    assert torch.equal(again(x), net(x))


@pytest.mark.parametrize("name", ["cancernet", "mobilenetv2_100", "resnet18", "vit_tiny_patch16_224"])
def test_on_the_meta_device_nothing_is_drawn_and_shapes_are_the_same(name):
    with torch.device("meta"), Undrawn():
        described = from_card(name, {}, 3)
    built = from_card(name, {}, 3)
    assert {n: v.shape for n, v in described.state_dict().items()} == {
        n: v.shape for n, v in built.state_dict().items()
    }
    assert all(v.is_meta for v in described.state_dict().values())


def test_opening_a_model_loads_no_compiler(tmp_path):
    """PyTorch's reference of a random draw on the meta device would load it: seconds before the first answer."""
    code = (
        "import sys, torch; from medcls.nets import Undrawn, from_card\n"
        "with torch.device('meta'), Undrawn(): from_card('mobilenetv2_100', {}, 3)\n"
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
