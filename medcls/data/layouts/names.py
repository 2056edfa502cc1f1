"""Labels in the names of the files alone: `benign_001.png`, `img12_malignant.jpg`. A guess, which a person confirms."""

from collections import Counter
from collections.abc import Iterable

from medcls.core.note import Note
from medcls.core.plan import PlanChoices, Question
from medcls.data.layouts.beside import join_beside
from medcls.data.layouts.layout import Entry, Layout, Reading, common_root
from medcls.data.layouts.masks import find_companions, find_masks, with_masks
from medcls.data.layouts.table import with_folders, with_owners
from medcls.data.lexicon import MODES, PICTURE_WORDS
from medcls.data.sides import side_of
from medcls.data.tree import Tree, without_masks
from medcls.data.vocabulary import disease_of, holds, is_site, part_of, words_of

_MOST_LABELS, _MOST_ODD = 12, 0.1


def read_names(tree: Tree, choices: PlanChoices) -> Reading | None:
    """Return what the names of a tree's pictures say of their labels; None if they do not tell labels apart."""
    masks, companions = find_masks(tree), find_companions(tree)
    pictures = [path for path in without_masks(tree) if path not in masks and path not in companions]
    whole = {path: _words(path) for path in pictures}
    words = _unshared(whole)
    labels = _known(words) or _varying(words) or _negated(whole)
    if not labels:
        return None
    reading = Reading("names", "", [Entry(path, labels[path]) for path in pictures if path in labels])
    reading.left = {path: Note("data.name-without-label") for path in pictures if path not in labels}
    names = tuple(sorted(set(labels.values())))
    reading.why = [Note("data.why-names", labels=", ".join(names))]
    join_beside(tree, choices, reading)
    reading.entries = with_masks(with_owners(with_folders(reading.entries), reading), masks)
    reading.root = common_root(entry.id.rpartition("/")[0] for entry in reading.entries)
    if choices.layout != "names":
        asks = Note("data.asks-names", labels=", ".join(names), name=reading.entries[0].id.rpartition("/")[2])
        reading.questions.append(Question(asks, "--layout", ("names",), "names"))
    return reading


def _words(path: str) -> tuple[str, ...]:
    name = path.rpartition("/")[2]
    return tuple(w for w in words_of(name.rpartition(".")[0] or name) if not w.isdecimal() and w not in PICTURE_WORDS)


def _unshared(words: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Return the words of names without those that all share (`cancer_study_benign_1`), where they tell no label."""
    often = Counter(word for said in words.values() for word in set(said))
    if all(is_site(" ".join(said)) for said in words.values()):
        return {}
    return {path: tuple(w for w in said if often[w] < len(words)) for path, said in words.items()}


def labels_in_names(paths: Iterable[str]) -> dict[str, str]:
    """Return the label of each picture in whose name one word means disease or its absence; empty if few have one."""
    return _known(_unshared({path: _words(path) for path in paths}))


def _known(words: dict[str, tuple[str, ...]]) -> dict[str, str]:
    """Return the label of each picture in whose name one word means disease or its absence; empty if few have one."""
    found = {path: {word for word in said if disease_of(word) is not None} for path, said in words.items()}
    labels = {path: next(iter(said)) for path, said in found.items() if len(said) == 1}
    negated = any(disease_of(" ".join(words[path])) != disease_of(label) for path, label in labels.items())
    sides = {disease_of(label) for label in labels.values()}
    enough = len(labels) >= (1 - _MOST_ODD) * len(words)
    return labels if enough and len(sides) == 2 and not negated and _are_few(labels.values()) else {}


def _varying(words: dict[str, tuple[str, ...]]) -> dict[str, str]:
    """Return the label of each picture as the words of its name that not all names share; empty if these are many."""
    labels = {path: " ".join(said) for path, said in words.items()}
    few = all(labels.values()) and len(set(labels.values())) > 1 and _are_few(labels.values())
    seen = all(side_of(label) or holds(label, MODES) for label in labels.values())
    return labels if few and not seen and not all(map(part_of, labels.values())) else {}


def _negated(words: dict[str, tuple[str, ...]]) -> dict[str, str]:
    """Return the words of each picture's name where some names say disease, and the others say none of it."""
    labels = {path: " ".join(said) for path, said in words.items()}
    return (
        labels
        if {disease_of(label) for label in labels.values()} == {True, False} and _are_few(labels.values())
        else {}
    )


def _are_few(labels: Iterable[str]) -> bool:
    counted = Counter(labels)
    return len(counted) <= _MOST_LABELS and min(counted.values()) > 1


NAMES = Layout("names", Note("data.layout-names"), read_names)
