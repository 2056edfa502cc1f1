"""Made scans in a run: in its training part and nowhere else, and never where they would leak."""

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from medcls import disk
from medcls.core.made import MADE_RECORD, MadeSet
from medcls.core.run import RunSpec
from medcls.core.scan import Preprocess
from medcls.data.collections import add_collection, open_collection
from medcls.data.made import check_made, choose_made, read_made, read_record
from medcls.data.sources import find_sources
from medcls.errors import BadData, BadSpec, MedclsError
from medcls.models import store
from medcls.models.learned import seen_key
from medcls.runs.folder import RunFolder, make_run
from medcls.runs.made import find_made
from medcls.training.build import copies_for
from medcls.workflows.ablation import ablate
from medcls.workflows.data_split import split_collection
from tests.runs.processes import SPEC, finish
from tests.runs.test_translate import GAN

MOST = 5


@pytest.fixture(scope="module")
def ran(shared_home: Path) -> tuple[RunFolder, RunFolder, RunFolder]:
    """A translator, a network that learned from its pictures too, and one that did not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDCLS_HOME", str(shared_home))
        translator = make_run(GAN.having(epochs=1))
        assert finish(translator) == 0, translator.log_tail()
        with_made = make_run(SPEC.having(made_from=translator.id, made_most=MOST))
        without = make_run(SPEC.having(made_most=MOST))
        for run in (with_made, without):
            assert finish(run) == 0, run.log_tail()
    return translator, with_made, without


@pytest.fixture
def made(ran: tuple[RunFolder, RunFolder, RunFolder], phantoms: Path) -> MadeSet:
    return read_record(ran[0].made, ran[0].id)


def test_made_scans_are_learned_from_and_counted_on_the_card(
    ran: tuple[RunFolder, RunFolder, RunFolder], phantoms
) -> None:
    translator, run, without = ran
    card, plain = store.verify(run.result), store.verify(without.result)
    assert f"{MOST} made scans of malignant in training, by program (run {translator.id})" in card.trained_on
    assert any("made" in limit for limit in card.limits)
    assert "made" not in plain.trained_on
    assert run.data_seen().made == {"malignant": MOST}
    assert run.data_seen().counts == without.data_seen().counts, "they are no scans"
    weights = [store.digest(one.result / store.WEIGHTS) for one in (run, without)]
    assert weights[0] != weights[1]


def test_made_scans_reach_no_evaluation_and_nothing_known_again(
    ran: tuple[RunFolder, RunFolder, RunFolder], made: MadeSet
) -> None:
    _, run, without = ran
    cases, others = store.read_cases(run.result), store.read_cases(without.result)
    assert cases.case.tolist() == others.case.tolist()
    parts = find_sources(SPEC).cases[0]
    assert set(cases.case.tolist()) == {case.id for case in parts["test"]}
    used = {picture.source for picture in made.pictures} | set(made.learned["phantoms"])
    assert not used & {case.id for part in ("validate", "test") for case in parts[part]}
    digests = {picture.sha256 for picture in made.pictures}
    assert not digests & {case.sha256 for case in open_collection("phantoms").cases}
    seen = store.read_seen(run.result)
    assert not set(map(seen_key, digests)) & seen
    assert seen >= set(map(seen_key, made.digests)), "what the translator learned from shaped it"


def test_with_and_without_stand_in_one_row_of_the_ablation(
    ran: tuple[RunFolder, RunFolder, RunFolder], phantoms
) -> None:
    translator, run, without = ran
    (row,) = ablate(run_ids=(run.id, without.id), resamples=50)
    assert (row.setting, row.before, row.after) == ("made_from", without.id, run.id)
    assert (row.value_before, row.value_after) == ("", translator.id)


def test_a_folder_of_made_pictures_makes_no_collection(ran: tuple[RunFolder, RunFolder, RunFolder], phantoms) -> None:
    with pytest.raises(BadData):
        add_collection(ran[0].made, "smuggled")


@pytest.mark.parametrize(
    ("change", "asked", "code"),
    [
        (lambda m, s: {"fingerprints": {"phantoms": "0" * 64}}, {}, "data.made-of-other-scans"),
        (lambda m, s: {"fingerprints": {**m.fingerprints, "more": "0" * 64}}, {}, "data.made-of-other-scans"),
        (lambda m, s: {"labels": ("benign", "malignant")}, {}, "data.made-of-other-labels"),
        (lambda m, s: {}, {"label_map": {"phantoms/normal": ""}}, "data.made-of-other-labels"),
        (lambda m, s: {"splits": {"phantoms": "0" * 64}}, {}, "data.made-of-another-split"),
        (lambda m, s: {"learned": {"phantoms": (s["test"][0].id,)}}, {}, "data.made-leaks"),
        (lambda m, s: {"learned": {"phantoms": (s["validate"][0].id,)}}, {}, "data.made-leaks"),
        (lambda m, s: {"digests": (*m.digests, s["test"][0].sha256)}, {}, "data.made-leaks"),
        (
            lambda m, s: {"pictures": (dataclasses.replace(m.pictures[0], source=s["test"][0].id),)},
            {},
            "data.made-leaks",
        ),
        (lambda m, s: {}, {"fit": "crop"}, "data.made-otherwise-ready"),
        (lambda m, s: {}, {"cleaning": ("clahe",)}, "data.made-otherwise-ready"),
    ],
)
def test_what_would_leak_or_does_not_fit_is_refused(
    made: MadeSet, change: Callable[[MadeSet, dict], dict], asked: dict, code: str
) -> None:
    spec = SPEC.having(made_from=made.run, **asked)
    sources = find_sources(SPEC)
    check_made(made, sources, SPEC)
    with pytest.raises(BadData) as refused:
        check_made(dataclasses.replace(made, **change(made, sources.cases[0])), sources, spec)
    assert refused.value.code == code


def test_a_translator_of_one_fold_leaks_into_the_others(phantoms: Path) -> None:
    split_collection("phantoms", "three", folds=3)
    translator = make_run(GAN.having(epochs=1, split="three", fold=0))
    assert finish(translator) == 0, translator.log_tail()
    find_made(fold := SPEC.having(made_from=translator.id, split="three", fold=0), find_sources(fold))
    for k in (1, 2):
        run = make_run(SPEC.having(made_from=translator.id, split="three", fold=k))
        finish(run)
        assert (run.state().status, run.state().message.code) == ("failed", "data.made-leaks")


def test_as_many_are_drawn_as_make_the_label_as_common_as_the_most_common_one(made: MadeSet) -> None:
    spec = SPEC.having(made_from=made.run)
    few = choose_made(made, {"normal": 9, "benign": 6, "malignant": 6}, spec)
    assert len(few) == 3
    assert few == choose_made(made, {"normal": 9, "benign": 6, "malignant": 6}, spec)
    assert few != choose_made(made, {"normal": 9, "benign": 6, "malignant": 6}, spec.having(seed=1))
    assert choose_made(made, {"normal": 999, "benign": 6, "malignant": 6}, spec) == made.pictures
    assert len(choose_made(made, {"malignant": 9}, spec.having(made_most=2))) == 2
    with pytest.raises(BadData) as refused:
        choose_made(made, {"normal": 6, "benign": 6, "malignant": 6}, spec)
    assert refused.value.code == "data.made-not-needed"


@pytest.mark.parametrize(
    ("harm", "code"),
    [
        (lambda folder: (folder / "made-00000.png").unlink(), "data.made-gone"),
        (lambda folder: disk.write_atomically(folder / "made-00000.png", b"another"), "data.made-changed"),
        (lambda folder: (folder / MADE_RECORD).unlink(), "data.made-nothing"),
        (lambda folder: (folder / MADE_RECORD).write_text("{"), "core.no-json"),
    ],
)
def test_pictures_that_are_gone_or_changed_are_not_learned_from(
    ran: tuple, tmp_path: Path, phantoms: Path, harm: Callable[[Path], object], code: str
) -> None:
    folder = tmp_path / "made"
    shutil.copytree(ran[0].made, folder)
    harm(folder)

    def read() -> None:
        made = read_record(folder, ran[0].id)
        read_made(folder, made, made.pictures, Preprocess(32))

    with pytest.raises(MedclsError) as refused:
        read()
    assert refused.value.code == code


def test_a_run_that_is_not_there_is_named(phantoms: Path) -> None:
    with pytest.raises(BadSpec) as refused:
        find_made(RunSpec.of(made_from="nobody"), find_sources(SPEC))
    assert refused.value.code == "runs.no-such-run"


def test_copies_of_made_scans_are_changed_like_those_of_scans(made: MadeSet, ran: tuple) -> None:
    task = find_sources(SPEC).task
    copies = copies_for(SPEC.having(shifts=("gain",), shift_copies=2), task, "train")
    part = read_made(ran[0].made, made, made.pictures[:3], Preprocess(48), copies)
    assert (part.pixels.shape, part.copies.shape) == ((3, 48, 48, 3), (2, 3, 48, 48, 3))
    assert set(part.truth.tolist()) == {made.labels.index("malignant")}
    assert np.ptp(part.pixels.astype(int), axis=3).max() == 0, "grey stays grey"
