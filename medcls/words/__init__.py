"""The sentences people read, one catalogue a language: code and parameters in, text out.

The lowest room: it imports nothing of medcls, so that a note and an error can say themselves. Code reads codes and
parameters; only what a person reads is made here. `en.toml` is the English catalogue; a second language is one more
file beside it. Its tables are rooms, its keys codes: the entry `cut-to-region` of table `imaging` is the code
`imaging.cut-to-region`. A note's entry is a template; an error's is a table of `what`, `found`, `allowed` and `do`.

Templates are those of `str.format`, with three additions: `{n:#case}` counts things (`1 case`, `1,473 cases`;
`{n:#study|studies}` where the plural takes no s), `{score:^}` begins with a capital letter, and `{notes:&}` says
several sentences one after another. A percentage (`{share:.0%}`) has its blank: `12 %`.
"""

import os
import string
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
DEFAULT = "en"
_CHOSEN = os.environ.get("MEDCLS_LANGUAGE", DEFAULT)
_language: ContextVar[str] = ContextVar("language", default=_CHOSEN)

PARTS = ("what", "found", "allowed", "do")

Entry = str | Mapping[str, str]


def catalogue(language: str = DEFAULT) -> Mapping[str, Entry]:
    """Return every entry of a language by its code.

    Args:
        language: Name of the file, without its ending.

    Raises:
        FileNotFoundError: If there is no such file.
        tomllib.TOMLDecodeError: If it is not TOML.
    """
    return _read(FOLDER, language)


@cache
def _read(folder: Path, language: str) -> Mapping[str, Entry]:
    rooms = tomllib.loads((folder / f"{language}.toml").read_text(encoding="utf-8"))
    return {f"{room}.{code}": entry for room, entries in rooms.items() for code, entry in entries.items()}


def languages() -> tuple[str, ...]:
    """Return the languages there is a catalogue for, in alphabetical order."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Say everything in a language while the block runs, in this thread or task only.

    Raises:
        ValueError: If there is no catalogue of that language.
    """
    if language not in languages():
        raise ValueError(f"no catalogue for language {language!r}, there are {', '.join(languages())}")
    token = _language.set(language)
    try:
        yield
    finally:
        _language.reset(token)


def entry_of(code: str) -> Entry | None:
    """Return the entry of a code in the language spoken, else in English; None if there is none."""
    spoken = _language.get()
    if spoken != DEFAULT and spoken in languages() and code in (entries := catalogue(spoken)):
        return entries[code]
    return catalogue().get(code)


def say(code: str, params: Mapping[str, Any] | None = None) -> str:
    """Return the sentence of a code.

    Args:
        code: `room.name`, as the catalogue has it.
        params: What the template names. A parameter that has a sentence of its own (a note) is said; a list is joined.

    Returns:
        The sentence; of an error's table its parts, joined. A code without either (from a record that a newer medcls
        wrote) is shown with its parameters, so that nothing is swallowed.

    Example:
        >>> say("words.example", {"n": 1473})
        'Found 1,473 cases.'
    """
    entry = entry_of(code)
    if isinstance(entry, str):
        return fill(entry, params or {})
    if entry is None:
        return _bare(code, params or {})
    what, found, allowed, do = (part_of(entry, name, params or {}) for name in PARTS)
    details = ", ".join(part for part in (found and f"found {found}", allowed and f"allowed {allowed}") if part)
    sentence = f"{what}: {details}." if details else f"{what}."
    return f"{sentence} {do}." if do else sentence


def part_of(entry: Mapping[str, str], name: str, params: Mapping[str, Any]) -> str:
    """Return a part of an error's table without a final stop; a parameter of its name where the table has no template.

    Args:
        entry: The table.
        name: One of `PARTS`.
        params: What the templates name.
    """
    return fill(entry[name], params) if name in entry else str(params.get(name, ""))


def fill(template: str, params: Mapping[str, Any]) -> str:
    """Return a template with its parameters in place.

    Raises:
        KeyError: If the template names a parameter that is not given.
    """
    return _FORMATTER.vformat(template, (), params)


def placeholders(template: str) -> frozenset[str]:
    """Return the names of the parameters that a template needs."""
    names = (name for _, name, _, _ in _FORMATTER.parse(template) if name)
    return frozenset(name.split(".")[0].split("[")[0] for name in names)


def counted(n: int, noun: str) -> str:
    """Return a number of things, as `1 case` or `1,473 cases`.

    Args:
        n: How many.
        noun: One of them; the plural takes an s, or stands behind a bar (`study|studies`).
    """
    one, _, many = noun.partition("|")
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def _bare(code: str, params: Mapping[str, Any]) -> str:
    values = ", ".join(f"{name} {_plain(value)}" for name, value in params.items())
    return f"{code} ({values})" if values else code


def _plain(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(_plain(v) for v in value)
    return str(value)


def true_minus(number: str) -> str:
    """Return a formatted number with a minus sign, not a hyphen, before it; with no sign where it rounds to nothing.

    Example:
        >>> true_minus("-0.05"), true_minus("+0.051"), true_minus("-0.000"), true_minus("1e-05")
        ('−0.05', '+0.051', '0.000', '1e-05')
    """
    if number[:1] in ("+", "-") and not number.strip("+-0."):
        return number[1:]
    return f"−{number[1:]}" if number.startswith("-") else number


class _Formatter(string.Formatter):
    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec.startswith("#") and format_spec[1:2].isalpha():
            return counted(value, format_spec[1:])
        if format_spec == "&":
            return " ".join(map(_plain, value))
        if format_spec == "^":
            text = _plain(value)
            return text[:1].upper() + text[1:]
        if format_spec.endswith("%"):
            return f"{format(value, format_spec)[:-1]} %"
        if format_spec:
            text = format(value, format_spec)
            return true_minus(text) if isinstance(value, (int, float)) else text
        return _plain(value)


_FORMATTER = _Formatter()


# What a terminal obeys or a reader is fooled by: control characters but tab and line end, and marks that turn the
# direction of writing.
_OBEYED = {
    code: f"\\u{code:04x}"
    for code in (
        *range(0x20),
        *range(0x7F, 0xA0),
        0x061C,
        0x200E,
        0x200F,
        *range(0x2028, 0x202F),
        *range(0x2066, 0x206A),
    )
    if chr(code) not in "\t\n"
}


def plain(text: str) -> str:
    r"""Return a text as it is shown without being obeyed: names, cards, logs and addresses come from outside.

    Example:
        >>> print(plain("done\x1b[2J"))
        done\u001b[2J
    """
    return text.translate(_OBEYED)
