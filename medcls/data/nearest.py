"""Nearest pictures by descriptor, found in buckets: the work grows with the number of pictures, not with its square."""

from collections.abc import Iterator

import numpy as np

_BUCKET = 256  # pictures per bucket, on average
_PROBED = 24  # buckets in which a picture's partners are looked for
_BLOCK = 2048
_CROWDED = 8  # hits per partner sought, from which ranking them in the bucket is cheaper than afterwards


class Buckets:
    """Descriptors sorted into buckets of like ones.

    Args:
        described: (N, D) float32, each of length 1, or 0 for a picture that has no partner.
        seed: Seed of the choice of bucket centres.
    """

    def __init__(self, described: np.ndarray, seed: int = 0) -> None:
        usable = np.flatnonzero(np.einsum("nd,nd->n", described, described) > 0.5)
        self.centres = _centres(described, usable, max(1, len(usable) // _BUCKET), seed)
        nearest = np.concatenate([np.argmax(described[b] @ self.centres.T, 1) for b in _blocks(usable)] or [usable])
        order = np.argsort(nearest, kind="stable")
        self.rows = usable[order]
        self.described = described[self.rows]  # those of a bucket side by side: read in one piece for every query
        self.starts = np.searchsorted(nearest[order], np.arange(len(self.centres) + 1))

    def nearest(self, queries: np.ndarray, own: np.ndarray, k: int, floor: float) -> np.ndarray:
        """Find the most alike pictures of each query.

        Args:
            queries: (Q, D) float32, each of length 1 (a query of zeros finds nothing). Many at once cost less each.
            own: Row of the picture each query was made of, which is not its own partner, (Q,) int64.
            k: At most so many per query.
            floor: Least likeness, the cosine.

        Returns:
            (P, 2) int64: row of the query's own picture, row found.
        """
        asker, probed = self._probes(queries)
        order = np.argsort(probed, kind="stable")
        ends = np.searchsorted(probed[order], np.arange(len(self.centres) + 1))
        hits = [
            self._in_bucket(queries, own, asker[order[ends[c] : ends[c + 1]]], c, k, floor)
            for c in range(len(self.centres))
            if ends[c] < ends[c + 1] and self.starts[c] < self.starts[c + 1]
        ]
        if not hits:
            return np.zeros((0, 2), np.int64)
        asked, found, likeness = (np.concatenate(column) for column in zip(*hits, strict=True))
        order = np.lexsort((-likeness, asked))
        asked, found = asked[order], found[order]
        rank = np.arange(len(asked)) - np.searchsorted(asked, asked)
        return np.stack([own[asked[rank < k]], found[rank < k]], 1)

    def _probes(self, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the query and the bucket of every look into a bucket: each query's nearest ones."""
        n_probed, away = min(_PROBED, len(self.centres)), -self.centres.T
        probed = [
            np.argpartition(queries[b] @ away, n_probed - 1, axis=1)[:, :n_probed].astype(np.int32)
            for b in _blocks(np.arange(len(queries)))
        ]
        return np.repeat(np.arange(len(queries)), n_probed), np.concatenate(probed or [np.zeros(0, np.int32)]).ravel()

    def _in_bucket(
        self, queries: np.ndarray, own: np.ndarray, askers: np.ndarray, bucket: int, k: int, floor: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        inside = slice(self.starts[bucket], self.starts[bucket + 1])
        members = self.rows[inside]
        alike = queries[askers] @ self.described[inside].T
        asker, column = np.divmod(np.flatnonzero(alike >= floor), len(members))
        other = own[askers[asker]] != members[column]
        asker, column = asker[other], column[other]
        if len(asker) > _CROWDED * k * len(askers):  # most members are alike: only each asker's best k go on
            alike[own[askers][:, None] == members] = -1
            least = np.partition(alike, alike.shape[1] - k, axis=1)[:, -k, None]
            asker, column = np.nonzero(alike >= np.maximum(least, floor))
        return askers[asker], members[column], alike[asker, column]


def _blocks(rows: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(rows), _BLOCK):
        yield rows[start : start + _BLOCK]


def _centres(described: np.ndarray, usable: np.ndarray, n: int, seed: int) -> np.ndarray:
    """Find bucket centres by a few rounds of spherical k-means on a sample."""
    rng = np.random.default_rng(seed)
    if not len(usable):
        return np.zeros((1, described.shape[1]), np.float32)
    sample = described[rng.choice(usable, min(len(usable), 32 * n), replace=False)]
    centres = sample[:n].copy()
    for _ in range(4 if n > 1 else 0):
        nearest = np.concatenate([np.argmax(sample[b] @ centres.T, 1) for b in _blocks(np.arange(len(sample)))])
        sums = np.zeros_like(centres)
        np.add.at(sums, nearest, sample)
        length = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(length > 1e-6, sums / np.maximum(length, 1e-6), centres)
    return centres.astype(np.float32)
