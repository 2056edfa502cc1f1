"""Convolutions packed for oneDNN: the same answers, and whatever cannot be packed stays."""

import pytest
import torch
from timm.layers import Conv2dSame, StdConv2d
from torch import nn

from medcls.nets.packing import pack_convolutions


class Net(nn.Module):
    """One convolution of each kind, and the same one used twice on inputs of two sizes."""

    def __init__(self) -> None:
        super().__init__()
        self.grouped = nn.Conv2d(4, 8, 3, stride=2, padding=1, groups=4, bias=False)
        self.same = Conv2dSame(8, 8, 3, stride=2)
        self.twice = nn.Conv2d(8, 8, 3, padding=1, dilation=1)
        self.named = nn.Conv2d(8, 8, (3, 5), padding="same", dilation=(2, 1))
        self.lopsided = nn.Conv2d(8, 8, 2, padding="same")
        self.valid = nn.Conv2d(8, 8, 1, padding="valid")
        self.mirrored = nn.Conv2d(8, 8, 3, padding=1, padding_mode="reflect")
        self.standardised = StdConv2d(8, 8, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.twice(self.same(self.grouped(x)).relu())
        x = self.twice(nn.functional.max_pool2d(x, 2))
        return self.standardised(self.mirrored(self.valid(self.lopsided(self.named(x)))))


def net() -> Net:
    torch.manual_seed(0)
    return Net().eval().requires_grad_(False)


# "same" around an even kernel is there on purpose: PyTorch pads a copy, and says so.
pytestmark = pytest.mark.filterwarnings("ignore:Using padding=.same. with even kernel:UserWarning")
needs_onednn = pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this PyTorch has no oneDNN")


@needs_onednn
@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(("n", "size"), [(1, 33), (5, 33), (2, 64)], ids=["one", "more-scans", "larger"])
def test_packed_answers_as_before(n, size, memory):
    plain = net()
    packed = pack_convolutions(plain, torch.randn(1, 4, 33, 33))
    x = torch.randn(n, 4, size, size).contiguous(memory_format=memory)
    torch.testing.assert_close(packed(x), plain(x), rtol=1e-4, atol=1e-5)


@needs_onednn
def test_only_plain_convolutions_are_packed_and_the_network_itself_is_left():
    plain = net()
    packed = pack_convolutions(plain, torch.randn(1, 4, 33, 33))
    assert isinstance(packed, Net)
    kept = {name for name, layer in packed.named_modules() if isinstance(layer, nn.Conv2d)}
    assert kept == {"lopsided", "mirrored", "standardised"}
    assert type(plain.grouped) is nn.Conv2d
    assert packed.mirrored.weight is plain.mirrored.weight, "what does not change takes no second memory"
    assert not any(layer._forward_pre_hooks for layer in packed.modules())


def test_what_has_no_convolution_stays_itself():
    dense = nn.Sequential(nn.Flatten(), nn.Linear(12, 2))
    assert pack_convolutions(dense, torch.randn(1, 3, 2, 2)) is dense


def test_without_onednn_a_network_stays_itself(monkeypatch):
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    plain = net()
    assert pack_convolutions(plain, torch.randn(1, 4, 33, 33)) is plain
