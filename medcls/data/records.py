"""Texts that each hold a record of one picture: JSON, XML, a row of CSV, lines of `label: benign`, or one word."""

import csv
import json
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from xml.etree import ElementTree

from medcls.core.note import Note
from medcls.data.alike import Alike, named_after, stem_of
from medcls.data.column_names import role_of
from medcls.data.encodings import decode
from medcls.data.structured import cell
from medcls.data.tables import Table, label_words
from medcls.errors import BadData

_MOST_BYTES, _FEW, _MOST_FIELDS, _MOST_CHARS = 200_000, 3, 100, 40
_LINE = re.compile(r"""\s*["']?([^\W\d][\w .()/-]{0,60}?)["']?\s*[:=]\s*(.*?)\s*[,;]?""")
_TELLS = ("label", "patient", "group", "part", "site")
Record = dict[str, str]
Read = Callable[[str], Record | None]


def read_records(root: Path, paths: Iterable[str], pictures: Iterable[str]) -> list[Table]:
    """Return what texts named after one picture each say of it: for each kind of text, a table with a row a picture.

    A kind is passed over unless most of its texts are records, and these tell a label, or whose a picture is.

    Args:
        root: Folder that paths are below.
        paths: Files that are neither pictures nor arrays, and that nothing else reads.
        pictures: The pictures.
    """
    texts = [path for path in paths if _ending(path) in _KINDS]
    of_name = named_after(pictures, texts)
    named: dict[str, list[str]] = {ending: [] for ending in _KINDS}
    for path in texts:
        if stem_of(path) in of_name:
            named[_ending(path)].append(path)
    return [table for ending, one in named.items() for table in _tables(ending, _read_all(root, one), of_name)]


def _ending(path: str) -> str:
    return os.path.splitext(path)[1].lower()


def _read_all(root: Path, paths: list[str]) -> dict[str, Record]:
    """Return the record in each text; empty where the first few have none, or most have none."""
    found: dict[str, Record] = {}
    for n, path in enumerate(paths):
        if record := _read(root / path, _KINDS[_ending(path)]):
            found[path] = record
        elif n >= _FEW and not found:
            return {}
    return found if len(found) > 1 and 2 * len(found) >= len(paths) else {}


def _read(path: Path, read: Read) -> Record | None:
    try:
        if path.stat().st_size > _MOST_BYTES:
            return None
        text, _ = decode(path.read_bytes(), "")
        record = read(text)
    except (OSError, BadData, ValueError, RecursionError, csv.Error):
        return None  # what it is instead is told where it is counted as not taken
    return record if record and len(record) <= _MOST_FIELDS else None


def _json(text: str) -> Record | None:
    found = json.loads(text)
    found = found[0] if isinstance(found, list) and len(found) == 1 else found
    return _named(_leaves(found, ())) if isinstance(found, dict) else None


def _leaves(value: object, above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield what stands at the ends of a document, with the names above it; of lists those of one thing alone."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, (*above, str(name)))
    elif not isinstance(value, list):
        yield above, cell(value)


def _named(leaves: Iterable[tuple[tuple[str, ...], str]]) -> Record:
    """Return values by name: the last, or with the one above it where that says more or several have the last one."""
    listed = [(names, value) for names, value in leaves if names]
    several: defaultdict[str, int] = defaultdict(int)
    for names, _ in listed:
        several[names[-1]] += 1
    record: Record = {}
    for names, value in listed:
        both = " ".join(names[-2:])
        plain = several[names[-1]] == 1 and not (role_of(both) and not role_of(names[-1]))
        record.setdefault(names[-1] if plain else both if role_of(both) else " ".join(names), value)
    return record


def _xml(text: str) -> Record | None:
    try:
        top = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return None
    return _named(_ends(top, ()))


def _ends(one: ElementTree.Element, above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    for name, value in one.attrib.items():
        yield (*above, name), value
    if len(one) == 0 and above:
        yield above, (one.text or "").strip()
    for inner in one:
        yield from _ends(inner, (*above, inner.tag.rpartition("}")[2]))


def _row(text: str) -> Record | None:
    separator = ";" if text.count(";") > text.count(",") else ","
    rows = [row for row in csv.reader(text.splitlines(), delimiter=separator) if any(row)]
    if len(rows) != 2 or len(rows[0]) != len(rows[1]):
        return None
    return {name.strip(): value.strip() for name, value in zip(*rows, strict=True) if name.strip()}


def _lines(text: str) -> Record | None:
    """Return lines of a name and a value, or one short line alone as the label."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith(("#", "---"))]
    said = [_LINE.fullmatch(line) for line in lines]
    if lines and all(said):
        return _named(_indented([one for one in said if one]))
    return {"label": lines[0].strip()} if len(lines) == 1 and len(lines[0]) <= _MOST_CHARS else None


def _indented(said: list[re.Match[str]]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield values with the names above them: of lines further in, that of the line without a value before them."""
    above: list[tuple[int, str]] = []
    for one in said:
        depth, name, value = one.start(1), one[1].strip(), one[2].strip("\"'")
        above = [(at, outer) for at, outer in above if at < depth]
        if value:
            yield (*(outer for _, outer in above), name), value
        else:
            above.append((depth, name))


_KINDS: Mapping[str, Read] = {
    ".json": _json,
    ".xml": _xml,
    ".csv": _row,
    ".txt": _lines,
    ".yaml": _lines,
    ".yml": _lines,
}


def _tables(ending: str, found: Mapping[str, Record], of_name: Mapping[str, Alike]) -> Iterator[Table]:
    """Yield a table of pictures and what is said of them, and one without rows of texts whose picture is not clear."""
    names = list(dict.fromkeys(name for record in found.values() for name in record))
    picture = {text: of_name[stem_of(text)].nearest(text) for text in found}
    scan = next(name for name in ("scan", "scan file", "scan file name", "scan path") if name not in names)
    clear = [text for text in found if picture[text]]
    header, rows = (scan, *names), [[picture[text], *(found[text].get(n, "") for n in names)] for text in clear]
    if not _tells(names, found.values()):
        return
    folder = os.path.commonpath([f"/{os.path.dirname(one)}" for one in found]).strip("/")
    path = f"{folder}/*{ending}".lstrip("/")
    if clear:
        yield Table(path, header, rows, (Note("data.records", n=len(clear), ending=ending),), tuple(clear))
    if unclear := tuple(text for text in found if not picture[text]):
        note = Note("data.table-names-several")
        yield Table(f"{path} (2)" if clear else path, header, [], (note,), unclear)


def _tells(names: list[str], records: Iterable[Record]) -> bool:
    """Return whether records tell a label, or whose a picture is; words alone only if they repeat."""
    listed = list(records)
    if names == ["label"]:
        cells = [record["label"] for record in listed]
        return 2 * len(set(cells)) <= max(len(cells), 4)
    roles = any(role_of(name) in _TELLS for name in names)
    return roles or any(label_words([record.get(name, "") for record in listed]) > 1 for name in names)
