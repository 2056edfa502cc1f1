"""A site's watch: what a week's answers looked like, counted and never kept, and when a week is unlike those before.

Each week's file holds counts only: how many scans, how many refused, how many had caution, how far they lay and how
probable disease was, in ten bins each. A week is compared with all whole weeks before it by an exact or a chi-squared
test per count; those that can tell anything share one false alarm a year.

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
from medcls.disk import locked, write_atomically
from medcls.evaluation.site_answer import weights_of
from medcls.evaluation.sites import SiteFolder

BINS = 10
_MOST = 10**9  # scans of a week
ALARMS_PER_YEAR = 1.0
_WEEKS, _LEAST_BEFORE, _LEAST_NOW = 52.0, 50, 10
_EXPECTED, _SAME = 5, 1e-7
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
    schema: int = 2

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
    fed = card.preprocess.to_dict() | {"schema": 1}  # the number of a record feeds no network
    if card.preprocess.orientations == 1:  # weeks counted before there was the field go on
        del fed["orientations"]
    model = [weights_of(card), card.calibration.temperature, card.abstention.to_dict(), fed]
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
        write_atomically(path, week.to_json().encode())
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
    return alarms(whole, [one.value for one in last if one.value is not None])


@dataclass(frozen=True)
class _Test:
    """One count of a week held against those before.

    Args:
        p: Chance of a count at least as unlike where nothing changed.
        least: The smallest that `p` could be, whatever the count.
        note: What is told if it alarms.
    """

    p: float
    least: float
    note: Note


def alarms(before: Sequence[Week], now: Sequence[Week]) -> tuple[Note, ...]:
    """Return what sets a week apart from those before whose answers were read alike.

    The false alarms allowed are shared by the counts that can tell anything, over all bases of the week: one that could
    not alarm whatever it was, takes no share (Tarone).

    Args:
        before: Earlier weeks; fewer than 50 scans in those of the same basis alarm of nothing.
        now: A week: one for each basis; fewer than 10 scans alarm of nothing.

    Returns:
        A note for each count that changed: code `evaluation.watch-…`, with shares before and now. Empty most weeks:
        when nothing changed, one week in fifty-two has any.

    References:
        Tarone, A modified Bonferroni method for discrete data, Biometrics 46, 1990.
    """
    tests = [test for week in now for test in _tests([w for w in before if w.basis == week.basis], week)]
    allowed = ALARMS_PER_YEAR / _WEEKS
    able = next((k for k in range(1, len(tests)) if sum(t.least < allowed / k for t in tests) <= k), len(tests))
    return tuple(test.note for test in tests if test.p < allowed / able)


def _tests(before: Sequence[Week], now: Week) -> list[_Test]:
    n_before = sum(w.scans for w in before)
    if n_before < _LEAST_BEFORE or now.scans < _LEAST_NOW:
        return []
    found = []
    for code, name in (("evaluation.watch-refused", "refused"), ("evaluation.watch-disagreed", "disagreed")):
        was, is_ = sum(getattr(w, name) for w in before), getattr(now, name)
        note = Note(code, before=was / n_before, now=is_ / now.scans, n=now.scans)
        found.append(_Test(*_share_changed((was, n_before), (is_, now.scans)), note))
    for code, name in (("evaluation.watch-scores", "score"), ("evaluation.watch-distance", "distance")):
        was, is_ = np.sum([getattr(w, name) for w in before], axis=0), np.array(getattr(now, name))
        note = Note(code, before=_mean_bin(was), now=_mean_bin(is_), n=now.scans)
        found.append(_Test(*_spread_changed(was, is_), note))
    return found


def _share_changed(was: tuple[int, int], is_: tuple[int, int]) -> tuple[float, float]:
    """Return how probable a share at least as unlike is by chance, and the least that could be.

    Fisher's exact test, its own outcome counted half (mid-p): whole, few events would alarm too rarely.

    Args:
        was: Events and scans before.
        is_: Events and scans now.
    """
    n, events = was[1] + is_[1], was[0] + is_[0]
    could = np.arange(max(0, events - was[1]), min(events, is_[1]) + 1)
    chance = _log_choose(events, could) + _log_choose(n - events, is_[1] - could)
    chance = np.exp(chance - _log_choose(n, np.array(is_[1])))
    own = chance[is_[0] - could[0]]
    p = float(chance[chance < own * (1 - _SAME)].sum() + chance[abs(chance - own) <= own * _SAME].sum() / 2)
    return p, float(chance.min()) / 2


def _log_choose(n: int, k: np.ndarray) -> np.ndarray:
    log = scipy.special.gammaln
    return np.asarray(log(n + 1.0) - log(k + 1.0) - log(n - k + 1.0))


def _spread_changed(was: np.ndarray, is_: np.ndarray) -> tuple[float, float]:
    """Return how probable a histogram at least as unlike is by chance (chi-squared), and the least that could be.

    Bins are joined until each is expected to hold five of the smaller one.
    """
    columns: list[tuple[int, int]] = []
    share, a, b = is_.sum() / max(1, was.sum() + is_.sum()), 0, 0
    for one, two in zip(was.tolist(), is_.tolist(), strict=True):
        a, b = a + one, b + two
        if (a + b) * share >= _EXPECTED:
            columns.append((a, b))
            a = b = 0
    if (a or b) and columns:
        columns[-1] = (columns[-1][0] + a, columns[-1][1] + b)
    if len(columns) < 2:
        return 1.0, 1.0
    seen = np.array(columns, float)
    expected = seen.sum(axis=1, keepdims=True) * seen.sum(axis=0) / seen.sum()
    return float(scipy.special.chdtrc(len(columns) - 1, ((seen - expected) ** 2 / expected).sum())), 0.0


def _mean_bin(counts: np.ndarray) -> float:
    return float((counts * (np.arange(BINS) + 0.5)).sum() / BINS / max(1, counts.sum()))
