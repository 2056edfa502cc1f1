"""The head "dense256": any timm network with a dense layer and batch norm before its classifier.

Registered with timm as the network `dense256`, whose argument `backbone` says which network it stands on, so that
a published model with this head loads like any other.
"""

from typing import Any

import timm
from timm.models import register_model
from timm.models._builder import load_pretrained
from torch import Tensor, nn

from medcls.errors import BadSpec
from medcls.nets.anatomy import classifier_name, classifier_of

_WIDTH = 256


class DenseHead(nn.Module):
    """Dense 256, ReLU, batch norm, dropout, classifier; stands where the network's own classifier stood.

    Args:
        in_features: Width of what the network gives.
        num_classes: Number of labels.
        drop_rate: Dropout before the last layer.
    """

    def __init__(self, in_features: int, num_classes: int, drop_rate: float) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, num_classes
        self.dense = nn.Linear(in_features, _WIDTH)
        self.act = nn.ReLU()
        self.norm = nn.BatchNorm1d(_WIDTH)
        self.drop = nn.Dropout(drop_rate)
        self.classifier = nn.Linear(_WIDTH, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, K) of features (N, `in_features`)."""
        return self.classifier(self.drop(self.norm(self.act(self.dense(x)))))


@register_model
def dense256(
    pretrained: bool = False, *, backbone: str, num_classes: int = 1000, drop_rate: float = 0.0, **kwargs: Any
) -> nn.Module:
    """Build the timm network `backbone` with a `DenseHead` for a classifier; dropout acts in the head.

    Args:
        pretrained: True to load the weights that `kwargs` say where to find.
        backbone: Name of a timm network that ends in one linear layer.
        num_classes: Number of labels, K.
        drop_rate: Share of the head's features dropped in training, [0, 1).
        kwargs: As `timm.create_model` takes them.

    Raises:
        BadSpec: If the network does not end in one linear layer.
        RuntimeError: If `pretrained` is asked for without saying where the weights are: none are published.
    """
    own = {
        k: kwargs.pop(k, None)
        for k in ("pretrained_cfg", "pretrained_cfg_overlay", "pretrained_model_args", "cache_dir")
    }
    net: Any = timm.create_model(backbone, num_classes=num_classes, **kwargs)
    last = classifier_of(net)
    if not isinstance(last, nn.Linear):
        raise BadSpec("nets.no-dense-head", backbone=backbone, kind=type(last).__name__)
    net.set_submodule(classifier_name(net), DenseHead(last.in_features, num_classes, drop_rate))
    given = own["pretrained_cfg"]
    if given:
        net.pretrained_cfg = net.default_cfg = {**net.pretrained_cfg, **given}
    if pretrained:
        if not given:
            raise RuntimeError("dense256 has no published weights of its own")
        # The head is part of what is loaded, so it must not be dropped as a classifier of other classes would be.
        record = {**net.pretrained_cfg, "classifier": None, "num_classes": num_classes}
        load_pretrained(net, record, num_classes=num_classes, in_chans=net.in_chans, cache_dir=own["cache_dir"])
    return net
