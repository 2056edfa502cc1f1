"""The networks: built, started, frozen, split and described, every one of them a timm model.

Importing this package loads torch and registers the project's own networks with timm, so that
`timm.create_model("cancernet", num_classes=2)` and `timm.create_model("local-dir:…")` work. Whoever only
wants to list what there is reads `medcls.core.backbones`, which loads neither.
"""

from medcls.core.backbones import BACKBONES, Backbone
from medcls.nets import _timm, cancernet, dense256, patch_vgg, plain_cnn, simple_cnn  # registers the entry points
from medcls.nets.building import Undrawn, backbone_args_for, backbone_name_for, build, from_card, from_weights

__all__ = [
    "BACKBONES",
    "Backbone",
    "Undrawn",
    "_timm",
    "backbone_args_for",
    "backbone_name_for",
    "build",
    "cancernet",
    "dense256",
    "from_card",
    "from_weights",
    "patch_vgg",
    "plain_cnn",
    "simple_cnn",
]
