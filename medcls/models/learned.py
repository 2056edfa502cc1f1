"""What a model learned from: which scans it has seen, and what they were like."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from medcls.core.model import ModelCard
from medcls.errors import BadModel
from medcls.models.folders import FEATURES, SEEN, folder
from medcls.stats.familiarity import Known, Normal

_CENTRE, _WHITENING = "appearance_centre", "appearance_whitening"


UNTOLD = "untold"  # stands in `seen.txt` of a model that began from one which does not say what it has seen


def seen_key(sha256: str) -> str:
    """Give what `seen.txt` holds of a scan: the first 16 hex digits of its bytes' SHA-256."""
    return sha256[:16]


def write_seen(path: Path, digests: Iterable[str]) -> None:
    """Write which scans a model was trained or tuned on into a model folder that is being built.

    Args:
        path: The folder.
        digests: SHA-256 of each scan's bytes, or what `read_seen` gave of a model it started from.
    """
    (path / SEEN).write_text("".join(f"{key}\n" for key in sorted({seen_key(d) for d in digests})), encoding="ascii")


def read_seen(model: str | Path) -> frozenset[str]:
    """Read which scans a model was trained or tuned on (see `seen_key`); empty if it does not say.

    Raises:
        BadModel: If there is no such model, or the file is there and cannot be read.
    """
    path = model if isinstance(model, Path) else folder(model)
    if not (path / SEEN).exists():
        return frozenset()
    try:
        return frozenset((path / SEEN).read_text(encoding="ascii").split())
    except (OSError, UnicodeDecodeError) as error:
        raise BadModel(
            f"The list of scans model {path.name} has seen cannot be read",
            found=type(error).__name__,
            do="Import it again",
        ) from error


def write_known(path: Path, known: Known) -> None:
    """Write what the training scans were like into a model folder that is being built; features as float16."""
    tensors = {"features": known.features.astype(np.float16)}
    if known.looks:
        tensors |= {_CENTRE: known.looks.centre, _WHITENING: known.looks.whitening}
    (path / FEATURES).write_bytes(save(tensors))  # safetensors' own writer hides that a disk is full


def read_known(path: Path, card: ModelCard) -> Known | None:
    """Read what the scans were like that a model learned from; None if its card vouches for no such file.

    Raises:
        BadModel: If the file cannot be read.
    """
    if FEATURES not in card.files:
        return None
    try:
        tensors = load_file(path / FEATURES)
        features = tensors["features"].astype(np.float32)
    except (OSError, KeyError, SafetensorError) as error:
        raise BadModel(
            f"What model {card.id} learned from cannot be read", found=f"{FEATURES}: {type(error).__name__}",
            do="Import it again",
        ) from error  # fmt: skip
    looks = Normal(tensors[_CENTRE], tensors[_WHITENING]) if {_CENTRE, _WHITENING} <= set(tensors) else None
    return Known(features, looks)
