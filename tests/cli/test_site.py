"""`site` and `outbox`, as people misuse them."""

import getpass
import json
from pathlib import Path

import pytest

from medcls import home
from medcls.cli import files, main
from medcls.cli.site import _login
from medcls.core.site import Aim, SiteSettings
from medcls.errors import BadSpec
from medcls.evaluation import sites
from medcls.evaluation.site_answer import weights_of
from medcls.imaging.phantom import phantom
from medcls.workflows import site


def test_a_device_without_an_end_is_read_to_the_limit() -> None:
    """As a card or a mask: whoever looks at it sees that it is too large."""
    endless = Path("/dev/zero")
    if not endless.exists():
        pytest.skip("no /dev/zero here")
    assert len(files.read_some(endless, 1000)) == 1001


def test_a_watch_is_not_switched_on_and_off_at_once() -> None:
    sites.make_site("Ward 3")
    assert main(["site", "watch", "Ward 3", "--on", "--off"]) == 2
    assert not sites.open_site("Ward 3").site.watch


def test_settings_are_taken_back_of_a_model_that_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """That none is named is a mistake of the call, not that nothing is in force."""
    sites.make_site("Ward 3")
    assert main(["site", "undo", "Ward 3"]) == 2
    assert "--model" in capsys.readouterr().err


def test_a_watch_that_has_counted_nothing_says_whether_it_is_on(capsys: pytest.CaptureFixture[str]) -> None:
    """Silence would say either."""
    sites.make_site("Ward 3")
    told = []
    for given in ((), ("--on",), (), ("--off",), ()):
        assert main(["site", "watch", "Ward 3", *given]) == 0
        told.append(capsys.readouterr().out)
    assert told[0] == told[4] != told[2]
    assert told[0]
    assert told[2]


def test_answers_on_the_command_line_are_read_by_a_site_s_settings(
    tiny_model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As on the page: what the threshold decides, and that it did; a site that is not there is told first."""
    scan = tmp_path / "scan.png"
    scan.write_bytes(phantom("breast-ultrasound", "benign", 7))
    sites.make_site("Ward 3")
    site.apply_settings(SiteSettings("Ward 3", tiny_model.id, weights_of(tiny_model), threshold=0.0, n_cases=40))
    assert main(["classify", str(scan), "--site", "Ward 3", "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert "evaluation.site-threshold" in row["codes"]
    assert row["decided"] in ("malignant", None)
    assert main(["classify", str(scan), "--json"]) == 0
    assert "evaluation.site-threshold" not in json.loads(capsys.readouterr().out)["codes"]
    assert main(["classify", str(scan), "--site", "nowhere"]) == 2


@pytest.mark.parametrize("error", [KeyError, OSError])
def test_a_login_that_the_system_does_not_know_is_nobody_s(error: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """As under a number without a name in a container; Python says so in two ways."""

    def unknown() -> str:
        raise error("uid not found")

    monkeypatch.setattr(getpass, "getuser", unknown)
    assert _login() == ""


def test_a_name_that_cannot_be_is_told_before_any_scan_is_asked(tiny_model) -> None:
    """Not after the minutes that they take."""
    asked: list[int] = []
    scans = [(phantom("breast-ultrasound", "benign", seed), "benign", "") for seed in range(12)]
    with pytest.raises(BadSpec):
        site.check_dropped("..", "breast-ultrasound--tiny--0001", scans, Aim(), lambda done, total: asked.append(done))
    assert asked == []


@pytest.mark.parametrize("model", ["nonexistent", "../../etc", ""])
@pytest.mark.parametrize("state", ["approved", "draft", "retired"])
def test_a_model_that_is_not_there_gets_no_state(model: str, state: str) -> None:
    """A history keeps every line: none of them is about nothing."""
    sites.make_site("Ward 3")
    assert main(["site", "state", "Ward 3", model, state, "--why", "because"]) == 2
    assert list(sites.open_site("Ward 3").history()) == []


@pytest.mark.parametrize("name", ["../x", "../../x", "x", ".", "..", "", "/tmp"])
def test_a_result_that_is_not_there_is_told_and_makes_no_folder(name: str) -> None:
    """Neither among those on their way nor anywhere else."""
    (home.home() / "outbox").mkdir(parents=True)
    before = sorted(home.home().parent.rglob("*"))
    if name:
        assert main(["outbox", "--try", name]) == 2
    from medcls.inlets import outbox
    from medcls.inlets.servers import PacsConfig

    for ask in (outbox.again, lambda one: outbox.try_one(one, PacsConfig())):
        with pytest.raises(BadSpec) as unknown:
            ask(name)
        assert unknown.value.code == "inlets.no-such-result"
    assert not (home.home().parent / "x").exists()
    assert [
        p
        for p in sorted(home.home().parent.rglob("*"))
        if p not in before and p.parts[-2] != "audit" and p.name != "audit"
    ] == []
