"""Answering scans: one, many, or a folder of them, with one model."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from medcls import home
from medcls.core.model import ModelCard
from medcls.core.outcome import Outcome
from medcls.core.prediction import Prediction
from medcls.core.progress import Progress, silent
from medcls.core.scan import Scan
from medcls.core.task import Task
from medcls.errors import BadModel, MedclsError
from medcls.imaging.colour import IN_COLOUR, kind_in_colour, other_kind
from medcls.imaging.decode import count_values, read_scan
from medcls.imaging.limits import Limits
from medcls.models import store
from medcls.models.combine import combine
from medcls.models.onnx_session import COMPANY
from medcls.tasks import recommended
from medcls.workflows.acts import allowed, need, write_answers

if TYPE_CHECKING:  # torch costs seconds; a page that only lists models must not pay for it
    from medcls.explain.drawing import OpenMembers, OpenScan, Prepared
    from medcls.models.predictor import Predictor

# How many scans go through the network at once, and how many are decoded ahead of it: fewer where they are large.
_BATCH, _AHEAD, _AHEAD_VALUES = 8, 16, 50_000_000


@dataclass(frozen=True, eq=False)
class Answer:
    """What became of one file.

    Args:
        scan: The decoded scan, or why the file could not be read.
        prediction: The model's answer; or why there is none, which is what is wrong with the scan where that was not
            read.
    """

    scan: Outcome[Scan]
    prediction: Outcome[Prediction]

    @property
    def name(self) -> str:
        """The file's name as given; only ever shown to who gave it."""
        return self.scan.name


def open_model(model_id: str, progress: Progress = silent) -> "Predictor":
    """Load a model, checking its hashes; torch is loaded here, not when this module is.

    Args:
        model_id: The model.
        progress: Called with the networks loaded and how many there are.

    Raises:
        BadModel: If it is missing, damaged or was changed.
    """
    from medcls.models import opening

    return opening.open_model(model_id, progress)


def choose_model(task_id: str = "", model_id: str = "") -> ModelCard:
    """Find the model to use where the user named a model, a task or nothing.

    Args:
        task_id: Task the model must answer; empty for any.
        model_id: The model; empty for the one recommended for the task, or where none is, or it is not here, the first
            that was made. A model published later changes nothing.

    Raises:
        BadModel: If there is none, the model answers another task, or none was named and there are models of several
            tasks.
    """
    if model_id:
        card = store.read_card(model_id)
        if task_id and card.task.id != task_id:
            raise BadModel("workflows.model-of-other-task", model=model_id, found=card.task.id, allowed=task_id)
        return card
    known = store.list_cards()
    cards = [card for card in known if task_id in ("", card.task.id)]
    tasks = sorted({card.task.id for card in cards})
    if not cards and task_id:
        there = ", ".join(sorted({card.task.id for card in known}))
        raise BadModel("workflows.no-model-for-task", found=task_id, allowed=there)
    if not cards:
        raise BadModel("workflows.no-model")
    if len(tasks) > 1:
        raise BadModel("workflows.which-task", allowed=", ".join(tasks))
    return prefer(cards)


def prefer(cards: Sequence[ModelCard]) -> ModelCard:
    """Return, of a task's models, the one recommended for it, or where none is, or it is not here, the first made.

    Args:
        cards: At least one, all of the same task.

    Raises:
        ValueError: If there is none.
    """
    named = recommended(cards[0].task.id, home.tasks()) if cards else ""
    return min(cards, key=lambda card: (card.id != named, card.origin.created, card.id))


@allowed("read")
def classify_one(scan: Scan, classifier: "Predictor") -> Prediction:
    """Answer one decoded scan; it is written to the audit trail.

    Raises:
        MedclsError: If the model fails on it, or it must not be answered unwritten.
        Denied: If the person at work may not ask.
    """
    answer = _tell_marks(scan, classifier.predict(scan), classifier)
    write_answers(classifier.card, [(scan, Outcome("", answer))])
    return answer


@allowed("read")
def classify_open(
    scan: Scan, classifier: "Predictor", prepared: "Prepared | None" = None, site: str = "", held: bool = False
) -> "tuple[Prediction, OpenScan | OpenMembers]":
    """Answer a decoded scan and keep the pass, which its heatmaps are drawn from; it is written to the audit trail.

    Args:
        scan: The scan.
        classifier: From `open_model`.
        prepared: The scan as networks that are fed alike got it before; what is missing is added.
        site: Name of the site it is read at: the trail says how it is read there too; empty for none.
        held: True if the answer is not shown yet, as its reader reads first: `audit_shown` then says when it is.

    Returns:
        The answer as the model gave it, and the pass.

    Raises:
        MedclsError: If the model fails on it, or it must not be answered unwritten.
        Denied: If the person at work may not ask.
    """
    from medcls.explain.drawing import forward

    with COMPANY:
        view = forward(classifier, scan, None, prepared)
        answer = _tell_marks(scan, view.prediction, classifier)
    write_answers(classifier.card, [(scan, Outcome("", answer))], _reader(classifier.card, site), site, held)
    return answer, view


@allowed("read")
def audit_shown(card: ModelCard, answer: Prediction, site: str) -> None:
    """Write to the audit trail that an answer given before is shown: read anew at a site, or held back until now.

    Args:
        card: The model's card.
        answer: As the model gave it.
        site: Name of the site; empty for none.

    Raises:
        Conflict: If it must not be shown unwritten.
        MedclsError: If there is no such site.
    """
    write_answers(card, [(None, Outcome("", answer))], _reader(card, site), site)


def _reader(card: ModelCard, site: str) -> "Callable[[Prediction], Prediction] | None":
    """Return what reads a model's answers at a site; None where no site is named."""
    from medcls.workflows.site import reader_at

    return reader_at(site, card) if site else None


def _tell_marks(scan: Scan, answer: Prediction, classifier: "Predictor") -> Prediction:
    from medcls.models.marks import with_mark_cautions

    return with_mark_cautions(classifier, scan, answer)


def classify_many(
    files: Iterable[Outcome[bytes] | Outcome[Scan]],
    classifier: "Predictor",
    frame: int | None = None,
    site: str = "",
    held: bool = False,
) -> Iterator[Answer]:
    """Answer files in order; one that cannot be read comes with its error, and the rest go on.

    Files are decoded ahead on another thread while the network works; only a few are held at a time.

    Args:
        files: The bytes of each file, archives already opened; or its scan, decoded before; or why it has neither.
        classifier: From `open_model`.
        frame: Which frame or page of each file, from 0; None for the first.
        site: As of `classify_open`.
        held: As of `classify_open`.

    Raises:
        Denied: If the person at work may not ask.
        Conflict: If an answer cannot be written to the audit trail and must not be given unwritten.
    """
    need("read", "classify")
    limits = Limits.from_env()

    def tell(answers: list[tuple[Scan | None, Outcome[Prediction]]]) -> None:
        write_answers(classifier.card, answers, _reader(classifier.card, site), site, held)

    with ThreadPoolExecutor(1) as pool:
        waiting: deque[_Waiting] = deque()
        known: dict[str, Outcome[Prediction]] = {}  # the same bytes get the same answer, to the last bit
        for file in files:
            values = _count(file.value, limits)
            while waiting and (len(waiting) >= _AHEAD or sum(w.values for w in waiting) + values > _AHEAD_VALUES):
                yield from _answer_some(waiting, classifier, known, tell)
            waiting.append(_Waiting(values, pool.submit(_read, file, frame, limits)))
        while waiting:
            yield from _answer_some(waiting, classifier, known, tell)


class _Waiting(NamedTuple):
    """A file being decoded; `values` is how many numbers its header announces."""

    values: int
    scan: Future[Outcome[Scan]]


def _count(data: bytes | Scan | None, limits: Limits) -> int:
    """Return how many numbers a file's scan will hold, or holds already."""
    if isinstance(data, Scan):
        return data.pixels.size
    return 0 if data is None else count_values(data, limits)


def _read(file: Outcome[bytes] | Outcome[Scan], frame: int | None, limits: Limits) -> Outcome[Scan]:
    def read(data: bytes | Scan) -> Scan:
        return data if isinstance(data, Scan) else read_scan(data, frame=frame, limits=limits)

    return file.then(read)


def _answer_some(
    waiting: deque[_Waiting],
    classifier: "Predictor",
    known: dict[str, Outcome[Prediction]],
    tell: Callable[[list[tuple[Scan | None, Outcome[Prediction]]]], None],
) -> Iterator[Answer]:
    """Answer the first few that wait, and note in `known` what the network said of which bytes."""
    read = [w.scan.result() for w in (waiting.popleft() for _ in range(min(_BATCH, len(waiting))))]
    new = {scan.value.sha256: scan.value for scan in read if scan.value and scan.value.sha256 not in known}
    known.update(zip(new, _predict(list(new.values()), classifier), strict=True))
    answers = [Answer(scan, scan.then(lambda one: known[one.sha256].get())) for scan in read]
    tell([(answer.scan.value, answer.prediction) for answer in answers])
    yield from answers


def _predict(scans: list[Scan], classifier: "Predictor") -> list[Outcome[Prediction]]:
    """Answer scans together; if that fails, each alone, so that one spoils no other."""
    try:
        answers = classifier.predict_many(scans)
        told = [_tell_marks(scan, answer, classifier) for scan, answer in zip(scans, answers, strict=True)]
        return [Outcome("", answer) for answer in told]
    except MedclsError as error:
        if len(scans) == 1:
            return [Outcome("", error=error)]
        return [found for scan in scans for found in _predict([scan], classifier)]


def other_tasks(scan: Scan, task_id: str) -> tuple[Task, ...]:
    """Return the other tasks whose recommended model may be asked about a scan, going by whether it is in colour.

    Those of the kind of picture that it looks like come first, those of another kind in colour last.

    Args:
        scan: The scan.
        task_id: The task that was asked about.
    """
    tasks = {card.task.id: card.task for card in store.list_cards() if card.task.id != task_id}
    fitting = []
    for task in tasks.values():
        card = choose_model(task.id)
        if not other_kind(scan, task.modality, card.preprocess.channels):
            fitting.append(task)
    looks_like = kind_in_colour(scan)
    return tuple(sorted(fitting, key=lambda t: (t.modality != looks_like, t.modality in IN_COLOUR)))


def combine_views(answers: Sequence[Prediction], card: ModelCard, site: str = "") -> Prediction | None:
    """Return one answer for several views of a case, combined as the answers of several networks are.

    Args:
        answers: One of each view, by one model, as it is read at the site.
        card: The model's card.
        site: The site, whose threshold decides of the mean as it does of each view; empty for none.

    Returns:
        The answer; None if there is no view.

    Raises:
        MedclsError: If there is no such site.
    """
    from medcls.workflows.site import read_views_at

    if not answers:
        return None
    mean = combine(card, answers)
    return read_views_at(site, mean, card) if site else mean
