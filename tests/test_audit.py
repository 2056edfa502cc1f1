"""The audit trail: whole, in order, shared by many writers, and found out when it was touched."""

import json
import multiprocessing
import os
from itertools import pairwise
from pathlib import Path

import pytest

from medcls import audit
from medcls.errors import Conflict


def written(n: int) -> Path:
    """A trail of so many lines; the path of its one file."""
    for i in range(n):
        audit.write("classify", model="m", scan_sha256=f"{i:064x}")
    return audit.files()[0]


def change(path: Path, edit) -> None:
    """Edit the lines of a file."""
    lines = path.read_text().splitlines()
    path.write_text("\n".join(edit(lines)) + "\n")


def test_a_trail_nobody_touched_is_whole() -> None:
    """Numbers from 1, each line chained to the one before."""
    written(5)
    lines = list(audit.lines())
    assert [line.n for line in lines] == [1, 2, 3, 4, 5]
    assert lines[0].before == audit.BEGINNING
    assert all(after.before == before.digest for before, after in pairwise(lines))
    assert audit.verify() == audit.Verdict(5, lines[-1].digest)
    assert audit.verify().whole


@pytest.mark.parametrize(
    ("edit", "broken_at", "missing"),
    [
        (lambda ls: [*ls[:2], ls[2].replace("classify", "declassify"), *ls[3:]], 3, 0),
        (lambda ls: [*ls[:2], *ls[3:]], 3, 0),
        (lambda ls: [ls[0], ls[2], ls[1], *ls[3:]], 2, 0),
        (lambda ls: [*ls[:2], ls[1], *ls[2:]], 3, 0),
        (lambda ls: [*ls[:3], "not json", *ls[3:]], 4, 0),
        (lambda ls: ls[:3], None, 2),
        (lambda ls: [*ls[:4], json.dumps(json.loads(ls[4]) | {"who": "nobody"})], 5, 0),
    ],
    ids=["changed", "missing", "reordered", "twice", "foreign", "end missing", "last changed"],
)
def test_what_was_done_to_it_is_found(edit, broken_at, missing) -> None:
    """The number of the first line that does not follow, or how many are gone at the end."""
    change(written(5), edit)
    verdict = audit.verify()
    assert not verdict.whole
    assert (verdict.broken_at, verdict.missing) == (broken_at, missing)


def test_rotation_does_not_break_the_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new file begins where the last one ended; taking a whole file out is found."""
    monkeypatch.setattr(audit, "MOST_BYTES", 900)
    written(12)
    assert len(audit.files()) > 2
    assert audit.verify().n == 12
    assert audit.verify().whole
    middle = audit.files()[1]
    first = json.loads(middle.read_text().splitlines()[0])["n"]
    middle.unlink()
    assert audit.verify().broken_at == first


@pytest.mark.parametrize("gone", [1, 3, 5])
def test_lines_missing_at_the_end_are_found_after_others_were_written(gone: int) -> None:
    """The next line goes on from what the head says, so that the gap stays; every line and file gone among them."""
    path = written(5)
    change(path, lambda ls: ls[: 5 - gone]) if gone < 5 else path.unlink()
    for _ in range(3):
        audit.write("classify")
    verdict = audit.verify()
    assert (verdict.whole, verdict.broken_at, verdict.n) == (False, 6 - gone, 5 - gone)


@pytest.mark.parametrize("later", [0, 1])
def test_a_last_line_written_anew_with_a_digest_of_its_own_is_found(later: int) -> None:
    """The head told its digest; without the head's last line the chain itself denies it."""
    path = written(4)

    def forged(text: str) -> str:
        row = json.loads(text) | {"who": "nobody"}
        del row["digest"]
        return json.dumps(row | {"digest": audit._digest(row)}, sort_keys=True, ensure_ascii=False)

    change(path, lambda ls: [*ls[:3], forged(ls[3])])
    for _ in range(later):
        audit.write("classify")
    verdict = audit.verify()
    assert (verdict.whole, verdict.broken_at) == (False, 4 + later)


@pytest.mark.parametrize("text", ["\udcff", "a\udcffb"])
def test_what_no_file_can_hold_is_written_as_a_sign(text: str) -> None:
    """A name on the command line that is no UTF-8: the line is there, and the chain whole."""
    audit.write("site.check", who=text, site=text)
    assert [line.what for line in audit.lines()] == ["site.check"]
    assert audit.verify().whole


def test_half_a_line_left_by_a_crash_is_cut_off() -> None:
    """The next line follows the last whole one."""
    path = written(2)
    with path.open("ab") as file:
        file.write(b'{"n": 3, "at"')
    assert (audit.verify().n, audit.verify().whole) == (2, True)  # before anybody wrote again, as well
    audit.write("classify")
    assert audit.verify().n == 3
    assert audit.verify().whole


def test_a_last_line_cut_in_half_is_missing() -> None:
    path = written(3)
    path.write_bytes(path.read_bytes()[:-20])
    assert (audit.verify().missing, audit.verify().whole) == (1, False)


def write_some(home: str, n: int) -> None:
    """Write lines from another process."""
    os.environ["MEDCLS_HOME"] = home
    for _ in range(n):
        audit.write("classify", who="worker")


def test_many_writers_make_one_chain(home: Path) -> None:
    """Four processes at once: every line there, none twice."""
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=write_some, args=(str(home), 25)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
        assert worker.exitcode == 0
    assert audit.verify().n == 100
    assert audit.verify().whole


def test_a_full_disk_stops_nothing_unless_the_site_says_so(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """By default a line on standard error; with MEDCLS_AUDIT_STRICT an error."""
    written(1)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(audit.os, "fsync", full)
    audit.write("classify")
    assert "No space left" in capsys.readouterr().err
    monkeypatch.setenv("MEDCLS_AUDIT_STRICT", "1")
    with pytest.raises(Conflict) as refused:
        audit.write("classify")
    assert refused.value.code == "audit.cannot-write"
    monkeypatch.undo()


def test_after_a_full_disk_the_chain_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line that failed is not half there."""
    written(2)
    with monkeypatch.context() as patch:
        patch.setattr(audit.os, "fsync", lambda handle: (_ for _ in ()).throw(OSError(28, "full")))
        audit.write("lost")
    audit.write("kept")
    assert [line.what for line in audit.lines()] == ["classify", "classify", "kept"]
    assert audit.verify().whole


def test_a_damaged_last_line_does_not_stop_the_next() -> None:
    """It is written after it, and `verify` names the damaged one."""
    path = written(3)
    change(path, lambda ls: [*ls[:2], "garbage"])
    audit.write("classify")
    assert audit.verify().broken_at == 3
    assert len(path.read_text().splitlines()) == 4
