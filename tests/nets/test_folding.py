"""Batch norms folded into convolutions: only where the data flow says so, and nothing else changes."""

import torch
from timm.layers import StdConv2d
from torch import nn

from medcls.nets.folding import fold_norms


def seen(net: nn.Module) -> nn.Module:
    """A network whose norms have seen something."""
    torch.manual_seed(0)
    with torch.no_grad():
        for _ in range(3):
            net.train()(2 + 3 * torch.randn(4, 3, 8, 8))
    return net.eval()


class Plain(nn.Module):
    """A norm that directly follows its convolution, and one after a ReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.late = nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3), nn.BatchNorm2d(3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.late(self.norm(self.conv(x)).relu())


class Branching(Plain):
    """Its convolution's output is used twice: folding would change the second use."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raw = self.conv(x)
        return self.norm(raw) + self.late(x)[:, :, 1:-1, 1:-1] * raw


class Shared(Plain):
    """Its norm stands in two places."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.conv(x)) + self.norm(x)[:, :, 1:-1, 1:-1]


class Named(Plain):
    """Its norm is named and registered as if it followed the convolution, but comes before it."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(self.norm(x))


class Standardised(Plain):
    """Its convolution standardises its weights first: a scale folded into them would be taken out again."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = StdConv2d(3, 3, 3)


class Deciding(Plain):
    """What it computes depends on the values: it cannot be traced."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.conv(x)) if x.sum() > 0 else x


def test_a_norm_right_after_its_convolution_goes_and_the_other_stays():
    net = seen(Plain())
    weights = {name: value.clone() for name, value in net.state_dict().items()}
    folded = fold_norms(net)
    assert isinstance(folded, Plain)
    assert isinstance(folded.norm, nn.Identity)
    assert isinstance(folded.late, nn.BatchNorm2d)
    x = torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(folded(x), net(x))
    assert isinstance(net.norm, nn.BatchNorm2d), "the network itself is left as it is"
    assert all(torch.equal(weights[name], value) for name, value in net.state_dict().items())
    assert folded.late.weight is net.late.weight, "what does not change takes no second memory"


def test_where_the_data_flow_forbids_it_nothing_is_folded():
    for made in (Branching(), Shared(), Named(), Standardised(), Deciding()):
        net = seen(made)
        assert fold_norms(net) is net, type(made).__name__
