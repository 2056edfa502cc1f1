"""From what a table's cell says of a file to the file: any slashes, drive letters, endings, forms of letters."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property
from posixpath import normpath, splitext
from urllib.parse import unquote

from medcls.data.letters import without_unseen
from medcls.data.vocabulary import fold, part_of

_DRIVE = re.compile(r"^([A-Za-z]:|file:/+|//[^/]+)")
_WEB, _LINK = re.compile(r"^(https?|s3|gs|ftp)://[^/]+"), re.compile(r"=HYPERLINK\(\s*\"([^\"]+)\".*", re.IGNORECASE)
_NUMBER = re.compile(r"(\d{1,18})(\.0+)?")
_TAIL = re.compile(r"(\D*)(\d{1,18})")
MISSING, SEVERAL = "", "?"
# Endings of files of scans, as people name them; what is in a file is told by its content.
SCAN_ENDINGS = frozenset(
    [
        ".png",
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".bmp",
        ".tif",
        ".tiff",
        ".webp",
        ".gif",
        ".dcm",
        ".dicom",
        ".ima",
        ".heic",
        ".nii",
        ".mha",
    ]
)
_ENDINGS = SCAN_ENDINGS | {".jp2", ".avif", ".npy", ".gz", ".zip", ".svs", ".ndpi", ".mrxs", ".nrrd", ".pgm", ".jxl"}
# What programs and notebooks write around a path: quotes, a list of one, Markdown, HTML.
_WRAPPED = re.compile(
    r"""!\[[^\]]*\]\((.+)\)|<(?:img|a)\b[^>]*(?:src|href)=["']?([^"'>]+).*|\w*Path\((.+)\)|"""
    r"""b?(?:"(.+)"|'(.+)')|\[(.+)\]|[“„”](.+)[”“]|[‘‚’](.+)[’‘]|«(.+)»""",
    re.IGNORECASE,
)


def _cased(text: str) -> str:
    return unicodedata.normalize("NFC", without_unseen(text))


def _form(text: str) -> str:
    return _cased(text).casefold()


def _unwrapped(cell: str) -> str:
    text = cell.strip()
    while wrapped := _WRAPPED.fullmatch(text):
        text = next(filter(None, wrapped.groups())).strip()
    return text


def tidy_path(cell: str) -> str:
    r"""Return a cell as a path with `/`, without quotes, drive or leading slashes.

    Example:
        >>> tidy_path('"C:\\scans\\a.png"'), tidy_path("./img//b.png"), tidy_path("https://a.org/img/c%201.png?raw=1")
        ('scans/a.png', 'img/b.png', 'img/c 1.png')
    """
    text = _LINK.sub(r"\1", _unwrapped(cell)).strip("\"'").strip()
    if web := _WEB.match(text):
        text = unquote(re.split(r"[?#]", text[web.end() :])[0])
    elif "%2f" in text.lower():
        text = unquote(text)
    text = _DRIVE.sub("", text.replace("\\", "/"))
    return normpath(text.lstrip("/")) if text.strip("/") else ""


class Resolver:
    """Finds the files that cells name.

    Args:
        paths: Paths below the root that cells may name.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self._exact: dict[str, str] = {}
        self._cased: dict[str, str] = {}
        self._by_name: defaultdict[str, list[str]] = defaultdict(list)
        self._by_stem: defaultdict[str, list[str]] = defaultdict(list)
        self._inside: dict[str, Mapping[str, list[str]]] = {}  # files of a name that several have, by their folders
        self._found: dict[tuple[str, str, bool], str] = {}
        for path in paths:
            form = _form(path)
            self._cased[_cased(path)] = path
            self._exact[form] = path if form not in self._exact else SEVERAL
            name = form.rpartition("/")[2]
            self._by_name[name].append(path)
            self._by_stem[_stem(name)].append(path)

    def find(self, cell: str, folder: str = "", *, numbers: bool = False) -> str:
        """Return the path a cell names; `MISSING` where there is none, `SEVERAL` where it may be one of several.

        Args:
            cell: What the table says: a path, a name or an id.
            folder: Folder of the table.
            numbers: Whether `7` may name `IMG_007.png`, as in a column of pictures; in one of patients it does not.
        """
        asked = (_cased(tidy_path(cell)), folder, numbers)
        if (known := self._found.get(asked)) is None:  # `1.png` in every patient's folder is asked for once
            known = self._found[asked] = self._find(*asked)
        found = known
        if found == MISSING and "%" in cell:
            return self._find(_cased(tidy_path(unquote(cell))), folder, numbers)
        return found

    def _find(self, cased: str, folder: str, numbers: bool) -> str:
        if not cased or cased == ".":
            return MISSING
        for start in dict.fromkeys((_cased(folder), "")):
            exact = normpath(f"{start}/{cased}" if start else cased)
            there = self._cased.get(exact) or self._exact.get(exact.casefold(), SEVERAL)
            if there != SEVERAL:
                return there
        cased = cased.removeprefix("../").replace("../", "").rstrip(".")
        wanted = cased.casefold()
        name = wanted.rpartition("/")[2]
        found = self._by_name.get(name) or self._by_stem.get(_stem(name)) or []
        if numbers and not found:
            found = self._of_number(_stem(name))
        found = found or self._by_words.get(fold(_stem(name)), [])
        best = _nearest(wanted, found, folder) if found else MISSING
        return best if best != SEVERAL else _of_one_case(cased, _best(wanted, found, folder))

    @cached_property
    def _by_words(self) -> dict[str, list[str]]:
        """Files by the words of their names, whatever signs stand between: `a_(1).png` for `a (1).png`."""
        found: defaultdict[str, list[str]] = defaultdict(list)
        for stem, paths in self._by_stem.items():
            if words := fold(stem):
                found[words] += paths
        return dict(found)

    def among(self, cell: str, beside: Iterable[str]) -> str:
        """Return of the files that a cell may name the one whose folders are named in its row; `SEVERAL` if none is.

        Args:
            cell: What the table says.
            beside: The other cells of its row: a label, a patient, a folder.
        """
        name = _form(tidy_path(cell)).rpartition("/")[2]
        found = self._by_name.get(name) or self._by_stem.get(_stem(name)) or []
        inside = self._inside.get(name) or self._inside.setdefault(name, _by_folder(found))
        told = {part for other in beside if other for part in _form(tidy_path(other)).split("/")}
        if not (named := sorted({part for part in told if part in inside}, key=lambda part: len(inside[part]))):
            return SEVERAL
        best = [path for path in inside[named[0]] if set(named) <= _folders(path)]  # the rarest, for speed
        if not best:
            fitting = Counter(path for part in named for path in inside[part])
            most = max(fitting.values())
            best = [path for path, n in fitting.items() if n == most]
        return best[0] if len(best) == 1 else SEVERAL

    def in_part(self, cell: str, part: str, folder: str = "") -> str:
        """Return of the files that a cell may name the one in a folder of a part; `SEVERAL` if none or several are.

        Args:
            cell: What the table says.
            part: The part, as `part_of` gives it; empty for none.
            folder: Folder of the table.
        """
        wanted = _form(tidy_path(cell))
        name = wanted.rpartition("/")[2]
        found = self._by_name.get(name) or self._by_stem.get(_stem(name)) or self._of_number(_stem(name))
        inside = [path for path in found if part and part in map(part_of, path.split("/")[:-1])]
        return _nearest(wanted, inside, folder) if inside else SEVERAL

    def _of_number(self, name: str) -> list[str]:
        """Return the files of a number whose leading zeros a spreadsheet took away, or added a `.0` to."""
        number = _NUMBER.fullmatch(name)
        return self._by_number.get(int(number[1]), []) if number else []

    @cached_property
    def _by_number(self) -> dict[int, list[str]]:
        """Files by their number, if all are numbered in one way: `007.png`, `IMG_007.png`."""
        numbered = {stem: _TAIL.fullmatch(stem) for stem in self._by_stem}
        heads = {match[1] for match in numbered.values() if match}
        found: defaultdict[int, list[str]] = defaultdict(list)
        if len(heads) == 1 and all(numbered.values()):
            for stem, match in numbered.items():
                found[int(match[2])] += self._by_stem[stem]  # type: ignore[index]
        return found


def _stem(name: str) -> str:
    """Return a name without the ending of a picture; dots of an id stay."""
    while (ending := splitext(name)[1]).lower() in _ENDINGS:
        name = name[: -len(ending)]
    return name


def _by_folder(paths: Iterable[str]) -> Mapping[str, list[str]]:
    """Return paths by the folders they lie in, at any level."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path in paths:
        for part in _folders(path):
            found[part].append(path)
    return found


def _folders(path: str) -> set[str]:
    return set(_form(path).split("/")[:-1])


def _nearest(wanted: str, found: list[str], folder: str) -> str:
    """Return the path that shares most folders with the wanted one, counted from its end, then lies by the table."""
    best = _best(wanted, found, folder)
    return best[0] if len(best) == 1 else SEVERAL


def _best(wanted: str, found: list[str], folder: str) -> list[str]:
    if len(found) == 1:
        return found
    table = folder.casefold().split("/")
    parts = [*table, *wanted.split("/")[:-1]]
    above = [_form(path).split("/")[:-1] for path in found]
    shared = [(_shared(parts, folders), _shared(table[::-1], folders[::-1])) for folders in above]
    most = max(shared)
    return [path for path, n in zip(found, shared, strict=True) if n == most]


def _of_one_case(cased: str, found: list[str]) -> str:
    """Return of files whose names differ in capitals alone the one that is written as the wanted one."""
    name = _stem(cased.rpartition("/")[2])
    same = [path for path in found if _stem(_cased(path).rpartition("/")[2]) == name]
    return same[0] if len(same) == 1 else SEVERAL


def _shared(wanted: list[str], above: list[str]) -> int:
    n = 0
    while n < min(len(wanted), len(above)) and wanted[-1 - n] == above[-1 - n]:
        n += 1
    return n
