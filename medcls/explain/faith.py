"""Tests of one heatmap, on the spot: does the region carry the decision, would any network draw it, does it hold still?

A heatmap can look convincing and mean nothing. Each check gives a sentence first and its numbers after. A network asked
in several orientations is tested in the scan's own, in which its heatmap is drawn: `prob` is of that one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import torch
from torch import nn

from medcls.core.note import Note
from medcls.errors import BadScan
from medcls.explain.drawing import OpenScan, chosen, square_of
from medcls.explain.method_table import Method
from medcls.explain.opening import open_at
from medcls.explain.pointing import centred_gaussian, point
from medcls.explain.random_weights import randomised
from medcls.explain.verdict import Check
from medcls.explain.watch import QUIET, Watch
from medcls.imaging.prepare import unplace
from medcls.stats.calibration import calibrate

_BLOCKS = 14  # the square is hidden and shown in 14 x 14 blocks
_SHARES = tuple(np.arange(1, 10) / 10)
_RANDOM_ORDERS = 6
_RANDOM_NETS = 3
_SHIFT = 0.02
_BATCH = 16
# Limits of the verdicts, fixed before any was looked at: a probability that moves less than this says nothing; …
_MOVES = 0.05
_STEADY = 0.8  # … a map that holds still correlates at least so much with itself; …
_OTHER = 0.5  # … and at most so much with that of a network that learned nothing.


def check(
    view: OpenScan,
    label: str,
    method: str = "gradcam",
    mask: np.ndarray | None = None,
    *,
    seed: int = 0,
    watch: Watch = QUIET,
) -> tuple[Check, ...]:
    """Run every test on the heatmap of one label by one method.

    Args:
        view: The opened scan.
        label: Label id.
        method: A name of `METHODS`.
        mask: (H, W) bool, True on the lesion; None if unknown.
        seed: Of the random orders and the random network.
        watch: Told tests done and in all; asked between steps whether to stop.

    Returns:
        `order`, `random`, `shift`, `padding`, and `mask` where there is one. Of an empty heatmap only that it is empty.

    Raises:
        BadScan: If the mask has another size than the scan or marks nothing.
        MedclsError: As `draw`.
        Stopped: If `watch` was asked to stop.
    """
    how, within = chosen(method), Watch(should_stop=watch.should_stop)
    task = view.model.card.task
    task.label(label)
    index = task.label_ids.index(label)
    if mask is not None and (mask.shape != view.scan.size_px or not mask.any()):
        raise BadScan("explain.mask-off-scan", shape=mask.shape, size_px=view.scan.size_px)
    square, peak = square_of(view.opened, index, how, within)
    if peak == 0:
        return (Check("empty", None, Note("explain.check-empty", label=task.label(label).name)),)
    case = _Case(view, index, task.label(label).name, how, square, seed, within)
    steps: list[Callable[[], Check]] = [
        lambda: _order(case),
        lambda: _random(case),
        lambda: _shift(case),
        lambda: _padding(case),
    ]
    if mask is not None:
        steps.append(lambda: _mask(case, mask))
    return tuple(_report(steps, watch))


def _report(steps: Sequence[Callable[[], Check]], watch: Watch) -> list[Check]:
    done = []
    for i, step in enumerate(steps):
        watch.step(i, len(steps))
        done.append(step())
    watch.step(len(steps), len(steps))
    return done


@dataclass(frozen=True, eq=False)
class _Case:
    """What every test needs: the scan, the label, the method and the map on the square."""

    view: OpenScan
    index: int
    label: str
    method: Method
    square: np.ndarray
    seed: int
    watch: Watch

    @cached_property
    def random_squares(self) -> list[np.ndarray]:
        """The same heatmap from networks that learned nothing; one only where drawing takes long."""
        seeds = range(self.seed, self.seed + (1 if self.method.slow else _RANDOM_NETS))
        return [random_square(self.view, self.index, self.method, seed, self.watch)[0] for seed in seeds]

    def on_scan(self, square: np.ndarray) -> np.ndarray:
        return unplace(square, self.view.box, self.view.scan.size_px)


def _order(case: _Case) -> Check:
    """Insertion and deletion: hide (or show) blocks in the map's order and in random orders, against a blurred scan.

    References:
        Petsiuk et al., RISE: randomized input sampling for explanation of black-box models, BMVC 2018.
    """
    rows = _block_values(case.square, case.view.box.inside)
    blocks = np.flatnonzero(np.isfinite(rows))  # (B,) int: numbers of the blocks that show the scan
    rng = np.random.default_rng(case.seed)
    shuffled = rng.permutation(blocks)  # so that equal blocks come in no particular order
    by_map = shuffled[np.argsort(-rows[shuffled], kind="stable")]
    orders = [by_map, *(rng.permutation(blocks) for _ in range(_RANDOM_ORDERS))]
    sharp, blurred, deleted, inserted = _curves(case, orders)  # deleted, inserted: (orders, shares)
    gains = (inserted - deleted).mean(1)  # (orders,)
    numbers = {
        "prob": sharp,
        "prob_blurred": blurred,
        "deletion": float(deleted[0].mean()),
        "insertion": float(inserted[0].mean()),
        "deletion_random": float(deleted[1:].mean()),
        "insertion_random": float(inserted[1:].mean()),
        "random_orders": _RANDOM_ORDERS,
    }
    moved = max(np.ptp(np.r_[sharp, blurred, deleted.ravel()]), np.ptp(np.r_[sharp, blurred, inserted.ravel()]))
    if moved < _MOVES:
        return Check("order", None, Note("explain.check-order-untold"), numbers)
    holds = bool(gains[0] > gains[1:].max() and gains[0] - gains[1:].mean() > _MOVES)
    figures = {
        "label": case.label,
        "hidden": numbers["deletion"],
        "hidden_random": numbers["deletion_random"],
        "shown": numbers["insertion"],
        "shown_random": numbers["insertion_random"],
    }
    found = Note("explain.check-order", **figures) if holds else Note("explain.check-order-failed", **figures)
    turns = case.view.model.card.preprocess.orientations
    told = found if turns == 1 else Note("explain.check-as-it-is", told=found, n=turns)
    return Check("order", holds, told, numbers)


def _curves(case: _Case, orders: Sequence[np.ndarray]) -> tuple[float, float, np.ndarray, np.ndarray]:
    """Return the probability of the scan, of it blurred, and along deletion and insertion, (orders, shares) each."""
    x = case.view.opened.x
    blurred = _blur(x)
    inputs = [x, blurred]
    for order in orders:
        masks = [_block_mask(order[: round(share * len(order))], x) for share in _SHARES]  # each (1, 1, S, S) bool
        inputs += [torch.where(m, blurred, x) for m in masks] + [torch.where(m, x, blurred) for m in masks]
    probs = _probs(case, inputs)  # (2 + orders x 2 x shares,)
    both = probs[2:].reshape(len(orders), 2, len(_SHARES))  # (orders, deletion and insertion, shares)
    return float(probs[0]), float(probs[1]), both[:, 0], both[:, 1]


def _probs(case: _Case, inputs: Sequence[torch.Tensor]) -> np.ndarray:
    """Return the calibrated probability of the label for each input (1, C, S, S)."""
    logits = []
    for first in range(0, len(inputs), _BATCH):
        case.watch.step(first, len(inputs))
        logits.append(case.view.opened.run(torch.cat(list(inputs[first : first + _BATCH]))).cpu().numpy())
    temperature = case.view.model.card.calibration.temperature
    return np.array([calibrate(row, temperature)[case.index] for row in np.concatenate(logits)])


def _blur(x: torch.Tensor) -> torch.Tensor:
    picture = np.ascontiguousarray(x[0].permute(1, 2, 0).cpu().numpy())  # (S, S, C)
    blurred = cv2.GaussianBlur(picture, (0, 0), x.shape[-1] / 12, borderType=cv2.BORDER_REPLICATE)
    return torch.from_numpy(np.atleast_3d(blurred)).permute(2, 0, 1)[None].to(x)  # (1, C, S, S)


def _block_of(size_px: int) -> np.ndarray:
    """Return the block each pixel along a side belongs to, (S,) int."""
    return np.arange(size_px) * _BLOCKS // size_px


def _block_values(square: np.ndarray, inside: tuple[int, int, int, int]) -> np.ndarray:
    """Average the map over each block, (196,); NaN where a block shows none of the scan."""
    size_px, (top, left, height, width) = len(square), inside
    block = _block_of(size_px)
    numbers = block[:, None] * _BLOCKS + block[None]  # (S, S) int: the block of each pixel
    rows = np.bincount(numbers.ravel(), square.ravel(), _BLOCKS**2) / np.maximum(
        np.bincount(numbers.ravel(), minlength=_BLOCKS**2), 1
    )
    shown = np.zeros(_BLOCKS**2, bool)
    shown[np.unique(numbers[top : top + height, left : left + width])] = True
    return np.where(shown, rows, np.nan)


def _block_mask(blocks: np.ndarray, x: torch.Tensor) -> torch.Tensor:
    chosen_blocks = np.zeros(_BLOCKS**2, bool)  # (196,)
    chosen_blocks[blocks] = True
    block = _block_of(x.shape[-1])
    return torch.from_numpy(chosen_blocks.reshape(_BLOCKS, _BLOCKS)[np.ix_(block, block)]).to(x.device)[None, None]


def _random(case: _Case) -> Check:
    """Compare with the same network after its weights were drawn anew.

    References:
        Adebayo et al., Sanity checks for saliency maps, NeurIPS 2018.
    """
    agreements = [_correlation(_ranks(case.square), _ranks(other)) for other in case.random_squares]
    agreement = float(np.mean(agreements))
    holds = agreement < _OTHER
    figures = {"agreement": agreement, "n": len(agreements)}
    found = Note("explain.check-random", **figures) if holds else Note("explain.check-random-failed", **figures)
    numbers = {"agreement": agreement, "agreement_highest": max(agreements), "random_networks": len(agreements)}
    return Check("random", holds, found, numbers)


def random_square(view: OpenScan, index: int, method: Method, seed: int, watch: Watch) -> tuple[np.ndarray, float]:
    """Draw the heatmap that the same network gives with random weights.

    Args:
        view: The opened scan.
        index: Index of the label, 0 to K - 1.
        method: A row of `METHODS`.
        seed: Of the random weights.
        watch: Told of progress; may stop a slow method.

    Returns:
        (S, S) float32, 0 to 1, and the peak before scaling, as `square_of`.
    """
    net = randomised(view.opened.net, seed)
    return square_of(open_at(net, view.opened.layer, view.opened.x), index, method, watch)


def _shift(case: _Case) -> Check:
    """Move the scan by 2 % and see whether the map moves along."""
    x = case.view.opened.x
    step = max(1, round(_SHIFT * x.shape[-1]))
    moves = [(step, 0), (-step, 0), (0, step), (0, -step)]
    agreements = [_agreement_moved(case, move) for move in (moves[:1] if case.method.slow else moves)]
    worst = min(agreements)
    holds = worst >= _STEADY
    figures = {"px": step, "share": _SHIFT, "worst": worst}
    found = Note("explain.check-shift", **figures) if holds else Note("explain.check-shift-failed", **figures)
    numbers = {"agreement_worst": worst, "agreement_mean": float(np.mean(agreements)), "shift_px": step}
    return Check("shift", holds, found, numbers)


def _agreement_moved(case: _Case, move: tuple[int, int]) -> float:
    opened, (down, right) = case.view.opened, move
    pad = (max(right, 0), max(-right, 0), max(down, 0), max(-down, 0))
    size = opened.x.shape[-1]
    padded = nn.functional.pad(opened.x, pad, mode="replicate")  # (1, C, S + step, S) or (1, C, S, S + step)
    top, left = max(-down, 0), max(-right, 0)
    moved = open_at(opened.net, opened.layer, padded[..., top : top + size, left : left + size].contiguous())
    square, _ = square_of(moved, case.index, case.method, case.watch)  # (S, S)
    back = np.roll(square, (-down, -right), (0, 1))
    edge = max(abs(down), abs(right))
    inner = slice(edge, size - edge)
    return _correlation(case.square[inner, inner], back[inner, inner])


_MOST_BESIDE = 0.5


def _padding(case: _Case) -> Check:
    """Sum what lies beside the scan: there is nothing to see there."""
    top, left, height, width = case.view.box.inside
    total = float(case.square.sum())
    outside = 1 - float(case.square[top : top + height, left : left + width].sum()) / total
    area = 1 - height * width / case.square.size
    if area == 0:
        return Check("padding", True, Note("explain.check-padding-none"), {"outside": 0.0, "area_outside": 0.0})
    holds = outside <= _MOST_BESIDE * area  # a map that knows nothing puts the edges' own share there
    figures = {"outside": outside, "area": area, "most": _MOST_BESIDE * area}
    found = Note("explain.check-padding", **figures) if holds else Note("explain.check-padding-failed", **figures)
    return Check("padding", holds, found, {"outside": outside, "area_outside": area})


def _mask(case: _Case, mask: np.ndarray) -> Check:
    """Measure against the lesion's outline, beside two controls that know nothing."""
    found = point(case.on_scan(case.square), mask)
    centre = point(centred_gaussian(mask.shape), mask)
    controls = [point(case.on_scan(other), mask) for other in case.random_squares]
    by_chance = float(np.mean([p.energy_inside for p in controls]))
    holds = found.hit and found.energy_inside > max(centre.energy_inside, by_chance)
    figures = {
        "inside": found.energy_inside,
        "centre": centre.energy_inside,
        "centre_hit": Note("explain.a-hit") if centre.hit else Note("explain.a-miss"),
        "random": by_chance,
        "hits": sum(p.hit for p in controls),
        "n": len(controls),
        "lesion": found.mask_share,
    }
    told = Note("explain.check-mask-hit", **figures) if found.hit else Note("explain.check-mask-missed", **figures)
    numbers = {
        f"{name}{suffix}": float(np.mean([getattr(p, name) for p in points]))
        for suffix, points in (("", [found]), ("_centre", [centre]), ("_random", controls))
        for name in ("hit", "energy_inside", "iou")
    }
    return Check("mask", holds, told, numbers | {"mask_share": found.mask_share})


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return the ranks of values on a coarse grid, equal values sharing one: for Spearman's correlation."""
    small = cv2.resize(values.astype(np.float32), (28, 28), interpolation=cv2.INTER_AREA).ravel()  # (784,)
    _, which, counts = np.unique(small, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[which]


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Return Pearson's correlation; 0 where one of them is flat."""
    a, b = a.ravel().astype(np.float64), b.ravel().astype(np.float64)  # (M,) each
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale > 0 else 0.0
