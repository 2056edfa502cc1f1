"""How long-running work reports its progress: the only such callback."""

from typing import Protocol


class Progress(Protocol):
    """A callback told how far long-running work has come; it may raise to end it."""

    def __call__(self, done: int, total: int, /, stage: str = "") -> None:
        """Report a step.

        Args:
            done: What is done.
            total: How much there is in all; the same as `done` where nobody knows.
            stage: What is being done, or to whom, where a work has several stages; empty where it has one.
        """


def silent(done: int, total: int, stage: str = "") -> None:
    """Report to nobody."""


def staged(progress: Progress, name: str) -> Progress:
    """Return a callback that reports the steps of one stage under the stage's name.

    Example:
        >>> staged(lambda done, total, stage="": print(stage, done, total), "reading")(1, 3)
        reading 1 3
    """

    def tell(done: int, total: int, stage: str = "") -> None:
        progress(done, total, name)

    return tell
