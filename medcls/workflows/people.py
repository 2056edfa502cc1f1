"""Who is at work: what the pages need to know of `medcls.access`."""

from collections.abc import Callable
from typing import TypeVar

from medcls.access import LOCAL, ROLES, Rules, Visitor, acting_as, ask_with, need, present, read_rules

__all__ = ["LOCAL", "ROLES", "Rules", "Visitor", "acting_as", "as_now", "ask_with", "need", "present", "read_rules"]

R = TypeVar("R")


def as_now(do: Callable[[], R]) -> Callable[[], R]:
    """Return a function that always works as whoever is at work now: for a file made when it is downloaded."""
    who = present()

    def doing() -> R:
        with acting_as(who):
            return do()

    return doing
