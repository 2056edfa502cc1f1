"""What a model learned from: which scans it has seen, and what they were like."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from medcls import disk
from medcls.core.model import ModelCard
from medcls.core.note import Note
from medcls.errors import BadModel
from medcls.models.layout import FEATURES, SEEN
from medcls.stats.familiarity import Normal, TrainingReference
from medcls.stats.gate import Gate

_MOST_BYTES = 1 << 30  # 400,000 scans of a wide network
_LONGEST_ROW = 1.02  # features have rows of length 1, stored as float16
_CENTRE, _WHITENING = "appearance_centre", "appearance_whitening"
_GATE = ("kind_centre", "kind_spread", "kind_bend", "kind_weight", "kind_bias")


NO_RECORD = "untold"  # stands in `seen.txt` of a model that began from one which does not say what it has seen


def seen_key(sha256: str) -> str:
    """Return what `seen.txt` holds of a scan: the first 16 hex digits of its bytes' SHA-256."""
    return sha256[:16]


def write_seen(path: Path, digests: Iterable[str]) -> None:
    """Write which scans a model was trained or tuned on into a model folder that is being built.

    Args:
        path: The folder.
        digests: SHA-256 of each scan's bytes, or what `read_seen` gave of a model it started from.
    """
    (path / SEEN).write_text("".join(f"{key}\n" for key in sorted({seen_key(d) for d in digests})), encoding="ascii")


def read_seen(path: Path) -> frozenset[str]:
    """Return which scans a model was trained or tuned on (see `seen_key`); empty if it does not say.

    Raises:
        BadModel: If the file is there and cannot be read.
    """
    if not (path / SEEN).exists():
        return frozenset()
    try:
        return frozenset(disk.read_file(path / SEEN).decode("ascii").split())
    except (OSError, UnicodeDecodeError) as error:
        raise BadModel("models.bad-seen", model=path.name, found=type(error).__name__) from error


def write_reference(path: Path, known: TrainingReference) -> None:
    """Write what the training scans were like into a model folder that is being built; features as float16."""
    tensors: dict[str, np.ndarray] = {"features": known.features.astype(np.float16)}
    if known.appearance:
        tensors |= {_CENTRE: known.appearance.centre, _WHITENING: known.appearance.whitening}
    if known.gate:
        gate, bias = known.gate, np.array([known.gate.bias], np.float32)
        held = (gate.centre, gate.spread, gate.bend, gate.weight, bias)
        tensors |= dict(zip(_GATE, held, strict=True))
    (path / FEATURES).write_bytes(save(tensors))  # safetensors' own writer hides that a disk is full


def read_reference(path: Path, card: ModelCard) -> TrainingReference | None:
    """Read what the scans were like that a model learned from; None if its card vouches for no such file.

    Raises:
        BadModel: If the file cannot be read, or holds nothing or anything but numbers: distances would mean nothing.
    """
    if FEATURES not in card.files:
        return None
    try:
        if (path / FEATURES).stat().st_size > _MOST_BYTES:
            raise BadModel("models.bad-features", model=card.id, found=Note("core.found-mib", n=_MOST_BYTES >> 20))
        with safe_open(path / FEATURES, "np") as file:  # one after the other: all at once would be held twice
            tensors = {name: file.get_tensor(name).astype(np.float32) for name in file.keys()}  # noqa: SIM118
        features = tensors["features"]
    except (OSError, KeyError, SafetensorError) as error:
        reason = f"{FEATURES}: {type(error).__name__}"
        raise BadModel("models.bad-features", model=card.id, found=reason) from error
    if wrong := _wrong(tensors, features, card.preprocess.channels):
        raise BadModel("models.bad-features", model=card.id, found=wrong)
    looks = Normal(tensors[_CENTRE], tensors[_WHITENING]) if {_CENTRE, _WHITENING} <= set(tensors) else None
    return TrainingReference(features, looks, _gate(tensors))


def _gate(tensors: dict[str, np.ndarray]) -> Gate | None:
    if not set(_GATE) <= set(tensors):
        return None
    centre, spread, bend, weight, bias = (tensors[name] for name in _GATE)
    return Gate(centre, spread, bend, weight, float(bias[0]))


def _wrong(tensors: dict[str, np.ndarray], features: np.ndarray, channels: int) -> Note | None:
    """Return what is wrong with stored features; None if nothing is."""
    if features.ndim != 2 or not features.size:
        return Note("models.found-shape", name="features", shape=str(features.shape))
    if not all(np.isfinite(value).all() for value in tensors.values()):
        return Note("models.found-nan")
    if (longest := max(_longest(features[i : i + 4096]) for i in range(0, len(features), 4096))) > _LONGEST_ROW:
        return Note("models.found-long-rows", longest=longest)
    centre, whitening = tensors.get(_CENTRE), tensors.get(_WHITENING)
    if centre is not None and whitening is not None and (len(centre.shape), whitening.shape) != (1, 2 * centre.shape):
        return Note("models.found-shapes", name="appearance", shapes=f"{centre.shape}, {whitening.shape}")
    n_looks, n_kind = _lengths(channels)
    if centre is not None and (len(centre) != n_looks or whitening is None or _is_flat(whitening)):
        return Note("models.found-shapes", name="appearance", shapes=f"{centre.shape}")
    return _wrong_gate(tensors, n_kind)


def _longest(rows: np.ndarray) -> float:
    """Return the length of the longest row."""
    return float(np.linalg.norm(rows.astype(np.float64), axis=1).max())


def _is_flat(whitening: np.ndarray) -> bool:
    """Return whether a whitening tells no distance in some direction: pictures that differ in it would be alike."""
    return bool(np.linalg.matrix_rank(whitening) < len(whitening))


@cache
def _lengths(channels: int) -> tuple[int, int]:
    """Return how many numbers tell what a picture of so many channels looks like, and of what kind it is."""
    from medcls.imaging.appearance import appearance  # OpenCV: not for who lists models alone
    from medcls.imaging.kind import kind_numbers

    square = np.full((64, 64, channels), 128, np.uint8)
    return len(appearance(square)), len(kind_numbers(square))


def _wrong_gate(tensors: dict[str, np.ndarray], n_kind: int) -> Note | None:
    """Return what is wrong with a stored gate of so many numbers; None if nothing is, or there is none."""
    if not set(_GATE) <= set(tensors):
        return Note("models.found-half-gate") if set(_GATE) & set(tensors) else None
    centre, spread, bend, weight, bias = (tensors[name] for name in _GATE)
    n = len(centre.ravel())
    fits = n == n_kind and bend.ndim == 2 and bend.shape[0] == n + 1 and weight.shape == (n + bend.shape[1],)
    if not (fits and centre.ndim == 1 and spread.shape == (n,) and (spread > 0).all() and bias.shape == (1,)):
        shapes = ", ".join(str(part.shape) for part in (centre, spread, bend, weight))
        return Note("models.found-shapes", name="gate", shapes=shapes)
    return None
