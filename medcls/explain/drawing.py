"""From a scan and a model to a heatmap on the scan's own grid."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from medcls.core.prediction import MEMBERS_LAST, Heatmap, Prediction
from medcls.core.scan import Preprocess, Scan
from medcls.errors import BadModel, MedclsError
from medcls.explain.geometry import Cells, cells_of
from medcls.explain.method_table import METHODS, Method
from medcls.explain.opening import Opened, open_at, open_head
from medcls.explain.watch import QUIET, Watch
from medcls.imaging.prepare import Box, Placed, normalise, place, unplace
from medcls.models.network import Network
from medcls.models.predictor import Predictor
from medcls.nets.layers import heatmap_layer

# Below this share of the largest |activation x gradient| a map is rounding error, not evidence.
_ROUNDING = 1e-6


@dataclass(frozen=True, eq=False)
class OpenScan:
    """A scan that went through a model once, ready to be explained for any label by any method.

    Args:
        model: Whose network.
        scan: The scan.
        box: Where the network's square lies on it.
        opened: The pass, opened at a layer.
        prediction: The model's answer, from the same pass.
    """

    model: Network
    scan: Scan
    box: Box
    opened: Opened
    prediction: Prediction

    @property
    def cells(self) -> Cells:
        """Where the layer's cells lie on the square."""
        return cells_of(self.opened.net, self.opened.x, self.opened.grid_px[0], self.opened.layer)

    @property
    def layer(self) -> str:
        """Name of the layer."""
        return self.opened.layer

    @property
    def n_values(self) -> int:
        """How many numbers it keeps in memory beside the scan."""
        return self.opened.x.numel() + self.opened.leaf.numel()


@dataclass(frozen=True, eq=False)
class OpenMembers:
    """A scan that went once through each member of an ensemble.

    Args:
        model: The ensemble.
        scan: The scan.
        views: The members' passes.
        prediction: The ensemble's answer, from the same passes.
    """

    model: Predictor
    scan: Scan
    views: tuple[OpenScan, ...]
    prediction: Prediction
    layer: str = MEMBERS_LAST

    @property
    def n_values(self) -> int:
        """How many numbers it keeps in memory beside the scan."""
        return sum(view.n_values for view in self.views)


# A scan as networks that are fed alike get it, prepared by the first of them.
Prepared = dict[Preprocess, Placed]


def open_scan(model: Predictor, scan: Scan, layer: str | None = None, prepared: Prepared | None = None) -> OpenScan:
    """Run a network once on a scan and keep what one layer gave.

    Args:
        model: A network, perhaps shared between threads.
        scan: Any scan.
        layer: Name of the layer to read; None for the last one with places in it.
        prepared: The scan as it was prepared before; what is missing is added.

    Raises:
        BadModel: If the model is the mean of several networks, or the layer does not exist or gives no map.
    """
    if not isinstance(model, Network):
        raise BadModel("explain.mean-has-no-layers", members=", ".join(model.card.networks))
    started = time.perf_counter()
    prepared = {} if prepared is None else prepared
    if (placed := prepared.get(model.card.preprocess)) is None:
        placed = prepared[model.card.preprocess] = place(scan, model.card.preprocess)  # pixels (S, S, C) uint8
    device = next(model.net.parameters()).device
    x = torch.from_numpy(normalise(placed.pixels, model.card.preprocess))[None].to(device)  # (1, C, S, S)
    opened, *plain = _open(model, layer or heatmap_layer(model.net), x)
    logits, features = model.ask(placed.pixels[None], (plain[0], plain[1]))
    prediction = model.answer([scan], [placed.pixels], logits, features, time.perf_counter() - started)[0]
    return OpenScan(model, scan, placed.box, opened, prediction)


def _open(model: Network, layer: str, x: torch.Tensor) -> tuple[Opened, np.ndarray, np.ndarray]:
    """Open a pass at a layer: the engine's that answers, where it hands the layer out, else PyTorch's own.

    Returns:
        The pass, and its logits (1, K) and features (1, D) as the engine that ran it gave them.
    """
    given = model.engine.run_open(x.numpy(force=True)) if layer == heatmap_layer(model.net) else None
    if given is not None:
        return open_head(model.net, layer, x, given), given[0], given[1]
    opened = open_at(model.net, layer, x)
    return opened, opened.logits.detach().cpu().numpy()[None], opened.features.numpy(force=True)


def forward(
    model: Predictor, scan: Scan, layer: str | None = None, prepared: Prepared | None = None
) -> OpenScan | OpenMembers:
    """Run a network, or each of those averaged, once on a scan; see `open_scan`.

    Raises:
        BadModel: As `open_scan`; also if a layer of a mean is asked for.
    """
    prepared = {} if prepared is None else prepared
    if isinstance(model, Network) or layer:
        return open_scan(model, scan, layer, prepared)
    views = tuple(open_scan(member, scan, None, prepared) for member in model.members)
    return OpenMembers(model, scan, views, model.join([view.prediction for view in views]))


def draw(
    view: OpenScan | OpenMembers,
    label: str | None = None,
    method: str = "gradcam",
    watch: Watch = QUIET,
) -> Heatmap:
    """Draw where a model found evidence for a label; an ensemble's heatmap is the mean of its members'.

    Args:
        view: The opened scan.
        label: Label id; None for the most probable one.
        method: A name of `METHODS`.
        watch: Told steps done and in all by slow methods, and asked between them whether to stop.

    Returns:
        The heatmap on the scan's own pixels. `peak` is the largest value of the method's map before scaling, anywhere
            on the network's square: if it lies in the padding, no pixel of the scan reaches 1.

    Raises:
        MedclsError: If the method is unknown or gives something that is not a number.
        BadTask: If the label is unknown.
        BadModel: If the method does not work on this network.
        Stopped: If `watch` was asked to stop.
    """
    label = label or view.prediction.top
    if isinstance(view, OpenMembers):
        return _mean(view, label, [draw(v, label, method, watch) for v in view.views])
    square, peak = square_map(view, label, chosen(method), watch)
    values = unplace(square, view.box, view.scan.size_px)
    return Heatmap(values, label, view.model.card.id, method, _layer(view, method), _grid(view, method), peak)


def explain(
    model: Predictor,
    scan: Scan,
    label: str | None = None,
    method: str = "gradcam",
    layer: str | None = None,
    watch: Watch = QUIET,
) -> Heatmap:
    """Draw a heatmap of one scan; see `open_scan` and `draw`. An ensemble's is the mean of its members'."""
    return predict_and_explain(model, scan, label, method, layer, watch)[1]


def predict_and_explain(
    model: Predictor,
    scan: Scan,
    label: str | None = None,
    method: str = "gradcam",
    layer: str | None = None,
    watch: Watch = QUIET,
) -> tuple[Prediction, Heatmap]:
    """Answer a scan and draw where the evidence was, from one pass through the network.

    Args:
        model: A model; an ensemble's heatmap is the mean over its members' last layers; it takes no `layer`.
        scan: Any scan.
        label: Label id; None for the most probable one.
        method: A name of `METHODS`.
        layer: Name of the layer to read; None for the last one with places in it.
        watch: As `draw` takes it.

    Returns:
        The answer to the scan, and the heatmap of `label`.

    Raises:
        MedclsError: As `open_scan` and `draw`.
    """
    view = forward(model, scan, layer)
    return view.prediction, draw(view, label, method, watch)


def square_map(view: OpenScan, label: str, method: Method, watch: Watch = QUIET) -> tuple[np.ndarray, float]:
    """Return a heatmap on the network's square, before it goes back onto the scan.

    Args:
        view: The opened scan.
        label: Label id.
        method: A row of `METHODS`.
        watch: Told of progress; may stop a slow method.

    Returns:
        (S, S) float32, 0 to 1, and the peak before scaling; zeros and 0 if there is no evidence.

    Raises:
        BadTask: If the label is unknown.
        MedclsError: As `square_of`.
    """
    view.model.card.task.label(label)
    return square_of(view.opened, view.model.card.task.label_ids.index(label), method, watch)


def square_of(opened: Opened, index: int, method: Method, watch: Watch = QUIET) -> tuple[np.ndarray, float]:
    """Return the map of a label's index from any opened pass.

    Args:
        opened: The pass of one scan.
        index: Index of the label, 0 to K - 1.
        method: A row of `METHODS`.
        watch: Told of progress; may stop a slow method.

    Returns:
        (S, S) float32, 0 to 1, and the peak before scaling; zeros and 0 if the evidence is no more than rounding.

    Raises:
        MedclsError: If the method gives something that is not a number.
    """
    with np.errstate(all="ignore"):
        raw = np.asarray(method.run(opened, index, watch), np.float32)
    if not np.isfinite(raw).all():
        raise MedclsError("explain.map-not-finite", title=method.title)
    raw = np.maximum(raw, 0)
    peak, size_px = float(raw.max()), opened.x.shape[-1]
    if peak <= _ROUNDING * _loudest(opened, index, method):
        return np.zeros((size_px, size_px), np.float32), 0.0
    square = raw if len(raw) == size_px else cells_of(opened.net, opened.x, len(raw), opened.layer).spread(raw)
    return square / square.max(), peak


def chosen(method: str) -> Method:
    """Return the method of this name.

    Raises:
        MedclsError: If there is none.
    """
    if method not in METHODS:
        raise MedclsError("explain.unknown-method", found=repr(method)[:40], allowed=", ".join(METHODS))
    return METHODS[method]


def _loudest(opened: Opened, index: int, method: Method) -> float:
    """Return the largest number that went into a map: what is a millionth of it is rounding, not evidence."""
    if method.name == "fullgrad":
        return 0.0
    if not method.per_label:
        return float(np.abs(opened.activations).max())
    return float(np.abs(opened.activations * opened.label_gradients(index)).max())


def _layer(view: OpenScan, method: str) -> str:
    return "all" if method == "fullgrad" else view.opened.layer


def _grid(view: OpenScan, method: str) -> tuple[int, int]:
    side = view.opened.x.shape[-1]
    return (side, side) if method == "fullgrad" else view.opened.grid_px


def _mean(view: OpenMembers, label: str, maps: Sequence[Heatmap]) -> Heatmap:
    """Average the members' maps, each scaled to 1 first: their units differ."""
    values = np.mean([m.values for m in maps], axis=0)  # NaN where one member did not look
    top = float(np.nanmax(values)) if np.isfinite(values).any() else 0.0
    coarsest = min((m.grid_px for m in maps), key=lambda grid: grid[0])
    values = values / top if top > 0 else values
    return Heatmap(values, label, view.model.card.id, maps[0].method, view.layer, coarsest, top)
