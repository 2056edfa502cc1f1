"""An answer averaged over orientations is the same however the scan was held; nothing else of it changes."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from medcls import nets
from medcls.core.model import ModelCard
from medcls.core.scan import ORIENTATIONS, Preprocess, Scan
from medcls.data.batches import Part
from medcls.explain.drawing import predict_and_explain
from medcls.imaging.decode import read_scan
from medcls.imaging.orientations import orient, predict_oriented
from medcls.models.card_text import describe_input
from medcls.models.network import Network
from medcls.nets.anatomy import classifier_of
from medcls.tasks import list_tasks
from medcls.training.outputs import run_part


def network(orientations: int) -> Network:
    torch.manual_seed(3)
    task = list_tasks()["skin-melanoma"]
    preprocess = Preprocess(40, fit="stretch", orientations=orientations)
    net = nets.build("cancernet", 2, size_px=40)
    torch.nn.init.normal_(classifier_of(net).weight, std=1e4)  # a fresh network hardly tells one picture from another
    return Network(ModelCard("m", "m", task, "cancernet", preprocess), net)


def scan() -> Scan:
    pixels = np.random.default_rng(5).integers(0, 255, (40, 40, 3), np.uint8)
    Image.fromarray(pixels).save(file := io.BytesIO(), "PNG")
    return read_scan(file.getvalue())


def turned(one: Scan, quarter_turns: int, mirrored: bool) -> Scan:
    pixels = np.rot90(one.pixels, quarter_turns)
    return replace(one, pixels=np.ascontiguousarray(pixels[:, ::-1] if mirrored else pixels))


@pytest.mark.parametrize("n", ORIENTATIONS)
def test_orientations_are_different_and_closed(n: int) -> None:
    squares = np.random.default_rng(1).integers(0, 255, (2, 5, 5, 3), np.uint8)
    found = list(orient(squares, n))
    assert len({one.tobytes() for one in found}) == n
    assert np.array_equal(found[0], squares)
    mirrored = list(orient(found[-1], n))  # of any of them, the same set
    assert {one.tobytes() for one in mirrored} == {one.tobytes() for one in found}


@pytest.mark.parametrize(
    ("n", "turn", "mirrored", "same"),
    [(1, 0, True, False), (2, 0, True, True), (2, 1, False, False), (8, 1, False, True), (8, 3, True, True)],
)
def test_an_answer_is_the_same_in_the_orientations_it_averages(n: int, turn: int, mirrored: bool, same: bool) -> None:
    made, one = network(n), scan()
    here, there = made.predict_many([one, turned(one, turn, mirrored)])
    assert np.allclose(here.logits, there.logits, rtol=1e-3) == same


def test_the_mean_is_of_logits_and_features_are_of_the_scan_as_it_is() -> None:
    plain, all_of_them, one = network(1), network(8), scan()
    squares = np.stack([plain.place(one)])
    logits, features = all_of_them.ask(squares)
    each = [plain.ask(square)[0] for square in orient(squares, 8)]
    assert np.allclose(logits, np.mean(each, axis=0), rtol=1e-3)
    assert np.array_equal(features, plain.ask(squares)[1])


@pytest.mark.parametrize("n", ORIENTATIONS)
def test_answer_and_heatmap_calibration_and_answer_are_asked_alike(n: int) -> None:
    made, one = network(n), scan()
    answer, _ = predict_and_explain(made, one)
    assert np.allclose(answer.logits, made.predict(one).logits, rtol=1e-3)
    part = Part(np.stack([made.place(one)] * 3), np.zeros(3, np.int64), ())
    assert np.allclose(run_part(made.net, part, made.card.preprocess)[0], answer.logits, rtol=1e-3)


def test_many_squares_go_through_a_few_at_a_time() -> None:
    asked: list[int] = []

    def ask(squares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        asked.append(len(squares))
        sums = squares.astype(np.float32).sum(axis=(1, 2, 3))[:, None]
        return sums, sums

    squares = np.random.default_rng(2).integers(0, 255, (9, 4, 4, 1), np.uint8)
    logits, _ = predict_oriented(squares, 8, ask)
    assert np.allclose(logits[:, 0], squares.sum(axis=(1, 2, 3)))
    assert max(asked) <= 16


def test_a_logit_that_is_no_number_in_one_orientation_is_none_of_the_answer() -> None:
    def ask(squares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        logits = squares[:, 0, 0].astype(np.float32)  # the corner: not a number where it is 0
        return np.where(logits == 0, np.nan, logits), logits

    squares = np.ones((1, 3, 3, 1), np.uint8)
    squares[0, 2, 2] = 0
    assert np.isnan(predict_oriented(squares, 8, ask)[0]).all()


def test_the_card_tells_of_orientations() -> None:
    assert "8" in describe_input(network(8).card).replace(describe_input(network(1).card), "")
