"""A translator's run: teaching, stopping, killing, resuming, and what it makes."""

import dataclasses
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medcls.core.made import MADE_MARK, MadeSet
from medcls.core.run import EpochResult
from medcls.data.made import read_record
from medcls.data.sources import find_sources
from medcls.errors import BadData, BadScan, BadSpec
from medcls.imaging.decode import read_scan
from medcls.runs.folder import RunFolder, make_run
from medcls.workflows import runs
from tests.runs.processes import SPEC, finish, start, wait_until

pytestmark = pytest.mark.usefixtures("phantoms")
GAN = SPEC.having(
    kind="translator",
    from_label="benign",
    to_label="malignant",
    epochs=2,
    batch_size=4,
    lr=2e-4,
    translator_width=4,
    translator_blocks=1,
    made_history=6,
)


def epochs(run: RunFolder) -> list[EpochResult]:
    return [dataclasses.replace(r, elapsed_s=0.0) for r in run.metrics()]


def made(run: RunFolder) -> MadeSet:
    return read_record(run.made, run.id)


def digests(run: RunFolder) -> list[str]:
    return [picture.sha256 for picture in made(run).pictures]


@pytest.fixture(scope="module")
def whole(shared_home: Path) -> tuple[RunFolder, int]:
    """A translator's run that nothing disturbed, and how many writes to disk it made."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDCLS_HOME", str(shared_home))
        find_sources(GAN)  # makes the split, whose writes are not counted
        run = make_run(GAN)
        assert finish(run, count_into=shared_home / "count-gan") == 0, run.log_tail()
    return run, int((shared_home / "count-gan").read_text())


def test_a_translator_ends_with_made_pictures_of_the_training_part_alone(whole: tuple[RunFolder, int]) -> None:
    run, _ = whole
    state = run.state()
    assert (state.status, state.epoch, state.best_epoch, state.left_s) == ("finished", 2, 2, 0.0)
    assert [set(r.train) for r in run.metrics()] == [{"loss", "generators", "discriminators", "cycle", "identity"}] * 2
    assert [set(r.validate) for r in run.metrics()] == [{"loss", "cycle", "identity"}] * 2
    train = find_sources(GAN).cases[0]["train"]
    redrawn = {case.id for case in train if case.label == "benign"}
    told = made(run)
    assert {picture.source for picture in told.pictures} == redrawn
    assert set(told.learned["phantoms"]) == {case.id for case in train if case.label in ("benign", "malignant")}
    assert (told.from_label, told.to_label, told.epochs, told.channels) == ("benign", "malignant", 2, 1)
    assert not (run.path / "checkpoint").exists()
    assert not list(run.path.glob(".*")), "nothing half-made is left"
    assert not runs.show_run(run.id).has_result, "it has no model to publish"
    assert finish(run) == 0, "starting a finished run does nothing"
    assert run.state() == state


def test_every_file_it_makes_bears_the_mark_and_is_no_scan(whole: tuple[RunFolder, int]) -> None:
    run, _ = whole
    sheets, pictures = sorted(run.samples.glob("*.png")), sorted(run.made.glob("*.png"))
    assert [sheet.name for sheet in sheets] == ["epoch-00001.png", "epoch-00002.png"]
    for path in (*sheets, *pictures):
        with Image.open(path) as image:
            assert image.info["medcls"] == MADE_MARK
        with pytest.raises(BadScan) as refused:
            read_scan(path.read_bytes())
        assert refused.value.code == "imaging.made-by-program"
    sheet = np.asarray(Image.open(sheets[0]).convert("RGB"))
    assert ((sheet == (0xB0, 0x00, 0x20)).all(axis=2)).mean() > 0.01, "and a sheet bears it where people look"


@pytest.mark.parametrize("share", [0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 0.97])
def test_kill_minus_9_anywhere_and_resume_is_bit_identical(whole: tuple[RunFolder, int], share: float) -> None:
    undisturbed, writes = whole
    run = make_run(GAN)
    assert finish(run, kill_at=max(1, round(writes * share))) == -signal.SIGKILL
    assert finish(run) == 0, run.log_tail()
    assert run.state().status == "finished"
    assert (epochs(run), digests(run)) == (epochs(undisturbed), digests(undisturbed))
    sheets = {path.name: path.read_bytes() for path in undisturbed.samples.iterdir()}
    assert {path.name: path.read_bytes() for path in run.samples.iterdir()} == sheets


def test_a_stop_keeps_the_last_whole_epoch_and_resume_goes_on() -> None:
    run = make_run(GAN.having(epochs=10_000))
    worker = start(run)
    wait_until(lambda: len(run.metrics()) >= 2, run)
    run.request_stop()
    worker.join()
    state, told = run.state(), made(run)
    assert (state.status, told.epochs) == ("stopped", state.epoch)
    reached = state.epoch
    run.forget_stop()
    again = start(run)
    wait_until(lambda: len(run.metrics()) > reached, run)
    run.request_stop()
    again.join()
    assert made(run).epochs > reached
    assert made(run).digest != told.digest


def test_open_labels_are_the_most_common_and_the_rarest(phantoms: Path) -> None:
    run = make_run(GAN.having(from_label="", to_label="normal", epochs=1))
    assert finish(run) == 0, run.log_tail()
    assert (made(run).from_label, made(run).to_label) == ("benign", "normal")


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"to_label": "benign"}, "core.translation-of-one-label"),
        ({"size_px": 50}, "core.translation-size"),
        ({"precision": "fp16"}, "core.setting-not-possible"),
        ({"made_from": "another"}, "core.translation-of-made"),
    ],
)
def test_what_a_translator_cannot_do_is_refused(wrong: dict, code: str) -> None:
    with pytest.raises(BadSpec) as refused:
        GAN.having(**wrong)
    assert refused.value.code == code


def test_a_run_that_made_nothing_is_named() -> None:
    with pytest.raises(BadData) as refused:
        made(make_run(GAN))
    assert refused.value.code == "data.made-nothing"
