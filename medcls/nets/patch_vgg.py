"""`patch_vgg`: five VGG blocks for 50 px histology patches, as a seed project trained it."""

from typing import Any

from timm.models import generate_default_cfgs, register_model
from torch import nn

from medcls.nets.small_cnn import SmallCnn, create, describe_weights

default_cfgs = generate_default_cfgs({"patch_vgg.untrained": describe_weights(50, "blocks.0.0")})


class PatchVgg(SmallCnn):
    """Five times two convolutions 3x3 with ReLU and a max-pool 2x2, then the classifier.

    At 50 px one pixel is left of the last map; larger inputs are averaged over the map. The project does not
    tell its widths: 64, 128, 256, 512, 512 are those of VGG-13, whose convolutions these are.

    Args:
        num_classes: Number of labels.
        in_chans: 1 grey, 3 colour.
        img_size: Side of the input in px, at least 32; it changes no weight.
        width: Channels of the first block; doubled at each next one, eight times this at most.
        drop_rate: Dropout before the classifier.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        in_chans: int = 3,
        img_size: int | tuple[int, int] = 50,
        width: int = 64,
        drop_rate: float = 0.0,
    ) -> None:
        widths = [width * min(2**i, 8) for i in range(5)]
        blocks = nn.Sequential(
            *(_block(before, after) for before, after in zip([in_chans, *widths], widths, strict=False))
        )
        super().__init__(blocks, None, 1, widths[-1], widths[-1], num_classes, drop_rate)
        self.in_chans = in_chans
        self.feature_info = [
            {"num_chs": w, "reduction": 2 ** (i + 1), "module": f"blocks.{i}"} for i, w in enumerate(widths)
        ]


def _block(before: int, after: int) -> nn.Sequential:
    convolutions = (nn.Conv2d(before, after, 3, padding=1), nn.ReLU(), nn.Conv2d(after, after, 3, padding=1), nn.ReLU())
    return nn.Sequential(*convolutions, nn.MaxPool2d(2))


@register_model
def patch_vgg(pretrained: bool = False, **kwargs: Any) -> SmallCnn:
    """Build `PatchVgg`, as `timm.create_model("patch_vgg", …)`."""
    return create(PatchVgg, "patch_vgg", pretrained, **kwargs)
