"""What the cells of a column of parts mean that no word tells (`1` is train): asked of a person, and what was said."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from medcls.core.note import Note
from medcls.core.plan import PlanChoices, PlanTable, Question
from medcls.data.labels import tidy
from medcls.data.layouts.columns import number_of
from medcls.data.layouts.layout import Entry, Reading, kept_as, with_part
from medcls.data.letters import one_form
from medcls.data.vocabulary import part_of
from medcls.errors import BadData

UNREAD = "data.parts-unread"
NOTHING, _FOLD, _EACH = "nothing", "fold", "*"
_PARTS = ("train", "validate", "test")
_MOST_PARTS, _MOST_WORDS, _MOST_FOLDS = 3, 8, 20  # cells that are asked about: as parts, as words, as folds
_FEWEST = 4  # scans of each number of a group that may be a part


def name_parts(reading: Reading, choices: PlanChoices) -> None:
    """Name parts of scans as a person said, or else ask what numbers, or words, in columns of parts mean.

    What is said, or asked, holds for all tables of a set: a column of one name means the same in each. Scans whose part
    a folder or another table says keep that. A group of few numbers that lie beside many patients each may be a part.

    Args:
        reading: What was read; its scans, its tables' notes and its questions are changed.
        choices: What a person decided; in `parts`, `*` stands for every cell that is a number.

    Raises:
        BadData: If a name is none of `train`, `validate`, `test`, `fold`, `fold-<k>` and `nothing`.
    """
    said = {_cell(old): _part(new) for old, new in choices.parts.items()}
    for column in dict.fromkeys(str(note.params["column"]) for table in reading.tables for note in _unread(table)):
        counted = Counter(
            _cell(cell) for entry in reading.entries if (cell := _unsaid(entry, column)) and _cell(cell) not in said
        )
        reading.entries = [_named(entry, column, said) for entry in reading.entries]
        left = {c: n for c, n in counted.items() if not _answered(c, said)}
        key = kept_as(column)
        untold = any(key in e.attributes and not _answered(e.attributes[key], said) for e in reading.entries)
        reading.tables = reading.tables if untold else [_told(table, column) for table in reading.tables]
        reading.questions += _asks(column, left)
    reading.questions += _asks_group(reading, choices)


def _unread(table: PlanTable) -> list[Note]:
    return [note for note in table.notes if note.code == UNREAD] if table.columns else []


def _cell(cell: str) -> str:
    """Return the one form of a cell: `1.0` is `1`."""
    number = number_of(cell) if any(map(str.isdecimal, cell)) else None
    return str(int(number)) if number is not None and number == int(number) else one_form(tidy(cell))


def _part(name: str) -> str:
    form = one_form(tidy(name))
    if not (part := form if form in (NOTHING, _FOLD) else part_of(name)):
        raise BadData("data.part-name-wrong", found=name[:40], allowed=", ".join((*_PARTS, _FOLD, NOTHING)))
    return part


def _unsaid(entry: Entry, column: str) -> str:
    """Return what a column says of a scan whose part nothing else says."""
    return "" if {"part", "fold"} & set(entry.attributes) else entry.attributes.get(kept_as(column), "")


def _named(entry: Entry, column: str, said: Mapping[str, str]) -> Entry:
    cell = _unsaid(entry, column)
    number = number_of(cell) if cell else None
    part = said.get(_cell(cell)) or (said.get(_EACH, "") if number is not None else "")
    if part == _FOLD:
        part = f"fold-{_cell(cell)}" if number is not None else ""
    if not cell or part in ("", NOTHING):
        return entry
    return replace(
        entry, attributes=with_part({k: v for k, v in entry.attributes.items() if k != kept_as(column)}, part)
    )


def _answered(cell: str, said: Mapping[str, str]) -> bool:
    return _cell(cell) in said or (_EACH in said and number_of(cell) is not None)


def _told(table: PlanTable, column: str) -> PlanTable:
    """Return a table without the note on what is not known of a column, where all of it was answered."""
    notes = (n for n in table.notes if n not in _unread(table) or n.params["column"] != column)
    return replace(table, notes=tuple(notes))


def _asks(column: str, left: Mapping[str, int]) -> list[Question]:
    """Ask what each of some cells means, up to eight words; of more than three numbers, only if they are folds."""
    numbers = all(cell.isdecimal() for cell in left)
    if len(left) <= (_MOST_PARTS if numbers else _MOST_WORDS):
        return [
            Question(
                Note("data.asks-part", cell=cell, column=column, n=n),
                "--part-name",
                _answers(cell),
                f"{cell}={NOTHING}",
            )
            for cell, n in sorted(left.items())
        ]
    if len(left) > _MOST_FOLDS or not numbers:
        return []
    names = ", ".join(sorted(left, key=int))
    answers = (f"{_EACH}={_FOLD}", f"{_EACH}={NOTHING}")
    return [Question(Note("data.asks-folds", names=names, column=column), "--part-name", answers, answers[1])]


def _answers(cell: str) -> tuple[str, ...]:
    fold = (f"{cell}={_FOLD}",) if cell.isdecimal() else ()
    return (*(f"{cell}={part}" for part in _PARTS), *fold, f"{cell}={NOTHING}")


def _asks_group(reading: Reading, choices: PlanChoices) -> list[Question]:
    """Ask whether a column of groups that are few numbers, each beside many scans, says the part."""
    columns = {table.columns["group"] for table in reading.tables if "group" in table.columns}
    if len(columns) != 1 or {"part", "group"} & set(choices.columns):
        return []
    groups = Counter(entry.group for entry in reading.entries if entry.group)
    few = 2 <= len(groups) <= _MOST_PARTS and all(group.isdecimal() for group in groups)
    parted = any({"part", "fold"} & set(entry.attributes) for entry in reading.entries)
    if not few or parted or min(groups.values()) < _FEWEST or max(map(int, groups)) > _MOST_PARTS:
        return []
    column = columns.pop()
    asks = Note("data.asks-group", column=column, names=", ".join(sorted(groups)))
    return [Question(asks, "--part-column", (column, "-"), "-")]
