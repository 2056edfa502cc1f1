"""Usable models with their measurements, and what is wrong with the others."""

from math import isnan, nan
from pathlib import Path

from medcls.core.evaluation import CaseTable, Estimate, Evaluation
from medcls.core.model import ModelCard
from medcls.core.outcome import Outcome
from medcls.core.pointing import PointingStudy
from medcls.errors import MedclsError
from medcls.exits import leave
from medcls.exits.case import Mode
from medcls.exits.nameless import nameless_evaluation
from medcls.exits.subjects import Markdown
from medcls.models import store
from medcls.models.card_text import describe_data, describe_input, describe_origin
from medcls.tasks import recommended
from medcls.words import say
from medcls.workflows.acts import act
from medcls.workflows.doubt import doubts_of
from medcls.workflows.marked import put_between_marks


def list_models(task_id: str | None = None, *, retired: bool = False) -> tuple[ModelCard, ...]:
    """Return the cards of all usable models.

    Args:
        task_id: Only those answering this task; None for all.
        retired: True to include models no longer offered.
    """
    return tuple(card for card in store.list_cards(retired=retired) if task_id in (None, card.task.id))


def count_orientations(card: ModelCard) -> int:
    """Return in how many orientations a model asks a scan; of a mean, the most that one of its networks does."""
    cards = store.list_cards(retired=True) if card.is_mean else (card,)
    return max((one.preprocess.orientations for one in cards if one.id in card.networks), default=1)


def every_model(*, retired: bool = False) -> tuple[Outcome[ModelCard], ...]:
    """Return every installed model by id: its card, or what is wrong with it.

    Args:
        retired: True to include models no longer offered.
    """
    return store.list_models(retired=retired)


def broken_models() -> dict[str, MedclsError]:
    """Return the model folders that cannot be used, with the reason."""
    return {outcome.name: outcome.error for outcome in store.list_models() if outcome.error is not None}


def show_model(model_id: str) -> tuple[ModelCard, str]:
    """Return what is said of a model.

    Returns:
        Its card, and its text for people (Markdown).

    Raises:
        BadModel: If there is no such model.
    """
    card = store.read_card(model_id)
    return card, store.readme(model_id)


def describe_making(card: ModelCard) -> tuple[str, str, str]:
    """Return texts on how a model came to be.

    Returns:
        How it was made, on which data, and how scans are fed to it.
    """
    return describe_origin(card), describe_data(card), describe_input(card)


def evaluation_of(model_id: str) -> Evaluation | None:
    """Return what was measured of a model when it was published; None if nothing was.

    Raises:
        BadModel: If there is no such model or the file cannot be used.
    """
    return store.read_evaluation(model_id)


def pointing_of(model_id: str) -> tuple[PointingStudy, ...]:
    """Return how a model's heatmaps pointed at lesions, as `pointing.keep` kept it; nothing if it was not measured.

    Raises:
        BadModel: If there is no such model or the file cannot be used.
    """
    return store.read_pointing(model_id).studies


def cases_of(model_id: str) -> CaseTable | None:
    """Return the cases a model was measured on; None if none were kept.

    Raises:
        BadModel: If there is no such model or the file cannot be used.
    """
    return store.read_cases(model_id)


@act("approve", "model.retire", "model_id")
def retire(model_id: str, reason: str) -> ModelCard:
    """Take a model off the lists without deleting it; an empty reason puts it back.

    Raises:
        BadModel: If there is no such model.
    """
    return store.update_card(model_id, retired=reason)


TABLES = {False: "shipped models", True: "recommended models"}  # names of their markers in a Markdown file


def describe_models(only_recommended: bool = False, name_sites: bool = True) -> str:
    """Return the models and what was measured of each as a Markdown table, a line for every site, one never seen first.

    Args:
        only_recommended: True for only those recommended for their task.
        name_sites: False to number sites; collections, which every card names, are named all the same.
    """
    rows = [say("workflows.models-columns"), "|---|---|---|---|---|---|---|---|"]
    for card in store.list_cards():
        if only_recommended and card.id != recommended(card.task.id):
            continue
        measured = Outcome.of(card.id, lambda card=card: (store.read_evaluation(card.id), doubts_of(card.id)))  # type: ignore[misc]
        evaluation, doubts = measured.value or (None, ())
        head = f"| `{card.id}` | {card.backbone}, {card.n_parameters / 1e6:.1f}"
        if evaluation is None:
            rows.append(f"{head} | {measured.error or say('workflows.models-unmeasured')} |" + " |" * 5)
            continue
        held = {one.site: one.curve.doubtful_share for one in doubts}
        for one in (evaluation if name_sites else nameless_evaluation(evaluation)).by_site():
            site = say("workflows.models-never-seen", {"site": one.site}) if one.never_seen else one.site
            cells = [_cell(one.scores.get(score)) for score in ("auroc_disease", "sensitivity", "specificity")]
            share = nan if one.never_seen else held.get(one.site, nan)  # the cases of a site never seen are not kept
            cells += ["–" if isnan(share) else f"{share:.2f}", str(one.disease.n if one.disease else 0)]
            rows.append(f"{head} | {site} | " + " | ".join(cells) + " |")
    return "\n".join(rows) + "\n"


def _cell(estimate: Estimate | None) -> str:
    if estimate is None or estimate.value != estimate.value:
        return "–"
    return f"{estimate.value:.2f} ({estimate.low:.2f}–{estimate.high:.2f})"


def write_table(path: Path, only_recommended: bool = False, mode: Mode = "record") -> None:
    """Put the table of models between its two markers in a Markdown file (see `marked.marks`).

    Args:
        path: The file.
        only_recommended: True for only those recommended for their task.
        mode: `record`; or `others`, where sites are numbered.

    Raises:
        MedclsError: If the file cannot be read or lacks the markers.
        Conflict: If it cannot be written.
    """
    table = Markdown("models", lambda names: describe_models(only_recommended, names))
    put_between_marks(path, TABLES[only_recommended], leave("markdown", table, mode).data.decode())
