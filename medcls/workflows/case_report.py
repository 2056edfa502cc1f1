"""A scan, answered and ready to leave: as a report, as text, to another system."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from medcls import access
from medcls.core.model import ModelCard
from medcls.core.note import Note
from medcls.core.prediction import Heatmap, Prediction
from medcls.core.progress import Progress
from medcls.core.scan import Scan
from medcls.core.titles import title_of
from medcls.exits import CASE_EXITS as EXITS
from medcls.exits import EXITS as ALL_EXITS
from medcls.exits import Exit, Parcel, leave
from medcls.exits.case import MODES, UNSURE, Box, Case, Mode, Person, Reading, Ruler, View
from medcls.exits.gate import cover_text, find_burned_in, free_text, paint_over
from medcls.exits.subjects import Drawing, Markdown, Measured, OwnFile, Subject, Table
from medcls.explain.verdict import Check
from medcls.imaging.burned_in import find_text
from medcls.imaging.decode import read_scan
from medcls.models.folder import weights_digest
from medcls.workflows.acts import allowed
from medcls.workflows.classify import classify_open, combine_views

if TYPE_CHECKING:
    from medcls.models.predictor import Predictor

__all__ = [
    "ALL_EXITS",
    "EXITS",
    "MODES",
    "UNSURE",
    "Box",
    "Case",
    "Drawing",
    "Exit",
    "Known",
    "Markdown",
    "Measured",
    "Mode",
    "OwnFile",
    "Parcel",
    "Person",
    "Reading",
    "Ruler",
    "Said",
    "Subject",
    "Table",
    "View",
    "cover_text",
]


@dataclass(frozen=True)
class Said:
    """What the people around a scan say of it.

    Args:
        reading: The reader's own reading.
        person: Whom the scan shows.
        by: Login name of whoever makes the report; empty for whoever is at work.
        site: The site it is read at; empty for none.
        prevalence: Share of people with the disease there, (0, 1).
        anyway: True if they asked for the numbers of an answer that was refused.
    """

    reading: Reading = field(default_factory=Reading)
    person: Person = field(default_factory=Person)
    by: str = ""
    site: str = ""
    prevalence: float = 0.1
    anyway: bool = False


@dataclass(frozen=True, eq=False)
class Known:
    """What a page showed of a scan before a report of it is asked for: the report holds the same.

    Args:
        scan: The scan, of whichever frame.
        prediction: Its answer, as it is read at the site.
        heatmap: Where the evidence for its most probable label lies.
    """

    scan: Scan
    prediction: Prediction
    heatmap: Heatmap


@allowed("read")
def make_case(
    data: bytes,
    name: str,
    model: "Predictor",
    *,
    known: Known | None = None,
    said: Said | None = None,
    checks: Progress | None = None,
) -> Case:
    """Return a file answered, with its heatmap, as it may leave.

    Args:
        data: The file's bytes.
        name: Its name, for the record only.
        model: From `classify.open_model`.
        known: What is known of it already; None decodes its first frame and asks the model.
        said: What people say of it.
        checks: Called with steps done and in all while the heatmap is tested, which takes some seconds; None leaves it
            untested.

    Raises:
        MedclsError: If the file cannot be read or the model does not answer it.
    """
    said = said or Said()
    known = known or _answer(read_scan(data), model, said.site)
    scan, prediction, heatmap = known.scan, known.prediction, known.heatmap
    return Case(
        scan,
        prediction,
        model.card,
        datetime.now(UTC).replace(microsecond=0),
        model_sha256=weights_digest(model.card),
        heatmap=heatmap,
        checks=_checks(scan, model, heatmap.label, checks) if checks and (prediction.decided or said.anyway) else (),
        reading=said.reading,
        worth=track_record(model.card, prediction.decided or "", said.prevalence, said.site, bool(prediction.called)),
        person=said.person,
        made_by=said.by or access.present().name,
        file_name=name,
        source=data,
        anyway=said.anyway,
    )


def with_views(case: Case, views: Sequence[View], site: str = "") -> Case:
    """Return a case with further scans of it, and the one answer of all of them together, as it is read at a site.

    Args:
        case: The case.
        views: Further scans of it with their answers; none leaves it as it is.
        site: The site it is read at; empty for none.
    """
    if not views:
        return case
    answers = [case.prediction, *(v.prediction for v in views)]
    return replace(case, views=tuple(views), together=combine_views(answers, case.card, site))


@allowed("read")
def send_out(exit_name: str, subject: Subject, mode: Mode) -> Parcel:
    """Return a case, table, figures or model in one of the ways out, past the gate and written to the audit trail.

    Args:
        exit_name: The way out, a name of `medcls.exits`.
        subject: What leaves, of a kind that this way takes.
        mode: `record` or `others`.

    Raises:
        MedclsError: As `exits.leave`.
    """
    return leave(exit_name, subject, mode)


def text_on(case: Case) -> tuple[Box, ...]:
    """Return where text was found on the case's pictures that is not painted over."""
    return find_burned_in(case)


def text_on_scan(scan: Scan) -> tuple[Box, ...]:
    """Return where text was found on a scan."""
    return find_text(scan.pixels)


def painted(scan: Scan, boxes: tuple[Box, ...], over: bool) -> np.ndarray:
    """Return a scan with the text on it framed, or painted over.

    Args:
        scan: The scan.
        boxes: Left, top, right and bottom of each text, in pixels.
        over: True to paint it over.

    Returns:
        (H, W) or (H, W, 3), float32, 0 to 1.
    """
    if over:
        return paint_over(scan, boxes).pixels
    picture = scan.pixels.copy()
    for left, top, right, bottom in boxes:
        frame = picture[max(0, top - 2) : bottom + 2, max(0, left - 2) : right + 2]
        frame[:2], frame[-2:], frame[:, :2], frame[:, -2:] = 1.0, 1.0, 1.0, 1.0
    return picture


def typed(case: Case) -> tuple[str, ...]:
    """Return what the person typed, to be shown before it goes to others."""
    return free_text(case)


def track_record(
    card: ModelCard, label: str, prevalence: float = 0.1, site: str = "", by_threshold: bool = False
) -> tuple[Note, ...]:
    """Return how often such an answer was right: at the site it is read at, at each place, disease against the rest.

    Its arguments are those of `counts_of`; see `counts_of`.
    """
    from medcls.workflows.site_figures import figures_of

    figures = figures_of(card)
    counts = counts_of(card, label, prevalence, site, by_threshold)
    return (*counts, *(one.headline() for one in figures)) if figures else (Note("exits.not-measured"),)


def counts_of(
    card: ModelCard, label: str, prevalence: float = 0.1, site: str = "", by_threshold: bool = False
) -> tuple[Note, ...]:
    """Return how often such an answer was right, in counts: at the site it is read at, then at each place.

    Args:
        card: The model.
        label: Label id answered; empty where nothing was decided.
        prevalence: Share of people with the disease where the answer is read, (0, 1).
        site: The site it is read at; empty for none.
        by_threshold: True if that site's threshold decided: how the model's own calls do at the prevalence
            is then not said of it.
    """
    from medcls.workflows.site import track_records
    from medcls.workflows.site_figures import figures_of, track_record_at

    figures = figures_of(card)
    if not figures or not label:
        return ()
    name = card.task.label(label).name
    whole = next((one.title for one in figures if one.source == "measured"), "")  # where cases tell no site
    records = {title_of(place) or whole: r for place, r in track_records(card, label, prevalence).items() if r.said}
    here_first = track_record_at(card, label, prevalence, site, by_threshold) if site else ()
    counts = [record.count_note(place, name) for place, record in records.items()]
    chances = [] if by_threshold else [record.chance_note(place, name) for place, record in records.items()]
    return (*here_first, *counts, *(note for note in chances if note))


def _answer(scan: Scan, model: "Predictor", site: str) -> Known:
    from medcls.explain.drawing import draw
    from medcls.workflows.site import read_at

    prediction, view = classify_open(scan, model, site=site)
    read = read_at(site, prediction, model.card) if site else prediction
    return Known(scan, read, draw(view, read.called or read.top))


def _checks(scan: Scan, model: "Predictor", label: str, progress: Progress) -> tuple[Check, ...]:
    from medcls.workflows.explain import HeatmapRequest, check_heatmap, networks_of

    return check_heatmap(scan, networks_of(model)[0], HeatmapRequest(label), progress=progress)
