"""One network with its card, made runnable. The only object with a network inside, and no state to set first."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from medcls.core.collection import Case
from medcls.core.evaluation import CaseTable
from medcls.core.model import ModelCard
from medcls.core.note import Note
from medcls.core.prediction import Prediction
from medcls.core.scan import Scan
from medcls.errors import BadModel
from medcls.imaging.colour import is_tinted
from medcls.imaging.orientations import predict_oriented
from medcls.imaging.prepare import normalise, place
from medcls.models.engine import Engine, engine_for
from medcls.models.familiarity import Unlike, caution_acquired, farthest, how_unlike, refuse_foreign, refuse_unsure
from medcls.models.learned import NO_RECORD, seen_key
from medcls.models.tabling import evaluate_with
from medcls.stats.calibration import calibrate
from medcls.stats.familiarity import TrainingReference


class Network:
    """A network with its card, safe to share between threads: nothing is hooked, no gradient kept.

    Args:
        card: What it answers and how to feed it.
        net: The network, in evaluation mode.
        known: What the scans were like that it learned from; None if not stored.
        seen: Which scans it was trained or tuned on, as `medcls.models.learned.read_seen` gives them.
        weights_sha256: Digest of its weights' file, by which a faster engine is kept; if empty, PyTorch answers.
    """

    def __init__(
        self,
        card: ModelCard,
        net: torch.nn.Module,
        known: TrainingReference | None = None,
        seen: frozenset[str] = frozenset(),
        weights_sha256: str = "",
    ) -> None:
        self.card, self.seen = card, seen
        self.net = net.eval().requires_grad_(False).to(memory_format=torch.channels_last)
        self.known = known
        self._published, self._building = (self.net, weights_sha256), threading.Lock()
        self._engine: tuple[torch.nn.Module, Engine] | None = None

    @property
    def members(self) -> "tuple[Network, ...]":
        """The networks that answer: itself alone."""
        return (self,)

    @property
    def without_record(self) -> tuple[str, ...]:
        """Its own id if it does not say which scans it was trained or tuned on."""
        return () if self.seen and NO_RECORD not in self.seen else (self.card.id,)

    def place(self, scan: Scan) -> np.ndarray:
        """Return a scan as the network's square, (S, S, C) uint8."""
        return place(scan, self.card.preprocess).pixels

    def normalise(self, squares: np.ndarray) -> torch.Tensor:
        """Return squares (S, S, C) or (N, S, S, C) uint8 as the network's input, (C, S, S) or (N, C, S, S) float32."""
        return torch.from_numpy(normalise(squares, self.card.preprocess))

    def prepare(self, scan: Scan) -> torch.Tensor:
        """Return a scan as the network's input, (C, S, S) float32."""
        return self.normalise(self.place(scan))

    @property
    def engine(self) -> Engine:
        """What runs the network, shared by all who ask; chosen at its first use."""
        with self._building:
            if self._engine is None or self._engine[0] is not self.net:
                published, digest = self._published
                own = digest if self.net is published else ""  # other weights were put in: no kept engine is theirs
                self._engine = (self.net, engine_for(self.card, own, self.net))
            return self._engine[1]

    def run(self, batch: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Run the network once.

        Args:
            batch: (N, C, S, S) float32, prepared.

        Returns:
            Logits (N, K) and features before the last layer (N, D), both float32.
        """
        logits, features = self.engine.run(batch.numpy(force=True))
        return torch.from_numpy(logits), torch.from_numpy(features)

    def describe(self, scans: Sequence[Scan]) -> np.ndarray:
        """Return the features of scans, as they come to the last layer, (N, D) float32."""
        return self.run(torch.stack([self.prepare(scan) for scan in scans]))[1].numpy()

    def predict(self, scan: Scan) -> Prediction:
        """Answer one scan."""
        return self.predict_many([scan])[0]

    def predict_many(self, scans: Sequence[Scan]) -> list[Prediction]:
        """Answer several scans in one pass through the network."""
        started = time.perf_counter()
        if not scans:
            return []
        squares = np.stack([self.place(scan) for scan in scans])
        logits, features = self.ask(squares)
        elapsed_s = (time.perf_counter() - started) / len(scans)
        return self.answer(scans, squares, logits, features, elapsed_s)

    def ask(
        self, squares: np.ndarray, plain: tuple[np.ndarray, np.ndarray] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Run the network on squares in every orientation that its card names.

        Args:
            squares: (N, S, S, C) uint8, each as `place` gave it.
            plain: Logits (N, K) and features (N, D) of the squares as they are, if the network was run on them before.

        Returns:
            Logits (N, K), averaged over orientations, and the features (N, D) of the squares as they are; float32.
        """

        def run(oriented: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return self.engine.run(self.normalise(oriented).numpy())

        return predict_oriented(squares, self.card.preprocess.orientations, run, plain)

    def join(self, answers: Sequence[Prediction]) -> Prediction:
        """Return its own answer: it is its only member."""
        (answer,) = answers
        return answer

    def evaluate(self, cases: Sequence[Case], read: Callable[[Case], bytes], *told: Any) -> CaseTable:
        """Answer labelled cases, keeping every one; see `evaluate_with`."""
        return evaluate_with(self, cases, read, *told)

    def answer(
        self,
        scans: Sequence[Scan],
        squares: Sequence[np.ndarray] | np.ndarray,
        logits: np.ndarray,
        features: np.ndarray,
        elapsed_s: float,
    ) -> list[Prediction]:
        """Turn what the network gave into calibrated answers, or "cannot tell".

        Args:
            scans: The scans, N of them.
            squares: Each as `place` gave it, (S, S, C) uint8.
            logits: (N, K) as `ask` gave them.
            features: (N, D) as `ask` gave them.
            elapsed_s: Seconds each scan took.

        Raises:
            BadModel: If a logit is not a number.
        """
        unlike = how_unlike(self.card, self.known, squares, features)
        return [self._answer(scan, logits[i], unlike[i], elapsed_s) for i, scan in enumerate(scans)]

    def _answer(self, scan: Scan, logits: np.ndarray, unlike: Unlike, elapsed_s: float) -> Prediction:
        if not np.isfinite(logits).all():
            raise BadModel("models.no-number", model=self.card.id)
        card, prob = self.card, calibrate(logits, self.card.calibration.temperature)
        foreign = refuse_foreign(scan, card, unlike)
        refusal = foreign or refuse_unsure(prob, card.abstention.min_prob)
        return Prediction(
            card.id,
            scan.sha256,
            card.task.label_ids,
            logits,
            prob,
            refusal,
            () if foreign else card.point_notes(prob),
            self._cautions(scan, unlike),
            farthest(unlike.kind)[1],
            farthest(unlike.acquired)[1],
            elapsed_s,
        )

    def _cautions(self, scan: Scan, unlike: Unlike) -> tuple[Note, ...]:
        taught, notes = self.card.task.modality, list(caution_acquired(self.card, unlike))
        if scan.modality and "other" not in (scan.modality, taught) and scan.modality != taught:
            notes.append(Note("models.other-modality", says=scan.modality, taught=taught))
        if self.card.preprocess.grey and is_tinted(scan):
            notes.append(Note("imaging.tint-removed"))
        if seen_key(scan.sha256) in self.seen:
            notes.append(Note("models.seen"))
        return tuple(notes)
