"""What the rows of a table say of scans beside the label: patient, lesion, mask, part, site and the rest."""

from collections.abc import Mapping
from dataclasses import dataclass

from medcls.core.note import Note
from medcls.data.column_names import role_of
from medcls.data.labels import tidy
from medcls.data.layouts.columns import find_flags, mark_of, number_of
from medcls.data.layouts.layout import kept_as
from medcls.data.letters import one_form
from medcls.data.lexicon import FOLD, NAME, SPLIT, UNLABELLED
from medcls.data.people import People, are_names, is_personal
from medcls.data.tables import Table
from medcls.data.vocabulary import holds, names_nobody, parts_of, words_of

Row = Mapping[str, str]


def unread_parts(cells: list[str], column: str) -> list[str]:
    """Return what stands in a column of parts, or folds, and names none; such a cell is kept as it is."""
    parts, folds = parts_of(dict.fromkeys(cells)), holds(column, FOLD - SPLIT)
    return [c for c in dict.fromkeys(cells) if c and c not in parts and not (folds and number_of(c) is not None)]


@dataclass(frozen=True)
class Beside:
    """What a table says of a scan beside its label."""

    patient: str | None
    group: str | None
    mask: str
    attributes: dict[str, str]


class Teller:
    """Tells what a table's rows say of scans beside the label.

    Args:
        columns: Its column by role.
        table: The table.
        people: The people whom this table and the others name; added to.
    """

    def __init__(self, columns: Mapping[str, str], table: Table, people: People) -> None:
        self._columns = columns
        others = [name for name in table.header if name not in columns.values()]
        self._personal = [name for name in others if is_personal(name, table.column(name))]
        self._kept = [name for name in others if name not in self._personal]
        self._whole: dict[str, bool] = {
            role: _all_numbers(table.column(columns[role])) for role in ("patient", "group") if role in columns
        }
        named = words_of(columns.get("patient", ""))
        by_name = any(word in NAME for word in named) or (bool(named) and are_names(table.column(columns["patient"])))
        self._people = people if by_name else None
        self._parts = parts_of(dict.fromkeys(table.column(columns["part"]))) if "part" in columns else {}
        self._folds = holds(columns.get("part", ""), FOLD - SPLIT)
        self._flags = find_flags(table, columns)
        self._also, self._also_parts = self._other_column(table) if "part" in columns else ("", {})

    @property
    def hides_names(self) -> bool:
        """True if the patients' column holds names of people, which are not shown."""
        return self._people is not None

    @property
    def told(self) -> list[Note]:
        """A note on columns that are not kept as they tell who a patient is; empty if there are none."""
        return [Note("data.columns-personal", names=", ".join(self._personal))] if self._personal else []

    def tell(self, row: Row) -> Beside:
        """Return what a row says."""
        patient = self._owner(row, "patient")
        if patient and self._people is not None:  # a name is no id to show
            patient = self._people.number(patient)
        told = {kept_as(name, row[name]): row[name] for name in self._kept if row[name]}
        part = row[self._columns["part"]] if "part" in self._columns else ""
        number = number_of(part)
        named = f"fold-{int(number)}" if self._folds and number is not None else self._parts.get(part, "")
        if named:
            told |= {"fold": named[5:]} if named.startswith("fold-") else {"part": named}
        elif part:
            told[kept_as(self._columns["part"])] = part
        elif self._flags:
            told |= self._flagged(row)
        if "fold" in told and (also := self._also_parts.get(row[self._also] if self._also else "", "")):
            told |= {"part": also}
        if "site" in self._columns and (site := tidy(row[self._columns["site"]])):
            told["site"] = site
        return Beside(
            patient, self._owner(row, "group"), row[self._columns["mask"]] if "mask" in self._columns else "", told
        )

    def _other_column(self, table: Table) -> tuple[str, dict[str, str]]:
        """Return a second column of parts beside one of folds, and the part that each of its cells says."""
        for name in self._kept if self._folds else ():
            parts = parts_of(dict.fromkeys(table.column(name)))
            if role_of(name) == "part" and len({*parts.values()} - {""}) > 1 and not holds(name, FOLD - SPLIT):
                return name, parts
        return "", {}

    def _flagged(self, row: Row) -> dict[str, str]:
        """Return the part that a row's yes says; of one column alone, a no says the other of train and test."""
        said = [part for name, part in self._flags.items() if mark_of(row[name]) == 1.0]
        if not said and len(self._flags) == 1:
            said = ["test" if "train" in self._flags.values() else "train"]
        return {"part": said[0]} if len(said) == 1 else {}

    def _owner(self, row: Row, role: str) -> str | None:
        value = tidy(row[self._columns[role]]) if role in self._columns else ""
        if not value or names_nobody(value):
            return None
        number = number_of(value) if self._whole[role] else None
        return (
            str(int(number))
            if number is not None and number == int(number) and "." in value.replace(",", ".")
            else value
        )


def _all_numbers(cells: list[str]) -> bool:
    return all(number_of(cell) is not None for cell in cells if cell and one_form(cell) not in UNLABELLED)
