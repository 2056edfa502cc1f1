"""Requests that several readers make of one network in PyTorch at the same moment go through it together.

PyTorch's passes use all cores, or an accelerator; ONNX Runtime's, one to a core, need no queue. No thread of its own:
whoever asks while nobody else does runs the network at once. Those who come meanwhile wait, and the first of them runs
all that has gathered as one batch. So a single reader never waits for company, twenty cost little more than one large
batch, and a folder of scans, handed in a few at a time, lets others in between.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from medcls.models.engine import Engine

_MOST = 16  # scans in one pass, at most
_CORES = threading.Lock()  # one network at a time: each uses all cores, and two at once only hinder each other

Arrays = tuple[np.ndarray, ...]


@dataclass(eq=False)
class _Asked:
    """A waiting batch, and what became of it.

    No `Outcome`: a bug in the pass too must reach the thread that asked, and a pass may rightly return None.
    """

    batch: np.ndarray
    done: bool = False
    result: Arrays | None = None
    error: Exception | None = None

    def settle(self, run: Callable[[np.ndarray], Arrays | None]) -> None:
        """Run alone, keeping the result or the error."""
        try:
            self.result = run(self.batch)
        except Exception as error:  # noqa: BLE001  # raised again in the thread that asked
            self.error = error


class Queue:
    """An engine that answers the requests of several threads together, in the order they came.

    Args:
        engine: What runs the network; called from one thread at a time.
        most: Scans in one pass, at most; a larger batch that one thread asks goes through on its own.
    """

    def __init__(self, engine: Engine, most: int = _MOST) -> None:
        self.engine, self._most = engine, most
        self._answers, self._opens = _Line(engine.run, most), _Line(engine.run_open, most)

    def run(self, batch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return logits and features; see `Engine.run`.

        Raises:
            Exception: Whatever the engine raised for the pass that this batch was part of.
        """
        found = self._answers.ask(batch)
        assert found is not None
        return found[0], found[1]

    def run_open(self, batch: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        """Return logits, features and the heatmap layer's output, or None; see `Engine.run_open`.

        Raises:
            Exception: As `run`.
        """
        found = self._opens.ask(batch)
        return None if found is None else (found[0], found[1], found[2])


class _Line:
    """Callers waiting for one function of an engine."""

    def __init__(self, run: Callable[[np.ndarray], Arrays | None], most: int) -> None:
        self._run, self._most = run, most
        self._waiting: deque[_Asked] = deque()
        self._turn = threading.Lock()  # held by the thread that runs passes

    def ask(self, batch: np.ndarray) -> Arrays | None:
        mine = _Asked(batch)
        self._waiting.append(mine)
        while not mine.done:
            with self._turn, _CORES:
                if not mine.done:
                    self._pass(mine)
        if mine.error is not None:
            raise mine.error
        return mine.result

    def _pass(self, mine: _Asked) -> None:
        """Run the first who wait as one batch; where that fails, each alone, so that none spoils another's answer."""
        together = [self._waiting.popleft()]
        n = len(together[0].batch)
        while self._waiting and n + len(self._waiting[0].batch) <= self._most:
            together.append(self._waiting.popleft())
            n += len(together[-1].batch)
        batch = np.concatenate([one.batch for one in together]) if together[1:] else together[0].batch
        try:
            _share(together, self._run(batch))
        except Exception:  # noqa: BLE001  # handed to who asked
            for one in together:
                one.settle(self._run)
        except BaseException:  # this thread is interrupted; the others' scans wait for the next
            self._waiting.extendleft(one for one in reversed(together) if one is not mine)
            raise
        for one in together:
            one.done = True


def _share(together: list[_Asked], outputs: Arrays | None) -> None:
    """Hand each waiting batch its own rows."""
    start = 0
    for one in together:
        end = start + len(one.batch)
        one.result = None if outputs is None else tuple(values[start:end] for values in outputs)
        start = end
