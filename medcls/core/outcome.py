"""A thing, or what went wrong with it: the only such envelope."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from medcls.errors import MedclsError

T = TypeVar("T")
U = TypeVar("U")
A = TypeVar("A")


@dataclass(frozen=True, eq=False)
class Outcome(Generic[T]):
    """What became of one of many: a file, a scan, a model, a run.

    Args:
        name: What the user calls it; only ever shown to who gave it.
        value: The thing; None if there is none.
        error: Why there is none; None if there is one.

    Raises:
        ValueError: If both or neither are given.

    Example:
        >>> Outcome.of("a", lambda: 3).value
        3
    """

    name: str
    value: T | None = None
    error: MedclsError | None = None

    def __post_init__(self) -> None:
        if (self.value is None) == (self.error is None):
            raise ValueError(f"an outcome has a value or an error, found {self.value!r} and {self.error!r}")

    @classmethod
    def of(cls, name: str, make: Callable[[], T]) -> "Outcome[T]":
        """Return what `make` returns, or the `MedclsError` it raised; a bug is raised on."""
        try:
            return cls(name, make())
        except MedclsError as error:
            return cls(name, error=error)

    @property
    def ok(self) -> bool:
        """True if there is a thing."""
        return self.error is None

    def get(self) -> T:
        """Return the thing.

        Raises:
            MedclsError: What went wrong with it.
        """
        if self.error is not None:
            raise self.error
        assert self.value is not None
        return self.value

    def then(self, do: Callable[[T], U]) -> "Outcome[U]":
        """Return what `do` makes of the thing; what went wrong is handed on."""
        if self.error is not None:
            return Outcome(self.name, error=self.error)
        return Outcome.of(self.name, lambda: do(self.get()))


def outcomes(items: Iterable[A], name: Callable[[A], str], make: Callable[[A], T]) -> list[Outcome[T]]:
    """Return the outcome of each item, in order: one that fails keeps its place and does not affect the others.

    Args:
        items: The items.
        name: What the user calls an item.
        make: What is made of it.
    """
    return [Outcome.of(name(item), lambda item=item: make(item)) for item in items]  # type: ignore[misc]
