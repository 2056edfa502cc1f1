"""Processes of the tests part from one that has loaded what all of them would load: workers, and servers of the app."""

import multiprocessing
import os
import sys
import tempfile
from pathlib import Path

FORKS = multiprocessing.get_context("forkserver")
_LIBRARIES = (
    "scipy.ndimage scipy.optimize scipy.stats onnxruntime torch.utils.serialization streamlit.web.cli pandas "
    "pyarrow.compute pydicom.pixels dicomweb_client.web plotly.graph_objects plotly.graph_objs._figure"
)
_WORKFLOWS = (
    "acts case_report classify data explain marked marks models pacs people runs scans site site_figures site_reading "
    "turns viewer"
)
_LOADED = ["medcls.runs.make", "medcls.runs.worker", *(f"medcls.workflows.{name}" for name in _WORKFLOWS.split())]
FORKS.set_forkserver_preload([*_LOADED, *_LIBRARIES.split()])


def become(environment: dict[str, str], log: Path) -> None:
    """Take an environment for one's own, and write what is said into a file from now on."""
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None  # found anew
    said = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(said, 1)
    os.dup2(said, 2)


def serve(arguments: list[str], folder: Path, environment: dict[str, str], log: Path) -> None:
    """Be `python -m streamlit` with these arguments, asked in a folder."""
    become(environment, log)
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    sys.argv = ["streamlit", *arguments]
    from streamlit.web.cli import main

    main(prog_name="streamlit")
