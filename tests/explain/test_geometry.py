"""Where cells lie: windows worked by hand from strides and paddings, masses known by construction."""

import numpy as np
import pytest
import timm
import torch

from medcls.explain.geometry import Cells, cells_of
from tests.explain.planted import Spots


# By hand: start += ((kernel - 1) / 2 - padding) * step, step *= stride.
@pytest.mark.parametrize(
    ("name", "args", "size_px", "rows", "start_px", "step_px"),
    [
        ("resnet18", {}, 128, 4, 0.0, 32),  # 7/2 pad 3, 3/2 pad 1, then 3/2 pad 1 three times: never a shift
        ("resnet18", {}, 128, 16, 0.0, 8),
        ("densenet121", {}, 128, 4, 14.0, 32),  # three pools of 2, stride 2: 0.5 * (4 + 8 + 16)
        ("mobilenetv2_100", {"pad_type": "same"}, 128, 4, 31.0, 32),  # TensorFlow pads right first: 1 + 2 + 4 + 8 + 16
        ("inception_v3", {"aux_logits": False}, 299, 8, 37.0, 32),
        ("vit_tiny_patch16_224", {}, 224, 14, 7.5, 16),
        ("convnext_atto", {}, 128, 4, 15.5, 32),
        ("swin_tiny_patch4_window7_224", {}, 224, 7, 15.5, 32),  # patches merged by a linear layer
    ],
)
def test_windows_by_hand(
    monkeypatch, name: str, args: dict, size_px: int, rows: int, start_px: float, step_px: float
) -> None:
    """Strides and paddings followed through the network."""
    net = timm.create_model(name, num_classes=2, **args).eval()
    cells = cells_of(net, torch.zeros(1, 3, size_px, size_px), rows)
    assert (cells.start_px, cells.step_px) == ((start_px, start_px), step_px)


@pytest.mark.parametrize(("thinning", "start_px"), [("padded", 0.0), ("patches", 3.5)])
def test_even_weights_lie_in_the_middle_of_their_window(thinning: str, start_px: float) -> None:
    cells = cells_of(Spots(thinning).eval(), torch.zeros(1, 3, 64, 64), 8, "thin")
    assert np.abs(np.subtract(cells.start_px, start_px)).max() < 0.75


def test_uneven_weights_move_the_cells() -> None:
    """Only the lower left weight of each window counts: cells lie below and left of the middle of their windows."""
    net = Spots("patches").eval()
    with torch.no_grad():
        for conv in net.thin:
            conv.weight.zero_()
            conv.weight[..., 7, 0] = 1
    assert cells_of(net, torch.zeros(1, 3, 64, 64), 8, "thin").start_px == pytest.approx((7, 0), abs=0.01)


def test_interpolation_keeps_what_it_is_given() -> None:
    """Constant stays constant, a value sits at its cell's centre, ends repeat, a single cell covers all."""
    cells = Cells(4, 64, (8.0, 8.0), 16.0)
    assert np.allclose(cells.matrix(0).sum(1), 1)
    spread = cells.spread(np.diag([1.0, 2.0, 3.0, 4.0]))
    assert spread.shape == (64, 64)
    assert [spread[i, i] for i in (8, 24, 40, 56)] == [1, 2, 3, 4]
    assert spread[32, 32] == pytest.approx((2 + 3) / 4)
    assert spread[63, 63] == 4
    assert np.array_equal(Cells(1, 8, (3.5, 3.5), 8.0).spread(np.array([[2.0]])), np.full((8, 8), 2, np.float32))
