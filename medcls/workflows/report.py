"""A comparison sent out: as one HTML page, and as a table between the marks of a Markdown file."""

from collections.abc import Sequence
from pathlib import Path

from medcls.evaluation.comparison import RESAMPLES, Comparison
from medcls.evaluation.costs import Cost
from medcls.exits import leave
from medcls.exits.case import Mode
from medcls.exits.comparison_text import pairs_to_markdown
from medcls.exits.subjects import Compared, Markdown
from medcls.stats.difference import Difference
from medcls.workflows.marked import put_between_marks


def write_pairs(
    comparison: Comparison, path: Path, score: str = "auroc", *, resamples: int = RESAMPLES, mode: Mode = "record"
) -> None:
    """Put the table of `pairs_to_markdown` in a Markdown file, between `<!-- compared TASK: begin -->` and `… end -->`.

    Args, beside those of `pairs_to_markdown`:
        path: The file.
        mode: `record`; or `others`, where no site of this home is named.

    Raises:
        BadData: If there is no such score.
        MedclsError: If the file cannot be read or lacks the markers.
        Conflict: If it cannot be written.
    """
    task = next(iter(comparison.cards.values())).task.id
    text = pairs_to_markdown(comparison, score, resamples=resamples)
    table = Markdown("differences", lambda _: text, {"models": ", ".join(comparison.cards)})
    put_between_marks(path, f"compared {task}", leave("markdown", table, mode).data.decode())


def page_of(comparison: Comparison, differences: Sequence[Difference], costs: Sequence[Cost] = ()) -> Compared:
    """Return a comparison as it may leave in a page: for others without its cases' attributes.

    Args:
        comparison: The models and their cases.
        differences: From `Comparison.differences`.
        costs: What the models cost, with the milliseconds measured; none leaves the section out.
    """
    return Compared("comparison", comparison, tuple(differences), tuple(costs))


def costs_of(comparison: Comparison) -> tuple[Cost, ...]:
    """Return what the models cost beside their AUROC, no time measured.

    Raises:
        BadModel: If a model's folder is gone.
    """
    return tuple(comparison.cost(model_id) for model_id in comparison.cards)
