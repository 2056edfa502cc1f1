"""Building a network from a name, and building the same one again from what a model card says."""

import copy
import json
from collections.abc import Mapping
from typing import Any

import timm
import torch
from huggingface_hub.errors import EntryNotFoundError
from timm.models import get_pretrained_cfg, load_model_config_from_hf, parse_model_name, split_model_name_tag
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from medcls.core.backbones import BACKBONES
from medcls.errors import BadModel, BadSpec, TooLarge
from medcls.nets.anatomy import architecture_of

HEADS = ("linear", "dense256")
# What create_model would take and a spec must not say: they load files, or medcls sets them itself.
_OURS = frozenset(
    (
        *("pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "pretrained_model_args", "checkpoint_path"),
        *("cache_dir", "features_only", "out_indices", "num_classes", "in_chans", "backbone", "head"),
        *("scriptable", "exportable", "no_jit", "device", "dtype"),
    )
)
_HUB = "hf-hub"
_DRAWS = (Tensor.normal_, Tensor.uniform_)


def build(
    backbone: str,
    n_labels: int,
    *,
    channels: int = 3,
    size_px: int = 224,
    head: str = "linear",
    args: Mapping[str, Any] | None = None,
) -> nn.Module:
    """Build a network with random weights.

    Args:
        backbone: A name of `BACKBONES`, any timm name, or `hf-hub:<owner>/<repo>` (description fetched, not weights).
        n_labels: Number of labels, at least 2.
        channels: 1 grey, 3 colour.
        size_px: Side of the input. Networks that depend on it (transformers, the small CNNs) are built for it.
        head: `linear`, or `dense256` (dense 256, ReLU, batch norm, dropout, classifier).
        args: Further arguments of the network, as `drop_rate` for the dropout before the last layer; they go before the
            table's.

    Returns:
        A timm network in training mode, float32, logits (N, n_labels) for input (N, channels, size_px, size_px).
            `backbone_name_for` and `backbone_args_for` tell what to note in its card.

    Raises:
        BadModel: If there is no such network, or it cannot be fetched.
        BadSpec: If it does not work on this size or with these arguments.
    """
    row = BACKBONES.get(backbone)
    name = row.timm_name if row else backbone
    _check_known(name)
    if row and size_px < row.min_px:
        raise BadSpec("nets.scan-too-small", title=row.title, size_px=size_px, min_px=row.min_px)
    given = dict(args or {})
    if refused := sorted(_OURS & given.keys()):
        raise BadSpec("nets.arguments-not-free", found=", ".join(refused))
    wanted: dict[str, Any] = {**(row.args if row else {}), "in_chans": channels, **given}
    if _depends_on_size(name, size_px):
        wanted.setdefault("img_size", size_px)
    return _assemble(name, {"head": head, **wanted}, n_labels)


def from_card(backbone: str, backbone_args: Mapping[str, Any], n_labels: int) -> nn.Module:
    """Build the network that a model card describes, with random weights; the published ones then fit bit for bit.

    Opening a model reaches nothing outside this machine, so its card must say what medcls or timm know by name.

    Args:
        backbone: The card's `backbone`.
        backbone_args: The card's `backbone_args`, as `backbone_args_for` gave them.
        n_labels: Number of labels of the card's task.

    Raises:
        BadModel: If there is no such network, or its description would have to be fetched (`hf-hub:…`).
        BadSpec: If it does not take these arguments.
    """
    _check_known(backbone)
    if parse_model_name(backbone)[0] is not None:
        raise BadModel("nets.card-names-hub", found=repr(backbone)[:80])
    return _assemble(backbone, backbone_args, n_labels)


def _assemble(backbone: str, backbone_args: Mapping[str, Any], n_labels: int) -> nn.Module:
    args = {k: v for k, v in backbone_args.items() if k != "head"}
    head = backbone_args.get("head", "linear")
    if head not in HEADS:
        raise BadSpec("nets.unknown-head", found=repr(head)[:40], allowed=", ".join(HEADS))
    if refused := sorted((_OURS - {"in_chans"}) & args.keys()):
        raise BadModel("nets.card-sets-too-much", found=", ".join(refused))
    net = _create(backbone, n_labels, head, args)
    _note(net, backbone, {**args, "head": head})
    return net


class Undrawn(TorchFunctionMode):
    """Leaves weights as they are where random ones would be drawn: on the meta device there is nothing to fill.

    PyTorch draws there by its reference in Python, which first loads seconds' worth of its compiler.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = kwargs or {}
        if func in _DRAWS or getattr(func, "__module__", "") == nn.init.__name__:
            return args[0] if args else given["tensor"]
        return func(*args, **given)


def from_weights(
    backbone: str, backbone_args: Mapping[str, Any], n_labels: int, weights: Mapping[str, Tensor]
) -> nn.Module:
    """Build the network that a model card describes and put published weights in it, in evaluation mode.

    Random weights are not drawn only to be thrown away, where the network allows: large ones open faster.

    Args:
        backbone: As for `from_card`.
        backbone_args: As for `from_card`.
        n_labels: As for `from_card`.
        weights: Every weight by name, of any float type; the network's are float32.

    Raises:
        BadModel: If a weight is missing, surplus or of another shape, or as `from_card`.
        BadSpec: As `from_card`.
    """
    # Copied, as tensors mapped from a file lie unaligned in memory, and kernels then round differently.
    full = {name: w.to(torch.float32 if w.is_floating_point() else w.dtype, copy=True) for name, w in weights.items()}
    try:
        with torch.device("meta"), Undrawn():
            net = from_card(backbone, backbone_args, n_labels)
        net.load_state_dict(full, assign=True)
        if not any(t.is_meta for t in (*net.parameters(), *net.buffers())):
            return net.eval()
    except (TooLarge, RuntimeError, NotImplementedError):
        pass  # this network computes with its weights while it is built, or the weights do not fit: see below
    net = from_card(backbone, backbone_args, n_labels)
    try:
        net.load_state_dict(full)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise BadModel("nets.weights-misfit", found=reason[:200]) from error
    return net.eval()


def backbone_name_for(net: nn.Module) -> str:
    """Return the timm name to note in the card of a network that `build` or `from_card` made."""
    return str(net.medcls_backbone)


def backbone_args_for(net: nn.Module) -> dict[str, Any]:
    """Return the arguments to note in the card of a network that `build` or `from_card` made: plain JSON values."""
    known: Any = net
    return copy.deepcopy(known.medcls_args)


def _note(net: Any, backbone: str, args: dict[str, Any]) -> None:
    """Note on the network what its card must say; for one described on the hub, in words that need no hub."""
    if parse_model_name(backbone)[0] == _HUB:
        args = {**net._model_args, **args}
        backbone = architecture_of(net) or backbone
    kept = {k: v for k, v in args.items() if k in ("in_chans", "head") or k not in _OURS}
    net.medcls_backbone = backbone
    net.medcls_args = json.loads(json.dumps(kept))  # as it will be when read back from disk


def _create(backbone: str, n_labels: int, head: str, args: dict[str, Any]) -> nn.Module:
    try:
        if head == "dense256":
            return timm.create_model("dense256", backbone=backbone, num_classes=n_labels, **args)
        return timm.create_model(backbone, num_classes=n_labels, **args)
    except (TypeError, ValueError, AssertionError, ZeroDivisionError) as error:
        raise BadSpec("nets.cannot-build", backbone=backbone, found=f"{type(error).__name__}: {error}"[:200]) from error
    except OSError as error:
        raise unreachable(backbone, error) from error
    except (RuntimeError, MemoryError) as error:
        raise TooLarge("nets.too-large-to-build", backbone=backbone, found=str(error)[:200]) from error


def unreachable(what: object, error: Exception) -> BadModel:
    """Return the error for weights or a description that could not be fetched."""
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0].split(". ")[0].rstrip(".")
    return BadModel("nets.unreachable", name=what, found=reason[:200])


def _check_known(name: str) -> None:
    try:
        source, model = parse_model_name(name)
    except ValueError as error:
        raise BadModel("nets.unknown-backbone", near=", ".join(BACKBONES), found=repr(name)[:80]) from error
    if source == "local-dir":
        raise BadModel("nets.folder-as-backbone")
    if source is None and not timm.is_model(split_model_name_tag(model)[0]):
        near = timm.list_models(f"*{split_model_name_tag(model)[0][:6]}*")[:8]
        raise BadModel("nets.unknown-backbone", near=", ".join([*BACKBONES, *near]), found=repr(name)[:80])


def _depends_on_size(name: str, size_px: int) -> bool:
    """Return whether timm builds this network for one input size, and would take another one."""
    source, model = parse_model_name(name)
    if source == _HUB:
        try:
            cfg = load_model_config_from_hf(model)[0]
        except (OSError, EntryNotFoundError, ValueError, KeyError) as error:
            raise unreachable(name, error) from error
        fixed, native = cfg.get("fixed_input_size", False), cfg.get("input_size", (3, 224, 224))
    else:
        known = get_pretrained_cfg(name)
        fixed, native = (known.fixed_input_size, known.input_size) if known else (False, (3, 224, 224))
    return bool(fixed) and native[-1] != size_px
