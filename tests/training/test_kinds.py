"""Numbers of made pictures are kept on disk for the next run, and made again where the file is not whole."""

from pathlib import Path

import numpy as np
import pytest

from medcls.core.scan import Preprocess
from medcls.training import kinds

PREPROCESS = Preprocess(32)


def taken() -> dict[str, np.ndarray]:
    """The numbers as a new process takes them."""
    kinds._made.cache_clear()
    return dict(kinds._made("breast-ultrasound", PREPROCESS, 3))


@pytest.mark.parametrize("spoil", [lambda b: b[:-1] + bytes([b[-1] ^ 1]), lambda b: b[:50], lambda b: b""])
def test_kept_numbers_are_those_that_were_made(home: Path, monkeypatch: pytest.MonkeyPatch, spoil) -> None:
    monkeypatch.setattr(kinds, "EACH", 2)
    first = taken()
    (kept,) = (home / "cache" / "kinds").iterdir()
    content = kept.read_bytes()
    kept.write_bytes(spoil(content))
    again = taken()
    assert kept.read_bytes() == content, "what is damaged is made again"
    monkeypatch.setattr(kinds, "make_foreign", None)  # nothing is drawn
    for numbers in (again, taken()):
        assert list(numbers) == list(first), "in the same order: a gate's sums depend on it"
        assert {"texture", "blank", "mask", "screenshot"} < set(first)
        assert all(np.array_equal(numbers[name], first[name]) and len(first[name]) == 2 for name in first)
