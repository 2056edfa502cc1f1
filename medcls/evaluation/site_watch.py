"""A site's watch: what a week's answers looked like, counted and never kept, and when a week is unlike those before.

Each week's file holds counts only: how many scans, how many refused, how many had caution, how far they lay and how
probable disease was, in ten bins each. A week is compared with all whole weeks before it by an exact or a chi-squared
test per count; the level is set so that all of them together give one false alarm a year.

Answers of other networks, or read by other settings of the site, are counted apart and compared only with their like: a
new model or a new threshold begins a new baseline.
"""

import errno
import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import scipy

from medcls.core.model import ModelCard
from medcls.core.note import Note
from medcls.core.outcome import Outcome, outcomes
from medcls.core.prediction import Prediction
from medcls.core.record import Record, wrong
from medcls.core.site import SiteSettings
from medcls.disk import locked, write_whole
from medcls.evaluation.site_answer import weights_of
from medcls.evaluation.sites import SiteFolder

BINS = 10
_MOST = 10**9  # scans of a week
ALARMS_PER_YEAR = 1.0
_WEEKS, _LEAST_BEFORE, _LEAST_NOW = 52.0, 50, 10
_TESTS = 4
_MOST_BASES = 1000  # in one week


@dataclass(frozen=True)
class Week(Record):
    """Counts of a model's answers in a week.

    Args:
        week: ISO week, as `2026-W48`.
        model: Id of the model.
        scans: Answers.
        refused: Of them, those where nothing was decided.
        disagreed: Of them, those where networks averaged did not agree.
        score: Counts by probability of disease, in tenths.
        distance: Counts by unfamiliarity: tenths of the limit, the last holds all beyond nine tenths.
        basis: What the answers were read by: `basis_of`; empty where an older medcls counted.

    Raises:
        BadRecord: If the counts cannot all be true.
    """

    week: str
    model: str
    scans: int = 0
    refused: int = 0
    disagreed: int = 0
    score: tuple[int, ...] = field(default=(0,) * BINS)
    distance: tuple[int, ...] = field(default=(0,) * BINS)
    basis: str = ""
    schema: int = 1

    def __post_init__(self) -> None:
        for name in ("score", "distance"):
            counts = getattr(self, name)
            if len(counts) != BINS or min(counts) < 0 or sum(counts) > self.scans:
                raise wrong(name, str(counts)[:60], Note("core.allowed-bins", bins=BINS, scans=self.scans))
        if not 0 <= max(self.refused, self.disagreed) <= self.scans <= _MOST or min(self.refused, self.disagreed) < 0:
            raise wrong("refused", f"{self.refused} and {self.disagreed} of {self.scans}", Note("core.allowed-shares"))


def basis_of(card: ModelCard, settings: SiteSettings | None) -> str:
    """Return what identifies how answers come about: networks and their limits, then a site's settings, as digests.

    Args:
        card: The model's card.
        settings: The site's in force; None for none. Those made for other networks change no answer.
    """
    model = [weights_of(card), card.calibration.temperature, card.abstention.to_dict(), card.preprocess.to_dict()]
    applies = settings is not None and settings.weights == weights_of(card)
    own = [settings.temperature, settings.threshold, settings.caution] if settings and applies else []
    return "-".join(hashlib.sha256(json.dumps(part).encode()).hexdigest()[:8] for part in (model, own))


def count(
    folder: SiteFolder,
    answers: Sequence[Prediction],
    positive: tuple[int, ...],
    basis: str = "",
    day: date | None = None,
) -> bool:
    """Add answers to this week's counts, if the site agreed to it.

    Args:
        folder: The site.
        answers: Of one model.
        positive: Indices of the labels that mean disease.
        basis: What they were read by: `basis_of`.
        day: The day; None for today, UTC.

    Returns:
        True if they were counted; False if the site did not agree, or there are none.

    Raises:
        MedclsError: If the site's record is damaged.
        OSError: If the counts cannot be written.
    """
    if not answers or not folder.site.watch:
        return False
    day = day or datetime.now(UTC).date()
    name, place = name_week(day), folder.path / "watch" / answers[0].model
    with locked(place):
        path, week = _file_of(place, Week(name, answers[0].model, basis=basis))
        for answer in answers:
            week = _with(week, answer, positive)
        write_whole(path, week.to_json().encode())
    return True


def _file_of(place: Path, new: Week) -> tuple[Path, Week]:
    """Return the file of a week's answers read alike, and what it says; one not begun yet says what `new` does."""
    for n in range(1, _MOST_BASES):
        path = place / (f"{new.week}.json" if n == 1 else f"{new.week}.{n:03d}.json")
        if not path.exists():
            return path, new
        if (week := Week.read(path, path.name)).basis == new.basis:
            return path, week
    raise OSError(errno.EMFILE, "too many settings in one week", str(place))


def _with(week: Week, answer: Prediction, positive: tuple[int, ...]) -> Week:
    far = answer.unfamiliarity
    beyond = far is None or not math.isfinite(far)
    return replace(
        week,
        scans=week.scans + 1,
        refused=week.refused + (answer.decided is None),
        disagreed=week.disagreed + answer.split,
        score=_raised(week.score, float(answer.prob[list(positive)].sum())),
        distance=_raised(week.distance, 1.0 if beyond else float(far or 0.0)),
    )


def _raised(counts: tuple[int, ...], share: float) -> tuple[int, ...]:
    at = min(BINS - 1, max(0, int(share * BINS)))
    return tuple(n + (i == at) for i, n in enumerate(counts))


def weeks(folder: SiteFolder, model: str) -> list[Outcome[Week]]:
    """Return a model's weeks at a site, oldest first, one apart for each basis; a damaged one stands with its error."""
    paths = sorted((folder.path / "watch" / model).glob("*.json"), key=lambda path: path.stem)
    return outcomes(paths, lambda p: p.stem, lambda p: Week.read_listed(p, p.name))


def name_week(day: date) -> str:
    """Return the ISO week of a day, as `2026-W48`."""
    year, number, _ = day.isocalendar()
    return f"{year}-W{number:02d}"


def last_alarms(found: Sequence[Outcome[Week]], day: date | None = None) -> tuple[Note, ...]:
    """Say in what the last week that is over is unlike those before; a week still being counted alarms of nothing.

    Looked at every day, a week would have seven chances of a false alarm.

    Args:
        found: From `weeks`; damaged ones are passed over, and if the last is damaged nothing is said.
        day: The day; None for today, UTC.
    """
    this = name_week(day or datetime.now(UTC).date())
    over = [one for one in found if one.name[: len(this)] < this]
    last = [one for one in over if one.name[: len(this)] == over[-1].name[: len(this)]]
    if any(one.value is None for one in last):
        return ()
    whole = [one.value for one in over[: len(over) - len(last)] if one.value is not None]
    return tuple(note for one in last if one.value for note in alarms(whole, one.value, len(last)))


def alarms(before: Sequence[Week], now: Week, parts: int = 1) -> tuple[Note, ...]:
    """Return what sets a week apart from those before whose answers were read alike.

    Args:
        before: Earlier weeks; fewer than 50 scans in those of the same basis alarm of nothing.
        now: A week of at least 10 scans.
        parts: How many bases the week has: each has its share of the false alarms.

    Returns:
        A note for each count that changed: code `evaluation.watch-…`, with shares before and now. Empty most weeks:
        when nothing changed, one week in fifty-two has any.
    """
    before = [week for week in before if week.basis == now.basis]
    n_before = sum(w.scans for w in before)
    if n_before < _LEAST_BEFORE or now.scans < _LEAST_NOW:
        return ()
    level = ALARMS_PER_YEAR / _WEEKS / _TESTS / parts
    notes = []
    for code, name in (("evaluation.watch-refused", "refused"), ("evaluation.watch-disagreed", "disagreed")):
        was, is_ = sum(getattr(w, name) for w in before), getattr(now, name)
        p = scipy.stats.fisher_exact([[was, n_before - was], [is_, now.scans - is_]]).pvalue
        if p < level:
            notes.append(Note(code, before=was / n_before, now=is_ / now.scans, n=now.scans))
    for code, name in (("evaluation.watch-scores", "score"), ("evaluation.watch-distance", "distance")):
        was, is_ = np.sum([getattr(w, name) for w in before], axis=0), np.array(getattr(now, name))
        if _spread_changed(was, is_, level):
            notes.append(Note(code, before=_mean_bin(was), now=_mean_bin(is_), n=now.scans))
    return tuple(notes)


def _spread_changed(was: np.ndarray, is_: np.ndarray, level: float) -> bool:
    """Return whether two histograms differ; bins are joined until each is expected to hold five of the smaller one."""
    columns: list[tuple[int, int]] = []
    share, a, b = is_.sum() / (was.sum() + is_.sum()), 0, 0
    for one, two in zip(was.tolist(), is_.tolist(), strict=True):
        a, b = a + one, b + two
        if (a + b) * share >= 5:
            columns.append((a, b))
            a = b = 0
    if (a or b) and columns:
        columns[-1] = (columns[-1][0] + a, columns[-1][1] + b)
    if len(columns) < 2:
        return False
    return bool(scipy.stats.chi2_contingency(np.array(columns).T, correction=False).pvalue < level)


def _mean_bin(counts: np.ndarray) -> float:
    return float((counts * (np.arange(BINS) + 0.5)).sum() / BINS / max(1, counts.sum()))
