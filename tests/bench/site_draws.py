"""What a site check with a hundred scans promises, and what the rest of the site's scans say of it.

Takes the `cases.csv` of a model at a site it never saw (`medcls evaluate --model M --data D --part all --out DIR`), draws a
hundred scans with their patients again and again, fits threshold and temperature on them, and looks at all the others.
"""

import argparse
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import special

from medcls.core.case_csv import parse_cases
from medcls.core.evaluation import CaseTable
from medcls.evaluation.cross_fit import fit_site_temperature, fit_threshold
from medcls.stats.scores import evaluate_cases


def main() -> None:
    """Print a line per draw and the means."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", type=Path)
    parser.add_argument("--positive", default="malignant", help="label id that means disease")
    parser.add_argument("--scans", type=int, default=100)
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--sensitivity", type=float, default=0.90)
    parser.add_argument(
        "--undo",
        type=float,
        default=1.0,
        metavar="T",
        help="temperature of the model's card, to look at it uncalibrated",
    )
    args = parser.parse_args()
    table = parse_cases(args.cases.read_text(encoding="utf-8"))
    table = replace(table, prob=spread(table.prob, 1 / args.undo))
    positive = (table.labels.index(args.positive),)
    rows = [draw(table, positive, args.scans, args.sensitivity, seed) for seed in range(args.draws)]
    print(
        "| draw | sensitivity on the rest | specificity on the rest | told by the check | calibration error above chance, before | after | temperature |"
    )
    print("|---|---|---|---|---|---|---|")
    for i, row in enumerate(rows):
        print(f"| {i} | " + " | ".join(f"{v:.3f}" for v in row) + " |")
    print("| mean | " + " | ".join(f"{v:.3f}" for v in np.nanmean(rows, axis=0)) + " |")


def spread(prob: np.ndarray, temperature: float) -> np.ndarray:
    """Return probabilities (N, K) with their logits divided by a temperature."""
    return special.softmax(np.log(np.clip(prob, 1e-12, None)) / temperature, axis=1)


def draw(table: CaseTable, positive: tuple[int, ...], scans: int, sensitivity: float, seed: int) -> tuple[float, ...]:
    """Return what one draw of patients with about `scans` scans gives, judged on all the others."""
    rng, mine, n = np.random.default_rng(seed), set(), 0
    for group in rng.permutation(np.unique(table.group)):
        if n >= scans:
            break
        mine.add(group)
        n += int((table.group == group).sum())
    here = np.isin(table.group, list(mine))
    site, rest = table.take(here), table.take(~here)
    warmth = fit_site_temperature(site.prob, site.truth, site.group, resamples=300)
    temperature = warmth.value if warmth.better else 1.0
    prob = spread(rest.prob, temperature)
    fitted = fit_threshold(site.prob[:, list(positive)].sum(1), np.isin(site.truth, positive), site.group, sensitivity)
    score, sick = rest.prob[:, list(positive)].sum(1), np.isin(rest.truth, positive)
    threshold = 0.0 if math.isnan(fitted.value) else fitted.value
    before = evaluate_cases(rest, positive, names=("ece",), resamples=50)["ece_excess"].value
    after = evaluate_cases(replace(rest, prob=prob), positive, names=("ece",), resamples=50)["ece_excess"].value
    called = score >= threshold
    return (
        float(called[sick].mean()),
        float((~called[~sick]).mean()),
        fitted.sensitivity.value,
        before,
        after,
        temperature,
    )


if __name__ == "__main__":
    main()
