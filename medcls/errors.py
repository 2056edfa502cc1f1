"""Every mistake a user can make: a code and its parts, said as a sentence the user can act on.

A `MedclsError` is for people: pages show it where the result would have stood, the command line
prints it on one line. A bug raises anything else. No part may carry patient data: no file
names, no DICOM values; the caller who knows the name adds it when showing the error to the same user.
"""

from collections.abc import Mapping
from typing import Any

from medcls.words import entry_of, part_of, say


class MedclsError(Exception):
    """A mistake in what the user gave, with what was found, what is allowed and what to do.

    Args:
        code: `room.name`: an entry of `medcls/words`, whose `what`, `found`, `allowed` and `do` are templates.
        params: What the templates name. `found` and `allowed` need no template: given here, they stand as they are.

    Example:
        >>> error = MedclsError("core.no-json", where="card.json", found="0 bytes")
        >>> error.code, error.params["where"]
        ('core.no-json', 'card.json')
        >>> print(error)
        card.json is not valid JSON: found 0 bytes.
    """

    def __init__(self, code: str, /, **params: Any) -> None:
        self.code, self.params = code, params
        super().__init__(code, params)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.code, self.params)

    def part(self, name: str) -> str:
        """Return one of `what`, `found`, `allowed` and `do`, without a final stop; empty if it says none."""
        entry = entry_of(self.code)
        return part_of(entry if isinstance(entry, Mapping) else {"what": self.code}, name, self.params)

    @property
    def what(self) -> str:
        """What could not be done, as the start of a sentence."""
        return self.part("what")

    @property
    def found(self) -> str:
        """What was found instead."""
        return self.part("found")

    @property
    def allowed(self) -> str:
        """What would have been accepted."""
        return self.part("allowed")

    @property
    def do(self) -> str:
        """What to do about it, as an imperative."""
        return self.part("do")

    def __str__(self) -> str:
        return say(self.code, self.params)

    def to_dict(self) -> dict[str, Any]:
        """Return the error as plain values: its type, its code and its parameters."""
        return {
            "error": type(self).__name__,
            "code": self.code,
            "params": {k: _plain(v) for k, v in self.params.items()},
        }

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> "MedclsError":
        """Return the error that `to_dict` described.

        Raises:
            KeyError: If there is no such type of error.
        """
        return _kinds()[data["error"]](data["code"], **data["params"])


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value if isinstance(value, (int, float, bool, str)) else str(value)


def _rebuild(kind: type[MedclsError], code: str, params: dict[str, Any]) -> MedclsError:
    return kind(code, **params)


def _kinds() -> dict[str, type[MedclsError]]:
    """Return every type of error by its name, those of other rooms too."""
    found: dict[str, type[MedclsError]] = {}
    waiting: list[type[MedclsError]] = [MedclsError]
    while waiting:
        kind = waiting.pop()
        found[kind.__name__] = kind
        waiting += kind.__subclasses__()
    return found


class BadScan(MedclsError):
    """A file that cannot be read as a scan: broken, foreign, encrypted or empty."""


class TooLarge(MedclsError):
    """An input above a limit that can be set; found out before it is decoded."""


class BadRecord(MedclsError):
    """A file of ours that cannot be understood: damaged, or written by something else."""


class BadTask(MedclsError):
    """A task that is unknown or whose file is wrong."""


class BadModel(MedclsError):
    """A model that is unknown, damaged, unsafe to load, or does not fit what is asked of it."""


class BadData(MedclsError):
    """A labelled collection that cannot be used as asked."""


class BadSplit(BadData):
    """A split that leaks: the same group, patient or picture on both sides."""


class BadSpec(MedclsError):
    """A run asked for with values that cannot work."""


class RunFailed(MedclsError):
    """A run that stopped for a reason the user can do something about: a loss that is not a number, memory, disk."""


class Conflict(MedclsError):
    """Something that is already there or being used by another process."""


def of_disk(error: OSError) -> Conflict:
    """Return what the system says of a file or folder (no room, no right to it) as a mistake that a user is told of."""
    return Conflict("core.file-trouble", found=error.strerror or type(error).__name__)
