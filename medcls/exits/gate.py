"""The one gate that whatever leaves passes: what may go for the record, and what is taken out for others.

For the record nothing is taken out: the objects go to the same patient's file. For others: the file's name, the
person, the login name, the names of this home's sites and the comment go (a comment may stay if a person read it again
and none of the names the file gives stand in it), nothing of a DICOM source's header stays, and text found on the
picture must have been painted over or looked at. A DICOM file as it came is de-identified (see `profile`), and stays if
there is text on it. In tables, figures and models cases are numbered and columns that
may hold a person's words emptied (see `nameless`).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from medcls.core.prediction import Prediction
from medcls.core.scan import Scan
from medcls.errors import MedclsError
from medcls.exits.case import Box, Case, Mode, Person, Reading, View
from medcls.exits.nameless import (
    nameless_compared,
    nameless_measured,
    nameless_model,
    nameless_table,
    nameless_trail,
    without_sites,
)
from medcls.exits.subjects import (
    Compared,
    Drawing,
    Markdown,
    Measured,
    ModelFiles,
    OwnFile,
    Received,
    Subject,
    Table,
    Trail,
)
from medcls.imaging.burned_in import find_text
from medcls.imaging.decode import count_frames, read_scan

_LEAST_WORD = 3  # shorter words of a name are part of too many others


def pass_gate(subject: Subject, mode: Mode) -> Subject:
    """Return what is to leave with all taken out that must not leave in this mode.

    Args:
        subject: It, as the person has it before them.
        mode: `record` or `others`.

    Raises:
        MedclsError: In mode `others`: if text was found on a picture and is neither painted over nor looked at, or if
            a comment that is to stay holds a name or number of the file; or if it is a file of one's own cases.
    """
    if isinstance(subject, Case):
        return _case(subject, mode)
    if isinstance(subject, Drawing):
        return _drawing(subject, mode)
    return subject if mode == "record" else _nameless(subject)


def _nameless(subject: Subject) -> Subject:
    """Return it without names; what is in no table here, as a letter, names only who wants to be named."""
    strip = _STRIPS.get(type(subject))
    return strip(subject) if strip else subject


def _only_record(own: OwnFile) -> Subject:
    raise MedclsError("exits.only-record")


def _received(received: Received) -> Received:
    """Return a file with its header de-identified and its picture as it is, if no text was found on any frame of it.

    Every frame is looked at as it is shown and whole, since all of it leaves.
    """
    from medcls.exits.profile import deidentify, whole_picture

    whole, says_so = whole_picture(received.data)
    if says_so:
        raise MedclsError("exits.burned-in-declared")
    for n in range(count_frames(received.data)):
        if left := max(len(find_text(read_scan(data, frame=n).pixels)) for data in (received.data, whole)):
            raise MedclsError("exits.burned-in-file", n=left, frame=n + 1)
    return replace(received, data=deidentify(received.data, picture=True))


_STRIPS: Mapping[type, Callable[[Any], Subject]] = {
    OwnFile: _only_record,
    Received: _received,
    Markdown: lambda table: replace(table, nameless=True),
    Table: nameless_table,
    Trail: nameless_trail,
    Measured: nameless_measured,
    Compared: nameless_compared,
    ModelFiles: nameless_model,
}


def _drawing(drawing: Drawing, mode: Mode) -> Drawing:
    painted = replace(drawing, scan=paint_over(drawing.scan, drawing.covers))
    if mode == "others" and not drawing.accepts_text and (left := find_text(painted.scan.pixels)):
        raise MedclsError("exits.burned-in-text", n=len(left))
    return painted


def _case(case: Case, mode: Mode) -> Case:
    painted = _painted(case)
    if mode == "record":
        return painted
    if not case.accepts_text and (left := find_burned_in(painted)):
        raise MedclsError("exits.burned-in-text", n=len(left))
    return replace(
        painted,
        prediction=_nameless_answer(case.prediction),
        views=tuple(replace(view, prediction=_nameless_answer(view.prediction)) for view in painted.views),
        together=case.together and _nameless_answer(case.together),
        worth=without_sites(case.worth),
        file_name="",
        person=Person(),
        made_by="",
        reading=_reading(case),
        source=None,  # whatever is made for others stands in a study of its own
    )


def _nameless_answer(answer: Prediction) -> Prediction:
    """Return an answer whose notes name no site of this home: somebody typed that name."""
    cautions, points = without_sites(answer.cautions), without_sites(answer.points)
    return replace(answer, cautions=cautions, points=points)


def find_burned_in(case: Case) -> tuple[Box, ...]:
    """Return where text was found on the pictures of a case that is not painted over."""
    painted = _painted(case)
    scans = (painted.scan, *(view.scan for view in painted.views))
    return tuple(box for scan in scans for box in find_text(scan.pixels))


def cover_text(case: Case) -> Case:
    """Return a case with all text found on its pictures painted over."""
    views = tuple(replace(view, covers=(*view.covers, *_left(view))) for view in case.views)
    return replace(case, covers=(*case.covers, *_left(case)), views=views)


def free_text(case: Case) -> tuple[str, ...]:
    """Return what the person typed, to be shown before it goes."""
    return tuple(text for text in (case.reading.comment,) if text.strip())


def _painted(case: Case) -> Case:
    return replace(case, scan=paint_over(case.scan, case.covers), views=tuple(map(_painted_view, case.views)))


def _painted_view(view: View) -> View:
    return replace(view, scan=paint_over(view.scan, view.covers))


def _left(one: Case | View) -> tuple[Box, ...]:
    return find_text(paint_over(one.scan, one.covers).pixels)


def paint_over(scan: Scan, covers: tuple[Box, ...]) -> Scan:
    """Return a scan with parts of it black."""
    if not covers:
        return scan
    pixels = scan.pixels.copy()
    for left, top, right, bottom in covers:
        pixels[max(0, top) : bottom, max(0, left) : right] = 0.0
    return replace(scan, pixels=pixels)


def _reading(case: Case) -> Reading:
    comment = case.reading.comment
    if not case.keeps_comment or not comment.strip():
        return replace(case.reading, comment="")
    if _names_in_text(comment, case):
        raise MedclsError("exits.personal-comment")
    return case.reading


def _names_in_text(text: str, case: Case) -> set[str]:
    """Return the words of the person's and the file's names that stand in a text."""
    from medcls.exits.profile import is_dicom, names_in

    known = (
        case.person.name,
        case.person.id,
        case.person.birth_date,
        case.person.accession,
        case.file_name,
        case.made_by,
    )
    given = " ".join((*known, *(names_in(case.source) if case.source and is_dicom(case.source) else ())))
    words = {w.lower() for w in re.split(r"[^\w-]+", given) if len(w) >= _LEAST_WORD and w.lower() != "local"}
    return {w for w in words if w in text.lower()}
