"""One run carried out by two processes on a CPU (gloo), started by Fabric's own launcher."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

from medcls.core.note import Note
from medcls.models import store
from medcls.runs.folder import make_run
from tests.runs.processes import SPEC, finish

pytestmark = pytest.mark.usefixtures("phantoms")
ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


@pytest.mark.slow
def test_two_processes_come_to_what_one_comes_to() -> None:
    spec = SPEC.having(hflip=False, dropout=0.0, ema_decay=0.0)  # nothing random within a share, no batch norm
    alone, together = make_run(spec), make_run(spec)
    assert finish(alone) == 0
    fabric = shutil.which("fabric") or str(Path(sys.executable).with_name("fabric"))
    command = [
        fabric,
        "run",
        "--accelerator=cpu",
        "--devices=2",
        "--strategy=ddp",
        f"--main-port={free_port()}",
        "medcls/runs/worker.py",
        str(together.path),
    ]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert together.state().status == "finished"
    assert Note("training.batch-shared", n=2) in together.metrics()[0].notes
    for one, two in zip(alone.metrics(), together.metrics(), strict=True):
        assert two.validate == pytest.approx(one.validate, rel=1e-3, abs=1e-4)
        assert two.train == pytest.approx(one.train, rel=1e-3, abs=1e-4)
    weights, shared = (load_file(run.result / store.WEIGHTS) for run in (alone, together))
    assert all((weights[n].float() - shared[n].float()).abs().max() < 2e-3 for n in weights)
