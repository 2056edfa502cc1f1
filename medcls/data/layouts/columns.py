"""What the columns of a table say, by their names and by what stands in them."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import islice

from medcls.core.note import Note
from medcls.data.column_names import role_of
from medcls.data.labels import diseases_by_name, find_labels, tidy
from medcls.data.layouts.owner_columns import owners_by_content
from medcls.data.letters import one_form
from medcls.data.lexicon import (
    BODY,
    GRADES,
    GUESSES,
    NAME,
    NO_PATH,
    SIDE_OR_SEX,
    SIGNS,
    UNKNOWN_CODES,
    UNLABELLED,
    YES_OR_NO,
)
from medcls.data.resolve import MISSING, SEVERAL, Resolver
from medcls.data.tables import Table, without_header
from medcls.data.tree import NAMED_AS_TEXT
from medcls.data.vocabulary import disease_of, fold, holds, is_site, part_of, says, words_of

_SAMPLE, _MANY_CELLS = 400, 5000
_MEANT = {word: float(at) for pair in YES_OR_NO for at, word in enumerate(pair) if len(word) > 1}
_MARKED = frozenset(("x", "✓", "✔", "●", "o", "v", "+"))
_GRADE = re.compile(r"\d|^[ivx]+[abc]?$|\b(low|high|well|poorly|intermediate|moderate|mild|severe)", re.IGNORECASE)
_MOST_LABELS, _BARE, _GRADED = 40, 2, 0.9
PLAIN_SENSE = 1.9  # sense of labels that all say disease or its absence
_AT_SIGHT = frozenset(("clinical", "radiological"))  # of a diagnosis made before there was tissue
_ROUNDING = 1e-4  # how far from 0 or 1 a number may be that was meant so


def find_columns(table: Table, resolver: Resolver, chosen: Mapping[str, str]) -> tuple[Table, dict[str, str]]:
    """Return what a table's columns are for.

    Args:
        table: The table.
        resolver: Knows the files there are.
        chosen: Columns a person named by role; `-` for none.

    Returns:
        The table, with its header put right where it has none, and the column of each role that it has.
    """
    found: dict[str, str] = {}
    path, share = _path_column(table, resolver)
    if any(resolver.find(name, table.folder) != MISSING for name in table.header):
        table = without_header(table)
        path, share = _path_column(table, resolver)
    if path and (share or role_of(path) == "path"):
        found["path"] = path
    for name in table.header:
        role = _role(table, name)
        if role and role != "path" and name not in found.values() and _better(role, name, found.get(role), table):
            found[role] = name
    _by_content(table, found)
    if "label" not in found and (name := _yes_or_no(table, found)):
        found["label"] = name
    if not {"patient", "group"} & set(found):
        found |= owners_by_content(table, found)
    for role, name in chosen.items():
        found.pop(role, None)
        if wanted := next((n for n in table.header if fold(n) == fold(name)), ""):
            found = {r: n for r, n in found.items() if n != wanted} | {role: wanted}
    return table, found


def _role(table: Table, name: str) -> str:
    """Return what a column's name says it holds; where its cells are parts of a split, those count."""
    role, at = role_of(name), table.header.index(name)
    if role in ("", "path", "part") or (role == "label" and holds(name, GUESSES)):
        return "" if role == "label" else role
    cells = [row[at] for row in table.rows[:_MANY_CELLS]]
    if role in ("group", "site", "label") and _says_parts(cells):
        return "part"
    if role in ("patient", "group") and {one_form(cell).removesuffix(".0") for cell in cells if cell} in _YES_OR_NO:
        return ""  # whether one is a patient, not which
    if role == "site" and _are_of_body(cells):
        return ""
    return "label" if role in ("group", "site", "mask") and label_sense(cells) > PLAIN_SENSE else role


def _are_of_body(cells: Iterable[str]) -> bool:
    """Return whether cells say where on a body a lesion is."""
    different = {cell for cell in cells if cell}
    return bool(different) and sum(holds(cell, BODY) for cell in different) > 0.5 * len(different)


def graded_column(table: Table, taken: Mapping[str, str]) -> str:
    """Return the first column of grades or categories (BI-RADS, stage) that can be labels; empty if there is none."""
    for name in table.header:
        cells = [cell for cell in table.column(name) if cell]
        if _are_answers(cells):  # yes and no would be taken for disease and none
            continue
        graded = sum(bool(_GRADE.search(cell)) for cell in set(cells)) > 0.5 * len(set(cells))
        if name not in taken.values() and holds(name, GRADES) and graded and label_sense(cells) >= _GRADED:
            return name
    return ""


def _says_parts(cells: Iterable[str]) -> bool:
    """Return whether cells are parts of a split, of two kinds at least."""
    parts = {part_of(cell) for cell in dict.fromkeys(islice((cell for cell in cells if cell), _MANY_CELLS))}
    return len(parts) > 1 and "" not in parts


def _path_column(table: Table, resolver: Resolver) -> tuple[str, float]:
    """Return the column whose cells name files, and the share of them found; a column called so before any other."""
    scored = []
    step = max(1, len(table.rows) // _SAMPLE)
    for at, name in enumerate(table.header):
        if says(name, NO_PATH):
            continue
        cells, named = [row[at] for row in table.rows[::step] if row[at]], role_of(name) == "path"
        there = [found for cell in cells if (found := resolver.find(cell, table.folder, numbers=named)) != MISSING]
        share = len(there) / len(cells) if cells else 0.0
        distinct = len(set(there)) > 0.1 * len(there)
        scored.append((named and share >= 0.2, share >= 0.5 and distinct, named, share, len(set(there)), -at))
    best = max(scored, default=(False, False, False, 0.0, 0, 0))
    return (table.header[-best[5]], best[3] if any(best[:2]) else 0.0) if any(best[:3]) else ("", 0.0)


def why_no_files(table: Table, resolver: Resolver) -> Note | None:
    """Return why no column of a table names files: its names fit several, or none is here; None for a mere text."""
    for at, name in enumerate(table.header):
        cells = [cell for cell in (name, *(row[at] for row in table.rows[:_SAMPLE])) if cell]
        several = sum(resolver.find(cell, table.folder) == SEVERAL for cell in cells)
        if cells and 2 * several > len(cells) and not says(name, NO_PATH):
            return Note("data.table-names-several")
    is_table = (len(table.header) > 1 and bool(table.rows)) or table.file.lower().endswith(NAMED_AS_TEXT)
    return Note("data.table-names-no-files") if is_table else None


_RANK = (
    "patient",
    "subject",
    "환자",
    "患者",
    "пациент",
    "paciente",
    "target",
    "label",
    "diagnosis",
    "pathology",
    "hospital",
    "site",
)


def _better(role: str, name: str, other: str | None, table: Table) -> bool:
    """Return whether a column is the better one for a role: filled, and by the plainer word."""
    if not any(table.column(name)[:5000]):
        return False
    if other is None:
        return True
    if role == "label":
        return _label_rank(name, table.column(name)) > _label_rank(other, table.column(other))
    rank = [next((i for i, word in enumerate(_RANK) if word in fold(n)), len(_RANK)) for n in (name, other)]
    names = [role == "patient" and any(word in NAME for word in words_of(n)) for n in (name, other)]
    return (rank[0], names[0]) < (rank[1], names[1])  # an id before a name


def _label_rank(name: str, cells: list[str]) -> tuple[bool, bool, bool, float]:
    """Return what ranks columns of labels: filled, then what its words say, then if there was tissue to look at."""
    sense, filled = label_sense(cells), 2 * sum(map(bool, cells)) >= len(cells)
    return filled, sense > PLAIN_SENSE, not set(words_of(name)) & _AT_SIGHT, sense


def label_sense(cells: list[str]) -> float:
    """Return how much like labels cells are: few, repeated, with words that mean disease or its absence."""
    counted = Counter(cell for cell in cells[:20_000] if cell and one_form(tidy(cell)) not in UNLABELLED)
    if not 2 <= len(counted) <= _MOST_LABELS or (
        len(counted) > 0.5 * sum(counted.values()) and sum(counted.values()) > 6
    ):
        return 0.1 if counted else 0.0
    told = diseases_by_name(find_labels(counted, cells=True).names).values()
    return 1.0 + sum(sick is not None for sick in told) / max(1, len(told)) - len(counted) / 1000


def _by_content(table: Table, found: dict[str, str]) -> None:
    """Add what no name tells but the cells do: labels, parts and sites."""
    for at, name in enumerate(table.header):
        if name in found.values() or holds(name, GUESSES):
            continue
        cells = [row[at] for row in table.rows[:5000] if row[at]]
        counted = Counter(cells)
        if not cells or len(counted) > _MOST_LABELS:
            continue
        words = [cell for cell in counted if not cell.isdecimal()]
        if "part" not in found and len(counted) > 1 and words and all(part_of(cell) for cell in counted):
            found["part"] = name
        elif "site" not in found and len(counted) > 1 and words and all(is_site(cell) for cell in counted):
            found["site"] = name
        elif (
            not (len(table.header) > _BARE and _are_answers(cells))
            and _is_of_labels(table, cells, words)
            and _lacks_labels(table, found, cells)
        ):
            found["label"] = name


def _are_answers(cells: Iterable[str]) -> bool:
    """Return whether cells are yes and no alone, which may be of any matter."""
    return {one_form(cell) for cell in cells} - UNLABELLED in _YES_OR_NO


def _is_of_labels(table: Table, cells: list[str], words: list[str]) -> bool:
    """Return whether cells are labels by what they say; numbers are where nothing else stands in a table."""
    return label_sense(cells) > PLAIN_SENSE if words else _is_bare(table) and label_sense(cells) > 1.0


def _lacks_labels(table: Table, found: Mapping[str, str], cells: list[str]) -> bool:
    """Return whether no column is that of the labels, or one whose words tell less than cells that say disease."""
    if "label" not in found:
        return True
    return label_sense(table.column(found["label"])[:_MANY_CELLS]) < 1.5 and any(map(disease_of, set(cells)))


def _is_bare(table: Table) -> bool:
    """Return whether a table is a list of files with one more column and no header: `img/1.png 0`."""
    return table.header == ("column 1", "column 2")


_YES_OR_NO, _SIGNED = tuple(set(pair) for pair in YES_OR_NO), tuple(set(pair) for pair in SIGNS)


def _yes_or_no(table: Table, found: Mapping[str, str]) -> str:
    """Return the one column named after a disease, or its absence, that says yes or no of each row; else empty.

    One named after its absence (`benign`) beside others of yes and no is one of several labels.
    """
    asking = []
    for at, name in enumerate(table.header):
        cells = {one_form(row[at]).removesuffix(".0") for row in table.rows if row[at]}
        if (
            name not in found.values()
            and not holds(name, GUESSES)
            and (cells - UNLABELLED - UNKNOWN_CODES in _YES_OR_NO or cells in _SIGNED)
        ):
            asking.append(name)
    named = [name for name in asking if disease_of(name) is not None]
    return named[0] if len(named) == 1 and (disease_of(named[0]) or len(asking) == 1) else ""


def find_flags(table: Table, taken: Mapping[str, str]) -> dict[str, str]:
    """Return columns that say yes or no to a part, `is_test` or `train`, by the part of a yes; empty if there are none.

    Args:
        table: The table.
        taken: Columns by role; where one is a part, nothing is looked for.
    """
    if "part" in taken:
        return {}
    found: dict[str, str] = {}
    for at, name in enumerate(table.header):
        part = part_of(" ".join(word for word in words_of(name) if word not in ("is", "in")))
        cells = {one_form(row[at]).removesuffix(".0") for row in table.rows if row[at]}
        if part and not part.startswith("fold-") and name not in taken.values() and cells in _YES_OR_NO:
            found[name] = part
    return found


def find_one_hot(table: Table, taken: Mapping[str, str]) -> tuple[str, ...]:
    """Return the columns of labels in which every row has a 1 in one at most and 0 elsewhere; empty if there are none.

    Args:
        table: The table. A cross or tick counts as 1, and an empty cell or `NaN` as 0.
        taken: Columns by role; those are no labels.
    """
    columns = []
    no_labels = {v for k, v in taken.items() if k != "label"} | set(find_flags(table, {}))
    for at, name in enumerate(table.header):
        if name in no_labels or says(name, SIDE_OR_SEX, frozenset(("is",))) or holds(name, GUESSES):
            continue
        if role_of(name) not in ("", "label"):
            continue
        values = {mark_of(row[at]) for row in table.rows}
        if values == {0.0, 1.0}:
            columns.append((at, name))
    if len(columns) < 2:
        return ()
    sums = Counter(sum(mark_of(row[at]) or 0 for at, _ in columns) for row in table.rows)
    return tuple(name for _, name in columns) if set(sums) <= {0, 1} and sums[1] >= 0.5 * len(table.rows) else ()


def why_unclear(table: Table, taken: Mapping[str, str]) -> Note | None:
    """Return why columns of numbers give no row one label: they are probabilities, or mark several; None if neither."""
    columns = []
    for at, name in enumerate(table.header):
        values = {mark_of(row[at]) for row in table.rows}
        if name not in taken.values() and len(values) > 1 and all(v is not None and 0 <= v <= 1 for v in values):
            columns.append((at, name))
    rows = [[mark_of(row[at]) or 0.0 for at, _ in columns] for row in table.rows]
    names = ", ".join(name for _, name in columns)
    if soft := sum(any(0 < value < 1 for value in row) for row in rows):
        return Note("data.table-soft", columns=names, n=soft)
    if len(columns) > 1 and (several := sum(sum(row) > 1 for row in rows)):
        return Note("data.table-several", columns=names, n=several)
    return None


def are_shares(cells: Iterable[str]) -> bool:
    """Return whether cells are numbers from 0 to 1, some of them in between: probabilities, no labels."""
    values = {number_of(cell) for cell in cells if cell and one_form(cell) not in UNLABELLED}
    numbers = [value for value in values if value is not None]
    return len(numbers) == len(values) > 2 and all(0 <= v <= 1 for v in numbers) and any(v % 1 for v in numbers)


def mark_of(cell: str) -> float | None:
    """Return 1 for a cell that marks its row, 0 for one that does not or is empty; any other number is itself.

    Example:
        >>> [mark_of(c) for c in ("1.0", "x", "", "NaN", "0,9", "0.99999", "benign")]
        [1.0, 1.0, 0.0, 0.0, 0.9, 1.0, None]
    """
    said = one_form(cell.strip())
    if not said or said in UNLABELLED:
        return 0.0
    number = 1.0 if said in _MARKED else number_of(cell)
    return next((mark for mark in (0.0, 1.0) if number is not None and abs(number - mark) <= _ROUNDING), number)


def number_of(cell: str) -> float | None:
    """Return the number a cell is; None if it is none, or NaN."""
    try:
        return None if (number := float(cell.replace(",", "."))) != number else number
    except ValueError:
        return _MEANT.get(one_form(cell))
