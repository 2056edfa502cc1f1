"""What the levels of a tree's folders are: parts, sites, labels, patients."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from medcls.core.note import Note
from medcls.core.plan import Question
from medcls.data.labels import tidy
from medcls.data.layouts.in_names import owned_labels, parted_labels
from medcls.data.layouts.layout import are_patients, is_of_pictures
from medcls.data.lexicon import MASK, MODES, NOT_PICTURES
from medcls.data.people import is_name
from medcls.data.sides import side_of
from medcls.data.vocabulary import (
    are_dates,
    disease_of,
    fold,
    holds,
    is_numbered,
    is_site,
    levels_of_dates,
    names_patient,
    numbered_parts,
    part_of,
    parts_of,
)
from medcls.errors import BadData

ROLES = ("part", "site", "label", "patient", "group", "other")
_MANY, _FEW_SITES, _FEW_NUMBERED, _FEW_PEOPLE, _SHOWN = 30, 4, 10, 3, 4
_COUNTED = re.compile(r"[^\W\d_]?[\W_]?(0?\d|10)")  # counts patients, or sites: 1, S2, 03
_ZEROS = re.compile(r"(?<!\d)0\d+|\d{4}")  # numbers that count patients: 007, 8863
Folder = tuple[str, ...]


def form(name: str) -> str:
    """Return a folder's name in lower case and in one Unicode form."""
    return tidy(name).casefold()


@dataclass
class Roles:
    """The roles of the levels of folders.

    Args:
        levels: Role of each level, from the top.
        labels: Names of the labels' folders, in one form.
        why: How the labels were told: `words`, `parts`, `folders`, `asked`.
        questions: A question that only a person can answer.
        parts: Part that each name of a level of parts says, by level.
        parted: Part and label that the name of a label's folder says, (`train_benign`), where each says both.
        owned: Label and patient that the name of a label's folder says (`P01_benign`), where each says both.
    """

    levels: list[str]
    labels: set[str] = field(default_factory=set)
    why: str = "folders"
    questions: list[Question] = field(default_factory=list)
    parts: dict[int, dict[str, str]] = field(default_factory=dict)
    parted: dict[str, tuple[str, str]] = field(default_factory=dict)
    owned: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def pattern(self) -> str:
        """The roles as a person writes them."""
        return "/".join(self.levels)

    def place(self, folder: Folder) -> dict[str, str] | None:
        """Return the name in a folder's path that has each role, and its part; None if it lies in no label's folder."""
        own = at = self.levels.index("label")
        if len(folder) <= at or form(folder[at]) not in self.labels:
            at = next((i for i, name in enumerate(folder) if form(name) in self.labels), -1)
            if at < 0 or self.why == "asked":
                return None
        told = {"label": folder[at]}
        if said := self.parted.get(folder[at]):
            told = {"part": said[0], "label": said[1]}
        if said := self.owned.get(folder[at]):
            told = {"label": said[0]} | ({"patient": said[1]} if said[1] else {"owner": folder[at]})
        for level, name in enumerate(folder):
            role = self.levels[level] if level < len(self.levels) else "other"
            if level == at or role in ("other", "label"):
                continue
            told |= {"part": part} if (part := self.parts.get(level, {}).get(name)) else {}
            if role == "part":
                continue
            told[role] = f"{told[role]}/{name}" if role in ("site", "group") and role in told else told.get(role, name)
            if role == "group" and level < at:  # a site as well, where none is known
                told = {"site": name, "owner": name} | told
        inner = part_of(folder[own]) if at > own else ""  # train/val/benign beside train/benign
        return told | ({"part": inner} if inner else {})


def find_roles(folders: Iterable[Folder], asked: str = "") -> Roles | None:
    """Return what the levels of folders are.

    Args:
        folders: Folders of the pictures.
        asked: What a person said, as `part/label/patient`; empty finds out.

    Returns:
        None if no level can be that of the labels.

    Raises:
        BadData: If `asked` is no such list.
    """
    folders = sorted(set(folders))
    if asked:
        return _as_asked(folders, asked)
    if not folders:
        return None
    at = _label_level_by_words(folders)
    roles = _around(folders, at, "words") if at is not None else _by_shape(folders)
    if roles is None or (roles.why == "folders" and _are_no_labels(_label_names(roles, folders))):
        return None
    return _with_parts(roles, folders)


def _label_names(roles: Roles, folders: Iterable[Folder]) -> list[str]:
    return [name for name in _names(folders, roles.levels.index("label")) if form(name) in roles.labels]


def _are_no_labels(names: list[str]) -> bool:
    """Return whether the names of a level say what is no label: years, sites, parts, patients, sides, views."""
    owners = all(map(names_patient, names)) or (all(map(is_numbered, names)) and all(map(_ZEROS.search, names)))
    seen = all(map(side_of, names)) or all(holds(name, MODES) for name in names)
    return len(names) > 1 and (are_dates(names) or all(map(is_site, names)) or _all_parts(names) or owners or seen)


def _with_parts(roles: Roles, folders: Sequence[Folder]) -> Roles:
    roles.parted = parted_labels(_label_names(roles, folders))
    if roles.why != "asked" and not {"patient", "group"} & set(roles.levels):
        roles.owned = owned_labels(_label_names(roles, folders))
    for level, role in enumerate(roles.levels):
        said = {"part": parts_of, "patient": numbered_parts}.get(role, lambda _: {})(_names(folders, level))
        roles.parts |= {level: said} if said else {}
    return roles


def _as_asked(folders: Sequence[Folder], asked: str) -> Roles:
    levels = [role.strip() for role in asked.lower().strip("/").split("/")]
    if levels.count("label") != 1 or not set(levels) <= set(ROLES):
        raise BadData("data.folders-wrong", found=asked[:80], allowed=", ".join(ROLES))
    at = levels.index("label")
    return _with_parts(Roles(levels, {form(folder[at]) for folder in folders if len(folder) > at}, "asked"), folders)


def _names(folders: Iterable[Folder], level: int) -> list[str]:
    return list(dict.fromkeys(folder[level] for folder in folders if len(folder) > level))


def _told(names: Iterable[str]) -> dict[str, bool | None]:
    return {name: None if is_site(name) or part_of(name) else disease_of(name) for name in names}


def _label_level_by_words(folders: Sequence[Folder]) -> int | None:
    """Return the first level whose names are words of labels: most of them, of a disease and of its absence."""
    for level in range(max(map(len, folders))):
        names = [name for name in _names(folders, level) if not _beside(name)]
        forms = {fold(name) for name in names}
        if forms == {"0", "1"}:
            return level
        known = [sick for sick in _told(names).values() if sick is not None]
        if True in known and False in known and len(known) >= 0.5 * len(names):
            return level
        if False in known and len(names) == 2 and not parts_of(names) and not any(map(is_site, names)):
            return level
    return None


@lru_cache(maxsize=65536)
def _beside(name: str) -> bool:
    """Return whether a folder's name says that it holds no scans: figures, models, masks."""
    return holds(name, NOT_PICTURES) or holds(name, MASK)


def _around(folders: Sequence[Folder], at: int, why: str) -> Roles:
    """Return the levels above and below that of the labels their roles."""
    named = _names(_in_parts(folders, at) if why == "words" else folders, at)
    labels = {form(name) for name in named if not _beside(name) and not (why == "words" and part_of(name))}
    inside = [folder for folder in folders if len(folder) > at and form(folder[at]) in labels]
    depth = max(map(len, inside))
    dates = levels_of_dates(_names(inside, level) for level in range(depth))
    above = ["other" if dates[level] else _role_above(_names(inside, level)) for level in range(at)]
    roles = Roles([*above, "label"], labels, why)
    for level in range(at + 1, depth):
        roles.levels.append("other" if dates[level] else _role_below(inside, level, at, roles))
    _ask_what(inside, at, roles)
    return roles


def _in_parts(folders: Sequence[Folder], at: int) -> list[Folder]:
    """Return the folders of a level that lie in no folder of figures or models, and in a part where others do."""
    inside = [folder for folder in folders if len(folder) > at]
    inside = [folder for folder in inside if not any(map(_beside, folder[:at]))] or inside
    for level in range(at):
        if len(parts := parts_of(_names(inside, level))) > 1:
            inside = [folder for folder in inside if folder[level] in parts]
    return inside


def _ask_what(folders: Sequence[Folder], at: int, roles: Roles) -> None:
    """Ask what levels are that may be of patients, of sites or of pieces of parts; kept together until it is said."""
    for level in range(len(roles.levels)):
        if level == at or {"patient", "group"} & {*roles.levels[:level], *roles.levels[level + 1 :]}:
            continue
        labels: dict[str, set[str]] = {}
        for folder in folders:
            if len(folder) > level:
                labels.setdefault(folder[level], set()).add(form(folder[at]))
        if asked := _asked(roles.levels[level], labels, level < at):
            asks, *answers = asked
            patterns = ["/".join([*roles.levels[:level], one, *roles.levels[level + 1 :]]) for one in answers]
            roles.levels[level] = answers[-1]
            told = Note(asks, names=_some(list(labels)))
            roles.questions.append(Question(told, "--folders", tuple(patterns[:2]), patterns[2]))


def _some(names: list[str]) -> str:
    """Return the first names, and a sign where there are more."""
    return ", ".join(names[:_SHOWN]) + (" …" if len(names) > _SHOWN else "")


def _asked(role: str, labels: Mapping[str, set[str]], above: bool) -> tuple[str, str, str, str] | None:
    """Return what to ask of a level: the question, both answers, and its role until then; None if all is clear.

    Folders above those of the labels may be patients as well as sites where nothing says that they are sites, and there
    are several of one label each, or many; and where they are few small numbers that hold several labels each.

    Args:
        role: What the level seems to be.
        labels: Labels that each of its folders belongs to, or holds.
        above: True if it stands above the labels' folders.
    """
    several = [len(of_one) > 1 for of_one in labels.values()]
    if role == "part" and (parts := numbered_parts(labels)) and len(labels) > len(set(parts.values())):
        return "data.asks-part-folders", "patient", "part", "patient"
    counted = len(labels) <= _FEW_NUMBERED and all(several) and all(map(_COUNTED.fullmatch, labels))
    if role == "patient" and counted and not above:
        return "data.asks-shared-folders", "patient", "site", "patient"
    sites = role == "site" and above and (len(labels) >= _FEW_SITES or not any(several))
    if (role == "patient" and counted) or (sites and not any(map(is_site, labels))):
        return "data.asks-outer-folders", "patient", "site", "group"
    return None


def _role_above(names: list[str]) -> str:
    if parts_of(names):
        return "part"
    if any(map(is_site, names)):
        return "site"
    if len(names) == 1 or all(map(is_of_pictures, names)):
        return "other"
    return "patient" if are_patients(names) or len(names) > _MANY else "site"


def _role_below(folders: Sequence[Folder], level: int, at: int, roles: Roles) -> str:
    names = _names(folders, level)
    if len(parts_of(names)) == len(names):
        return "part"
    if all(map(is_site, names)):
        return "site"
    if {"patient", "group"} & set(roles.levels):
        return "other"
    if are_patients(names) and len(names) > 1:
        return "patient"
    labels: defaultdict[str, set[str]] = defaultdict(set)
    for folder in folders:
        if len(folder) > level:
            labels[form(folder[level])].add(form(folder[at]))
    if all(len(under) > 1 for under in labels.values()) or len(labels) == 1:
        people = len(names) >= _FEW_PEOPLE and all(map(is_name, names))
        return _kept_together("data.asks-shared-folders", names, roles, "site", "patient") if people else "other"
    return _kept_together("data.asks-inner-folders", names, roles, "other", "group")


def _kept_together(code: str, names: list[str], roles: Roles, other: str, until: str) -> str:
    """Keep folders inside those of the labels together until a person says whether they are patients."""
    asks, above = Note(code, names=_some(names)), "/".join(roles.levels)
    roles.questions.append(Question(asks, "--folders", (f"{above}/patient", f"{above}/{other}"), f"{above}/{until}"))
    return until


def _by_shape(folders: Sequence[Folder]) -> Roles | None:
    """Find the level of the labels where no word tells: below parts and sites, or the first with several names."""
    levels, inside = [], list(folders)
    for level in range(max(map(len, folders))):
        names = [name for name in _names(inside, level) if not _beside(name)]
        with_more = {folder[level] for folder in inside if len(folder) > level + 1}
        deeper = [name for name in names if name in with_more]
        if len(names) == 1 or (len(deeper) == 1 and len(parts_of(_names(inside, level + 1))) > 1):
            levels.append("part" if part_of(names[0]) else "site" if is_site(names[0]) else "other")
            inside = [f for f in inside if len(f) > level and f[level] in (deeper or names)]
            continue
        parted = list(parts_of(names))
        if len(parted) > 1 or (parted and all(name in deeper for name in parted)):
            levels.append("part")
            inside = [folder for folder in inside if len(folder) > level and folder[level] in parted]
            continue
        if len(names) > 1 and deeper and all(is_site(name) for name in deeper):
            levels.append("site")
            inside = [folder for folder in inside if len(folder) > level and folder[level] in deeper]
            continue
        return _by_repeats(folders, inside, level, names) if len(names) > 1 else None
    return None


def _by_repeats(folders: Sequence[Folder], inside: Sequence[Folder], level: int, names: list[str]) -> Roles | None:
    """Decide between `label` here and `site/label` or `patient/label`, by whether all folders hold the same names."""
    children: dict[str, set[str]] = {name: set() for name in names}
    for folder in inside:
        if len(folder) > level + 1 and folder[level] in children:
            children[folder[level]].add(form(folder[level + 1]))
    below = _names(inside, level + 1)
    shared = [held for held in children.values() if held]
    repeated = len(shared) > 1 and len(set.intersection(*shared)) > 1 and len(set.union(*shared)) <= 12
    if not repeated or are_patients(below) or (_all_parts(below) and not _deeper(inside, level + 2)):
        return _restricted(folders, inside, level)
    if are_patients(names) or are_dates(names) or len(names) > _MANY:
        return _restricted(folders, inside, level + 1)
    if _all_parts(below):
        return _restricted(folders, inside, level + 2)
    roles = _restricted(folders, inside, level)
    above = roles.levels[:level]
    roles.questions.append(
        Question(
            Note("data.asks-label-level", outer=_some(names), inner=_some(below)),
            "--folders",
            ("/".join([*above, "label", "other"]), "/".join([*above, "site", "label"])),
        )
    )
    return roles


def _all_parts(names: list[str]) -> bool:
    return len(parts_of(names)) == len(names)


def _deeper(folders: Sequence[Folder], level: int) -> bool:
    return len(_names(folders, level)) > 1


def _restricted(folders: Sequence[Folder], inside: Sequence[Folder], at: int) -> Roles:
    """Return the roles around a level of labels, for the folders that belong to it."""
    roles = _around(inside, at, "folders")
    roles.labels = {form(folder[at]) for folder in inside if len(folder) > at and not _beside(folder[at])}
    return roles
