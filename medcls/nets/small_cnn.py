"""What the project's own networks share: blocks, a dense layer, and the methods that timm expects of a network."""

from typing import Any

import torch
from timm.models import build_model_with_cfg
from torch import Tensor, nn

from medcls.nets.dropout import ByteDropout

_GREY = 0.5


def describe_weights(size_px: int, first_conv: str) -> dict[str, Any]:
    """Return timm's record of how to feed a network that has no published weights."""
    return {
        "url": "",
        "num_classes": 1000,
        "input_size": (3, size_px, size_px),
        "fixed_input_size": True,
        "pool_size": None,
        "crop_pct": 1.0,
        "interpolation": "bilinear",
        "mean": (_GREY, _GREY, _GREY),
        "std": (_GREY, _GREY, _GREY),
        "first_conv": first_conv,
        "classifier": "classifier",
        "license": "apache-2.0",
    }


def create(cls: type["SmallCnn"], name: str, pretrained: bool, **args: Any) -> "SmallCnn":
    """Build one through timm, which fills in the input size and loads weights from a folder if asked.

    Args:
        cls: The network's class.
        name: Its name among timm's models.
        pretrained: True to load the weights that timm is told of, from a folder.
        args: What the class takes.
    """
    feature_cfg = {"out_indices": (-1,), "flatten_sequential": True}
    return build_model_with_cfg(cls, name, pretrained, feature_cfg=feature_cfg, **args)


class SmallCnn(nn.Module):
    """Blocks, flatten, one dense layer, classifier.

    The dense layer's weights depend on the side of the last feature map. Maps with a side above `pool_px` are averaged
    down to it first, so that the layer stays small at large inputs; at and below it nothing is averaged, and
    the network is the one described.

    Args:
        blocks: The convolutional part, (N, in_chans, S, S) to (N, `num_features`, side, side).
        dense: The layers between the flattened map and dropout, or None to go straight to the classifier.
        side_px: Side of the map that the flattening sees.
        num_features: Channels of the last map.
        hidden: Width of what enters the classifier.
        num_classes: Number of labels; 0 for no classifier.
        drop_rate: Dropout before the classifier.
    """

    def __init__(
        self,
        blocks: nn.Sequential,
        dense: nn.Module | None,
        side_px: int,
        num_features: int,
        hidden: int,
        num_classes: int,
        drop_rate: float,
    ) -> None:
        super().__init__()
        self.num_classes, self.num_features, self.head_hidden_size = num_classes, num_features, hidden
        self.drop_rate, self.side_px = drop_rate, side_px
        self.blocks = blocks
        self.dense = dense if dense is not None else nn.Identity()
        self.head_drop = ByteDropout(drop_rate)
        self.classifier = nn.Linear(hidden, num_classes) if num_classes else nn.Identity()
        for module in self.modules():
            _init_as_keras(module)

    def get_classifier(self) -> nn.Module:
        """Return the last layer."""
        return self.classifier

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        """Replace the last layer for another number of labels; `global_pool` is accepted and has no effect."""
        self.num_classes = num_classes
        self.classifier = nn.Linear(self.head_hidden_size, num_classes) if num_classes else nn.Identity()
        _init_as_keras(self.classifier)

    def forward_features(self, x: Tensor) -> Tensor:
        """Return the last feature map, (N, C, h, w)."""
        return self.blocks(x)

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """Return logits (N, K) of a feature map, or what enters the classifier (N, `head_hidden_size`)."""
        if max(x.shape[-2:]) > self.side_px:
            x = nn.functional.adaptive_avg_pool2d(x, self.side_px)
        x = self.head_drop(self.dense(x.flatten(1)))
        return x if pre_logits else self.classifier(x)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, K) of scans (N, in_chans, S, S)."""
        return self.forward_head(self.forward_features(x))

    @torch.jit.ignore
    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
        """Tell timm's optimisers which parameters form a stage."""
        return {"stem": r"^blocks\.0\.", "blocks": r"^blocks\.(\d+)"}

    @torch.jit.ignore
    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Refuse to trade time for memory: these networks are small.

        Raises:
            ValueError: If asked to.
        """
        if enable:
            raise ValueError("these networks have no gradient checkpointing")


def _init_as_keras(module: nn.Module) -> None:
    """Start convolutions and dense layers as Keras does, where these networks come from: Glorot uniform, bias 0."""
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def side_of(img_size: int | tuple[int, int]) -> int:
    """Return the side of a square input that timm may state as one number or two.

    Raises:
        ValueError: If the two differ.
    """
    sides = (img_size, img_size) if isinstance(img_size, int) else tuple(img_size)
    if sides[0] != sides[-1]:
        raise ValueError(f"these networks take squares, not {sides}")
    return int(sides[0])
