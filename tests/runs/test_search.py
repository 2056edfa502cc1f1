"""Searches: trials are real runs in real processes, scores come from their epochs, and a search survives its worker."""

import contextlib
import dataclasses
import math
import sqlite3
import threading

import optuna
import pytest

from medcls import disk, home
from medcls.errors import BadSpec, Conflict, MedclsError, RunFailed
from medcls.runs import search as searches
from medcls.runs import search_view
from medcls.runs import study as studies
from medcls.runs.folder import RunFolder, open_run
from medcls.runs.search import Work
from medcls.runs.search_spec import Range, SearchSpec, folder_of, value_of, write_search
from medcls.workflows import runs, search
from tests.runs.processes import SPEC, start, wait_until

pytestmark = pytest.mark.usefixtures("phantoms", "watchful")
BASE = SPEC.having(epochs=2, schedule="constant")


@pytest.fixture
def watchful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of a second are looked at more often than those of hours."""
    monkeypatch.setattr(searches, "_LOOK_EVERY_S", 0.05)


def make(name: str, **changes) -> SearchSpec:
    ranges = {"lr": Range(1e-5, 1e-1, log=True), "batch_size": Range(choices=(4, 8)), "freeze": Range(0, 2)}
    spec = SearchSpec(name, BASE, ranges, **{"trials": 4, "prune": False, **changes})
    write_search(spec)
    return spec


def begin(run: RunFolder) -> None:
    start(run)


def test_trials_are_runs_and_their_scores_are_the_runs_own(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = make("small", sampler="tpe", trials=4)
    said = list(Work(spec, begin).carry_on())
    assert len(said) == 4
    view = search.show_search("small")
    assert [t.state for t in view.trials] == ["complete"] * 4
    assert view.done == 4
    for trial in view.trials:
        run = open_run(trial.run)
        tried = {name: run.spec().value(name) for name in ("lr", "batch_size")}
        assert tried == {name: trial.values[name] for name in tried}
        assert run.spec().network.freeze == (f"lowest:{trial.values['freeze']}" if trial.values["freeze"] else "")
        assert run.state().status == "finished"
        assert trial.value == max(e.validate["auroc"] for e in run.metrics())
    assert view.best.value == max(t.value for t in view.trials)
    assert not view.importance, "four trials say nothing of what mattered"
    if len({t.value for t in view.trials}) > 1:
        monkeypatch.setattr(search_view, "FEWEST_FOR_IMPORTANCE", 4)
        assert sum(search.show_search("small").importance.values()) == pytest.approx(1)
    assert list(Work(spec, begin).carry_on()) == [], "enough trials are enough"


def test_what_was_left_open_is_gone_on_with_not_begun_again() -> None:
    spec = make("cut", trials=2)
    work = Work(spec, begin)
    study = studies.open_study(spec, make=True)
    trial = study.ask()
    run = searches.make_run(work._vary(trial))
    trial.set_user_attr("run", run.id)  # here the process that worked on the search was killed
    list(work.carry_on())
    view = search.show_search("cut")
    assert [t.state for t in view.trials] == ["complete", "complete"]
    assert view.trials[0].run == run.id
    assert open_run(run.id).state().status == "finished"


def test_a_stop_leaves_the_trial_open_and_its_run_stopped() -> None:
    spec = make("stopped", trials=3)
    spec = dataclasses.replace(spec, base=BASE.having(epochs=5000))
    looks = []

    def sleep(seconds: float) -> None:
        looks.append(seconds)
        if any(r.metrics() for r in [RunFolder(home.runs() / t.run) for t in search.show_search("stopped").trials]):
            search.stop_search("stopped") if not (folder_of("stopped") / "stop").exists() else None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search.searches, "is_worked_on", lambda name: True)  # looking at its own lock would free it
        (told,) = Work(spec, begin, sleep).carry_on()
    assert (told.code, told.params["status"]) == ("runs.trial-ended", "stopped")
    view = search.show_search("stopped")
    assert [t.state for t in view.trials] == ["left open"]
    assert open_run(view.trials[0].run).state().status == "stopped"


@pytest.mark.slow
def test_a_search_works_in_the_background_stops_and_is_gone_on_with() -> None:
    base = BASE.having(epochs=10_000)
    search.start_search(SearchSpec("behind", base, {"lr": Range(1e-5, 1e-1, log=True)}, trials=1, prune=False))
    assert search.any_at_work(), "it is at work when starting returns"
    with pytest.raises(Conflict, match="Stop it first"):
        search.delete_search("behind")
    wait_until(lambda: any(t.run and runs.read_metrics(t.run) for t in search.show_search("behind").trials))
    for _ in range(2):
        search.stop_search("behind")
        wait_until(lambda: not searches.is_worked_on("behind"))
        (trial,) = search.show_search("behind").trials
        assert (trial.state, runs.show_run(trial.run).state.status) == ("left open", "stopped")
        assert "Trial 0: stopped" in search.read_log("behind")
        reached = runs.show_run(trial.run).state.epoch
        search.resume_search("behind")
        wait_until(lambda id=trial.run, reached=reached: len(runs.read_metrics(id)) > reached)
    search.stop_search("behind")
    wait_until(lambda: not searches.is_worked_on("behind"))
    search.delete_search("behind")
    assert "behind" not in search.list_searches()


def test_a_search_whose_deletion_was_killed_is_in_no_list(monkeypatch: pytest.MonkeyPatch) -> None:
    make("gone")
    before = set(search.list_searches())
    monkeypatch.setattr(disk.shutil, "rmtree", lambda _: _interrupt())
    with pytest.raises(InterruptedError):
        search_view.delete_search("gone")
    assert set(search.list_searches()) == before - {"gone"}


def test_a_search_whose_database_does_not_answer_leaves_nothing_behind() -> None:
    with pytest.raises(BadSpec) as refused:
        search.start_search(SearchSpec("nowhere", BASE, {"lr": Range(1e-5, 1e-1)}, storage="nonsense://x"))
    assert refused.value.code == "runs.storage-not-allowed"
    assert "nowhere" not in search.list_searches()


def test_a_trial_that_lags_is_given_up() -> None:
    spec = make("pruned", sampler="random", trials=1, prune=True)
    study = studies.open_study(spec, make=True)
    good = {"lr": optuna.distributions.FloatDistribution(1e-5, 1e-1, log=True)}
    for _ in range(5):
        scores = dict.fromkeys(range(1, 301), 2.0)
        study.add_trial(
            optuna.trial.create_trial(value=2.0, params={"lr": 1e-3}, distributions=good, intermediate_values=scores)
        )
    spec = dataclasses.replace(spec, trials=6, base=BASE.having(epochs=300))
    (told,) = Work(spec, begin).carry_on()
    assert told.code == "runs.trial-given-up"
    trial = search.show_search("pruned").trials[-1]
    assert trial.state == "pruned"
    assert open_run(trial.run).state().epoch < 300


def test_two_machines_share_a_study_through_a_database(tmp_path, monkeypatch: pytest.MonkeyPatch, phantoms) -> None:
    other = home.home() / "other"  # a file both homes hold; on two machines it is a database server
    other.mkdir()
    url = f"sqlite:///{other / 'shared.db'}"
    spec = make("shared", trials=2, storage=url)
    studies.open_study(spec, make=True)
    monkeypatch.setenv("MEDCLS_HOME", str(other))
    joined = searches.join_search("shared", url)
    assert joined == spec
    with pytest.raises(Conflict):
        searches.join_search("shared", url)
    with pytest.raises(BadSpec):
        searches.join_search("nothing", url)


@pytest.mark.parametrize(
    "url",
    [
        "nonsense://x",
        "sqlite://",
        "sqlite:////etc/passwd",
        "sqlite:////tmp/x.db",
        "sqlite:///file:x.db?mode=rwc&uri=true",
        "x.db",
        "sqlite:///{home}/../x.db",
        "sqlite:///{home}/datasets/busi/index.sqlite",
        "postgresql://",
        "mysql+pymysql:///?unix_socket=x",
    ],
)
def test_a_search_is_kept_on_a_server_or_under_the_home_and_nowhere_else(url: str) -> None:
    with pytest.raises(BadSpec) as refused:
        make("elsewhere", storage=url.format(home=home.home()))
    assert refused.value.code == "runs.storage-not-allowed"
    SearchSpec("fine", BASE, {"lr": Range(1e-5, 1e-1)}, storage="postgresql+psycopg://user:word@host/db")


def test_a_locked_database_is_waited_for_and_an_ended_search_is_shown_as_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = make("locked", trials=1)
    studies.open_study(spec, make=True)
    with contextlib.closing(sqlite3.connect(folder_of("locked") / "study.db", check_same_thread=False)) as other:
        other.execute("BEGIN EXCLUSIVE")
        monkeypatch.setattr(studies, "_LOCKED_S", 0.2)
        monkeypatch.setattr(studies, "_AGAIN_S", 0.1)
        free = threading.Timer(1.0, other.rollback)
        free.start()
        (told,) = Work(spec, begin).carry_on()  # began while the file was locked
        free.join()
    assert (told.code, told.params["status"]) == ("runs.trial-scored", "finished")
    assert search.show_search("locked").done == 1
    more = dataclasses.replace(spec, trials=3)
    disk.write_atomically(folder_of("locked") / "search.json", more.to_json().encode())
    studies.open_study(more).ask()  # a trial whose process was killed
    view = search.show_search("locked")
    assert (view.ended_early, [t.state for t in view.trials]) == (True, ["complete", "left open"])


def test_a_database_that_stays_locked_ends_the_search_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = make("silent", trials=1)
    studies.open_study(spec, make=True)
    monkeypatch.setattr(studies, "PATIENCE_S", 0.5)
    monkeypatch.setattr(studies, "_AGAIN_S", 0.1)
    monkeypatch.setattr(studies, "_LOCKED_S", 0.1)
    with contextlib.closing(sqlite3.connect(folder_of("silent") / "study.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(BadSpec) as refused:
            list(Work(spec, begin).carry_on())
        assert refused.value.code == "runs.study-not-opened"
    study = studies.open_study(spec)
    with contextlib.closing(sqlite3.connect(folder_of("silent") / "study.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(RunFailed) as ended:
            studies.patiently(study.ask)
        assert ended.value.code == "runs.study-silent"


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "Not a Name"},
        {"ranges": {}},
        {"trials": 0},
        {"ranges": {"nothing": Range(0, 1)}},
        {"ranges": {"lr": Range(1, 0.1)}},
        {"ranges": {"lr": Range(0, 0.1, log=True)}},
        {"ranges": {"lr": Range(0.1, 1e9)}},
        {"ranges": {"dropout": Range(choices=("abc",))}},
        {"ranges": {"batch_size": Range(choices=(4.5,))}},
        {"ranges": {"optimiser": Range(choices=("adam", "magic"))}},
        {"ranges": {"optimiser": Range(0, 1)}},
    ],
    ids=str,
)
def test_what_cannot_be_searched_is_refused(changes: dict) -> None:
    with pytest.raises(BadSpec):
        SearchSpec(**{"name": "a", "base": BASE, "ranges": {"lr": Range(1e-5, 1e-1)}, **changes})


def test_a_search_is_json_and_back() -> None:
    spec = SearchSpec("a", BASE, {"lr": Range(1e-5, 1e-1, log=True), "cleaning": Range(choices=((), ("clahe",)))})
    again = SearchSpec.from_json(spec.to_json())
    assert again.ranges["lr"] == spec.ranges["lr"]
    assert [value_of(c) for c in again.ranges["cleaning"].choices] == [(), ("clahe",)]
    assert again.base == spec.base


def test_ranges_as_the_command_line_writes_them() -> None:
    assert search.parse_range("freeze=0..40") == ("freeze", Range(0, 40))
    assert search.parse_range("batch_size=16,32")[1].choices == (16, 32)
    assert search.parse_range("optimiser=adam,sgd")[1].choices == ("adam", "sgd")
    for bad in ("lr", "lr=", "lr=a..b", ""):
        with pytest.raises(BadSpec):
            search.parse_range(bad)
    assert math.isnan(Range().low)


@pytest.mark.parametrize(("name", "high"), [("channels", 3), ("orientations", 8)])
def test_a_setting_of_a_few_values_is_not_searched_over_a_range(name: str, high: int) -> None:
    with pytest.raises(BadSpec) as refused:
        SearchSpec("few", BASE, {name: Range(1, high)})
    assert refused.value.code == "core.setting-not-possible"


def test_who_takes_a_search_up_tries_other_values() -> None:
    spec = make("again", storage=f"sqlite:///{home.home() / 'again.db'}", sampler="random")

    def first(make: bool) -> dict:
        trial = studies.open_study(spec, make=make).ask()
        for name, values in spec.ranges.items():
            searches.suggest(trial, name, values)
        return dict(trial.params)

    tried = [first(make=True), first(make=True), first(make=False)]
    assert len({values["lr"] for values in tried}) == 3


def test_a_run_that_failed_is_no_best_trial_whatever_it_scored_before() -> None:
    spec = make("broken", trials=1)
    study = studies.open_study(spec, make=True)
    trial = study.ask()
    run = searches.make_run(Work(spec, begin)._vary(trial))
    failed = dataclasses.replace(run.state(), status="failed", best_score=0.99, best_epoch=3, message="no more")
    (run.path / "state.json").write_text(failed.to_json(), encoding="utf-8")
    assert Work(spec, begin)._tell(study, trial, run, pruned=False).params["status"] == "failed"
    assert [t.state.name for t in study.get_trials()] == ["FAIL"]


def test_a_study_that_names_no_run_of_ours_starts_none_but_its_own() -> None:
    study = studies.open_study(make("strange", trials=6), make=True)
    for run in (5, None, ["a"], "../../elsewhere", "x" * 5000):
        study.ask().set_user_attr("run", run)
    begun: list[RunFolder] = []
    with pytest.raises(InterruptedError):
        list(Work(search_view.read_search("strange"), lambda one: begun.append(one) or _interrupt()).carry_on())
    assert [one.spec().name for one in begun] == ["strange 5"]


def _interrupt() -> None:
    raise InterruptedError


@pytest.mark.parametrize("damage", ["trial_values SET value = NULL", "trials SET state = 'x'"])
def test_a_damaged_study_ends_its_search_with_a_sentence_and_stands_in_its_place(damage: str) -> None:
    spec = make(f"damaged-{damage.split()[0].replace('_', '-')}")
    study = studies.open_study(spec, make=True)
    study.tell(study.ask(), 0.5)
    with contextlib.closing(sqlite3.connect(folder_of(spec.name) / "study.db")) as db:
        db.execute(f"UPDATE {damage}")
        db.commit()
    with pytest.raises(MedclsError):
        list(Work(spec, begin).carry_on())
    with pytest.raises(MedclsError):
        search.show_search(spec.name)
