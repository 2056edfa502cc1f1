"""Damage for files: what disks, editors, other programs and people of ill will leave in the place of a record."""

import copy
import json
import random
from collections.abc import Callable
from typing import Any

_ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    3,
    2**70,
    10**400,
    -0.5,
    1e308,
    "",
    "1",
    "\x00",
    "\ud800",
    "../../etc/passwd",
    "\x1b[2J",
    "x" * 5000,
    [],
    [None],
    {},
    {"code": "core.no-json"},
    {"a": {"b": [1]}},
    [[]] * 3,
)


def _nested(deep: int) -> Any:
    value: Any = 1
    for _ in range(deep):
        value = [value]
    return value


def mutate(content: bytes, rng: random.Random) -> bytes:
    """Return a file's content damaged in one of many ways, the same for the same state of `rng`."""
    ways: list[Callable[[bytes, random.Random], bytes]] = [_bytes_of, _values_of]
    if rng.random() < 0.35:
        return _bytes_of(content, rng)
    return rng.choice(ways[1:])(content, rng)


def _bytes_of(content: bytes, rng: random.Random) -> bytes:
    """Damage without regard to what the bytes mean."""
    where = rng.randrange(len(content) + 1)
    return rng.choice(
        (
            lambda: content[:where],
            lambda: content[:where] + rng.randbytes(8) + content[where + 8 :],
            lambda: content[:where] + b"\x00" + content[where:],
            lambda: content[:where] + b'"\xff\xfe' + content[where:],
            lambda: content + content,
            lambda: b"",
            lambda: b"\xef\xbb\xbf" + content,
            lambda: b"[" * 100_000,
            lambda: b'{"a":' * 3000,
            lambda: rng.randbytes(200),
            lambda: content.replace(b":", b": NaN,", 1),
            lambda: content.decode("utf-8", "replace").encode("utf-16"),
        )
    )()


def _values_of(content: bytes, rng: random.Random) -> bytes:
    """Put another value in the place of one; of a file that is no JSON, damage its bytes."""
    lines = content.splitlines(keepends=True)
    try:
        data, rest = (
            (json.loads(content), b"")
            if content.lstrip()[:1] == b"{" and len(lines) > 1
            else (json.loads(lines[0]), b"".join(lines[1:]))
        )
    except (ValueError, IndexError):
        return _bytes_of(content, rng)
    data = copy.deepcopy(data)
    places: list[tuple[Any, Any]] = []
    waiting = [data]
    while waiting:
        value = waiting.pop()
        inside = (
            list(value.items())
            if isinstance(value, dict)
            else list(enumerate(value))
            if isinstance(value, list)
            else []
        )
        places += [(value, key) for key, _ in inside]
        waiting += [v for _, v in inside]
    if not places:
        return _bytes_of(content, rng)
    holder, key = rng.choice(places)
    way = rng.random()
    if way < 0.1:
        del holder[key]
    elif way < 0.2 and isinstance(holder, dict):
        holder["unheard-of"] = holder.pop(key)
    else:
        holder[key] = _nested(rng.choice((70, 900))) if way < 0.25 else copy.deepcopy(rng.choice(_ODD))
    return json.dumps(data).encode("utf-8", "surrogatepass") + b"\n" + rest
