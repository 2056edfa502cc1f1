"""Records: frozen dataclasses that go to JSON and come back checked."""

import dataclasses
import json
import math
import types
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self, Union, get_args, get_origin, get_type_hints

from medcls.errors import MedclsError


class Record:
    """Mixin for frozen dataclasses that reach disk.

    A record whose class has a field `schema` refuses a file written by a newer medcls. Unknown and
    missing keys are errors: a file that is half understood is worse than one that is refused.
    NaN is written as null.
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """Give the record as plain lists, dicts, strings, numbers and None."""
        return {f.name: _plain(getattr(self, f.name)) for f in dataclasses.fields(self)}

    def to_json(self, indent: int | None = 2) -> str:
        """Give the record as JSON text (UTF-8, keys in field order, a final newline)."""
        return json.dumps(self.to_dict(), indent=indent, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], where: str = "") -> Self:
        """Build the record from plain values, checking every key and type.

        Args:
            data: What `to_dict` gave.
            where: Where the values stand, for the message.

        Raises:
            MedclsError: If a key is unknown or missing, a value has the wrong type, or `schema` is newer
                than this version reads.
        """
        where = where or cls.__name__
        if not isinstance(data, Mapping):
            raise wrong(where, f"{type(data).__name__}", "an object with named values")
        fields = {f.name: f for f in dataclasses.fields(cls)}
        if "schema" in fields and data.get("schema", 1) > fields["schema"].default:
            raise MedclsError("core.newer-schema", where=where, schema=data["schema"], newest=fields["schema"].default)
        if unknown := sorted(set(data) - set(fields)):
            raise wrong(where, f"unknown {', '.join(unknown)}", ", ".join(fields))
        hints = get_type_hints(cls)
        values = {name: _typed(data[name], hints[name], f"{where}.{name}") for name in data}
        missing = [n for n, f in fields.items() if n not in data and _required(f)]
        if missing:
            raise wrong(where, f"no {', '.join(missing)}", "all of " + ", ".join(fields))
        return cls(**values)

    @classmethod
    def from_json(cls, text: str | bytes, where: str = "") -> Self:
        """Build the record from JSON text; see `from_dict`.

        Raises:
            MedclsError: If the text is not JSON, or as `from_dict`.
        """
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise MedclsError("core.no-json", where=where or cls.__name__, found=str(error)[:120]) from error
        return cls.from_dict(data, where)


def _required(field: dataclasses.Field) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def wrong(where: str, found: str, allowed: str) -> MedclsError:
    """Return the error of a record that holds `found` where `allowed` is expected."""
    return MedclsError("core.wrong-record", where=where, found=found, allowed=allowed)


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
            raise wrong(where, type(value).__name__, "an object with named values")
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
        raise wrong(where, f"{value!r:.60}", "a list")
    if len(args) == 2 and args[1] is Ellipsis:
        return tuple(_typed(v, args[0], f"{where}[{i}]") for i, v in enumerate(value))
    if len(value) != len(args):
        raise wrong(where, f"{len(value)} values", f"{len(args)}")
    return tuple(_typed(v, a, f"{where}[{i}]") for i, (v, a) in enumerate(zip(value, args, strict=True)))


def _typed_float(value: Any, where: str) -> float:
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise wrong(where, f"{value!r:.60}", "a number")
    return float(value)
