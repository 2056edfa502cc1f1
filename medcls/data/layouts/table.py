"""A table of paths and labels, with patients, lesions, parts and sites if it has them; those of ISIC as published."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType

from medcls.core.collection import names_owner
from medcls.core.note import Note
from medcls.core.plan import PlanChoices
from medcls.data.labels import diseases_by_name, find_labels, same_label, tidy
from medcls.data.layouts.beside import ask_which_table, join_tables
from medcls.data.layouts.found_tables import Found, find_tables
from medcls.data.layouts.isic import LABELS, TASK
from medcls.data.layouts.layout import (
    Entry,
    Layout,
    Reading,
    common_root,
    parts_by_folder,
    patients_by_folder,
    sites_by_folder,
    with_part,
)
from medcls.data.layouts.masks import find_masks, resolve_masks, with_masks
from medcls.data.layouts.table_names import label_in, sheet_of, sites_of_tables, stem_of
from medcls.data.layouts.teller import Teller
from medcls.data.resolve import MISSING, SEVERAL, tidy_path
from medcls.data.tree import Tree

ANY = ("table", "isic", "ham10000")


def read_table_layout(tree: Tree, choices: PlanChoices, kind: str = "") -> Reading | None:
    """Return what the tables of a tree say of its pictures; None if none has labels.

    Args:
        tree: The tree.
        choices: What a person decided.
        kind: Take only tables of this layout (`table`, `isic`, `ham10000`); empty for any.
    """
    found, useless = find_tables(tree, choices)
    if not any(one.rule for one in found):
        label_by_names(found)
    labelled = [one for one in found if one.rule and kind in ("", "table", one.layout)]
    if not labelled:
        return None
    chosen = _choose(labelled)
    beside = [one for one in found if one not in chosen and one.named]
    first = chosen[0]
    reading = Reading(first.layout, "", [], [_why(first)], cells=True)
    if first.layout != "table":
        reading.task_id, reading.labels = TASK, LABELS
    entries: dict[str, Entry] = {}
    for one in chosen:
        _take(one, entries, reading)
        reading.questions += one.questions if "label" in one.columns else []
    join_tables(beside, entries, reading, Note("data.table-labels-again", table=first.table.path))
    for one in beside:
        reading.left |= dict.fromkeys(one.named - set(entries), Note("data.named-unlabelled", table=one.table.path))
    sites = sites_of_tables([one.table for one in chosen])
    placed = {path: site for one in chosen if (site := sites.get(one.table.path)) for path in one.named}
    reading.entries = with_owners(with_folders(entries.values(), placed), reading)
    reading.root = _root(tree, chosen, reading)
    shown = {table.path for table in reading.tables}
    for one in found:
        if one.table.path not in shown:  # its rows name no file that is here
            reading.tables.append(replace(one.shown(Note("data.table-names-no-files")), columns={}))
    reading.tables += useless
    if not (choices.table or tree.sole):
        ask_which_table(reading, first.table.path)
    reading.entries = with_masks(resolve_masks(tree, reading.entries), find_masks(tree))
    return reading


def label_by_names(found: list[Found]) -> None:
    """Label the rows of tables by what its name, or its sheet's, says, where each has its own, or one for each part."""
    sheets = len({one.table.file for one in found if one.named and not one.links}) == 1
    said = [(one, label_in((sheet_of if sheets else stem_of)(one.table), one.part)) for one in found]
    own = [(one, name) for one, name in said if one.named and name and not one.links]
    told = diseases_by_name({name: name for _, name in own})
    n_named = sum(len(one.named) for one, _ in own)
    apart = len({(one.part, name) for one, name in own}) == len(own)
    apart = apart and n_named == len(set().union(*(one.named for one, _ in own)))
    if len(own) > 1 and apart and set(told.values()) == {True, False}:
        for one, name in own:
            one.rule = partial(_said_of_all, name)
            one.notes.append(Note("data.table-is-label", label=name))


def _said_of_all(name: str, _row: Mapping[str, str]) -> str:
    return name


def _why(first: Found) -> Note:
    if first.layout == "ham10000":
        return Note("data.why-ham10000", table=first.table.path)
    return (
        Note("data.why-isic", table=first.table.path)
        if first.layout == "isic"
        else Note("data.why-table", table=first.table.path)
    )


def _choose(labelled: list[Found]) -> list[Found]:
    """Choose the tables that labels are taken from: the best, and those of its kind that name other files."""
    ranked = sorted(labelled, key=lambda one: (-bool(one.named), -round(one.sense, 1), -len(one.named), one.table.path))
    chosen, named = [ranked[0]], set(ranked[0].named)
    for one in ranked[1:]:
        if one.layout == ranked[0].layout and one.named and not one.named & named:
            chosen.append(one)
            named |= one.named
    return sorted(chosen, key=lambda one: one.table.path)


def _take(one: Found, entries: dict[str, Entry], reading: Reading) -> None:
    """Add the scans of a table's rows; repeated rows are told, contradicting ones left out."""
    teller = Teller(one.columns, one.table, reading.people)
    table, again, unclear = one.table.path, 0, set()
    for row, path in zip(one.rows(), one.paths, strict=True):
        if path in (MISSING, SEVERAL):
            if named := _named(one, teller, row):
                why = (
                    Note("data.row-missing", table=table) if path == MISSING else Note("data.row-several", table=table)
                )
                reading.missing[named] = why
            continue
        entry = _entry(one, teller, row, path)
        if path not in entries:
            entries[path] = entry
            continue
        again += 1
        if _is_unlabelled(entries[path].label):
            entries[path] = entry
        elif not _is_unlabelled(entry.label) and not same_label(entries[path].label, entry.label):
            unclear.add(path)
    for path in unclear:
        del entries[path]
        reading.left[path] = Note("data.two-labels", table=table)
    reading.used.update(one.table.files or (one.table.file,))
    told = [Note("data.rows-again", n=again)] if again and not one.table.files else []
    reading.tables.append(one.shown(*told, *teller.told))
    reading.patients_from += one.owners_from()


def _is_unlabelled(label: str | None) -> bool:
    return not label or find_labels([label, "a label", "another one"], cells=True).ids[label] is None


def _named(one: Found, teller: Teller, row: Mapping[str, str]) -> str:
    """Return what a row names, as it may be shown: a person of whom there is no picture by a number."""
    named = tidy_path(row[one.columns["path"]])
    if named.endswith("/*") and teller.hides_names and (person := teller.tell(row).patient):
        return f"{person}/*"
    return named


def _entry(one: Found, teller: Teller, row: Mapping[str, str], path: str) -> Entry:
    """Return what a row says of its file."""
    told = teller.tell(row)
    labels = one.label_columns if one.graded else ()
    attributes = {name: value for name, value in told.attributes.items() if name not in labels}
    if one.layout != "table":
        attributes |= {
            name: row[name] for name in one.table.header if name.casefold() in one.label_columns and row[name]
        }
    if not {"part", "fold"} & set(attributes):
        attributes = with_part(attributes, one.part)
    label = one.rule(row) if one.rule else None
    return Entry(path, label, told.patient, told.group, (told.mask,) if told.mask else (), attributes)


def with_folders(entries: Iterable[Entry], sites: Mapping[str, str] = MappingProxyType({})) -> list[Entry]:
    """Add the parts and the sites that folders name, where no table says any.

    Args:
        entries: The scans.
        sites: Site of each scan where no folder's name says one, by its path.
    """
    listed = list(entries)
    told = set().union(*(entry.attributes for entry in listed))
    parts = {} if "fold" in told else parts_by_folder(entry.id for entry in listed)
    folders = {} if "site" in told else sites_by_folder(entry.id for entry in listed)
    by_id = {} if "site" in told or folders else sites
    if not parts and not folders and not by_id:
        return listed
    places = ((entry, _folder(entry)) for entry in listed)
    return [_placed(e, parts.get(at, ""), folders.get(at, "") or by_id.get(e.id, "")) for e, at in places]


def with_owners(entries: list[Entry], reading: Reading) -> list[Entry]:
    """Add the patients that folders name, where no table says whose a scan is."""
    if any(entry.patient or names_owner(entry.group) for entry in entries) or not (
        owners := patients_by_folder(entries)
    ):
        return entries
    reading.patients_from.append(Note("data.from-folders"))
    return [replace(entry, patient=tidy(owners[_folder(entry)])) for entry in entries]


def _folder(entry: Entry) -> str:
    return entry.id.rpartition("/")[0]


def _placed(entry: Entry, part: str, site: str) -> Entry:
    attributes = entry.attributes if "part" in entry.attributes else with_part(entry.attributes, part)
    return replace(entry, attributes={**attributes, "site": site} if site else attributes)


def _root(tree: Tree, chosen: list[Found], reading: Reading) -> str:
    """Return the table's folder where all scans lie below it, else the innermost folder of them all."""
    folder = common_root([one.table.folder for one in chosen])
    if all(not folder or entry.id.startswith(f"{folder}/") for entry in reading.entries):
        return folder
    return common_root([folder, *(entry.id.rpartition("/")[0] for entry in reading.entries)])


TABLE = Layout("table", Note("data.layout-table"), lambda tree, c: read_table_layout(tree, c, "table"))
ISIC = Layout(
    "isic",
    Note("data.layout-isic"),
    lambda tree, c: read_table_layout(tree, c, "isic"),
    TASK,
    LABELS,
)
HAM10000 = Layout(
    "ham10000", Note("data.layout-ham10000"), lambda tree, c: read_table_layout(tree, c, "ham10000"), TASK, LABELS
)
