"""What numbers mean that stand for labels: said by another table, sheet or list of the same set."""

from collections.abc import Iterable, Iterator
from itertools import permutations
from os.path import splitext

from medcls.core.note import Note
from medcls.core.plan import PlanTable
from medcls.data.labels import tidy
from medcls.data.layouts.columns import number_of
from medcls.data.layouts.layout import Reading
from medcls.data.lexicon import ID, LABEL, LIST_WORDS, NAME, PATIENT, SITE, UNKNOWN_CODES, words
from medcls.data.resolve import SCAN_ENDINGS
from medcls.data.tables import Table, read_tables, without_header
from medcls.data.tree import OTHER, TABLE, Tree
from medcls.data.vocabulary import disease_of, holds, says
from medcls.errors import BadData

_MOST_BYTES, _MOST_ROWS = 100_000, 40
_LEGEND = LABEL | words(
    "legend legends codebook meaning meanings description descriptions 범례 코드북 图例 凡例 legende"
)
_NO_LABELS = PATIENT | SITE
Legend = dict[int, str]


def unknown_codes(labels: Iterable[str]) -> list[str]:
    """Return the labels that may say `unknown`, where the others are 0 and 1, or 1 and 2; empty if none may.

    Example:
        >>> unknown_codes(["0", "1", "9"]), unknown_codes(["1", "2", "3"]), unknown_codes(["0", "1"])
        (['9'], [], [])
    """
    listed = list(labels)
    codes = [label for label in listed if label in UNKNOWN_CODES]
    return codes if set(listed) - set(codes) in ({"0", "1"}, {"1", "2"}) else []


def _find(tree: Tree, numbers: set[int], taken: set[str]) -> tuple[Legend, str]:
    """Return the names of labels that are numbers, and the table that says them; empty if none does, or two differ."""
    found: dict[str, Legend] = {}
    for table in _small_tables(tree):
        if table.path not in taken and (legend := _legend_of(table, numbers) or _listed(table, numbers)):
            found[table.path] = {number: legend[number] for number in sorted(numbers)}
    if not found or any(legend != next(iter(found.values())) for legend in found.values()):
        return {}, ""
    return next(iter(found.values())), next(iter(found))


def _small_tables(tree: Tree) -> Iterator[Table]:
    for path in tree.of_kind(TABLE, OTHER):
        try:
            if (tree.files[path] == TABLE or path.endswith(".names")) and (
                (tree.root / path).stat().st_size <= _MOST_BYTES
            ):
                yield from (table for table in read_tables(tree.root, path) if len(table.rows) <= _MOST_ROWS)
        except (BadData, OSError):
            continue  # why it is no table is told where tables are looked through


def _legend_of(table: Table, numbers: set[int]) -> Legend:
    """Return the names beside numbers in two columns of a table, with its header or without; empty if it has none."""
    plain = without_header(table)
    for one in (table, plain):
        for codes, names in permutations(range(len(one.header)), 2):
            pairs = {row[codes]: tidy(row[names]) for row in one.rows if row[codes]}
            if not all(code.isdecimal() for code in pairs) or not numbers <= {int(code) for code in pairs}:
                continue
            told = {int(code): name for code, name in pairs.items()}
            once = len(one.rows) == len(told) == len(set(told.values())) and all(map(_is_name, told.values()))
            if once and _is_of_labels(one, (codes, names), [told[number] for number in numbers]):
                return told
    return {}


def _is_of_labels(table: Table, columns: tuple[int, int], names: list[str]) -> bool:
    """Return whether a table of numbers and names says what labels mean, not who a person or what a file is."""
    file, header = table.path.rpartition("/")[2], " ".join(table.header[at] for at in columns)
    if holds(file, _NO_LABELS) or holds(header, _NO_LABELS):
        return False
    return holds(file, _LEGEND) or holds(header, _LEGEND) or all(disease_of(name) is not None for name in names)


def _listed(table: Table, numbers: set[int]) -> Legend:
    """Return the names that a list of labels has line by line, counted from 0 or else from 1; empty if it is none."""
    file = table.file.rpartition("/")[2]
    names = [tidy(name) for name in (table.header[0], *table.column(table.header[0]))]
    if len(table.header) != 1 or not says(file, LABEL | NAME, LIST_WORDS | ID | frozenset(("obj", "map", "names"))):
        return {}
    first = 0 if max(numbers) < len(names) else 1
    if not holds(file, _LEGEND) and not file.endswith(".names") and None in map(disease_of, names):
        return {}  # a list of names may be of people
    fits = min(numbers) >= first and max(numbers) < len(names) + first and len(set(names)) == len(names)
    return dict(enumerate(names, first)) if fits and all(map(_is_name, names)) else {}


def _is_name(name: str) -> bool:
    return any(map(str.isalpha, name)) and splitext(name)[1].lower() not in SCAN_ENDINGS


def read_legend(tree: Tree, reading: Reading) -> dict[str, str]:
    """Return the names of labels that are numbers, as another table says them, by each way they are written.

    Args:
        tree: The tree.
        reading: What was read of it; the table that says the names is added to it as one that is used.
    """
    written = {entry.label for entry in reading.entries if entry.label}
    numbers = {label: number for label in written if (number := number_of(label)) is not None}
    whole = {int(number) for number in numbers.values() if number >= 0 and number == int(number)}
    if reading.labels or len(numbers) < len(written) or len(whole) < 2 or len(whole) > len(written):
        return {}
    taken = {table.path for table in reading.tables if "label" in table.columns}
    legend, path = _find(tree, whole, taken)
    if not legend:
        return {}
    said = ", ".join(f"{number} {name}" for number, name in legend.items())
    file = path.partition("[")[0] if path.endswith("]") else path
    reading.used.add(file)
    reading.tables = [table for table in reading.tables if table.path != path]
    reading.tables.append(PlanTable(path, {"names": said}, len(legend), (Note("data.legend", names=said),)))
    return {label: legend[int(number)] for label, number in numbers.items() if int(number) in legend}
