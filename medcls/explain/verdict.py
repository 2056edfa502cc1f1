"""What a test of a heatmap found. Without torch, so that pages can name it."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Check:
    """One test of a heatmap.

    Args:
        name: `order`, `random`, `shift`, `padding` or `mask`.
        title: What was asked.
        holds: True if the heatmap stands the test, False if not, None if the test cannot tell.
        words: What came out, in a sentence.
        numbers: The figures behind it.
    """

    name: str
    title: str
    holds: bool | None
    words: str
    numbers: dict[str, float] = field(default_factory=dict)
