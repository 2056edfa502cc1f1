"""Padding worked out once gives the numbers that padding worked out at each pass gives."""

import pytest
import torch
from timm.layers.conv2d_same import Conv2dSame

from medcls.core.scan import Preprocess
from medcls.models import engine
from medcls.nets import build
from medcls.nets.layers import twin
from medcls.nets.padding import pad_once


@pytest.mark.parametrize("size_px", [64, 65])
def test_the_numbers_stay_and_the_network_too(size_px: int) -> None:
    torch.manual_seed(0)
    net = build("tf_efficientnet_lite0", 2, size_px=size_px).eval()
    scans = torch.randn(2, 3, size_px, size_px)
    padding = [m for m in net.modules() if isinstance(m, Conv2dSame)]
    assert padding
    own = pad_once(twin(net), scans)
    assert not any(isinstance(m, Conv2dSame) for m in own.modules())
    with torch.no_grad():
        torch.testing.assert_close(own(scans), net(scans), rtol=1e-6, atol=1e-6)
    assert [m for m in net.modules() if isinstance(m, Conv2dSame)] == padding
    assert {id(p) for p in own.parameters()} == {id(p) for p in net.parameters()}


def test_a_network_without_such_padding_is_not_even_run() -> None:
    net = build("resnet18", 2, size_px=32).eval()
    net.register_forward_pre_hook(lambda *_: pytest.fail("run"))
    assert pad_once(net, torch.zeros(1, 3, 32, 32)) is net


def test_nothing_of_it_is_left_in_an_engine() -> None:
    net = build("tf_efficientnet_lite0", 2, size_px=64).eval()
    written = engine._export(net, engine.probe_batch(Preprocess(size_px=64)))
    assert b"Ceil" not in written
