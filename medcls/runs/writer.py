"""What a run's worker writes: its state, its epochs, which data it was given, and room for a last word."""

import contextlib
import dataclasses
import errno
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from medcls import disk
from medcls.core.data_seen import DataSeen
from medcls.core.note import Note
from medcls.core.run import EpochResult, RunState, Status
from medcls.errors import MedclsError
from medcls.runs.folder import RunFolder

RESERVE_BYTES = 1 << 16


@dataclass
class RunWriter:
    """What only the worker of a run may do to its folder, while it holds the lock.

    Args:
        run: The run.
        last: What was last written to `state.json`.
        machine: What the state says of where it was written.
    """

    run: RunFolder
    last: RunState
    machine: str = ""

    @classmethod
    def begin(cls, run: RunFolder, epochs: int, machine: str = "") -> "RunWriter":
        """Start writing: reserve room for a last state, and go on from the state written before.

        Args:
            run: The run.
            epochs: How many it is to take.
            machine: What it is computed on, as a person reads it.
        """
        reserve = run.path / "reserve"
        if not reserve.exists():
            with contextlib.suppress(OSError):  # a disk already full is told of when the state is written
                disk.write_atomically(reserve, secrets.token_bytes(RESERVE_BYTES))
        try:
            before = RunState.read(run.path / "state.json")
        except (FileNotFoundError, MedclsError):
            before = RunState("preparing")
        return cls(run, dataclasses.replace(before, epochs=epochs), machine)

    def say(self, status: Status, message: Note | None = None, **changes: object) -> None:
        """Write the state; whatever is not given stays as it was.

        Args:
            status: How the run stands.
            message: What a person should know of it; None for nothing.
            changes: Further fields of `RunState`.

        Raises:
            OSError: If there is no room even after the reserve was given up.
        """
        now = datetime.now(UTC).isoformat(timespec="seconds")
        whole: dict[str, Any] = {
            "status": status,
            "message": message,
            "updated": now,
            "machine": self.machine,
            **changes,
        }
        self.last = dataclasses.replace(self.last, **whole)
        content = self.last.to_json().encode()
        try:
            disk.write_atomically(self.run.path / "state.json", content)
        except OSError:
            (self.run.path / "reserve").unlink(missing_ok=True)
            disk.write_atomically(self.run.path / "state.json", content)

    def append(self, result: EpochResult) -> None:
        """Append one epoch to `metrics.jsonl`; on disk when it returns.

        Raises:
            OSError: If there is no room; the file is then as it was.
        """
        path, line = self.run.path / "metrics.jsonl", result.to_json(indent=None).encode()
        with path.open("ab", buffering=0) as file:
            before = file.tell()
            try:
                if file.write(line) < len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(file.fileno())
            except OSError:
                file.truncate(before)
                raise

    def rewrite(self, results: Iterable[EpochResult]) -> None:
        """Make `metrics.jsonl` say exactly this, if it does not; a resume begins with it."""
        path, content = self.run.path / "metrics.jsonl", b"".join(r.to_json(indent=None).encode() for r in results)
        if (path.read_bytes() if path.is_file() else b"") != content:
            disk.write_atomically(path, content)

    def saw(self, data: DataSeen) -> None:
        """Write down which data the run was given."""
        disk.write_atomically(self.run.path / "data.json", data.to_json().encode())
