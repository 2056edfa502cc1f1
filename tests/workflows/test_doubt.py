"""What a model's doubt is worth is told where there are errors enough to tell."""

import numpy as np
import pytest

from medcls.core.evaluation import CaseTable
from medcls.workflows.doubt import doubts


@pytest.mark.parametrize(("wrong", "code"), [(0, "no-error"), (9, "few"), (10, "told")])
def test_few_errors_say_nothing_of_where_they_lie(wrong: int, code: str) -> None:
    n = 40
    sure = np.linspace(0.99, 0.6, n)  # the last answers are the most doubtful, and the wrong ones
    ids = np.arange(n).astype(str)
    truth = (np.arange(n) >= n - wrong).astype(int)
    (one,) = doubts(CaseTable(ids, ids, truth, np.c_[sure, 1 - sure], ("well", "ill"), {}), "here")
    note = one.note()
    assert note.code == f"workflows.doubt-{code}"
    if code == "told":
        assert note.params["share"] == pytest.approx(0.4)  # four of ten lie in the last four
    if code == "few":
        assert note.params["wrong"] == wrong
