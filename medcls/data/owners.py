"""Whose a DICOM file is: its patient's id, kept as a number only, and the device that took it."""

import io
import struct
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from medcls.core.collection import names_owner
from medcls.core.note import Note
from medcls.data.layouts.layout import Entry
from medcls.data.letters import owner_form
from medcls.data.people import People, is_name
from medcls.data.ties import Ties
from medcls.data.tree import DICOM, Tree
from medcls.data.vocabulary import names_nobody
from medcls.imaging.formats import lacks_mark, starts_late

# Modality, model of the device, patient's id, its issuer.
_MODALITY, _DEVICE, _PATIENT, _ISSUER = 0x00080060, 0x00081090, 0x00100020, 0x00100021
_PICTURE, _ACCESSION, _STUDY, _SERIES = 0x00080018, 0x00080050, 0x0020000D, 0x0020000E
_TAGS = (_MODALITY, _DEVICE, _PATIENT, _ISSUER, _PICTURE, _ACCESSION, _STUDY, _SERIES)
_LAST = _SERIES  # nothing wanted stands behind it
_FEW, _A_PAIR = 4, 2
_HEAD, _UNDEFINED = 1 << 14, 0xFFFFFFFF
_LONG = frozenset((b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"UT", b"UC", b"UR", b"SV", b"UV"))  # PS3.5, 7.1.2
_PREFIX = "1.2.840.10008.1.2"
# Explicit little endian, plain or with coded pixels; not implicit (no suffix), deflated (.1.99), big endian (.2).
_EXPLICIT = frozenset(
    (f"{_PREFIX}.1", f"{_PREFIX}.5", *(f"{_PREFIX}.4.{n}" for n in (50, 51, 57, 70, 80, 81, 90, 91, 201, 202, 203)))
)


def owners_in_one_form(entries: list[Entry]) -> tuple[list[Entry], Note | None]:
    """Return entries whose patients, and lesions, are called alike where only capitals, width or zeros part them.

    `007` beside `7` is what a spreadsheet makes of it: kept together, as a wrong guess costs no leak. The longest way
    of writing stays.

    Returns:
        The entries, and a note that counts the names of patients that became one with others; None if none did.
    """
    names: dict[str, str] = {}
    written = dict.fromkeys(name for entry in entries for name in (entry.patient, entry.group) if name)
    for name in written:
        names[owner_form(name)] = max(names.get(owner_form(name), ""), name, key=len)
    if len(names) == len(written):
        return entries, None

    def one(name: str | None) -> str | None:
        return names[owner_form(name)] if name else name

    owners = dict.fromkeys(owner for entry in entries if (owner := entry.patient or entry.group))
    several = Counter(map(owner_form, owners))
    merged = [n for n in several.values() if n > 1]
    note = Note("data.owners-merged", n=sum(merged), to=len(merged)) if merged else None
    return [replace(entry, patient=one(entry.patient), group=one(entry.group)) for entry in entries], note


def groups_within_patients(entries: list[Entry]) -> tuple[list[Entry], Note | None]:
    """Return entries whose groups begin anew in each patient (`lesion 1`, `left`) with these of the patient.

    They are such where one of them stands beside more than half of the patients; of two patients, if it is a number.

    Returns:
        The entries, and a note that this was done; None if it was not.
    """
    owners: dict[str, set[str]] = {}
    for entry in entries:
        if entry.patient and names_owner(entry.group):
            owners.setdefault(str(entry.group), set()).add(entry.patient)
    n_patients = len(set().union(*owners.values()))
    most = max(owners, key=lambda group: len(owners[group]), default="")
    if not owners or 2 * len(owners[most]) <= n_patients or not (n_patients > _A_PAIR or most.isdecimal()):
        return entries, None
    apart = [replace(e, group=f"{e.patient}/{e.group}") if e.patient and e.group in owners else e for e in entries]
    return apart, Note("data.groups-in-patients", n=len(owners))


def hide_people(entries: list[Entry], people: People) -> list[Entry]:
    """Return entries with a number for each patient that is a person's name, and without names in what else is told.

    A person in folders of two labels is one.

    Args:
        entries: The scans. A path that holds a name keeps it: without it the file is not found.
        people: People whom tables name; those of folders are added.
    """

    def hidden(owner: str | None) -> str | None:
        name = (owner or "").rpartition("/")[2]
        return people.number(name) if name and (people.knows(name) or is_name(name)) else owner

    def told(entry: Entry) -> dict[str, str]:
        return {key: value for key, value in entry.attributes.items() if not people.knows(value)}

    numbered = [replace(entry, patient=hidden(entry.patient), group=hidden(entry.group)) for entry in entries]
    return [replace(e, attributes=told(e)) for e in numbered] if any(map(people.knows, _values(entries))) else numbered


def _values(entries: Iterable[Entry]) -> set[str]:
    return {value for entry in entries for value in entry.attributes.values()}


def read_owner(path: Path) -> tuple[str, dict[str, str]]:
    """Return whom a DICOM file is of, and what took it.

    Args:
        path: A DICOM file, with a preamble or without. One too broken to be read names nobody: it is set aside when
            its pixels are.

    Returns:
        The patient, as issuer and id (empty if the file names none); and `modality` and `device`, as far as it tells.
    """
    said = _read(path)
    patient, issuer = said.get(_PATIENT, ""), said.get(_ISSUER, "")
    told = {"modality": said.get(_MODALITY, "")[:16], "device": said.get(_DEVICE, "")[:64]}
    return f"{issuer}\n{patient}" if patient else "", {key: value for key, value in told.items() if value}


def read_names(path: Path) -> dict[str, str]:
    """Return by what a table may name a DICOM file: `picture`, `series`, `study`, `accession`, `patient`; none empty.

    Args:
        path: As for `read_owner`.
    """
    said = _read(path)
    tags = {
        "picture": _PICTURE,
        "series": _SERIES,
        "study": _STUDY,
        "accession": _ACCESSION,
        "patient": _PATIENT,
    }
    return {what: said[tag] for what, tag in tags.items() if said.get(tag)}


def _read(path: Path) -> dict[int, str]:
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return {}
    said = _read_plainly(_with_mark(head))
    return _read_by_pydicom(path) if said is None else said


def _with_mark(head: bytes) -> bytes:
    """Return the beginning of a file as if it had 128 bytes and the mark before its first element."""
    if (late := starts_late(head)) >= 0:
        return bytes(128) + head[late:]
    if head[128:132] == b"DICM":
        return head
    return bytes(128) + b"DICM" + (head[128:] if lacks_mark(head) else head)


def _read_plainly(head: bytes) -> dict[int, str] | None:
    """Read the wanted elements of a file in explicit little endian, which nearly all are, at a tenth of pydicom's cost.

    Returns:
        Values by tag; None where the file is of another kind, or its beginning does not reach to them.
    """
    if head[132:134] not in (b"\x02\x00", b"\x08\x00"):
        return None
    found: dict[int, str] = {}
    at = 132
    while at + 8 <= len(head):
        group, element, kind, short = struct.unpack_from("<HH2sH", head, at)
        tag = group << 16 | element
        if tag > _LAST:
            return found
        if not kind.isupper() or kind in (b"SQ", b"UN"):
            return None
        start, length = at + 8, short
        if kind in _LONG:
            start, length = at + 12, int.from_bytes(head[at + 8 : at + 12], "little")
        value = head[start : start + length]
        if length == _UNDEFINED or (
            tag == 0x00020010 and value.strip(b"\0 ").decode("ascii", "replace") not in _EXPLICIT
        ):
            return None
        if tag in _TAGS:
            found[tag] = value.decode("latin-1").strip("\0 ")
        at = start + length
    return None


def _read_by_pydicom(path: Path) -> dict[int, str]:
    from pydicom.filereader import read_partial
    from pydicom.tag import BaseTag

    try:
        data = path.read_bytes()
        late = starts_late(data)
        data = bytes(128) + data[late:] if late >= 0 else data[128:] if lacks_mark(data) else data
        tags = read_partial(
            io.BytesIO(data),
            lambda tag, vr, length: int(tag) > _LAST,
            force=True,
            specific_tags=[BaseTag(tag) for tag in _TAGS],
        )
        return {tag: str(tags[tag].value or "").strip() for tag in _TAGS if tag in tags}
    except Exception:  # noqa: BLE001 - a file this broken is set aside, with its reason, when its pixels are read
        return {}


def with_owners(tree: Tree, entries: Iterable[Entry]) -> tuple[list[Entry], int, list[Note]]:
    """Return entries with the patients that their DICOM files name.

    A patient stands as a number in the order of the files: a digest of a short id is found by trying all of them. Where
    a table or folder names the patient too, patients that share a DICOM id become one. What stands in the place of an
    id that was taken out, or in all files alike, names nobody.

    Returns:
        The entries, how many of them have a file that names a patient, and notes on ids that name nobody or are one.
    """
    found, written = _read_owners(tree, entries)
    forms = {path: (issuer, owner_form(name)) for path, (issuer, name) in written.items()}
    bare = {name for issuer, name in forms.values() if not issuer}  # of no issuer: may be of any that has such an id
    owner = {path: f"\n{name}" if name in bare else f"{issuer}\n{name}" for path, (issuer, name) in forms.items()}
    n_said = len(owner)
    owner = {path: name for path, name in owner.items() if not names_nobody(name.rpartition("\n")[2])}
    if len(set(owner.values())) == 1 and _are_several([entry for entry in found if entry.id in owner]):
        owner = {}
    notes = [Note("data.owners-nobody", n=n)] if (n := n_said - len(owner)) else []
    if not owner:
        return found, 0, notes
    spelled: dict[str, set[str]] = {}
    for path, of in owner.items():
        spelled.setdefault(of, set()).add(written[path][1])
    if several := [len(names) for names in spelled.values() if len(names) > 1]:
        notes.append(Note("data.owners-merged", n=sum(several), to=len(several)))
    return _numbered(_without_local_names(found, owner), owner), len(owner), notes


def _read_owners(tree: Tree, entries: Iterable[Entry]) -> tuple[list[Entry], dict[str, tuple[str, str]]]:
    """Return entries with what their DICOM files tell, and the issuer and id of the patient of each that names one."""
    found: list[Entry] = []
    written: dict[str, tuple[str, str]] = {}
    for entry in entries:
        if tree.files.get(entry.id) == DICOM:
            patient, told = read_owner(tree.root / entry.id)
            entry = replace(entry, attributes={**told, **entry.attributes})
            if patient:
                issuer, _, name = patient.partition("\n")
                written[entry.id] = (issuer, name)
        found.append(entry)
    return found, written


def _numbered(found: list[Entry], owner: Mapping[str, str]) -> list[Entry]:
    """Return entries with their DICOM patients as numbers, or as the name that a table or a folder gives these."""
    taken = {entry.patient for entry in found if entry.patient}
    word = "patient" if not any(name.startswith("patient-") for name in taken) else "dicom-patient"
    numbers: dict[str, str] = {}
    ids = {name.partition("\n")[2]: name for name in owner.values()}
    named = [(name, ids[owner_form(name)]) for name in taken if owner_form(name) in ids]  # a table writes the id itself
    merged = _merged([*((e.patient, owner[e.id]) for e in found if e.patient and e.id in owner), *sorted(named)])
    for at, entry in enumerate(found):
        if entry.id in owner:
            name = merged.get(owner[entry.id]) or numbers.setdefault(owner[entry.id], f"{word}-{len(numbers) + 1}")
            found[at] = replace(entry, patient=name)
        elif entry.patient in merged:
            found[at] = replace(entry, patient=merged[entry.patient])
    return found


def _without_local_names(entries: list[Entry], owner: Mapping[str, str]) -> list[Entry]:
    """Return entries without patients by folders' names that mean another DICOM patient in each folder (`S0001`)."""
    places: dict[str, dict[str, set[str]]] = {}
    for entry in entries:
        above = entry.id.split("/")[:-1]
        if entry.patient in above and entry.id in owner:
            place = "/".join(above[: above.index(entry.patient)])  # studies inside a patient's folder are one place
            places.setdefault(entry.patient, {}).setdefault(place, set()).add(owner[entry.id])
    several = [list(of.values()) for of in places.values() if len(of) > 1]
    if not several or any(len(set.union(*ids)) < sum(map(len, ids)) for ids in several):
        return entries
    return [replace(entry, patient=None) if entry.id in owner else entry for entry in entries]


def _are_several(entries: list[Entry]) -> bool:
    """Return whether scans of one id cannot well be one patient's: of several labels, or of several named patients."""
    labels, patients = {e.label for e in entries if e.label}, {e.patient for e in entries if e.patient}
    return len(patients) > 1 or (len(labels) > 1 and len(entries) >= _FEW)


def _merged(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the name of the patient that names and DICOM ids stand for, by each of them: the first name seen."""
    one, names = Ties(), []
    for name, dicom in pairs:
        names.append(name)
        one.tie(name, f"\0{dicom}")
    first = {one.top(name): name for name in reversed(names)}
    return {key.removeprefix("\0"): first[one.top(key)] for whole in one.wholes() for key in whole}
