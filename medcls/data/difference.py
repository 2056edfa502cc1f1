"""What differs between two collections, or two versions of one."""

import json
from collections import Counter

from medcls.core.collection import Difference
from medcls.data.collection import Collection

_SHOWN = 1000


def compare(before: Collection, after: Collection) -> Difference:
    """Return what was added, removed, relabelled and moved between parts.

    A case is the same where its id is; a file whose path changed is found again by its bytes.

    Args:
        before: The one.
        after: The other.
    """
    old, new = _cases(before), _cases(after)
    by_bytes: dict[str, list[str]] = {}
    for case, (_, _, digest) in old.items():
        if case not in new:
            by_bytes.setdefault(digest, []).append(case)
    same = {case: case for case in new if case in old}
    for case in new:
        if case not in old and (candidates := by_bytes.get(new[case][2])):
            same[case] = candidates.pop()
    kept = set(same.values())
    relabelled = [(c, old[o][0], new[c][0]) for c, o in same.items() if old[o][0] != new[c][0]]
    moved = [(c, old[o][1], new[c][1]) for c, o in same.items() if old[o][1] != new[c][1]]
    added, removed = [c for c in new if c not in same], [c for c in old if c not in kept]
    return Difference(
        _title(before),
        _title(after),
        len(added),
        len(removed),
        len(relabelled),
        len(moved),
        tuple(added[:_SHOWN]),
        tuple(removed[:_SHOWN]),
        tuple(relabelled[:_SHOWN]),
        tuple(moved[:_SHOWN]),
        dict(Counter(f"{a or 'unlabelled'} -> {b or 'unlabelled'}" for _, a, b in relabelled)),
    )


def _title(collection: Collection) -> str:
    record = collection.record
    return f"{record.name.partition('@')[0]}@{record.version} ({record.fingerprint[:12]})"


def _cases(collection: Collection) -> dict[str, tuple[str, str, str]]:
    columns = (collection.column(name) for name in ("id", "label", "attributes", "sha256"))
    found = {}
    for case, label, told, digest in zip(*columns, strict=True):
        attributes = json.loads(told)
        part = attributes.get("part") or (f"fold-{attributes['fold']}" if "fold" in attributes else "")
        found[case] = (label or "", part, digest)
    return found
