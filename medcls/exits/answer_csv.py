"""The answer as a line of CSV that a spreadsheet may open safely."""

import csv
import io

from medcls.core.spreadsheet import guard
from medcls.exits.answer_json import row_of
from medcls.exits.case import Case, Mode


def make(case: Case, mode: Mode) -> bytes:
    """Return a header and one line, UTF-8 with a byte-order mark; a refusal has no probabilities.

    Args:
        case: The case, having passed the gate.
        mode: `record` or `others`.
    """
    row = row_of(case)
    told = zip(case.prediction.labels, case.prediction.prob, strict=True)
    prob = {f"prob:{label}": f"{p:.6f}" if case.numbers else "" for label, p in told}
    flat = {k: v for k, v in row.items() if k not in ("labels", "prob", "notes")}
    flat |= prob | {"notes": "; ".join(str(note).rstrip(".") for note in case.prediction.notes)}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([guard(name) for name in flat])
    writer.writerow([guard("" if value is None else value) for value in flat.values()])
    return ("\ufeff" + out.getvalue()).encode("utf-8")
