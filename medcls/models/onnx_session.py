"""ONNX Runtime's sessions: how many threads they use, and what those do while they wait."""

import os
import threading
from collections import Counter
from types import ModuleType
from typing import Any


class Company:
    """The threads that answer at this moment; one that enters twice counts once."""

    def __init__(self) -> None:
        self._lock, self._inside = threading.Lock(), Counter[int]()

    def __enter__(self) -> None:
        with self._lock:
            self._inside[threading.get_ident()] += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside[threading.get_ident()] -= 1
            self._inside = +self._inside

    @property
    def others(self) -> bool:
        """True while more than one answers."""
        return len(self._inside) > 1


COMPANY = Company()


def open_session(model: bytes, alone: bool = True) -> Any:
    """Return an ONNX Runtime session.

    Args:
        model: The ONNX file's bytes.
        alone: True to answer one caller as soon as can be: with all cores, whose threads turn while they wait for work.
            Else a pass stays on the core of the thread that asks. Where all cores have work that takes less processor
            time, for no thread waits for another, and the answers are the same.
    """
    onnxruntime = runtime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads() if alone else 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(alone)))
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def runtime() -> ModuleType:
    """Return ONNX Runtime with its telemetry switched off before anything of it runs; the only place that imports it.

    Its wheels carry a client that reports to their maker; nothing leaves this machine unasked.

    Raises:
        ImportError: If it is not installed.
    """
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    return onnxruntime


def threads() -> int:
    """Return how many threads an engine may use: those of this process's cores, or what OMP_NUM_THREADS allows."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return min(cores, int(asked)) if asked.isdecimal() and int(asked) else cores
