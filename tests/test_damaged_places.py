"""Damage in the places of a site's, an outbox's and a trail's files: every list names the bad one and shows the others."""

import dataclasses
import json
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from medcls import access, audit, cli, home
from medcls.core.letter import Letter
from medcls.core.run import RunSpec
from medcls.core.site import SiteCheck
from medcls.core.task import Task
from medcls.errors import BadRecord, BadSpec, MedclsError
from medcls.evaluation import letters, sites
from medcls.evaluation.site_watch import Week, last_alarms, weeks
from medcls.inlets import outbox
from medcls.inlets.servers import PacsConfig, read_pacs_config
from medcls.models.changes import changes_folder, read_changes
from medcls.reproduction import table
from medcls.runs.folder import make_run
from medcls.tasks import list_tasks
from medcls.workflows import made, runs
from medcls.workflows.site_figures import SiteFigures
from tests.evaluation.test_letters import check as check_of_ward_3

WEIGHTS = ("ab" * 32,)
LABELS = ("normal", "benign", "malignant")


def as_folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


def as_link_to_nothing(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(path.with_name("gone"))


def as_link_to_itself(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(path.name)


def as_deep(path: Path) -> None:
    path.write_bytes(b'{"digest":' * 10_000)


@pytest.fixture(autouse=True)
def a_home() -> None:
    home.home().mkdir(parents=True, exist_ok=True)


def as_pipe(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def as_endless(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/zero")


PLACES = pytest.mark.parametrize(
    "spoil", [as_folder, as_link_to_nothing, as_link_to_itself, as_deep, as_pipe, as_endless]
)
Spoil = Callable[[Path], None]


def check() -> SiteCheck:
    """A check whose numbers are true."""
    return dataclasses.replace(check_of_ward_3(), weights=WEIGHTS, site="Ward")


@PLACES
def test_a_site_s_checks_and_weeks_stand_beside_a_damaged_one(spoil: Spoil) -> None:
    folder = sites.make_site("Ward")
    folder.keep(check())
    spoil(folder.keep(check()))
    watch = folder.path / "watch" / "m"
    watch.mkdir(parents=True)
    for k in (1, 2):
        (watch / f"2026-W0{k}.json").write_text(Week(f"2026-W0{k}", "m", 60, 0, 0, (6,) * 10, (6,) * 10).to_json())
    spoil(watch / "2026-W02.json")
    for found in (folder.checks(), weeks(folder, "m")):
        assert sorted(one.ok for one in found) == [False, True]
        assert all(one.ok or isinstance(one.error, BadRecord) for one in found)
    assert folder.last_check("m", WEIGHTS) == check()
    assert last_alarms(weeks(folder, "m"), date(2026, 3, 1)) == ()


@pytest.mark.parametrize(
    "change",
    [
        {"score": [1] * 9},
        {"score": [-1] + [1] * 9},
        {"scans": 2**62},
        {"refused": 11},
        {"disagreed": -1},
        {"distance": []},
    ],
)
def test_a_week_that_cannot_be_is_refused_and_alarms_of_nothing(change: dict) -> None:
    told = Week("2026-W02", "m", 10, 1, 1, (1,) * 10, (1,) * 10).to_dict() | change
    with pytest.raises(BadRecord):
        Week.from_dict(told)


@pytest.mark.parametrize(
    "change", [{"confusion": [[1, 0], [0, 1]]}, {"confusion": [[1, 2, 3], [1]]}, {"n_positive": 51}, {"n_cases": -1}]
)
def test_a_check_that_cannot_be_is_refused(change: dict) -> None:
    with pytest.raises(BadRecord):
        SiteCheck.from_dict(check().to_dict() | change)


def test_figures_of_other_labels_are_worth_nothing() -> None:
    task: Task = list_tasks()["breast-ultrasound"]
    assert SiteFigures("Ward", "here", {}, check().confusion).track_record(task, "malignant")
    assert SiteFigures("Ward", "here", {}, ((1, 0), (0, 1))).track_record(task, "malignant") == ()


@PLACES
def test_a_damaged_letter_stands_in_its_place_and_a_new_one_takes_it(spoil: Spoil) -> None:
    signed = letters.sign(Letter.of(check(), "Ward", "cd" * 16, "me"))
    letters.save_letter(signed, "m", WEIGHTS)
    path = next((home.home() / "letters" / "m").glob("*.json"))
    spoil(path)
    assert [one.ok for one in letters.letters("m", WEIGHTS)] == [False]
    if not path.is_dir():
        letters.save_letter(signed, "m", WEIGHTS)
        assert [one.value for one in letters.letters("m", WEIGHTS)] == [signed]


def test_a_damaged_key_is_told() -> None:
    letters.sign(Letter.of(check(), "Ward", "cd" * 16, "me"))
    (home.home() / "keys" / "letters.key").write_bytes(b"short")
    with pytest.raises(BadRecord):
        letters.sign(Letter.of(check(), "Ward", "cd" * 16, "me"))


@PLACES
def test_results_on_their_way_stand_beside_a_damaged_one(spoil: Spoil) -> None:
    whole, spoilt = outbox.put("pacs", [b"one"]), outbox.put("pacs", [b"two"])
    spoil(outbox.folder() / spoilt.id / "state.json")
    assert {one.id: one.state for one in outbox.sendings()} == {whole.id: "waiting", spoilt.id: "failed"}
    assert [one.id for one in outbox.work(PacsConfig(), 0.0)] == [whole.id]


@pytest.mark.parametrize("change", [{"tries": 10**9}, {"next_at": 1e17}, {"next_at": None}])
def test_no_time_or_count_keeps_a_result_back(change: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a clock that was wrong nor a count beyond reason stops the sending."""
    sending = outbox.put("pacs", [b"one"])
    path = outbox.folder() / sending.id / "state.json"
    path.write_text(json.dumps(sending.to_dict() | change))
    server = '[servers.pacs]\nkind = "dicomweb"\nurl = "http://127.0.0.1:9/dicom-web"\n'
    (home.home() / "servers.toml").write_text(server)
    (tried,) = outbox.work(read_pacs_config(), 1e9)
    assert tried.state in ("waiting", "failed")
    assert tried.tries > 0


@pytest.mark.parametrize("change", [{"id": "../../runs"}, {"tries": -1}])
def test_a_result_s_state_is_that_of_its_own_folder(change: dict) -> None:
    sending = outbox.put("pacs", [b"one"])
    path = outbox.folder() / sending.id / "state.json"
    path.write_text(json.dumps(sending.to_dict() | change))
    assert [(one.id, one.state) for one in outbox.sendings()] == [(sending.id, "failed")]
    assert outbox.work(PacsConfig(), 1e9) == ()


@pytest.mark.parametrize(
    "text",
    [
        b"a = " + b"[" * 3000,
        b"a = " + b"9" * 5000,
        b"\xff\xfe",
        b"watch = 1",
        b"servers = [1]",
        b"[servers]\nx = 1",
        b"rules = 1",
        b"receive = 'x'",
        b"[receive]\nport = 'x'",
        b"[receive]\ncallers = 5",
        b"[receive]\ntitle = 5",
        b"[watch]\nfolder = 1",
        b"[servers.x]\nkind = 'dimse'\nhost = 1",
        b"[servers.x]\nport = 1e400",
        b"[servers.x]\nport = 2026-01-01",
        b"[rules.x]\ntask = 't'\nto = 'pacs'",
        b"[rules.x]\ntask = []\nto = []",
        b"[rules]\nx = []",
        b"[servers.x]\nname = 'y'",
    ],
)
def test_whatever_stands_in_servers_toml_is_told(text: bytes) -> None:
    (home.home() / "servers.toml").write_bytes(text)
    with pytest.raises(MedclsError):
        read_pacs_config()


@PLACES
def test_damaged_access_rules_and_servers_are_told(spoil: Spoil) -> None:
    for name in ("servers.toml", "access.toml"):
        spoil(home.home() / name)
    with pytest.raises(MedclsError):
        read_pacs_config()
    with pytest.raises(BadSpec):
        access.read_rules()


def test_rules_nested_without_an_end_are_told() -> None:
    (home.home() / "access.toml").write_bytes(b"a = " + b"[" * 10_000)
    with pytest.raises(BadSpec):
        access.read_rules()


@pytest.mark.parametrize("n", ['"1"', "null", "[1]", "1e400", "true", "-1", "9" * 5000, "[" * 10_000])
def test_a_damaged_trail_goes_on_and_is_told(n: str) -> None:
    """Head and last line damaged: what is done next is written all the same, and the check finds the place."""
    audit.write("first", model="m")
    path = audit.files()[0]
    path.write_bytes(path.read_bytes() + b'{"digest": ' + n.encode() + b"}\n")
    (path.parent / "head.json").write_bytes(b'{"n": ' + n.encode() + b"}")
    (path.parent / "audit-last.jsonl").write_bytes(b"a note of ours\n")
    audit.write("second", model="m")
    assert [line.what for line in audit.lines()] == ["first"]
    found = audit.verify()
    assert (found.broken_at, found.where) == (2, path.name)
    assert b'"second"' in path.read_bytes()


def test_lines_of_wrong_types_are_damaged_whatever_their_digest() -> None:
    audit.write("first", model="m")
    path = audit.files()[0]
    for change in ({"n": "1"}, {"facts": [1]}, {"who": None}, {"at": 5}):
        row = json.loads(path.read_bytes().splitlines()[0]) | change
        row.pop("digest")
        row["digest"] = audit._digest(row)
        (path.parent / "audit-000001.jsonl").write_text(json.dumps(row) + "\n")
        assert audit.verify().broken_at == 1
        assert list(audit.lines()) == []
        (path.parent / "audit-000001.jsonl").write_bytes(b"")
        audit.write("first", model="m")


def test_foreign_files_among_a_translator_s_sheets_take_no_run_down() -> None:
    run = make_run(RunSpec.of(name="translator", collections=("phantoms",)))
    run.samples.mkdir()
    for name in ("epoch-0003.png", "epoch-x.png", "epoch-.png", f"epoch-{'9' * 200}.png", "epoch-²3.png"):
        (run.samples / name).write_bytes(b"x")
    assert [view.id for view in runs.list_runs()] == [run.id]
    assert made.list_sheets(run.id) == (3,)


@PLACES
def test_a_damaged_sheet_is_told(spoil: Spoil) -> None:
    run = make_run(RunSpec.of(name="translator", collections=("phantoms",)))
    run.samples.mkdir()
    spoil(run.samples / "epoch-0003.png")
    if spoil is not as_deep:  # a sheet's bytes are the browser's to read
        with pytest.raises(MedclsError):
            made.read_sheet(run.id, 3)


@pytest.mark.parametrize("holds", [[1], "x", 1, None, {"name": "\ud800"}, {"limits": float("nan")}])
def test_changes_of_a_model_hold_named_values_or_are_told(holds: object) -> None:
    changes_folder("m").mkdir(parents=True)
    (changes_folder("m") / "card.json").write_text(json.dumps({"of": "x", "holds": holds}))
    with pytest.raises(MedclsError):
        read_changes("m", "x", "card.json")


@PLACES
def test_a_damaged_row_of_the_reproduction_stands_in_its_place(spoil: Spoil) -> None:
    first, second = table.systems()[:2]
    for name in (first, second):
        table.write_row(table.Row(name, "0.9", "no-such-run", collection="phantoms"))
    spoil(table.folder() / f"{first}.json")
    told = {row.recipe: row.error for row in table.read_rows()}
    assert told[first]
    assert told[second] is None
    assert table.describe_page(table.read_rows())
    assert dataclasses.replace(table.read_rows()[1], best=None).recipe == second


LISTS = {
    "weights": "odd",
    "runs": "odd",
    "datasets": "odd",
    "searches": "odd",
    "sites": "odd",
    "outbox": "odd",
    "inbox": "odd.dcm",
    "tasks": "odd.toml",
    "reproduction": "odd.json",
    "audit": "audit-000002.jsonl",
}
COMMANDS = (
    ["models"],
    ["runs", "list"],
    ["data", "list"],
    ["search", "list"],
    ["site", "list"],
    ["outbox"],
    ["worklist"],
)


@pytest.mark.parametrize("place", LISTS)
@pytest.mark.parametrize("spoil", [as_link_to_itself, as_pipe])
def test_what_is_no_file_beside_the_others_stops_no_list(spoil: Spoil, place: str) -> None:
    (home.home() / place).mkdir()
    spoil(home.home() / place / LISTS[place])
    assert {cli.main(command) for command in COMMANDS} <= {0, 1}
    assert "skin-melanoma" in list_tasks(home.tasks())


@pytest.mark.skipif(os.geteuid() == 0, reason="nobody keeps root from looking")
def test_folders_that_nobody_may_look_into_stand_in_their_place(capsys: pytest.CaptureFixture) -> None:
    whole, closed = (make_run(RunSpec.of(name=name, collections=("phantoms",))) for name in ("whole", "closed"))
    folders = [closed.path, home.datasets() / "closed", home.home() / "searches" / "closed", home.weights() / "closed"]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0)
    try:
        assert [view.id for view in runs.list_runs()] == [whole.id]
        assert [view.name for view in runs.broken_runs()] == [closed.id]
        for command, name in ((["data", "list"], "closed"), (["search", "list"], "closed"), (["models"], "closed")):
            assert cli.main(command) in (0, 1)
            told = capsys.readouterr()
            assert name in told.out + told.err
    finally:
        for folder in folders:
            folder.chmod(0o755)
