"""How often a model's heatmaps point at the lesion: asked for by a person, shown, kept beside the model."""

from medcls.core.model import ModelCard
from medcls.core.pointing import PointingStudy, pointing_table
from medcls.core.progress import Progress, silent
from medcls.evaluation.pointing import METHODS_MEASURED, Asked
from medcls.models.publishing import add_pointing
from medcls.words import say
from medcls.workflows.acts import act

__all__ = ["METHODS_MEASURED", "Asked"]


def measure(model_id: str, collection: str, asked: Asked, progress: Progress = silent) -> PointingStudy:
    """Measure how a model's heatmaps point at lesions, on the cases of groups that it never learned from.

    Args:
        model_id: The model.
        collection: Name of a labelled collection with masks.
        asked: Which heatmaps, on which cases.
        progress: Called with cases done and cases in all.

    Raises:
        BadModel: If the model is missing or damaged.
        BadData: If the collection is missing, or no case is left.
        MedclsError: If a method is unknown or does not work on this network.
    """
    from medcls.data.sources import whole_sources
    from medcls.evaluation.pointing import measure_pointing
    from medcls.models.opening import open_model

    classifier = open_model(model_id)
    opened = whole_sources((collection,), classifier.card.task, classifier.card.label_map).collections[0]
    return measure_pointing(opened, classifier, asked, progress)


def table(study: PointingStudy) -> str:
    """Return a study as Markdown: what was measured, the table, its notes."""
    title = say("workflows.pointing-title", {"model": study.model, "about": study.about})
    return "\n\n".join([title, pointing_table(study), *map(str, study.notes)]) + "\n"


@act("build", "model.keep")
def keep(study: PointingStudy) -> ModelCard:
    """Keep a study in its model's folder, vouched for by the card, shown in its README and on the Models page.

    Args:
        study: From `measure`; it takes the place of an earlier one of the same collection, label and layer.

    Raises:
        BadModel: If the model is missing, or its kept studies cannot be read.
        Conflict: If its folder cannot be written.
    """
    return add_pointing(study)
