"""How a model does, site by site: where it was measured, what this home's own checks found, what other sites told.

Figures of different sources stand beside each other and are never pooled: a figure over several sites measures in part
which site a case is from.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from medcls.core.evaluation import CaseTable, Estimate, Evaluation
from medcls.core.letter import Letter
from medcls.core.model import ModelCard
from medcls.core.note import Note
from medcls.core.numbers import show_estimate
from medcls.core.site import SiteCheck, SiteSettings
from medcls.core.task import Task
from medcls.models import store
from medcls.stats.operating import predictive_value
from medcls.stats.score_table import SITE_SCORES as SCORES
from medcls.stats.score_table import confusion

if TYPE_CHECKING:
    from medcls.evaluation.comparison import Comparison

Source = Literal["never-seen", "here", "told", "measured"]
_TITLES = {
    "never-seen": "workflows.site-never-seen",
    "here": "workflows.site-here",
    "told": "workflows.site-told",
    "measured": "workflows.site-measured",
}


@dataclass(frozen=True)
class SiteFigures:
    """A model at one site, by one source.

    Args:
        site: Hospital, archive, collection or ward; empty for a letter whose maker did not name it.
        source: `never-seen` (networks made alike, measured at a site that these alone never saw), `here` (a check of
            this home), `told` (another site's evaluation card), or `measured` (the model's own test cases of the site).
        scores: The scores there, by name.
        confusion: Cases by true label (row) and label answered (column); empty where it was not kept.
        refused: Cases of which nothing was decided, which `confusion` leaves out; None where it is not known which, and
            they stand in it by their most probable label.
        by_prob: True where only those refused for their probabilities are known: not those unlike.
    """

    site: str
    source: Source
    scores: dict[str, Estimate]
    confusion: tuple[tuple[int, ...], ...] = ()
    refused: int | None = None
    by_prob: bool = False

    @property
    def title(self) -> str:
        """The site, and who says so."""
        return str(Note(_TITLES[self.source] if self.site else "workflows.site-told-unnamed", site=self.site))

    def headline(self) -> Note:
        """Return disease against the rest at this site in a sentence."""
        told = {name: show_estimate(self.scores[name]) if name in self.scores else "–" for name in SCORES}
        n = self.scores["auroc_disease"].n if "auroc_disease" in self.scores else 0
        return Note("workflows.site-headline", site=self.title, n=n, **told)

    def worth(self, task: Task, label: str, prevalence: float = 0.0) -> tuple[Note, ...]:
        """Return what an answer was worth at this site, in counts; nothing where no counts were kept.

        Args:
            task: The model's.
            label: Label id answered.
            prevalence: Share of people with disease where the answer is read; 0 says nothing of it.
        """
        if len(self.confusion) != len(task.labels) or label not in task.label_ids:  # not kept, or of other labels
            return ()
        counts, k = np.array(self.confusion), task.label_ids.index(label)
        name, right, true = task.labels[k].name, int(counts[k, k]), int(counts[k].sum())
        said, sick = int(counts[:, k].sum()), list(task.positive)
        notes = [Note("workflows.worth-said", label=name, right=right, said=said)]
        if not said:
            notes = [Note("workflows.worth-never", label=name)]
        if k in sick:
            notes.append(Note("workflows.worth-missed", n=true, label=name, missed=true - right))
        elif sick and said:
            names = " / ".join(task.labels[j].name for j in sick)
            notes.append(Note("workflows.worth-among", among=int(counts[sick, k].sum()), label=names))
        return (*notes, *self._worth_here(task, k, prevalence), *self._not_counted(int(counts.sum())))

    def _not_counted(self, n: int) -> tuple[Note, ...]:
        """Return how many cases were refused, and are not among the counts; nothing where none was."""
        if self.refused is None:
            return (Note("workflows.worth-with-refused"),)
        if not self.refused:
            return (Note("workflows.worth-unlike"),) if self.by_prob else ()
        code = "workflows.worth-unsure" if self.by_prob else "workflows.worth-refused"
        return (Note(code, refused=self.refused, n=n + self.refused),)

    def told_worth(self, task: Task, label: str, prevalence: float = 0.0) -> tuple[Note, ...]:
        """Return what an answer was worth at this site, as `worth`, in one note that names the site."""
        told = " ".join(map(str, self.worth(task, label, prevalence)))
        return (Note("workflows.worth-place", place=self.title, told=told),) if told else ()

    def _worth_here(self, task: Task, k: int, prevalence: float) -> tuple[Note, ...]:
        """Return how many of 100 scans with a label show disease at a prevalence; nothing where that is unknown."""
        counts, sick = np.array(self.confusion, float), list(task.positive)
        well = [j for j in range(len(counts)) if j not in sick]
        if not prevalence or not sick or not counts[sick].sum() or not counts[well].sum():
            return ()
        among_ill = float(counts[sick, k].sum() / counts[sick].sum())
        among_well = float(counts[well, k].sum() / counts[well].sum())
        return _worth_at(task, task.labels[k].name, prevalence, among_ill, among_well)


def _worth_at(task: Task, label: str, prevalence: float, among_ill: float, among_well: float) -> tuple[Note, ...]:
    """Return how many of 100 scans with an answer show disease, from its share among those with and those without."""
    value = predictive_value(prevalence, among_ill, among_well)
    if math.isnan(value):
        return ()
    n, disease = 100 * value, " / ".join(task.labels[j].name for j in task.positive)
    told, share = f"{n:.0f}" if n >= 1 or n == 0 else f"{n:.1f}", f"{100 * prevalence:g} %"
    return (Note("workflows.worth-here", prevalence=share, label=label, n=told, disease=disease),)


def worth_by_threshold(settings: SiteSettings, task: Task, label: str, prevalence: float) -> tuple[Note, ...]:
    """Return what an answer is worth that a site's own threshold decides; nothing where that was not measured.

    Args:
        settings: The site's settings in force.
        task: The model's.
        label: Label id answered.
        prevalence: Share of people with disease where the answer is read, (0, 1).
    """
    sensitivity, specificity = (settings.kept.get(name) for name in ("sensitivity", "specificity"))
    if sensitivity is None or specificity is None:
        return ()
    rates = (sensitivity.value, 1 - specificity.value)
    if task.label_ids.index(label) not in task.positive:
        rates = (1 - rates[0], 1 - rates[1])
    (here,) = _worth_at(task, task.label(label).name, prevalence, *rates) or ("",)
    told = {"sensitivity": sensitivity.value, "specificity": specificity.value}
    return (Note("workflows.worth-threshold", site=settings.site, here=here, **told),)


def worth_at_site(
    card: ModelCard, label: str, prevalence: float, site: str, by_threshold: bool = False
) -> tuple[Note, ...]:
    """Return what an answer is worth at the site it is read at, by its threshold in force and by its last check.

    Args:
        card: The model's card.
        label: Label id answered.
        prevalence: Share of people with the disease there, (0, 1).
        site: Name of the site.
        by_threshold: True if the site's own threshold decided: the check tells of the model's calls, so counts only.

    Raises:
        MedclsError: If there is no such site.
    """
    from medcls.workflows.site import site_folder

    settings = site_folder(site).settings(card.id) if by_threshold else None
    notes = worth_by_threshold(settings, card.task, label, prevalence) if settings else ()
    for one in _checked(card):
        if one.site == site:
            notes += one.told_worth(card.task, label, 0.0 if by_threshold else prevalence)
    return notes


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
    return (*never, *_checked(card), *_told(card), *measured[len(never) :])


def beside(check: SiteCheck, card: ModelCard) -> tuple[SiteFigures, ...]:
    """Return a check of a site, then all else known of the model; an earlier check of the site is left out.

    Args:
        check: The check.
        card: The model's card.

    Raises:
        BadModel: If what was measured of it cannot be read.
    """
    others = [one for one in figures_of(card) if (one.source, one.site) != ("here", check.site)]
    return (_counted(check.site, "here", check), *others)


def evaluated_figures(evaluation: Evaluation, cases: CaseTable | None, least: float = 0.0) -> tuple[SiteFigures, ...]:
    """Return what an evaluation says by site, a site never seen first.

    Args:
        evaluation: What was measured.
        cases: The cases it rests on, for the counts; None for none.
        least: Probability below which the model decides nothing, for cases that do not say whether it did.
    """
    parts, found = cases.by_site(evaluation.collection) if cases else {}, []
    for one in evaluation.by_site():
        if one.never_seen:
            found.append(SiteFigures(one.site, "never-seen", one.scores))
        elif one.site in parts:
            found.append(_measured(one.site, one.scores, parts[one.site], least))
        else:
            whole = evaluation.confusion if one.site == evaluation.collection else ()
            found.append(SiteFigures(one.site, "measured", one.scores, whole))
    return tuple(found)


def _measured(site: str, scores: dict[str, Estimate], cases: CaseTable, least: float) -> SiteFigures:
    """Return figures with the counts of the cases of which the model decided."""
    from medcls.evaluation.risk import REFUSED
    from medcls.evaluation.site_answer import decided_on

    told = decided_on(cases, least)
    counts = confusion(cases.take(told)) if told.any() else ((0,) * len(cases.labels),) * len(cases.labels)
    return SiteFigures(site, "measured", scores, counts, int((~told).sum()), REFUSED not in cases.attributes)


def _counted(site: str, source: Source, found: SiteCheck | Letter) -> SiteFigures:
    """Return the figures of a check or a letter; an older one does not tell which scans were refused."""
    if not found.answered:
        return SiteFigures(site, source, found.scores, found.confusion)
    refused = found.n_cases - sum(map(sum, found.answered))
    return SiteFigures(site, source, found.scores, found.answered, refused)


def _checked(card: ModelCard) -> tuple[SiteFigures, ...]:
    from medcls.evaluation.site_answer import weights_of
    from medcls.workflows.site import sites

    weights = weights_of(card)
    folders = [one.value for one in sites() if one.value is not None]
    checks = [(folder.site.name, folder.last_check(card.id, weights)) for folder in folders]
    return tuple(_counted(name, "here", c) for name, c in checks if isinstance(c, SiteCheck))


def _told(card: ModelCard) -> tuple[SiteFigures, ...]:
    from medcls.workflows.site import letters_of, sites

    own = {one.value.site.key for one in sites() if one.value is not None}
    letters = [one.value.card for one in letters_of(card) if one.value and one.value.card.site_key not in own]
    return tuple(_counted(told.site, "told", told) for told in letters)


def compared(comparison: "Comparison") -> dict[str, tuple[SiteFigures, ...]]:
    """Return compared models site by site on the cases they share; sites that networks made alike never saw come first.

    Args:
        comparison: The models and their cases.
    """
    found = {}
    for model_id, parts in comparison.by_site.items():
        evaluation = store.read_evaluation(model_id)
        never = sorted(evaluation.left_out.items()) if evaluation else []
        found[model_id] = (
            *(SiteFigures(site, "never-seen", scores) for site, scores in never),
            *(SiteFigures(site, "measured", scores) for site, scores in parts.items()),
        )
    return found


def prevalence_at(site: str, card: ModelCard) -> float | None:
    """Return the prevalence that a site's people gave when they last checked a model; None if they never did."""
    from medcls.errors import MedclsError
    from medcls.evaluation.site_answer import weights_of
    from medcls.workflows.site import site_folder

    try:
        last = site_folder(site).last_check(card.id, weights_of(card)) if site else None
    except MedclsError:  # of a site that is damaged or gone the Site page tells
        return None
    return last.aim.prevalence if last else None
