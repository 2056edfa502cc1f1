"""What tables that lie beside labelled scans add to them: patients, lesions, sites, parts of a split, and the rest."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from medcls.core.collection import names_owner
from medcls.core.note import Note
from medcls.core.plan import PlanChoices, Question
from medcls.data.labels import diseases_said
from medcls.data.layouts.found_tables import Found, find_tables
from medcls.data.layouts.layout import Entry, Reading, with_part
from medcls.data.layouts.masks import resolve_masks
from medcls.data.layouts.teller import Beside, Teller
from medcls.data.resolve import MISSING, SEVERAL
from medcls.data.ties import Ties
from medcls.data.tree import TABLE, Tree
from medcls.data.vocabulary import fold

_PARTS = ("part", "fold")
Pairs = list[tuple[str, str]]  # groups that two tables give one scan
Claims = dict[tuple[str, str], set[str]]  # parts, or folds, said of a scan, by its path and the kind


def join_beside(tree: Tree, choices: PlanChoices, reading: Reading) -> None:
    """Add to scans whose labels no table says what the tables of their tree tell; each table is shown, used or not.

    Args:
        tree: The tree.
        choices: What a person decided.
        reading: What a layout made of the tree; tables it has read itself are passed over.
    """
    if not (choices.table or tree.drawn or tree.of_kind(TABLE)):
        return
    found, useless = find_tables(tree, choices)
    entries = {entry.id: entry for entry in reading.entries}
    new = [one for one in found if one.table.file not in reading.used]
    join_tables(new, entries, reading, Note("data.table-labels-unused"))
    if not choices.layout:
        _ask_which(reading)
    reading.entries = resolve_masks(tree, entries.values())
    reading.tables += [table for table in useless if table.path.partition("[")[0] not in reading.used]


def _ask_which(reading: Reading) -> None:
    """Ask which labels are right where a table says disease of scans whose label says none, or the other way round."""
    for table in reading.tables:
        if note := next((note for note in table.notes if note.code == "data.labels-differ-beside"), None):
            ask_which(reading, table.path, int(note.params["n"]), (reading.layout, "table"))


def ask_which_table(reading: Reading, taken: str) -> None:
    """Ask which of two tables is right where one says disease of scans of which the other says that there is none.

    Args:
        reading: What was read of the tree; the question is added to it.
        taken: Path of the table whose labels are taken.
    """
    for table in reading.tables:
        if note := next((note for note in table.notes if note.code == "data.labels-differ-beside"), None):
            asks = Note("data.asks-tables-differ", n=note.params["n"], table=taken, other=table.path)
            reading.questions.append(Question(asks, "--table", (taken, table.path), taken))


def ask_which(reading: Reading, table: str, n: int, layouts: tuple[str, str]) -> None:
    """Ask whether the labels of a table are right, or those that folders or names say; those taken are the first.

    Args:
        reading: What was read of the tree; the question is added to it.
        table: Path of the table.
        n: Number of scans whose labels differ.
        layouts: The layout whose labels are taken, and the other.
    """
    asks = Note("data.asks-labels-differ", n=n, table=table)
    reading.questions.append(Question(asks, "--layout", layouts, layouts[0]))


def join_tables(found: list[Found], entries: dict[str, Entry], reading: Reading, unread: Note) -> None:
    """Add what tables tell to scans, and to a reading which tables were used and why the others were not.

    Args:
        found: The tables. A label they have is not read.
        entries: Scans by path; changed.
        reading: What is known so far; changed.
        unread: Why labels of a table are not read.
    """
    claims: Claims = {}
    ties: Pairs = []
    for path, entry in entries.items() if found else ():
        _claim(claims, path, entry.attributes)
    for one in found:
        teller = Teller(one.columns, one.table, reading.people)
        told = _join(one, teller, entries, claims, ties)
        notes = [*_differ(one, entries), *([unread] if one.rule and not one.graded else [])]
        for lost, code in ((SEVERAL, "data.rows-of-several"), (MISSING, "data.rows-of-missing")):
            if n := sum(path == lost for path in one.paths):
                notes.insert(0, Note(code, n=n))
        if not told and not one.links:
            notes = notes or [Note("data.table-adds-nothing")]
            reading.tables.append(replace(one.shown(*notes), columns={}))
            continue
        columns = {role: name for role, name in one.shown().columns.items() if role != "label"}
        reading.used.update(one.table.files or (one.table.file,))
        reading.tables.append(replace(one.shown(*notes, *teller.told), columns=columns))
        reading.patients_from += one.owners_from()
    _settle_parts(claims, entries, reading)
    _tie(ties, entries)


def _tie(ties: Pairs, entries: dict[str, Entry]) -> None:
    """Let groups be one that two tables give one scan: what is listed with it in either stays together."""
    one = Ties()
    for a, b in ties:
        one.tie(a, b)
    names = {
        group: min(whole, key=lambda name: (not names_owner(name), name)) for whole in one.wholes() for group in whole
    }
    for path, entry in entries.items() if names else ():
        entries[path] = replace(entry, group=names.get(entry.group or "", entry.group))


def _settle_parts(claims: Claims, entries: dict[str, Entry], reading: Reading) -> None:
    """Let scans of two parts keep the inner one where all scans of that lie in the other too; the rest have none.

    Args:
        claims: Parts, and folds, that a table or a folder says of each scan.
        entries: Scans by path; changed.
        reading: What is known so far; changed.
    """
    whole: dict[tuple[str, str], set[str]] = {}
    for (path, key), said in claims.items():
        for value in said:
            whole.setdefault((key, value), set()).add(path)
    refined: Counter[str] = Counter()
    cut = set()
    for (path, key), said in claims.items():
        if len(said) < 2:
            continue
        inner = min(said, key=lambda value: len(whole[key, value]))
        kept = all(whole[key, inner] < whole[key, outer] for outer in said - {inner})
        refined.update([inner] if kept else [])
        cut.update([] if kept else [path])
        if kept:
            entries[path] = replace(entries[path], attributes={**entries[path].attributes, key: inner})
    for path in cut:
        entries[path] = replace(entries[path], attributes=_without_parts(entries[path].attributes))
    if cut:
        reading.notes.append(Note("data.two-parts", n=len(cut)))
    reading.notes += [Note("data.part-inside", n=n, part=part) for part, n in sorted(refined.items())]


def _claim(claims: Claims, path: str, attributes: Mapping[str, str]) -> bool:
    """Note the part that is said of a scan; True if another was said before."""
    for key in _PARTS:
        if key in attributes:
            claims.setdefault((path, key), set()).add(attributes[key])
    return any(len(claims.get((path, key), ())) > 1 for key in _PARTS)


def _join(one: Found, teller: Teller, entries: dict[str, Entry], claims: Claims, ties: Pairs) -> bool:
    """Add to scans what a table says of them, and note each part that is said; False if it says nothing."""
    told, labels = False, one.label_columns if not one.graded else ()
    for row, path in zip(one.rows(), one.paths, strict=True):
        if (entry := entries.get(path)) is None:
            continue
        more = teller.tell(row)
        more = replace(more, attributes={k: v for k, v in more.attributes.items() if k not in labels})
        if not set(_PARTS) & set(more.attributes):
            more = replace(more, attributes=with_part(more.attributes, one.part))
        contradicted = _claim(claims, path, more.attributes)
        joined = _joined(entry, more)
        if joined.group and more.group and joined.group != more.group:
            ties.append((joined.group, more.group))
        told = told or contradicted or joined != entry
        entries[path] = joined
    return told


def _differ(one: Found, entries: Mapping[str, Entry]) -> list[Note]:
    """Count the scans that a table calls diseased and their label does not, or calls by another of the same labels."""
    if one.rule is None or one.graded:
        return []
    labels = {path: one.rule(row) for row, path in zip(one.rows(), one.paths, strict=True) if path in entries}
    pairs = [(fold(a), fold(b)) for path, a in labels.items() if a and (b := entries[path].label)]
    column = one.columns.get("label", "")
    if n := len(contradicted(labels, {path: entries[path].label for path in labels}, column)):
        return [Note("data.labels-differ-beside", n=n)]
    same = {a for a, _ in pairs} <= {fold(entry.label) for entry in entries.values() if entry.label}
    n = sum(a != b for a, b in pairs) if same else 0
    return [Note("data.labels-other-beside", n=n)] if n else []


def contradicted(labels: Mapping[str, str | None], others: Mapping[str, str | None], column: str = "") -> list[str]:
    """Return the scans of which one of two labels says disease and the other that there is none.

    Args:
        labels: Label by path, as it is written; the words that stand beside each other tell what `1` or `no` means.
        others: Other labels of the same scans.
        column: Name of the column that the first are cells of, if they are.
    """
    sick, other = diseases_said(labels.values(), column), diseases_said(others.values())
    pairs = ((path, sick.get(label or ""), other.get(others[path] or "")) for path, label in labels.items())
    return [path for path, a, b in pairs if a is not None and b is not None and a != b]


def _joined(entry: Entry, more: Beside) -> Entry:
    patient = entry.patient or more.patient
    group = entry.group or more.group or (more.patient if entry.patient and more.patient != entry.patient else None)
    masks = entry.masks or ((more.mask,) if more.mask else ())
    return replace(entry, patient=patient, group=group, masks=masks, attributes={**more.attributes, **entry.attributes})


def _without_parts(attributes: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in attributes.items() if key not in _PARTS}
