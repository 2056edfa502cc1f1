"""A case as it stands before its reader, with something in every field."""

from datetime import UTC, datetime

import pytest

from medcls.exits.case import Case, Person, Reading, Ruler, View
from medcls.imaging.decode import read_scan
from medcls.imaging.phantom import phantom
from medcls.workflows.classify import open_model
from medcls.workflows.explain import classify_and_explain

AT = datetime(2026, 11, 29, 10, 0, tzinfo=UTC)


@pytest.fixture
def case(tiny_model) -> Case:
    """A malignant phantom, answered by a small model, with its heatmap, a second view and the reader's own reading."""
    data = phantom("breast-ultrasound", "malignant", 3)
    scan, second = read_scan(data), read_scan(phantom("breast-ultrasound", "benign", 4))
    model = open_model(tiny_model.id)
    prediction, heatmap = classify_and_explain(scan, model)
    return Case(
        scan, prediction, tiny_model, AT, model_sha256="ab" * 32, heatmap=heatmap,
        worth=("Right in 96 of 115.",), region=(100, 100, 220, 210), rulers=(Ruler((110.0, 120.0, 200.0, 190.0), 11.2),),
        views=(View(second, classify_and_explain(second, model)[0]),),
        reading=Reading("benign", "malignant", "세침흡인 권고, Żółć"), person=Person("김민수", "1234-5678", "1971-02-03", "F", "A-77"),
        made_by="dr.kim", file_name="scan of 김민수.png", source=data,
    )  # fmt: skip
