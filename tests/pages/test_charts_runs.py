"""Charts, and curves of runs: ticks that say something, whatever the run has done so far."""

import math

import pytest

from medcls.core.evaluation import Estimate
from medcls.core.note import UNSAID
from medcls.core.run import EpochResult
from medcls.workflows.site_figures import SiteFigures
from pages._ui.runs.charts import compare_chart, rate_chart, score_chart
from pages._ui.runs.search_charts import importance_chart
from pages._ui.widgets.charts_forest import forest_chart
from pages._ui.widgets.charts_scores import confusion_chart
from pages._ui.widgets.numbers import show_percent


def epochs(n: int, lr: float = 6e-4) -> list[EpochResult]:
    """Give a run of so many epochs, each better than the last."""
    scores = [{"loss": 1 / k, "auroc": 1 - 0.5 / k, "accuracy": 0.5} for k in range(1, n + 1)]
    return [EpochResult(k, float(k), lr, scores[k - 1], scores[k - 1], True) for k in range(1, n + 1)]


@pytest.mark.parametrize(("n", "dtick"), [(1, 1), (2, 1), (10, 1), (11, None), (200, None)])
def test_few_epochs_have_a_tick_each(n: int, dtick: int | None) -> None:
    for figure in (score_chart(epochs(n), "auroc"), rate_chart(epochs(n)), compare_chart({"a": epochs(n)}, "loss")):
        assert figure.layout.xaxis.dtick == dtick


def test_a_rate_that_stays_has_room_about_it() -> None:
    low, high = rate_chart(epochs(3)).layout.yaxis.range
    assert low < math.log10(6e-4) < high
    assert high - low > 0.5  # in decades: two ticks never read alike


def test_a_rate_that_ends_at_nothing_is_drawn_to_its_end() -> None:
    figure = rate_chart([*epochs(1), *epochs(1, lr=0.0)])
    assert list(figure.data[0].y) == [6e-4, 0]
    assert figure.layout.yaxis.type is None, "0 has no place on a logarithmic axis"


def test_under_the_pointer_the_epoch_and_each_line_are_named_once() -> None:
    """Plotly puts a line's name before what its template says of a point."""
    figures = [score_chart(epochs(3), "auroc"), rate_chart(epochs(3)), compare_chart({"a": epochs(3)}, "loss")]
    for figure in figures:
        assert "%{x}" in figure.layout.xaxis.unifiedhovertitle.text
        assert not [line.name for line in figure.data if line.name in line.hovertemplate]


def test_no_epoch_draws_an_empty_chart() -> None:
    assert rate_chart([]).layout.xaxis.dtick == 1


def test_percents_of_charts_have_the_blank_of_all_others() -> None:
    """Plotly's own percent format has none: axes count in percent, and what a cell says is written by the page."""
    assert importance_chart({"lr": 0.75}).layout.xaxis.ticksuffix == show_percent(0)[1:]
    cells = confusion_chart(((3, 1), (0, 4)), ["benign", "malignant"]).data[0]
    assert [list(row) for row in cells.customdata] == [[show_percent(p) for p in row] for row in ((0.75, 0.25), (0, 1))]


def test_sites_are_named_above_their_lines() -> None:
    """A phone has no room beside them; the first stands at the top, each with a place of its own."""
    known = Estimate(0.8, 0.7, 0.9, 0.95, 100, UNSAID)
    figures = [SiteFigures(f"Ward {i} of the hospital by the river", "here", {"sensitivity": known}) for i in range(3)]
    chart = forest_chart([*figures, figures[0]])
    assert not any(axis.showticklabels for axis in chart.select_yaxes())
    named = [one for one in chart.layout.annotations if one.yref == "y"]
    assert [one.y for one in named] == list(reversed(chart.layout.yaxis.categoryarray))
    assert len({one.text for one in named}) == 4
