"""`plain_cnn`: two convolutions and one dense layer, the first network of one of the seed projects."""

from typing import Any

from timm.models import generate_default_cfgs, register_model
from torch import nn

from medcls.nets.dropout import ByteDropout
from medcls.nets.small_cnn import SmallCnn, create, describe_weights, side_of

default_cfgs = generate_default_cfgs({"plain_cnn.untrained": describe_weights(224, "blocks.0.0")})


class PlainCnn(SmallCnn):
    """Conv 3x3 32 and 3x3 64, each with ReLU, max-pool 2x2, dropout, flatten, dense with ReLU, dropout, classifier.

    The convolutions are not padded, as Keras has it unless told otherwise.

    Args:
        num_classes: Number of labels.
        in_chans: 1 grey, 3 colour.
        img_size: Side of the input in px.
        width: Channels of the first convolution; the second has twice as many.
        dense: Width of the dense layer.
        drop_rate: Dropout before the classifier.
        block_drop_rate: Dropout after the pool.
        pool_px: Largest side that is flattened (a 110 x 110 map would need 198 million weights); 0 for any.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        in_chans: int = 3,
        img_size: int | tuple[int, int] = 224,
        width: int = 32,
        dense: int = 256,
        drop_rate: float = 0.5,
        block_drop_rate: float = 0.25,
        pool_px: int = 28,
    ) -> None:
        blocks = nn.Sequential(
            nn.Sequential(nn.Conv2d(in_chans, width, 3), nn.ReLU()),
            nn.Sequential(nn.Conv2d(width, 2 * width, 3), nn.ReLU(), nn.MaxPool2d(2), ByteDropout(block_drop_rate)),
        )
        side = (side_of(img_size) - 4) // 2
        side = min(side, pool_px) if pool_px else side
        layers = nn.Sequential(nn.Linear(2 * width * side * side, dense), nn.ReLU())
        super().__init__(blocks, layers, side, 2 * width, dense, num_classes, drop_rate)
        self.in_chans = in_chans
        self.feature_info = [
            {"num_chs": width, "reduction": 1, "module": "blocks.0"},
            {"num_chs": 2 * width, "reduction": 2, "module": "blocks.1"},
        ]


@register_model
def plain_cnn(pretrained: bool = False, **kwargs: Any) -> SmallCnn:
    """Build `PlainCnn`, as `timm.create_model("plain_cnn", …)`."""
    return create(PlainCnn, "plain_cnn", pretrained, **kwargs)
