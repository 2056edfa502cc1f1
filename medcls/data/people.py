"""People whose names a set tells: each stands as a number, the same in all tables and folders, however written."""

import re
from collections.abc import Callable, Iterable

from medcls.core.note import Note
from medcls.data.column_names import role_of
from medcls.data.letters import owner_form
from medcls.data.lexicon import GROUP, ID, MODES, PATIENT, PERSONAL, PICTURE_WORDS, SIDE_OR_SEX
from medcls.data.vocabulary import disease_of, holds, says, words_of

_WORD = r"[^\W\d_]+(?:['’-][^\W\d_]+)*\.?"
_PERSON = re.compile(rf"{_WORD}(?:[ ,^=]+(?=[^\W\d_]{{2}}){_WORD})+")
_CJK_NAME = re.compile(r"[\u4e00-\u9fff\uac00-\ud7a3々]{2,5}|[\u30a0-\u30ff]{2,}[ ・][\u30a0-\u30ff]{2,}")
_ONE_WORD = re.compile(r"(?=.{3})[^\W\d_]+(?:['’-][^\W\d_]+)*")
_BETWEEN = re.compile(r"[ ,^=・]+")
_NO_NAMES = GROUP | PATIENT | PICTURE_WORDS | SIDE_OR_SEX
_BESIDE = PATIENT | ID
_MOSTLY = 0.8


class People:
    """The people of a set, numbered in the order in which they are met."""

    def __init__(self) -> None:
        self._numbers: dict[str, str] = {}
        self._written: dict[str, set[str]] = {}

    def number(self, name: str) -> str:
        """Return what a person's name stands as: `person-3`."""
        form = _form(name)
        self._written.setdefault(form, set()).add(name)
        return self._numbers.setdefault(form, f"person-{len(self._numbers) + 1}")

    def knows(self, name: str) -> bool:
        """Return whether a text is the name of a person met before, however it is written."""
        return bool(self._numbers) and _form(name) in self._numbers

    def merged(self) -> Note | None:
        """Return a note that counts the names that became one with others; None if none did."""
        several = [len(names) for names in self._written.values() if len(names) > 1]
        return Note("data.owners-merged", n=sum(several), to=len(several)) if several else None


def is_name(text: str) -> bool:
    """Return whether a text looks like a person's name: words of letters, two or more, or a few Chinese or Korean ones.

    Example:
        >>> [is_name(t) for t in ("Kim, Minsu", "김민수", "O'Neil Jane", "P001", "left breast", "KM-12")]
        [True, True, True, False, False, False]
    """
    if not (_PERSON.fullmatch(text) or _CJK_NAME.fullmatch(text)):
        return False
    return disease_of(text) is None and not set(words_of(text)) & _NO_NAMES and not holds(text, MODES)


def is_personal(column: str, cells: Iterable[str]) -> bool:
    """Return whether a column tells who a patient is: a name, an address, a day of birth; or a nameless one of names.

    Args:
        column: Its name.
        cells: What stands in it.
    """
    if says(column, PERSONAL, _BESIDE):
        return True
    return (role_of(column) == "patient" or column.startswith("column ")) and _mostly(is_name, cells)


def are_names(cells: Iterable[str]) -> bool:
    """Return whether the cells of a patients' column look like names of people, a family name alone among them."""
    return _mostly(lambda cell: is_name(cell) or bool(_ONE_WORD.fullmatch(cell)), cells)


def _mostly(holds: Callable[[str], bool], cells: Iterable[str]) -> bool:
    filled = [cell for cell in cells if cell]
    return bool(filled) and sum(map(holds, filled)) > _MOSTLY * len(filled)


def _form(name: str) -> str:
    """Return a person's name in one form: `KIM^Minsu` and `Kim, Minsu` are one."""
    return " ".join(_BETWEEN.split(owner_form(name).strip(" ,^=")))
