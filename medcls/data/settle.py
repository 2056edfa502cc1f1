"""From pairs and decisions to what counts: which cases belong together and which are left out."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy

from medcls.core.collection import Decision
from medcls.data.index import Index

FLAGS = ("mask", "blank", "marks", "colour", "size", "label")
DROPPED_BY_DEFAULT = ("mask",)
# What the keys of decisions begin with that are on a single case, or on a label.
DROP, LABEL, KEEP, RENAME = "drop:", "label:", "keep:", "rename:"


@dataclass(frozen=True, eq=False)
class Same:
    """Cases that show one picture.

    Args:
        key: Stable name of this set of cases; decisions are remembered under it.
        rows: Their rows in the index, ascending, (M,) int64.
        pairs: The pairs of rows that were found alike, (P, 2) int64.
        contradictory: True if they stand under more than one label.
    """

    key: str
    rows: np.ndarray
    pairs: np.ndarray
    contradictory: bool

    @property
    def default(self) -> Decision:
        """What is done unless a person decides otherwise; contradictory labels teach nothing, so those are dropped."""
        return "drop" if self.contradictory else "merge"


def join(n: int, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Number the connected components of a graph.

    Args:
        n: Number of nodes.
        a: One end of each edge, (E,) int.
        b: Other end of each edge, (E,) int.

    Returns:
        Number of its component for each node, (n,) int.

    Example:
        >>> join(4, np.array([0, 2]), np.array([3, 3])).tolist()
        [0, 1, 0, 0]
    """
    return scipy.sparse.csgraph.connected_components(
        scipy.sparse.coo_array((np.ones(len(a), bool), (a, b)), shape=(n, n)), directed=False
    )[1]


def first_with_same(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return edges that tie every row to the first with the same value.

    Args:
        values: (N,) of texts; rows with None are tied to none.

    Returns:
        Two arrays (E,) int64: a row, and the earlier row with its value.
    """
    seen: dict[str, int] = {}
    edges = [(row, seen.setdefault(value, row)) for row, value in enumerate(values) if value is not None]
    tied = np.array([edge for edge in edges if edge[0] != edge[1]], np.int64).reshape(-1, 2)
    return tied[:, 0], tied[:, 1]


def same_pictures(index: Index) -> list[Same]:
    """Return the sets of cases that show one picture, as the noted pairs connect them."""
    pairs = np.array(index.db.execute("SELECT a, b FROM pairs").fetchall(), np.int64).reshape(-1, 2)
    rows = np.unique(pairs)
    if not len(rows):
        return []
    component = join(len(rows), np.searchsorted(rows, pairs[:, 0]), np.searchsorted(rows, pairs[:, 1]))
    names, labels = index.column("id"), index.column("label")
    order = np.argsort(component, kind="stable")
    sets = np.split(rows[order], np.flatnonzero(np.diff(component[order])) + 1)
    of_pair = component[np.searchsorted(rows, pairs[:, 0])]
    order = np.argsort(of_pair, kind="stable")
    links = np.split(pairs[order], np.flatnonzero(np.diff(of_pair[order])) + 1)
    return [_same(members, link, names, labels) for members, link in zip(sets, links, strict=True)]


def _same(rows: np.ndarray, pairs: np.ndarray, names: np.ndarray, labels: np.ndarray) -> Same:
    digest = hashlib.sha256("\n".join(sorted(names[rows])).encode("utf-8", "surrogateescape")).hexdigest()
    return Same(f"same-{digest[:12]}", rows, pairs, len({labels[row] for row in rows} - {None}) > 1)


def settle(
    index: Index, decisions: Mapping[str, str], renames: Mapping[str, str] | None = None
) -> tuple[str, int, int]:
    """Write into the index which group every case has and which cases are dropped.

    Args:
        index: The collection's index; its columns `label`, `grp` and `dropped` are rewritten.
        decisions: Decision by finding: `drop`, `merge` or `keep` under a finding's key;
            `drop` under `drop:<case id>` drops one case, a label id under `label:<case id>` gives it that label.
        renames: New id of a label, by the id that the set gave it.

    Returns:
        Fingerprint over the cases in use, how many they are, and how many are dropped.
    """
    index.relabel({k.removeprefix(LABEL): v for k, v in decisions.items() if k.startswith(LABEL)}, renames or {})
    names, patients, own = (index.column(name) for name in ("id", "patient", "own_group"))
    edges = [first_with_same(patients), first_with_same(own)]
    dropped = np.full(len(names), "", object)
    for same in same_pictures(index):
        decision = decisions.get(same.key, same.default)
        if decision == "drop":
            dropped[same.rows] = same.key
        if decision != "keep":
            edges.append((same.rows[:-1], same.rows[1:]))
    for kind in FLAGS:
        if decisions.get(kind, "drop" if kind in DROPPED_BY_DEFAULT else "keep") == "drop":
            dropped[index.flagged(kind)] = kind
    for row in _single_drops(names, decisions):
        dropped[row] = "case"
    component = join(len(names), *(np.concatenate(ends) for ends in zip(*edges, strict=True)))
    groups = _group_names(component, names, patients, own)
    with index.db as db:
        db.executemany(
            "UPDATE cases SET grp = ?, dropped = ? WHERE n = ?", zip(groups, dropped, range(len(names)), strict=True)
        )
    used = dropped == ""
    return fingerprint(index), int(used.sum()), int((~used).sum())


def _single_drops(names: np.ndarray, decisions: Mapping[str, str]) -> list[int]:
    wanted = {
        key.removeprefix("drop:") for key, value in decisions.items() if key.startswith("drop:") and value == "drop"
    }
    return [row for row, name in enumerate(names) if name in wanted] if wanted else []


def _group_names(component: np.ndarray, names: np.ndarray, patients: np.ndarray, own: np.ndarray) -> list[str]:
    """Name a component after its first case's lesion, patient or id: the published name wherever nothing was merged."""
    first = np.unique(component, return_index=True)[1]
    named = [own[row] or patients[row] or names[row] for row in first]
    return [named[c] for c in component]


def fingerprint(index: Index) -> str:
    """Digest id, label, group and bytes of every case in use; the order of import does not matter."""
    digest = hashlib.sha256()
    for row in index.db.execute("SELECT id, label, grp, sha256 FROM cases WHERE dropped = '' ORDER BY id"):
        digest.update(
            "\x1f".join(part if part is not None else "\x00" for part in row).encode("utf-8", "surrogateescape")
        )
        digest.update(b"\x1e")
    return digest.hexdigest()
