"""An evaluation card that goes by mail: figures of one check, signed; it holds no picture, name of a patient or row."""

from medcls.core.letter import Letter
from medcls.evaluation.letters import sign
from medcls.exits.case import Mode


def make(letter: Letter, mode: Mode) -> bytes:
    """Return a letter, signed with this machine's key, as JSON in UTF-8.

    Args:
        letter: The letter; what the site and its maker call themselves in it was typed for others to read.
        mode: `record` or `others`.
    """
    return sign(letter).to_json().encode("utf-8")
