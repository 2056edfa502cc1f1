"""What an answer says, in the codes of DICOM and FHIR: the standard's own where it has one, else ours."""

import hashlib
from dataclasses import dataclass

from medcls.core.task import Label, Task
from medcls.exits.case import UNSURE
from medcls.explain.verdict import Check

OURS, OURS_URI = "99MEDCLS", "urn:medcls:codes"
SYSTEMS = {
    "DCM": "http://dicom.nema.org/resources/ontology/DCM",
    "SCT": "http://snomed.info/sct",
    OURS: OURS_URI,
}
_MOST_MEANING = 64  # characters of a code's meaning (VR LO)


@dataclass(frozen=True)
class Code:
    """A coded concept: value, who defines it, and what it means in words."""

    value: str
    scheme: str
    meaning: str


CANCER, FINDING, COMMENT = (
    Code("111047", "DCM", "Probability of cancer"),
    Code("121071", "DCM", "Finding"),
    Code("121106", "DCM", "Comment"),
)
CANNOT_TELL = Code("cannot-tell", OURS, "Cannot tell")
READING = Code("reading", OURS, "Finding of the reader")
# What IHE's AI Results Assessment (AIRA) asks a reader for; the words are ours, for its own codes are not at hand.
ASSESSMENT = Code("assessment", OURS, "Reader's assessment of the result")
ASSESSMENTS = {
    "accepted": Code("accepted", OURS, "Accepted by the reader"),
    "rejected": Code("rejected", OURS, "Rejected by the reader"),
}
# What a test of the heatmap may say.
HELD = {
    True: Code("passed", OURS, "Passed"),
    False: Code("failed", OURS, "Failed"),
    None: Code("cannot-tell", OURS, "Cannot tell"),
}
# Labels of the tasks that ship, for which SNOMED CT has a concept.
_KNOWN = {
    ("breast-ultrasound", "normal"): Code("17621005", "SCT", "Normal"),
    ("breast-ultrasound", "benign"): Code("30807003", "SCT", "Benign"),
    ("breast-ultrasound", "malignant"): Code("21594007", "SCT", "Malignant"),
    ("skin-melanoma", "melanoma"): Code("1162635006", "SCT", "Malignant melanoma"),
}
# Tasks whose positive labels all are cancer, so that their sum is a probability of it.
_OF_CANCER = ("breast-ultrasound", "breast-histology-idc", "skin-melanoma")


def label_code(task: Task, label: Label) -> Code:
    """Return the concept that a label of a task stands for."""
    return _KNOWN.get((task.id, label.id)) or Code(_short(task.id, label.id), OURS, label.name[:_MOST_MEANING])


def reading_code(task: Task, read: str) -> Code:
    """Return the concept that a reader's finding stands for: a label's, or that they cannot tell."""
    return CANNOT_TELL if read == UNSURE else label_code(task, task.label(read))


def probability_code(task: Task, label: Label) -> Code:
    """Return the concept "probability of this label"."""
    if label.positive and task.id in _OF_CANCER:
        return CANCER
    return Code(_short("probability", task.id, label.id), OURS, f"Probability of {label.name}"[:_MOST_MEANING])


def check_code(check: Check) -> Code:
    """Return the concept "this test of the heatmap"."""
    return Code(f"check-{check.name}"[:16], OURS, f"Heatmap: {check.title}"[:_MOST_MEANING])


def _short(*parts: str) -> str:
    """Return a code value of 16 characters, the same for the same words."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
