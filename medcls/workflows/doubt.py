"""What a model's doubt is worth: how errors concentrate in its most doubtful answers, site by site."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medcls.core.evaluation import CaseTable
from medcls.core.note import Note

if TYPE_CHECKING:
    from medcls.evaluation.risk import RiskCoverage

TENTH = 0.1
_FEWEST_ERRORS = 10  # below it one answer more or less in the tenth is all that is told


@dataclass(frozen=True, eq=False)
class Doubt:
    """A risk-coverage curve of one site.

    Args:
        site: Hospital, archive or collection.
        n: Cases.
        curve: The curve; cases kept and the share of errors among them.
    """

    site: str
    n: int
    curve: "RiskCoverage"

    def note(self) -> Note:
        """Return what share of the errors the most doubtful tenth of the answers holds."""
        share = self.curve.doubtful_share
        if np.isnan(share):
            return Note("workflows.doubt-no-error", site=self.site, n=self.n)
        if (wrong := round(self.curve.risk[-1] * self.n)) < _FEWEST_ERRORS:
            return Note("workflows.doubt-few", site=self.site, n=self.n, wrong=wrong)
        return Note("workflows.doubt-told", site=self.site, n=self.n, share=share, times=share / TENTH)


def doubts(cases: CaseTable, elsewhere: str = "") -> tuple[Doubt, ...]:
    """Return the risk-coverage curve of every site.

    Args:
        cases: Answered cases.
        elsewhere: What to call the site where the cases do not tell one.
    """
    from medcls.evaluation.risk import risk_coverage

    return tuple(Doubt(site, len(part), risk_coverage(part)) for site, part in cases.by_site(elsewhere).items())


def doubts_of(model_id: str) -> tuple[Doubt, ...]:
    """Return the risk-coverage curves of a model's own test cases, by site; none if no cases were kept.

    Raises:
        BadModel: If there is no such model or its cases cannot be read.
    """
    from medcls.models import store

    cases, evaluation = store.read_cases(model_id), store.read_evaluation(model_id)
    if cases is None:
        return ()
    return doubts(cases, evaluation.collection if evaluation else "")
