"""`app`: the pages, in a browser."""

import argparse
import os
import subprocess
import sys
from typing import Any

from medcls import home
from medcls.cli import verb

# Uvicorn would take the caller's address from a local proxy's header; who may log people in is told by the real one.
_OWN_ADDRESS = {"FORWARDED_ALLOW_IPS": ""}


def add(verbs: Any) -> None:
    """Add the verb."""
    made = verb(verbs, "app", _app, "Serve the pages on this machine.")
    made.add_argument(
        "--port", type=int, metavar="N", help="port to listen on; without it 8501 or the next that is free"
    )
    made.add_argument("--headless", action="store_true", help="open no browser")
    made.add_argument("streamlit", nargs="*", metavar="-- OPTION", help="further options of `streamlit run`")


def _app(args: argparse.Namespace) -> int:
    command = [sys.executable, "-m", "streamlit", "run", str(home.app_file()), *_options(args), *args.streamlit]
    try:
        return subprocess.call(command, env=_OWN_ADDRESS | os.environ)
    except KeyboardInterrupt:  # Ctrl-C reaches both processes; the server says goodbye itself
        return 0


def _options(args: argparse.Namespace) -> list[str]:
    port = [f"--server.port={args.port}"] if args.port is not None else []
    return port + (["--server.headless=true"] if args.headless else [])
