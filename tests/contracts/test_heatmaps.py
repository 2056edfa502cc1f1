"""One body over the table of methods and over that of backbones: what is added is tested the day it is added."""

import sys
import threading

import cv2
import numpy as np
import pytest
import pytorch_grad_cam
import torch
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn

from medcls.core.backbones import BACKBONES
from medcls.core.scan import Scan
from medcls.core.task import Label, Task
from medcls.errors import BadModel
from medcls.explain import METHODS, Stopped
from medcls.explain.drawing import draw, explain, open_scan, predict_and_explain
from medcls.explain.opening import open_at
from medcls.explain.watch import QUIET, Watch
from medcls.imaging.decode import read_scan
from medcls.imaging.phantom import phantom
from medcls.models.predictor import Predictor
from medcls.nets import build
from medcls.nets.layers import heatmap_layer, heatmap_layers, to_map, twin
from tests.explain.planted import Spots, brightest, model, scan

TASK = Task("t", "Which?", (Label("a", "A", True), Label("b", "B"), Label("c", "C")))
# VGG's dense layers hold 120 of its 134 million weights and only cost time here.
THINNER = {"vgg16": {"mlp_ratio": 0.01}, "vgg19": {"mlp_ratio": 0.01}}
QUICK = tuple(name for name, method in METHODS.items() if not method.slow)
# Backbones whose last map has few enough channels to ask the network once for each.
FEW_CHANNELS = ("vit", "convnext", "cancernet", "simple_cnn")


# Maps whose gradient is written down where the head is an average and a linear layer, and their names in the library.
CLOSED = {"gradcam": "GradCAM", "hirescam": "HiResCAM", "xgradcam": "XGradCAM"}
# Backbones with another head: norms, dense layers or attention stand between their last map and the classifier.
OTHER_HEADS = frozenset(
    {"mobilenetv4", "convnext", "vit", "dinov2", "vgg16", "vgg19", "plain_cnn", "simple_cnn", "cancernet", "patch_vgg"}
)


def classifier(name: str, size_px: int) -> Predictor:
    torch.manual_seed(0)
    net = build(name, 3, size_px=size_px, args=THINNER.get(name))
    return model(net, TASK, size_px=size_px, mean=(0.5,) * 3, std=(0.25,) * 3)


def side_px(name: str) -> int:
    row = BACKBONES[name]
    return 128 if row.min_px > 32 else 56 if row.timm_name.startswith("vit_small_patch14") else 64


def leftovers(net: nn.Module) -> list[str]:
    """Name every hook and every gradient on a network."""
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    hooks = [f"{name}.{kind}" for name, m in net.named_modules() for kind in kinds if getattr(m, kind)]
    own = [f"{name}.forward" for name, m in net.named_modules() if "forward" in m.__dict__]
    return hooks + own + [name for name, p in net.named_parameters() if p.grad is not None]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("thinning", ["padded", "patches"])
def test_method_points_at_the_only_evidence(method: str, thinning: str) -> None:
    """A spot in the middle of what a cell sees is found within one pixel, wherever the network's cells lie."""
    made = model(Spots(thinning))
    row, column = (40, 16) if thinning == "padded" else (36, 20)
    heatmap = explain(made, scan(("red", row, column)), "red", method)
    assert heatmap.values.shape == (64, 64)
    assert heatmap.peak > 0
    assert np.hypot(*np.subtract(brightest(heatmap.values), (row, column))) <= 1
    assert leftovers(made.net) == []


@pytest.mark.parametrize("method", [name for name, method in METHODS.items() if method.per_label])
def test_method_tells_labels_apart(method: str) -> None:
    """With a red and a blue spot, each label's map points at its own."""
    view = open_scan(model(), scan(("red", 16, 16), ("blue", 48, 40)))
    assert np.hypot(*np.subtract(brightest(draw(view, "red", method).values), (16, 16))) <= 1
    assert np.hypot(*np.subtract(brightest(draw(view, "blue", method).values), (48, 40))) <= 1


@pytest.mark.parametrize("method", METHODS)
def test_no_evidence_is_an_empty_map(method: str) -> None:
    """A black scan gives no evidence for anything: peak 0 and not one lit pixel, not noise stretched to red."""
    heatmap = explain(model(), scan(), "red", method)
    assert heatmap.empty
    assert not heatmap.values.any()


def unfolded(made: Predictor, picture: Scan) -> np.ndarray:
    """What the network itself says, its norms in their places; answers come from a copy without them."""
    batch = made.prepare(picture)[None].contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        return made.net(batch)[0].numpy()


@pytest.mark.parametrize("name", BACKBONES)
def test_backbone_is_explained_by_every_method(name: str) -> None:
    """Each method draws on the scan's grid or says why it cannot; the network is as it was before."""
    made = classifier(name, side_px(name))
    before = {key: value.clone() for key, value in made.net.state_dict().items()}
    picture = read_scan(phantom("breast-ultrasound", "malignant", 1, (70, 90)))
    view, logits = open_scan(made, picture), unfolded(made, picture)
    assert np.array_equal(view.prediction.logits, logits), "the heatmap's pass must be the network's"
    expected = made.predict(picture)
    np.testing.assert_allclose(expected.logits, logits, rtol=1e-4, atol=1e-4 * np.abs(logits).max())
    drawn = set()
    for method in (*QUICK, "fullgrad", "ablationcam", *(["scorecam"] if name in FEW_CHANNELS else [])):
        try:
            heatmap = draw(view, "b", method)
        except BadModel as error:
            assert method == "cam", str(error)  # noqa: PT017
            assert "HiResCAM" in str(error)  # noqa: PT017
            continue
        drawn.add(method)
        assert heatmap.values.shape == picture.size_px
        assert np.isfinite(heatmap.values).all()
        assert heatmap.values.min() >= 0
        assert heatmap.values.max() <= 1
    assert drawn >= set(QUICK) - {"cam"}
    assert leftovers(made.net) == []
    assert all(torch.equal(before[key], value) for key, value in made.net.state_dict().items())


def as_library_shows(raw: np.ndarray, size_px: int) -> np.ndarray:
    """Cut at 0, scale, stretch and scale again, as the library does on its way out."""

    def scaled(values: np.ndarray) -> np.ndarray:
        return (values - values.min()) / (1e-7 + (values - values.min()).max())

    return scaled(cv2.resize(scaled(np.maximum(raw, 0)).astype(np.float32), (size_px, size_px)))


@pytest.mark.parametrize("name", BACKBONES)
def test_closed_forms_are_the_librarys_maps_and_need_no_backward_pass(name: str, monkeypatch) -> None:
    """Hooks, whole network, backward through all of it: the library's usual way gives the same maps, on scan after scan."""
    net, size_px = classifier(name, side_px(name)).members[0].net, side_px(name)
    layer, own, backward = heatmap_layer(net), twin(net).requires_grad_(True), 0
    original = torch.autograd.grad

    def counted(outputs, inputs, **named):
        nonlocal backward
        backward += inputs.ndim > 1
        return original(outputs, inputs, **named)

    for seed, labels in enumerate(((0, 2), (1,))):  # each label once
        x = torch.randn(1, 3, size_px, size_px, generator=torch.Generator().manual_seed(seed))
        opened = open_at(net, layer, x)
        assert (opened.shares is None) == (name in OTHER_HEADS)
        for label in labels:
            for method, known in CLOSED.items():
                cam = getattr(pytorch_grad_cam, known)(
                    own, [own.get_submodule(layer)], reshape_transform=lambda out: to_map(net, out)
                )
                expected = cam(x, [ClassifierOutputTarget(label)])[0]
                with monkeypatch.context() as patched:
                    patched.setattr(torch.autograd, "grad", counted)
                    found = METHODS[method].run(opened, label, QUIET)
                np.testing.assert_allclose(as_library_shows(found, size_px), expected, atol=3e-3)
            if name not in OTHER_HEADS:
                exact = METHODS["cam"].run(opened, label, QUIET)
                np.testing.assert_allclose(METHODS["hirescam"].run(opened, label, QUIET), exact, rtol=1e-4, atol=1e-6)
    assert (backward == 0) == (name not in OTHER_HEADS)


@pytest.mark.parametrize("name", ["resnet18", "densenet121", "mobilenetv2", "convnext", "vit", "cancernet", "xception"])
def test_backbone_opens_at_every_layer_offered(name: str) -> None:
    """Maps of lower layers are finer or equal, and the answer stays the same to the bit."""
    made = classifier(name, side_px(name))
    picture = read_scan(phantom("breast-ultrasound", "malignant", 1, (70, 90)))
    expected = unfolded(made, picture)
    views = [open_scan(made, picture, layer) for layer in heatmap_layers(made.net)]
    grids = [view.opened.grid_px[0] for view in views]
    assert grids == sorted(grids, reverse=True)
    for view in views:
        assert np.array_equal(view.prediction.logits, expected)
        assert np.isfinite(draw(view, "a", "layercam").values).all()
    assert leftovers(made.net) == []


def test_four_threads_get_their_own_maps() -> None:
    """Four threads, four scans, two methods each, on one shared network: bit-equal to one after the other."""
    made = classifier("resnet18", 64)
    scans = [read_scan(phantom("breast-ultrasound", "malignant", seed, (64, 80))) for seed in range(4)]
    jobs = [(picture, method) for picture in scans for method in ("gradcam", "fullgrad")]
    serial = [predict_and_explain(made, picture, "b", method, "layer3") for picture, method in jobs]
    wrong: list[str] = []
    start = threading.Barrier(4)

    def work(nth: int) -> None:
        start.wait()
        for _ in range(3):
            for i in range(nth * 2, nth * 2 + 2):
                check(i)

    def check(i: int) -> None:
        prediction, heatmap = predict_and_explain(made, *jobs[i][:1], "b", jobs[i][1], "layer3")
        same = np.array_equal(heatmap.values, serial[i][1].values) and heatmap.peak == serial[i][1].peak
        if not (same and np.array_equal(prediction.logits, serial[i][0].logits)):
            wrong.append(f"job {i}")

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    try:
        threads = [threading.Thread(target=work, args=(nth,)) for nth in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert wrong == []
    assert leftovers(made.net) == []


def test_parameters_that_want_gradients_get_none() -> None:
    """Even on a network left as training left it, no gradient stays behind."""
    made = classifier("cancernet", 64)
    made.net.requires_grad_(True)
    picture = read_scan(phantom("breast-ultrasound", "benign", 1, (64, 64)))
    for method in METHODS.values():
        if method.name != "cam":
            explain(made, picture, "a", method.name)
    assert leftovers(made.net) == []
    assert all(p.requires_grad for p in made.net.parameters())
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("method", ["scorecam", "ablationcam"])
def test_slow_method_reports_and_stops(method: str) -> None:
    """Progress rises to the end; a wish to stop is heard; the network is left clean."""
    made, picture = classifier("cancernet", 64), Scan(np.random.default_rng(0).random((64, 64), np.float32), "0" * 64)
    told: list[tuple[int, int]] = []
    explain(made, picture, "a", method, watch=Watch(lambda done, total: told.append((done, total))))
    assert len(told) > 2
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1]
    with pytest.raises(Stopped):
        explain(made, picture, "a", method, watch=Watch(should_stop=lambda: True))
    assert leftovers(made.net) == []
