"""How large things may grow: functions, files, parameters; and words that docstrings do not begin with.

Nothing is over a limit but as many as were when the limits were set; those numbers only go down.
"""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.parsed import nodes

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted([*(ROOT / "medcls").rglob("*.py"), *(ROOT / "pages").rglob("*.py"), ROOT / "app.py"])
MOST_LINES_OF_FILE, MOST_LINES, MOST_LINES_P90, MOST_PARAMETERS = 350, 50, 20, 6

# How many are over each limit today; these numbers only go down.
LONG_FILES, LONG_FUNCTIONS, MANY_PARAMETERS, ESCAPED, GIVES = 0, 0, 0, 0, 0

Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    """Path of a file inside the repository."""
    return path.relative_to(ROOT).as_posix()


@cache
def functions() -> tuple[tuple[str, Function], ...]:
    """Every function of the library and the pages, inner ones and methods too."""
    return tuple(
        (f"{name_of(path)}:{node.name}", node) for path in SOURCES for node in nodes(path) if isinstance(node, Function)
    )


def lines_of(function: Function) -> int:
    """Lines from `def` to the end, without the docstring: what must be understood, not what explains it."""
    first = function.body[0]
    is_docstring = (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and type(first.value.value) is str
    )
    words = (first.end_lineno or 0) - first.lineno + 1 if is_docstring else 0
    return (function.end_lineno or 0) - function.lineno + 1 - words


def parameters_of(function: Function) -> int:
    """How many a caller may give."""
    given = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return len([a for a in given if a.arg not in ("self", "cls")])


def check(found: set[str], known: int) -> None:
    """No more are over a limit than is known."""
    assert len(found) <= known, f"{len(found)} over the limit, {known} known: {sorted(found)}"


def test_files_are_short() -> None:
    """At most 350 lines."""
    check({name_of(p) for p in SOURCES if len(p.read_text().splitlines()) > MOST_LINES_OF_FILE}, LONG_FILES)


def test_functions_are_short() -> None:
    """None over 50 lines, and nine of ten at most 20."""
    check({name for name, f in functions() if lines_of(f) > MOST_LINES}, LONG_FUNCTIONS)
    lengths = sorted(lines_of(f) for _, f in functions())
    assert lengths[len(lengths) * 9 // 10] <= MOST_LINES_P90


def test_functions_take_few_parameters() -> None:
    """At most six, but for constructors: more is a noun that is missing."""
    many = {name for name, f in functions() if parameters_of(f) > MOST_PARAMETERS and f.name != "__init__"}
    check(many, MANY_PARAMETERS)


def test_no_formatting_is_escaped() -> None:
    """A call that the formatter makes ugly wants another shape."""
    tests = sorted((ROOT / "tests").rglob("*.py"))
    check({name_of(p) for p in (*SOURCES, *tests) if re.search(r"# fmt: (off|on|skip)\n", p.read_text())}, ESCAPED)


def test_docstrings_say_return() -> None:
    """A function returns; it does not give."""
    check({name for name, f in functions() if (ast.get_docstring(f) or "").startswith("Give ")}, GIVES)


@pytest.mark.parametrize(
    ("body", "lines", "parameters"), [("def f(self, a, *, b):\n  '''d\n\n  d'''\n  return 1", 2, 2)]
)
def test_what_is_counted(body: str, lines: int, parameters: int) -> None:
    """The docstring and `self` are not."""
    function = ast.parse(body).body[0]
    assert isinstance(function, Function)
    assert (lines_of(function), parameters_of(function)) == (lines, parameters)
