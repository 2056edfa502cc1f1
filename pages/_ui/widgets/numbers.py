"""How numbers are written: the library's own, so that page, report and command line agree."""

from medcls.core.numbers import show_estimate, show_prob, show_seconds

__all__ = ["show_estimate", "show_prob", "show_seconds"]
