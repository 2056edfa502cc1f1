"""Answered cases as CSV: back to the last bit, or refused."""

import csv
import io

import numpy as np
import pytest

from medcls.core.case_csv import format_cases, parse_cases
from medcls.core.evaluation import CaseTable


def test_cases_survive_csv_to_the_last_bit():
    rng = np.random.default_rng(0)
    prob = rng.dirichlet(np.ones(3), 50)
    names = np.array([f'case "{i}", ümlaut' for i in range(50)])
    table = CaseTable(names, names, rng.integers(0, 3, 50), prob, ("a", "b", "c"), {"device": np.array(["x,y"] * 50)})
    again = parse_cases(format_cases(table))
    assert (again.prob == prob).all()
    assert (again.case == table.case).all()
    assert (again.truth == table.truth).all()
    assert (again.attributes["device"] == "x,y").all()


def test_text_a_spreadsheet_would_run_is_guarded_and_comes_back_as_it_was():
    names = np.array(["=1+1", "'=1+1", "''-2", " @x", "'plain'", "-0.5", "scan.png"])
    n = len(names)
    table = CaseTable(names, names[::-1], np.zeros(n, int), np.ones((n, 1)), ("a",), {"+site": names})
    text = format_cases(table)
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert not [c for c in cells if c.lstrip().startswith(("=", "+", "-", "@"))]
    again = parse_cases(text)
    assert again.case.tolist() == names.tolist()
    assert again.group.tolist() == names[::-1].tolist()
    assert again.attributes["+site"].tolist() == names.tolist()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "case,group\n",
        "case,group,truth\na,b,c\n",
        "case,group,truth,prob:a\n1,1,b,0.5\n",
        "case,group,truth,prob:a\n1,1,a,x\n",
        "case,group,truth,prob:a,truth\n1,1,a,1,b\n",
    ],
)
def test_a_damaged_case_table_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 - csv and numpy word it differently
        parse_cases(text)


def test_attributes_named_as_other_columns_stay_attributes():
    """A second reader's `truth` is no truth, and a column `prob:x` no probability."""
    names = ("truth", "case", "group", "prob:x", "attribute:truth", "device")
    attributes = {name: np.array([f"{name} 1", f"{name} 2"]) for name in names}
    table = CaseTable(
        np.array(["a", "b"]),
        np.array(["g", "h"]),
        np.array([0, 1]),
        np.array([[0.9, 0.1], [0.2, 0.8]]),
        ("x", "y"),
        attributes,
    )
    back = parse_cases(format_cases(table))
    assert back.truth.tolist() == [0, 1]
    assert back.case.tolist() == ["a", "b"]
    assert set(back.attributes) == set(names)
    assert all(back.attributes[name].tolist() == attributes[name].tolist() for name in names)
