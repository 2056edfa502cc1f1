"""`medcls runs describe`: tags and a note beside a run's name."""

import argparse
from typing import Any

HELP = "keep tags and a note with a run, in place of those it had"


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add what is said of a run."""
    parser.add_argument("--tag", action="append", default=[], help="a word to find it by; may be repeated")
    parser.add_argument("--note", default="", help="what is worth knowing of it")


def describe(arguments: argparse.Namespace) -> Any:
    """Keep what was said, and return the run."""
    from medcls.workflows import run_table

    return run_table.describe_run(arguments.run, tuple(arguments.tag), arguments.note)
