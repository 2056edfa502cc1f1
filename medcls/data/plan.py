"""The plan of an import of labelled scans: all under a path, read by its layout, and what is not taken, and why."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from medcls import home
from medcls.core.collection import names_owner
from medcls.core.note import Note
from medcls.core.plan import NotTaken, Plan, PlanChoices, PlanCount, PlanLabel, Question
from medcls.core.progress import Progress, silent
from medcls.core.task import OWN, Task
from medcls.data.at_sites import part_sites
from medcls.data.beginnings import name_by_files
from medcls.data.labels import Labels, diseases_in, find_labels, slug, tidy
from medcls.data.layouts import Entry, Reading, recognise
from medcls.data.layouts.layout import common_root
from medcls.data.legend import read_legend, unknown_codes
from medcls.data.lexicon import MASK
from medcls.data.owner_links import link_owners
from medcls.data.owners import groups_within_patients, hide_people, owners_in_one_form, with_owners
from medcls.data.part_names import name_parts
from medcls.data.tree import ARRAY, BESIDE, OTHER, TABLE, Tree, walk
from medcls.data.vocabulary import holds
from medcls.errors import BadData
from medcls.tasks import list_tasks

NAMES_SHOWN = 20


@dataclass(frozen=True, eq=False)
class Prepared:
    """A plan with everything needed to carry it out.

    Args:
        plan: The plan.
        root: Folder that the entries' ids start at.
        entries: The scans, with label ids.
        left: Why each file is not taken, by its path below the path looked at.
    """

    plan: Plan
    root: Path
    entries: list[Entry]
    left: dict[str, Note]


def prepare(path: Path, choices: PlanChoices | None = None, progress: Progress = silent) -> Prepared:
    """Look at a folder or table and say what would be taken of it.

    Args:
        path: A folder, or a table of paths.
        choices: What a person decided; None for nothing.
        progress: Called now and then with the files seen so far.

    Raises:
        BadData: If nothing is recognised, or a choice is impossible.
    """
    choices = choices or PlanChoices()
    if not path.exists():
        raise BadData("data.nothing-at-path", found=str(path)[:200])
    tree = walk(path, progress)
    reading = recognise(tree, choices)
    _leave_out(reading, choices)
    reading.entries, n_dicom, told = with_owners(tree, reading.entries)
    reading.notes += told
    if n_dicom:
        reading.patients_from.append(Note("data.from-dicom"))
    link_owners(tree, reading)
    name_by_files(reading, choices)
    reading.entries = hide_people(reading.entries, reading.people)
    reading.notes += [note] if (note := reading.people.merged()) else []
    reading.entries, note = owners_in_one_form(reading.entries)
    reading.notes += [note] if note else []
    part_sites(reading, choices)
    reading.entries, note = groups_within_patients(reading.entries)
    reading.notes += [note] if note else []
    name_parts(reading, choices)
    labels = _with_ids(reading, choices, read_legend(tree, reading))
    left = {} if tree.sole else _why_left(tree, reading)
    left |= reading.missing
    task_id = _task_id(reading, choices, labels)
    named = _labels(reading, labels, task_id, choices)
    root = _root(reading)
    plan = _plan(path, tree, reading, choices, left)
    asks = _asks_codes(named, choices) or _asks_disease(named, task_id)
    plan = replace(plan, root=root, task_id=task_id, labels=named, questions=(*asks, *reading.questions))
    return Prepared(plan, tree.root / root, [_below(root, entry) for entry in reading.entries], left)


def _leave_out(reading: Reading, choices: PlanChoices) -> None:
    """Take out what a person does not want."""
    patterns = [tidy(pattern).strip("/") for pattern in choices.leave_out]

    def unwanted(path: str) -> bool:
        form = tidy(path)
        return any(form == p or form.startswith(f"{p}/") or fnmatchcase(form, p) for p in patterns)

    out = [entry.id for entry in reading.entries if unwanted(entry.id)] if patterns else []
    reading.left |= {path: Note("data.left-out-asked") for path in out}
    gone = set(out)
    reading.entries = [entry for entry in reading.entries if entry.id not in gone]


def _with_ids(reading: Reading, choices: PlanChoices, legend: Mapping[str, str]) -> Labels:
    """Return every entry the id of its label in the place of the label as it is written, or as a legend names it."""
    if reading.labels and not choices.names:
        return Labels({label: label for label in reading.labels}, {i: reading.names.get(i, i) for i in reading.labels})
    labels = find_labels(
        (e.label for e in reading.entries if e.label is not None), {**legend, **choices.names}, cells=reading.cells
    )
    known = {tidy(written).casefold() for written in labels.ids}
    if unknown := [name for name in choices.names if tidy(name).casefold() not in known]:
        raise BadData("data.no-such-label", found=", ".join(unknown)[:200], allowed=", ".join(labels.ids)[:300])
    reading.entries = [replace(e, label=labels.ids[e.label] if e.label is not None else None) for e in reading.entries]
    return labels


def _task_id(reading: Reading, choices: PlanChoices, labels: Labels) -> str:
    """Return the task of the labels: the one asked for, the layout's, or one of their own."""
    tasks = list_tasks(home.tasks())
    wanted = choices.task or (
        OWN if choices.names and not set(labels.names) <= set(reading.labels) else reading.task_id
    )
    if wanted == OWN:
        return OWN
    if wanted not in tasks:
        raise BadData("data.task-unknown", found=wanted[:80], allowed=", ".join([*tasks, OWN]))
    found = {entry.label for entry in reading.entries if entry.label}
    if foreign := found - set(tasks[wanted].label_ids):
        raise BadData(
            "data.labels-of-another-task",
            task=wanted,
            found=", ".join(sorted(foreign))[:200],
            allowed=", ".join(tasks[wanted].label_ids),
        )
    return wanted


def _labels(reading: Reading, labels: Labels, task_id: str, choices: PlanChoices) -> tuple[PlanLabel, ...]:
    counts = Counter(entry.label for entry in reading.entries)
    written: defaultdict[str, list[str]] = defaultdict(list)
    for text, label in labels.ids.items():
        if label:
            written[label].append(text)
    task: Task | None = list_tasks(home.tasks()).get(task_id)
    if task:
        sick: dict[str, bool | None] = {label.id: label.positive for label in task.labels}
        names = {label.id: label.name for label in task.labels}
    else:
        sick, names = diseases_in(reading.label_column, labels.names), dict(labels.names)
    if choices.disease:
        sick = _as_said(choices.disease, names)
    return tuple(PlanLabel(i, name, tuple(written.get(i, ())), sick.get(i), counts[i]) for i, name in names.items())


def _as_said(disease: Iterable[str], names: dict[str, str]) -> dict[str, bool | None]:
    forms = (
        {tidy(name).casefold(): i for i, name in names.items()}
        | {i: i for i in names}
        | {slug(name): i for i, name in names.items()}
    )
    said = {name: forms.get(tidy(name).casefold()) for name in disease}
    if unknown := [name for name, found in said.items() if found is None]:
        raise BadData("data.no-such-label", found=", ".join(unknown)[:200], allowed=", ".join(names.values())[:300])
    return {i: i in said.values() for i in names}


def _asks_codes(labels: tuple[PlanLabel, ...], choices: PlanChoices) -> tuple[Question, ...]:
    """Ask whether a number beside 0 and 1, or 1 and 2, is a label or says that nothing is known (`9`, `-1`)."""
    asked = [code for code in unknown_codes(label.name for label in labels) if code not in choices.names]
    return tuple(
        Question(Note("data.asks-code", code=code), "--label-name", (f"{code}=NA", f"{code}={code}")) for code in asked
    )


def _asks_disease(labels: tuple[PlanLabel, ...], task_id: str) -> tuple[Question, ...]:
    if task_id != OWN or len(labels) < 2:
        return ()
    unsure = [label.name for label in labels if label.positive is None]
    sides = {label.positive for label in labels}
    if not unsure and len(sides) == 2:
        return ()
    return (
        Question(
            Note("data.asks-disease", labels=", ".join(unsure or [label.name for label in labels])),
            "--disease",
            tuple(label.name for label in labels),
        ),
    )


def _root(reading: Reading) -> str:
    """Return the layout's root, or an outer folder where scans or masks lie outside of it."""
    folder = reading.root
    inside = all(not folder or path.startswith(f"{folder}/") for e in reading.entries for path in (e.id, *e.masks))
    return (
        folder if inside else common_root(path.rpartition("/")[0] for e in reading.entries for path in (e.id, *e.masks))
    )


def _below(root: str, entry: Entry) -> Entry:
    if not root:
        return entry
    cut = len(root) + 1
    return replace(entry, id=entry.id[cut:], masks=tuple(mask[cut:] for mask in entry.masks))


def _why_left(tree: Tree, reading: Reading) -> dict[str, Note]:
    """Say of every file that is neither scan, mask nor table read why it is not taken."""
    taken = (
        {entry.id for entry in reading.entries}
        | {mask for entry in reading.entries for mask in entry.masks}
        | reading.used
    )
    of_table = {
        table.path.partition("[")[0]: table.notes[-1] for table in reading.tables if not table.columns and table.notes
    }
    for table in tree.drawn:
        of_table |= dict.fromkeys(table.files, of_table[table.path]) if table.path in of_table else {}
    by_rows = bool(reading.cells)
    left = dict(tree.passed)
    for path, kind in tree.files.items():
        if path in taken:
            continue
        if path in reading.left:
            left[path] = reading.left[path]
        elif path in of_table:
            left[path] = of_table[path]
        elif kind in (OTHER, TABLE):
            left[path] = _none_of_ours(tree, path)
        elif kind == BESIDE:
            left[path] = Note("data.beside-a-picture")
        elif kind == ARRAY:
            left[path] = Note("data.array-alone")
        elif path.rpartition("/")[0] in tree.mask_folders or any(holds(name, MASK) for name in path.split("/")):
            left[path] = Note("data.mask-without-scan")
        else:
            left[path] = Note("data.no-row") if by_rows else Note("data.not-in-layout")
    return left


def _none_of_ours(tree: Tree, path: str) -> Note:
    """Say what a file is that is no picture, table or array."""
    if path.lower().endswith(".npz"):
        return Note("data.npz")
    if path in tree.archives or path.lower().endswith(".zip"):
        return Note("data.zip-inside" if tree.archives.get(path, True) else "data.archive-inside")
    return Note("data.no-picture", found=tree.found.get(path) or Note("data.something-else"))


def _plan(path: Path, tree: Tree, reading: Reading, choices: PlanChoices, left: dict[str, Note]) -> Plan:
    """Put the plan together, but for its labels."""
    entries = reading.entries
    counts = Counter((e.label or "", _part(e), e.attributes.get("site", "")) for e in entries)
    owned = [e for e in entries if e.patient or names_owner(e.group)]
    n_masks = len({mask for e in entries for mask in e.masks})
    n_scans = len(entries)
    files = n_scans if not any("#" in e.id for e in entries) else sum(e.id in tree.files for e in entries)
    notes = [*reading.notes, *_notes(entries, owned)]
    return Plan(
        str(path),
        "",
        reading.layout,
        tuple(reading.why),
        reading.task_id,
        (),
        tuple(PlanCount(*key, n) for key, n in sorted(counts.items())),
        reading.folders,
        tuple(reading.tables),
        files + n_masks + len(reading.used) + len(left),
        n_scans,
        n_masks,
        len(reading.used),
        len(left),
        group_left(left),
        sum(e.label is None for e in entries),
        len({e.patient or e.group for e in owned}),
        len(owned),
        tuple(dict.fromkeys(reading.patients_from)),
        _split(entries),
        tuple(notes),
        (),
        choices,
    )


def _part(entry: Entry) -> str:
    return entry.attributes.get("part") or (f"fold-{entry.attributes['fold']}" if "fold" in entry.attributes else "")


def _split(entries: list[Entry]) -> str:
    for name in ("part", "fold"):
        if len({e.attributes[name] for e in entries if name in e.attributes}) > 1:
            return name
    return ""


def _notes(entries: list[Entry], owned: list[Entry]) -> list[Note]:
    said = []
    if unlabelled := sum(e.label is None for e in entries):
        said.append(Note("data.unlabelled", n=unlabelled))
    if len(owned) < len(entries):
        said.append(Note("data.owners-unknown", n=len(entries) - len(owned), of=len(entries)))
    parts: defaultdict[str, set[str]] = defaultdict(set)
    for entry in owned:
        if part := _part(entry):
            parts[entry.patient or entry.group or ""].add(part)
    if cut := sum(len(found) > 1 for found in parts.values()):
        said.append(Note("data.split-cuts-patients", n=cut))
    return said


def group_left(left: Mapping[str, Note]) -> tuple[NotTaken, ...]:
    """Return what is not taken by folder, ending and reason, the largest first."""
    grouped: defaultdict[tuple[str, str, Note], list[str]] = defaultdict(list)
    for path, reason in left.items():
        folder, _, name = path.rpartition("/")
        stem, dot, ending = name.rpartition(".")
        grouped[folder or ".", f".{ending.lower()}" if dot and stem and len(ending) < 12 else "", reason].append(path)
    made = [
        NotTaken(folder, ending, reason, len(names), tuple(names[:NAMES_SHOWN]))
        for (folder, ending, reason), names in grouped.items()
    ]
    return tuple(sorted(made, key=lambda one: (-one.n, one.folder, one.ending)))
