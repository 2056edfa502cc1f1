"""How a model does, site by site: where it was measured, what this home's own checks found, what other sites reported.

Figures of different sources stand beside each other and are never pooled: a figure over several sites measures in part
which site a case is from.
"""

from medcls.core.model import ModelCard
from medcls.core.note import Note
from medcls.core.site import SiteCheck
from medcls.errors import MedclsError
from medcls.evaluation.site_answer import weights_of
from medcls.evaluation.site_figures import SiteFigures, compared_figures, counted, evaluated_figures, threshold_record
from medcls.models import store
from medcls.stats.score_table import SITE_SCORES as SCORES
from medcls.workflows.site import letters_of, site_folder, sites

__all__ = [
    "SCORES",
    "SiteFigures",
    "beside",
    "compared_figures",
    "evaluated_figures",
    "figures_of",
    "prevalence_at",
    "threshold_at",
    "track_record_at",
]


def track_record_at(
    card: ModelCard, label: str, prevalence: float, site: str, by_threshold: bool = False
) -> tuple[Note, ...]:
    """Return how often an answer is right at the site it is read at, by its threshold in force and by its last check.

    Args:
        card: The model's card.
        label: Label id answered.
        prevalence: Share of people with the disease there, (0, 1).
        site: Name of the site.
        by_threshold: True if the site's own threshold decided: the check tells of the model's calls, so counts only.

    Raises:
        MedclsError: If there is no such site.
    """
    notes = threshold_at(card, label, prevalence, site) if by_threshold else ()
    for one in _checked(card):
        if one.site == site:
            notes += one.track_record_note(card.task, label, 0.0 if by_threshold else prevalence)
    return notes


def threshold_at(card: ModelCard, label: str, prevalence: float, site: str) -> tuple[Note, ...]:
    """Return how an answer does that a site's own threshold decides; nothing where none is in force.

    Args:
        card: The model's card.
        label: Label id answered.
        prevalence: Share of people with the disease there, (0, 1).
        site: Name of the site.

    Raises:
        MedclsError: If there is no such site.
    """
    settings = site_folder(site).settings(card.id)
    return threshold_record(settings, card.task, label, prevalence) if settings else ()


def figures_of(card: ModelCard) -> tuple[SiteFigures, ...]:
    """Return all that is known of a model by site: sites never seen first, then own checks, letters, test cases.

    Args:
        card: The model's card.

    Raises:
        BadModel: If what was measured of it cannot be read.
    """
    evaluation = store.read_evaluation(card.id)
    least = card.abstention.min_prob
    measured = evaluated_figures(evaluation, store.read_cases(card.id), least) if evaluation else ()
    never = tuple(one for one in measured if one.source == "never-seen")
    return (*never, *_checked(card), *_reported(card), *measured[len(never) :])


def beside(check: SiteCheck, card: ModelCard) -> tuple[SiteFigures, ...]:
    """Return a check of a site, then all else known of the model; an earlier check of the site is left out.

    Args:
        check: The check.
        card: The model's card.

    Raises:
        BadModel: If what was measured of it cannot be read.
    """
    others = [one for one in figures_of(card) if (one.source, one.site) != ("here", check.site)]
    return (counted(check.site, "here", check), *others)


def _checked(card: ModelCard) -> tuple[SiteFigures, ...]:
    weights = weights_of(card)
    folders = [one.value for one in sites() if one.value is not None]
    checks = [(folder.site.name, folder.last_check(card.id, weights)) for folder in folders]
    return tuple(counted(name, "here", c) for name, c in checks if isinstance(c, SiteCheck))


def _reported(card: ModelCard) -> tuple[SiteFigures, ...]:
    from medcls.evaluation.letters import told_elsewhere

    letters = told_elsewhere([one.value.card for one in letters_of(card) if one.value])
    return tuple(counted(letter.site, "reported", letter) for letter in letters)


def prevalence_at(site: str, card: ModelCard) -> float | None:
    """Return the prevalence that a site's people gave when they last checked a model; None if they never did."""
    try:
        last = site_folder(site).last_check(card.id, weights_of(card)) if site else None
    except MedclsError:  # of a site that is damaged or gone the Site page tells
        return None
    return last.aim.prevalence if last else None
