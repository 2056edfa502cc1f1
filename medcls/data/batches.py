"""A part of a collection, decoded once and kept small, for training and evaluating."""

import hashlib
import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from medcls import home
from medcls.core.collection import Case
from medcls.core.progress import Progress, silent
from medcls.core.scan import Preprocess, Scan
from medcls.errors import BadData, MedclsError
from medcls.imaging.decode import read_scan
from medcls.imaging.prepare import place
from medcls.imaging.shifts import Mixture, draw_shifted

# Above this many bytes the pixels of a part stand in a file that is mapped, not in memory.
MAX_MEMORY_BYTES = 2_000_000_000
_DECODERS, _AHEAD = 4, 64


class Readable(Protocol):
    """What is needed of a collection here."""

    @property
    def name(self) -> str:
        """What the collection is called."""

    def read(self, case: Case) -> bytes:
        """Return the bytes of a case's scan."""


@dataclass(frozen=True, eq=False)
class Part:
    """Cases as arrays. Row i of every field is the same case.

    Args:
        pixels: (N, S, S, C) uint8 display values, fitted to the network's square, not normalised.
        truth: (N,) int64 label indices.
        cases: The N cases.
        copies: (K, N, S, S, C) uint8, changed copies of the scans for training; None if there are none.
    """

    pixels: np.ndarray
    truth: np.ndarray
    cases: tuple[Case, ...]
    copies: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def groups(self) -> np.ndarray:
        """What must be resampled together, (N,) str."""
        return np.array([case.group for case in self.cases], dtype=str)


@dataclass(frozen=True)
class Copies:
    """What changed copies of scans are made of.

    Args:
        n: Copies of each scan.
        mixture: What is drawn from.
        seed: Seed of all of them.
    """

    n: int
    mixture: Mixture
    seed: int


def read_part(
    collection: Readable,
    cases: Sequence[Case],
    label_ids: Sequence[str],
    preprocess: Preprocess,
    on_case: Progress = silent,
    copies: Copies | None = None,
) -> Part:
    """Decode cases and fit them to the network's square.

    Args:
        collection: Where the bytes come from.
        cases: Labelled cases; their label must be one of `label_ids`.
        label_ids: Labels in the order of the network's outputs.
        preprocess: How the network is fed.
        on_case: Called with cases done and cases in all.
        copies: Changed copies to make of each scan, drawn at the scan's own size before it is cleaned and fitted.

    Raises:
        BadData: If there is no case, a label is unknown, or a scan cannot be read.
    """
    if not cases:
        raise BadData("data.part-empty", name=collection.name)
    if unknown := sorted({str(case.label) for case in cases} - set(label_ids)):
        raise BadData("data.labels-unknown", found=", ".join(unknown), allowed=", ".join(label_ids))

    n_copies = copies.n if copies else 0

    def one(case: Case) -> list[np.ndarray]:
        try:
            scan = read_scan(collection.read(case))
            scans = [scan, *(_changed(scan, copies, k) for k in range(n_copies) if copies)]
            return [place(one, preprocess).pixels for one in scans]
        except MedclsError as error:
            raise BadData("data.case-unreadable", id=case.id, name=collection.name, error=error) from error

    side, channels = preprocess.size_px, preprocess.channels
    pixels = _room((1 + n_copies, len(cases), side, side, channels))
    with ThreadPoolExecutor(min(_DECODERS, os.cpu_count() or 1)) as pool:
        for start in range(0, len(cases), _AHEAD):  # so that no more than a few scans are waited for at once
            for i, square in enumerate(pool.map(one, cases[start : start + _AHEAD]), start):
                pixels[:, i] = square
            on_case(min(start + _AHEAD, len(cases)), len(cases))
    truth = np.array([list(label_ids).index(str(case.label)) for case in cases], dtype=np.int64)
    return Part(pixels[0], truth, tuple(cases), pixels[1:] if n_copies else None)


def _changed(scan: Scan, copies: Copies, k: int) -> Scan:
    """Return the k-th changed copy of a scan, the same for the same scan, whatever stands beside it."""
    return draw_shifted(scan, copies.mixture, hash_of(f"{scan.sha256}/{copies.seed}/{k}"))


def hash_of(text: str) -> int:
    """Return a number below 2**32 that depends on a text alone."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "big")


def _room(shape: tuple[int, ...]) -> np.ndarray:
    """Return an empty array in memory, or above the limit in an unnamed file that vanishes with it."""
    if np.prod(shape, dtype=np.int64) <= MAX_MEMORY_BYTES:
        return np.empty(shape, np.uint8)
    home.cache().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=home.cache()) as file:
        return np.memmap(file, np.uint8, "w+", shape=shape)


def join_parts(parts: Sequence[Part]) -> Part:
    """Put parts of several collections one after the other."""
    if len(parts) == 1:
        return parts[0]
    cases = tuple(case for part in parts for case in part.cases)
    pixels = _room((sum(map(len, parts)), *parts[0].pixels.shape[1:]))
    np.concatenate([p.pixels for p in parts], out=pixels)
    copied = [p.copies for p in parts if p.copies is not None]
    copies = None
    if len(copied) == len(parts):
        copies = _room((len(copied[0]), *pixels.shape))
        np.concatenate(copied, axis=1, out=copies)
    return Part(pixels, np.concatenate([p.truth for p in parts]), cases, copies)
