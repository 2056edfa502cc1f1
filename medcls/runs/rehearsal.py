"""A rehearsal in a process of its own: a network too large for the machine takes that process down, not the server."""

import json
import subprocess
import sys

from medcls.core.rehearsal import Rehearsal
from medcls.core.run import RunSpec
from medcls.errors import MedclsError, RunFailed
from medcls.runs.command import CHECKOUT, worker_environment

_PATIENCE_S = 600.0


def rehearse_apart(spec: RunSpec, n_labels: int) -> Rehearsal:
    """Return what a few steps of a run took, carried out in another process.

    Args:
        spec: The run's spec.
        n_labels: Number of labels.

    Raises:
        MedclsError: If the run could not even begin, as the rehearsal said it.
        RunFailed: If the rehearsal was killed, or took too long.
    """
    asked = json.dumps({"spec": spec.to_dict(), "n_labels": n_labels})
    try:
        done = subprocess.run(
            [sys.executable, "-m", "medcls.runs.rehearsal"],
            input=asked,
            capture_output=True,
            text=True,
            cwd=CHECKOUT,
            env=worker_environment(),
            timeout=_PATIENCE_S,
        )
    except subprocess.TimeoutExpired as error:
        raise RunFailed("runs.rehearsal-slow", seconds=_PATIENCE_S) from error
    if done.returncode < 0:
        raise RunFailed("runs.rehearsal-killed")
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    told = json.loads(done.stdout.strip().splitlines()[-1])
    if "error" in told:
        raise MedclsError.from_dict(told)
    return Rehearsal.from_dict(told)


def main() -> int:
    """Rehearse the spec on standard input; print what it took, or why it cannot run, as JSON."""
    asked = json.load(sys.stdin)
    from medcls.training.rehearse import rehearse

    try:
        took = rehearse(RunSpec.from_dict(asked["spec"]), asked["n_labels"])
    except MedclsError as error:
        print(json.dumps(error.to_dict()))
        return 0
    print(took.to_json(indent=None))
    return 0


if __name__ == "__main__":
    sys.exit(main())
