"""Answers go before heatmaps where many readers ask at one moment, and a heatmap does not wait for ever."""

import threading
import time

from medcls.workflows.turns import Turns


def test_a_heatmap_comes_after_the_answers_that_are_under_way() -> None:
    turns, order = Turns(), []
    answering, done = threading.Event(), threading.Event()

    def answer() -> None:
        with turns:
            answering.set()
            done.wait(10)
            order.append("answer")

    def draw() -> None:
        turns.let_answers_go(10)
        order.append("map")

    threads = [threading.Thread(target=answer), threading.Thread(target=draw)]
    threads[0].start()
    assert answering.wait(10)
    threads[1].start()
    assert turns.waits
    done.set()
    for thread in threads:
        thread.join(10)
    assert order == ["answer", "map"]
    assert not turns.waits


def test_a_heatmap_waits_for_nobody_who_does_not_answer_and_no_longer_than_told() -> None:
    turns = Turns()
    started = time.monotonic()
    turns.let_answers_go(60)
    with turns:
        turns.let_answers_go(0.05)
        assert turns.waits
    assert time.monotonic() - started < 30


def test_an_answer_that_fails_lets_heatmaps_go() -> None:
    turns = Turns()
    try:
        with turns:
            raise ValueError
    except ValueError:
        assert not turns.waits
