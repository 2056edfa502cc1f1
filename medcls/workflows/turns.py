"""Who goes first where many readers ask at one moment: answers before heatmaps."""

import threading
import time

_PATIENCE_S = 3.0  # a heatmap waits no longer than this for others' answers


class Turns:
    """How many sessions answer at this moment; a heatmap is drawn after them, for everyone waits for an answer first.

    Example:
        >>> turns = Turns()
        >>> with turns:
        ...     turns.waits
        True
        >>> turns.waits
        False
    """

    def __init__(self) -> None:
        self._changed, self._n = threading.Condition(), 0

    def __enter__(self) -> None:
        with self._changed:
            self._n += 1

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._n -= 1
            self._changed.notify_all()

    @property
    def waits(self) -> bool:
        """True while somebody answers."""
        return self._n > 0

    def let_answers_go(self, most_s: float = _PATIENCE_S) -> None:
        """Return once nobody answers, or after so many seconds."""
        until = time.monotonic() + most_s
        with self._changed:
            while self._n and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)


ANSWERS = Turns()
