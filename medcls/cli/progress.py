"""Progress of long work on a terminal."""

import sys
import time


class Bar:
    """Progress on standard error, on one line that is written over; silent where nobody watches."""

    def __init__(self) -> None:
        self.shown = sys.stderr.isatty()
        self.started, self.stage, self.last = time.monotonic(), "", 0.0

    def __call__(self, done: int, total: int, stage: str = "") -> None:
        """Show how far a stage is."""
        now = time.monotonic()
        if stage != self.stage:
            self.started, self.stage, self.last = now, stage, 0.0
        if self.shown and (now - self.last > 0.2 or done == total):
            self.last = now
            left = (now - self.started) / max(done, 1) * (total - done)
            end = "\n" if done == total else ""
            print(f"\r{stage}: {done:,} of {total:,}, {left:.0f} s left   ", end=end, file=sys.stderr, flush=True)
