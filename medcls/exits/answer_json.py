"""The answer as one JSON object: what `classify --json` prints, with the reading and what it took to get there."""

import json

from medcls.exits.case import Case, Mode


def make(case: Case, mode: Mode) -> bytes:
    """Return the answer as JSON in UTF-8.

    Args:
        case: The case, having passed the gate.
        mode: `record` or `others`.
    """
    return (json.dumps(row_of(case), ensure_ascii=False, allow_nan=False, indent=2) + "\n").encode("utf-8")


def row_of(case: Case) -> dict[str, object]:
    """Return the answer as plain values, in the order a table shows them."""
    p = case.prediction
    return {
        "file": case.file_name,
        "model": case.card.id,
        "model_sha256": case.model_sha256,
        "labels": list(p.labels),
        "prob": [float(v) for v in p.prob],
        "decided": p.decided,
        "unfamiliarity": p.unfamiliarity,
        "notes": [str(note) for note in (*p.notes, *case.scan.history)],
        "sha256": p.sha256,
        "read_before": case.reading.before,
        "read_after": case.reading.after,
        "comment": case.reading.comment,
        "made_at": case.made_at.isoformat(timespec="seconds"),
        "made_by": case.made_by,
    }
