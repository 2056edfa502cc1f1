"""Everything under a path, walked once and known by content: pictures, arrays, tables, and what is none of them."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from medcls.core.note import Note
from medcls.core.progress import Progress, silent
from medcls.data.cvat import MARK
from medcls.data.drawn import read_drawn
from medcls.data.lexicon import MASK, MASK_OR_NOT
from medcls.data.records import read_records
from medcls.data.resolve import SCAN_ENDINGS
from medcls.data.tables import Table
from medcls.data.two_values import has_two_values
from medcls.data.vocabulary import disease_of, fold, holds, natural, part_of
from medcls.errors import BadData, BadScan
from medcls.imaging.formats import recognise

PICTURE, DICOM, ARRAY, TABLE, BESIDE, OTHER = "picture", "dicom", "array", "table", "beside", "other"
_HEAD = 2048
_SYSTEM = frozenset(
    {"__macosx", "thumbs.db", "desktop.ini", "dicomdir", "$recycle.bin", "@eadir", "#recycle", "lost+found"}
    | {"system volume information", "__pycache__"}
)
_BOOKS, NAMED_AS_TEXT = (".xlsx", ".xlsm", ".xls", ".ods"), (".csv", ".tsv", ".tab")
# Texts that are no tables, whatever stands in them; any other text may be one.
_NO_TABLES = SCAN_ENDINGS | {
    ".py",
    ".ipynb",
    ".geojson",
    ".xml",
    ".html",
    ".htm",
    ".md",
    ".rst",
    ".tex",
    ".bib",
    ".yml",
    ".yaml",
    ".toml",
    ".ini",
    ".cfg",
    ".sh",
    ".bat",
    ".js",
    ".css",
    ".c",
    ".h",
    ".cpp",
    ".m",
    ".r",
    ".svg",
    ".rtf",
    ".log",
    ".sql",
    ".java",
    ".ps",
    ".eps",
    ".url",
    ".lnk",
    ".nrrd",
    ".mhd",
    ".vtk",
    ".obj",
    ".ply",
}
_ZIP = "imaging.foreign-zip"
_ARCHIVES = frozenset((_ZIP, "imaging.foreign-archive"))
_OFFICE = (
    ".docx",
    ".pptx",
    ".odt",
    ".odp",
    ".epub",
    ".jar",
    ".numbers",
    ".pages",
    ".npz",
    *_BOOKS,
)  # ZIP archives, too
_FEW_BESIDE, _FEW_MASKS = 20, 6
_LEVELS, _FEW_NAMES = 4, 6  # of folders that only content tells to be of masks
_OLE = b"\xd0\xcf\x11\xe0"


@dataclass(frozen=True)
class Tree:
    """The files under a folder.

    Args:
        root: The folder.
        files: Kind of each file that is looked at, by its path below the root with `/`; folders in natural order. A
            text that is named after a picture, one of many such, is `beside`.
        passed: Why a file is not looked at (a link, housekeeping, a name that is no text), by path.
        found: What a file that is neither picture nor array is, by path.
        archives: True for a ZIP archive, False for one of another kind, by path.
        drawn: What texts of one picture each say is drawn in it, as tables.
        sole: The one table that was asked for; None where the whole folder was.
    """

    root: Path
    files: dict[str, str] = field(default_factory=dict)
    passed: dict[str, Note] = field(default_factory=dict)
    found: dict[str, str] = field(default_factory=dict)
    archives: dict[str, bool] = field(default_factory=dict)
    drawn: list[Table] = field(default_factory=list)
    sole: str | None = None

    def of_kind(self, *kinds: str) -> list[str]:
        """Return the paths of some kinds, in order."""
        return [path for path, kind in self.files.items() if kind in kinds]

    @property
    def pictures(self) -> list[str]:
        """Paths of all pictures, DICOM files among them, in order."""
        return self.of_kind(PICTURE, DICOM)

    @cached_property
    def folders(self) -> dict[str, list[str]]:
        """Files by the folder they lie in (empty for the root); a folder with no file of its own is there too."""
        by_folder: dict[str, list[str]] = {"": []}
        for path in self.files:
            folder = path.rpartition("/")[0]
            if folder not in by_folder:
                parts = folder.split("/")
                for depth in range(1, len(parts) + 1):
                    by_folder.setdefault("/".join(parts[:depth]), [])
            by_folder[folder].append(path)
        return by_folder

    @cached_property
    def children(self) -> dict[str, list[str]]:
        """Names of the folders in each folder that has any."""
        inside: dict[str, list[str]] = {}
        for folder in self.folders:
            if folder:
                above, _, name = folder.rpartition("/")
                inside.setdefault(above, []).append(name)
        return inside

    @cached_property
    def mask_folders(self) -> frozenset[str]:
        """Folders of masks: their name or one above says so, or may say so and their pictures are of two values.

        A folder whose name says nothing is one, too, where its pictures are of two values, and are called as pictures
        of a folder beside it that are not.
        """
        named = {folder for folder in self.folders if folder and self._is_of_masks(folder)}
        return frozenset(named | self._drawn_folders(named))

    def _drawn_folders(self, named: set[str]) -> set[str]:
        """Return the folders of masks that only their pictures tell, at a level of few names."""
        pictures = [path for path in self.pictures if path.rpartition("/")[0] not in named]
        drawn: set[str] = set()
        for level in range(_LEVELS):
            names: dict[str, list[str]] = {}
            for path in pictures:
                if (parts := path.split("/", level + 1)) and len(parts) > level + 1:
                    names.setdefault(parts[level], []).append(path)
            if not 2 <= len(names) <= _FEW_NAMES:
                continue
            said = [name for name in names if disease_of(name) is not None or part_of(name)]
            kept = said if len(said) > 1 else []  # folders of labels, or of parts, hold scans
            binary = [name for name, paths in names.items() if name not in kept and self._are_binary(paths)]
            stems = {_stem(path) for name, paths in names.items() if name not in binary for path in paths}
            for name in binary:
                if stems and all(_stem(path) in stems for path in names[name]):
                    drawn |= {path.rpartition("/")[0] for path in names[name]}
        return drawn

    def _are_binary(self, paths: list[str]) -> bool:
        """Return whether a few of some pictures, from beginning to end, are all of two values."""
        step = max(1, len(paths) // _FEW_MASKS)
        return all(has_two_values(self.root / path) for path in paths[::step][:_FEW_MASKS])

    def _is_of_masks(self, folder: str) -> bool:
        names = folder.split("/")
        if any(holds(name, MASK) for name in names):
            return True
        if not any(fold(name) in MASK_OR_NOT for name in names):
            return False
        some = [path for path in self.folders[folder] if self.is_picture(path)][:_FEW_MASKS]
        return bool(some) and all(has_two_values(self.root / path) for path in some)

    def names_in(self, folder: str) -> list[str]:
        """Return the names of the files that lie in a folder."""
        return [path.rpartition("/")[2] for path in self.folders.get(folder, ())]

    def is_picture(self, path: str) -> bool:
        """Return whether a path is a picture by content."""
        return self.files.get(path) in (PICTURE, DICOM)


def walk(path: Path, progress: Progress = silent) -> Tree:
    """Return the tree at a path; no link is followed.

    Args:
        path: A folder, or a table whose folder is then looked through.
        progress: Called now and then with the files seen so far.

    Raises:
        BadData: If the path is a file, but no table.
    """
    tree = Tree(path) if path.is_dir() else Tree(path.parent, sole=path.name)
    _check_sole(tree)
    for n, (name, entry, why) in enumerate(_below(tree.root, "")):
        if why is not None:
            tree.passed[_shown(name)] = why
        else:
            tree.files[name] = _kind(entry, name, tree)
        if n % 500 == 0:
            progress(n, n)
    _tell_drawn(tree)
    _tell_beside(tree)
    return tree


def _check_sole(tree: Tree) -> None:
    """Refuse a single file that is no table, before its whole folder is looked through."""
    for entry in os.scandir(tree.root) if tree.sole else ():
        if entry.name == tree.sole and _kind(entry, entry.name, tree) != TABLE:
            if entry.name in tree.archives:
                raise BadData("data.archive-no-zip", found=entry.name[:200])
            raise BadData("data.no-table-here", found=str(tree.found.get(entry.name) or entry.name)[:200])


def _tell_drawn(tree: Tree) -> None:
    """Read texts that say what is drawn in one picture each, or else hold a record of it; they are no own tables."""
    for read in () if tree.sole else (read_drawn, read_records):
        tree.drawn.extend(read(tree.root, tree.of_kind(TABLE, OTHER), tree.pictures))
        tree.files.update(dict.fromkeys((file for table in tree.drawn for file in table.files), BESIDE))


def _stem(path: str) -> str:
    return os.path.splitext(path.rpartition("/")[2])[0]


def _tell_beside(tree: Tree) -> None:
    """Tell texts each named after a picture (a detector's boxes, reports) from tables: many, or of most pictures."""
    if tree.sole:
        return
    stems = {_stem(path) for path in tree.pictures}
    texts = [path for path in tree.of_kind(TABLE) if not path.lower().endswith(_BOOKS)]
    beside = [path for path in texts if _stem(path) in stems]
    if len(beside) > min(_FEW_BESIDE, max(2, len(tree.pictures) // 2)):
        tree.files.update(dict.fromkeys(beside, BESIDE))


def _below(folder: Path, above: str, why: Note | None = None) -> Iterator[tuple[str, os.DirEntry, Note | None]]:
    try:
        with os.scandir(folder) as opened:
            entries = sorted(opened, key=lambda entry: (entry.is_dir(follow_symlinks=False), natural(entry.name)))
    except OSError as error:
        if not above:
            raise
        entries = []
        yield above, None, Note("data.no-access", found=error.strerror or type(error).__name__)  # type: ignore[misc]
    for entry in entries:
        name = f"{above}/{entry.name}" if above else entry.name
        passed = why or _passed(entry)
        if entry.is_dir(follow_symlinks=False):
            yield from _below(Path(entry.path), name, passed)
        else:
            yield name, entry, passed


def _passed(entry: os.DirEntry) -> Note | None:
    if entry.is_symlink():
        return Note("data.a-link")
    if entry.name.startswith(".") or entry.name.casefold() in _SYSTEM:
        return Note("data.housekeeping")
    if not entry.name.isascii() and entry.name != entry.name.encode("utf-8", "replace").decode():
        return Note("data.name-no-text")
    if not entry.is_file(follow_symlinks=False) and not entry.is_dir(follow_symlinks=False):
        return Note("data.no-file")
    return None


def _shown(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode()


def _kind(entry: os.DirEntry, name: str, tree: Tree) -> str:
    """Return what a file is by its first bytes, and note what it is where it is no picture."""
    ending = os.path.splitext(entry.name)[1].lower()
    try:
        with open(entry.path, "rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        tree.found[name] = error.strerror or type(error).__name__
        return OTHER
    if head.startswith(b"\x93NUMPY"):
        return ARRAY
    try:
        return DICOM if recognise(head) == "DICOM" else PICTURE
    except BadScan as error:
        tree.found[name] = error.found
        if error.code in _ARCHIVES and ending not in _OFFICE:
            tree.archives[name] = error.code == _ZIP
    spreadsheet = head.startswith((b"PK\x03\x04", _OLE)) and ending in (*_BOOKS, *NAMED_AS_TEXT)
    listed = ending not in _NO_TABLES or (ending == ".xml" and MARK.encode() in head)
    is_text = listed and not head.startswith((b"PK", _OLE)) and _like_text(head)
    return TABLE if spreadsheet or (is_text and head) else OTHER


def _like_text(head: bytes) -> bool:
    """Return whether bytes may be a table: UTF-16 by its mark or zeros, else with hardly any control characters."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    if head.count(0) > len(head) // 20:
        return any(_is_utf_16(head, name) for name in ("utf-16-le", "utf-16-be"))
    return sum(byte < 32 and byte not in b"\0\t\r\n\x0c\x1a\x1b" for byte in head) <= len(head) // 100


def _is_utf_16(head: bytes, name: str) -> bool:
    """Return whether bytes are a table in UTF-16 without its mark: letters, and separators among them."""
    text = head[: len(head) // 2 * 2].decode(name, "replace")
    good = sum(c.isprintable() or c in "\t\r\n" for c in text)
    return (
        good >= 0.98 * len(text) and any(c in text for c in ",;\t|\n") and sum(map(str.isascii, text)) > len(text) // 8
    )


def without_masks(tree: Tree) -> list[str]:
    """Return the pictures of a tree but for those in folders of masks, where there are others."""
    masks = tree.mask_folders
    plain = [path for path in tree.pictures if path.rpartition("/")[0] not in masks]
    return plain or tree.pictures
