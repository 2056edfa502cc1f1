"""What can be said of a model at a site without labels: how unfamiliar scans are, how often it refuses, the spread."""

from collections.abc import Sequence

import numpy as np

from medcls.core.model import ModelCard
from medcls.core.note import Note
from medcls.core.prediction import Prediction
from medcls.core.scan import Scan
from medcls.core.site import SiteLook
from medcls.errors import BadData
from medcls.imaging.prepare import painted_over
from medcls.stats.operating import proportion

LOOKED_AT = 60  # pictures that are looked at for what is found in them
_MARKS_AT = 20  # of them in which marks are searched: a search takes a tenth of a second
_TENTHS = 10
_WHITE = 255  # grey levels
_SURE = 1  # tenths at each end in which an answer counts as clear


def inspect_answers(
    card: ModelCard, answers: Sequence[Prediction], found: dict[str, float], n_failed: int = 0
) -> SiteLook:
    """Count a model's answers to a site's scans, whose labels are not known.

    Args:
        card: The model's card.
        answers: One of each scan.
        found: What was found in the pictures.
        n_failed: Files that could not be answered.

    Raises:
        BadData: If there is no answer.
    """
    if not answers:
        raise BadData("evaluation.site-nothing-to-look-at", n=n_failed)
    alone, everyone = np.array([a.sha256 for a in answers]), np.ones(len(answers), bool)
    far = np.array([np.nan if a.unfamiliarity is None else a.unfamiliarity for a in answers], float)
    acquired = np.array([a.how_far for a in answers])
    disease = np.array([a.prob[list(card.task.positive)].sum() for a in answers])
    told = np.isfinite(far)
    decided = [a.decided for a in answers]
    return SiteLook(
        card.id,
        len(answers),
        n_failed,
        proportion(np.array([d is None for d in decided]), everyone, alone),
        proportion(np.array([a.foreign for a in answers]), everyone, alone),
        proportion(acquired > 1, ~np.isnan(acquired), alone) if not np.isnan(acquired).all() else None,
        tuple(float(v) for v in np.quantile(far[told], (0.5, 0.9))) if told.any() else (),
        {label: decided.count(label) for label in card.task.label_ids},
        tuple(np.histogram(np.clip(disease, 0, 1), _TENTHS, (0, 1))[0].tolist()),
        found,
    )


def tell(look: SiteLook, card: ModelCard) -> tuple[Note, ...]:
    """Return what was found as notes, and what cannot be found without labels.

    Args:
        look: From `look`.
        card: The model's card, for its labels' names.
    """
    n, refused, unlike = look.n_cases, look.refused, look.unfamiliar
    notes = [
        Note(
            "evaluation.look-refused", n=n, share=refused.value, low=refused.low, high=refused.high, unlike=unlike.value
        )
    ]
    if look.distance:
        notes.append(Note("evaluation.look-distance", median=look.distance[0], high=look.distance[1]))
    if look.acquired is not None:
        notes.append(Note("evaluation.look-acquired", share=look.acquired.value))
    names = ", ".join(f"{card.task.label(label).name} {count}" for label, count in look.decided.items())
    clear = sum(look.score[:_SURE]) + sum(look.score[-_SURE:])
    notes.append(Note("evaluation.look-spread", decided=names, clear=clear / n))
    return (*notes, Note("evaluation.look-cannot"))


def found_in(scans: Sequence[Scan], acquired: np.ndarray) -> dict[str, float]:
    """Return what was found in a site's pictures, by the names of `FOUND`; what no scan tells is left out.

    Args:
        scans: Some of them, one at least.
        acquired: How unlike each of the site's scans was acquired, in limits, (N,): infinite where no number came out,
            NaN where that is not measured.
    """
    grey = [scan for scan in scans if scan.pixels.ndim == 2]
    spacing = [float(np.sqrt(np.prod(scan.spacing_mm))) for scan in scans if scan.spacing_mm]
    far = acquired[~np.isnan(acquired)]
    found = {
        "shorter_side_px": float(np.median([min(scan.size_px) for scan in scans])),
        "grain": float(np.median([_WHITE * np.abs(np.diff(_luma(scan), axis=1)).mean() for scan in scans])),
        "coloured": 1 - len(grey) / len(scans),
    }
    if spacing:
        found["mm_per_px"] = float(np.median(spacing))
    if grey:  # in colour, hair and vessels are drawn as marks are
        found["marked"] = float(np.mean([painted_over(scan).mean() for scan in grey[:_MARKS_AT]]))
    return found | ({"acquired_unlike": float((far > 1).mean())} if len(far) else {})


def _luma(scan: Scan) -> np.ndarray:
    return scan.pixels if scan.pixels.ndim == 2 else scan.pixels.mean(axis=2)
