"""How a model does at one site, by one source, and how often its answers were right there."""

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from medcls.core.evaluation import CaseTable, Estimate, Evaluation
from medcls.core.letter import Letter
from medcls.core.note import Note
from medcls.core.numbers import show_estimate
from medcls.core.site import SiteCheck, SiteSettings
from medcls.core.task import Task
from medcls.core.titles import title_of
from medcls.evaluation.comparison import Comparison
from medcls.evaluation.risk import REFUSED
from medcls.evaluation.site_answer import decided_on
from medcls.models import store
from medcls.stats.intervals import wilson
from medcls.stats.operating import predictive_interval, predictive_value, proportion
from medcls.stats.score_table import SITE_SCORES as SCORES
from medcls.stats.score_table import confusion

Share = tuple[float, float, float]  # of cases, and its interval
Source = Literal["never-seen", "here", "reported", "measured"]
_TITLES = {
    "never-seen": "evaluation.site-never-seen",
    "here": "evaluation.site-here",
    "reported": "evaluation.site-reported",
    "measured": "evaluation.site-measured",
}


@dataclass(frozen=True)
class SiteFigures:
    """A model at one site, by one source.

    Args:
        site: Hospital, archive, collection or ward; empty for a letter whose maker did not name it.
        source: `never-seen` (networks made alike, measured at a site that these alone never saw), `here` (a check of
            this home), `reported` (another site's evaluation card), or `measured` (the model's own test cases there).
        scores: The scores there, by name.
        confusion: Cases by true label (row) and label answered (column); empty where it was not kept.
        refused: Cases of which nothing was decided, which `confusion` leaves out; None where it is not known which, and
            they stand in it by their most probable label.
        by_prob: True where only those refused for their probabilities are known: not those unlike.
        cases: The cases counted in `confusion`, where they are kept: intervals then rest on which belong together.
    """

    site: str
    source: Source
    scores: dict[str, Estimate]
    confusion: tuple[tuple[int, ...], ...] = ()
    refused: int | None = None
    by_prob: bool = False
    cases: CaseTable | None = field(default=None, compare=False, repr=False)

    @property
    def title(self) -> str:
        """The site, and who says so; what people here or elsewhere call their own site stays as they wrote it."""
        site = self.site if self.source in ("here", "reported") else title_of(self.site)
        return str(Note(_TITLES[self.source] if self.site else "evaluation.site-reported-unnamed", site=site))

    def headline(self) -> Note:
        """Return disease against the rest at this site in a sentence."""
        told = {name: show_estimate(self.scores[name]) if name in self.scores else "–" for name in SCORES}
        n = self.scores["auroc_disease"].n if "auroc_disease" in self.scores else 0
        return Note("evaluation.site-headline", site=self.title, n=n, **told)

    def track_record(self, task: Task, label: str, prevalence: float = 0.0) -> tuple[Note, ...]:
        """Return how often an answer was right at this site, in counts; nothing where no counts were kept.

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
        notes = [Note("evaluation.record-said", label=name, right=right, said=said)]
        if not said:
            notes = [Note("evaluation.record-never", label=name)]
        if k in sick:
            notes.append(Note("evaluation.record-missed", n=true, label=name, missed=true - right))
        elif sick and said:
            names = " / ".join(task.labels[j].name for j in sick)
            notes.append(Note("evaluation.record-among", among=int(counts[sick, k].sum()), label=names))
        return (*notes, *self._at_prevalence(task, k, prevalence), *self._not_counted(int(counts.sum())))

    def _not_counted(self, n: int) -> tuple[Note, ...]:
        """Return how many cases were refused, and are not among the counts; nothing where none was."""
        if self.refused is None:
            return (Note("evaluation.record-with-refused"),)
        if not self.refused:
            return (Note("evaluation.record-unlike"),) if self.by_prob else ()
        code = "evaluation.record-unsure" if self.by_prob else "evaluation.record-refused"
        return (Note(code, refused=self.refused, n=n + self.refused),)

    def track_record_note(self, task: Task, label: str, prevalence: float = 0.0) -> tuple[Note, ...]:
        """Return `track_record` in one note that names the site; nothing where no counts were kept.

        Args:
            task: The model's task.
            label: Label id answered.
            prevalence: Share of people with disease where the answer is read, (0, 1); 0 where nobody said.
        """
        told = " ".join(map(str, self.track_record(task, label, prevalence)))
        return (Note("evaluation.record-place", place=self.title, told=told),) if told else ()

    def _at_prevalence(self, task: Task, k: int, prevalence: float) -> tuple[Note, ...]:
        """Return how many of 100 scans with a label show disease at a prevalence; nothing where that is unknown."""
        counts, sick = np.array(self.confusion, float), list(task.positive)
        well = [j for j in range(len(counts)) if j not in sick]
        if not prevalence or not sick or not counts[sick].sum() or not counts[well].sum():
            return ()
        if self.cases is not None:
            said, ill = self.cases.prob.argmax(axis=1) == k, np.isin(self.cases.truth, sick)
            rates = [_ends(proportion(said, part, self.cases.group)) for part in (ill, ~ill)]
        else:
            among_ill = self._share(counts[sick, k].sum(), counts[sick].sum(), "sensitivity")
            rates = [among_ill, self._share(counts[well, k].sum(), counts[well].sum(), "specificity")]
        return _of_hundred(task, task.labels[k].name, prevalence, *rates)

    def _share(self, hits: float, n: float, score: str) -> Share:
        """Return a share of cases with Wilson's interval over as many patients as a score of these cases rests on."""
        groups = self.scores[score].n if score in self.scores else 0
        alone, share = min(n, groups or n), float(hits / n)
        return share, *wilson(share * alone, alone)


def _of_hundred(task: Task, label: str, prevalence: float, among_ill: Share, among_well: Share) -> tuple[Note, ...]:
    """Return how many of 100 scans with an answer show disease, from its share among those with and those without."""
    value = predictive_value(prevalence, among_ill[0], among_well[0])
    if math.isnan(value):
        return ()
    ends = (value, *predictive_interval(prevalence, among_ill, among_well))
    n, low, high = map(_per_hundred, ends)
    told = {"n": n, "low": low, "high": high, "disease": " / ".join(task.labels[j].name for j in task.positive)}
    return (Note("evaluation.record-here", prevalence=f"{100 * prevalence:g} %", label=label, **told),)


def _per_hundred(share: float) -> str:
    """Return a share as so many of 100: whole, with a decimal only below one.

    Example:
        >>> _per_hundred(0.31), _per_hundred(0.0096), _per_hundred(0.004), _per_hundred(0.0)
        ('31', '1', '0.4', '0')
    """
    return f"{100 * share:.0f}" if 100 * share >= 0.95 or share == 0 else f"{100 * share:.1f}"


def _ends(one: Estimate) -> Share:
    return one.value, one.low, one.high


def _turned(one: Estimate) -> Share:
    return 1 - one.value, 1 - one.high, 1 - one.low


def threshold_record(settings: SiteSettings, task: Task, label: str, prevalence: float) -> tuple[Note, ...]:
    """Return how an answer does that a site's own threshold decides; nothing where that was not measured.

    Args:
        settings: The site's settings in force.
        task: The model's.
        label: Label id answered.
        prevalence: Share of people with disease where the answer is read, (0, 1).
    """
    sensitivity, specificity = (settings.kept.get(name) for name in ("sensitivity", "specificity"))
    if sensitivity is None or specificity is None:
        return ()
    rates = (_ends(sensitivity), _turned(specificity))
    if task.label_ids.index(label) not in task.positive:
        rates = (_turned(sensitivity), _ends(specificity))
    (here,) = _of_hundred(task, task.label(label).name, prevalence, *rates) or ("",)
    told = {"sensitivity": sensitivity.value, "specificity": specificity.value}
    return (Note("evaluation.record-threshold", site=settings.site, here=here, **told),)


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
    told = decided_on(cases, least)
    kept = cases.take(told)
    counts = confusion(kept) if told.any() else ((0,) * len(cases.labels),) * len(cases.labels)
    return SiteFigures(site, "measured", scores, counts, int((~told).sum()), REFUSED not in cases.attributes, kept)


def counted(site: str, source: Source, found: SiteCheck | Letter) -> SiteFigures:
    """Return the figures of a check or a letter; an older one does not tell which scans were refused.

    Args:
        site: Its site.
        source: `here` for a check, `reported` for a letter.
        found: The check or the letter.
    """
    if not found.answered:
        return SiteFigures(site, source, found.scores, found.confusion)
    refused = found.n_cases - sum(map(sum, found.answered))
    return SiteFigures(site, source, found.scores, found.answered, refused)


def compared_figures(comparison: Comparison) -> dict[str, tuple[SiteFigures, ...]]:
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
