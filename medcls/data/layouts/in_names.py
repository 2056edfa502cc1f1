"""What names of folders and files say together: a part and a label (`train_benign`), a part or a patient of a file."""

import re
from collections.abc import Iterable, Mapping

from medcls.data.layouts.layout import Entry
from medcls.data.vocabulary import names_patient, part_of

_APART = re.compile(r"[\s_.\-]+")
_OWNER = re.compile(r"([^\W\d_]{2,})[\s_.\-]?(\d+)(?=[\s_.\-]|$)")


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


def _stem(path: str) -> str:
    name = path.rpartition("/")[2]
    return name.rpartition(".")[0] or name
