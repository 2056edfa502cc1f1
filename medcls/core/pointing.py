"""How often a model's heatmaps point at the lesion, measured over labelled cases and kept beside the model."""

from dataclasses import dataclass

from medcls.core.evaluation import Estimate
from medcls.core.note import Note
from medcls.core.numbers import show_change
from medcls.core.record import Record
from medcls.core.studies import Studies
from medcls.words import say


@dataclass(frozen=True)
class PointingRow(Record):
    """One way of pointing, over all cases.

    Args:
        name: A method's name, or that of a control.
        title: What a person reads.
        control: True for a control: someone who looks at nothing.
        hits: Share of cases whose brightest place lies on the lesion, with Wilson's interval over groups.
        energy_inside: Mean share of the heatmap that lies on the lesion, with an interval over resampled groups.
        iou: Mean overlap over union with the lesion, at the lesion's area, likewise.
        above_centre: Hits above the centred Gaussian's on the same cases, with an interval over resampled groups; None
            for that Gaussian itself.
    """

    name: str
    title: str
    control: bool
    hits: Estimate
    energy_inside: Estimate
    iou: Estimate
    above_centre: Estimate | None

    @property
    def gain(self) -> str:
        """How much more often it hits than the centred Gaussian, with its interval; empty for that Gaussian."""
        above = self.above_centre
        return "" if above is None else show_change(above)


@dataclass(frozen=True)
class PointingStudy(Record):
    """A model's heatmaps against the outlines of lesions.

    Args:
        model: Id of the model.
        collection: Name of the collection.
        label: Label whose evidence was drawn; also the truth of the cases.
        layer: Layer that was read.
        n_cases: Cases with this truth and an outline.
        n_right: Those that the model answered rightly: the rows are about these.
        mask_share: Mean share of a scan that is lesion.
        rows: The methods in the order asked for, then the controls.
        notes: What a reader must know.
    """

    model: str
    collection: str
    label: str
    layer: str
    n_cases: int
    n_right: int
    mask_share: float
    rows: tuple[PointingRow, ...]
    notes: tuple[Note, ...] = ()

    @property
    def key(self) -> tuple[str, ...]:
        """What two studies of the same thing share."""
        return self.collection, self.label, self.layer

    @property
    def about(self) -> str:
        """What was measured on what, in a sentence."""
        told = {"collection": self.collection, "label": self.label, "layer": self.layer, "share": self.mask_share}
        return say("core.pointing-about", {**told, "n_right": self.n_right, "n_cases": self.n_cases})


@dataclass(frozen=True)
class PointingRecord(Studies):
    """Every study kept of a model, at most one for each collection, label and layer.

    Args:
        studies: In the order they were first made.
    """

    studies: tuple[PointingStudy, ...] = ()
    schema: int = 1


def pointing_table(study: PointingStudy) -> str:
    """Return a study as a Markdown table, methods first, then the controls."""
    lines = [
        say("core.pointing-head"),
        "|---|---|---|---|---|",
    ]
    for row in study.rows:
        title = say("core.pointing-control", {"title": row.title}) if row.control else row.title
        lines.append(f"| {title} | {_two(row.hits)} | {row.gain} | {_two(row.energy_inside)} | {_two(row.iou)} |")
    return "\n".join(lines)


def _two(estimate: Estimate) -> str:
    return f"{estimate.value:.2f} ({estimate.low:.2f}–{estimate.high:.2f})"
