"""What shifts of a scan (drawn marks, gain, blur, …) do to a model's answers, measured over labelled cases and kept."""

import math
from dataclasses import dataclass

from medcls.core.evaluation import Estimate
from medcls.core.note import Note
from medcls.core.numbers import show_change
from medcls.core.record import Record
from medcls.core.studies import Studies
from medcls.words import say


@dataclass(frozen=True)
class StressRow(Record):
    """One shift at one strength. What fell is paired: the same cases, with and without the shift.

    Args:
        shift: Name of the shift.
        strength: `weak`, `medium` or `strong`.
        auroc: AUROC of disease against the rest under the shift.
        sensitivity: Sensitivity at the model's own decision.
        specificity: Specificity at it.
        auroc_change: AUROC under the shift minus without it, with an interval over resampled groups.
        sensitivity_change: The same of the sensitivity.
        specificity_change: The same of the specificity.
        flipped: Share of cases whose most probable label changed.
        refused: Share of cases that were refused as foreign.
        cautioned: Share of cases answered with the caution that they were acquired unlike.
    """

    shift: str
    strength: str
    auroc: Estimate
    sensitivity: Estimate
    specificity: Estimate
    auroc_change: Estimate
    sensitivity_change: Estimate
    specificity_change: Estimate
    flipped: Estimate
    refused: Estimate
    cautioned: Estimate


@dataclass(frozen=True)
class StressStudy(Record):
    """A model under every shift of its modality.

    Args:
        model: Id of the model.
        collection: Name of the collections.
        part: Which part of them.
        n_cases: Cases.
        n_groups: Groups.
        seed: Seed of the shifts.
        auroc: AUROC of disease against the rest of the scans as they are.
        sensitivity: Sensitivity of the scans as they are.
        specificity: Specificity of the scans as they are.
        refused: Share refused as foreign as they are.
        rows: Shifts in the order of their table, each at every strength, weakest first.
        notes: What a reader must know.
    """

    model: str
    collection: str
    part: str
    n_cases: int
    n_groups: int
    seed: int
    auroc: Estimate
    sensitivity: Estimate
    specificity: Estimate
    refused: Estimate
    rows: tuple[StressRow, ...]
    notes: tuple[Note, ...] = ()

    @property
    def key(self) -> tuple[str, ...]:
        """What two studies of the same thing share."""
        return self.collection, self.part

    def worst_first(self) -> tuple[Note, ...]:
        """Return what each shift at full strength does, worst first, and last those under which no answer changes.

        No sensitivity is told where no case has the disease.
        """
        strongest = {row.shift: row for row in self.rows}
        ordered = sorted(strongest.values(), key=_harm)
        still = [_name(row) for row in ordered if self._is_still(row)]
        told = tuple(self._tell(row) for row in ordered if not self._is_still(row))
        return (*told, Note("core.stress-still", shifts=", ".join(still))) if still else told

    def _is_still(self, row: StressRow) -> bool:
        return row.flipped.value == 0 and row.refused.value == self.refused.value

    def _tell(self, row: StressRow) -> Note:
        changed = {"shift": _name(row), "flipped": row.flipped.value, "refused": row.refused.value}
        if math.isnan(row.sensitivity_change.value):
            return Note("core.stress-told-answers", **changed)
        change = {"low": row.sensitivity_change.low, "high": row.sensitivity_change.high}
        before, after = self.sensitivity.value, row.sensitivity.value
        code = "core.stress-steady" if f"{before:.2f}" == f"{after:.2f}" else "core.stress-told"
        return Note(code, before=before, after=after, **change, **changed)


def _name(row: StressRow) -> str:
    return row.shift.replace("-", " ")


def _harm(row: StressRow) -> tuple[float, float]:
    """Order rows by how far the sensitivity falls, then by how many answers flip."""
    change = row.sensitivity_change.value
    return (math.inf if math.isnan(change) else change), -row.flipped.value


@dataclass(frozen=True)
class StressRecord(Studies):
    """Every stress study kept of a model, at most one for each set of collections and part.

    Args:
        studies: In the order they were first made.
    """

    studies: tuple[StressStudy, ...] = ()
    schema: int = 1


def stress_table(study: StressStudy) -> str:
    """Return a study as a Markdown table, a line per shift and strength; an unknown figure stays empty."""
    lines = [
        say("core.stress-head"),
        "|---|---|---|---|---|---|---|---|---|",
        f"| {say('core.stress-no-shift')} | | "
        f"{_value(study.auroc, 3)} | {_value(study.sensitivity)} | | {_value(study.specificity)} | | "
        f"| {_value(study.refused)} |",
    ]
    for row in study.rows:
        lines.append(
            f"| {row.shift} | {row.strength} | {_value(row.auroc, 3)} | {_value(row.sensitivity)} | "
            f"{_change(row.sensitivity_change)} | {_value(row.specificity)} | {_change(row.specificity_change)} | "
            f"{_value(row.flipped)} | {_value(row.refused)} |"
        )
    return "\n".join(lines)


def _value(estimate: Estimate, digits: int = 2) -> str:
    return "" if math.isnan(estimate.value) else f"{estimate.value:.{digits}f}"


def _change(estimate: Estimate) -> str:
    return "" if math.isnan(estimate.value) else show_change(estimate)
