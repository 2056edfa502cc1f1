"""What every timm network tells of itself: its classifier, its name, the record of its published weights."""

from typing import Any

from torch import Tensor, nn


def classifier_of(net: nn.Module) -> nn.Module:
    """Return the last layer (or the dense head that stands in its place), sharing its weights."""
    known: Any = net
    classifier: nn.Module = known.get_classifier()
    return classifier


def classifier_name(net: nn.Module) -> str:
    """Return the last layer's name, as in `fc` or `head.fc`."""
    last = classifier_of(net)
    return next(name for name, module in net.named_modules() if module is last)


def published_record(net: nn.Module) -> dict[str, Any]:
    """Return timm's record of the published weights: architecture, tag, hub id, first convolution, statistics."""
    return dict(getattr(net, "pretrained_cfg", {}) or {})


def architecture_of(net: nn.Module) -> str:
    """Return timm's name of the architecture, without the tag of any weights."""
    return str(published_record(net).get("architecture", ""))


def logits_and_features(net: nn.Module, batch: Tensor) -> tuple[Tensor, Tensor]:
    """Run a network once.

    Args:
        net: A timm network.
        batch: (N, C, S, S), prepared.

    Returns:
        Logits (N, K) and what the last layer was given, (N, D), both float32.
    """
    known: Any = net
    return head_of(net, known.forward_features(batch))


def head_of(net: nn.Module, maps: Tensor) -> tuple[Tensor, Tensor]:
    """Run what follows a network's last maps.

    Args:
        net: A timm network.
        maps: What `forward_features` gave, (N, …).

    Returns:
        As `logits_and_features`.
    """
    known: Any = net
    features: Tensor = known.forward_head(maps, pre_logits=True)
    logits: Tensor = known.get_classifier()(features)
    return logits.float(), features.flatten(1).float()
