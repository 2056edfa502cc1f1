"""Models on disk by id or folder, in one place for whoever needs a single thing of one; see `ModelFolder`."""

from pathlib import Path

from medcls.core.evaluation import CaseTable, Evaluation
from medcls.core.model import ModelCard
from medcls.core.pointing import PointingRecord
from medcls.models.folder import ModelFolder, check_member, digest, id_exists, list_cards, list_models, same_model
from medcls.models.layout import (
    CARD,
    CASES,
    CONFIG,
    EVALUATION,
    FEATURES,
    FILES,
    POINTING,
    README,
    SEEN,
    STRESS,
    STUDIES,
    WEIGHTS,
)
from medcls.models.learned import NO_RECORD, read_reference, seen_key, write_reference, write_seen
from medcls.models.measured import write_evaluation
from medcls.models.publishing import add_pointing, add_stress, change_card, publish, seal, update_card

__all__ = (
    "CARD",
    "CASES",
    "CONFIG",
    "EVALUATION",
    "FEATURES",
    "FILES",
    "NO_RECORD",
    "POINTING",
    "README",
    "SEEN",
    "STRESS",
    "STUDIES",
    "WEIGHTS",
    "ModelFolder",
    "add_pointing",
    "add_stress",
    "change_card",
    "check_member",
    "digest",
    "folder",
    "id_exists",
    "list_cards",
    "list_models",
    "publish",
    "read_card",
    "read_cases",
    "read_evaluation",
    "read_pointing",
    "read_reference",
    "read_seen",
    "readme",
    "same_model",
    "seal",
    "seen_key",
    "update_card",
    "verify",
    "write_evaluation",
    "write_reference",
    "write_seen",
)


def folder(model_id: str) -> Path:
    """Return the folder of an installed model; see `ModelFolder.find`."""
    return ModelFolder.find(model_id).path


def read_card(model: str | Path) -> ModelCard:
    """Return a model's card with what was changed here; see `ModelFolder.card`."""
    return ModelFolder.of(model).card()


def verify(path: Path, only: str | None = None) -> ModelCard:
    """Check the files of a model folder; see `ModelFolder.verify`."""
    return ModelFolder(path).verify(only)


def read_evaluation(model: str | Path) -> Evaluation | None:
    """Return what was measured of a model; see `ModelFolder.evaluation`."""
    return ModelFolder.of(model).evaluation()


def read_cases(model: str | Path) -> CaseTable | None:
    """Return the cases a model was measured on; see `ModelFolder.cases`."""
    return ModelFolder.of(model).cases()


def read_pointing(model: str | Path) -> PointingRecord:
    """Return how a model's heatmaps pointed at lesions; see `ModelFolder.pointing`."""
    return ModelFolder.of(model).pointing()


def read_seen(model: str | Path) -> frozenset[str]:
    """Return which scans a model was trained or tuned on; see `ModelFolder.seen`."""
    return ModelFolder.of(model).seen()


def readme(model_id: str) -> str:
    """Return a model's card as a person reads it; see `ModelFolder.readme`."""
    return ModelFolder.find(model_id).readme()
