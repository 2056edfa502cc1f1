"""Which weights stay as they are: freezing by name, by depth, or all but the classifier."""

from types import MappingProxyType

from torch import nn

from medcls.errors import BadSpec
from medcls.nets.anatomy import architecture_of, classifier_of

# Keras names that the seed projects used, and the same place in timm's networks.
_VGG_CONVS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}  # convolutions of each block


def _vgg_names(convs: tuple[int, ...]) -> dict[str, str]:
    """Return timm's name of each convolution by its Keras name: an activation follows each, a pooling each block."""
    names, place = {}, 0
    for block, n in enumerate(convs, 1):
        for conv in range(1, n + 1):
            names[f"block{block}_conv{conv}"] = f"features.{place}"
            place += 2
        place += 1
    return names


_RESNET50 = {f"conv{s + 1}_block{b + 1}": f"layer{s}.{b}" for s, n in enumerate((3, 4, 6, 3), 1) for b in range(n)}
KERAS_NAMES = MappingProxyType(
    {
        **{name: _vgg_names(convs) for name, convs in _VGG_CONVS.items()},
        "resnet50": {**_RESNET50, **{f"{k}_1_conv": v for k, v in _RESNET50.items()}},
    }
)


def freeze(net: nn.Module, how: str) -> tuple[str, ...]:
    """Decide which weights may learn; what was decided before is forgotten.

    Args:
        net: A timm network.
        how: Empty: nothing is frozen. `backbone`: all but the classifier. A layer's name, timm's or one of
            `KERAS_NAMES`: everything before it. `lowest:N`: the N lowest layers with weights of their own.

    Returns:
        Names of the frozen layers that have weights of their own, lowest first.

    Raises:
        BadSpec: If there is no such layer, or not so many.
    """
    layers = parametrised_layers(net)
    kept = layers[: _count_frozen(net, how.strip(), layers)]
    frozen = {id(p) for name in kept for p in _own_parameters(net, name)}
    for parameter in net.parameters():
        parameter.requires_grad = id(parameter) not in frozen
    return kept


def frozen_boundary(net: nn.Module) -> str:
    """Return the lowest layer that learns; empty if none does."""
    for name in parametrised_layers(net):
        if any(p.requires_grad for p in _own_parameters(net, name)):
            return name
    return ""


def features_are_fixed(net: nn.Module) -> bool:
    """Return whether only the classifier learns, so that what enters it can be computed once and kept."""
    head = {id(p) for p in classifier_of(net).parameters()}
    return bool(head) and all(p.requires_grad == (id(p) in head) for p in net.parameters())


def train_mode(net: nn.Module) -> nn.Module:
    """Put the network in training mode, but leave wholly frozen parts as they are when classifying.

    A frozen batch norm then keeps its statistics, and a frozen block has no dropout: its output for a scan is always
    the same.

    Returns:
        The same network.
    """
    net.train()
    for module in net.modules():
        parameters = list(module.parameters())
        if parameters and not any(p.requires_grad for p in parameters):
            module.eval()
    return net


def parts(net: nn.Module) -> dict[str, list[nn.Parameter]]:
    """Return the weights that learn, as `backbone` and `head` (the classifier), for a learning rate of their own."""
    head = {id(p) for p in classifier_of(net).parameters()}
    learning = [p for p in net.parameters() if p.requires_grad]
    return {
        "backbone": [p for p in learning if id(p) not in head],
        "head": [p for p in learning if id(p) in head],
    }


def parametrised_layers(net: nn.Module) -> tuple[str, ...]:
    """Name layers with weights of their own, lowest first, classifier last; a weight of the network itself is one."""
    head = classifier_of(net)
    inside_head = {id(m) for m in head.modules()}
    below: list[str] = []
    last: list[str] = []
    for name, module in net.named_modules():
        own = [n for n, _ in module.named_parameters(recurse=False)]
        if own:
            (last if id(module) in inside_head else below).extend([name] if name else own)
    return tuple(below + last)


def _own_parameters(net: nn.Module, layer: str) -> list[nn.Parameter]:
    own = dict(net.named_parameters(recurse=False))
    return [own[layer]] if layer in own else list(net.get_submodule(layer).parameters(recurse=False))


def _count_frozen(net: nn.Module, how: str, layers: tuple[str, ...]) -> int:
    head = {id(p) for p in classifier_of(net).parameters()}
    below = sum(not any(id(p) in head for p in _own_parameters(net, name)) for name in layers)
    if not how:
        return 0
    if how == "backbone":
        return below
    if how.startswith("lowest:"):
        return _count_lowest(how.removeprefix("lowest:"), below)
    architecture = architecture_of(net)
    wanted = KERAS_NAMES.get(architecture, {}).get(how, how)
    for i, name in enumerate(layers):
        if name == wanted or name.startswith(wanted + "."):
            return i
    raise BadSpec("nets.unknown-freeze", found=repr(how)[:60], allowed=_offer(net, architecture))


def _count_lowest(text: str, most: int) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise BadSpec("nets.freeze-out-of-range", most=most, found=f"lowest:{text}"[:40])
    return int(text)


def _offer(net: nn.Module, architecture: str) -> str:
    coarse: dict[str, None] = {}
    for name in parametrised_layers(net):
        words = name.split(".")
        container = (
            len(words) > 1
            and isinstance(net.get_submodule(words[0]), (nn.Sequential, nn.ModuleList))
            and words[0][-1:].isalpha()
        )
        coarse[".".join(words[: 2 if container else 1])] = None
    keras = KERAS_NAMES.get(architecture, {})
    return ", ".join([*coarse, *(k for k in keras if not k.endswith("_1_conv")), "backbone", "lowest:N"])
