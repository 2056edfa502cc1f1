"""Writing a network as ONNX and running both on the same scans."""

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from medcls.core.progress import Progress, silent
from medcls.core.scan import Scan
from medcls.errors import BadModel
from medcls.models.onnx_session import runtime
from medcls.words import say

_SCANS = 6
_STEPS = 4


def write_onnx(
    model_id: str, path: Path, *, opset: int, equal: float, progress: Progress = silent
) -> tuple[float, int]:
    """Write a model as ONNX and compare it with the original; nothing is left at `path` if they differ.

    Args:
        model_id: The model.
        path: File to write.
        opset: Version of the operators.
        equal: Greatest difference of logits allowed, relative to the greatest logit (1 at least).
        progress: Called with the steps done and in all: opening, writing, checking, running both.

    Returns:
        Greatest difference between the logits, and on how many scans.

    Raises:
        BadModel: If ONNX is not installed, the network cannot be written, or the answers differ.
    """
    try:
        import onnx

        onnxruntime = runtime()
    except ImportError as error:
        raise BadModel("models.onnx-not-installed", found=str(error)[:80]) from error
    from medcls.models.opening import open_model

    progress(0, _STEPS)
    classifier = open_model(model_id)
    squares = _squares(classifier)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".onnx-") as aside:
        file = Path(aside) / "model.onnx"
        progress(1, _STEPS)
        _export(classifier, squares, file, opset)
        progress(2, _STEPS)
        model = onnx.load(file)
        _describe(model, classifier.card)
        onnx.checker.check_model(model)
        onnx.save(model, file)
        progress(3, _STEPS)
        greatest = _difference(
            classifier, squares, onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        )
        if not greatest <= equal:
            raise BadModel("models.onnx-answers-differ", model_id=model_id, greatest=greatest, equal=equal)
        file.replace(path)
    return greatest, len(squares)


def _squares(classifier: Any) -> np.ndarray:
    rng = np.random.default_rng(0)
    side = classifier.card.preprocess.size_px
    scans = [Scan(rng.random((side, side + 20 * i), dtype=np.float32), "0" * 64) for i in range(_SCANS)]
    return np.stack([classifier.place(scan) for scan in scans])


def _export(classifier: Any, squares: np.ndarray, file: Path, opset: int) -> None:
    import torch

    n = classifier.card.preprocess.orientations

    class Calibrated(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = classifier.net

        def forward(self, scan: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            logits = self.net(scan) if n == 1 else self.net(_oriented(scan, n)).unflatten(0, (n, -1)).mean(dim=0)
            return logits, torch.softmax(logits / classifier.card.calibration.temperature, dim=1)

    try:
        torch.onnx.export(
            Calibrated().eval(),
            (classifier.normalise(squares[:2]),),
            file,
            input_names=["scan"],
            output_names=["logits", "prob"],
            opset_version=opset,
            dynamic_shapes=({0: torch.export.Dim("scans")},),
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    except Exception as error:  # the exporter raises whatever its passes raise
        raise BadModel(
            "models.onnx-not-written", backbone=classifier.card.backbone, found=str(error).splitlines()[0][:160]
        ) from error


def _oriented(scan: Any, n: int) -> Any:
    """Return scans (N, C, S, S) in the orientations of `medcls.imaging.orientations.orient`, (n x N, C, S, S)."""
    import torch

    turned = [torch.rot90(scan, turn, (2, 3)) for turn in range(1 if n <= 2 else 4)]
    return torch.cat([one for each in turned for one in (each, each.flip(3))])


def _describe(model: Any, card: Any) -> None:
    """Put into the file what is needed to feed it and to read its answers."""
    facts = {
        "medcls.model": card.id,
        "medcls.labels": json.dumps(card.task.label_ids),
        "medcls.task": card.task.to_json(None),
        "medcls.preprocess": card.preprocess.to_json(None),
        "medcls.temperature": repr(card.calibration.temperature),
        "medcls.licence": card.licence,
        "medcls.notice": say("words.research-use"),
    }
    for key, value in facts.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value


def _difference(classifier: Any, squares: np.ndarray, session: Any) -> float:
    """Return the greatest difference of logits over the greatest logit (1 at least); probabilities must agree too."""
    expected, _ = classifier.ask(squares)
    found, prob = session.run(["logits", "prob"], {"scan": classifier.normalise(squares).numpy()})
    from medcls.stats.calibration import calibrate

    apart = np.abs(found - expected).max() / max(1.0, np.abs(expected).max())
    return float(max(apart, np.abs(prob - calibrate(expected, classifier.card.calibration.temperature)).max()))
