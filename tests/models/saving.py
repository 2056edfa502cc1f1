"""What processes beside the tests do with a model's card; apart, so that they load no torch."""

from medcls.workflows.thresholds import save_threshold


def save_points(model_id: str, who: int, n: int) -> None:
    """Save `n` operating points of one's own, each a change of what is there."""
    for i in range(n):
        save_threshold(model_id, f"{who}-{i}", "malignant", (i + 1) / (n + 2))
