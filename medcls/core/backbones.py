"""The backbones that medcls offers by name, as a table that can be read without loading torch.

Networks are built by `medcls.nets.build`, which takes these names and any other timm name. The table
stands here, not there, because importing `medcls.nets` loads torch and registers the project's own
networks with timm; a form or `--help` only wants to list what there is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

_NONE: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Backbone:
    """A network that pages and the command line offer.

    Args:
        name: What medcls calls it.
        timm_name: What timm calls it.
        title: What a person reads.
        megaparams: Weights in millions, at the native size with three labels and colour.
        note: One sentence: what it is good for.
        size_px: Side of the square it was made for.
        min_px: Smallest side it can work on.
        weights: What its published initial weights were trained on; empty if there are none.
        args: Arguments of `timm.create_model` unless the user gives others.
    """

    name: str
    timm_name: str
    title: str
    megaparams: float
    note: str
    size_px: int = 224
    min_px: int = 32
    weights: str = "ImageNet"
    args: Mapping[str, Any] = field(default_factory=lambda: _NONE)


_ROWS = (
    Backbone(
        "resnet18",
        "resnet18",
        "ResNet-18",
        11.2,
        "A sound first choice: quick, and hard to beat on a few hundred scans.",
    ),
    Backbone("resnet34", "resnet34", "ResNet-34", 21.3, "ResNet-18 made deeper; for a few thousand scans."),
    Backbone("resnet50", "resnet50", "ResNet-50", 23.5, "The usual yardstick; slower, and wants more scans."),
    Backbone(
        "densenet121", "densenet121", "DenseNet-121", 7.0, "Few weights, much used on radiographs; slow for its size."
    ),
    Backbone(
        "mobilenetv2", "mobilenetv2_100", "MobileNetV2", 2.2, "Small and quick on a processor without a graphics card."
    ),
    Backbone(
        "mobilenetv1_100",
        "mobilenetv1_100",
        "MobileNetV1",
        3.2,
        "Older and a little larger than MobileNetV2; plain and robust.",
    ),
    Backbone(
        "mobilenetv4",
        "mobilenetv4_conv_small",
        "MobileNetV4 small",
        2.5,
        "Today's small network; quickest of those with published weights.",
    ),
    Backbone(
        "efficientnet_lite0",
        "tf_efficientnet_lite0",
        "EfficientNet-Lite0",
        3.4,
        "EfficientNet made plain: quick on a processor without a graphics card.",
    ),
    Backbone(
        "efficientnet_b0",
        "efficientnet_b0",
        "EfficientNet-B0",
        4.0,
        "Accurate for its size; slower to train than it looks.",
    ),
    Backbone("convnext", "convnext_atto", "ConvNeXt atto", 3.4, "Today's convolutional design in its smallest form."),
    Backbone(
        "vit",
        "vit_tiny_patch16_224",
        "ViT tiny, 16 px patches",
        5.5,
        "A small transformer; needs its published weights to be any good.",
    ),
    Backbone(
        "dinov2",
        "vit_small_patch14_dinov2",
        "DINOv2 small",
        22.1,
        "A transformer trained without labels; strong with its backbone frozen.",
        size_px=518,
        weights="LVD-142M",
    ),
    Backbone("vgg16", "vgg16", "VGG-16", 134.3, "Large and slow; kept because much published work used it."),
    Backbone("vgg19", "vgg19", "VGG-19", 139.6, "VGG-16 made deeper; larger and slower still."),
    Backbone(
        "inception_v3",
        "inception_v3",
        "Inception v3",
        21.8,
        "Made for 299 px; sees several scales at once.",
        size_px=299,
        min_px=75,
    ),
    Backbone(
        "xception",
        "legacy_xception",
        "Xception",
        20.8,
        "Made for 299 px; separable convolutions throughout.",
        size_px=299,
    ),
    Backbone(
        "plain_cnn",
        "plain_cnn",
        "Plain CNN",
        12.9,
        "Two convolutions and one dense layer: a floor that others must clear.",
        weights="",
    ),
    Backbone(
        "simple_cnn",
        "simple_cnn",
        "Simple CNN",
        12.9,
        "Three plain convolutions: what a first try looks like.",
        weights="",
    ),
    Backbone(
        "cancernet",
        "cancernet",
        "CancerNet",
        1.2,
        "Separable convolutions for 50 px histology patches; trains in minutes.",
        size_px=50,
        weights="",
    ),
    Backbone(
        "patch_vgg",
        "patch_vgg",
        "Patch VGG",
        9.4,
        "Five VGG blocks for 50 px histology patches.",
        size_px=50,
        weights="",
    ),
)

BACKBONES: Mapping[str, Backbone] = MappingProxyType({row.name: row for row in _ROWS})
