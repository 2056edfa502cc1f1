"""Where things stand on disk. Paths only; nothing is created here."""

import os
from pathlib import Path

_REPOSITORY = Path(__file__).resolve().parent.parent


def home() -> Path:
    """Give the folder of all that users make: `MEDCLS_HOME`, or `workspace` beside the library."""
    return Path(os.environ.get("MEDCLS_HOME") or _REPOSITORY / "workspace").expanduser().resolve()


def datasets() -> Path:
    """Give the folder of the labelled collections' records."""
    return home() / "datasets"


def runs() -> Path:
    """Give the folder of fine-tuning runs."""
    return home() / "runs"


def weights() -> Path:
    """Give the folder of models published on this machine."""
    return home() / "weights"


def tasks() -> Path:
    """Give the folder of task files a user adds."""
    return home() / "tasks"


def cache() -> Path:
    """Give the folder of files that can be made again; never holds a dropped scan."""
    return home() / "cache"


def shipped_weights() -> Path:
    """Give the folder of the models that ship: `MEDCLS_SHIPPED_WEIGHTS`, or `weights` in the repository."""
    return Path(os.environ.get("MEDCLS_SHIPPED_WEIGHTS") or _REPOSITORY / "weights")
