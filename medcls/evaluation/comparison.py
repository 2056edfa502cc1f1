"""Models compared on the same cases: intervals, curves, where they differ, and whether by more than chance."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np

from medcls.core.evaluation import CaseTable, Estimate, Evaluation
from medcls.core.model import ModelCard
from medcls.core.note import Note
from medcls.core.progress import Progress, silent
from medcls.errors import BadData
from medcls.evaluation.costs import Cost, cost_of
from medcls.evaluation.subgroups import Subgroup, columns_of, subgroups
from medcls.stats.curves import Curve, Steps, precision_recall, reliability, roc
from medcls.stats.difference import Difference
from medcls.stats.paired import McNemar, by_collection, compare_drawn, mcnemar, share_cases
from medcls.stats.paired import compare as paired
from medcls.stats.score_table import SCORES, SITE_SCORES, confusion, names_of
from medcls.stats.scores import Drawn, draw, estimate, evaluate_cases

RESAMPLES = 2000
_SITE_RESAMPLES = 500


@dataclass(frozen=True, eq=False)
class Curves:
    """One model's curves for one label."""

    roc: Curve
    precision_recall: Curve
    reliability: Curve


@dataclass(frozen=True)
class Disagreement:
    """A case on which models do not answer alike.

    Args:
        case: Its id.
        collection: The collection it belongs to; empty if unknown.
        truth: Its true label.
        answers: Most probable label by model.
        prob: Probability of disease by model.
        spread: Largest minus smallest of these.
    """

    case: str
    collection: str
    truth: str
    answers: dict[str, str]
    prob: dict[str, float]
    spread: float


@dataclass(frozen=True, eq=False)
class Comparison:
    """Models on the cases they share.

    Args:
        cards: The models' cards, by id, in the order asked.
        cases: What each said of each shared case: row i is the same case in every table.
        collection: Where the cases come from, in words.
        parts: Which parts of it.
        notes: What a reader must know.
        resamples: How many times groups are resampled for intervals and differences.
    """

    cards: dict[str, ModelCard]
    cases: dict[str, CaseTable]
    collection: str
    parts: tuple[Note, ...]
    notes: tuple[Note, ...] = ()
    resamples: int = RESAMPLES
    _drawn: dict[str, Drawn] = field(default_factory=dict, init=False, repr=False)

    @property
    def part(self) -> str:
        """Which parts of it, for a reader."""
        return "; ".join(map(str, self.parts))

    @property
    def drawn(self) -> dict[str, Drawn]:
        """Every score of every model on these cases and on resampled groups of them; drawn once."""
        self.resample()
        return {model: self._drawn[model] for model in self.cases}

    @property
    def resampled(self) -> bool:
        """Whether every model's scores are drawn already."""
        return self._drawn.keys() >= self.cases.keys()

    def resample(self, progress: Progress = silent) -> None:
        """Draw every model's scores on resampled groups; those drawn before are kept.

        Args:
            progress: Called with models done and models in all.
        """
        for done, (model, table) in enumerate(self.cases.items()):
            progress(done, len(self.cases))
            if model not in self._drawn:
                self._drawn[model] = draw(table, self.positive, resamples=self.resamples)
        progress(len(self.cases), len(self.cases))

    @cached_property
    def scores(self) -> dict[str, dict[str, Estimate]]:
        """Every score of every model, with its interval."""
        return {m: estimate(one) for m, one in self.drawn.items()}

    @property
    def first(self) -> CaseTable:
        """The table of the first model, for what all share: cases, groups, truth, attributes."""
        return next(iter(self.cases.values()))

    @property
    def positive(self) -> tuple[int, ...]:
        """Indices of the labels that mean disease."""
        card = next(iter(self.cards.values()))
        return tuple(self.first.labels.index(card.task.label_ids[i]) for i in card.task.positive)

    @property
    def n_groups(self) -> int:
        """How many groups the cases form."""
        return len(np.unique(self.first.group))

    def score_names(self) -> dict[str, str]:
        """Names of the scores that can be compared, with what a person reads (`recall:benign` -> `Recall, benign`)."""
        return score_titles(self.first.labels)

    def check_score(self, score: str) -> None:
        """Check that a score has this full name.

        Raises:
            BadData: If there is none.
        """
        if score not in self.score_names():
            raise BadData("workflows.no-such-score", found=score[:80], allowed=", ".join(self.score_names()))

    def differences(self, score: str = "auroc") -> tuple[Difference, ...]:
        """Compare every pair of models in one score, by a paired bootstrap over groups with Holm's correction.

        Args:
            score: Full name of a score (see `score_names`).

        Raises:
            BadData: If there is no such score.
        """
        self.check_score(score)
        return compare_drawn(self.drawn, score)

    def right_and_wrong(self) -> dict[tuple[str, str], McNemar]:
        """Count, per pair of models, the cases only one got right (McNemar's test; cases taken as independent)."""
        right = {m: t.prob.argmax(axis=1) == t.truth for m, t in self.cases.items()}
        return {(a, b): mcnemar(right[a], right[b]) for a, b in combinations(right, 2)}

    def curves(self, label: str, *, resamples: int = 300, progress: Progress = silent) -> dict[str, Curves]:
        """Return every model's curves for a label against the rest, with bands from resampled groups.

        Args:
            label: Label id.
            resamples: How many times groups are resampled for each band.
            progress: Called with models done and models in all.
        """
        found = {}
        for done, (model_id, table) in enumerate(self.cases.items()):
            progress(done, len(self.cases))
            k = table.labels.index(label)
            steps = Steps(table.prob[:, k], table.truth == k, table.group)
            found[model_id] = Curves(
                roc(steps, resamples=resamples), precision_recall(steps, resamples=resamples), reliability(steps)
            )
        return found

    def confusions(self) -> dict[str, tuple[tuple[int, ...], ...]]:
        """Return every model's confusion matrix, row = truth, column = most probable label."""
        return {model_id: confusion(table) for model_id, table in self.cases.items()}

    def count_disagreements(self) -> int:
        """Count the cases on which the models' most probable labels differ."""
        decided = self._decided()
        return int((decided != decided[0]).any(axis=0).sum())

    def disagreements(self, most: int = 60) -> tuple[Disagreement, ...]:
        """Return cases on which the most probable labels differ, widest spread of the probability of disease first."""
        tables, first = self.cases, self.first
        decided = self._decided()
        disease = np.stack([t.prob[:, list(self.positive)].sum(axis=1) for t in tables.values()])  # (models, cases)
        rows = np.flatnonzero((decided != decided[0]).any(axis=0))
        spread = disease.max(axis=0) - disease.min(axis=0)
        rows = rows[np.argsort(-spread[rows], kind="stable")][:most]
        where = first.attributes.get("collection")
        return tuple(
            Disagreement(
                str(first.case[i]),
                "" if where is None else str(where[i]),
                first.labels[first.truth[i]],
                {m: first.labels[decided[j, i]] for j, m in enumerate(tables)},
                {m: float(disease[j, i]) for j, m in enumerate(tables)},
                float(spread[i]),
            )
            for i in rows
        )

    def _decided(self) -> np.ndarray:
        """Return each model's most probable label of each case, (models, cases) int."""
        return np.stack([table.prob.argmax(axis=1) for table in self.cases.values()])

    def columns(self) -> dict[str, str]:
        """Return the columns that split the cases into two subgroups or more, with what a person reads."""
        return columns_of(self.first)

    def subgroups(
        self, column: str, score: str = "auroc", *, resamples: int = 500, progress: Progress = silent
    ) -> tuple[Subgroup, ...]:
        """Return a score of every model in each subgroup; numbers are cut into quarters of cases, boxes by longer side.

        Args:
            column: One of `columns`.
            score: Full name of a score.
            resamples: How many times groups are resampled for each interval.
            progress: Called with subgroups done and subgroups in all.

        Raises:
            BadData: If there is no such column or score.
        """
        self.check_score(score)
        return subgroups(self.cases, self.positive, column, score, resamples, progress)

    @cached_property
    def by_site(self) -> dict[str, dict[str, dict[str, Estimate]]]:
        """Scores of every model at every site, by model, site and score; one site where the cases do not tell."""
        return {
            model: {
                site: evaluate_cases(part, self.positive, resamples=_SITE_RESAMPLES, names=SITE_SCORES)
                for site, part in table.by_site(self.collection).items()
            }
            for model, table in self.cases.items()
        }

    def cost(self, model_id: str, classifier: Any = None) -> Cost:
        """Return what a model costs beside its AUROC.

        Args:
            model_id: The model.
            classifier: The opened model, to measure its time; None to leave that out.

        Raises:
            BadModel: If its folder is gone.
        """
        return cost_of(self.cards[model_id], self.scores[model_id]["auroc"], classifier)

    def by_collection(self) -> dict[str, dict[str, CaseTable]]:
        """Cut the cases by the collection they are from, and return all of them after that."""
        where = self.first.attributes.get("collection")
        names = [] if where is None else sorted(set(where.tolist()))
        if len(names) < 2 or where is None:
            return {self.collection: self.cases}
        rows = {name: np.flatnonzero(where == name) for name in names}
        parts = {name: {m: t.take(inside) for m, t in self.cases.items()} for name, inside in rows.items()}
        return parts | {"together": self.cases}

    def differences_by_collection(self, score: str, resamples: int) -> dict[str, tuple[Difference, ...]]:
        """Compare every pair of models in one score on each collection, and on all cases after that.

        Args:
            score: Full name of a score.
            resamples: How many times groups are resampled on each collection.

        Raises:
            BadData: If there is no such score.
        """
        whole = self.differences(score)
        return {
            part: whole if tables is self.cases else paired(tables, score, self.positive, resamples=resamples)
            for part, tables in self.by_collection().items()
        }


def _title(name: str, label: str) -> Note:
    title = SCORES[name].title
    return Note("stats.score-of-label", score=title, label=label) if SCORES[name].per_label else title


def score_titles(labels: tuple[str, ...]) -> dict[str, str]:
    """Return every score's full name with what a person reads (`recall:benign` -> `Recall, benign`)."""
    return {
        full_name: str(_title(name, full_name.partition(":")[2]))
        for name in SCORES
        for full_name in names_of(name, labels)
    }


def compare(
    cards: dict[str, ModelCard],
    tables: Mapping[str, CaseTable],
    evaluations: Mapping[str, Evaluation],
    resamples: int = RESAMPLES,
) -> Comparison:
    """Compare models on the cases they share.

    Args:
        cards: The models' cards, by id.
        tables: What each said of its cases.
        evaluations: What was measured of each on them.
        resamples: How many times groups are resampled for intervals and differences.

    Raises:
        BadData: If they share no case, or their labels differ.
    """
    cases = share_cases({m: by_collection(table, evaluations[m].collection) for m, table in tables.items()})
    collections = dict.fromkeys(e.collection for e in evaluations.values())
    parts = tuple({str(e.part): e.part for e in evaluations.values()}.values())
    notes = _notes(tables, len(next(iter(cases.values()))), evaluations)
    return Comparison(cards, cases, "; ".join(collections), parts, notes, resamples)


def _notes(tables: Mapping[str, CaseTable], shared: int, evaluations: Mapping[str, Evaluation]) -> tuple[Note, ...]:
    notes: list[Note] = []
    if any(len(table) > shared for table in tables.values()):
        answered = _by_first((len(table), model_id) for model_id, table in tables.items())
        counts = [Note("evaluation.shared-count", n=n, models=" and ".join(ids)) for n, ids in answered.items()]
        if len(answered) == 1:
            counts = [Note("evaluation.shared-alike", n=next(iter(answered)))]
        notes.append(Note("evaluation.shared-only", n=shared, counts=counts))
    if len({e.fingerprint for e in evaluations.values()}) > 1:
        notes.append(Note("evaluation.other-states"))
    said = _by_first((note, model_id) for model_id, e in evaluations.items() for note in e.notes)
    return (*notes, *(Note("evaluation.of-models", models=ids, note=note) for note, ids in said.items()))


def _by_first(pairs: Iterable[tuple[Any, str]]) -> dict[Any, list[str]]:
    """Gather the second of each pair under the first."""
    found: dict[Any, list[str]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found
