"""How numbers are written: the library's own, so that page, report and command line agree."""

from medcls.core.numbers import show_change, show_estimate, show_prob, show_seconds
from medcls.words import say

__all__ = ["show_ago", "show_change", "show_estimate", "show_prob", "show_seconds"]


def show_ago(seconds: float) -> str:
    """Return how long ago something was, in the largest unit that fits; a time in the future is now."""
    for code, unit_s in (("pages.ago-days", 86_400), ("pages.ago-hours", 3_600), ("pages.ago-minutes", 60)):
        if seconds >= unit_s:
            return say(code, {"n": int(seconds // unit_s)})
    return say("pages.ago-now")


def show_percent(share: float) -> str:
    """Return a share in whole percent, with its blank.

    Example:
        >>> show_percent(0.357)
        '36 %'
    """
    return f"{100 * share:.0f} %"
