"""Records: frozen dataclasses that go to JSON and come back checked."""

import dataclasses
import errno
import hashlib
import json
import math
import types
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, Union, get_args, get_origin, get_type_hints

from medcls import disk
from medcls.errors import BadRecord, MedclsError
from medcls.words import say


class Record:
    """Mixin for frozen dataclasses that reach disk.

    A record whose class has a field `schema` refuses a file written by a newer medcls. Its number rises with the first
    change of its fields after a release: an older medcls then says that it must be updated, not that the file is
    wrong. An older file is read into today's fields, so the record is of today's schema, and is written so. Unknown
    and missing keys are errors: a file that is half understood is worse than one that is refused. NaN is written as
    null.
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]
    _keeps_schema: ClassVar[bool] = False  # True where a signature covers the number that was read

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain lists, dicts, strings, numbers and None."""
        return {f.name: _plain(getattr(self, f.name)) for f in dataclasses.fields(self)}

    def to_json(self, indent: int | None = 2) -> str:
        """Return the record as JSON text (UTF-8, keys in field order, a final newline)."""
        return json.dumps(self.to_dict(), indent=indent, ensure_ascii=False, allow_nan=False) + "\n"

    @cached_property
    def json_digest(self) -> str:
        """SHA-256 of its JSON, in hexadecimal; worked out once, so that a page may tell records apart at every turn."""
        return hashlib.sha256(self.to_json().encode("utf-8")).hexdigest()

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], where: str = "") -> Self:
        """Return the record that plain values describe, every key and type of them checked.

        Args:
            data: What `to_dict` gave.
            where: Where the values stand, for the message.

        Raises:
            BadRecord: If a key is unknown or missing, a value has the wrong type or cannot be, or `schema` is newer
                than this version reads.
            MedclsError: If the record itself refuses a value.
        """
        where = where or cls.__name__
        if not isinstance(data, Mapping):
            raise wrong(where, f"{type(data).__name__}", say("core.allowed-object"))
        fields = {f.name: f for f in dataclasses.fields(cls)}
        _check_schema(data, fields, where)
        if unknown := sorted(set(data) - set(fields)):
            raise wrong(where, say("core.found-unknown", {"names": ", ".join(unknown)[:200]}), ", ".join(fields))
        hints = _hints(cls)  # type: ignore[arg-type]
        values = {name: _typed(data[name], hints[name], f"{where}.{name}") for name in data}
        missing = [n for n, f in fields.items() if n not in data and _required(f)]
        if missing:
            found, allowed = {"names": ", ".join(missing)}, {"names": ", ".join(fields)}
            raise wrong(where, say("core.found-missing", found), say("core.allowed-all-of", allowed))
        if "schema" in values and not cls._keeps_schema:
            values["schema"] = fields["schema"].default
        try:
            return cls(**values)
        except _CANNOT_BE as error:  # what a record computes from its values when it is made
            raise wrong(where, f"{type(error).__name__}: {error}"[:120], say("core.allowed-together")) from error

    @classmethod
    def from_json(cls, text: str | bytes, where: str = "") -> Self:
        """Return the record that JSON text describes; see `from_dict`.

        Args:
            text: JSON; anything at all may stand there.
            where: Where it stands, for the message.

        Raises:
            BadRecord: If the text is not strict JSON, holds values that no record has (numbers beyond 64 bits, half
                characters, null characters, a depth of more than 64), or as `from_dict`.
            MedclsError: As `from_dict`.
        """
        return cls.from_dict(parse_json(text, where or cls.__name__), where)

    @classmethod
    def read(cls, path: Path, where: str = "") -> Self:
        """Return the record in a file.

        Args:
            path: The file.
            where: What to call it in a message; its folder's and its own name if empty.

        Raises:
            FileNotFoundError: If there is no such file.
            BadRecord: If it cannot be read, is larger than 64 MiB, or as `from_json`.
            MedclsError: As `from_dict`.
        """
        where = where or f"{path.parent.name}/{path.name}"
        return cls.from_json(read_bounded(path, where), where)

    @classmethod
    def read_listed(cls, path: Path, where: str = "") -> Self:
        """Return the record in a file that a list names: one that is gone meanwhile is unreadable like any other.

        Args:
            path: The file.
            where: As of `read`.

        Raises:
            BadRecord: As `read`; also if there is no such file.
            MedclsError: As `from_dict`.
        """
        where = where or f"{path.parent.name}/{path.name}"
        try:
            return cls.read(path, where)
        except FileNotFoundError as error:
            raise BadRecord("core.unreadable-record", where=where, found=error.strerror or "gone") from error


_CANNOT_BE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
_MOST_BYTES = 1 << 26
_DEEPEST = 64
_LARGEST = 1 << 63
_MOST_VALUES = 1 << 21  # of a file: a gigabyte once read where all are empty lists


def read_bounded(path: Path, where: str) -> bytes:
    """Return the bytes of a record's file.

    Raises:
        FileNotFoundError: If there is no such file.
        BadRecord: If it cannot be read, is a link to nothing, or is larger than any record.
    """
    try:
        return disk.read_file(path, _MOST_BYTES)
    except (OSError, ValueError) as error:
        if isinstance(error, FileNotFoundError) and not path.is_symlink():
            raise
        if getattr(error, "errno", None) == errno.EFBIG:
            raise wrong(where, say("core.found-mib", {"n": _MOST_BYTES >> 20}), say("core.allowed-record")) from error
        found = getattr(error, "strerror", None) or type(error).__name__
        raise BadRecord("core.unreadable-record", where=where, found=found) from error


def parse_json(text: str | bytes, where: str) -> Any:
    """Return what JSON text says, as plain values that can be shown, compared and written again.

    Raises:
        BadRecord: If it is not strict JSON, or says what no record of ours says; see `Record.from_json`.
    """
    marks = (",", "[", "{") if isinstance(text, str) else (b",", b"[", b"{")
    if sum(map(text.count, marks)) > _MOST_VALUES:  # type: ignore[arg-type]
        raise wrong(where, say("core.found-many", {"n": _MOST_VALUES}), say("core.allowed-record"))
    try:
        data = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BadRecord("core.no-json", where=where, found=str(error)[:120]) from error
    check_plain(data, where)
    return data


def _no_constant(name: str) -> Any:
    raise ValueError(f"the constant {name}")


def check_plain(data: Any, where: str) -> None:
    """Refuse plain values that pass for JSON or TOML and break whoever uses them.

    Raises:
        BadRecord: If they are nested more than 64 deep, or hold a number beyond 64 bits or half or null characters.
    """
    waiting = [(data, 0)]
    while waiting:
        value, depth = waiting.pop()
        if depth > _DEEPEST:
            raise wrong(where, say("core.found-deep", {"n": _DEEPEST}), say("core.allowed-record"))
        if isinstance(value, Mapping):
            waiting += [(k, depth + 1) for k in value] + [(v, depth + 1) for v in value.values()]
        elif isinstance(value, list):
            waiting += [(v, depth + 1) for v in value]
        elif isinstance(value, str) and ("\0" in value or not _is_whole(value)):
            raise wrong(where, f"{value!r:.60}", say("core.allowed-text"))
        elif isinstance(value, (int, float)) and not -_LARGEST < value < _LARGEST:
            raise wrong(where, say("core.found-wide"), say("core.allowed-number"))


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_schema(data: Mapping[str, Any], fields: Mapping[str, Any], where: str) -> None:
    """Refuse a record of a schema that this version does not know."""
    if "schema" not in fields or "schema" not in data:
        return
    schema, newest = data["schema"], fields["schema"].default
    if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
        raise wrong(f"{where}.schema", f"{schema!r:.60}", f"1 to {newest}")
    if schema > newest:
        raise BadRecord("core.newer-schema", where=where, schema=schema, newest=newest)


def _required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def wrong(where: str, found: object, allowed: object) -> BadRecord:
    """Return the error of a record that holds one thing where another is expected.

    Args:
        where: The place: file and key.
        found: What stands there, a text or a note; short, and nothing of a patient.
        allowed: What would have been accepted, a text or a note.
    """
    return BadRecord("core.wrong-record", where=where, found=found, allowed=allowed)


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


@cache
def _hints(kind: type) -> dict[str, Any]:
    """Return the types of a record's fields by name; resolved once a class, as that takes longer than the checks."""
    return get_type_hints(kind)


def _typed(value: Any, hint: Any, where: str) -> Any:  # noqa: C901, PLR0911 - one branch a kind of hint
    """Check `value` against a type hint, turning lists into tuples and objects into records."""
    origin, args = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    if origin in (Union, types.UnionType):
        return _typed_union(value, args, where)
    if origin is Literal:
        if value not in args:
            raise wrong(where, repr(value), ", ".join(map(str, args)))
        return value
    if origin is tuple:
        return _typed_tuple(value, args, where)
    if origin in (dict, Mapping):
        if not isinstance(value, Mapping):
            raise wrong(where, type(value).__name__, say("core.allowed-object"))
        return {str(k): _typed(v, args[1], f"{where}.{k}") for k, v in value.items()}
    if isinstance(hint, type) and issubclass(hint, Record):
        return hint.from_dict(value, where)
    if hint is float:
        return _typed_float(value, where)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise wrong(where, f"{value!r:.60}", hint.__name__)
    return value


def _typed_union(value: Any, args: tuple[Any, ...], where: str) -> Any:
    if value is None and types.NoneType in args:
        return None
    for hint in args:
        try:
            return _typed(value, hint, where)
        except MedclsError as error:
            last = error
    raise last


def _typed_tuple(value: Any, args: tuple[Any, ...], where: str) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise wrong(where, f"{value!r:.60}", say("core.allowed-list"))
    if len(args) == 2 and args[1] is Ellipsis:
        return tuple(_typed(v, args[0], f"{where}[{i}]") for i, v in enumerate(value))
    if len(value) != len(args):
        raise wrong(where, say("core.found-values", {"n": len(value)}), f"{len(args)}")
    return tuple(_typed(v, a, f"{where}[{i}]") for i, (v, a) in enumerate(zip(value, args, strict=True)))


def _typed_float(value: Any, where: str) -> float:
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise wrong(where, f"{value!r:.60}", say("core.allowed-number"))
    return float(value)
