"""Where weights start: published by timm, a file, a model folder, or nothing. Only safetensors are ever opened."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from timm.layers import resample_abs_pos_embed
from timm.models import adapt_input_conv, get_pretrained_cfg, parse_model_name, split_model_name_tag
from torch import Tensor, nn

from medcls.core.backbones import BACKBONES
from medcls.core.model import ModelCard
from medcls.core.note import SAID, Note
from medcls.errors import BadModel
from medcls.nets.anatomy import classifier_name, classifier_of, published_record
from medcls.nets.building import backbone_name_for, unreachable

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_STATISTICS = {"imagenet": (IMAGENET_MEAN, IMAGENET_STD), "half": ((0.5,) * 3, (0.5,) * 3)}
_ARGS_FROM_FILES = ("pad_type",)
_WEIGHTS = "model.safetensors"
_FRESH_STD = 0.01  # of a new classifier's weights, on features that were taken over
_COUNTER = "num_batches_tracked"  # of batch norm: no weight, and absent from many files


@dataclass(frozen=True)
class Start:
    """What must be known of initial weights before the network is built.

    Args:
        args: Arguments the network must be built with, so that the weights mean the same (as `pad_type`).
        mean: Mean per channel the weights expect, for display values in [0, 1], one or three; None if unknown.
        std: Standard deviation likewise.
        note: Where the weights are from; None if the source does not say.
        labels: Label ids the weights decide between; empty if the source does not say.
        backbone: timm name of the network they were made for; empty if the source does not say.
    """

    args: dict[str, Any] = field(default_factory=dict)
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    note: Note | None = None
    labels: tuple[str, ...] = ()
    backbone: str = ""


@dataclass(frozen=True)
class Matched:
    """What became of initial weights. All fields but the last hold names of weights as timm has them.

    Args:
        loaded: Now in the network.
        missing: In the network, not in the source: they start at random.
        unexpected: In the source, not in the network: left out.
        mismatched: In both with different shapes: left out, they start at random.
        head: Names of the classifier's own weights.
        start: What the source says of itself.
    """

    loaded: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    mismatched: tuple[str, ...] = ()
    head: tuple[str, ...] = ()
    start: Start = Start()

    @property
    def note(self) -> Note:
        """What matched and what did not."""
        if not self.loaded:
            return Note("nets.initial-at-random")
        total = len(self.loaded) + len(self.missing) + len(self.mismatched)
        told = [Note("nets.initial-taken-over", n=len(self.loaded), total=total)]
        if self.head and not set(self.head) & set(self.loaded):
            told.append(Note("nets.initial-head-at-random"))
        for code, names in (
            ("nets.initial-rest-at-random", (*self.missing, *self.mismatched)),
            ("nets.initial-other-shape", self.mismatched),
            ("nets.initial-no-such-part", self.unexpected),
        ):
            if parts := _stages([name for name in names if name not in self.head]):
                told.append(Note(code, parts=parts))
        return Note("nets.initial-told", told=(*told, *([self.start.note] if self.start.note else ())))


def inspect_initial(source: str | Path, backbone: str = "resnet18", channels: int = 3) -> Start:
    """Read what initial weights say of themselves, before a network is built for them.

    Args:
        source: As for `load_initial`.
        backbone: The network to be built, in case of `imagenet` or `none`.
        channels: 1 or 3: how many means and deviations are wanted.

    Raises:
        BadModel: If the file or folder cannot be read or is no safetensors.
    """
    if source == "none":
        return Start()
    if source == "imagenet":
        cfg = get_pretrained_cfg(_timm_name(backbone)) if _plain(_timm_name(backbone)) else None
        return Start() if cfg is None else _fed(Start(), cfg.mean, cfg.std, channels)
    path = Path(source)
    if path.is_dir():
        card = _read_card(path)
        note = Note("nets.initial-of-model", model=card.id)
        args = {k: v for k, v in card.backbone_args.items() if k in _ARGS_FROM_FILES}
        start = Start(args, note=note, labels=card.task.label_ids, backbone=card.backbone)
        return _fed(start, card.preprocess.mean, card.preprocess.std, channels)
    with _opened(path) as file:
        return _read_metadata(file.metadata() or {}, channels)


def load_initial(net: nn.Module, source: str | Path, *, labels: tuple[str, ...] = ()) -> Matched:
    """Fill a network with initial weights, as far as they fit.

    Weights of half precision become float32; a first convolution for colour is summed to one for grey, and one for grey
    spread over colours; a transformer's positions are resampled to another input size.

    Args:
        net: A network that `medcls.nets.build` made; changed in place.
        source: `none`; `imagenet` (timm's published weights, from the hub or its local cache); a `.safetensors` file
            with names as in timm, which may lack parts; or the folder of a published model.
        labels: Label ids of the task to be learnt; only with these is a published model's classifier taken over.

    Raises:
        BadModel: If nothing is there, it is not safetensors (pickles are never opened), a weight is not finite, or
            nothing in it fits this network; the network is then unchanged.
    """
    if source == "none":
        return Matched(missing=tuple(net.state_dict()), head=_head_names(net))
    path, with_head = Path(source), True
    if source == "imagenet":
        path, with_head = _fetch(net), False
    start = inspect_initial(source, backbone_name_for(net))
    _check_made_for(net, start)
    if path.is_dir():
        with_head = bool(labels) and start.labels == labels
        path = path / _WEIGHTS
    with _opened(path) as file:
        return _fill(net, file, with_head, start)


def for_channels(values: tuple[float, ...], channels: int) -> tuple[float, ...]:
    """Return one mean or deviation per channel: averaged for grey, repeated for colour.

    Example:
        >>> for_channels((0.2, 0.4, 0.6), 1)
        (0.4,)
    """
    if len(values) == channels:
        return tuple(values)
    return (round(sum(values) / len(values), 6),) * channels


def _fill(net: nn.Module, file: Any, with_head: bool, start: Start) -> Matched:
    own, theirs, head = net.state_dict(), set(file.keys()), _head_names(net)
    first = _first_conv(net)
    fitting: dict[str, Tensor] = {}
    mismatched = []
    for name in own:
        if name not in theirs or (name in head and not with_head):
            continue
        tensor = _adapt(net, name, _read(file, name), own[name], first)
        if tensor.shape == own[name].shape:
            fitting[name] = tensor
        else:
            mismatched.append(name)
    if not any(name not in head for name in fitting):
        raise BadModel(
            "nets.initial-misfit", theirs=", ".join(sorted(theirs)[:3]) or "none", own=", ".join(list(own)[:3])
        )
    net.load_state_dict(fitting, strict=False)
    if not set(head) & set(fitting):
        _start_near_zero(classifier_of(net))
    missing = tuple(n for n in own if n not in fitting and n not in mismatched and not n.endswith(_COUNTER))
    return Matched(tuple(fitting), missing, tuple(sorted(theirs - own.keys())), tuple(mismatched), head, start)


def _start_near_zero(classifier: nn.Module) -> None:
    """Start a fresh linear classifier near zero.

    Some of timm's start so large (EfficientNet, MobileNet) that the first steps would tear the taken-over features.
    """
    if isinstance(classifier, nn.Linear):
        nn.init.trunc_normal_(classifier.weight, std=_FRESH_STD)
        if classifier.bias is not None:
            nn.init.zeros_(classifier.bias)


def _check_made_for(net: nn.Module, start: Start) -> None:
    """Refuse weights that say they belong to another network: a few would fit by accident, and mean nothing there."""
    mine, theirs = (split_model_name_tag(name)[0] for name in (backbone_name_for(net), start.backbone))
    if theirs and theirs != mine:
        raise BadModel("nets.initial-of-other-backbone", theirs=theirs[:60], found=theirs[:60], allowed=mine)


def _read(file: Any, name: str) -> Tensor:
    tensor = file.get_tensor(name)
    if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
        raise BadModel("nets.initial-not-finite", name=name[:80])
    return tensor.float() if tensor.is_floating_point() else tensor


def _adapt(net: nn.Module, name: str, tensor: Tensor, own: Tensor, first: str) -> Tensor:
    """Change channels of the first convolution, or the grid of a transformer's positions, to what the network has."""
    if tensor.shape == own.shape:
        return tensor
    if name == first and tensor.ndim == 4 and own.ndim == 4 and _rest(tensor) == _rest(own):
        return adapt_input_conv(own.shape[1], tensor, base_chans=tensor.shape[1])
    known: Any = net
    if name == "pos_embed" and tensor.ndim == 3 and tensor.shape[2] == own.shape[2]:
        prefix = 0 if getattr(net, "no_embed_class", False) else int(getattr(net, "num_prefix_tokens", 0))
        side = round((tensor.shape[1] - prefix) ** 0.5)
        if side * side == tensor.shape[1] - prefix:
            return resample_abs_pos_embed(
                tensor, list(known.patch_embed.grid_size), [side, side], num_prefix_tokens=prefix
            )
    return tensor


def _rest(weight: Tensor) -> tuple[int, ...]:
    return (weight.shape[0], *weight.shape[2:])


def _first_conv(net: nn.Module) -> str:
    named = published_record(net).get("first_conv")
    if isinstance(named, str):
        return f"{named}.weight"
    return next((f"{n}.weight" for n, m in net.named_modules() if isinstance(m, nn.Conv2d)), "")


def _head_names(net: nn.Module) -> tuple[str, ...]:
    prefix = classifier_name(net)
    return tuple(f"{prefix}.{n}" for n in classifier_of(net).state_dict())


def _stages(names: list[str]) -> list[str | Note]:
    """Return the parts that weights belong to, the first few of them."""
    stages = list(dict.fromkeys(n.split(".")[0] for n in names))
    return [*stages[:6], *([Note("nets.and-more", n=len(stages) - 6)] if len(stages) > 6 else [])]


def _timm_name(backbone: str) -> str:
    return BACKBONES[backbone].timm_name if backbone in BACKBONES else backbone


def _plain(name: str) -> bool:
    return parse_model_name(name)[0] is None


def _fed(start: Start, mean: Sequence[float], std: Sequence[float], channels: int) -> Start:
    """Return a start with the statistics its weights expect, for so many channels."""
    mean, std = (for_channels(tuple(float(v) for v in values), channels) for values in (mean, std))
    return replace(start, mean=mean, std=std)


def _read_metadata(metadata: dict[str, str], channels: int) -> Start:
    """Understand the notes of a safetensors file: `mean_std` (imagenet or half), `kwargs` (JSON), `note`."""
    mean, std = _STATISTICS.get(metadata.get("mean_std", ""), (None, None))
    try:
        kwargs = json.loads(metadata.get("kwargs") or "{}")
    except ValueError:
        kwargs = {}
    args = {k: str(kwargs[k]) for k in _ARGS_FROM_FILES if isinstance(kwargs, dict) and k in kwargs}
    told, name = metadata.get("note", "")[:400], metadata.get("timm_name", "")
    note = Note(SAID, text=told) if told else None
    start = Start(args, note=note, backbone=name)
    return start if mean is None or std is None else _fed(start, mean, std, channels)


def _read_card(folder: Path) -> ModelCard:
    try:
        return ModelCard.read(folder / "card.json", "card.json")
    except OSError as error:
        raise BadModel("nets.folder-without-model") from error


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a safetensors file, refusing everything else unread."""
    if path.suffix != ".safetensors":
        raise BadModel("nets.initial-not-safetensors", suffix=path.suffix or "without a type")
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except FileNotFoundError as error:
        raise BadModel("nets.initial-missing") from error
    except (SafetensorError, OSError) as error:
        raise BadModel("nets.initial-unreadable", found=str(error)[:160]) from error


def _fetch(net: nn.Module) -> Path:
    """Return the path of timm's published weights in the local cache, fetching them if they are not there yet."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    cfg = published_record(net)
    name = ".".join(part for part in (cfg.get("architecture"), cfg.get("tag")) if part)
    # The oldest records name a pickle elsewhere; the hub's copy of the same weights is a safetensors.
    repo = str(cfg.get("hf_hub_id") or (cfg.get("url") and "timm/") or "")
    if not repo:
        raise BadModel("nets.no-published-weights", name=name)
    repo = repo + name if repo.endswith("/") else repo
    repo, _, revision = repo.partition("@")
    try:
        return Path(hf_hub_download(repo, _WEIGHTS, revision=revision or None, local_files_only=True))
    except OSError:
        pass  # not in the cache: fetch it
    try:
        return Path(hf_hub_download(repo, _WEIGHTS, revision=revision or None))
    except OSError as error:
        raise unreachable(Note("nets.published-weights", name=name), error) from error
    except EntryNotFoundError as error:
        raise BadModel("nets.hub-without-safetensors", repo=repo) from error
