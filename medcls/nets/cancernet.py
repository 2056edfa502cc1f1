"""`cancernet`: separable convolutions for small histology patches, as a seed project trained it."""

from collections.abc import Sequence
from typing import Any

from timm.models import generate_default_cfgs, register_model
from torch import nn

from medcls.nets.dropout import ByteDropout
from medcls.nets.small_cnn import SmallCnn, create, describe_weights, side_of

default_cfgs = generate_default_cfgs({"cancernet.untrained": describe_weights(50, "blocks.0.0.depthwise")})


class SeparableConv(nn.Sequential):
    """A convolution per channel, then one across channels: Keras' `SeparableConv2D`, padded to keep the size."""

    def __init__(self, before: int, after: int, kernel_size: int) -> None:
        super().__init__()
        self.add_module("depthwise", nn.Conv2d(before, before, kernel_size, padding="same", groups=before, bias=False))
        self.add_module("pointwise", nn.Conv2d(before, after, 1))


class CancerNet(SmallCnn):
    """Blocks of separable convolutions with max-pool 2x2 and dropout, then a dense layer with dropout.

    Each convolution and the dense layer are followed by ReLU and batch norm.

    Args:
        num_classes: Number of labels.
        in_chans: 1 grey, 3 colour.
        img_size: Side of the input in px.
        width: Channels of the first block; doubled at each next one.
        depth: Convolutions in each block.
        channels: Channels of every convolution, a list for each block, instead of `width` and `depth`.
        kernel_size: Side of the convolutions.
        dense: Width of the dense layer.
        drop_rate: Dropout before the classifier.
        block_drop_rate: Dropout after each pool.
        pool_px: Largest side that is flattened, 12 being reached at 96 px; 0 for any.

    References:
        Rosebrock, Breast cancer classification with Keras and deep learning (2019), where the name is from.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        in_chans: int = 3,
        img_size: int | tuple[int, int] = 50,
        width: int = 32,
        depth: Sequence[int] = (1, 2, 3),
        channels: Sequence[Sequence[int]] | None = None,
        kernel_size: int = 3,
        dense: int = 256,
        drop_rate: float = 0.5,
        block_drop_rate: float = 0.25,
        pool_px: int = 12,
    ) -> None:
        plan = [list(block) for block in channels] if channels else [[width * 2**i] * n for i, n in enumerate(depth)]
        befores = [in_chans, *(block[-1] for block in plan)]
        blocks = nn.Sequential(
            *(_block(b, widths, kernel_size, block_drop_rate) for b, widths in zip(befores, plan, strict=False))
        )
        side = side_of(img_size) >> len(plan)
        side = min(side, pool_px) if pool_px else side
        last = plan[-1][-1]
        layers = nn.Sequential(nn.Linear(last * side * side, dense), nn.ReLU(), nn.BatchNorm1d(dense))
        super().__init__(blocks, layers, side, last, dense, num_classes, drop_rate)
        self.in_chans = in_chans
        self.feature_info = [
            {"num_chs": block[-1], "reduction": 2 ** (i + 1), "module": f"blocks.{i}"} for i, block in enumerate(plan)
        ]


def _block(before: int, widths: Sequence[int], kernel_size: int, drop_rate: float) -> nn.Sequential:
    layers: list[nn.Module] = []
    for after in widths:
        layers += [SeparableConv(before, after, kernel_size), nn.ReLU(), nn.BatchNorm2d(after)]
        before = after
    return nn.Sequential(*layers, nn.MaxPool2d(2), ByteDropout(drop_rate))


@register_model
def cancernet(pretrained: bool = False, **kwargs: Any) -> SmallCnn:
    """Build `CancerNet`, as `timm.create_model("cancernet", …)`."""
    return create(CancerNet, "cancernet", pretrained, **kwargs)
