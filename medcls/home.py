"""Where things stand on disk. Paths only; nothing is created here."""

import os
from functools import cache as _once
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_INSTALLED_APP = _PACKAGE / "_app" / "app.py"


@_once
def checkout() -> Path | None:
    """Return the folder medcls is run from when that is its source, None when it was installed as a wheel."""
    root = _PACKAGE.parent
    return root if (root / "app.py").is_file() and (root / "pyproject.toml").is_file() else None


def home() -> Path:
    """Return the folder of all that users make.

    Returns:
        `MEDCLS_HOME`; without it `workspace` in the checkout, or `medcls` in the user's home folder where medcls is
        installed.
    """
    root = checkout()
    standard = root / "workspace" if root else Path.home() / "medcls"
    named = Path(os.environ.get("MEDCLS_HOME") or standard).expanduser()
    return _resolved(named) if named.is_absolute() else named.resolve()


@_once
def _resolved(path: Path) -> Path:
    """Return a path without links, looked up once: every page asks for it hundreds of times."""
    return path.resolve()


def datasets() -> Path:
    """Return the folder of the labelled collections' records."""
    return home() / "datasets"


def runs() -> Path:
    """Return the folder of fine-tuning runs."""
    return home() / "runs"


def weights() -> Path:
    """Return the folder of models published on this machine."""
    return home() / "weights"


def tasks() -> Path:
    """Return the folder of task files a user adds."""
    return home() / "tasks"


def cache() -> Path:
    """Return the folder of files that can be made again; never holds a dropped scan."""
    return home() / "cache"


def shipped_weights() -> Path:
    """Return the folder of the models that ship.

    Returns:
        `MEDCLS_WEIGHTS` (or its older name, `MEDCLS_SHIPPED_WEIGHTS`); without either `weights` in the checkout. Where
        medcls is installed and neither is set, a folder that does not exist.
    """
    named = os.environ.get("MEDCLS_WEIGHTS") or os.environ.get("MEDCLS_SHIPPED_WEIGHTS")
    return Path(named).expanduser() if named else (checkout() or _PACKAGE) / "weights"


def app_file() -> Path:
    """Return the file that `streamlit run` serves: in the checkout, or inside the installed package."""
    root = checkout()
    return root / "app.py" if root else _INSTALLED_APP
