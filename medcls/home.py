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
    standard = _inside(root, "workspace") if root else Path.home() / "medcls"
    named = os.environ.get("MEDCLS_HOME") or str(standard)
    return _resolved(named) if os.path.isabs(named) else Path(named).expanduser().resolve()


@_once
def _resolved(named: str) -> Path:
    """Return a folder without links, looked up once: every page asks for it hundreds of times."""
    return Path(named).resolve()


@_once
def _inside(folder: Path, name: str) -> Path:
    return folder / name


def datasets() -> Path:
    """Return the folder of the labelled collections' records."""
    return _inside(home(), "datasets")


def runs() -> Path:
    """Return the folder of fine-tuning runs."""
    return _inside(home(), "runs")


def weights() -> Path:
    """Return the folder of models published on this machine."""
    return _inside(home(), "weights")


def tasks() -> Path:
    """Return the folder of task files a user adds."""
    return _inside(home(), "tasks")


def cache() -> Path:
    """Return the folder of files that can be made again; never holds a dropped scan."""
    return _inside(home(), "cache")


def shipped_weights() -> Path:
    """Return the folder of the models that ship.

    Returns:
        `MEDCLS_WEIGHTS` (or its older name, `MEDCLS_SHIPPED_WEIGHTS`); without either `weights` in the checkout. Where
        medcls is installed and neither is set, a folder that does not exist.
    """
    named = os.environ.get("MEDCLS_WEIGHTS") or os.environ.get("MEDCLS_SHIPPED_WEIGHTS")
    return Path(named).expanduser() if named else _inside(checkout() or _PACKAGE, "weights")


def app_file() -> Path:
    """Return the file that `streamlit run` serves: in the checkout, or inside the installed package."""
    root = checkout()
    return root / "app.py" if root else _INSTALLED_APP
