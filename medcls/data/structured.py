"""Tables that stand in JSON, COCO, HTML or an OpenDocument sheet, as rows of cells with their header first."""

import io
import json
import math
import zipfile
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import IO, Any
from xml.etree import ElementTree

from medcls.data.column_names import role_of
from medcls.data.vocabulary import part_of
from medcls.errors import BadData
from medcls.imaging.archive_names import BROKEN

Rows = list[list[str]]
_SCALARS = (str, int, float, bool, type(None))
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_VALUE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}value"
_CELLS = (f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell")
_MOST_COLUMNS, _CELL_BYTES = 16_384, 8  # as many as spreadsheet programs have; what a cell takes beside its text


def rows_of_json(text: str) -> Rows:
    """Return the table that a JSON document, or one a line, is; empty if it is none.

    Args:
        text: The whole document. Understood are a list of objects, also below a name or one for each part; objects by
            file; labels by file; files by label or part; columns, as pandas writes them; pairs of file and label;
            COCO's images, annotations and categories; and VIA's regions.

    Example:
        >>> rows_of_json('{"a.png": "benign", "b.png": "malignant"}')
        [['file', 'label'], ['a.png', 'benign'], ['b.png', 'malignant']]
        >>> rows_of_json('{"file": ["a.png", "b.png"], "label": [0, 1]}')
        [['file', 'label'], ['a.png', '0'], ['b.png', '1']]
    """
    try:
        return _rows(json.loads(text))
    except (ValueError, RecursionError):
        pass
    try:
        return _of_objects([json.loads(line) for line in text.splitlines() if line.strip()])
    except (ValueError, RecursionError):
        return []


def _rows(found: Any) -> Rows:
    if isinstance(found, list):
        return _of_objects(found) or _of_pairs(found)
    if not isinstance(found, dict) or not found:
        return []
    if {"images", "annotations", "categories"} <= set(found):
        return _of_coco(found)
    return _of_columns(found) or _of_names(found)


def _of_names(found: Mapping[str, Any]) -> Rows:
    """Return what stands below names as one table: names of files, of labels, of parts, or of one thing alone."""
    values = list(found.values())
    if parted := _by_part(found):
        return [["file", "label", "part"], *parted]
    if listed := _of_datalist(found):
        return listed
    if len(values) > 1 and all(isinstance(value, dict) for value in values):
        return _of_objects([{"file": name, **value} for name, value in found.items()])
    if all(isinstance(value, _SCALARS) for value in values):
        return [["file", "label"], *([name, cell(value)] for name, value in found.items())]
    lists = {name: value for name, value in found.items() if isinstance(value, list) and value}
    inner = any(isinstance(value, dict) for value in values)
    return (_of_lists(lists) if lists and not inner else []) or _inner(found)


def _of_datalist(found: Mapping[str, Any]) -> Rows:
    """Return a list of pictures for each part as one table, labels by the names beside it, as MONAI has them."""
    parts = {name: many for name, many in found.items() if isinstance(many, list) and many and part_of(name)}
    objects = [one for many in parts.values() for one in many if isinstance(one, dict)]
    image = next((name for one in objects for name in one if role_of(name) == "path"), "")
    if len(parts) < 2 or not image:
        return []
    names: dict[str, str] = {}
    for key, value in found["labels"].items() if isinstance(found.get("labels"), dict) else ():
        names |= {str(value): str(key)} if isinstance(value, int) else {str(key): str(value)}
    listed = [
        {"part": part, **(one if isinstance(one, dict) else {image: cell(one)})}
        for part, many in parts.items()
        for one in many
    ]
    for one in listed:
        if cell(one.get("label")) in names:
            one["label"] = names[cell(one["label"])]
    return _of_objects(listed)


def _by_part(found: Mapping[str, Any]) -> Rows:
    """Return files, their labels and parts, where labels by file stand below the name of each part; else nothing."""
    if len(found) < 2 or not all(isinstance(inner, dict) and part_of(name) for name, inner in found.items()):
        return []
    if not all(isinstance(label, _SCALARS) for inner in found.values() for label in inner.values()):
        return []
    return [[file, cell(label), part] for part, inner in found.items() for file, label in inner.items()]


def _inner(found: Mapping[str, Any]) -> Rows:
    """Return the largest table below a name of a document; numbers for labels by the list of names beside it."""
    rows = max((_rows(value) for value in found.values() if isinstance(value, list | dict)), key=len, default=[])
    names = next((v for v in found.values() if isinstance(v, list) and v and all(isinstance(n, str) for n in v)), [])
    codes = {row[-1] for row in rows[1:]}
    if rows and rows[0][-1] == "label" and codes == set(map(str, range(len(names)))):
        return [rows[0], *([*row[:-1], names[int(row[-1])]] for row in rows[1:])]
    return rows


def _of_columns(found: Mapping[str, Any]) -> Rows:
    """Return columns of equal length by their names, as lists or by the number of the row; empty if it has none."""
    if isinstance(found.get("columns"), list) and isinstance(found.get("data"), list):
        header = [str(name) for name in found["columns"]]
        return [header, *(_row(row, len(header)) for row in found["data"] if isinstance(row, list))]
    columns = [list(v.values()) if isinstance(v, dict) else v for v in found.values() if isinstance(v, list | dict)]
    keys = {tuple(value) if isinstance(value, dict) else () for value in found.values()}
    counted = keys == {()} or (len(keys) == 1 and next(iter(keys)) == tuple(map(str, range(len(columns[0])))))
    named = any(role_of(name) == "path" for name in found)
    if len(columns) < max(2, len(found)) or not (named and counted) or len(set(map(len, columns))) > 1:
        return []
    if not all(isinstance(one, _SCALARS) for many in columns for one in many):
        return []
    return [list(found), *([cell(one) for one in row] for row in zip(*columns, strict=True))]


def _row(row: list[Any], width: int) -> list[str]:
    return [*(cell(one) for one in row), *[""] * width][:width]


def _of_pairs(found: list[Any]) -> Rows:
    """Return a list of pairs, of a file and its label, as a table; empty if it is none."""
    pairs = all(isinstance(one, list) and len(one) == 2 and all(isinstance(v, _SCALARS) for v in one) for one in found)
    return [["file", "label"], *([cell(a), cell(b)] for a, b in found)] if found and pairs else []


def _of_lists(lists: Mapping[str, list[Any]]) -> Rows:
    """Return lists by label or part as one table; of lists of objects, the part beside what they say."""
    parted = bool(lists) and all(map(part_of, lists))
    if all(isinstance(one, dict) for many in lists.values() for one in many):
        named = [{"part": name, **one} if parted else one for name, many in lists.items() for one in many]
        return _of_objects(named) if parted or len(lists) == 1 else []
    if not all(isinstance(one, str) for many in lists.values() for one in many):
        return []
    return [["file", "part" if parted else "label"], *([one, name] for name, many in lists.items() for one in many)]


def _of_objects(objects: list[Any]) -> Rows:
    if not objects or not all(isinstance(one, dict) for one in objects):
        return []
    plain = [flat for one in objects for flat in (_of_studio(one) or _regions(one))]
    header = list(dict.fromkeys(name for one in plain for name in one))
    return [header, *([cell(one.get(name)) for name in header] for one in plain)] if header else []


def _of_studio(one: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return Label Studio's task as an object for each label chosen or drawn in it; none for anything else."""
    data, marks = one.get("data"), one.get("annotations", one.get("completions"))
    if not (isinstance(data, dict) and isinstance(marks, list)):
        return []
    plain = {name: value for name, value in data.items() if isinstance(value, _SCALARS)}
    results = [r for mark in marks if isinstance(mark, dict) for r in mark.get("result") or () if isinstance(r, dict)]
    values = [value for result in results if isinstance(value := result.get("value"), dict)]
    lists = [many for value in values for name, many in value.items() if name == "choices" or name.endswith("labels")]
    labels = dict.fromkeys(
        label for many in lists if isinstance(many, list) for label in many if isinstance(label, str)
    )
    return [{**plain, "label": label} for label in labels] or [{**plain, "label": None}]


def _regions(one: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return an object without lists, what stands in objects inside it under both names; one for each drawn label."""
    flat: dict[str, Any] = {}
    for name, value in one.items():
        inner = value if isinstance(value, dict) else {"": value}
        flat |= {f"{name} {key}".strip(): v for key, v in inner.items() if isinstance(v, _SCALARS)}
    drawn = one.get("regions")
    regions = [region for region in drawn if isinstance(region, dict)] if isinstance(drawn, list) else []
    said = [marks for region in regions if isinstance(marks := region.get("region_attributes"), dict)]
    return [{**flat, **dict(marks)} for marks in dict.fromkeys(tuple(marks.items()) for marks in said)] or [flat]


def _of_coco(found: Mapping[str, Any]) -> Rows:
    """Return images with the categories of their annotations; an image of two categories has two rows."""
    images, marks, kinds = (found[key] for key in ("images", "annotations", "categories"))
    if not all(
        isinstance(part, list) and all(isinstance(one, dict) for one in part) for part in (images, marks, kinds)
    ):
        return []
    names = {cell(kind.get("id")): cell(kind.get("name")) for kind in kinds}
    said: dict[str, dict[str, None]] = {}
    for mark in marks:
        said.setdefault(cell(mark.get("image_id")), {})[names.get(cell(mark.get("category_id")), "")] = None
    rows = [["file", "label"]]
    for image in images:
        rows += [[cell(image.get("file_name")), label] for label in said.get(cell(image.get("id")), {"": None})]
    return rows


def cell(value: object) -> str:
    """Return a value as a table's cell: nothing as empty, whole numbers and yes or no without a point."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        return str(int(value))
    return str(value)


class _Tables(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tables: list[Rows] = []
        self._text: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.tables.append([])
        elif tag == "tr" and self.tables:
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self._text = []

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self._text is not None:
            if self.tables and self.tables[-1]:
                self.tables[-1][-1].append(" ".join("".join(self._text).split()))
            self._text = None

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)


def tables_of_html(text: str) -> list[Rows]:
    """Return the tables of an HTML page, as hospital systems save them under a name of Excel's."""
    parser = _Tables()
    parser.feed(text)
    return [kept for rows in parser.tables if (kept := [row for row in rows if any(row)])]


def sheets_of_ods(data: bytes, most_bytes: int) -> list[tuple[str, Rows]]:
    """Return the sheets of an OpenDocument spreadsheet by their names.

    Raises:
        BadData: If it is damaged, or larger than `most_bytes` once unpacked, repeated cells counted each.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as opened, opened.open("content.xml") as file:
            if opened.getinfo("content.xml").file_size > most_bytes:
                raise BadData("data.table-too-large", name="content.xml", most=most_bytes)
            return _sheets(file, most_bytes)
    except (*BROKEN, ElementTree.ParseError, OSError) as error:
        raise BadData("data.excel-broken", found=type(error).__name__) from error


def _sheets(file: IO[bytes], most_bytes: int) -> list[tuple[str, Rows]]:
    """Read sheets element by element: what was read is let go, and cells that say they repeat are counted."""
    sheets: list[tuple[str, Rows]] = []
    row: list[str] = []
    gap, left = 0, most_bytes  # empty cells of which it is not known yet whether another follows
    for event, one in ElementTree.iterparse(file, ("start", "end")):
        if event == "start":
            if one.tag == f"{_TABLE}table":
                sheets.append((one.get(f"{_TABLE}name", ""), []))
            elif one.tag == f"{_TABLE}table-row":
                row, gap = [], 0
        elif one.tag in _CELLS:
            text, n = _of_cell(one)
            n = min(n, _MOST_COLUMNS - len(row) - gap)
            if text:
                row += [""] * gap + [text] * n
            gap = 0 if text else gap + n
            one.clear()
        elif one.tag == f"{_TABLE}table-row":
            left -= sum(len(text) + _CELL_BYTES for text in row)
            if left < 0:
                raise BadData("data.table-too-large", name="content.xml", most=most_bytes)
            if row and sheets:
                sheets[-1][1].append(row)
            one.clear()
    return sheets


def _of_cell(one: ElementTree.Element) -> tuple[str, int]:
    """Return what a cell says, and how often it stands in its row; a note beside it is not its text."""
    text = "\n".join("".join(part.itertext()) for part in one.findall(f"{_TEXT}p"))
    repeated = one.get(f"{_TABLE}number-columns-repeated", "1")
    return text or cell(_number(one.get(_VALUE))), int(repeated[:9]) if repeated.isdecimal() else 1


def _number(value: str | None) -> float | None:
    try:
        return float(value) if value else None
    except ValueError:
        return None
