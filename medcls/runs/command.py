"""What the worker of a run is, for whoever starts one: a command, its environment and where it stands."""

import os
from pathlib import Path

import medcls
from medcls import home
from medcls.runs.folder import RunFolder

CHECKOUT = Path(medcls.__file__).resolve().parent.parent


def worker_command(run: RunFolder) -> list[str]:
    """Return what a run's worker is, after the interpreter."""
    return ["-m", "medcls.runs.worker", str(run.path)]


def worker_environment() -> dict[str, str]:
    """Return the environment a worker needs: ours, with the home spelled out."""
    return {**os.environ, "MEDCLS_HOME": str(home.home()), "PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1"}
