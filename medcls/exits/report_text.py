"""The report as plain text, to be pasted into another system."""

from medcls.exits.case import Case, Mode
from medcls.exits.sheet import sheet_of


def make(case: Case, mode: Mode) -> bytes:
    """Return the report as UTF-8 text.

    Args:
        case: The case, having passed the gate.
        mode: `record` or `others`.
    """
    sheet = sheet_of(case, mode)
    width = max((len(bar.name) for bar in sheet.bars), default=0)
    lines = [sheet.title, sheet.notice, ""]
    if sheet.patient:
        lines += [sheet.patient.heading, *(f"  {line}" for line in sheet.patient.lines), ""]
    lines.append(f"{sheet.lead} {sheet.answer}")
    lines += [f"  {bar.name:<{width}}  {bar.shown}" for bar in sheet.bars]
    for part in sheet.parts:
        lines += ["", part.heading, *(f"  {line}" for line in part.lines)]
    return ("\n".join([*lines, "", sheet.notice]) + "\n").encode("utf-8")
