"""What was measured of a model: its evaluation, the cases, how its heatmaps pointed."""

from pathlib import Path

from medcls.core.case_csv import format_cases, parse_cases
from medcls.core.evaluation import CaseTable, Evaluation
from medcls.core.model import ModelCard
from medcls.core.pointing import PointingRecord
from medcls.errors import BadModel, MedclsError
from medcls.models.folders import CASES, EVALUATION, POINTING, digest, folder, read_card


def read_evaluation(model: str | Path) -> Evaluation | None:
    """Read what was measured of a model; None if nothing was.

    Raises:
        BadModel: If there is no such model, or the file is there and cannot be used.
    """
    path = model if isinstance(model, Path) else folder(model)
    if not (path / EVALUATION).exists():
        return None
    try:
        return Evaluation.from_json((path / EVALUATION).read_bytes(), where=f"{path.name}/{EVALUATION}")
    except (OSError, MedclsError) as error:
        raise BadModel(
            f"The evaluation of model {path.name} cannot be used", found=str(error).rstrip("."), do="Evaluate it again"
        ) from error


def read_cases(model: str | Path) -> CaseTable | None:
    """Read the cases a model was measured on; None if none were kept.

    Raises:
        BadModel: If there is no such model, or the file is there and cannot be used.
    """
    path = model if isinstance(model, Path) else folder(model)
    if not (path / CASES).exists():
        return None
    try:
        return parse_cases((path / CASES).read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError) as error:
        raise BadModel(
            f"The cases of model {path.name} cannot be read", found=str(error)[:120], do="Evaluate it again"
        ) from error


def write_evaluation(path: Path, evaluation: Evaluation, cases: CaseTable) -> None:
    """Write an evaluation and its cases into a model folder that is being built."""
    (path / EVALUATION).write_text(evaluation.to_json(), encoding="utf-8")
    (path / CASES).write_text(format_cases(cases), encoding="utf-8")


def read_pointing(model: str | Path) -> PointingRecord:
    """Read how a model's heatmaps pointed at lesions; without any study if none was kept.

    Raises:
        BadModel: If there is no such model, or the file is there and cannot be used, or is not the one that the card vouches for.
    """
    path = model if isinstance(model, Path) else folder(model)
    if not (path / POINTING).exists():
        return PointingRecord()
    if not has_whole_pointing(path, read_card(path)):
        raise BadModel(
            f"The heatmap studies of model {path.name} are not those its card vouches for, and are left out",
            do="Run `explain-test --into-card` again; the model's answers do not depend on them",
        )
    return parse_pointing(path)


def has_whole_pointing(path: Path, card: ModelCard) -> bool:
    """Say whether a model folder holds the heatmap studies that its card vouches for."""
    try:
        return digest(path / POINTING) == card.files.get(POINTING)
    except OSError:
        return False


def parse_pointing(path: Path) -> PointingRecord:
    """Return the heatmap studies kept in a model folder.

    Raises:
        BadModel: If the file cannot be read or is not such a record.
    """
    try:
        return PointingRecord.from_json((path / POINTING).read_bytes(), where=f"{path.name}/{POINTING}")
    except (OSError, MedclsError) as error:
        raise BadModel(
            f"The heatmap studies of model {path.name} cannot be used",
            found=str(error).rstrip("."),
            do="Run `explain-test --into-card` again after deleting the file",
        ) from error


def vouched_pointing(path: Path, card: ModelCard) -> PointingRecord:
    """Give a folder's heatmap studies; none where they are not those of the card."""
    return parse_pointing(path) if has_whole_pointing(path, card) else PointingRecord()
