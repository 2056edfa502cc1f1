"""Ids that stand at several sites: kept together until a person says that each site numbers its own patients."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from medcls.core.collection import names_owner
from medcls.core.note import Note
from medcls.core.plan import PlanChoices, Question
from medcls.data.layouts.layout import Entry, Reading
from medcls.data.letters import owner_form
from medcls.errors import BadData

SHARED, PER_SITE = "shared", "per-site"
_COUNT = re.compile(r"\D{0,12}?(\d{1,5})")
_MADE = re.compile(r"person-\d+")  # stands for a name, which two people seldom share
_SPARE, _TIMES, _SHOWN = 20, 3, 4  # how far numbers that count may run beyond how many there are


def part_sites(reading: Reading, choices: PlanChoices) -> None:
    """Tell which ids stand at several sites, and ask whether each site numbers its own; part them if a person says so.

    Asked where they count, from near 1 on, and most of a site's stand at another, too. An id that stands also where no
    site is known stays one: it may be of any.

    Args:
        reading: What was read; its scans, notes and questions are changed.
        choices: What a person decided.

    Raises:
        BadData: If the choice is neither `shared` nor `per-site`.
    """
    if choices.patients not in ("", SHARED, PER_SITE):
        allowed = f"{SHARED}, {PER_SITE}"
        raise BadData("data.patients-choice-wrong", found=choices.patients[:40], allowed=allowed)
    sites = _sites_of_ids(reading.entries)
    several = {owner for owner, at in sites.items() if len(at - {""}) > 1}
    if not several:
        return
    told = {"n": len(several), "of": len(sites)}
    if choices.patients == PER_SITE:
        fixed = {owner for owner in sites if "" in sites[owner]}
        reading.entries = [_at_its_site(entry, fixed) for entry in reading.entries]
        reading.notes.append(Note("data.ids-per-site", **told))
        return
    reading.notes.append(Note("data.ids-at-sites", **told))
    if not choices.patients and _count_anew(sites, several):
        names = ", ".join(sorted(several)[:_SHOWN]) + (" …" if len(several) > _SHOWN else "")
        asks = Note("data.asks-ids-at-sites", names=names, n=len(several))
        reading.questions.append(Question(asks, "--patients", (PER_SITE, SHARED), SHARED))


def _sites_of_ids(entries: Iterable[Entry]) -> Mapping[str, set[str]]:
    """Return the sites at which each patient, or else lesion, stands; empty where none is known."""
    sites: defaultdict[str, set[str]] = defaultdict(set)
    for entry in entries:
        if owner := entry.patient or (entry.group if names_owner(entry.group) else ""):
            sites[owner].add(entry.attributes.get("site", ""))
    return sites


def _at_its_site(entry: Entry, fixed: set[str]) -> Entry:
    """Return a scan whose patient and lesion are called with their site, but for those that stand without one."""
    site = entry.attributes.get("site", "")

    def apart(owner: str | None) -> str | None:
        return f"{site}/{owner}" if site and owner and owner not in fixed else owner

    group = apart(entry.group) if names_owner(entry.group) else entry.group
    return replace(entry, patient=apart(entry.patient), group=group)


def _count_anew(sites: Mapping[str, set[str]], several: set[str]) -> bool:
    """Return whether ids look as if each site counted its own: numbers without gaps, most of a site's at another."""
    at: defaultdict[str, set[str]] = defaultdict(set)
    for owner, of_one in sites.items():
        for site in of_one - {""}:
            at[site].add(owner)
    mostly = any(2 * len(owners & several) >= len(owners) for owners in at.values())
    return mostly and all(_are_counted(owners) for owners in at.values() if owners & several)


def _are_counted(owners: set[str]) -> bool:
    counts = [_COUNT.fullmatch(owner_form(owner)) for owner in owners if not _MADE.fullmatch(owner)]
    most = _TIMES * len(owners) + _SPARE
    return len(counts) == len(owners) and all(count and int(count[1]) <= most for count in counts)
