"""A model folder made runnable. The only object with a network inside, and no state to set first."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import torch
from safetensors.torch import load_file

from medcls import nets
from medcls.core.collection import Case
from medcls.core.evaluation import CaseTable
from medcls.core.model import ModelCard
from medcls.core.prediction import Prediction, notes_besides_verdict, say_unsure
from medcls.core.scan import Scan
from medcls.errors import BadData, BadModel
from medcls.imaging.appearance import appearance
from medcls.imaging.colour import other_kind
from medcls.imaging.decode import read_scan
from medcls.imaging.prepare import normalise, place
from medcls.models import store
from medcls.nets.anatomy import logits_and_features
from medcls.nets.folding import fold_norms
from medcls.nets.packing import pack_convolutions
from medcls.stats.calibration import calibrate
from medcls.stats.familiarity import Known, neighbour_distance

_BATCH = 16


class Classifier:
    """A network with its card, safe to share between threads: nothing is hooked, no gradient kept.

    Args:
        card: What the model answers and how to feed it.
        net: The network, in evaluation mode.
        known: What the scans were like that it learned from; None if not stored.
        seen: Which scans it was trained or tuned on, as `medcls.models.store.read_seen` gives them.
    """

    def __init__(
        self, card: ModelCard, net: torch.nn.Module, known: Known | None = None, seen: frozenset[str] = frozenset()
    ) -> None:
        self.card, self.seen = card, seen
        self.net = net.eval().requires_grad_(False).to(memory_format=torch.channels_last)
        self.known = known
        self._answering: tuple[torch.nn.Module, torch.nn.Module] | None = None

    @classmethod
    def open(cls, model: str | Path) -> Self:
        """Load a model after checking every hash on its card.

        Args:
            model: Id of a model, or its folder.

        Raises:
            BadModel: If there is no such model, a file changed, or its weights do not fit its network.
        """
        path = model if isinstance(model, Path) else store.folder(model)
        card = store.verify(path)
        if card.members:
            return Ensemble.open_members(card)  # type: ignore[return-value]
        net = nets.from_card(card.backbone, card.backbone_args, len(card.task.labels))
        _fill(net, path / store.WEIGHTS, card.id)
        return cls(card, net, store.read_known(path, card), store.read_seen(path))

    @property
    def untold(self) -> tuple[str, ...]:
        """Give the ids of the networks that do not say which scans they were trained or tuned on."""
        return () if self.seen and store.UNTOLD not in self.seen else (self.card.id,)

    def place(self, scan: Scan) -> np.ndarray:
        """Give a scan as the network's square, (S, S, C) uint8."""
        return place(scan, self.card.preprocess).pixels

    def normalise(self, squares: np.ndarray) -> torch.Tensor:
        """Give squares (S, S, C) or (N, S, S, C) as the network eats them, (C, S, S) or (N, C, S, S) float32."""
        return torch.from_numpy(normalise(squares, self.card.preprocess))

    def prepare(self, scan: Scan) -> torch.Tensor:
        """Give a scan as the network eats it, (C, S, S) float32."""
        return self.normalise(self.place(scan))

    def run(self, batch: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Run the network once.

        Args:
            batch: (N, C, S, S) float32, prepared.

        Returns:
            Logits (N, K) and features before the last layer (N, D), both float32.
        """
        with torch.inference_mode():
            batch = batch.contiguous(memory_format=torch.channels_last)
            return logits_and_features(self._quick(batch), batch)

    def _quick(self, batch: torch.Tensor) -> torch.nn.Module:
        """Give the network with its norms folded in and its convolutions packed, made for the first batch it answers."""
        if self._answering is None or self._answering[0] is not self.net:
            self._answering = (self.net, pack_convolutions(fold_norms(self.net), batch[:1]))
        return self._answering[1]

    def describe(self, scans: Sequence[Scan]) -> np.ndarray:
        """Give the features of scans, as they come to the last layer, (N, D) float32."""
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
        logits, features = self.run(self.normalise(squares))
        elapsed_s = (time.perf_counter() - started) / len(scans)
        return self.answer(scans, squares, logits.numpy(), features, elapsed_s)

    def evaluate(
        self,
        cases: Sequence[Case],
        read: Callable[[Case], bytes],
        on_case: Callable[[int, int], None] = lambda done, total: None,
        on_answer: Callable[[Case, Prediction], None] = lambda case, prediction: None,
    ) -> CaseTable:
        """Answer labelled cases, keeping every one.

        Args:
            cases: Labelled with labels of this model's task.
            read: Gives the bytes of a case's scan.
            on_case: Called with cases done and cases in all.
            on_answer: Called with each case and its answer: a table holds probabilities, not whether the model stands by them.

        Raises:
            BadData: If there is no case, or one has a label the model does not know.
            BadScan: If a scan cannot be read.
        """
        labels = self.card.task.label_ids
        if unknown := sorted({str(case.label) for case in cases} - set(labels)):
            raise BadData(
                "These cases have labels the model does not know", found=", ".join(unknown), allowed=", ".join(labels)
            )
        if not cases:
            raise BadData("There is no case to evaluate", found="0 cases", do="Choose another part or split")
        prob = []
        for start in range(0, len(cases), _BATCH):
            batch = cases[start : start + _BATCH]
            for case, prediction in zip(batch, self.predict_many([read_scan(read(c)) for c in batch]), strict=True):
                prob.append(prediction.prob)
                on_answer(case, prediction)
            on_case(len(prob), len(cases))
        names = sorted({name for case in cases for name in case.attributes})
        columns = {name: np.array([case.attributes.get(name, "") for case in cases]) for name in names}
        truth = np.array([labels.index(str(case.label)) for case in cases])
        ids, groups = (np.array([getattr(case, field) for case in cases]) for field in ("id", "group"))
        return CaseTable(ids, groups, truth, np.array(prob), labels, columns)

    def answer(
        self, scans: Sequence[Scan], squares: Sequence[np.ndarray] | np.ndarray, logits: np.ndarray,
        features: torch.Tensor, elapsed_s: float,
    ) -> list[Prediction]:  # fmt: skip
        """Turn what the network gave into calibrated answers, or "cannot tell".

        Args:
            scans: The scans, N of them.
            squares: Each as `place` gave it, (S, S, C) uint8.
            logits: (N, K) as `run` gave them.
            features: (N, D) as `run` gave them.
            elapsed_s: Seconds each scan took.
        """
        far = self._how_far(squares, features.numpy())
        return [self._answer(scan, logits[i], far[i], elapsed_s) for i, scan in enumerate(scans)]

    def _how_far(self, squares: Sequence[np.ndarray] | np.ndarray, features: np.ndarray) -> list[dict[str, float]]:
        """How far each scan is from those learned from, by what is measured, 1 being the limit."""
        known, limits = self.known, self.card.abstention
        by: dict[str, np.ndarray] = {}
        if known is not None and limits.max_distance is not None:
            by["features"] = neighbour_distance(features, known.features) / limits.max_distance
        if known is not None and limits.max_appearance is not None and known.looks is not None:
            looks = np.stack([appearance(square) for square in squares])
            by["brightness, colour or grain"] = known.looks.distance(looks) / limits.max_appearance
        return [{name: float(ratios[i]) for name, ratios in by.items()} for i in range(len(features))]

    def _answer(self, scan: Scan, logits: np.ndarray, ratios: dict[str, float], elapsed_s: float) -> Prediction:
        if not np.isfinite(logits).all():
            raise BadModel(
                f"Model {self.card.id} gives no number for this scan",
                found="NaN or infinity",
                do="Do not use this model",
            )
        limits, prob = self.card.abstention, calibrate(logits, self.card.calibration.temperature)
        how = max(ratios, key=ratios.__getitem__, default=None)
        far = None if how is None else ratios[how]
        foreign = self._other_kind(scan)
        if not foreign and far is not None and far > 1:
            foreign = (
                f"Cannot tell: this scan is unlike those the network learned from in its {how} ({far:.1f} times as far "
                "as is allowed), so its probabilities mean nothing here."
            )
        refusal = foreign or say_unsure(prob, limits.min_prob)
        notes = [refusal] if refusal else []
        notes += () if foreign else self.card.tell_points(prob)
        if (
            scan.modality
            and "other" not in (scan.modality, self.card.task.modality)
            and scan.modality != self.card.task.modality
        ):
            notes.insert(0, f"The file says it is {scan.modality}; this network was taught {self.card.task.modality}.")
        if store.seen_key(scan.sha256) in self.seen:
            notes.append(
                "The network was trained or tuned on this very scan, so its answer here shows nothing of how good it is."
            )
        labels = self.card.task.label_ids
        decided = None if refusal else labels[int(prob.argmax())]
        return Prediction(self.card.id, scan.sha256, labels, logits, prob, decided, tuple(notes), far, elapsed_s)

    def _other_kind(self, scan: Scan) -> str:
        """Refuse a scan that cannot be of the kind taught: its features alone do not always tell (a skin lesion: malignant)."""
        reason = other_kind(scan, self.card.task.modality, self.card.preprocess.channels)
        return f"Cannot tell: {reason}, so its probabilities mean nothing here." if reason else ""


class Ensemble(Classifier):
    """Several models answering as one: the mean of their calibrated probabilities.

    It has no single network: its heatmap is the mean of its members', and its features are those of all, side by side.
    """

    def __init__(self, card: ModelCard, members: Sequence[Classifier]) -> None:
        self.card, self.members, self.known = card, tuple(members), None
        self.seen = frozenset().union(*(member.seen for member in members))
        self.net = None  # type: ignore[assignment]

    @classmethod
    def open_members(cls, card: ModelCard) -> Self:
        """Open every member.

        Raises:
            BadModel: If a member is missing, is an ensemble itself or answers with other labels.
        """
        for one in card.members:
            if store.read_card(one).members:
                raise BadModel(
                    f"Model {card.id} averages an ensemble",
                    found=one,
                    allowed="single networks",
                    do="Do not use this model",
                )
        members = [Classifier.open(member) for member in card.members]
        for member in members:
            if member.card.task.label_ids != card.task.label_ids:
                raise BadModel(f"Model {card.id} averages networks with different labels", found=member.card.id)
            store.check_member(card, member.card)
        return cls(card, members)

    @property
    def untold(self) -> tuple[str, ...]:
        """Give the ids of the members that do not say which scans they were trained or tuned on."""
        return tuple(name for member in self.members for name in member.untold)

    def describe(self, scans: Sequence[Scan]) -> np.ndarray:
        """Give the features of scans from every member, side by side, (N, sum of D) float32."""
        return np.concatenate([member.describe(scans) for member in self.members], axis=1)

    def predict_many(self, scans: Sequence[Scan]) -> list[Prediction]:
        """Answer several scans; nothing is decided where half of the members or more never saw their like."""
        answers = [member.predict_many(scans) for member in self.members]
        return [self.average(scan, [a[i] for a in answers]) for i, scan in enumerate(scans)]

    def average(self, scan: Scan, answers: Sequence[Prediction]) -> Prediction:
        """Turn the members' answers to a scan into one.

        Args:
            scan: The scan.
            answers: One of each member, in their order.
        """
        prob = np.mean([a.prob for a in answers], axis=0)
        far = [a.unfamiliarity for a in answers if a.unfamiliarity is not None]
        strangers = sum(distance > 1 for distance in far)
        foreign = self._other_kind(scan)
        if not foreign and strangers and 2 * strangers >= len(answers):
            foreign = (
                f"Cannot tell: for {strangers} of {len(answers)} networks this scan is unlike those they learned from."
            )
        refusal = foreign or say_unsure(prob, self.card.abstention.min_prob, "on average")
        decided = None if refusal else answers[0].labels[int(prob.argmax())]
        points = () if foreign else self.card.tell_points(prob)
        notes = ((refusal,) if refusal else ()) + points + notes_besides_verdict(answers)
        logits = np.log(np.clip(prob, 1e-12, None))
        return Prediction(
            self.card.id, scan.sha256, answers[0].labels, logits, prob, decided, notes,
            float(np.median(far)) if far else None, sum(a.elapsed_s for a in answers),
        )  # fmt: skip


def _fill(net: torch.nn.Module, path: Path, model_id: str) -> None:
    try:
        weights = load_file(path)
        net.load_state_dict({name: w.float() if w.is_floating_point() else w for name, w in weights.items()})
    except Exception as error:  # safetensors and torch raise bare exceptions on damaged files
        raise BadModel(
            f"The weights of model {model_id} do not fit its network",
            found=str(error).splitlines()[0][:160],
            do="Import it again",
        ) from error
    if not all(torch.isfinite(w).all() for w in net.state_dict().values() if w.is_floating_point()):
        raise BadModel(
            f"The weights of model {model_id} are damaged", found="NaN or infinity", do="Do not use this model"
        )
