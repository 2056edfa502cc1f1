"""Listening for scans that named senders store here, answering them by rule, and sending what waits."""

import time
from collections.abc import Callable

from medcls.errors import MedclsError
from medcls.inlets import listener
from medcls.inlets.outbox import Sending
from medcls.inlets.servers import read_pacs_config
from medcls.words import say
from medcls.workflows import pacs_rules
from medcls.workflows.pacs import try_waiting

_EVERY_S = 2.0


def receive(told: Callable[[str], None], should_stop: Callable[[], bool] = lambda: False) -> None:
    """Listen for scans, and send what waits, until told to stop.

    Args:
        told: Called with a line for a person: where it listens, the digest of each object kept, each result tried.
        should_stop: Asked every two seconds.

    Raises:
        MedclsError: If it cannot listen.
    """
    around = read_pacs_config()
    server = listener.start(around.receive, lambda digest: told(say("workflows.kept", {"digest": digest})))
    here = around.receive
    told(say("workflows.listens", {"title": here.title, "host": here.host, "port": here.port}))
    trouble = ""
    try:
        while not should_stop():
            if (now := _work(told)) not in ("", trouble):
                told(now)
            trouble = now
            time.sleep(_EVERY_S)
    finally:
        server.shutdown()


def _work(told: Callable[[str], None]) -> str:
    """Answer by rule and send what waits; return what stood in the way of it, for the listener goes on all the same."""
    trouble: list[str] = []
    for part in (pacs_rules.work, try_waiting):
        try:
            for made in part():
                told(f"{made.server}: {made.state} {made.why}".rstrip() if isinstance(made, Sending) else str(made))
        except (MedclsError, OSError) as error:  # servers.toml is being written, the disk is full
            trouble.append(str(error))
    return " ".join(dict.fromkeys(trouble))
