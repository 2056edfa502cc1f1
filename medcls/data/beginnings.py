"""What the names of files say of patients, where nothing else says whose a scan is."""

from collections.abc import Mapping
from dataclasses import replace

from medcls.core.collection import names_owner
from medcls.core.note import Note
from medcls.core.plan import PlanChoices, Question
from medcls.data.layouts.in_names import (
    copies_by_file,
    owners_by_beginning,
    patients_by_file,
    places_by_file,
)
from medcls.data.layouts.layout import Reading
from medcls.errors import BadData

_BEGINNINGS = ("patient", "nothing", "group")


def name_by_files(reading: Reading, choices: PlanChoices) -> None:
    """Add the patients that files' names say by a word, or may begin with, where nothing else says whose a scan is.

    Args:
        reading: What was read; its scans, its questions and where patients are from are changed.
        choices: What a person decided.

    Raises:
        BadData: If names can begin with no such thing as `choices.beginnings`.
    """
    copies = copies_by_file(e for e in reading.entries if not e.patient and not e.group)
    reading.entries = (
        [replace(e, group=copies.get(e.id, e.group)) for e in reading.entries] if copies else reading.entries
    )
    named = patients_by_file(e for e in reading.entries if not e.patient and not names_owner(e.group))
    if named:
        reading.entries = [replace(e, patient=named.get(e.id, e.patient)) for e in reading.entries]
        _with_places(reading, named)
        reading.patients_from.append(Note("data.from-files"))
    elif not any(e.patient or names_owner(e.group) for e in reading.entries):
        _with_beginnings(reading, choices)


def _with_places(reading: Reading, named: Mapping[str, str]) -> None:
    """Take words before patients (`SNUH_patient1`, `AMC_patient1`) for sites, where a patient stands behind several."""
    if any("site" in entry.attributes for entry in reading.entries):
        return
    places = places_by_file(entry for entry in reading.entries if entry.id in named)
    behind: dict[str, set[str]] = {}
    for path, place in places.items():
        behind.setdefault(named[path], set()).add(place)
    if any(len(of_one) > 1 for of_one in behind.values()):
        reading.entries = [
            replace(e, attributes={**e.attributes, "site": places[e.id]}) if e.id in places else e
            for e in reading.entries
        ]


def _with_beginnings(reading: Reading, choices: PlanChoices) -> None:
    """Keep scans together whose names begin with what may number a patient (`P001_L_1.png`), and ask if it does."""
    if choices.beginnings not in ("", *_BEGINNINGS):
        raise BadData("data.beginnings-wrong", found=choices.beginnings[:40], allowed=", ".join(_BEGINNINGS))
    if choices.beginnings == "nothing" or not (named := owners_by_beginning(reading.entries)):
        return
    if choices.beginnings == "patient":
        reading.entries = [replace(e, patient=named.get(e.id)) for e in reading.entries]
    else:
        reading.entries = [replace(e, group=named.get(e.id, e.group)) for e in reading.entries]
    reading.patients_from.append(Note("data.from-files"))
    if not choices.beginnings:
        example = next(iter(named))
        asks = Note("data.asks-beginnings", name=example.rpartition("/")[2], beginning=named[example])
        reading.questions.append(Question(asks, "--names-begin-with", _BEGINNINGS, "group"))
