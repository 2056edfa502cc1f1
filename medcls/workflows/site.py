"""A site: check a model on its scans, set it up for there, watch it, say what state it is in."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from medcls import access, disk
from medcls.core.letter import Letter
from medcls.core.note import Note
from medcls.core.outcome import Outcome
from medcls.core.progress import Progress, silent
from medcls.core.site import Aim, SiteCheck, SiteEvent, SiteSettings, State
from medcls.errors import BadData, BadRecord, BadSpec, Conflict, MedclsError
from medcls.words import say
from medcls.workflows.acts import act, allowed
from medcls.workflows.site_reading import (
    basis_at,
    read_at,
    read_views_at,
    reader_at,
    site_folder,
    sites,
    watch,
    watched,
)

__all__ = [
    "Checked",
    "apply_settings",
    "basis_at",
    "check_dropped",
    "check_site",
    "checks_of",
    "consent",
    "import_letter",
    "letters_of",
    "read_at",
    "read_views_at",
    "reader_at",
    "set_state",
    "site_folder",
    "sites",
    "state_of",
    "track_records",
    "undo_settings",
    "watch",
    "watched",
    "write_letter",
]

if TYPE_CHECKING:
    from medcls.core.model import ModelCard
    from medcls.evaluation.letters import SavedLetter, Signed
    from medcls.evaluation.site_answer import TrackRecord
    from medcls.evaluation.site_ask import Labelled
    from medcls.models.predictor import Predictor


@dataclass(frozen=True, eq=False)
class Checked:
    """The result of a check.

    Args:
        check: The figures and the verdict; kept with the site.
        settings: The settings that follow from it; not applied yet.
        fitted: What was found when they were fitted.
    """

    check: SiteCheck
    settings: SiteSettings
    fitted: tuple[Note, ...]


@act("build", "site.check", "site", "model_id")
def check_site(
    site: str,
    model_id: str,
    collections: tuple[str, ...],
    aim: Aim,
    on_case: Progress = silent,
) -> Checked:
    """Check whether a model holds at a site, on the site's own labelled scans; nothing is trained on them.

    Args:
        site: Name of the site; made if it is not known yet.
        model_id: The model.
        collections: Names of the site's labelled collections.
        aim: What is asked of the model.
        on_case: Called with cases done and in all, per collection.

    Raises:
        MedclsError: If the model, a collection or the site's name cannot be used, or too few scans are left.
    """
    from medcls.data.sources import whole_sources
    from medcls.evaluation.site_ask import labelled
    from medcls.models.opening import open_model

    model = open_model(model_id)
    return _check(
        site, model, labelled(whole_sources(collections, model.card.task, model.card.label_map)), aim, on_case
    )


@act("build", "site.check", "site", "model_id")
def check_dropped(
    site: str,
    model_id: str,
    scans: Sequence[tuple[bytes, str, str]],
    aim: Aim,
    on_case: Progress = silent,
) -> Checked:
    """Check whether a model holds at a site, on scans dropped and labelled on the page; none is written to disk.

    Args, beside those of `check_site`:
        scans: Bytes, label id, and patient (empty if unknown) of each.

    Raises:
        MedclsError: As `check_site`.
    """
    from medcls.evaluation.site_ask import LabelledDrop
    from medcls.models.opening import open_model

    return _check(site, open_model(model_id), (LabelledDrop(tuple(scans)),), aim, on_case)


def _check(site: str, model: "Predictor", scans: "Sequence[Labelled]", aim: Aim, on_case: Progress) -> Checked:
    from medcls.evaluation.site_ask import check, predict_site
    from medcls.evaluation.site_look import LOOKED_AT, found_in
    from medcls.evaluation.site_settings import settings_for
    from medcls.evaluation.sites import make_site, open_site
    from medcls.imaging.decode import read_scan

    open_site(site)  # a name that cannot be is told before the scans are asked
    asked = predict_site(model, scans, on_case)
    folder = make_site(site)
    some = [one.read(case) for one in scans for case in one.cases[: LOOKED_AT // len(scans)]]
    name = folder.site.name
    made = check(model, asked, name, aim, found_in([read_scan(data) for data in some], asked.acquired))
    folder.keep(made)
    return Checked(made, *settings_for(model, asked, name, aim))


@act("approve", "site.apply", "settings.site", "settings.model")
def apply_settings(settings: SiteSettings, who: str = "") -> None:
    """Read a model's answers at a site by these settings from now on.

    Raises:
        MedclsError: If there is no such site.
        OSError: If it cannot be written.
    """
    folder = site_folder(settings.site)
    folder.record(SiteEvent("applied", settings.model, who or access.present().name, "", settings))


@act("approve", "site.undo", "site", "model_id")
def undo_settings(site: str, model_id: str, who: str = "", seen: int = 0) -> SiteSettings | None:
    """Take back the settings in force, or those seen in force; return those in force again, None if none are.

    Args:
        site: Name of the site.
        model_id: The model.
        who: Login name; empty for whoever is at work.
        seen: Line of the history that applied those seen in force; 0 for whichever are.

    Raises:
        BadSpec: If there is nothing to take back.
        Conflict: If those seen are no longer in force: of two who undo the same, the second changes nothing.
    """
    folder = site_folder(site)
    with disk.locked(folder.path):
        if (in_force := folder.in_force(model_id)) is None:
            raise BadSpec("workflows.nothing-to-undo", site=site, model=model_id)
        if seen and in_force.line != seen:
            raise Conflict("workflows.settings-not-in-force", site=site, model=model_id)
        by = who or access.present().name
        folder.record(SiteEvent("undone", model_id, by, "", in_force.settings, undoes=in_force.line))
        return folder.settings(model_id)


@act("approve", "site.state", "site", "model_id", "state")
def set_state(site: str, model_id: str, state: State, who: str = "", why: str = "") -> None:
    """Say what state a model is in at a site.

    Args:
        site: Name of the site.
        model_id: The model.
        state: `approved`, `draft` or `retired`.
        who: Login name; empty for whoever is at work.
        why: Kept with it. Approving needs a passed check of these very networks, or a sentence why not.

    Raises:
        BadSpec: If a model is approved without either.
        MedclsError: If there is no such site or model.
    """
    from medcls.evaluation.site_answer import weights_of
    from medcls.models.store import read_card

    folder, card = site_folder(site), read_card(model_id)
    if state == "approved" and not why.strip():
        last = folder.last_check(model_id, weights_of(card))
        if last is None or last.verdict != "fit":
            raise BadSpec("workflows.approve-without-check", model=model_id, site=site)
        why = say("workflows.why-check", {"day": last.made})
    folder.record(SiteEvent("state", model_id, who or access.present().name, "", state=state, why=why.strip()))


def checks_of(site: str, card: "ModelCard") -> tuple[SiteCheck, ...]:
    """Return a site's checks of these very networks, newest first; none where there is no such site."""
    from medcls.evaluation.site_answer import weights_of

    try:
        found = [one.value for one in site_folder(site).checks() if one.value is not None]
    except MedclsError:  # a new site's name, or one whose damage the page tells
        return ()
    return tuple(c for c in found if (c.model, c.weights) == (card.id, weights_of(card)))


def state_of(site: str, card: "ModelCard") -> State:
    """Return a model's state at a site: what was said last, else approved for shipped recommended ones, else draft.

    Where it cannot be read what was said, no model is approved; the Site page tells why.
    """
    from medcls.tasks import recommended

    try:
        said = site_folder(site).state(card.id) if site else None
    except BadRecord:
        return "draft"
    return said or ("approved" if recommended(card.task.id) == card.id else "draft")


def track_records(card: "ModelCard", label: str, prevalence: float) -> "dict[str, TrackRecord]":
    """Return how often an answer was right where the model was measured, by site (or by collection where none is told).

    Args:
        card: The model's card.
        label: Label id answered.
        prevalence: Share of people with the disease where the answer is read, (0, 1).
    """
    from medcls.evaluation.site_answer import track_record
    from medcls.models.store import read_cases

    table = read_cases(card.id)
    if table is None:
        return {}
    least = card.abstention.min_prob
    return {
        site: track_record(part, card.task.positive, label, prevalence, least) for site, part in table.by_site().items()
    }


@allowed("approve")
def write_letter(site: str, check: SiteCheck, path: Path, maker: str = "", name: str = "") -> "Signed":
    """Write a check as a signed card that can be mailed: no pictures, names or rows.

    Args:
        site: Name of the site.
        check: One of its checks.
        path: File to write.
        maker: Who made it, as that person wants to be named; may be empty.
        name: What the site calls itself to others; may be empty.

    Raises:
        MedclsError: If there is no such site.
        OSError: If it cannot be written.
    """
    from medcls.disk import write_atomically
    from medcls.evaluation.letters import read_letter
    from medcls.exits import leave

    data = leave("letter", Letter.of(check, name, site_folder(site).site.key, maker), "others").data
    write_atomically(path, data)
    return read_letter(data)


@act("build", "site.letter", "model_id")
def import_letter(data: bytes, model_id: str = "") -> "SavedLetter":
    """Keep a card that another site mailed, beside a model's own figures.

    Args:
        data: The file's bytes.
        model_id: The model it is about; empty for the id it names.

    Raises:
        BadData: If the card says of these very networks what cannot be true of them.
        MedclsError: If it is no such card, its numbers are impossible, its signature is wrong, or it is about other
            networks.
    """
    from medcls.evaluation.letters import contradicts, read_letter, save_letter
    from medcls.evaluation.site_answer import weights_of
    from medcls.models.store import read_card

    signed = read_letter(data)
    card = read_card(model_id or signed.card.model)
    if signed.card.weights == weights_of(card) and (
        found := contradicts(signed.card, card.task.label_ids, card.task.positive)
    ):
        raise BadData("evaluation.letter-contradicts-model", found=found)
    return save_letter(signed, card.id, weights_of(card))


def letters_of(card: "ModelCard") -> "list[Outcome[Signed]]":
    """Return what other sites told of a model; never part of its own figures."""
    from medcls.evaluation.letters import letters
    from medcls.evaluation.site_answer import weights_of

    return letters(card.id, weights_of(card))


@act("admin", "site.watch", "site", "watch")
def consent(site: str, watch: bool) -> None:
    """Switch a site's watch on or off.

    Raises:
        MedclsError: If there is no such site.
        OSError: If it cannot be written.
    """
    from medcls.evaluation.sites import consent as write

    write(site_folder(site), watch)
