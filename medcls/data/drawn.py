"""Classes drawn into pictures, a text for each, as LabelMe, YOLO and Pascal VOC write them: one alone is the label."""

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from html import unescape
from pathlib import Path
from typing import NamedTuple

from medcls.core.note import Note
from medcls.data.alike import Alike, named_after, stem_of
from medcls.data.tables import Table

_MOST_BYTES, _HEAD, _FEW = 50_000_000, 4096, 3
_NUMBER = re.compile(r"-?(?:\d+\.?|\.\d)\d*(?:e[-+]?\d+)?", re.IGNORECASE)
_FEWEST_NUMBERS = 5  # the class, and a box
_VOC_NAME = re.compile(r"<name>([^<]*)</name>")
_NAMES_KEY = re.compile(r"^names\s*:[ \t]*(.*)$", re.MULTILINE)
_IN_LINE = re.compile(r"""["']([^"']*)["']|([^\s,\[\]{}:"']+(?: [^\s,\[\]{}:"']+)*)""")
_IN_BLOCK = re.compile(r"\s+(?:-|(\d+)\s*:)\s*[\"']?([^\"'#\n]*?)[\"']?\s*(?:#.*)?|-\s+[\"']?([^\"'#\n]*?)[\"']?\s*")
_LISTS = ("classes.txt", "obj.names", "data.names", "predefined_classes.txt", "_darknet.labels", "labels.txt")
_YAML = (".yaml", ".yml")
_HEADER = ("file", "label")
Read = Callable[[str], set[str] | None]


class Names(NamedTuple):
    """Names of YOLO's classes by their numbers, and the file that says them."""

    of: Mapping[str, str]
    source: str


def read_drawn(root: Path, paths: Iterable[str], pictures: Iterable[str]) -> list[Table]:
    """Return what texts of one picture each say is drawn in it: for each kind, a table of pictures and classes.

    A picture of several classes stands in a row for each; one in which nothing is drawn in a row without a label. Names
    of YOLO's numbers are those of a `classes.txt` or `data.yaml`; without them the numbers say nothing.

    Args:
        root: Folder that paths are below.
        paths: All files that are neither pictures nor arrays.
        pictures: The pictures.
    """
    paths = list(paths)
    of_stem = named_after(pictures, (path for path in paths if _ending(path) in (".json", ".txt", ".xml")))
    named: dict[str, list[str]] = {".json": [], ".txt": [], ".xml": []}
    lists = []
    for path in paths:
        ending = _ending(path)
        if path.rpartition("/")[2].lower() in _LISTS or ending in (*_YAML, ".names"):
            lists.append(path)
        elif ending in named and stem_of(path) in of_stem:
            named[ending].append(path)
    made = []
    for kind, ending, read in _KINDS:
        found = _read_all(root, named[ending], read)
        names, source = _names(root, lists) if kind == "YOLO" and found else ({}, "")
        if found:
            made += _tables(kind, found, of_stem, Names(names, source))
    return made


def _ending(path: str) -> str:
    return os.path.splitext(path)[1].lower()


def _read_all(root: Path, paths: list[str], read: Read) -> dict[str, set[str]]:
    """Return the classes of each text; empty where the first few are of another kind."""
    found: dict[str, set[str]] = {}
    for n, path in enumerate(paths):
        said = _read(root / path, read)
        if said is not None:
            found[path] = said
        elif n >= _FEW and not found:
            return {}
    return found if any(found.values()) else {}


def _read(path: Path, read: Read) -> set[str] | None:
    try:
        if path.stat().st_size > _MOST_BYTES:
            return None
        return read(path.read_text(encoding="utf-8-sig", errors="replace"))
    except OSError:
        return None  # told where it is counted as not taken


def _labelme(text: str) -> set[str] | None:
    """Return the flags that are set, or else the labels of shapes; None if a text is not LabelMe's."""
    if '"shapes"' not in text and '"flags"' not in text:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not isinstance(found.get("shapes", []), list):
        return None
    flags = found.get("flags")
    said = {str(name) for name, on in flags.items() if on is True} if isinstance(flags, dict) else set()
    drawn = {str(shape.get("label")) for shape in found.get("shapes", []) if isinstance(shape, dict)}
    return said or drawn - {"None", ""}


def _yolo(text: str) -> set[str] | None:
    """Return the numbers of classes; None if a text is not one of boxes or outlines."""
    lines = [words for line in text.splitlines() if (words := line.split())]
    for words in lines:
        if len(words) < _FEWEST_NUMBERS or not words[0].isdecimal() or not all(map(_NUMBER.fullmatch, words)):
            return None
    return {words[0] for words in lines}


def _voc(text: str) -> set[str] | None:
    if "<annotation" not in text[:_HEAD]:
        return None
    named = (_VOC_NAME.search(part) for part in text.split("<object>")[1:])
    return {unescape(name[1].strip()) for name in named if name} - {""}


def _supervisely(text: str) -> set[str] | None:
    """Return the tags of a picture, or else the classes of what is drawn; None if a text is not Supervisely's."""
    if '"objects"' not in text or '"tags"' not in text:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    tags, drawn = ([one for one in found.get(key) or () if isinstance(one, dict)] for key in ("tags", "objects"))
    said = {str(tag.get("value") or tag.get("name")) for tag in tags}
    return (said or {str(one.get("classTitle")) for one in drawn}) - {"None", ""}


_KINDS: tuple[tuple[str, str, Read], ...] = (
    ("LabelMe", ".json", _labelme),
    ("Supervisely", ".json", _supervisely),
    ("YOLO", ".txt", _yolo),
    ("Pascal VOC", ".xml", _voc),
)


def _tables(kind: str, found: Mapping[str, set[str]], of_stem: Mapping[str, Alike], names: Names) -> list[Table]:
    """Return a table of what is drawn in pictures, and one without rows of texts whose picture is not clear."""
    picture = {text: of_stem[stem_of(text)].nearest(text) for text in found}
    folder = os.path.commonpath([f"/{os.path.dirname(one)}" for one in found]).strip("/")
    path = f"{folder}/*{os.path.splitext(next(iter(found)))[1]}".lstrip("/")
    clear = {text: said for text, said in found.items() if picture[text]}
    made = [_table(kind, path, clear, picture, names)] if clear else []
    if unclear := tuple(text for text in found if not picture[text]):
        note = Note("data.table-names-several")
        made.append(Table(f"{path} (2)" if clear else path, _HEADER, [], (note,), unclear))
    return made


def _table(kind: str, path: str, found: Mapping[str, set[str]], picture: Mapping[str, str], names: Names) -> Table:
    """Return a table of pictures and the classes drawn in them, with a note; without rows where none has one alone."""
    several = sum(len(said) > 1 for said in found.values())
    if kind == "YOLO" and not set().union(*found.values()) <= set(names.of):
        return Table(path, _HEADER, [], (Note("data.drawn-unnamed", n=len(found)),), tuple(found))
    if not any(len(said) == 1 for said in found.values()):
        return Table(path, _HEADER, [], (Note("data.drawn-several", kind=kind, n=several),), tuple(found))
    if len(classes := {names.of.get(one, one) for said in found.values() for one in said}) == 1:
        return Table(path, _HEADER, [], (Note("data.drawn-one", kind=kind, name=classes.pop()),), tuple(found))
    rows = [
        [picture[text], names.of.get(said, said)] for text, drawn in found.items() for said in sorted(drawn) or [""]
    ]
    notes = [Note("data.drawn", kind=kind, n=len(found))]
    notes += [Note("data.drawn-several", kind=kind, n=several)] if several else []
    return Table(path, _HEADER, rows, tuple(notes), (*found, names.source) if names.source else tuple(found))


def _names(root: Path, lists: Iterable[str]) -> tuple[dict[str, str], str]:
    """Return the names of YOLO's classes by their numbers, and the file that says them; empty if two files differ."""
    found: dict[str, dict[str, str]] = {}
    for path in lists:
        try:
            text = (root / path).read_text(encoding="utf-8-sig", errors="replace")[:_HEAD]
        except OSError:
            continue  # told where it is counted as not taken
        listed = _of_yaml(text) if path.lower().endswith(_YAML) else _of_lines(text)
        if listed:
            found[path] = listed
    alike = found and all(names == next(iter(found.values())) for names in found.values())
    return (next(iter(found.values())), next(iter(found))) if alike else ({}, "")


def _of_lines(text: str) -> dict[str, str]:
    return {str(n): line.strip() for n, line in enumerate(text.strip().splitlines())}


def _of_yaml(text: str) -> dict[str, str]:
    """Return `names` of a YOLO data file: a list or a mapping, in one line or in several; empty if it has none."""
    if (at := _NAMES_KEY.search(text)) is None:
        return {}
    if head := at[1].strip():
        parted = [quoted or plain for quoted, plain in _IN_LINE.findall(head)]
        if head.startswith("{"):
            return {k: v for k, v in zip(parted[::2], parted[1::2], strict=False) if k.isdecimal()}
        return {str(n): name for n, name in enumerate(parted)}
    names: dict[str, str] = {}
    for line in text[at.end() :].lstrip("\n").splitlines():
        if (said := _IN_BLOCK.fullmatch(line)) is None:
            break
        names[said[1] or str(len(names))] = said[2] or said[3] or ""
    return names
