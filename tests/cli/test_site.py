"""`site` and `outbox`, as people misuse them."""

import getpass
from pathlib import Path

import pytest

from medcls import home
from medcls.cli import files, main
from medcls.cli.site import _login
from medcls.core.site import Aim
from medcls.errors import BadSpec
from medcls.evaluation import sites
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
