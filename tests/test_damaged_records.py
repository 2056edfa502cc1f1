"""No record on disk takes the app down: every kind of file of ours, damaged at random, under every list and page."""

import contextlib
import dataclasses
import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from medcls import cli, disk, home
from medcls.core.collection import CollectionRecord
from medcls.core.data_seen import DataSeen
from medcls.core.evaluation import Estimate, Evaluation
from medcls.core.letter import Letter
from medcls.core.made import MadePicture, MadeSet
from medcls.core.model import ModelCard
from medcls.core.note import Note
from medcls.core.outcome import Outcome
from medcls.core.record import Record
from medcls.core.run import EpochResult, RunSpec, RunState
from medcls.core.site import Aim
from medcls.core.task import Task
from medcls.evaluation.letters import Signed
from medcls.reproduction.table import Best, Row
from medcls.runs import study as studies
from medcls.runs.folder import RunFolder, make_run
from medcls.runs.search_spec import Range, SearchSpec, folder_of, write_search
from medcls.runs.writer import RunWriter
from medcls.tasks import list_tasks
from medcls.workflows import runs
from tests.mutations import mutate
from tests.pages.conftest import FILES, assert_sound, open_app, unsettled  # noqa: F401 - two are fixtures
from tests.runs.processes import add_phantoms
from tests.tiny import install

GOOD, BAD = "breast-ultrasound--good--0001", "breast-ultrasound--tiny--0001"
EACH_RECORD, EACH_FILE, EACH_PAGE = 100, 25, 1


def a_run(tiny_made: Path, name: str) -> RunFolder:
    """A run that has told of three epochs and made a model."""
    run = make_run(RunSpec.of(name=name, collections=("phantoms",), backbone="simple_cnn", epochs=5))
    writer = RunWriter.begin(run, 5)
    writer.saw(
        DataSeen(
            {"phantoms": "ab" * 32},
            (Note("data.split-by-group", name="phantoms"),),
            {"train": 20, "test": 5},
            "breast-ultrasound",
            ("normal", "benign", "malignant"),
        )
    )
    for epoch in (1, 2, 3):
        writer.append(
            EpochResult(
                epoch,
                2.0 * epoch,
                1e-3,
                {"loss": 1.0},
                {"loss": 1.0, "auroc": 0.7},
                epoch == 2,
                ("computed in 32-true",),
            )
        )
    writer.say(
        "stopped",
        Note("runs.ended", done=3, epochs=5, best=2, warning=""),
        epoch=3,
        best_epoch=2,
        best_score=0.7,
        elapsed_s=6.0,
    )
    run.rename(f"{name} again")
    disk.write_atomically(run.path / "log.txt", b"Starts\n")
    install(tiny_made, run.path, "result")
    return run


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, tiny_made: Path) -> Iterator[dict[str, Path]]:
    """A home with two of every kind of thing; of each kind one is damaged. Gives what each kind's file is."""
    folder = tmp_path_factory.mktemp("damaged")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDCLS_HOME", str(folder / "home"))
        patch.setenv("MEDCLS_SHIPPED_WEIGHTS", str(folder / "shipped"))
        for model_id in (GOOD, BAD):
            install(tiny_made, home.weights(), model_id)
        add_phantoms(folder / "scans", each=4)
        (home.datasets() / "spoilt").mkdir()
        for path in (home.datasets() / "phantoms").iterdir():
            disk.write_atomically(home.datasets() / "spoilt" / path.name, path.read_bytes())
        record = CollectionRecord.read(home.datasets() / "spoilt" / "record.json")
        disk.write_atomically(
            home.datasets() / "spoilt" / "record.json", dataclasses.replace(record, name="spoilt").to_json().encode()
        )
        a_run(tiny_made, "whole")
        run = a_run(tiny_made, "spoilt").path
        for name in ("whole-search", "spoilt-search"):
            spec = SearchSpec(
                name, RunSpec.of(collections=("phantoms",)), {"lr": Range(1e-5, 1e-1, log=True)}, trials=3
            )
            write_search(spec)
            made = studies.open_study(spec, make=True)
            made.tell(made.ask(), 0.5)
        home.tasks().mkdir()
        for name in ("whole", "spoilt"):
            text = f'id = "own-{name}"\nquestion = "Which?"\nlabels = [{{ id = "a", name = "A" }}, {{ id = "b", name = "B", positive = true }}]\n'
            (home.tasks() / f"{name}.toml").write_text(text)
        model, data, search = home.weights() / BAD, home.datasets() / "spoilt", folder_of("spoilt-search")
        yield {
            "card": model / "card.json",
            "evaluation": model / "evaluation.json",
            "cases": model / "cases.csv",
            "spec": run / "spec.json",
            "state": run / "state.json",
            "metrics": run / "metrics.jsonl",
            "name": run / "name.txt",
            "data": run / "data.json",
            "log": run / "log.txt",
            "result": run / "result" / "card.json",
            "collection": data / "record.json",
            "index": data / "index.sqlite",
            "looks": data / "looks.bin",
            "task": home.tasks() / "spoilt.toml",
            "search": search / "search.json",
            "study": search / "study.db",
        }


@pytest.fixture(autouse=True)
def at_filled(filled: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Use that home, in place of the empty one every test gets."""
    root = filled["card"].parents[2]
    monkeypatch.setenv("MEDCLS_HOME", str(root))
    monkeypatch.setenv("MEDCLS_SHIPPED_WEIGHTS", str(root.parent / "shipped"))


@contextlib.contextmanager
def holding(path: Path, content: bytes) -> Iterator[None]:
    """Let a file hold something else for the length of a `with` block."""
    before = path.read_bytes()
    path.write_bytes(content)
    try:
        yield
    finally:
        path.write_bytes(before)


# Kind -> the commands that list or show it, and what the list must still name.
COMMANDS: dict[str, tuple[list[list[str]], str]] = {
    "models": ([["models"], ["models", "show", BAD]], GOOD),
    "runs": ([["runs", "list"]], "whole again"),
    "data": ([["data", "list"], ["data", "show", "spoilt"]], "phantoms"),
    "search": ([["search", "list"]], "whole-search"),
}
KIND = {
    "card": "models",
    "evaluation": "models",
    "cases": "models",
    "collection": "data",
    "index": "data",
    "looks": "data",
    "search": "search",
    "study": "search",
    "task": "data",
}


OF_RUNS = ("spec", "state", "metrics", "name", "data", "log", "result")


@pytest.mark.parametrize("kind", [*KIND, *OF_RUNS])
def test_a_damaged_file_leaves_every_list_answering(
    kind: str, filled: dict[str, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    path, rng = filled[kind], random.Random(kind)
    parser = cli.parser()
    monkeypatch.setattr(cli, "parser", lambda only="": parser)
    commands, whole = COMMANDS[KIND.get(kind, "runs")]
    if kind not in KIND:
        commands = [*commands, ["runs", "show", path.parent.name if kind != "result" else path.parents[1].name]]
    for attempt in range(EACH_FILE if kind != "study" else 5):
        damaged = mutate(path.read_bytes(), rng)
        with holding(path, damaged):
            for command in commands:
                code = cli.main(command)
                shown = capsys.readouterr()
                assert code in (0, 1, 2), (command, attempt, damaged[:300])
                if command[1:] in ([], ["list"]):
                    assert whole in shown.out, (command, attempt, damaged[:300], shown)
                assert "\x1b" not in shown.out + shown.err
            assert "own-whole" in list_tasks(home.tasks())


LETTER = Letter(
    "m",
    ("ab" * 32,),
    ("a", "b"),
    "Site",
    "key",
    "maker",
    Aim(),
    "too-few",
    4,
    4,
    2,
    {"auroc_disease": Estimate(0.5, 0.4, 0.6, 0.95, 4, Note("words.said", text="a"))},
    ((1, 1), (1, 1)),
    ((4.0, 0.5, 0.5),),
    (),
    {},
    "2026-11-29",
)
MADE = MadeSet(
    "r",
    "a",
    "b",
    ("a", "b"),
    RunSpec.of(collections=("c",)).data,
    1,
    {"c": "ab"},
    {"c": "cd"},
    {"c": ("1", "2")},
    ("ef",),
    3,
    (MadePicture("1.png", "ab" * 32, "c", "1", "g", "p"),),
)


RECORDS: dict[str, tuple[type[Record], Callable[[], bytes]]] = {
    "card": (ModelCard, lambda: (home.weights() / GOOD / "card.json").read_bytes()),
    "evaluation": (Evaluation, lambda: (home.weights() / GOOD / "evaluation.json").read_bytes()),
    "spec": (RunSpec, lambda: RunSpec.of(backbone_args={"width": 3}, collections=("a",)).to_json().encode()),
    "flat spec": (
        RunSpec,
        lambda: b'{"backbone": "vgg16", "lr": 0.1, "collections": ["a"], "averaging": 0.5, "schema": 1}',
    ),
    "state": (RunState, lambda: RunState("running", 1, 2, 3, 4, 1, 0.5).to_json().encode()),
    "epoch": (
        EpochResult,
        lambda: EpochResult(1, 2.0, 0.1, {"loss": 1.0}, {"loss": 1.0}, True, ("a",)).to_json().encode(),
    ),
    "search": (
        SearchSpec,
        lambda: SearchSpec("a", RunSpec(), {"lr": Range(0.1, 1.0), "epochs": Range(choices=(3, 4))}).to_json().encode(),
    ),
    "collection": (CollectionRecord, lambda: (home.datasets() / "phantoms" / "record.json").read_bytes()),
    "task": (Task, lambda: list_tasks()["skin-melanoma"].to_json().encode()),
    "note": (
        Note,
        lambda: (
            Note("core.point-called", name="a", at=0.5, label=Note("core.no-json", where="b"), many=(1, 2))
            .to_json()
            .encode()
        ),
    ),
    "letter": (Letter, lambda: LETTER.to_json().encode()),
    "signed letter": (Signed, lambda: Signed(LETTER, "a2V5", "c2lnbmF0dXJl").to_json().encode()),
    "translator spec": (
        RunSpec,
        lambda: (
            RunSpec.of(kind="translator", from_label="a", to_label="b", size_px=32, collections=("a",))
            .to_json()
            .encode()
        ),
    ),
    "made set": (MadeSet, lambda: MADE.to_json().encode()),
    "row": (
        Row,
        lambda: (
            Row(
                "a",
                "b",
                "c",
                scores={"auroc": Estimate(0.5, 0.4, 0.6, 0.95, 9, Note("words.said", text="a"))},
                best=Best("m", {}),
            )
            .to_json()
            .encode()
        ),
    ),
    "data seen": (
        DataSeen,
        lambda: DataSeen({"a": "b"}, (Note("data.not-split"),), {"train": 1}, "t", ("a", "b")).to_json().encode(),
    ),
}


@pytest.mark.parametrize("kind", RECORDS)
def test_any_bytes_give_a_record_or_an_error_that_names_the_file(kind: str, filled: dict[str, Path]) -> None:
    record, content = RECORDS[kind][0], RECORDS[kind][1]()
    rng, refused = random.Random(kind), 0
    assert record.from_json(content, "the file").to_json()
    for _ in range(EACH_RECORD):
        damaged = mutate(content, rng)
        entry = Outcome.of("it", partial(record.from_json, damaged, "the file"))
        if entry.error is not None:
            refused += 1
            assert str(entry.error), damaged
            continue
        read = entry.get()
        assert record.from_json(read.to_json(), "the file") == read or "null" in read.to_json(), damaged
        str(read)
    assert refused > EACH_RECORD // 3


def test_a_damaged_state_locks_no_run(filled: dict[str, Path]) -> None:
    run = RunFolder(filled["state"].parent)
    for content in (b"", b"{", b'{"status": "finished", "schema": "1"}', filled["state"].read_bytes()[:40]):
        with holding(filled["state"], content):
            view = runs.show_run(run.id)
            assert (view.state.status, view.moves) == ("died", False)
            assert RunWriter.begin(run, 5).last.status == "preparing", "a worker begins anew, and takes its checkpoint"


@pytest.mark.slow
@pytest.mark.parametrize("page", FILES)
def test_a_damaged_file_takes_no_page_down(page: str, filled: dict[str, Path], open_app) -> None:  # noqa: F811
    rng = random.Random(page)
    for kind in ("card", "spec", "state", "collection", "task", "search"):
        for _ in range(EACH_PAGE):
            damaged = mutate(filled[kind].read_bytes(), rng)
            with holding(filled[kind], damaged):
                app = open_app(page)
                assert not app.exception, (kind, damaged[:300], [e.value for e in app.exception])
    assert_sound(open_app(page))
