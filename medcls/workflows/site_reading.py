"""A site's answers: read by its settings, counted in its watch; which sites there are."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from medcls.core.note import Note
from medcls.core.outcome import Outcome
from medcls.core.prediction import Prediction
from medcls.errors import Conflict

if TYPE_CHECKING:
    from medcls.core.model import ModelCard
    from medcls.evaluation.site_watch import Week
    from medcls.evaluation.sites import SiteFolder


def site_folder(name: str) -> "SiteFolder":
    """Return a known site by its name or id.

    Raises:
        BadSpec: If there is none.
        MedclsError: If its record is damaged.
    """
    from medcls.evaluation.sites import find_site

    return find_site(name)


def sites() -> "list[Outcome[SiteFolder]]":
    """Return every site; a damaged one stands in its place with its error."""
    from medcls.evaluation.sites import list_sites

    return list_sites()


def read_at(site: str, prediction: Prediction, card: "ModelCard") -> Prediction:
    """Return an answer as it is read at a site; without settings for the model it stands as it is.

    Args:
        site: Name of the site.
        prediction: The answer as the model gave it.
        card: The model's card.

    Raises:
        MedclsError: If there is no such site.
    """
    return reader_at(site, card)(prediction)


def reader_at(site: str, card: "ModelCard") -> Callable[[Prediction], Prediction]:
    """Return what reads a model's answers at a site, by the settings in force there now.

    Raises:
        MedclsError: If there is no such site.
    """
    from medcls.evaluation.site_answer import read_at_site

    settings = site_folder(site).settings(card.id)
    return lambda answer: answer if settings is None else read_at_site(answer, card, settings)


def basis_at(site: str, card: "ModelCard") -> str:
    """Return what identifies the networks, and the settings in force at a site, that answers are read by there now.

    Raises:
        MedclsError: If there is no such site.
    """
    from medcls.evaluation.site_watch import basis_of

    return basis_of(card, site_folder(site).settings(card.id) if site else None)


def read_views_at(site: str, mean: Prediction, card: "ModelCard") -> Prediction:
    """Return the mean of a case's views, each read at a site, as it is read there.

    Args:
        site: Name of the site.
        mean: The mean of the views' answers.
        card: The model's card.

    Raises:
        MedclsError: If there is no such site.
    """
    from medcls.evaluation.site_answer import read_mean_at_site

    settings = site_folder(site).settings(card.id)
    return mean if settings is None else read_mean_at_site(mean, card, settings)


def watch(site: str, answers: Sequence[Prediction], card: "ModelCard") -> bool:
    """Count answers in a site's watch, if it agreed to one; see `medcls.evaluation.site_watch.count`.

    Raises:
        Conflict: If the counts cannot be written.
        MedclsError: If there is no such site, or its record is damaged.
    """
    from medcls.evaluation.site_watch import count

    try:
        return count(site_folder(site), answers, card.task.positive, basis_at(site, card))
    except OSError as error:
        raise Conflict(
            "workflows.watch-not-written", site=site, found=error.strerror or type(error).__name__
        ) from error


def watched(site: str, model_id: str) -> "tuple[list[Outcome[Week]], tuple[Note, ...]]":
    """Return a model's weeks at a site, oldest first, and how the last one that is over differs from those before.

    Raises:
        MedclsError: If there is no such site.
    """
    from medcls.evaluation.site_watch import last_alarms, weeks

    found = weeks(site_folder(site), model_id)
    return found, last_alarms(found)
