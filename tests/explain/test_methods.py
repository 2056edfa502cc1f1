"""The arithmetic of the methods: by hand, against the library used as it is usually used, and by what must add up."""

import cv2
import numpy as np
import pytest
import pytorch_grad_cam
import torch
from pytorch_grad_cam.utils.image import scale_accross_batch_and_channels
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn

from medcls import nets
from medcls.errors import BadModel
from medcls.explain import METHODS
from medcls.explain.biases import full_gradients
from medcls.explain.geometry import cells_of
from medcls.explain.gradients import _cam
from medcls.explain.opening import Opened, open_at, replay
from medcls.explain.watch import QUIET
from medcls.nets.layers import heatmap_layer, twin
from tests.explain.planted import Spots


def small(name: str = "resnet18", size_px: int = 64) -> nn.Module:
    """A network whose batch norms have statistics of their own."""
    torch.manual_seed(1)
    net = nets.build(name, 3, size_px=size_px)
    with torch.no_grad():
        net.train()(torch.randn(4, 3, size_px, size_px))
        for norm in net.modules():
            if isinstance(norm, nn.BatchNorm2d):
                norm.weight.uniform_(0.5, 1.5)
                norm.bias.uniform_(-0.3, 0.3)
    return net.eval()


def opened_small(layer: str = "layer3") -> Opened:
    return open_at(small(), layer, torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(3)))


def as_library_shows(raw: np.ndarray, size_px: int = 64) -> np.ndarray:
    """Cut at 0, scale, stretch and scale again, as the library does on its way out."""
    stretched = cv2.resize(scaled(np.maximum(raw, 0)).astype(np.float32), (size_px, size_px))
    return scaled(stretched)


def scaled(values: np.ndarray) -> np.ndarray:
    return (values - values.min()) / (1e-7 + (values - values.min()).max())


LIBRARY = {
    "gradcam": "GradCAM",
    "gradcam++": "GradCAMPlusPlus",
    "hirescam": "HiResCAM",
    "xgradcam": "XGradCAM",
    "layercam": "LayerCAM",
    "ablationcam": "AblationCAM",
}


@pytest.mark.parametrize("method", LIBRARY)
def test_equals_the_library_on_the_whole_network(method: str) -> None:
    """Hooks, backward through everything, whole network: the library's usual way gives the same map."""
    opened = opened_small()
    label = int(opened.logits.argmax())
    own = twin(opened.net)
    cam = getattr(pytorch_grad_cam, LIBRARY[method])(own, [own.get_submodule("layer3")])
    expected = cam(opened.x, [ClassifierOutputTarget(label)])[0]
    found = as_library_shows(METHODS[method].run(opened, label, QUIET))
    assert expected.max() > 0.5
    assert np.allclose(found, expected, atol=2e-3)


def test_finer_cam_equals_the_library() -> None:
    opened = opened_small()
    own = twin(opened.net)
    expected = pytorch_grad_cam.FinerCAM(own, [own.get_submodule("layer3")])(opened.x, target_idx=1)[0]
    assert np.allclose(as_library_shows(METHODS["finercam"].run(opened, 1, QUIET)), expected, atol=2e-3)


@pytest.mark.parametrize(("method", "name"), [("eigencam", "EigenCAM"), ("eigengradcam", "EigenGradCAM")])
def test_eigen_methods_equal_the_library_up_to_the_sign(method: str, name: str) -> None:
    """The library's sign is whatever the decomposition gives; ours goes along with the activations."""
    opened = opened_small()
    cam = getattr(pytorch_grad_cam, name)(nn.Linear(1, 1), [])
    expected = cam.get_cam_image(None, None, None, opened.activations, opened.label_gradients(1), False)[0]
    found = METHODS[method].run(opened, 1, QUIET)
    assert min(np.abs(found - expected).max(), np.abs(found + expected).max()) < 1e-3 * np.abs(expected).max()
    towards = opened.activations if method == "eigencam" else opened.activations * opened.label_gradients(1)
    assert (found * (towards[0].sum(0) - towards[0].sum(0).mean())).sum() >= 0


def test_class_activation_map_adds_up_to_the_logit() -> None:
    """The cells' shares and the bias are the logit; HiResCAM is the same map, as its paper proves."""
    opened = opened_small("layer4")
    for label in range(3):
        cells = METHODS["cam"].run(opened, label, QUIET)
        rest = opened.net.get_classifier().bias[label].item()
        assert cells.sum() + rest == pytest.approx(opened.logits[label].item(), abs=1e-4)
        assert np.allclose(cells, METHODS["hirescam"].run(opened, label, QUIET), atol=1e-5)


def test_class_activation_map_is_refused_where_it_is_not_exact() -> None:
    with pytest.raises(BadModel, match="HiResCAM"):
        METHODS["cam"].run(opened_small("layer3"), 0, QUIET)


def test_full_gradients_equal_the_library(capsys) -> None:
    """The library's FullGrad on the whole network, hooks and all, is made of the same gradients and biases.

    It scales every channel to 1 before it adds them up, which `fullgrad` leaves out on purpose; done here, the maps agree.
    """
    opened = opened_small()
    own = twin(opened.net)
    # The library hooks what its layers give; a layer that works in place behind one would change that.
    for module in own.modules():
        if hasattr(module, "inplace"):
            module.inplace = False
    expected = pytorch_grad_cam.FullGrad(own, [])(opened.x, [ClassifierOutputTarget(1)])[0]
    x, pairs, gradients = full_gradients(opened, 1)
    shares = [(gradients[0] * x).detach()] + [
        g * bias.view(1, -1, 1, 1) for (bias, out), g in zip(pairs, gradients[1:], strict=True) if out.ndim == 4
    ]
    channels = [np.abs(share.detach().numpy()) for share in shares]
    total = sum(scale_accross_batch_and_channels(c, (64, 64)).sum((0, 1)) for c in channels)
    assert expected.std() > 0.05
    assert np.allclose(scaled(total), expected, atol=2e-3)


@pytest.mark.parametrize("name", ["resnet18", "densenet121", "cancernet"])
def test_full_gradients_add_up_to_the_logit(name: str) -> None:
    """Completeness, the property FullGrad rests on: input and biases times their gradients are the logit."""
    net = small(name)
    opened = open_at(net, heatmap_layer(net), torch.randn(1, 3, 64, 64))
    x, pairs, gradients = full_gradients(opened, 1)
    total = (x * gradients[0]).sum().item()
    for (bias, out), gradient in zip(pairs, gradients[1:], strict=True):
        axes = [0, 2, 3] if out.ndim == 4 else [0]
        total += (gradient.sum(axes) * bias).sum().item()
    assert total == pytest.approx(opened.logits[1].item(), rel=1e-3, abs=1e-3)


def test_score_cam_by_hand() -> None:
    """Two channels, one spot each: the weights are the softmax of the logits that each masked scan gets."""
    net, x = Spots("patches").eval(), torch.zeros(1, 3, 64, 64)
    x[0, 0, 16:24, 16:24] = 1
    x[0, 2, 40:48, 40:48] = 1
    opened = open_at(net, "thin", x)
    activations = opened.activations[0]
    masks = cells_of(net, x, 8, "thin").spread(activations / activations.max((1, 2), keepdims=True))
    scores = net(x * torch.from_numpy(masks)[:, None]).detach()[:, 0].numpy()
    weights = np.exp(scores) / np.exp(scores).sum()
    assert weights[0] > weights[1]
    expected = np.tensordot(weights, activations, 1)
    assert np.allclose(METHODS["scorecam"].run(opened, 0, QUIET), expected, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "layer"), [("resnet18", "layer2"), ("vit", "blocks.7.norm1"), ("densenet121", "features.denseblock3")]
)
def test_replay_goes_on_from_the_layer(name: str, layer: str) -> None:
    """The same values give the same logits, in a batch too; zeros give what a network with that layer silenced gives."""
    net = small(name)
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(5))
    opened = open_at(net, layer, x)
    run = replay(opened)
    same = run(opened.leaf.detach().repeat(3, *[1] * (opened.leaf.ndim - 1)))
    assert torch.allclose(same, opened.logits.detach().expand(3, -1), atol=1e-4)
    silent = twin(net)
    silent.get_submodule(layer).register_forward_hook(lambda module, args, out: torch.zeros_like(out))
    with torch.no_grad():
        assert torch.allclose(run(torch.zeros_like(opened.leaf)), silent(x), atol=1e-4)


def test_layer_that_does_not_exist_or_gives_no_map() -> None:
    for layer in ("layer9", "fc", "layer4.7"):
        with pytest.raises(BadModel):
            opened_small(layer)


def test_drawing_a_map_moves_nobody_else_s_random_draws() -> None:
    """A training beside it draws the same numbers."""
    opened, label = opened_small(), 1
    _cam.cache_clear()
    before = torch.random.get_rng_state()
    METHODS["gradcam"].run(opened, label, QUIET)
    assert torch.equal(torch.random.get_rng_state(), before)
