"""Leaving sites out: a network for every site that never saw it, and what that says of the one trained on all."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from medcls.core.evaluation import CaseTable, Estimate
from medcls.core.run import RunSpec
from medcls.errors import BadData
from medcls.evaluation.risk import far_auroc
from medcls.evaluation.scoring import join_tables
from medcls.models.folder import ModelFolder
from medcls.runs.folder import open_run
from medcls.workflows.train import train

if TYPE_CHECKING:
    from medcls.runs.make import Follow

EACH = "each"  # what a spec's `leave_out` is for a run of every site
KEPT = ("auroc_disease", "auroc", "sensitivity", "specificity", "brier", "ece")


def sites_left_out(spec: RunSpec) -> tuple[str, ...]:
    """Return the sites that a spec asks to leave out, one run each.

    Raises:
        BadData: If a collection is missing, it has no such site, or there is but one.
    """
    from medcls.data.collections import open_collection
    from medcls.data.sources import check_site, sites_of

    sites = sites_of([open_collection(name) for name in spec.data.collections])
    asked = sites if spec.data.leave_out == EACH else (spec.data.leave_out,)
    for site in asked:
        check_site(site, sites)
    return asked


def train_without(spec: RunSpec, follow: "Follow | None" = None) -> dict[str, str]:
    """Carry out a run for every site that a spec leaves out, here and now.

    Args:
        spec: What the runs share; its `leave_out` is a site or `each`.
        follow: Who is told.

    Returns:
        Id of each site's run.

    Raises:
        MedclsError: As `train`.
    """
    found: dict[str, str] = {}
    for site in sites_left_out(spec):
        name = f"{spec.name or spec.network.backbone}, without {site}"
        found[site], _ = train(spec.having(leave_out=site, name=name), follow)
        if follow is not None and follow.should_stop():
            break
    return found


def measure_without(run_ids: Iterable[str]) -> tuple[dict[str, dict[str, Estimate]], Estimate | None]:
    """Return what runs that each left a site out were measured to be there.

    Args:
        run_ids: Finished runs, whose spec names the site left out.

    Returns:
        Scores by site, and the AUROC among scans acquired unlike at all these sites; None if there are too few.

    Raises:
        BadData: If a run left no site out, or was not measured.
    """
    scores: dict[str, dict[str, Estimate]] = {}
    tables: list[CaseTable] = []
    positive: tuple[int, ...] = ()
    for run_id in run_ids:
        run = open_run(run_id)
        site, result = run.spec().data.leave_out, ModelFolder(run.result)
        evaluation, cases = result.evaluation(), result.cases()
        if not site or evaluation is None or cases is None:
            raise BadData("workflows.no-site-left-out", run=run_id)
        scores[site] = {name: evaluation.scores[name] for name in KEPT if name in evaluation.scores}
        positive = result.card().task.positive
        tables.append(cases)
    return scores, far_auroc(join_tables(tables), positive) if tables else None
