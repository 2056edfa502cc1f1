"""What shifts of a scan do to a model's answers: measured on labelled scans, kept with the model."""

from medcls.core.collection import Selection
from medcls.core.model import ModelCard
from medcls.core.progress import Progress, silent
from medcls.core.stress import StressStudy
from medcls.models import store
from medcls.workflows.acts import act


def measure(
    model_id: str,
    wanted: Selection,
    *,
    shifts: tuple[str, ...] = (),
    progress: Progress = silent,
) -> StressStudy:
    """Measure a model under every shift of its modality, at three strengths.

    Args:
        model_id: The model.
        wanted: Which cases.
        shifts: Names of shifts; none for all that scans of the modality meet.
        progress: Called with cases done and cases in all.

    Raises:
        BadModel: If the model is missing or damaged.
        BadData: If a collection is missing or has no such case, or a shift is unknown.
    """
    from medcls.core.shifts import SHIFTS
    from medcls.errors import BadData
    from medcls.evaluation.asking import cases_for
    from medcls.evaluation.stress import stress
    from medcls.models.opening import open_model

    if unknown := [name for name in shifts if name not in SHIFTS]:
        raise BadData("workflows.unknown-shift", found=", ".join(unknown)[:80], allowed=", ".join(SHIFTS))
    model = open_model(model_id)
    return stress(model, cases_for(model, wanted), wanted, shifts=shifts, on_case=progress)


@act("build", "model.keep")
def keep(study: StressStudy) -> ModelCard:
    """Keep a study beside its model: it takes the place of an earlier one of the same collections and part.

    Raises:
        BadModel: If there is no such model, or the studies kept here are damaged.
        Conflict: If they cannot be written.
    """
    return store.add_stress(study)


def stress_of(model_id: str) -> tuple[StressStudy, ...]:
    """Return the stress studies of a model; none if it was not measured.

    Raises:
        BadModel: If there is no such model or the studies cannot be used.
    """
    return store.ModelFolder.find(model_id).stress().studies
