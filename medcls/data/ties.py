"""What belongs together, said pair by pair."""

from collections import defaultdict


class Ties:
    """Names that are tied to one another, also over others between them."""

    def __init__(self) -> None:
        self._above: dict[str, str] = {}

    def tie(self, a: str, b: str) -> None:
        """Say that two names belong together."""
        self._above[self.top(b)] = self.top(a)

    def top(self, name: str) -> str:
        """Return the one name that all of a whole have in common; a name that is tied to none has itself."""
        top = name
        while (above := self._above.setdefault(top, top)) != top:
            top = above
        while name != top:
            self._above[name], name = top, self._above[name]
        return top

    def wholes(self) -> list[list[str]]:
        """Return the names of each whole, in the order in which they were met."""
        wholes: defaultdict[str, list[str]] = defaultdict(list)
        for name in list(self._above):
            wholes[self.top(name)].append(name)
        return list(wholes.values())
