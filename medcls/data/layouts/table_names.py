"""What the names of tables and of their sheets say: parts of a split, and labels of all their rows."""

from collections.abc import Iterable

from medcls.data.layouts.layout import are_patients, common_root
from medcls.data.lexicon import BESIDE_GUESSES, GUESSES, LIST_WORDS
from medcls.data.tables import Table
from medcls.data.vocabulary import are_dates, disease_of, is_site, part_of, parts_of, says, words_of

_BESIDE_GUESSES = BESIDE_GUESSES | LIST_WORDS


def sheet_of(table: Table) -> str:
    """Return the name of a table's sheet; empty where its file has one alone."""
    return table.path[len(table.file) :].strip("[]")


def stem_of(table: Table) -> str:
    """Return the name of a table's file without its ending."""
    return table.file.rpartition("/")[2].rpartition(".")[0]


def parts_by_name(tables: Iterable[Table]) -> dict[str, str]:
    """Return the part of a split that the name of a table or of its sheet says (`busi_train_list.txt`), by its path."""
    listed = list(tables)
    sheets, stems = (_said_parts([_bare(of(table)) for table in listed]) for of in (sheet_of, stem_of))
    return {table.path: sheet or stem for table, sheet, stem in zip(listed, sheets, stems, strict=True)}


def part_in(table: Table) -> str:
    """Return the part of a split that a word of the name of a table's sheet, or file, says; empty if none or two."""
    for name in (sheet_of(table), stem_of(table)):
        said = {part for word in words_of(_bare(name)) if (part := part_of(word))}
        if len(said) == 1:
            return said.pop()
    return ""


def label_in(name: str, part: str) -> str:
    """Return what is left of the name of a table, or of a sheet, that says a part: `train_benign` lists `benign`."""
    if not part:
        return name
    return " ".join(word for word in words_of(name) if part_of(word) != part and word not in LIST_WORDS)


def _bare(name: str) -> str:
    return " ".join(word for word in words_of(name) if word not in LIST_WORDS)


def _said_parts(names: list[str]) -> list[str]:
    """Return the part that each of some names says: as a whole, or by one of its words where these are of two parts."""
    whole = parts_of(names)
    if whole:
        return [whole.get(name, "") for name in names]
    inside = [{part_of(word) for word in name.split()} - {""} for name in names]
    said = [next(iter(parts)) if len(parts) == 1 else "" for parts in inside]
    return said if len(set(said) - {""}) > 1 else [""] * len(names)


def sites_of_tables(tables: list[Table]) -> dict[str, str]:
    """Return the site that each table's scans are of, by its path, as its sheet, its name or its folder says.

    Empty unless each says another: a name that is called a site, or that of a folder beside others, which is not one of
    a part, a time, a label or a patient.
    """
    folders = [table.folder for table in tables]
    shared = len(common_root(folders))
    inner = [folder[shared:].strip("/").partition("/")[0] for folder in folders]
    for names, said in (
        ([sheet_of(table) for table in tables], True),
        ([_bare(stem_of(table)) for table in tables], True),
        (inner, False),
    ):
        sites = len(set(names)) > 1 and (all(map(is_site, names)) if said else _may_be_sites(set(names)))
        if sites:
            return {table.path: name for table, name in zip(tables, names, strict=True)}
    return {}


def _may_be_sites(names: set[str]) -> bool:
    other = "" in names or parts_of(names) or are_dates(names) or are_patients(names)
    return not other and all(disease_of(name) is None for name in names)


def is_of_guesses(file: str) -> bool:
    """Return whether the name of a table's file says that it holds what a model guessed: `sample_submission.csv`."""
    return says(file.rpartition("/")[2].rpartition(".")[0], GUESSES, _BESIDE_GUESSES)
