"""Eight who read, change and write the same record at once: no change is lost, and none is made twice."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from medcls.core.run import RunSpec
from medcls.core.site import SiteSettings
from medcls.errors import MedclsError
from medcls.evaluation import sites
from medcls.runs.about import read_about
from medcls.runs.folder import make_run
from medcls.workflows import run_table, site
from medcls.workflows.marked import marks, put_between_marks

WRITERS, ROUNDS = 8, 12
MODEL = "breast-ultrasound--tiny--0001"


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDCLS_HOME", str(tmp_path / "home"))


def all_at_once(do: Callable[[int], object]) -> list[object]:
    """What each of eight gets, or the code of the error it meets."""
    start = Barrier(WRITERS)

    def one(n: int) -> object:
        start.wait()
        try:
            return do(n)
        except MedclsError as error:
            return error.code

    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(one, range(WRITERS)))


def test_of_eight_who_undo_the_same_settings_one_does() -> None:
    folder = sites.make_site("Ward 3")
    for n in range(ROUNDS):
        line = 2 * n + 1
        site.apply_settings(SiteSettings("Ward 3", MODEL, ("ab",), temperature=2.0 + n, made="2026-11-29"))
        got = all_at_once(lambda _, seen=line: site.undo_settings("Ward 3", MODEL, seen=seen))
        assert got.count(None) == 1
        assert len(list(folder.history())) == line + 1


def test_eight_who_make_a_site_have_one_key() -> None:
    for n in range(ROUNDS):
        keys = all_at_once(lambda _, name=f"Ward {n}": sites.make_site(name).site.key)
        assert set(keys) == {sites.open_site(f"Ward {n}").site.key}


def test_eight_who_tag_a_run_at_once_keep_every_tag() -> None:
    run = make_run(RunSpec.of(name="tagged", collections=("phantoms",)))
    for n in range(ROUNDS):
        run_table.describe_run(run.id, ("first", "gone"), "")
        seen = read_about(run)
        got = all_at_once(
            lambda k, seen=seen, n=n: run_table.describe_run(run.id, ("first", f"{n}.{k}"), "", seen) and 0
        )
        assert got == [0] * WRITERS
        assert set(read_about(run).tags) == {"first", *(f"{n}.{k}" for k in range(WRITERS))}


def test_of_eight_who_write_another_note_one_is_kept_and_the_others_are_told() -> None:
    run = make_run(RunSpec.of(name="noted", collections=("phantoms",)))
    seen = read_about(run)
    got = all_at_once(lambda k: run_table.describe_run(run.id, (), f"note {k}", seen) and 0)
    assert (got.count(0), got.count("runs.note-changed")) == (1, WRITERS - 1)
    assert read_about(run).note == f"note {got.index(0)}"


def test_eight_tables_of_one_file_are_all_written(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    names = [f"table {n}" for n in range(WRITERS)]
    path.write_text("".join("\n".join(marks(name)) + "\n" for name in names))
    for n in range(ROUNDS):
        all_at_once(lambda k, n=n: put_between_marks(path, names[k], f"round {n} of {k}\n"))
        assert all(f"round {n} of {k}\n" in path.read_text() for k in range(WRITERS))
    assert {file.name for file in tmp_path.iterdir()} == {"page.md", "home"}
