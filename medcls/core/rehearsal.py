"""What a few steps of a run took, as one process tells another."""

from dataclasses import dataclass

from medcls.core.record import Record


@dataclass(frozen=True)
class Rehearsal(Record):
    """What a few steps of a run took.

    Args:
        step_s: Seconds of one step (one batch forth and back), the median of a few.
        forward_s: Seconds to run one scan through the network without learning.
        peak_bytes: Most memory the process held, on the graphics card if it computes there.
        weights_bytes: Size of the network's weights.
        learning_bytes: Size of the weights that learn.
        keeps_features: True if the backbone is run once and its features are kept.
        computed_in: Number format, as Fabric names it, and the device.
    """

    step_s: float
    forward_s: float
    peak_bytes: int
    weights_bytes: int
    learning_bytes: int
    keeps_features: bool
    computed_in: str
