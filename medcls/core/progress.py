"""How a long work tells how far it is: the only such callback."""

from typing import Protocol


class Progress(Protocol):
    """Whoever is told how far a long work is; it may raise to end it."""

    def __call__(self, done: int, total: int, /, stage: str = "") -> None:
        """Hear of a step.

        Args:
            done: What is done.
            total: How much there is in all; the same as `done` where nobody knows.
            stage: What is being done, or to whom, where a work has several stages; empty where it has one.
        """


def silent(done: int, total: int, stage: str = "") -> None:
    """Tell nobody."""


def staged(progress: Progress, name: str) -> Progress:
    """Return who hears the steps of one stage of a work and tells them under the stage's name.

    Example:
        >>> staged(lambda done, total, stage="": print(stage, done, total), "reading")(1, 3)
        reading 1 3
    """

    def tell(done: int, total: int, stage: str = "") -> None:
        progress(done, total, name)

    return tell
