"""What was measured of a model, in its folder: its evaluation, the cases, how its heatmaps pointed."""

import hashlib
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from medcls import disk
from medcls.core.case_csv import format_cases, parse_cases
from medcls.core.evaluation import CaseTable, Evaluation
from medcls.core.model import ModelCard
from medcls.core.pointing import PointingRecord
from medcls.core.record import read_bounded
from medcls.core.stress import StressRecord
from medcls.core.studies import Studies
from medcls.errors import BadModel, MedclsError
from medcls.models.layout import CASES, EVALUATION, POINTING, STRESS

S = TypeVar("S", bound=Studies)


def read_evaluation(path: Path) -> Evaluation | None:
    """Return the evaluation in a model folder; None if there is none.

    Raises:
        BadModel: If the file is there and cannot be used.
    """
    if not (path / EVALUATION).exists():
        return None
    try:
        return _parse_evaluation(read_bounded(path / EVALUATION, EVALUATION), f"{path.name}/{EVALUATION}")
    except (OSError, MedclsError, ValueError, TypeError) as error:
        raise BadModel("models.bad-evaluation", model=path.name, found=str(error).rstrip(".")[:400]) from error


@lru_cache(maxsize=64)
def _parse_evaluation(data: bytes, where: str) -> Evaluation:
    """Return an evaluation from its bytes, made once: the answer's card asks for it with every click."""
    return Evaluation.from_json(data, where=where)


def read_cases(path: Path) -> CaseTable | None:
    """Return the cases in a model folder; None if none were kept.

    Raises:
        BadModel: If the file is there and cannot be used.
    """
    file = path.absolute() / CASES
    try:
        found = file.stat()
        kept = _parse_cases(file, found.st_mtime_ns, found.st_size)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError) as error:
        raise BadModel("models.bad-cases", model=path.name, found=str(error)[:120]) from error
    return replace(kept, attributes=dict(kept.attributes))  # the arrays are frozen, a dictionary is not


@lru_cache(maxsize=32)
def _parse_cases(file: Path, changed_ns: int, size: int) -> CaseTable:
    """Read a file of cases, once for the same state of it: pages ask again with every click."""
    return parse_cases(disk.read_file(file).decode())


def write_evaluation(path: Path, evaluation: Evaluation, cases: CaseTable) -> None:
    """Write an evaluation and its cases into a folder that is being built.

    Args:
        path: The folder; nobody else reads it yet.
        evaluation: What was measured.
        cases: The cases it rests on.
    """
    (path / EVALUATION).write_text(evaluation.to_json(), encoding="utf-8")
    (path / CASES).write_text(format_cases(cases), encoding="utf-8")


def is_vouched(path: Path, card: ModelCard, name: str) -> bool:
    """Return whether a model folder holds a file and its card vouches for it.

    Args:
        path: The model folder.
        card: Its card.
        name: Name of the file in it.
    """
    try:
        return hashlib.sha256(disk.read_file(path / name)).hexdigest() == card.files.get(name)
    except OSError:
        return False


def _read_studies(path: Path, card: ModelCard, kind: type[S], unvouched: str, unreadable: str) -> S:
    """Return the studies of a file in a model folder; without any if there is no such file.

    Args:
        path: The file.
        card: The model's card.
        kind: What the file holds.
        unvouched: Code of the error if it is not the file that the card vouches for.
        unreadable: Code of the error if it cannot be used.
    """
    model = path.parent.name
    if not path.exists():
        return kind()
    if not is_vouched(path.parent, card, path.name):
        raise BadModel(unvouched, model=model)
    try:
        return kind.read(path)
    except (OSError, MedclsError) as error:
        raise BadModel(unreadable, model=model, found=str(error).rstrip(".")) from error


def read_stress(path: Path, card: ModelCard) -> StressRecord:
    """Return the stress studies in a model folder; without any if there is no such file.

    Raises:
        BadModel: If the file is there and cannot be used, or is not the one that the card vouches for.
    """
    return _read_studies(path / STRESS, card, StressRecord, "models.other-stress", "models.bad-stress")


def read_pointing(path: Path, card: ModelCard) -> PointingRecord:
    """Return the heatmap studies in a model folder; without any if there is no such file.

    Raises:
        BadModel: If the file is there and cannot be used, or is not the one that the card vouches for.
    """
    return _read_studies(path / POINTING, card, PointingRecord, "models.other-pointing", "models.bad-pointing")
