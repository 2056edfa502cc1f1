"""What a reader must know beside a result: a code with its parameters, never a sentence."""

import math
from collections.abc import Mapping
from typing import Any, Self

from medcls.core.record import Record, wrong
from medcls.errors import MedclsError
from medcls.words import say

SAID = "words.said"


class Note(Record):
    """Something a reader must know. Code reads `code` and `params`; `str` gives the sentence, for people only.

    Frozen and hashable: equal codes with equal parameters are one note.

    Args:
        code: `room.name`, as `medcls/words` has it.
        params: Numbers, texts, further notes, or lists of them, that the sentence names.

    Example:
        >>> note = Note("words.example", n=2)
        >>> note.code, note.params["n"], str(note)
        ('words.example', 2, 'Found 2 cases.')
        >>> Note.from_dict(note.to_dict()) == note
        True
    """

    __slots__ = ("_params", "code")
    code: str
    _params: dict[str, Any]

    def __init__(self, code: str, /, **params: Any) -> None:
        object.__setattr__(self, "code", code)
        object.__setattr__(self, "_params", {k: _frozen(v) for k, v in sorted(params.items())})

    @classmethod
    def of(cls, error: MedclsError) -> Self:
        """Return an error as a note that says the same sentence."""
        return cls(error.code, **error.to_dict()["params"])

    @property
    def params(self) -> Mapping[str, Any]:
        """The parameters by name; a copy."""
        return dict(self._params)

    @property
    def room(self) -> str:
        """The room it comes from."""
        return self.code.partition(".")[0]

    def to_dict(self) -> dict[str, Any]:
        """Return `code` and `params` as plain values."""
        return {"code": self.code, "params": {k: _plain(v) for k, v in self._params.items()}}

    @classmethod
    def from_dict(cls, data: Any, where: str = "") -> Self:
        """Return the note that `to_dict` described; a bare sentence, as older records hold, becomes `words.said`.

        Raises:
            MedclsError: If it is neither.
        """
        if isinstance(data, str):
            return cls(SAID, text=data)
        if not isinstance(data, Mapping) or not isinstance(data.get("code"), str) or set(data) - {"code", "params"}:
            raise wrong(where or cls.__name__, f"{data!r:.60}", say("core.allowed-note"))
        params = data.get("params", {})
        if not isinstance(params, Mapping):
            raise wrong(where or cls.__name__, f"{params!r:.60}", say("core.allowed-object"))
        return cls(data["code"], **{str(k): _restored(v, where) for k, v in params.items()})

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a note is frozen: {name}")

    def __reduce__(self) -> tuple[Any, ...]:
        return Note.from_dict, (self.to_dict(),)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Note) and (self.code, self._params) == (other.code, other._params)

    def __hash__(self) -> int:
        return hash((self.code, tuple(self._params.items())))

    def __str__(self) -> str:
        try:
            return say(self.code, self._params)
        except (
            AttributeError,
            LookupError,
            TypeError,
            ValueError,
        ):  # parameters of another version, or a damaged record
            return f"{self.code} {self._params}"

    def __repr__(self) -> str:
        return f"Note({', '.join([repr(self.code), *(f'{k}={v!r}' for k, v in self._params.items())])})"


def _frozen(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return tuple(_frozen(v) for v in value)
    if value is None or isinstance(value, (str, bool, int, float, Note)):
        return value
    if hasattr(value, "item"):  # a NumPy number
        return value.item()
    raise TypeError(f"a note holds numbers, texts, notes and lists of them, found {type(value).__name__}")


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None  # as in records: JSON has no NaN
    return value.to_dict() if isinstance(value, Note) else value


def _restored(value: Any, where: str) -> Any:
    if isinstance(value, list):
        return tuple(_restored(v, where) for v in value)
    return Note.from_dict(value, where) if isinstance(value, Mapping) else value


UNSAID = Note(SAID, text="")  # where nothing is known
