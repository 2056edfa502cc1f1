"""A case as it stands before its reader, with something in every field."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from medcls.core.model import Calibration, ModelCard
from medcls.core.prediction import Heatmap, Prediction
from medcls.core.scan import Preprocess
from medcls.exits.case import Case, Person, Reading, Ruler, View
from medcls.explain.drawing import predict_and_explain
from medcls.imaging.decode import read_scan
from medcls.imaging.phantom import phantom
from medcls.tasks import list_tasks
from medcls.workflows.classify import open_model
from tests.tiny import install

AT = datetime(2026, 11, 29, 10, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def answered(tiny_made: Path, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """The case below, answered once in a home of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDCLS_HOME", str(home := tmp_path_factory.mktemp("answered")))
        return _answer(install(tiny_made, home / "weights", "breast-ultrasound--tiny--0001"))


@pytest.fixture
def case(answered: Case, tiny_model: ModelCard) -> Case:
    """A malignant phantom, answered by a small model, with its heatmap, a second view and the reader's own reading."""
    assert answered.card == tiny_model
    return answered


def _answer(tiny_model: ModelCard) -> Case:
    data = phantom("breast-ultrasound", "malignant", 3)
    scan, second = read_scan(data), read_scan(phantom("breast-ultrasound", "benign", 4))
    model = open_model(tiny_model.id)
    prediction, heatmap = predict_and_explain(model, scan)
    return Case(
        scan,
        prediction,
        tiny_model,
        AT,
        model_sha256="ab" * 32,
        heatmap=heatmap,
        worth=("Right in 96 of 115.",),
        region=(100, 100, 220, 210),
        rulers=(Ruler((110.0, 120.0, 200.0, 190.0), 11.2),),
        views=(View(second, predict_and_explain(model, second)[0]),),
        reading=Reading("benign", "malignant", "세침흡인 권고, Żółć"),
        person=Person("김민수", "1234-5678", "1971-02-03", "F", "A-77"),
        made_by="dr.kim",
        file_name="scan of 김민수.png",
        source=data,
    )


@pytest.fixture(scope="session")
def given() -> Case:
    """A case whose answer is given, not computed: for what only writes down."""
    task = list_tasks()["breast-ultrasound"]
    card = ModelCard(
        id="breast-ultrasound--given--0001",
        name="Given",
        task=task,
        backbone="resnet18",
        backbone_args={},
        preprocess=Preprocess(),
        calibration=Calibration(),
        trained_on="Nothing.",
        limits=(),
        licence="Apache-2.0",
        n_parameters=1,
    )
    data = phantom("breast-ultrasound", "malignant", 3)
    scan = read_scan(data)
    prediction = Prediction(card.id, scan.sha256, task.label_ids, np.arange(3.0), np.array([0.1, 0.2, 0.7]))
    values = np.zeros(scan.size_px, np.float32)
    values[100:200, 100:200] = 1
    heatmap = Heatmap(values, "malignant", card.id, "gradcam", "layer4", (7, 7), 1.0)
    return Case(
        scan,
        prediction,
        card,
        AT,
        model_sha256="ab" * 32,
        heatmap=heatmap,
        region=(100, 100, 220, 210),
        reading=Reading("benign", "malignant", "세침흡인 권고, Żółć"),
        person=Person("김민수", "1234-5678", "1971-02-03", "F", "A-77"),
        made_by="dr.kim",
        file_name="scan of 김민수.png",
        source=data,
        accepts_text=True,
    )
