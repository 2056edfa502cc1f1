"""Which weights stay as they are: freezing by name, by depth, or all but the classifier."""

from types import MappingProxyType

from torch import nn

from medcls.errors import BadSpec
from medcls.nets.anatomy import architecture_of, classifier_of

# Keras names that the seed projects used, and the same place in timm's networks.
# fmt: off
_VGG16 = {"block1_conv1": 0, "block1_conv2": 2, "block2_conv1": 5, "block2_conv2": 7, "block3_conv1": 10, "block3_conv2": 12, "block3_conv3": 14,
          "block4_conv1": 17, "block4_conv2": 19, "block4_conv3": 21, "block5_conv1": 24, "block5_conv2": 26, "block5_conv3": 28}
_VGG19 = {"block1_conv1": 0, "block1_conv2": 2, "block2_conv1": 5, "block2_conv2": 7, "block3_conv1": 10, "block3_conv2": 12, "block3_conv3": 14, "block3_conv4": 16,
          "block4_conv1": 19, "block4_conv2": 21, "block4_conv3": 23, "block4_conv4": 25, "block5_conv1": 28, "block5_conv2": 30, "block5_conv3": 32, "block5_conv4": 34}
_RESNET50 = {"conv2_block1": "layer1.0", "conv2_block2": "layer1.1", "conv2_block3": "layer1.2",
             "conv3_block1": "layer2.0", "conv3_block2": "layer2.1", "conv3_block3": "layer2.2", "conv3_block4": "layer2.3",
             "conv4_block1": "layer3.0", "conv4_block2": "layer3.1", "conv4_block3": "layer3.2", "conv4_block4": "layer3.3", "conv4_block5": "layer3.4", "conv4_block6": "layer3.5",
             "conv5_block1": "layer4.0", "conv5_block2": "layer4.1", "conv5_block3": "layer4.2"}
# fmt: on
KERAS_NAMES = MappingProxyType(
    {
        "vgg16": {k: f"features.{i}" for k, i in _VGG16.items()},
        "vgg19": {k: f"features.{i}" for k, i in _VGG19.items()},
        "resnet50": {**_RESNET50, **{f"{k}_1_conv": v for k, v in _RESNET50.items()}},
    }
)


def freeze(net: nn.Module, how: str) -> tuple[str, ...]:
    """Decide which weights may learn; what was decided before is forgotten.

    Args:
        net: A timm network.
        how: Empty: nothing is frozen. `backbone`: all but the classifier. A layer's name, timm's or one of `KERAS_NAMES`:
            everything before it. `lowest:N`: the N lowest layers with weights of their own.

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
    """Tell whether only the classifier learns, so that what enters it can be computed once and kept."""
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
    """Name what holds weights of its own, lowest first; a weight of the network itself counts as a layer, the classifier comes last."""
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
