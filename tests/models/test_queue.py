"""What is asked together is answered together, each with its own."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from medcls.models.queue import Queue


class Doubling:
    """An engine that doubles; slow, so that others gather, and refusing a batch with a negative number in it."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds, self.sizes, self.inside, self.most_inside = seconds, [], 0, 0

    def run(self, batch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Twice the batch, and the batch."""
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        time.sleep(self.seconds)
        self.inside -= 1
        self.sizes.append(len(batch))
        if (batch < 0).any():
            raise ValueError("negative")
        return 2 * batch, batch

    def run_open(self, batch: np.ndarray) -> None:
        """Hand out nothing."""


def batch_of(value: float, n: int = 1) -> np.ndarray:
    """N scans of one value."""
    return np.full((n, 1, 2, 2), value, np.float32)


def test_one_reader_is_answered_at_once() -> None:
    """Alone, a batch goes through as it is; what the engine does not hand out stays None."""
    engine = Doubling()
    doubled, same = Queue(engine).run(batch_of(3, 5))
    assert (doubled == 6).all()
    assert (same == 3).all()
    assert engine.sizes == [5]
    assert Queue(engine).run_open(batch_of(1)) is None


def test_twenty_readers_share_passes_and_each_gets_its_own() -> None:
    """In at most a few passes, never two at once, none larger than allowed."""
    engine = Doubling(0.05)
    queue = Queue(engine, most=8)
    ready = threading.Barrier(20)

    def ask(value: int) -> np.ndarray:
        ready.wait()
        return queue.run(batch_of(value))[0]

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(ask, range(20)))
    assert [float(a[0, 0, 0, 0]) for a in answers] == [2.0 * v for v in range(20)]
    assert sum(engine.sizes) == 20
    assert len(engine.sizes) <= 6
    assert max(engine.sizes) <= 8
    assert engine.most_inside == 1


def test_a_scan_that_fails_spoils_no_other() -> None:
    """Who asked for it hears of it; the others are answered."""
    engine = Doubling(0.05)
    queue = Queue(engine)
    ready = threading.Barrier(6)

    def ask(value: int) -> object:
        ready.wait()
        try:
            return float(queue.run(batch_of(value))[0][0, 0, 0, 0])
        except ValueError as error:
            return str(error)

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(ask, [1, -1, 2, 3, -4, 5])) == [2.0, "negative", 4.0, 6.0, "negative", 10.0]


def test_a_folder_lets_others_in_between() -> None:
    """Someone with many batches does not hold the queue until the last of them."""
    engine = Doubling(0.03)
    queue = Queue(engine, most=4)
    started = threading.Event()

    def folder() -> None:
        for i in range(24):
            queue.run(batch_of(i, 4))
            started.set()

    worker = threading.Thread(target=folder)
    worker.start()
    started.wait()
    before = len(engine.sizes)
    queue.run(batch_of(1))
    worker.join()
    assert engine.sizes.index(1) - before <= 6  # of 24: a loaded machine may hold this thread up for a few
    assert sorted(engine.sizes) == [1] + [4] * 24


def test_an_interrupt_is_not_swallowed() -> None:
    """It ends who asked; the next is answered."""

    class Interrupted(Doubling):
        def run(self, batch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            if batch[0, 0, 0, 0] == 0:
                raise KeyboardInterrupt
            return super().run(batch)

    queue = Queue(Interrupted())
    with pytest.raises(KeyboardInterrupt):
        queue.run(batch_of(0))
    assert float(queue.run(batch_of(2))[0][0, 0, 0, 0]) == 4.0
