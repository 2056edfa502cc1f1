"""A network as ONNX Runtime answers with it: the same numbers in a fraction of PyTorch's time.

PyTorch stays the reference, the way for heatmaps and training, and the fallback. A network is written as ONNX once per
machine, compared with PyTorch on a few pictures, timed beside it, and kept under `MEDCLS_HOME/cache/engines` by what
decides its answers. One that differs, or is no faster, is not used; the record beside the file says so.
"""

import contextlib
import hashlib
import io
import logging
import math
import platform
import threading
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from medcls import home
from medcls.core.model import ModelCard
from medcls.core.record import Record
from medcls.core.scan import Preprocess, Scan
from medcls.disk import read_file, write_atomically
from medcls.errors import MedclsError
from medcls.imaging.phantom import phantom_scan
from medcls.imaging.prepare import normalise, place
from medcls.models.onnx_session import COMPANY, open_session, runtime, threads

if TYPE_CHECKING:
    import torch

# Greatest difference from PyTorch that is still the same answer, relative to the greatest value (1 at least).
EQUAL = 1e-4
OUTPUTS = ["logits", "features", "maps"]
_PROBES = (("breast-ultrasound", "malignant"), ("breast-histology-idc", "idc"), ("skin-melanoma", "melanoma"))
_ROUNDS = 5
_CHECKS = 4  # raised when an engine is written or checked in another way: those kept before are built again
_CORES = threading.BoundedSemaphore(threads())  # passes at once, of all networks: more would only share the cores
_ALL_CORES = threading.Lock()  # a pass of PyTorch's uses all of them: two at once hinder each other
_LOG = logging.getLogger(__name__)


class Engine(Protocol):
    """What runs a network forward."""

    def run(self, batch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return what the network says of a prepared batch.

        Args:
            batch: (N, C, S, S) float32, normalised as the network was taught.

        Returns:
            Logits (N, K) and the last layer's input (N, D), float32.
        """

    def run_open(self, batch: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        """Return what the network says of a prepared batch, and what its heatmap layer gave.

        Args:
            batch: (N, C, S, S) float32, normalised as the network was taught.

        Returns:
            Logits (N, K), the last layer's input (N, D), and the heatmap layer's output, (N, C, h, w) or as the network
            lays it out. None where this engine does not hand out that layer, or more than pooling and head follow it.
        """


@dataclass(frozen=True)
class Checked(Record):
    """What was found when an engine was built on this machine.

    Args:
        onnx_sha256: Digest of the ONNX file.
        apart: Greatest difference of logits and features from PyTorch's, relative to the greatest value (1 at least).
        time_ratio: Least time of one scan, divided by PyTorch's least.
        opens: True if pooling and head, run on what it says the heatmap layer gave, give the same logits.
    """

    onnx_sha256: str
    apart: float
    time_ratio: float
    opens: bool = False
    schema: int = 1

    @property
    def usable(self) -> bool:
        """True if it gives PyTorch's answers, sooner. NaN is neither."""
        return self.apart <= EQUAL and self.time_ratio < 1


class TorchEngine:
    """PyTorch, eagerly; may be shared between threads, whose passes come one after another.

    Args:
        net: In evaluation mode.
    """

    def __init__(self, net: "torch.nn.Module") -> None:
        self.net = net

    def run(self, batch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return logits and features; see `Engine`."""
        import torch

        from medcls.nets.anatomy import logits_and_features

        device = next(self.net.parameters()).device
        with _ALL_CORES, torch.inference_mode():
            fed = torch.from_numpy(batch).to(device).contiguous(memory_format=torch.channels_last)
            logits, features = logits_and_features(self.net, fed)
        return logits.cpu().numpy(), features.cpu().numpy()

    def run_open(self, batch: np.ndarray) -> None:
        """Return None: explaining opens PyTorch's own pass; see `Engine.run_open`."""


class OnnxEngine:
    """ONNX Runtime on the processor; may be shared between threads.

    Where several ask at one moment each runs its own pass on one core, as many at once as there are cores.

    Args:
        model: The ONNX file's bytes, with the outputs `OUTPUTS`.
        opens: Whether pooling and head are all that follows the last output.
    """

    def __init__(self, model: bytes, opens: bool = False) -> None:
        self._opens, self._model = opens, model
        self._alone, self._in_company, self._opening = open_session(model), None, threading.Lock()

    def run(self, batch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return logits and features; see `Engine`."""
        logits, features = self._pass(OUTPUTS[:2], batch)
        return logits, features

    def run_open(self, batch: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        """Return logits, features and the heatmap layer's output; see `Engine`."""
        return self.run_all(batch) if self._opens else None

    def run_all(self, batch: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return all outputs, whether or not the last is of use; see `Engine.run_open`."""
        logits, features, maps = self._pass(OUTPUTS, batch)
        return logits, features, maps

    def run_on_one_core(self, batch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return logits and features, as in company; see `Engine`."""
        logits, features = self._one_core().run(OUTPUTS[:2], {"scans": batch})
        return logits, features

    def _pass(self, outputs: Sequence[str], batch: np.ndarray) -> list[np.ndarray]:
        with COMPANY, _CORES:
            session = self._one_core() if COMPANY.others else self._alone
            found: list[np.ndarray] = session.run(outputs, {"scans": batch})
        return found

    def _one_core(self) -> Any:
        with self._opening:
            if self._in_company is None:
                self._in_company = open_session(self._model, alone=False)
                self._model = b""  # both sessions hold weights of their own
            return self._in_company


def engine_for(card: ModelCard, weights_sha256: str, net: "torch.nn.Module") -> Engine:
    """Return what answers soonest with a network's own answers on this machine.

    The first call for a model builds and checks its engine (about a second); later ones, of any process, read it.

    Args:
        card: Backbone, its arguments, labels and preprocessing.
        weights_sha256: Digest of the weights file that `net` was filled from; empty if there was none: PyTorch answers.
        net: In evaluation mode.
    """
    plain = TorchEngine(net)
    if not weights_sha256 or next(net.parameters()).device.type != "cpu" or find_spec("onnxruntime") is None:
        return plain
    kept_at = home.cache() / "engines" / _key(card, weights_sha256)
    return _kept(kept_at, plain) or _build(kept_at, net, card.preprocess, plain)


def _kept(path: Path, plain: TorchEngine) -> Engine | None:
    """Return what was chosen before; None if nothing was, or half of it is gone."""
    try:
        checked = Checked.read(path.with_suffix(".json"))
        if not checked.usable:
            return plain
        model = read_file(path.with_suffix(".onnx"), 1 << 32)
    except (OSError, MedclsError):
        return None
    return OnnxEngine(model, checked.opens) if hashlib.sha256(model).hexdigest() == checked.onnx_sha256 else None


def _build(path: Path, net: "torch.nn.Module", preprocess: Preprocess, plain: TorchEngine) -> Engine:
    """Write, check, time and keep an engine; PyTorch if it is not to be used."""
    batch = probe_batch(preprocess)
    engine: Engine = plain
    model, apart, ratio, opens = b"", float("nan"), float("nan"), False
    try:
        model = _export(net, batch)
        written = OnnxEngine(model)
        found, expected = written.run_all(batch), plain.run(batch)
        apart = _apart(found[:2], expected)
        if apart <= EQUAL:
            opens = _apart((_head(net, found[2]),), expected[:1]) <= EQUAL
            engine = OnnxEngine(model, opens)
            ratio = _time_ratio(engine, plain, batch[:1])
    except Exception as error:  # noqa: BLE001  # exporter and runtime raise whatever their passes do; PyTorch answers
        _LOG.info("PyTorch answers: this network cannot be written as ONNX (%s)", type(error).__name__)
    checked = Checked(hashlib.sha256(model).hexdigest(), apart, ratio, opens)
    with contextlib.suppress(OSError):  # a full or read-only disk costs the next process a second, no answer
        path.parent.mkdir(parents=True, exist_ok=True)
        if checked.usable:
            write_atomically(path.with_suffix(".onnx"), model)
        write_atomically(path.with_suffix(".json"), checked.to_json().encode())
    return engine if checked.usable else plain


def _export(net: "torch.nn.Module", batch: np.ndarray) -> bytes:
    """Return a network as ONNX: logits, features, and what its heatmap layer gives."""
    import torch

    from medcls.nets.layers import twin
    from medcls.nets.padding import pad_once

    scans = torch.from_numpy(batch[:2])
    written, names = io.BytesIO(), ("scans", *OUTPUTS)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
        warnings.simplefilter(
            "ignore"
        )  # the tracing exporter announces its successor, and prints a graph where it fails
        torch.onnx.export(
            _tapped(pad_once(twin(net), scans)),
            (scans,),
            written,  # type: ignore[arg-type]  # a file in memory is taken, though not declared
            input_names=names[:1],
            output_names=names[1:],
            dynamic_axes={name: {0: "n"} for name in names},
            dynamo=False,
        )
    return written.getvalue()


def _tapped(net: "torch.nn.Module") -> "torch.nn.Module":
    """Return a network of one's own, which is changed, so that it hands out its heatmap layer too."""
    import torch

    from medcls.nets.anatomy import logits_and_features
    from medcls.nets.layers import heatmap_layer

    class Tapped(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net, self.given = net, torch.empty(0)
            net.get_submodule(heatmap_layer(net)).register_forward_hook(self._keep)

        def _keep(self, module: torch.nn.Module, args: object, out: torch.Tensor) -> None:
            self.given = out.clone()  # the next layer may work in place

        def forward(self, scans: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
            logits, features = logits_and_features(self.net, scans)
            return logits, features, self.given

    return Tapped().eval()


def _head(net: "torch.nn.Module", maps: np.ndarray) -> np.ndarray:
    """Return the logits that follow from what a network's heatmap layer gave."""
    import torch

    from medcls.nets.layers import answer_from

    with torch.inference_mode():
        return answer_from(net, torch.from_numpy(maps))[0].numpy()


@lru_cache(maxsize=2)
def probe_batch(preprocess: Preprocess) -> np.ndarray:
    """Return a few phantoms of every task as a network is fed them, (N, C, S, S) float32."""
    return normalise(np.stack([place(scan, preprocess).pixels for scan in _probe_scans()]), preprocess)


@lru_cache(maxsize=1)
def _probe_scans() -> tuple[Scan, ...]:
    return tuple(phantom_scan(task, label, seed) for seed in range(2) for task, label in _PROBES)


def _apart(found: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> float:
    """Return the greatest difference, relative to the greatest value (1 at least); NaN if a value is not a number."""
    worst = [np.abs(f - e).max() / max(1.0, np.abs(e).max()) for f, e in zip(found, expected, strict=True)]
    return float(np.max(worst))


def _time_ratio(engine: OnnxEngine, plain: Engine, batch: np.ndarray) -> float:
    """Return the least time of an engine, on all cores or on one, divided by that of PyTorch, run in turn.

    The verdict is kept for good, so what else the machine does at this moment must not decide it: on a busy one,
    threads that turn while they wait for each other took three times as long as PyTorch's.
    """
    runs = (engine.run, engine.run_on_one_core, plain.run)
    least = [math.inf] * len(runs)
    for _ in range(_ROUNDS):
        for k, run in enumerate(runs):
            started = time.perf_counter()
            run(batch)
            least[k] = min(least[k], time.perf_counter() - started)
    return min(least[:2]) / least[2]


def _key(card: ModelCard, weights_sha256: str) -> str:
    """Return a name made of all that decides what an engine computes and how fast."""
    import torch

    onnxruntime = runtime()
    network = (
        card.backbone,
        sorted(card.backbone_args.items()),
        len(card.task.label_ids),
        card.preprocess.to_json(None),
    )
    text = repr((_CHECKS, weights_sha256, network, torch.__version__, onnxruntime.__version__, _processor()))
    return hashlib.sha256(text.encode()).hexdigest()[:40]


def _processor() -> str:
    """Return what tells this kind of processor from others that may share the folder."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("model name", "CPU part"))), platform.machine())
