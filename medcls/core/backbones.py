"""The backbones that medcls offers by name, as a table that can be read without loading torch.

Networks are built by `medcls.nets.build`, which takes these names and any other timm name. The table
stands here, not there, because importing `medcls.nets` loads torch and registers the project's own
networks with timm; a form or `--help` only wants to list what there is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from medcls.core.note import Note

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
    note: Note
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
        Note("core.backbone-resnet18"),
    ),
    Backbone("resnet34", "resnet34", "ResNet-34", 21.3, Note("core.backbone-resnet34")),
    Backbone("resnet50", "resnet50", "ResNet-50", 23.5, Note("core.backbone-resnet50")),
    Backbone("densenet121", "densenet121", "DenseNet-121", 7.0, Note("core.backbone-densenet121")),
    Backbone("mobilenetv2", "mobilenetv2_100", "MobileNetV2", 2.2, Note("core.backbone-mobilenetv2")),
    Backbone(
        "mobilenetv1_100",
        "mobilenetv1_100",
        "MobileNetV1",
        3.2,
        Note("core.backbone-mobilenetv1-100"),
    ),
    Backbone(
        "mobilenetv4",
        "mobilenetv4_conv_small",
        "MobileNetV4 small",
        2.5,
        Note("core.backbone-mobilenetv4"),
    ),
    Backbone(
        "efficientnet_lite0",
        "tf_efficientnet_lite0",
        "EfficientNet-Lite0",
        3.4,
        Note("core.backbone-efficientnet-lite0"),
    ),
    Backbone(
        "efficientnet_lite2",
        "tf_efficientnet_lite2",
        "EfficientNet-Lite2",
        4.8,
        Note("core.backbone-efficientnet-lite2"),
        size_px=260,
    ),
    Backbone(
        "efficientnet_b0",
        "efficientnet_b0",
        "EfficientNet-B0",
        4.0,
        Note("core.backbone-efficientnet-b0"),
    ),
    Backbone("convnext", "convnext_atto", "ConvNeXt atto", 3.4, Note("core.backbone-convnext")),
    Backbone(
        "vit",
        "vit_tiny_patch16_224",
        "ViT tiny, 16 px patches",
        5.5,
        Note("core.backbone-vit"),
    ),
    Backbone(
        "dinov2",
        "vit_small_patch14_dinov2",
        "DINOv2 small",
        22.1,
        Note("core.backbone-dinov2"),
        size_px=518,
        weights="LVD-142M",
    ),
    Backbone("vgg16", "vgg16", "VGG-16", 134.3, Note("core.backbone-vgg16")),
    Backbone("vgg19", "vgg19", "VGG-19", 139.6, Note("core.backbone-vgg19")),
    Backbone(
        "inception_v3",
        "inception_v3",
        "Inception v3",
        21.8,
        Note("core.backbone-inception-v3"),
        size_px=299,
        min_px=75,
    ),
    Backbone(
        "xception",
        "legacy_xception",
        "Xception",
        20.8,
        Note("core.backbone-xception"),
        size_px=299,
    ),
    Backbone(
        "plain_cnn",
        "plain_cnn",
        "Plain CNN",
        12.9,
        Note("core.backbone-plain-cnn"),
        weights="",
    ),
    Backbone(
        "simple_cnn",
        "simple_cnn",
        "Simple CNN",
        12.9,
        Note("core.backbone-simple-cnn"),
        weights="",
    ),
    Backbone(
        "cancernet",
        "cancernet",
        "CancerNet",
        1.2,
        Note("core.backbone-cancernet"),
        size_px=50,
        weights="",
    ),
    Backbone(
        "patch_vgg",
        "patch_vgg",
        "Patch VGG",
        9.4,
        Note("core.backbone-patch-vgg"),
        size_px=50,
        weights="",
    ),
)

BACKBONES: Mapping[str, Backbone] = MappingProxyType({row.name: row for row in _ROWS})
