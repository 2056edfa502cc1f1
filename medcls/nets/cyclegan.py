"""The two networks of a CycleGAN: a generator that redraws a picture, and a discriminator that doubts its patches.

They answer no question about a scan, so they are no backbones: they stand in no table, and timm does not know them.

References:
    Zhu et al., Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks, ICCV 2017, section 7.2.
    Isola et al., Image-to-Image Translation with Conditional Adversarial Networks, CVPR 2017 (the 70 x 70 PatchGAN).
"""

import torch
from torch import nn


class Generator(nn.Module):
    """ResNet generator: 7x7, two halvings, residual blocks, two doublings, 7x7; instance norm and reflected borders.

    Args:
        channels: Channels of the pictures, C.
        width: Channels after the first convolution; 64 in the paper.
        blocks: Residual blocks; 6 for 128 px and 9 for 256 px and more in the paper.

    Example:
        >>> Generator(1, width=4, blocks=1)(torch.zeros(2, 1, 32, 32)).shape
        torch.Size([2, 1, 32, 32])
    """

    def __init__(self, channels: int, width: int = 64, blocks: int = 6) -> None:
        super().__init__()
        wide = 4 * width
        self.layers = nn.Sequential(
            nn.ReflectionPad2d(3),
            *_convolved(nn.Conv2d(channels, width, 7)),
            *_convolved(nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)),
            *_convolved(nn.Conv2d(2 * width, wide, 3, stride=2, padding=1)),
            *(_Residual(wide) for _ in range(blocks)),
            *_convolved(nn.ConvTranspose2d(wide, 2 * width, 3, stride=2, padding=1, output_padding=1)),
            *_convolved(nn.ConvTranspose2d(2 * width, width, 3, stride=2, padding=1, output_padding=1)),
            nn.ReflectionPad2d(3),
            nn.Conv2d(width, channels, 7),
            nn.Tanh(),
        )
        self.apply(_begin)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Redraw pictures (N, C, S, S) in [-1, 1]; S is a multiple of 4. Same shape, values in [-1, 1]."""
        return self.layers(x)


class Discriminator(nn.Module):
    """PatchGAN: says of every overlapping patch of 70 x 70 pixels whether it is of a scan.

    Args:
        channels: Channels of the pictures, C.
        width: Channels after the first convolution; 64 in the paper.

    Example:
        >>> Discriminator(1, width=4)(torch.zeros(2, 1, 128, 128)).shape
        torch.Size([2, 1, 14, 14])
    """

    def __init__(self, channels: int, width: int = 64) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            *_doubted(width, 2 * width, stride=2),
            *_doubted(2 * width, 4 * width, stride=2),
            *_doubted(4 * width, 8 * width, stride=1),
            nn.Conv2d(8 * width, 1, 4, padding=1),
        )
        self.apply(_begin)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Judge pictures (N, C, S, S) in [-1, 1]; (N, 1, P, P) without bounds, taught to be 1 for scans, 0 for made."""
        return self.layers(x)


class _Residual(nn.Module):
    """Two 3x3 convolutions whose result is added to what came in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.ReflectionPad2d(1),
            *_convolved(nn.Conv2d(width, width, 3)),
            nn.ReflectionPad2d(1),
            nn.Conv2d(width, width, 3),
            nn.InstanceNorm2d(width),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.layers(x)


def _convolved(convolution: nn.Conv2d | nn.ConvTranspose2d) -> tuple[nn.Module, ...]:
    return convolution, nn.InstanceNorm2d(convolution.out_channels), nn.ReLU()


def _doubted(before: int, after: int, stride: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(before, after, 4, stride=stride, padding=1), nn.InstanceNorm2d(after), nn.LeakyReLU(0.2)


def _begin(module: nn.Module) -> None:
    """Draw a convolution's weights from a normal distribution of deviation 0.02, as the paper does."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
