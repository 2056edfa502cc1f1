"""How far a collection has come: each step ticked by what is on disk."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from medcls import audit
from medcls.core.model import Origin
from medcls.errors import BadData
from medcls.models import store
from medcls.runs.folder import make_run
from medcls.workflows import build_path, data_audit, data_split, models, run_results
from tests.runs.processes import SPEC, add_phantoms
from tests.tiny import install


def test_each_step_is_ticked_when_it_is_done(home, tmp_path: Path, tiny_made: Path) -> None:
    assert build_path.read_path(None).next == "data"
    add_phantoms(tmp_path / "scans")
    assert build_path.read_path("phantoms") == build_path.Path(frozenset({"data"}), "audit")
    data_audit.audit_collection("phantoms", models=())
    assert [line.facts for line in audit.lines() if line.what == "data.audit"] == [{"name": "phantoms"}]
    assert build_path.read_path("phantoms").next == "split"
    data_split.split_collection("phantoms", "auto")
    assert build_path.read_path("phantoms").next == "train"
    run = make_run(SPEC)
    install(tiny_made, run.path, "result")
    assert build_path.read_path("phantoms").next == "publish"
    assert build_path.read_path("phantoms").run == run.id
    (card,) = [store.read_card(run.result)]
    assert card.origin.run != run.id, "a model of another run publishes nothing of this one"
    (home / "weights").mkdir()
    store.seal(shutil.copytree(run.result, home / "weights" / "out"), replace(card, id="out", origin=Origin(run.id)))
    assert build_path.read_path("phantoms").next == ""
    assert run_results.published_of(run.id).id == "out"
    models.retire("out", "superseded")
    assert build_path.read_path("phantoms").next == "", "a model that is no longer offered was published all the same"
    assert run_results.published_of(run.id) is None
    with pytest.raises(BadData):
        build_path.read_path("gone")
