"""The clinical question a network answers."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from medcls.core.record import Record
from medcls.errors import BadTask

Tones = Literal["", "grey", "colour"]
Modality = Literal["ultrasound", "histology", "dermoscopy", "radiograph", "other"]
OWN = "own"  # labels of a user's own: a collection's task, and how the id of a task made of them begins
_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def is_label_id(text: str) -> bool:
    """Return whether text can be a label's id: lower-case letters and digits of any script, `.`, `_`, `-`; 64 at most.

    Example:
        >>> [is_label_id(text) for text in ("no-idc", "악성", "b\u00f6sartig", "Benign", "-1", "a b")]
        [True, True, True, False, False, False]
    """
    if not 0 < len(text) <= 64 or text != unicodedata.normalize("NFC", text.lower()):
        return False
    kinds = [unicodedata.category(c)[0] for c in text]
    return kinds[0] in "LN" and all(kind in "LNM" or c in "._-" for kind, c in zip(kinds, text, strict=True))


def is_own(task_id: str) -> bool:
    """Return whether an id stands for labels of a user's own, and not for a task that a file describes."""
    return task_id == OWN or task_id.startswith(f"{OWN}-")


@dataclass(frozen=True)
class Label(Record):
    """One possible answer.

    Args:
        id: Stable identifier: lower case letters of any script in NFC, digits, `.`, `_`, `-`.
        name: What a person reads.
        positive: True if the answer means the disease that is looked for.
    """

    id: str
    name: str
    positive: bool = False

    def __post_init__(self) -> None:
        if not is_label_id(self.id):
            raise BadTask("core.label-id", found=repr(self.id)[:80])


@dataclass(frozen=True)
class Task(Record):
    """A question with its possible answers.

    Args:
        id: Stable identifier, as in `breast-ultrasound`.
        question: The question in words, as a person would ask it.
        labels: Possible answers; their order is the order of every probability vector.
        modality: Kind of picture the question is about.
        limits: Sentences saying what the question does not cover.
        name: What a person reads in a list; empty makes it of the id.
        tones: Whether its pictures are `grey` or in `colour`; empty: as pictures of its modality are.

    Raises:
        BadTask: If there are fewer than two labels, or two with one id.
    """

    id: str
    question: str
    labels: tuple[Label, ...]
    modality: Modality = "other"
    limits: tuple[str, ...] = ()
    name: str = ""
    tones: Tones = ""
    schema: int = 1

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise BadTask("core.task-id", found=repr(self.id)[:80])
        if len(self.labels) < 2 or len(set(self.label_ids)) != len(self.labels):
            raise BadTask("core.labels-not-distinct", task=self.id, found=", ".join(self.label_ids))

    @property
    def label_ids(self) -> tuple[str, ...]:
        """Ids of the labels, in order."""
        return tuple(label.id for label in self.labels)

    @property
    def is_grey(self) -> bool:
        """True if its pictures are grey: a tint is then the device's, and says nothing of what is shown."""
        return self.tones == "grey" or (not self.tones and self.modality in ("ultrasound", "radiograph"))

    @property
    def positive(self) -> tuple[int, ...]:
        """Indices of the labels that mean disease; the last label if none is marked."""
        return tuple(i for i, label in enumerate(self.labels) if label.positive) or (len(self.labels) - 1,)

    @property
    def title(self) -> str:
        """What a person reads in a list: the name, or the id in words."""
        return self.name or self.id.replace("-", " ").capitalize()

    def label(self, label_id: str) -> Label:
        """Return the label with this id.

        Raises:
            BadTask: If there is none.
        """
        for label in self.labels:
            if label.id == label_id:
                return label
        raise BadTask("core.no-such-label", task=self.id, found=repr(label_id)[:80], allowed=", ".join(self.label_ids))
