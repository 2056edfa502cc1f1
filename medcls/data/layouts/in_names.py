"""What names of folders and files say together: a part and a label (`train_benign`), a part or a patient of a file."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from medcls.core.collection import LISTED
from medcls.data.layouts.layout import Entry
from medcls.data.lexicon import AUGMENT, LEFT, MEASURES, MODES, NO_OWNERS, PATIENT, PICTURE_WORDS, RIGHT, SIDE_OR_SEX
from medcls.data.vocabulary import are_dates, disease_of, is_numbered, names_patient, part_of

_FEW_OWNERS, _PER_OWNER, _MOSTLY = 4, 1.5, 0.9  # patients at least, scans of each at least, and share of them
_GLUED = re.compile(r"([^\W\d_]+)(\d+)")
_NUMBERED = re.compile(r"\d+|[^\W\d_]+")
_NO_PLACES, _MOST_PLACES = LEFT | RIGHT | MODES | PICTURE_WORDS | SIDE_OR_SEX | NO_OWNERS | PATIENT, 20
_MEASURED = NO_OWNERS | MEASURES
_MAGNIFIED = frozenset((4, 5, 10, 20, 25, 40, 50, 60, 63, 100, 200, 400))
_SIDES_PX = frozenset((32, 50, 64, 96, 128, 160, 192, 224, 256, 299, 320, 384, 448, 480, 512, 600, 640, 768, 1024))
_PATIENTS = re.compile(r"p(t|at)?\d+", re.IGNORECASE)
_APART = re.compile(r"[\s_.\-]+")
_COPY = re.compile(r"(.+)\.rf\.[0-9a-z]{16,}|\w+_original_(.+)\.\w{3,4}_[0-9a-f-]{36}", re.IGNORECASE)
_OWNER = re.compile(r"([^\W\d_]{2,})[\s_.\-]?(\d+)(?=[\s_.\-(]|$)")


def parted_labels(names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return the part and the label that each of some names says; empty unless each says both, and labels repeat.

    Args:
        names: Names of the folders of one level.

    Example:
        >>> parted_labels(["train_benign", "train_cancer", "test_benign"])["test_benign"]
        ('test', 'benign')
        >>> parted_labels(["test positive", "test negative"])
        {}
    """
    listed = list(names)
    found = {name: said for name in listed if (said := _parted(name))}
    parts, labels = ({said[at] for said in found.values()} for at in (0, 1))
    return found if len(found) == len(listed) and min(len(parts), len(labels)) > 1 and len(labels) < len(found) else {}


def owned_labels(names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return the label that each of some folders' names says, and whose: a patient, or empty for a mere number.

    Empty unless each name holds a word for disease or its absence and a number, and labels repeat; also where numbers
    are of magnifications, sides or categories, which many patients share.

    Args:
        names: Names of the folders of one level.

    Example:
        >>> owned_labels(["P1_benign", "P2_benign", "P3_cancer", "P4_cancer"])["P3_cancer"]
        ('cancer', 'P3')
        >>> owned_labels(["benign1", "benign2", "cancer1", "cancer2"])["cancer2"], owned_labels(["1 benign", "2 tumor"])
        (('cancer', ''), {})
    """
    listed = list(names)
    found = {name: said for name in listed if (said := _owned(name))}
    labels = {label for label, _ in found.values()}
    if not len(found) == len(listed) >= 2 * len(labels) > 2:
        return {}
    bare = not any(owner for _, owner in found.values())
    return {} if _are_measures(listed, bare) else found


def _are_measures(names: list[str], bare: bool) -> bool:
    """Return whether the numbers in names are no one's: `benign_40X`, `birads2_benign`, `benign_224`, `benign_512`."""
    pieces = [set(_NUMBERED.findall(name.casefold())) for name in names]
    numbers = {int(piece) for of_one in pieces for piece in of_one if piece.isdecimal()}
    return any(of_one & _MEASURED for of_one in pieces) or (bare and (numbers <= _MAGNIFIED or numbers <= _SIDES_PX))


def _owned(name: str) -> tuple[str, str] | None:
    words = _words(name)
    if len(words) == 1 and (glued := _GLUED.fullmatch(words[0])):
        words = list(glued.groups())
    label = [word for word in words if not any(map(str.isdecimal, word))]
    rest = [word for word in words if word not in label]
    if len(rest) != 1 or disease_of(" ".join(label)) is None:
        return None
    return " ".join(label), rest[0] if any(map(str.isalpha, rest[0])) and is_numbered(rest[0]) else ""


def _parted(name: str) -> tuple[str, str] | None:
    words = _words(name)
    said = [part for word in words if (part := part_of(word))]
    rest = [word for word in words if not part_of(word)]
    return (said[0], " ".join(rest)) if len(said) == 1 and rest else None


def _words(name: str) -> list[str]:
    return [word for word in _APART.split(name) if word]


def parts_by_file(entries: Iterable[Entry]) -> Mapping[str, str]:
    """Return the part that each scan's file name begins or ends with, by its id; empty unless each says one.

    Args:
        entries: Scans of which nothing else says the part.
    """
    found: dict[str, str] = {}
    for entry in entries:
        words = _words(_stem(entry.id))
        said = {part for word in (*words[:1], *words[-1:]) if (part := part_of(word))}
        if len(said) != 1 or len(words) < 2:
            return {}
        found[entry.id] = said.pop()
    return found if len(set(found.values())) > 1 else {}


def patients_by_file(entries: Iterable[Entry]) -> Mapping[str, str]:
    """Return the patient that a scan's file name says by its word, by the scan's id: `patient3_1.png`, `환자 12.png`.

    Args:
        entries: Scans of which nothing else says whose they are.
    """
    found: dict[str, str] = {}
    for entry in entries:
        for word, number in _OWNER.findall(_stem(entry.id)):
            if names_patient(f"{word} {number}"):
                found[entry.id] = f"{word.casefold()} {int(number)}"
                break
    return found


def places_by_file(entries: Iterable[Entry]) -> Mapping[str, str]:
    """Return the word before the patient in each scan's file name, by the scan's id, where that may be a site.

    Empty unless all have one, of a few, and none says a part, a label, a side, a view or that it is a picture.

    Args:
        entries: Scans whose names say a patient.
    """
    found: dict[str, str] = {}
    for entry in entries:
        words = _words(_stem(entry.id))
        if len(words) < 2 or not words[0].isalpha() or words[0].casefold() in _NO_PLACES or part_of(words[0]):
            return {}
        if disease_of(words[0]) is not None or words[0] == entry.label:
            return {}
        found[entry.id] = words[0]
    return found if 1 < len(set(found.values())) <= _MOST_PLACES else {}


def copies_by_file(entries: Iterable[Entry]) -> Mapping[str, str]:
    """Return what keeps changed copies of one picture together, by the scan's id: `a.rf.0f3c….jpg`, `a_flip.jpg`.

    It does not say whose a scan is.

    Args:
        entries: Scans of which nothing says whose they are.
    """
    said, made = {}, set()
    for entry in entries:
        stem = _stem(entry.id)
        match = _COPY.fullmatch(stem)
        name = (match[1] or match[2]) if match else _without_change(stem)
        said[entry.id] = f"{entry.label or ''} {name.casefold()}"
        made |= {said[entry.id]} if name != stem else set()
    often = Counter(said.values())
    return {path: f"{LISTED}{name}" for path, name in said.items() if name in made and often[name] > 1}


def _without_change(stem: str) -> str:
    """Return a file's name without the words at its end that say how it was made of another: `a_aug_3`, `a_rot90`."""
    words, n = _APART.split(stem), 0
    bare = [word.strip("()").rstrip("0123456789").casefold() for word in words]
    for at in range(len(words) - 1, 0, -1):
        if bare[at] in AUGMENT:
            n = at
        elif bare[at]:
            break
    return stem[: [m.start() for m in _APART.finditer(stem)][n - 1]].rstrip() if n else stem


def owners_by_beginning(entries: Iterable[Entry]) -> Mapping[str, str]:
    """Return the first number in each scan's file name, by the scan's id, where it seems a patient's: `P001_L_1.png`.

    Empty unless nearly all names have one with more behind it, each stands in several scans of one label or is `P01`,
    and there are several of them. Words that all names share (`bus_0001-l.png`) are passed over.

    Args:
        entries: Scans of which nothing says whose they are.
    """
    words = {entry.id: tuple(_words(_stem(entry.id))) for entry in entries}
    shared = len(common_beginning(words.values()))
    found = {path: number for path, said in words.items() if (number := _first_number(said, shared))}
    scans = Counter(found.values())
    labels: dict[str, set[str | None]] = {}
    for entry in entries:
        if entry.id in found:
            labels.setdefault(found[entry.id], set()).add(entry.label)
    alike = sum(len(of_one) == 1 for of_one in labels.values()) >= _MOSTLY * len(labels)
    alike = alike or all(map(_PATIENTS.fullmatch, scans))  # a patient may well have scans of several labels
    n_labels = len(set().union(*labels.values()))
    several = len(scans) >= max(_FEW_OWNERS, 2 * n_labels) and len(found) >= max(
        _PER_OWNER * len(scans), _MOSTLY * len(words)
    )
    return found if several and alike and not are_dates(scans) else {}


def common_beginning(named: Iterable[Sequence[str]]) -> Sequence[str]:
    """Return the words that all of some names begin with."""
    first, *others = list(named) or [()]
    n = next((i for i, word in enumerate(first) if any(name[i : i + 1] != (word,) for name in others)), len(first))
    return first[:n]


def _first_number(words: Sequence[str], after: int) -> str:
    """Return the first word behind some that holds a number, unless it is the last; empty where it counts batches."""
    found = next((word for word in words[after:-1] if any(map(str.isdecimal, word))), "")
    return found if found and is_numbered(found) and not {word.casefold() for word in words} & NO_OWNERS else ""


def _stem(path: str) -> str:
    name = path.rpartition("/")[2]
    return name.rpartition(".")[0] or name
