"""Several models side by side on one scan."""

import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from medcls.core.model import ModelCard
from medcls.core.note import Note
from medcls.core.numbers import show_prob
from medcls.core.outcome import Outcome
from medcls.core.prediction import Prediction
from medcls.core.scan import Scan
from medcls.errors import BadModel, MedclsError
from medcls.models.combine import combine
from medcls.models.mean_card import mean_card
from medcls.workflows.acts import allowed, write_answers
from medcls.workflows.classify import classify_open
from medcls.workflows.site import read_at

if TYPE_CHECKING:  # torch costs seconds
    from medcls.explain.drawing import Prepared

FEWEST, MOST = 2, 8


@dataclass(frozen=True, eq=False)
class ModelAnswer:
    """What one model said of the scan.

    Args:
        card: The model's card; None if it could not be opened.
        answer: Its answer, or why there is none, by the id of the model.
        opened_s: Seconds it took to open, at the same time as the others; near 0 if it was open already.
        prepared: True if it got the scan as another model had prepared it already.
    """

    card: ModelCard | None
    answer: Outcome[Prediction]
    opened_s: float = 0.0
    prepared: bool = False

    @property
    def model(self) -> str:
        """Id of the model."""
        return self.answer.name

    @property
    def prediction(self) -> Prediction | None:
        """Its answer; None if there is none."""
        return self.answer.value


@dataclass(frozen=True, eq=False)
class MeanAnswer:
    """The mean of the calibrated probabilities of single networks of one task, decided as a published mean would be.

    Args:
        models: Ids of the models averaged.
        card: Card of the mean, for the words of the labels; it is not published.
        prediction: Their mean.
    """

    models: tuple[str, ...]
    card: ModelCard
    prediction: Prediction


@dataclass(frozen=True)
class Agreement:
    """Where single networks of one task agree on a scan and where not.

    Args:
        headline: It in a sentence; code `workflows.networks-disagree` where they do not.
        details: The figures behind it.
    """

    headline: Note
    details: tuple[Note, ...]


@dataclass(frozen=True, eq=False)
class ComparedScan:
    """Several models' answers to one scan.

    Args:
        answers: One per model asked, in the order asked.
        ensembles: One for each task that two single networks or more answered.
        agreement: Where they agree and where not.
        elapsed_s: Seconds from the first model opened to the last answer.
    """

    answers: tuple[ModelAnswer, ...]
    ensembles: tuple[MeanAnswer, ...]
    agreement: tuple[Agreement, ...]
    elapsed_s: float

    @property
    def refused(self) -> bool:
        """True if a model, or a mean of some, answered without deciding."""
        told = [*(a.prediction for a in self.answers if a.prediction), *(mean.prediction for mean in self.ensembles)]
        return any(prediction.decided is None for prediction in told)


@dataclass(frozen=True)
class Memory:
    """What whoever asks knows of a scan already, and wants to know after.

    Args:
        find: Returns what a model, by id, said of it before; None if it was not asked. Such an answer is not written to
            the audit trail again.
        keep: Called with a model's card, its answer, and the pass that its heatmaps can be drawn from.
    """

    find: Callable[[str], Prediction | None] = lambda model_id: None
    keep: Callable[[ModelCard, Prediction, Any], None] = lambda card, answer, view: None


@allowed("read")
def compare_scan(
    scan: Scan, model_ids: Sequence[str], open_model: Callable[[str], Any], memory: Memory = Memory()
) -> ComparedScan:
    """Ask several models about one scan, decoded once.

    Models are opened on threads at the same time; each is asked as soon as it is open, one at a time, so that every
    network has all cores while it computes and its time is its own. Models that want the scan prepared alike share
    that too.

    Args:
        scan: The decoded scan.
        model_ids: Two to eight, each once.
        open_model: Returns a model by its id; called from several threads.
        memory: What is known already; nothing by default.

    Returns:
        The answers; a model that fails comes with its error and the others go on.

    Raises:
        BadModel: If there are fewer than two models, more than eight, or one twice.
    """
    check_models(model_ids)
    started = time.perf_counter()
    prepared: Prepared = {}
    answers: dict[str, ModelAnswer] = {}
    with ThreadPoolExecutor(min(len(model_ids), os.cpu_count() or 1)) as pool:
        opening: dict[Future, str] = {pool.submit(_open, model_id, open_model): model_id for model_id in model_ids}
        for done in as_completed(opening):
            answers[opening[done]] = _ask(opening[done], done, scan, prepared, memory)
    ordered = tuple(answers[model_id] for model_id in model_ids)
    ensembles = average(ordered)
    return ComparedScan(ordered, ensembles, describe_agreement(ordered), time.perf_counter() - started)


def read_at_site(found: ComparedScan, site: str) -> ComparedScan:
    """Return the answers as they are read at a site, by its settings for each model, and where they agree then.

    The mean of the networks is no published model: no site has settings for it.

    Args:
        found: The answers as the models gave them.
        site: Name of the site; empty for none.

    Returns:
        The answers; one that cannot be read there, as there is no such site, comes with its error.
    """
    if not site:
        return found
    answers = tuple(
        replace(a, answer=a.answer.then(partial(_read_at, site, a.card))) if a.card else a for a in found.answers
    )
    return replace(found, answers=answers, agreement=describe_agreement(answers))


def _read_at(site: str, card: ModelCard, prediction: Prediction) -> Prediction:
    return read_at(site, prediction, card)


def check_models(model_ids: Sequence[str]) -> None:
    """Check that there are two to eight models, each once.

    Raises:
        BadModel: If not.
    """
    if not FEWEST <= len(model_ids) <= MOST or len(set(model_ids)) != len(model_ids):
        different = len(set(model_ids))
        raise BadModel("models.too-few-to-compare", n=len(model_ids), different=different, fewest=FEWEST, most=MOST)


def _open(model_id: str, open_model: Callable[[str], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    return open_model(model_id), time.perf_counter() - started


def _ask(model_id: str, opening: Future, scan: Scan, prepared: "Prepared", memory: Memory) -> ModelAnswer:
    try:
        classifier, opened_s = opening.result()
    except MedclsError as error:
        return ModelAnswer(None, Outcome(model_id, error=error))
    card = classifier.card
    if (before := memory.find(card.id)) is not None:
        return ModelAnswer(card, Outcome(model_id, before), opened_s)
    shared = card.preprocess in prepared
    asked = Outcome.of(model_id, lambda: classify_open(scan, classifier, prepared))
    answer = asked.then(lambda both: both[0])
    if asked.value is None:
        write_answers(card, [(scan, answer)])
        return ModelAnswer(card, answer, opened_s)
    memory.keep(card, *asked.value)
    return ModelAnswer(card, answer, opened_s, shared)


def average(answers: Sequence[ModelAnswer]) -> tuple[MeanAnswer, ...]:
    """Average the calibrated probabilities of single networks of one task, wherever two or more answered.

    A published ensemble is left out: its networks would count twice.
    """
    return tuple(_mean(members) for members in _single_of_one_task(answers))


def _single_of_one_task(answers: Sequence[ModelAnswer]) -> list[list[ModelAnswer]]:
    """Put together single networks that answered the same question, where two or more did; a mean has no vote."""
    found: dict[tuple[str, tuple[str, ...]], list[ModelAnswer]] = {}
    for answer in answers:
        if answer.prediction is not None and answer.card is not None and not answer.card.is_mean:
            found.setdefault((answer.card.task.id, answer.prediction.labels), []).append(answer)
    return [members for members in found.values() if len(members) > 1]


def _mean(members: Sequence[ModelAnswer]) -> MeanAnswer:
    """Average as a published ensemble does: the strictest of the members' limits holds for the mean."""
    predictions = [answer.prediction for answer in members if answer.prediction is not None]
    card = mean_card([answer.card for answer in members if answer.card is not None], "")
    return MeanAnswer(tuple(answer.model for answer in members), card, combine(card, predictions))


def describe_agreement(answers: Sequence[ModelAnswer]) -> tuple[Agreement, ...]:
    """Return where single networks agree on a scan and where not, for each task that two or more answered."""
    means = sum(bool(a.card and a.card.is_mean) and a.prediction is not None for a in answers)
    besides = (Note("workflows.networks-without-means"),) if means else ()
    return tuple(_agreement(members, besides) for members in _single_of_one_task(answers))


def _agreement(members: Sequence[ModelAnswer], besides: tuple[Note, ...]) -> Agreement:
    decided = Counter(a.prediction.decided for a in members if a.prediction is not None)
    card = members[0].card
    assert card is not None
    disease = [float(a.prediction.prob[list(card.task.positive)].sum()) for a in members if a.prediction is not None]
    names = " / ".join(card.task.labels[i].name for i in card.task.positive)
    spread = Note("workflows.networks-spread", labels=names, low=show_prob(min(disease)), high=show_prob(max(disease)))
    return Agreement(_headline(decided, card), (spread, *besides))


def _headline(decided: Counter[str | None], card: ModelCard) -> Note:
    n = decided.total()
    if len(decided) > 1:
        parts = [_answered(label, times, card) for label, times in decided.most_common()]
        return Note("workflows.networks-disagree", said=parts)
    (answer,) = decided
    if answer is None:
        return Note("workflows.networks-all-unsure", n=n)
    return Note("workflows.networks-agree", n=n, label=card.task.label(answer).name)


def _answered(label: str | None, n: int, card: ModelCard) -> Note:
    if label is None:
        return Note("workflows.networks-unsure", n=n)
    return Note(
        "workflows.network-answers" if n == 1 else "workflows.networks-answer", n=n, label=card.task.label(label).name
    )
