"""Hand a run to a Ray cluster as a Ray job. Ray is an optional requirement; the cluster does the scheduling."""

import shlex
import sys

from medcls import home
from medcls.errors import RunFailed
from medcls.runs.command import CHECKOUT, worker_command, worker_environment
from medcls.runs.folder import RunFolder


def submit(run: RunFolder, address: str) -> str:
    """Submit the worker of a run as a job.

    The job's machine must see the same `MEDCLS_HOME` under the same path and have medcls' checkout there (or on its
    PYTHONPATH); its state is read from the shared folder as for any other run.

    Args:
        run: The run.
        address: Address of the cluster's dashboard, as `http://head:8265`.

    Returns:
        Ray's id of the job.

    Raises:
        RunFailed: If Ray is not installed, the cluster does not answer, or it refuses the job.
    """
    try:
        from ray.job_submission import JobSubmissionClient
    except ImportError as error:
        raise RunFailed("runs.ray-not-installed") from error
    entry = shlex.join([sys.executable, *worker_command(run)]) + f" >> {shlex.quote(str(run.path / 'log.txt'))} 2>&1"
    kept = {k: v for k, v in worker_environment().items() if k.startswith(("MEDCLS_", "PYTHON", "OMP_", "HF_"))}
    kept.pop("MEDCLS_RAY_ADDRESS", None)
    kept["PYTHONPATH"] = ":".join(p for p in (str(CHECKOUT), kept.get("PYTHONPATH", "")) if p)
    try:
        client = JobSubmissionClient(address)
        return client.submit_job(
            entrypoint=entry,
            runtime_env={"env_vars": kept},
            metadata={"medcls_run": run.id, "medcls_home": str(home.home())},
            entrypoint_num_cpus=1,
            entrypoint_num_gpus=1 if _wants_gpu(run) else 0,
        )
    except (ConnectionError, RuntimeError) as error:
        raise RunFailed("runs.ray-refused", address=address, found=str(error)[:200]) from error


def _wants_gpu(run: RunFolder) -> bool:
    return run.spec().machine.device == "cuda"
