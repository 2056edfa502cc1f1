"""A home with every kind of record in it, made by the library itself, for damage to be done to."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from medcls import audit, cli, home
from medcls.core.letter import Letter
from medcls.core.site import SiteSettings
from medcls.evaluation import letters, sites
from medcls.evaluation.site_watch import Week
from medcls.imaging.phantom import phantom
from medcls.inlets import inbox, outbox
from medcls.models import store
from medcls.models.folder import ModelFolder, weights_digest
from medcls.models.layout import WEIGHTS
from medcls.reproduction import table
from medcls.runs import study as studies
from medcls.runs.folder import RunFolder, make_run
from medcls.runs.search_spec import Range, SearchSpec, write_search
from medcls.workflows import site as at_site
from tests.evaluation.test_letters import check as check_of_ward_3
from tests.imaging.dicom_files import dicom, ramp
from tests.runs.processes import LABELS, SPEC, add_phantoms, finish
from tests.runs.test_translate import GAN
from tests.tiny import build_engine, install, write_tiny

GOOD, BAD, MEAN = "breast-ultrasound--good--0001", "breast-ultrasound--tiny--0001", "breast-ultrasound--mean--0001"
SITE, COLLECTION = "ward-3", "phantoms"
_TASK = (
    'id = "own"\nquestion = "Which?"\nlabels = [{ id = "a", name = "A" }, { id = "b", name = "B", positive = true }]\n'
)
_SERVERS = """[receive]
title = "MEDCLS"
port = 11112

[servers.archive]
kind = "dicomweb"
url = "http://127.0.0.1:9/dicom-web"

[rules.all]
task = "breast-ultrasound"
to = ["archive"]
"""
_ACCESS = """[proxy]
header = "X-Forwarded-User"
trusted = ["127.0.0.1/32"]

[roles]
admin = ["local"]
read = ["kim"]
"""


@contextlib.contextmanager
def at(folder: Path) -> Iterator[Path]:
    """Use a folder's home, and no models that ship, for the length of a `with` block."""
    wanted = {"MEDCLS_HOME": str(folder / "home"), "MEDCLS_SHIPPED_WEIGHTS": str(folder / "shipped")}
    before = {name: os.environ.get(name) for name in (*wanted, "MEDCLS_WEIGHTS")}
    os.environ.pop("MEDCLS_WEIGHTS", None)
    os.environ |= wanted
    try:
        yield folder / "home"
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def build(folder: Path) -> None:
    """Make the home in a folder; takes a minute or two."""
    with at(folder):
        add_phantoms(folder / "scans", each=8)
        _models(folder)
        _data(folder)
        _runs()
        _searches()
        _site()
        _around()


def _do(*command: str) -> None:
    code = cli.main(list(command))
    assert code == 0, (command, code)


def _models(folder: Path) -> None:
    write_tiny(folder / "made" / "tiny")
    build_engine(folder / "made" / "tiny")
    for model_id in (GOOD, BAD):
        install(folder / "made" / "tiny", home.weights(), model_id)
    _do("models", "ensemble", GOOD, BAD, "--id", MEAN, "--name", "Mean")
    _do("models", "threshold", BAD, "screening", "malignant", "0.3")
    _do(
        "stress", "--model", BAD, "--data", COLLECTION, "--part", "all", "--shift", "blur", "--most", "6", "--into-card"
    )


def _data(folder: Path) -> None:
    for label in LABELS:
        (folder / "ward" / label).mkdir(parents=True)
        for seed in range(300, 304):
            (folder / "ward" / label / f"{seed}.png").write_bytes(phantom("breast-ultrasound", label, seed))
    _do("data", "add", str(folder / "ward"), "--name", "ward", "--yes")
    _do("data", "split", COLLECTION, "--as", "own", "--parts", "60/20/20")
    _do("data", "label", COLLECTION, "--rename", "benign=harmless")
    _do("data", "label", COLLECTION, "--rename", "harmless=benign")
    _do("data", "audit", COLLECTION)


def _runs() -> None:
    small = SPEC.having(epochs=2)
    for spec in (small.having(name="whole"), small.having(name="spoilt"), GAN.having(name="translator", epochs=1)):
        run = make_run(spec)
        assert finish(run) == 0, run.log_tail()
        run.rename(f"{spec.name} again")
    stopped = make_run(small.having(name="killed", epochs=50))
    assert finish(stopped, kill_at=60) < 0
    _do("runs", "describe", stopped.id, "--tag", "a", "--note", "killed half way")


def run_named(name: str) -> RunFolder:
    """Return the run that was asked for under a name."""
    found = (RunFolder(path.parent) for path in sorted(home.runs().glob("*/spec.json")))
    return next(run for run in found if run.spec().name == name)


def _searches() -> None:
    for name in ("whole-search", "spoilt-search"):
        spec = SearchSpec(name, SPEC, {"lr": Range(1e-5, 1e-1, log=True)}, trials=3)
        write_search(spec)
        made = studies.open_study(spec, make=True)
        made.tell(made.ask(), 0.5)


def _site() -> None:
    card = ModelFolder.find(BAD).card()
    weights = (weights_digest(card),)
    check = replace(check_of_ward_3(), model=BAD, weights=weights, labels=card.task.label_ids)
    folder = sites.make_site("Ward 3")
    folder.keep(check)
    at_site.apply_settings(SiteSettings("Ward 3", BAD, weights, 1.2, 0.4))
    at_site.undo_settings("Ward 3", BAD)
    at_site.apply_settings(SiteSettings("Ward 3", BAD, weights, 1.1, 0.3))
    at_site.set_state("Ward 3", BAD, "approved", why="for the fuzz")
    at_site.consent("Ward 3", True)
    watch = folder.path / "watch" / BAD
    watch.mkdir(parents=True)
    for week in ("2026-W01", "2026-W02"):
        (watch / f"{week}.json").write_text(Week(week, BAD, 60, 0, 0, (6,) * 10, (6,) * 10).to_json())
    signed = letters.sign(Letter.of(check, "Busan", "ab" * 16, "Kim"))
    letters.save_letter(signed, BAD, weights)


def _around() -> None:
    """What stands around the models: tasks, servers, what comes and goes, the trail, the reproduction."""
    home.tasks().mkdir()
    (home.tasks() / "own.toml").write_text(_TASK)
    (home.home() / "servers.toml").write_text(_SERVERS)
    inbox.put(dicom(ramp()))
    outbox.put("archive", [dicom(ramp())])
    for name in table.systems()[:2]:
        table.write_row(table.Row(name, "0.9", "no-such-run", collection=COLLECTION))
    audit.write("fuzz", model=BAD)
    assert store.folder(BAD).joinpath(WEIGHTS).is_file()


def access_rules() -> bytes:
    """Return sound access rules; they stand in no home from the start, as nobody could look at the pages."""
    return _ACCESS.encode()
