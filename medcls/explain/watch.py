"""Telling how far a slow method is, and stopping it."""

from collections.abc import Callable
from dataclasses import dataclass

from medcls.core.progress import Progress, silent
from medcls.errors import MedclsError


class Stopped(MedclsError):
    """A heatmap or a test that was stopped on request before it was done; there is no result."""


@dataclass(frozen=True)
class Watch:
    """Whom a slow method reports its progress to, and asks whether to stop.

    Args:
        progress: Called with steps done and steps in all; may raise to stop.
        should_stop: Asked between batches; True stops.
    """

    progress: Progress = silent
    should_stop: Callable[[], bool] | None = None

    def step(self, done: int, total: int) -> None:
        """Report, and stop if asked to.

        Raises:
            Stopped: If `should_stop` says so.
        """
        if self.should_stop is not None and self.should_stop():
            raise Stopped("explain.stopped", done=done, total=total)
        self.progress(done, total)


QUIET = Watch()
