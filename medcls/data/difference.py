"""What differs between two collections, or two versions of one."""

import json
from collections import Counter

from medcls.core.collection import Difference, Split
from medcls.data.collection import Collection

_SHOWN = 1000


def compare(before: Collection, after: Collection) -> Difference:
    """Return what was added, removed, relabelled and moved between parts.

    A case is the same where its id is; a file whose path changed is found again by its bytes. Its part is the one that
    the set brought, or else that of a split of one name that both have, for what they hold.

    Args:
        before: The one.
        after: The other.
    """
    split = next(iter(sorted(set(_splits(before)) & set(_splits(after)))), "")
    old, new = (_cases(one, _splits(one).get(split, {})) for one in (before, after))
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


def _splits(collection: Collection) -> dict[str, dict[str, str]]:
    """Return the part of each case, by split, for the splits made for a collection's contents or its version's."""
    folder = collection.stored[0].folder
    home = folder.parent.parent if folder.parent.name == "versions" else folder
    found = {}
    for path in sorted((home / "splits").glob("*.json")):  # those of earlier contents begin with a dot
        split = Split.read(path)
        if split.fingerprint == collection.fingerprint:
            found[split.name] = {case: part for part, cases in split.parts.items() for case in cases}
    return found


def _cases(collection: Collection, parts: dict[str, str]) -> dict[str, tuple[str, str, str]]:
    columns = (collection.column(name) for name in ("id", "label", "attributes", "sha256"))
    found = {}
    for case, label, told, digest in zip(*columns, strict=True):
        attributes = json.loads(told)
        part = attributes.get("part") or (f"fold-{attributes['fold']}" if "fold" in attributes else parts.get(case, ""))
        found[case] = (label or "", part, digest)
    return found
