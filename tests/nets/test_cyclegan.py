"""The generator redraws at the same size, the discriminator judges patches of 70 pixels, both as the paper has them."""

import pytest
import torch
from torch import nn

from medcls.nets.cyclegan import Discriminator, Generator


@pytest.mark.parametrize(("channels", "side"), [(1, 32), (3, 64), (1, 128), (3, 100)])
def test_shapes_and_ranges(channels: int, side: int) -> None:
    x = 2 * torch.rand(2, channels, side, side) - 1
    with torch.inference_mode():
        made = Generator(channels, width=4, blocks=2)(x)
        judged = Discriminator(channels, width=4)(made)
    assert made.shape == x.shape
    assert made.abs().max() <= 1
    assert judged.shape == (2, 1, side // 8 - 2, side // 8 - 2)


def test_as_many_weights_as_the_paper_s() -> None:
    """ResNet-6 and -9 generators and the 70 x 70 PatchGAN of the authors' code have these, for RGB at width 64."""
    with torch.device("meta"):
        count = [
            sum(p.numel() for p in net.parameters()) for net in (Generator(3), Generator(3, blocks=9), Discriminator(3))
        ]
    assert count == [7_837_699, 11_378_179, 2_764_737]


def test_a_judgement_is_of_70_by_70_pixels() -> None:
    net = Discriminator(1, width=4)
    for module in net.modules():
        if isinstance(module, nn.InstanceNorm2d):  # it looks at the whole picture, the convolutions do not
            module.forward = lambda x: x  # type: ignore[method-assign, assignment]
    x = torch.rand(1, 1, 128, 128, requires_grad=True)
    net(x)[0, 0, 7, 7].backward()
    rows, columns = (x.grad[0, 0] != 0).nonzero(as_tuple=True)
    assert (rows.max() - rows.min() + 1, columns.max() - columns.min() + 1) == (70, 70)


def test_weights_begin_at_a_deviation_of_a_fiftieth() -> None:
    torch.manual_seed(0)
    weights = torch.cat([m.weight.detach().flatten() for m in Generator(1).modules() if isinstance(m, nn.Conv2d)])
    assert abs(float(weights.std()) - 0.02) < 1e-4
