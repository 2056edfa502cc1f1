"""Initial weights: what matches is taken, the rest is named, nothing but safetensors is opened."""

import json
import pickle
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import save_file
from torch import nn

from medcls.core.model import ModelCard
from medcls.core.note import SAID, Note
from medcls.core.scan import Preprocess
from medcls.core.task import Label, Task
from medcls.errors import BadModel
from medcls.nets import backbone_args_for, backbone_name_for, build
from medcls.nets.initial import Matched, for_channels, inspect_initial, load_initial

HEAD_AT_RANDOM = Note("nets.initial-head-at-random")
BLOCKS = {"channels": [[4], [4]], "dense": 8}


def small(n_labels: int = 2, channels: int = 3, size_px: int = 32, **args) -> nn.Module:
    torch.manual_seed(n_labels + channels + size_px)
    return build("cancernet", n_labels, channels=channels, size_px=size_px, args={**BLOCKS, **args}).eval()


def told(matched: Matched) -> tuple[Note, ...]:
    return matched.note.params["told"]


def write(
    net: nn.Module, path: Path, metadata: dict[str, str] | None = None, without: str = "-", half: bool = False
) -> Path:
    weights = {k: v for k, v in net.state_dict().items() if not k.startswith(without)}
    save_file({k: v.half() if half and v.is_floating_point() else v for k, v in weights.items()}, path, metadata)
    return path


def publish(net: nn.Module, folder: Path, labels: tuple[str, ...], **fed) -> Path:
    task = Task("t", "Which?", tuple(Label(i, i) for i in labels))
    card = ModelCard("t--1", "T", task, backbone_name_for(net), Preprocess(size_px=32, **fed), backbone_args_for(net))
    folder.mkdir()
    (folder / "card.json").write_text(card.to_json())
    write(net, folder / "model.safetensors")
    return folder


def test_a_partial_half_precision_file_fills_what_it_has(tmp_path):
    source, net = small(), small()
    nn.init.normal_(net.classifier.weight)
    kept = {k: v.clone() for k, v in net.state_dict().items()}
    with torch.no_grad():
        for parameter in source.parameters():
            parameter.uniform_(-1, 1)
    matched = load_initial(net, write(source, tmp_path / "w.safetensors", without="blocks.1", half=True))
    for name, value in net.state_dict().items():
        expected = kept[name] if name.startswith("blocks.1") else source.state_dict()[name].half().float()
        assert torch.equal(value, expected.to(value.dtype)), name
        assert value.dtype == kept[name].dtype
    assert set(matched.missing) == {n for n in kept if n.startswith("blocks.1") and "num_batches" not in n}
    assert not set(matched.loaded) & set(matched.missing)
    assert (matched.unexpected, matched.mismatched) == ((), ())
    assert Note("nets.initial-rest-at-random", parts=["blocks"]) in told(matched)


@pytest.mark.parametrize("backbone", ["mobilenetv2_100", "cancernet"])
def test_a_fresh_classifier_on_features_taken_over_starts_near_zero(tmp_path, backbone):
    net = build(backbone, 3, size_px=32)
    published = build(backbone, 5, size_px=32)
    load_initial(net, write(published, tmp_path / "w.safetensors"))
    batch = torch.rand(8, 3, 32, 32)
    logits = net.eval()(batch)
    assert logits.abs().max() < 0.2 * published.eval()(batch).abs().max()
    assert torch.unique(net.get_classifier().weight).numel() > 100  # at random still, or all labels would learn alike


def test_other_shapes_and_surplus_are_left_out_and_named(tmp_path):
    source, net = small(3, dense=8), small(2, dense=6)
    source.surplus = nn.Linear(2, 2)
    matched = load_initial(net, write(source, tmp_path / "w.safetensors"))
    assert set(matched.unexpected) == {"surplus.weight", "surplus.bias"}
    assert {"dense.0.weight", "classifier.weight", "classifier.bias"} <= set(matched.mismatched)
    assert told(matched)[1:] == (
        HEAD_AT_RANDOM,
        Note("nets.initial-rest-at-random", parts=["dense"]),
        Note("nets.initial-other-shape", parts=["dense"]),
        Note("nets.initial-no-such-part", parts=["surplus"]),
    )


def test_colour_to_grey_answers_alike_on_grey_scans(tmp_path):
    colour = build("resnet18", 2, size_px=64).eval()
    grey = build("resnet18", 2, size_px=64, channels=1).eval()
    matched = load_initial(grey, write(colour, tmp_path / "w.safetensors"))
    assert matched.mismatched == ()
    x = torch.randn(1, 1, 64, 64)
    assert torch.allclose(grey(x), colour(x.repeat(1, 3, 1, 1)), atol=1e-5)


def test_grey_to_colour_answers_alike_on_grey_scans(tmp_path):
    colour = build("resnet18", 2, size_px=64).eval()
    grey = build("resnet18", 2, size_px=64, channels=1).eval()
    load_initial(colour, write(grey, tmp_path / "w.safetensors"))
    x = torch.randn(1, 1, 64, 64)
    assert torch.allclose(grey(x), colour(x.repeat(1, 3, 1, 1)), atol=1e-5)


def test_positions_of_a_transformer_are_resampled(tmp_path):
    source, net = (build("vit", 2, size_px=s, args={"depth": 1}) for s in (64, 96))
    rows = torch.linspace(-1, 1, 4)[:, None].expand(4, 4).reshape(16, 1)
    with torch.no_grad():
        source.pos_embed[0, 0] = 5.0
        source.pos_embed[0, 1:] = rows
    matched = load_initial(net, write(source, tmp_path / "w.safetensors"))
    assert matched.mismatched == ()
    assert (net.pos_embed[0, 0] == 5.0).all()
    grid = net.pos_embed[0, 1:].reshape(6, 6, -1)
    assert torch.allclose(grid[:, 0], grid[:, 5], atol=1e-5)
    assert (grid[1:, 0] > grid[:-1, 0]).all()


def test_nothing_that_fits_is_an_error_and_changes_nothing(tmp_path):
    net = small()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    save_file({"a": torch.ones(1)}, tmp_path / "a.safetensors")
    with pytest.raises(BadModel, match="do not fit this network"):
        load_initial(net, tmp_path / "a.safetensors")
    weights = {k: v.clone() for k, v in small().state_dict().items()}
    weights["dense.0.bias"][0] = float("nan")
    save_file(weights, tmp_path / "nan.safetensors")
    with pytest.raises(BadModel, match="not finite"):
        load_initial(net, tmp_path / "nan.safetensors")
    write(build("resnet18", 2, size_px=64), tmp_path / "r.safetensors", {"timm_name": "resnet18"})
    with pytest.raises(BadModel, match="made for another network: found resnet18"):
        load_initial(net, tmp_path / "r.safetensors")
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())


class Bomb:
    """Unpickling it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", ["w.pt", "w.pth", "w.bin", "w.ckpt", "w.pkl", "w", "w.safetensors"])
@pytest.mark.parametrize("how", [pickle.dump, torch.save])
def test_pickles_are_refused_by_name_and_by_content(tmp_path, name, how):
    went_off = tmp_path / "went-off"
    with (tmp_path / name).open("wb") as file:
        how(Bomb(went_off), file)
    for attempt in (lambda: load_initial(small(), tmp_path / name), lambda: inspect_initial(tmp_path / name)):
        with pytest.raises(BadModel, match="safetensors"):
            attempt()
    assert not went_off.exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00", b"\xff" * 8 + b"{}", (10**9).to_bytes(8, "little") + b"{}", (2).to_bytes(8, "little") + b"{}"],
)
def test_broken_files_get_a_sentence(tmp_path, content):
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    with pytest.raises(BadModel):
        load_initial(small(), path)


def test_a_truncated_file_gets_a_sentence(tmp_path):
    path = write(small(), tmp_path / "w.safetensors")
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(BadModel, match="cannot be read"):
        load_initial(small(), path)


def test_missing_files_and_folders_without_a_model_are_told(tmp_path):
    with pytest.raises(BadModel, match="not there"):
        load_initial(small(), tmp_path / "no.safetensors")
    with pytest.raises(BadModel, match="no published model"):
        load_initial(small(), tmp_path)


def test_a_published_models_classifier_comes_along_only_for_the_same_labels(tmp_path):
    source = small()
    folder = publish(source, tmp_path / "m", ("a", "b"))
    for labels, kept in ((("a", "b"), True), (("b", "a"), False), ((), False)):
        net = small()
        nn.init.normal_(net.classifier.weight)
        matched = load_initial(net, folder, labels=labels)
        assert torch.equal(net.classifier.weight, source.classifier.weight) == kept
        assert ("classifier.weight" in matched.loaded) == kept
        assert (HEAD_AT_RANDOM in told(matched)) != kept
        assert torch.equal(net.dense[0].weight, source.dense[0].weight)
        assert told(matched)[-1] == Note("nets.initial-of-model", model="t--1")


def test_a_model_of_another_backbone_is_refused(tmp_path):
    folder = publish(small(), tmp_path / "m", ("a", "b"))
    with pytest.raises(BadModel, match="made for another network: found cancernet, allowed resnet18"):
        load_initial(build("resnet18", 2, size_px=64), folder)


def test_none_loads_nothing():
    matched = load_initial(small(), "none")
    assert matched.loaded == ()
    assert matched.note == Note("nets.initial-at-random")


def test_sources_say_how_they_want_to_be_fed(tmp_path):
    metadata = {"mean_std": "half", "kwargs": '{"pad_type": "same", "checkpoint_path": "/x"}', "note": "From afar"}
    start = inspect_initial(write(small(), tmp_path / "w.safetensors", metadata), "cancernet")
    assert (start.args, start.mean, start.std, start.note) == (
        {"pad_type": "same"},
        (0.5,) * 3,
        (0.5,) * 3,
        Note(SAID, text="From afar"),
    )
    write(small(), tmp_path / "i.safetensors", {"mean_std": "imagenet", "kwargs": "not json"})
    start = inspect_initial(tmp_path / "i.safetensors", "cancernet", channels=1)
    assert (start.args, start.mean, start.std) == ({}, (0.449,), (0.226,))
    assert inspect_initial(write(small(), tmp_path / "n.safetensors")).mean is None
    folder = publish(small(), tmp_path / "m", ("a", "b"), mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6))
    assert inspect_initial(folder).mean == (0.1, 0.2, 0.3)
    assert inspect_initial(folder).labels == ("a", "b")
    assert inspect_initial("imagenet", "resnet18").mean == (0.485, 0.456, 0.406)
    assert inspect_initial("imagenet", "vit").mean == (0.5, 0.5, 0.5)
    assert inspect_initial("none") == inspect_initial("none", "vit")
    assert for_channels((0.4,), 3) == (0.4, 0.4, 0.4)


def test_padding_from_the_file_is_what_the_network_is_built_with(tmp_path):
    source = build("mobilenetv2", 2, size_px=64, args={"pad_type": "same"}).eval()
    write(source, tmp_path / "w.safetensors", {"kwargs": '{"pad_type": "same"}', "timm_name": "mobilenetv2_100"})
    net = build("mobilenetv2", 2, size_px=64, args=inspect_initial(tmp_path / "w.safetensors").args).eval()
    load_initial(net, tmp_path / "w.safetensors")
    x = torch.randn(1, 3, 63, 63)
    assert torch.equal(net(x), source(x))


@pytest.fixture
def hub(tmp_path, monkeypatch) -> Path:
    """An empty cache of the hub, and no network."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path


def test_imagenet_out_of_reach_says_what_to_do(hub):
    with pytest.raises(BadModel) as refused:
        load_initial(build("resnet18", 2, size_px=64), "imagenet")
    assert refused.value.code == "nets.unreachable"
    with pytest.raises(BadModel, match=r"cancernet.* has no published weights"):
        load_initial(small(), "imagenet")


@pytest.mark.parametrize("head", ["linear", "dense256"])
def test_imagenet_from_the_cache_fills_all_but_the_classifier(hub, head):
    source = build("resnet18", 1000, size_px=64)
    snapshot = hub / "models--timm--resnet18.a1_in1k" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text("abc")
    write(source, snapshot / "model.safetensors")
    net = build("resnet18", 2, size_px=64, head=head)
    matched = load_initial(net, "imagenet")
    assert torch.equal(net.layer4[1].conv2.weight, source.layer4[1].conv2.weight)
    assert not any(n.startswith("fc") for n in matched.loaded)
    assert {n.split(".")[0] for n in (*matched.missing, *matched.mismatched)} == {"fc"}
    assert HEAD_AT_RANDOM in told(matched)
    assert json.dumps(matched.note.to_dict())
