"""What translators made: their sheets, their pictures, and which runs may learn from them. Loads no torch."""

from dataclasses import dataclass

from medcls.core.made import MadeSet
from medcls.core.record import read_bounded
from medcls.core.run import RunSpec
from medcls.data.made import read_record
from medcls.errors import BadData, MedclsError
from medcls.reproduction.recipes import apply_recipe
from medcls.runs.folder import open_run
from medcls.runs.made import list_makers

_BEGINNING = "fine-tune"


@dataclass(frozen=True, eq=False)
class Maker:
    """A run that has made pictures.

    Args:
        run: Its id.
        name: What a person calls it.
        made: What it made.
    """

    run: str
    name: str
    made: MadeSet


def list_made(collections: tuple[str, ...] = ()) -> tuple[Maker, ...]:
    """Return the runs that have made pictures, the newest first; one that cannot be read is told of where it is shown.

    Args:
        collections: Only runs of these collections; empty for all.
    """
    found = []
    for run in list_makers():
        try:
            made = read_record(run.made, run.id)
            if not collections or set(made.fingerprints) == set(collections):
                found.append(Maker(run.id, run.name(), made))
        except MedclsError:
            continue
    return tuple(found)


def read_made_set(run_id: str) -> MadeSet:
    """Return what a translator's run made.

    Raises:
        BadSpec: If there is no such run.
        BadData: If it has made nothing yet.
        BadRecord: If its record is damaged.
    """
    run = open_run(run_id)
    return read_record(run.made, run.id)


def spec_to_learn(run_id: str) -> RunSpec:
    """Return a good beginning for a run that learns from what a translator made: the same scans, made ready alike.

    Args:
        run_id: The translator's run.

    Raises:
        BadSpec: If there is no such run.
        BadData: If it has made nothing yet.
    """
    made = read_made_set(run_id)
    same = ("task", "collections", "label_map", "split", "fold", "leave_out", "max_cases", "size_px", "fit", "cleaning")
    begin = apply_recipe(RunSpec(), _BEGINNING)
    return begin.having(made_from=made.run, **{name: getattr(made.asked, name) for name in same})


def list_sheets(run_id: str) -> tuple[int, ...]:
    """Return the epochs of which a run has a sheet of samples.

    Raises:
        BadSpec: If there is no such run.
    """
    return tuple(open_run(run_id).sheets())


def read_sheet(run_id: str, epoch: int) -> bytes:
    """Return the sheet of an epoch as a PNG; what was made is marked on it.

    Raises:
        BadSpec: If there is no such run.
        BadData: If there is no such sheet.
        BadRecord: If it cannot be read.
    """
    run = open_run(run_id)
    path = run.sheets().get(epoch)
    try:
        if path:
            return read_bounded(path, f"{run.id}/{path.name}")
    except FileNotFoundError:  # deleted between the list and the look
        pass
    raise BadData("workflows.no-such-sheet", run=run.id, epoch=epoch)
