"""The command line: the same workflows as the pages.

Exit status: 0 when everything asked was answered, 1 when some could not be, 2 for wrong use.
"""

import argparse
import contextlib
import json
import os
import sqlite3
import sys
from collections.abc import Callable, Mapping, Sized
from importlib import import_module
from types import MappingProxyType
from typing import Any

from medcls import __version__, access
from medcls.core.note import Note
from medcls.errors import MedclsError
from medcls.words import plain

_SAID = frozenset({"how", "part"})  # sentences in the documented JSON, notes in records

# Verb -> module of this package that adds it. A module may add several verbs.
VERBS: Mapping[str, str] = MappingProxyType(
    {
        "app": "app",
        "classify": "classify",
        "models": "models",
        "evaluate": "evaluate",
        "compare": "compare",
        "ablation": "compare",
        "explain": "explain",
        "explain-test": "explain",
        "tissue-map": "explain",
        "data": "data",
        "train": "train",
        "recipes": "recipes",
        "reproduce": "recipes",
        "runs": "runs",
        "search": "search",
        "site": "site",
        "report": "report",
        "audit": "report",
        "receive": "pacs",
        "worklist": "pacs",
        "outbox": "pacs",
        "stress": "stress",
    }
)

# Package -> the extra of pyproject.toml that brings it.
EXTRAS: Mapping[str, str] = MappingProxyType({"optuna": "search", "sqlalchemy": "search", "onnx": "onnx", "ray": "ray"})


def parser(only: str = "") -> argparse.ArgumentParser:
    """Return the parser of the command line.

    Args:
        only: A verb: the others need not be there, whose modules then are not loaded. Anything else adds them all.
    """
    root = argparse.ArgumentParser(
        prog="medcls",
        description="What networks say of a medical scan, and how far to trust it. Research use, not a medical device.",
    )
    root.add_argument("--version", action="version", version=f"medcls {__version__}")
    verbs = root.add_subparsers(title="verbs", metavar="VERB", required=True)
    for module in [VERBS[only]] if only in VERBS else dict.fromkeys(VERBS.values()):
        import_module(f"medcls.cli.{module}").add(verbs)
    return root


def verb(verbs: Any, name: str, handler: Callable[[argparse.Namespace], int], help: str) -> argparse.ArgumentParser:
    """Add a verb.

    Args:
        verbs: What `add_subparsers` gave.
        name: The verb.
        handler: Carries it out; returns the exit status.
        help: One sentence.
    """
    made = verbs.add_parser(name, help=help, description=help)
    made.set_defaults(handler=handler)
    return made


def add_part(made: argparse.ArgumentParser) -> None:
    """Add the options that say which cases of labelled collections are asked."""
    made.add_argument(
        "--part",
        default="unseen",
        choices=("unseen", "test", "train", "validate", "all"),
        help="unseen (default): every labelled scan of a group the model was never trained on; or a part of the split",
    )
    made.add_argument("--split", default="auto", help="name of the split (default auto, the one runs use)")
    made.add_argument("--fold", type=int, default=0, help="fold that is the test part, where the split has folds")


def add_mode(made: argparse.ArgumentParser, help: str, default: str = "record") -> None:
    """Add the option that says for whom something is written, `--for record` or `--for others`.

    Args:
        made: The verb's parser.
        help: What the mode that is not the default does here.
        default: The mode without the option.
    """
    from medcls.exits.case import MODES

    made.add_argument("--for", dest="mode", choices=MODES, default=default, help=help)


def print_json(row: Mapping[str, Any]) -> None:
    """Print one JSON object on one line; NaN becomes null, a note under `how` or `part` its sentence and its code."""
    print(json.dumps(_documented(row), ensure_ascii=False, allow_nan=False), flush=True)


def print_line(row: object) -> None:
    """Print something on one line of its own: where a name from outside holds the end of a line, that is shown."""
    print(str(row).replace("\n", r"\u000a"))


def _documented(value: Any) -> Any:
    if isinstance(value, Mapping):
        plain = {str(k): _documented(v) for k, v in value.items()}
        for name in _SAID.intersection(plain):
            if isinstance(plain[name], dict) and set(plain[name]) == {"code", "params"}:
                note = Note.from_dict(plain[name])
                plain |= {name: str(note), f"{name}_code": note.code}
        return plain
    if isinstance(value, (list, tuple)):
        return [_documented(v) for v in value]
    return None if isinstance(value, float) and value - value != 0 else value


def say(text: str) -> None:
    """Tell the user something that is not the result, on standard error."""
    print(plain(text), file=sys.stderr, flush=True)


def end_list(code: str, listed: Sized, broken: Sized, silent: bool) -> int:
    """Say so where a list is empty, and return its exit status: 1 where something of it could not be read.

    Args:
        code: What to say.
        listed: What was listed.
        broken: What could not be read.
        silent: True where only JSON is wanted.
    """
    if not listed and not broken and not silent:
        say(str(Note(code)))
    return 1 if broken else 0


class _Plain:
    """Standard output that shows text and obeys none of it.

    Args:
        stream: Where it goes.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text; see `plain`."""
        self._stream.write(plain(text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def main(argv: list[str]) -> int:
    """Run one command and return the exit status."""
    try:
        args = parser(argv[0] if argv else "").parse_args(argv)
    except SystemExit as stop:  # argparse has said why; 0 after --help
        return int(stop.code or 0)
    try:
        with contextlib.redirect_stdout(_Plain(sys.stdout)), access.acting_as(access.LOCAL):
            return args.handler(args)
    except KeyboardInterrupt:
        say("medcls: stopped")
        return 130
    except BrokenPipeError:  # the reader of our output went away, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (MedclsError, ModuleNotFoundError, OSError, sqlite3.Error) as error:
        say(f"medcls: {_as_sentence(error)}")
        return 2


def _as_sentence(error: MedclsError | ModuleNotFoundError | OSError | sqlite3.Error) -> MedclsError:
    if isinstance(error, MedclsError):
        return error
    return _missing(error) if isinstance(error, ModuleNotFoundError) else _file_trouble(error)


def _missing(error: ModuleNotFoundError) -> MedclsError:
    """Return which extra brings a package that is not installed; a bug in an import of ours stays a bug."""
    extra = EXTRAS.get((error.name or "").split(".")[0])
    if extra is None:
        raise error
    return MedclsError("cli.missing-package", package=error.name, extra=extra)


def _file_trouble(error: OSError | sqlite3.Error) -> MedclsError:
    """Put what the system says of a file or folder into a sentence."""
    found, where = str(error) or type(error).__name__, None
    if isinstance(error, OSError):
        found, where = error.strerror or found, error.filename
    return MedclsError("core.file-trouble", found=f"{found}, {where}" if where else found)
