"""One answered scan as it leaves: all that a report, a DICOM object or a FHIR bundle is made of."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from medcls.core.model import ModelCard
from medcls.core.note import Note
from medcls.core.prediction import Heatmap, Prediction
from medcls.core.scan import Scan
from medcls.explain.verdict import Check

# `record`: for the same patient, to the own systems. `others`: de-identified, for anybody else.
Mode = Literal["record", "others"]
MODES: tuple[Mode, ...] = ("record", "others")

UNSURE = "cannot-tell"  # stands for a label where the person could not tell

Box = tuple[int, int, int, int]  # left, top, right, bottom in the scan's pixels; right and bottom lie outside


@dataclass(frozen=True)
class Ruler:
    """A distance measured on the scan.

    Args:
        ends_px: x and y of one end, then of the other, in the scan's pixels.
        length_mm: Its length; None where the file does not say how large a pixel is.
    """

    ends_px: tuple[float, float, float, float]
    length_mm: float | None = None


@dataclass(frozen=True)
class Reading:
    """What the person read.

    Args:
        before: Label id read before the model's answer was seen, or `UNSURE`; empty if none was given.
        after: Label id the person stands by now, or `UNSURE`; empty if none was given.
        comment: Free text.
    """

    before: str = ""
    after: str = ""
    comment: str = ""

    @property
    def changed(self) -> bool | None:
        """Whether the answer changed the reading; None where one of the two is missing."""
        return self.before != self.after if self.before and self.after else None


Assessment = Literal["accepted", "rejected"]


@dataclass(frozen=True)
class Person:
    """Whom the scan shows, as a person entered it for a file that does not say so itself.

    Args:
        name: Family name and given names.
        id: The patient's number.
        birth_date: ISO date, or empty.
        sex: `M`, `F`, `O` or empty.
        accession: The order's number.
    """

    name: str = ""
    id: str = ""
    birth_date: str = ""
    sex: str = ""
    accession: str = ""


@dataclass(frozen=True, eq=False)
class View:
    """A further scan of the same case.

    Args:
        scan: The scan.
        prediction: The model's answer.
        covers: Parts of it painted over because text was found there.
    """

    scan: Scan
    prediction: Prediction
    covers: tuple[Box, ...] = ()


@dataclass(frozen=True, eq=False)
class Case:
    """One answered scan, as it may leave the machine.

    Args:
        scan: The scan.
        prediction: The model's answer.
        card: The model.
        made_at: When the report is made, with a time zone.
        model_sha256: Digest of the model's weights.
        heatmap: Where the evidence was; None if none was drawn.
        checks: What the tests of that heatmap found.
        worth: What such an answer is worth, at this site where its figures are known; notes or sentences.
        region: The lesion as the person marked it; None if not.
        rulers: Distances measured.
        views: Further scans of the case.
        together: One answer for the scan and its further views; None where there are none.
        reading: The person's own reading.
        person: Whom the scan shows; only what was entered by hand.
        made_by: Login name, or "local".
        file_name: The file's name as it was dropped.
        source: The file's bytes, for exits that write DICOM; None where they are not at hand.
        covers: Parts of the scan painted over because text was found there.
        accepts_text: True if a person looked at the text found and says that it names nobody.
        keeps_comment: True if a person read the comment again and says that it names nobody.
        anyway: True if a person asked for the numbers of an answer that was refused.
    """

    scan: Scan
    prediction: Prediction
    card: ModelCard
    made_at: datetime
    model_sha256: str = ""
    heatmap: Heatmap | None = None
    checks: tuple[Check, ...] = ()
    worth: tuple[Note | str, ...] = ()
    region: Box | None = None
    rulers: tuple[Ruler, ...] = ()
    views: tuple[View, ...] = ()
    together: Prediction | None = None
    reading: Reading = Reading()
    person: Person = Person()
    made_by: str = "local"
    file_name: str = ""
    source: bytes | None = None
    covers: tuple[Box, ...] = ()
    accepts_text: bool = False
    keeps_comment: bool = False
    anyway: bool = False

    def __post_init__(self) -> None:
        if self.made_at.tzinfo is None:
            raise ValueError("made_at needs a time zone")

    @property
    def numbers(self) -> bool:
        """Whether probabilities and heatmap leave: what the model cannot tell has none, unless they were asked for."""
        return self.prediction.decided is not None or self.anyway

    @property
    def assessment(self) -> Assessment | None:
        """Whether the reader stands by the answer; None if they did not say, or nothing was decided."""
        after, decided = self.reading.after, self.prediction.decided
        return ("accepted" if after == decided else "rejected") if after and decided else None
