"""What a run would meet, said before it is started."""

import dataclasses
import math
from pathlib import Path

import pytest

from medcls.core.note import Note
from medcls.core.rehearsal import Rehearsal
from medcls.data.audit import run_audit
from medcls.data.collections import add_collection
from medcls.errors import BadData, BadModel
from medcls.imaging.phantom import phantom
from medcls.runs import costs, rehearsal
from medcls.runs.preflight import _blockers
from medcls.runs.rehearsal import rehearse_apart
from medcls.tasks import list_tasks
from medcls.training.rehearse import rehearse
from medcls.workflows import preflight
from tests.runs.processes import SPEC, phantom_home


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return phantom_home(tmp_path_factory.mktemp("preflight"))


@pytest.fixture(autouse=True)
def _home(shared: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDCLS_HOME", str(shared))


def codes(notes: tuple[Note, ...]) -> list[str]:
    return [note.code for note in notes]


def test_counts_time_memory_and_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsal, "rehearse_apart", rehearse)  # without the seconds of another process
    steps: list[tuple[int, int]] = []
    found = preflight.check_run(SPEC, lambda done, total, stage="": steps.append((done, total)))
    assert found.labels == ("normal", "benign", "malignant")
    assert steps == sorted(steps)
    assert len(set(steps)) >= 4, "cases, scans, the network, its steps"
    assert {total for _, total in steps} == {8}
    task = list_tasks()[found.task]
    assert (found.title, found.names) == (task.title, tuple(label.name for label in task.labels))
    assert found.split == (Note("data.split-by-group", name="phantoms"),)
    assert {part: sum(by.values()) for part, by in found.counts.items()} == {"train": 24, "validate": 6, "test": 6}
    assert found.blockers == ()
    assert 0 < found.epoch_s < found.total_s < 600
    assert found.memory_bytes > 10**7
    assert 0 < found.disk_bytes < found.disk_free_bytes
    assert "runs.never-audited" in codes(found.findings)
    assert "24" in " ".join(map(str, [sum(found.counts["train"].values())]))
    told = [note.code.removeprefix("runs.preflight-") for note in found.lines]
    assert told[:6] == ["part", "part", "part", "time", "memory-of", "disk"]
    assert set(told[6:]) <= {"note", "left-out"}
    assert preflight.Preflight.from_json(found.to_json()) == found


def test_more_epochs_take_longer_and_kept_features_less(monkeypatch: pytest.MonkeyPatch) -> None:
    took = Rehearsal(1.0, 0.5, 10, 4, 4, keeps_features=False, computed_in="32-true on cpu")

    def check(**changes: object) -> preflight.Preflight:
        monkeypatch.setattr(rehearsal, "rehearse_apart", lambda spec, n, progress: dataclasses.replace(took, **changes))
        return preflight.check_run(SPEC)

    monkeypatch.setattr(costs, "reading_s", lambda spec: 0.25)
    found = check()
    assert found.epoch_s == pytest.approx(3 * 1.0 + 6 * 0.5)
    asked_s = 12 * 0.5  # what is watched on and tested on, as an answer asks
    assert found.total_s == pytest.approx(36 * 0.25 + 3 * found.epoch_s + asked_s)
    turned = preflight.check_run(SPEC.having(orientations=8))
    assert turned.total_s == pytest.approx(found.total_s + 7 * asked_s)
    kept = check(keeps_features=True)
    assert kept.epoch_s == pytest.approx(3.0)
    assert kept.total_s == pytest.approx(36 * 0.25 + 30 * 0.5 + 3 * 3.0 + asked_s)
    blocked = check(peak_bytes=10**15, weights_bytes=10**15)
    assert [note.code for note in blocked.blockers] == ["runs.no-memory", "runs.no-disk"]


def test_open_findings_are_named_and_settled_ones_are_not() -> None:
    found = run_audit("phantoms")
    told = preflight.survey(SPEC).findings
    assert "runs.never-audited" not in codes(told)
    undecided = [f for f in found.findings if f.choices and f.decided is None]
    assert [note.params["n"] for note in told if note.code == "runs.findings-open"] == [len(undecided)] * bool(
        undecided
    )


def test_what_cannot_be_is_a_blocker_or_an_error() -> None:
    with pytest.raises(BadData):
        preflight.check_run(SPEC.having(collections=()))
    with pytest.raises(BadModel):
        preflight.check_run(SPEC.having(initial="no-such-model"))


def test_a_label_without_a_case_is_a_blocker_and_said_once(tmp_path: Path) -> None:
    for label, n in (("benign", 60), ("malignant", 12)):
        folder = tmp_path / "Dataset_BUSI_with_GT" / label
        folder.mkdir(parents=True)
        for i in range(n):
            (folder / f"{label} ({i}).png").write_bytes(phantom("breast-ultrasound", label, i, size_px=64))
    add_collection(tmp_path, "without-normal")
    found = preflight.survey(SPEC.having(collections=("without-normal",)))
    assert found.counts["train"]["normal"] == 0
    assert ("runs.label-without-cases", "normal") in [(b.code, b.params["label"]) for b in found.blockers]
    assert "normal" not in " ".join(map(str, found.findings)).replace("without-normal", "")
    (uneven,) = [note for note in found.findings if note.code == "runs.classes-uneven"]
    assert (uneven.params["most"], uneven.params["least"]) == ("benign", "malignant")
    balanced = preflight.survey(SPEC.having(collections=("without-normal",), balance="sampler"))
    codes = {note.code for note in balanced.findings}
    assert "runs.classes-uneven" not in codes, "the recipe balances already"


def test_labels_are_named_not_told_by_id(tmp_path: Path) -> None:
    for label, n in (("no-idc", 40), ("idc", 6)):
        (tmp_path / label).mkdir()
        for i in range(n):
            (tmp_path / label / f"{label}-{i}.png").write_bytes(phantom("breast-histology-idc", label, i, size_px=64))
    add_collection(tmp_path, "tissue", task_id="breast-histology-idc")
    found = preflight.survey(SPEC.having(collections=("tissue",), task="breast-histology-idc"))
    notes = {note.code: note for note in found.findings}
    uneven = notes["runs.classes-uneven"].params
    assert (uneven["most"], uneven["least"]) == ("no IDC", "IDC")
    assert all("idc" not in told for told in notes["runs.few-cases"].params["few"])
    counts, task = (
        {"train": {"no-idc": 1, "idc": 1}, "validate": {"no-idc": 0, "idc": 1}},
        list_tasks()["breast-histology-idc"],
    )
    only = _blockers(counts, task, SPEC)
    assert [note.params["label"] for note in only] == ["no IDC"]
    asked = SPEC.having(kind="translator", from_label="idc")
    assert not _blockers(counts, task, asked), "a translator needs its own labels alone"


def test_training_begins_with_a_collection_that_has_every_label_of_its_task() -> None:
    whole = next(record for record in preflight.list_data() if record.name == "phantoms")
    part = dataclasses.replace(whole, name="a-part", labels=("benign", "malignant"))
    own = dataclasses.replace(whole, name="own-labels", task_id="own", labels=("a", "b"))
    assert preflight.first_data([part, whole]) == "phantoms"
    assert preflight.first_data([part, own]) == "own-labels"
    assert preflight.first_data([part]) == "a-part"


@pytest.mark.slow
def test_a_rehearsal_in_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[int] = []
    took = rehearse_apart(SPEC, 3, lambda done, total, stage="": steps.append(done))
    assert steps[0] == 1, "the network is loaded"
    assert steps == sorted(steps)
    assert all(math.isfinite(n) for n in (took.step_s, took.forward_s, took.peak_bytes))
    with pytest.raises(Exception, match="There is no such layer"):
        rehearse_apart(SPEC.having(freeze="no-such-layer"), 3)
