"""`simple_cnn`: three convolutions, each with a pool, and one dense layer: a seed project's first try on ultrasound."""

from typing import Any

from timm.models import generate_default_cfgs, register_model
from torch import nn

from medcls.nets.small_cnn import SmallCnn, create, describe_weights, side_of

default_cfgs = generate_default_cfgs({"simple_cnn.untrained": describe_weights(224, "blocks.0.0")})


class SimpleCnn(SmallCnn):
    """Three times convolution 3x3, ReLU and max-pool 2x2, then dense with ReLU, dropout, classifier.

    The project tells that it was small, overfitted and had vanishing gradients, not its widths: 16, 32, 64
    and a dense layer of 256 are ours. No batch norm and no shortcut, for that is what it was about.

    Args:
        num_classes: Number of labels.
        in_chans: 1 grey, 3 colour.
        img_size: Side of the input in px.
        width: Channels of the first convolution; doubled at each next one.
        depth: Number of convolutions, each with its pool.
        dense: Width of the dense layer.
        drop_rate: Dropout before the classifier.
        pool_px: Largest side that is flattened; 0 for any.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        in_chans: int = 3,
        img_size: int | tuple[int, int] = 224,
        width: int = 16,
        depth: int = 3,
        dense: int = 256,
        drop_rate: float = 0.0,
        pool_px: int = 28,
    ) -> None:
        widths = [width * 2**i for i in range(depth)]
        blocks = nn.Sequential(
            *(
                nn.Sequential(nn.Conv2d(before, after, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
                for before, after in zip([in_chans, *widths], widths, strict=False)
            )
        )
        side = side_of(img_size) >> depth
        side = min(side, pool_px) if pool_px else side
        layers = nn.Sequential(nn.Linear(widths[-1] * side * side, dense), nn.ReLU())
        super().__init__(blocks, layers, side, widths[-1], dense, num_classes, drop_rate)
        self.in_chans = in_chans
        self.feature_info = [
            {"num_chs": w, "reduction": 2 ** (i + 1), "module": f"blocks.{i}"} for i, w in enumerate(widths)
        ]


@register_model
def simple_cnn(pretrained: bool = False, **kwargs: Any) -> SmallCnn:
    """Build `SimpleCnn`, as `timm.create_model("simple_cnn", …)`."""
    return create(SimpleCnn, "simple_cnn", pretrained, **kwargs)
