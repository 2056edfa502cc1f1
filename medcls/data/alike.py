"""Pictures by their names, so that a text named after one finds it."""

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping

_MOST_ALIKE = 1000


def stem_of(path: str) -> str:
    """Return the name of a file without its ending."""
    return os.path.splitext(path.rpartition("/")[2])[0]


class Alike:
    """Pictures of one name, by their folders."""

    def __init__(self) -> None:
        self._of: dict[str, list[str]] = {}
        self._with: defaultdict[str, list[str]] = defaultdict(list)
        self._all: list[str] = []

    def add(self, path: str) -> None:
        """Add a picture."""
        folder = path.rpartition("/")[0]
        self._all.append(path)
        self._of.setdefault(folder, []).append(path)
        for name in set(folder.split("/")):
            self._with[name].append(path)

    def nearest(self, text: str) -> str:
        """Return the picture in the folder of a text, or else that in most folders of its names; empty if unclear."""
        folder = text.rpartition("/")[0]
        names = set(folder.split("/"))
        near = self._of.get(folder) or min(
            (self._with[n] for n in names if n in self._with), key=len, default=self._all
        )
        if len(near) == 1 or len(near) > _MOST_ALIKE:
            return near[0] if len(near) == 1 else ""
        shared = {path: len(names & set(path.split("/")[:-1])) for path in near}
        most = max(shared.values())
        best = [path for path, n in shared.items() if n == most]
        return best[0] if len(best) == 1 else ""


def named_after(pictures: Iterable[str], texts: Iterable[str]) -> Mapping[str, Alike]:
    """Return the pictures that texts are named after, by what comes before a text's ending: `a` of `a.png`, or `a.png`.

    Args:
        pictures: The pictures.
        texts: Texts; what is named after none of them is left out.
    """
    wanted = {stem_of(text) for text in texts}
    found: dict[str, Alike] = {}
    for path in pictures if wanted else ():
        for name in (stem_of(path), path.rpartition("/")[2]):
            if name in wanted:
                found.setdefault(name, Alike()).add(path)
    return found
