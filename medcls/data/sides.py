"""The side that a name says, left or right, in the languages people keep their sets in."""

from medcls.data.lexicon import LEFT, RIGHT
from medcls.data.vocabulary import holds


def side_of(text: str) -> str:
    """Return the side that a name says, `left` or `right`; empty if it says none or both.

    Example:
        >>> side_of("dx_left"), side_of("case001R"), side_of("오른쪽"), side_of("benign")
        ('left', 'right', 'right', '')
    """
    said = {side for side, words in (("left", LEFT), ("right", RIGHT)) if holds(text, words)}
    return said.pop() if len(said) == 1 else ""


def side_in(path: str) -> str:
    """Return the side that a picture's path says, the name nearest to its end first; empty if none does."""
    name = path.rpartition("/")[2]
    names = [name.rpartition(".")[0] or name, *reversed(path.split("/")[:-1])]
    return next((side for one in names if (side := side_of(one))), "")
