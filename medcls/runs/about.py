"""Tags and a note that a person gives a run. The page and the command line write them, never the worker."""

from dataclasses import dataclass

from medcls import disk
from medcls.core.note import Note
from medcls.core.record import Record
from medcls.errors import BadSpec, Conflict, MedclsError
from medcls.runs.folder import RunFolder

MOST_TAGS, MOST_LETTERS, MOST_NOTE = 20, 40, 2000


@dataclass(frozen=True)
class About(Record):
    """Tags and a note.

    Args:
        tags: Short words to find runs by, each once.
        note: What is worth knowing of the run, several lines at most.
    """

    tags: tuple[str, ...] = ()
    note: str = ""
    schema: int = 1

    def __post_init__(self) -> None:
        longest = max((len(tag) for tag in self.tags), default=0)
        if len(self.tags) > MOST_TAGS or longest > MOST_LETTERS or not all(t.isprintable() and t for t in self.tags):
            found = Note("runs.found-tags", n=len(self.tags), longest=longest)
            raise BadSpec("runs.wrong-tags", found=found, most=MOST_TAGS, letters=MOST_LETTERS)
        if len(self.note) > MOST_NOTE:
            raise BadSpec("runs.long-note", found=f"{len(self.note):,} characters", most=MOST_NOTE)


def read_about(run: RunFolder) -> About:
    """Return what was said of a run; nothing if nobody did or it cannot be read: a list of runs must not fail by it."""
    try:
        return About.read(run.path / "about.json", f"{run.id}/about.json")
    except (FileNotFoundError, MedclsError):
        return About()


def write_about(run: RunFolder, tags: tuple[str, ...], note: str, seen: About | None = None) -> About:
    """Keep what is said of a run, in place of what was.

    Args:
        run: The run.
        tags: Short words; blanks around them and repeats are dropped.
        note: A person's own words; empty for none.
        seen: What the person changed, if somebody else may have written meanwhile: their tags then stay. None to
            replace whatever stands there.

    Raises:
        BadSpec: If there are too many tags, one is too long or not printable, or the note is too long.
        Conflict: If the person and somebody else changed the note.
    """
    asked = About(tuple(dict.fromkeys(tag.strip() for tag in tags if tag.strip())), note.strip())
    with disk.locked(run.path):
        about = asked if seen is None else _changed(read_about(run), seen, asked)
        disk.write_atomically(run.path / "about.json", about.to_json().encode())
    return about


def _changed(now: About, seen: About, asked: About) -> About:
    """Return what stands now with the changes from what was seen to what is asked for."""
    kept = [tag for tag in asked.tags if tag in now.tags or tag not in seen.tags]
    others = [tag for tag in now.tags if tag not in seen.tags and tag not in asked.tags]
    if asked.note != seen.note and now.note not in (seen.note, asked.note):
        raise Conflict("runs.note-changed", found=now.note[:200])
    return About((*kept, *others), now.note if asked.note == seen.note else asked.note)
