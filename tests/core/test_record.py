"""Records go to JSON and come back the same, or are refused with the place that is wrong."""

import json
import math
from dataclasses import fields

import numpy as np
import pytest

from medcls.core.collection import Proof, Split
from medcls.core.evaluation import Estimate, Evaluation
from medcls.core.model import Abstention, Calibration, ModelCard, Origin, Threshold
from medcls.core.note import UNSAID, Note
from medcls.core.record import parse_json
from medcls.core.run import EpochResult, RunSpec, RunState, settings
from medcls.core.scan import Preprocess, Scan
from medcls.core.task import Label, Task
from medcls.errors import BadModel, BadRecord, BadSpec, BadSplit, BadTask, MedclsError

TASK = Task("t", "Is it?", (Label("no", "no"), Label("yes", "yes", True)))
ESTIMATE = Estimate(0.8, 0.7, 0.9, 0.95, 10, UNSAID)
RECORDS = [
    TASK,
    Preprocess(64, 1, (0.5,), (0.25,), cleaning=("clahe",)),
    ModelCard(
        "m--1",
        "M",
        TASK,
        "resnet18",
        Preprocess(),
        {"in_chans": 3},
        Calibration(1.5, 20, Note("stats.how-temperature", n=20, before=0.9, after=0.8)),
        Abstention(0.6, 0.2, 5.5, n=20, how=Note("models.strictest-limits")),
        (Threshold("screening", "yes", 0.2),),
        Origin("r", collections=(Note("words.said", text="busi: 3"),)),
    ),
    Evaluation(
        "m--1",
        "busi",
        "f",
        Note("evaluation.part-test"),
        ("no", "yes"),
        10,
        8,
        {"auroc": ESTIMATE},
        ((4, 1), (2, 3)),
        {"a=b": {"auroc": ESTIMATE}},
    ),
    Split("auto", "f", "patient", 0, {"train": ("a",), "test": ("b",)}, Proof(0, 0, 5, Note("data.how-proved"))),
    RunSpec.of(
        backbone="cancernet", collections=("busi",), cleaning=("bilateral", "clahe"), backbone_args={"width": 2}
    ),
    RunState("running", epoch=2, best_score=math.nan),
    EpochResult(1, 2.0, 1e-3, {"loss": 1.0}, {"loss": 0.9, "auroc": math.nan}, True, (Note("words.said", text="so"),)),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda r: type(r).__name__)
def test_a_record_survives_json(record):
    again = type(record).from_json(record.to_json())
    assert again.to_json() == record.to_json()
    assert all(type(getattr(again, f.name)) is type(getattr(record, f.name)) for f in fields(record))


def test_nan_is_null_on_disk_and_nan_again():
    text = RunState("running").to_json()
    assert json.loads(text)["best_score"] is None
    assert math.isnan(RunState.from_json(text).best_score)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema": 2}, "newer"),
        ({"colour": "red"}, "unknown colour"),
        ({"id": 3}, "Task.id"),
        ({"labels": "no,yes"}, "a list"),
        ({"labels": [{"id": "no", "name": "no"}, {"id": "yes"}]}, "no name"),
        ({"labels": [{"id": "no", "name": "no", "positive": "true"}]}, "positive"),
        ({"modality": "telepathy"}, "ultrasound"),
    ],
)
def test_a_wrong_record_says_where(change, said):
    with pytest.raises(MedclsError, match=said):
        Task.from_dict(TASK.to_dict() | change)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"', "[" * 100_000, b"\xff\xfe"])
def test_what_is_no_record_is_refused(text):
    with pytest.raises(MedclsError):
        Task.from_json(text)


def test_a_task_needs_two_different_labels():
    with pytest.raises(BadTask) as caught:
        Task("t", "?", (Label("a", "a"), Label("a", "b")))
    assert caught.value.code == "core.labels-not-distinct"
    with pytest.raises(BadTask) as caught:
        Label("../x", "x")
    assert caught.value.code == "core.label-id"


def test_the_last_label_is_positive_where_none_is_marked():
    assert TASK.positive == (1,)
    assert Task("t", "?", (Label("a", "a"), Label("b", "b"), Label("c", "c"))).positive == (2,)


@pytest.mark.parametrize("bad", ["../up", "a/b", "", ".hidden", "a..b", "x" * 200])
def test_a_model_id_cannot_leave_its_folder(bad):
    with pytest.raises(BadModel):
        ModelCard(bad, "", TASK, "resnet18", Preprocess())


@pytest.mark.parametrize(
    "values",
    [
        {"size_px": 16},
        {"size_px": 800},
        {"channels": 2},
        {"std": (0.0, 1.0, 1.0)},
        {"mean": (math.nan,) * 3},
        {"cleaning": ("magic",)},
    ],
)
def test_preprocess_refuses_what_cannot_be_fed(values):
    with pytest.raises(BadModel):
        Preprocess(**values)


@pytest.mark.parametrize(
    "pixels", [np.zeros((0, 4)), np.zeros((4, 4, 4)), np.zeros(4), np.array([[np.nan]]), np.array([[np.inf]])]
)
def test_a_scan_refuses_what_is_no_picture(pixels):
    with pytest.raises(ValueError, match="pixels"):
        Scan(pixels, "")


def test_a_scan_cannot_be_written_to_and_does_not_follow_its_source():
    source = np.zeros((2, 2), np.float32)
    scan = Scan(source, "")
    source[0, 0] = 1
    assert scan.pixels[0, 0] == 0
    with pytest.raises(ValueError, match="read-only"):
        scan.pixels[0, 0] = 1


def test_a_case_stands_in_one_part_only():
    with pytest.raises(BadSplit) as caught:
        Split("s", "f", "group", 0, {"train": ("a", "b"), "test": ("b",)})
    assert caught.value.code == "core.case-in-two-parts"


def test_folds_rotate_through_test_and_validation():
    split = Split("s", "f", "group", 0, {f"fold-{k}": (f"c{k}",) for k in range(11)})
    assert split.folds[-1] == "fold-10"
    turned = split.rotate(10)
    assert (turned.parts["test"], turned.parts["validate"]) == (("c10",), ("c0",))
    assert len(turned.parts["train"]) == 9
    with pytest.raises(BadSplit) as caught:
        split.rotate(11)
    assert (caught.value.code, caught.value.params["last"]) == ("core.no-such-fold", 10)


@pytest.mark.parametrize("name", [n for n, p in settings().items() if p.setting.choices or p.setting.high != math.inf])
def test_every_bounded_setting_refuses_what_lies_outside(name):
    found, default = settings()[name].setting, RunSpec().value(name)
    wrong = "no such thing" if found.choices else found.high + 1
    with pytest.raises(BadSpec) as refused:
        RunSpec.of(**{name: (wrong,) if isinstance(default, tuple) else wrong})
    assert refused.value.params["name"] == name
    assert str(found.help).endswith("."), name


def test_every_field_of_a_spec_is_a_setting_or_the_schema():
    nouns = {place.noun for place in settings().values()} - {""}
    assert {f.name for f in fields(RunSpec)} - set(settings()) - nouns == {"schema"}
    inside = [f.name for noun in nouns for f in fields(getattr(RunSpec(), noun))]
    assert sorted([*inside, "name", "recipe", "kind"]) == sorted(settings()), (
        "no setting without metadata, no name twice"
    )


@pytest.mark.parametrize("kind", [RunSpec, Preprocess])
def test_a_record_of_an_older_schema_is_read_and_is_of_todays(kind):
    record = RunSpec() if kind is RunSpec else Preprocess(64, 1, (0.5,), (0.2,))
    older = record.to_dict() | {"schema": record.schema - 1}
    again = kind.from_dict(older)
    assert (again, again.schema, again.to_json()) == (record, record.schema, record.to_json())
    with pytest.raises(MedclsError) as newer:
        kind.from_dict(older | {"schema": record.schema + 1, "a field to come": 1})
    assert newer.value.code == "core.newer-schema", "an older medcls says that it must be updated"


def test_a_flat_spec_of_schema_1_is_read():
    flat = {
        "name": "old",
        "backbone": "vgg16",
        "collections": ["busi"],
        "averaging": 0.99,
        "accumulate": 2,
        "select_by": "loss",
        "hflip": True,
        "device": "cpu",
        "schema": 1,
    }
    spec = RunSpec.from_dict(flat)
    assert spec == RunSpec.of(
        name="old",
        backbone="vgg16",
        collections=("busi",),
        ema_decay=0.99,
        grad_accum_steps=2,
        monitor="loss",
        hflip=True,
        device="cpu",
    )
    assert RunSpec.from_dict(spec.to_dict()) == spec
    with pytest.raises(MedclsError, match="unknown width"):
        RunSpec.from_dict({"width": 3})
    with pytest.raises(MedclsError, match="newer"):
        RunSpec.from_dict({"schema": 4})


def test_a_setting_is_changed_by_its_name_alone():
    spec = RunSpec.of(lr=0.1)
    assert (spec.having(size_px=64).data.size_px, spec.optimisation.lr) == (64, 0.1)
    with pytest.raises(TypeError):
        spec.having(learning_rate=3)


def test_a_sentence_of_an_older_record_is_kept_as_it_was() -> None:
    """Letters are signed over it, so it is read as a note and written again to the letter."""
    old = {**ESTIMATE.to_dict(), "how": "Wilson over cases"}
    read = Estimate.from_dict(old)
    assert (str(read.how), read.to_dict()) == (old["how"], old)


@pytest.mark.parametrize("text", ["[" + "[]," * (1 << 20) + "[]]", b'{"a":[' + b"{}," * (1 << 20) + b"0]}"])
def test_a_file_of_nothing_but_empty_values_is_refused_before_it_is_read(
    text: str | bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str | bytes] = []
    monkeypatch.setattr(json, "loads", lambda told, **_: read.append(told))
    with pytest.raises(BadRecord):
        parse_json(text, "the file")
    assert not read
