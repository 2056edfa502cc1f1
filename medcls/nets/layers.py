"""Where a network can be looked into: its stages, its last feature map, the split into features and head."""

import copy
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from medcls.errors import BadSpec
from medcls.nets.anatomy import classifier_of, head_of
from medcls.nets.small_cnn import SmallCnn

Step = Callable[[Tensor], Tensor]

_heatmap_layers: "weakref.WeakKeyDictionary[nn.Module, str]" = weakref.WeakKeyDictionary()  # found once a network

# Last map before pooling, where timm's own list of stages (`feature_info`) names an earlier one.
_LAST = {
    "EfficientNet": "bn2",
    "DenseNet": "features.norm5",
    "Xception": "act4",
}


@dataclass(frozen=True)
class Tokens:
    """How a transformer's tokens lie on the scan.

    Args:
        grid: Rows and columns of patches.
        n_prefix: Tokens before them that lie nowhere (class, registers).
    """

    grid: tuple[int, int]
    n_prefix: int

    def to_map(self, x: Tensor) -> Tensor:
        """Arrange tokens (N, n_prefix + rows * columns, C) as a map (N, C, rows, columns)."""
        rows, columns = self.grid
        return x[:, self.n_prefix :].reshape(x.shape[0], rows, columns, x.shape[2]).permute(0, 3, 1, 2)


def heatmap_layer(net: nn.Module) -> str:
    """Name the layer whose output is the last map with places in it: where heatmaps are read.

    Returns:
        A module's name. Its output is (N, C, h, w), or tokens (N, T, C) where `tokens` is not None.

    Raises:
        BadSpec: If the network tells nothing of its stages.
    """
    if net not in _heatmap_layers:
        _heatmap_layers[net] = _last_map(net)
    return _heatmap_layers[net]


def _last_map(net: nn.Module) -> str:
    known: Any = net
    if tokens(net) is not None:
        return f"blocks.{len(known.blocks) - 1}.norm1"
    kind = type(net).__name__
    if kind in _LAST:
        return _LAST[kind]
    if kind == "VGG":
        return _before_last_pool(known.features, "features")
    if isinstance(net, SmallCnn):
        last = len(net.blocks) - 1
        return _before_last_pool(net.blocks[last], f"blocks.{last}")
    if not (stages := _stages(net)):
        raise BadSpec("nets.no-heatmap-layer", found=kind)
    return stages[-1]


def answer_from(net: nn.Module, maps: Tensor) -> tuple[Tensor, Tensor]:
    """Run what follows the heatmap layer, where that is the head alone or with the last pooling before it.

    Args:
        net: The network.
        maps: What `heatmap_layer` gave, (N, …).

    Returns:
        Logits (N, K) and features (N, D); no answer where more follows the layer (transformers): compare first.
    """
    known: Any = net
    parent, _, last = heatmap_layer(net).rpartition(".")
    if type(net).__name__ == "VGG" or isinstance(net, SmallCnn):
        maps = known.get_submodule(parent)[int(last) + 1 :](maps)
    return head_of(net, maps)


def heatmap_layers(net: nn.Module) -> tuple[str, ...]:
    """Name the layers worth seeing side by side, lowest first, the last being `heatmap_layer`."""
    last = heatmap_layer(net)
    if tokens(net) is not None:
        known: Any = net
        n = len(known.blocks)
        chosen = sorted({round(n * share) - 1 for share in (0.25, 0.5, 0.75)} - {-1, n - 1})
        return (*(f"blocks.{i}.norm1" for i in chosen), last)
    names = _stages(net)
    if names and last.rpartition(".")[0] in (names[-1], "features"):  # within the last stage
        names = names[:-1]
    return (*dict.fromkeys(n for n in names if n != last), last)


def tokens(net: nn.Module) -> Tokens | None:
    """Return how a transformer's tokens lie; None for a network whose layers give maps."""
    known: Any = net
    embed, blocks = getattr(known, "patch_embed", None), getattr(known, "blocks", None)
    if embed is None or not hasattr(embed, "grid_size") or not blocks or not hasattr(blocks[-1], "norm1"):
        return None
    rows, columns = embed.grid_size
    return Tokens((int(rows), int(columns)), int(getattr(known, "num_prefix_tokens", 0)))


def to_map(net: nn.Module, output: Tensor) -> Tensor:
    """Arrange what a stage of this network gives as a map, whatever order it keeps.

    Args:
        net: The network.
        output: What one of `heatmap_layers` gave: a map (N, C, h, w) or (N, h, w, C), or tokens (N, T, C).

    Returns:
        (N, C, h, w), sharing memory and gradient with `output`.
    """
    if output.ndim == 3 and (arranged := tokens(net)) is not None:
        return arranged.to_map(output)
    if output.ndim == 4 and getattr(net, "output_fmt", "NCHW") == "NHWC":
        return output.permute(0, 3, 1, 2)
    return output


def features_and_head(net: nn.Module) -> tuple[Step, Step]:
    """Split the forward pass in two functions; the second of the first gives the network's logits.

    Returns:
        Scans (N, C, S, S) to the last features (a map or tokens), and those to logits (N, K).
    """
    known: Any = net
    return known.forward_features, known.forward_head


def penultimate(net: nn.Module, x: Tensor) -> Tensor:
    """Return what enters the classifier, (N, F), of scans (N, C, S, S); `classifier_of(net)` makes logits of it."""
    known: Any = net
    features: Tensor = known.forward_head(known.forward_features(x), pre_logits=True)
    return features


def head_on_features(net: nn.Module) -> nn.Module:
    """Return the classifier with the network's own dropout before it, to train on what `penultimate` gave in eval mode.

    Returns:
        (N, F) to logits (N, K). It shares its weights with the network.
    """
    return nn.Sequential(nn.Dropout(_drop_rate(net)), classifier_of(net))


def twin(net: nn.Module) -> nn.Module:
    """Return a network with modules of its own and the very same weights.

    Hooks set on it touch nobody else's network, so each thread can have its own for the price of the module tree.
    """
    shared = {id(t): t for t in (*net.parameters(), *net.buffers())}
    return copy.deepcopy(net, shared)


def _stages(net: nn.Module) -> list[str]:
    known: Any = net
    modules = {name for name, _ in net.named_modules()}
    return [name for stage in getattr(known, "feature_info", None) or () if (name := str(stage["module"])) in modules]


def _drop_rate(net: nn.Module) -> float:
    """Find the dropout before the classifier, which timm's networks keep in one of three places."""
    for module in (getattr(net, "head_drop", None), getattr(getattr(net, "head", None), "drop", None)):
        if isinstance(module, nn.Dropout):
            return float(module.p)
    return float(getattr(net, "drop_rate", 0.0) or 0.0)


def _before_last_pool(stage: Any, name: str) -> str:
    """Name the layer before the last max-pool: the same evidence at twice the resolution."""
    last = max(i for i, module in enumerate(stage) if isinstance(module, nn.MaxPool2d))
    return f"{name}.{last - 1}"
