"""A table of answered cases as CSV, and back without loss: what stands in a model's `cases.csv`."""

import csv
import io

import numpy as np

from medcls.core.evaluation import CaseTable
from medcls.core.spreadsheet import guard, unguard

_FIXED_COLUMNS = ("case", "group", "truth")
_PROB, _ATTRIBUTE = "prob:", "attribute:"  # what a column's name starts with; an attribute's only where it would clash


def format_cases(cases: CaseTable) -> str:
    """Return the cases as CSV text: case, group, truth, one `prob:<label>` column per label, then attributes.

    Probabilities are written with 17 significant digits, so that reading gives the same numbers; text that a
    spreadsheet would take for a formula is kept text, which reading undoes. An attribute with the name of another
    column is written `attribute:<name>`.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = tuple(cases.attributes)
    writer.writerow([*_FIXED_COLUMNS, *(f"{_PROB}{label}" for label in cases.labels), *map(guard, map(_column, names))])
    for i in range(len(cases)):
        prob = (f"{p:.17g}" for p in cases.prob[i])
        who = map(guard, map(str, (cases.case[i], cases.group[i], cases.labels[cases.truth[i]])))
        writer.writerow([*who, *prob, *(guard(str(cases.attributes[n][i])) for n in names)])
    return out.getvalue()


def _column(attribute: str) -> str:
    clashes = attribute in _FIXED_COLUMNS or attribute.startswith((_PROB, _ATTRIBUTE))
    return f"{_ATTRIBUTE}{attribute}" if clashes else attribute


def parse_cases(text: str) -> CaseTable:
    """Read what `format_cases` wrote.

    Raises:
        ValueError: If a column or a label is missing, a column stands twice, or a number cannot be read.
    """
    reader = csv.DictReader(io.StringIO(text))
    names = reader.fieldnames or []
    labels = tuple(name.removeprefix(_PROB) for name in names if name.startswith(_PROB))
    if not set(_FIXED_COLUMNS) <= set(names) or not labels:
        raise ValueError(f"columns are {', '.join(names)[:80]}")
    if len(set(names)) < len(names):
        raise ValueError(f"a column stands twice: {', '.join(names)[:80]}")
    rows = [{name: unguard(value or "") for name, value in row.items() if name is not None} for row in reader]
    extra = [name for name in names if name not in _FIXED_COLUMNS and not name.startswith(_PROB)]
    prob = np.array([[float(row[f"{_PROB}{label}"]) for label in labels] for row in rows], dtype=np.float64).reshape(
        -1, len(labels)
    )
    columns = {
        unguard(name).removeprefix(_ATTRIBUTE): np.array([row[name] for row in rows], dtype=str) for name in extra
    }
    case, group = (np.array([row[name] for row in rows], dtype=str) for name in ("case", "group"))
    return CaseTable(
        case, group, np.array([labels.index(row["truth"]) for row in rows], dtype=np.int64), prob, labels, columns
    )
