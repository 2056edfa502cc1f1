"""Cells that a spreadsheet must not take for a formula."""

import math
import numbers
from typing import Any

# A cell that starts with one of these is a formula to a spreadsheet (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def guard(value: Any) -> Any:
    """Return a cell's value so that no spreadsheet takes it for a formula; numbers stay numbers.

    Example:
        >>> guard("=1+1"), guard(" =1+1"), guard("scan.png"), guard(-0.5)
        ("'=1+1", "' =1+1", 'scan.png', -0.5)
    """
    return "'" + value if isinstance(value, str) and _is_risky(value) else value


def cell(value: Any) -> Any:
    """Return what a CSV's cell holds: a real number with every digit, nothing where it is not finite, a text guarded.

    Example:
        >>> cell(0.1), cell(float("nan")), cell(3), cell("=1")
        ('0.1', '', 3, "'=1")
    """
    if isinstance(value, numbers.Real) and not isinstance(
        value, numbers.Integral
    ):  # NumPy's too, whose own repr names the type
        return repr(float(value)) if math.isfinite(value) else ""
    return guard(value)


def unguard(text: str) -> str:
    """Return what `guard` was given.

    Example:
        >>> [unguard(guard(text)) for text in ("=1+1", "'=1+1", "'quoted'", "scan.png")]
        ['=1+1', "'=1+1", "'quoted'", 'scan.png']
    """
    return text[1:] if text.startswith("'") and _is_risky(text[1:]) else text


def _is_risky(text: str) -> bool:
    bare = text.lstrip("'")  # one that reads as guarded is guarded once more, so that it comes back as it was
    return bare.startswith(_FORMULA) or bare.lstrip().startswith(_FORMULA)
