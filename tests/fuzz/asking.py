"""What is asked of a home after damage: every list command and every page of the app, in this process."""

import argparse
import contextlib
import io
import random
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

from streamlit.testing.v1 import AppTest

from medcls import cli
from medcls.imaging.phantom import phantom
from medcls.tasks import list_tasks
from pages._ui import cache, contents
from pages._ui.widgets import notices
from tests.fuzz import whole_home as w
from tests.fuzz.damage import Home, damage, targets

MOST_S = 20.0
MAIN = Path(__file__).resolve().parents[2] / "pages" / "_ui" / "main.py"
PAGES = tuple(page.address for page in contents.PAGES)
OPENED = ("weights", "cache")  # what is read when a network is opened: kept open while other files are damaged
# Folder of the home -> the pages that read it; all for any other.
READ_BY = {
    "datasets": ("data", "train", "site", "compare", "runs"),
    "runs": ("runs", "train", "models"),
    "searches": ("runs",),
    "sites": ("site", "classify", "heatmaps", "models"),
    "letters": ("site", "models"),
    "keys": ("site", "classify"),
    "outbox": ("worklist", "classify"),
    "inbox": ("worklist", "classify"),
    "servers.toml": ("worklist", "classify"),
}


def commands(path: Path, scan: Path) -> list[tuple[list[str], str]]:
    """Return what is asked after a file was damaged, and what each answer must still name."""
    asked: list[tuple[list[str], str]] = [
        (["models"], w.GOOD),
        (["runs", "list"], "whole again"),
        (["data", "list"], "ward"),
        (["search", "list"], "whole-search"),
        (["site", "list"], ""),
        (["outbox"], ""),
        (["worklist"], ""),
        (["audit", "verify"], ""),
    ]
    top = path.parts[0]
    if top == "runs" and len(path.parts) > 2:
        asked.append((["runs", "show", path.parts[1]], ""))
    shown = {
        "weights": [
            ["models", "show", w.BAD],
            ["models", "show", w.MEAN],
            ["models", "table"],
            ["classify", str(scan), "--model", w.BAD],
        ],
        "cache": [["classify", str(scan), "--model", w.BAD, "--json"]],
        "datasets": [
            ["data", "show", w.COLLECTION],
            ["data", "changes", w.COLLECTION],
            ["data", "audit", w.COLLECTION],
        ],
        "searches": [["search", "show", "spoilt-search"]],
        "sites": [["site", "show", w.SITE], ["site", "watch", w.SITE, "--model", w.BAD]],
        "letters": [["site", "show", w.SITE]],
        "tasks": [["recipes"]],
        "reproduction": [["reproduce", "--list"]],
        "audit": [["audit", "list"]],
    }
    return asked + [(command, "") for command in shown.get(top, [])]


def addresses(path: Path) -> dict[str, list[dict[str, str]]]:
    """Return the addresses at which each page shows what stands in a file."""
    run = path.parts[1] if path.parts[0] == "runs" else w.run_named("spoilt").id
    sections = ("Overview", "Samples", "Patients", "Findings", "Labels", "Shortcuts", "Split")
    views = ("Scores", "Curves", "Which is better", "Disagreements", "Subgroups", "Operating point", "Ablation")
    parts = ("Curves", "Report", "Wrong cases", "Samples", "Settings", "Log")
    return {
        "classify": [{"task": "breast-ultrasound", "model": model, "site": w.SITE} for model in (w.BAD, w.MEAN)],
        "worklist": [{}],
        "heatmaps": [{"model": w.BAD, "site": w.SITE}],
        "compare": [{"mode": "set", "models": f"{w.BAD},{w.GOOD},{w.MEAN}", "view": view} for view in views],
        "site": [{"site": w.SITE, "model": w.BAD}],
        "data": [{"collection": w.COLLECTION, "section": section} for section in sections],
        "train": [{"from": run}, {"data": w.COLLECTION}],
        "runs": [*({"run": run, "of": part} for part in parts), {"show": "searches", "search": "spoilt-search"}],
        "models": [{"card": w.BAD}, {"card": w.MEAN}],
    }


class Asking:
    """Commands and pages in this process.

    Args:
        home: The home.
    """

    def __init__(self, home: Home) -> None:
        self.home, self.targets = home, targets(home.path)
        self._addresses = {path: addresses(path) for path in self.targets}
        self._scan = home.path.parent / "scan.png"
        self._scan.write_bytes(phantom("breast-ultrasound", "malignant", 7))
        self._parsers: dict[str, argparse.ArgumentParser] = {}
        made = cli.parser
        cli.parser = lambda only="": self._parsers.setdefault(only, made(only))  # half of a command's time

    def one(self, number: int, seed: int) -> tuple[str, dict]:
        """Damage one file, ask, and restore it; returns which file, and what went wrong."""
        path = self.targets[number % len(self.targets)]
        rng = random.Random(f"{seed}-{number}")
        told: dict = {"how": damage(self.home.path / path, rng)}
        began = time.process_time()
        try:
            wrong = [said for command, whole in commands(path, self._scan) if (said := _command(command, whole))]
            wrong += [] if "skin-melanoma" in list_tasks(self.home.path / "tasks") else ["tasks: not all listed"]
            _forget(path.parts[0] in OPENED)
            for page, query in self._pages(path, rng):
                said, replaced = _page(page, query)
                wrong += [f"{page} {query}: {said}"] if said else []
                if replaced:
                    told["replaced"] = [*told.get("replaced", []), f"{page} {'asked' if query else ''}: {replaced}"]
            if (took := time.process_time() - began) > MOST_S:
                wrong.append(f"took {took:.0f} s")
            told |= {"wrong": wrong} if wrong else {}
        finally:
            (self.home.path / path).parent.chmod(0o755)
            self.home.restore()
            _forget(path.parts[0] in OPENED)
        return str(path), told

    def _pages(self, path: Path, rng: random.Random) -> Iterator[tuple[str, dict[str, str]]]:
        """Yield every page: one that reads the file at an address that shows it, any other there or as it opens."""
        readers = READ_BY.get(path.parts[0], PAGES)
        for page in PAGES:
            shown = self._addresses[path][page]
            yield page, rng.choice(shown if page in readers else [{}, *shown])


def _forget(opened: bool) -> None:
    """Empty the caches of the pages; that of opened networks only if asked, as the pages would."""
    for kept in (cache._read_overview, cache.resume_once, *((cache._open,) if opened else ())):
        kept.clear()


def _command(command: list[str], whole: str) -> str:
    """Run a command in this process; return what is wrong with how it ends."""
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = cli.main(command)
    except Exception as error:  # noqa: BLE001  the very thing that is looked for
        return f"{' '.join(command)}: {_told(error)}"
    if code not in (0, 1, 2):
        return f"{' '.join(command)}: exit {code}"
    if whole and whole not in out.getvalue():
        return f"{' '.join(command)}: does not name {whole}: {(out.getvalue() + err.getvalue())[-300:]}"
    return f"{' '.join(command)}: an escape" if "\x1b" in out.getvalue() + err.getvalue() else ""


def _told(error: BaseException) -> str:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "medcls" in frame.filename]
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}: {str(error)[:200]}{where}"


def _page(page: str, query: dict[str, str]) -> tuple[str, str]:
    """Open a page; return its exceptions, and the code of the error that stands in place of the whole page."""
    replaced: list[str] = []
    shown = notices.show_error

    def watched(error, *rest, **options):
        if sys._getframe(1).f_code.co_filename.endswith("main.py"):
            replaced.append(error.code)
        return shown(error, *rest, **options)

    notices.show_error = watched
    try:
        app = AppTest.from_file(str(MAIN), default_timeout=120)
        for name, value in query.items():
            app.query_params[name] = value
        app = (app.switch_page(f"../{page}.py") if page != PAGES[0] else app).run()
        said = "; ".join(str(e.value)[:300] + " " + _last_place(e.stack_trace) for e in app.exception)
    except Exception as error:  # noqa: BLE001  the very thing that is looked for
        said = _told(error)
    finally:
        notices.show_error = shown
    return said, ", ".join(replaced)


def _last_place(trace: list[str]) -> str:
    ours = [line.strip() for line in trace if "/medcls/" in line or "/pages/" in line]
    return ours[-1][:200] if ours else ""
