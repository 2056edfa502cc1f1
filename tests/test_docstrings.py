"""What docstrings must say, held against the code: decision 55. Ruff sees that they are there and that `Args` is whole."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.parsed import nodes, tree

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = sorted((ROOT / "medcls").rglob("*.py"))
Function = ast.FunctionDef | ast.AsyncFunctionDef

# Parameters that every row of a table or every listener shares: told once, by the table's or the protocol's docstring.
SHARED = {
    ("picture", "strength", "rng"): "imaging/shifts/acquisition.py",
    ("opened", "label", "watch"): "explain/method_table.py",
    ("done", "total", "stage"): "core/progress.py",
}
SEVERAL = 3  # parameters from which one sentence no longer says what each is
SHAPE = re.compile(r"\((\.\.\.|…|\w{1,2}),( ([\w+*/ ]+|…|\.\.\.),?)*\)|\b[Ss]hapes?\b")
ELSEWHERE = re.compile(r"\b[Ss]ee `([\w.]+)`")  # said where it points to


@dataclass(frozen=True)
class Documented:
    """A public function with its docstring."""

    name: str
    node: Function

    @property
    def text(self) -> str:
        return ast.get_docstring(self.node) or ""

    @property
    def parameters(self) -> list[ast.arg]:
        a = self.node.args
        every = [
            *a.posonlyargs,
            *a.args,
            *([a.vararg] if a.vararg else []),
            *a.kwonlyargs,
            *([a.kwarg] if a.kwarg else []),
        ]
        is_method = "." in self.name.rpartition(":")[2]
        return [one for one in every if not (is_method and one.arg in ("self", "cls"))]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(one.arg for one in self.parameters)

    @property
    def returns(self) -> str:
        return ast.unparse(self.node.returns) if self.node.returns else ""

    @property
    def is_property(self) -> bool:
        return any("property" in ast.unparse(one) for one in self.node.decorator_list)

    @property
    def is_told_elsewhere(self) -> bool:
        """A signature shared by a whole table, or a docstring that sends the reader to one that exists."""
        pointed = {name.rpartition(".")[2] for name in ELSEWHERE.findall(self.text)}
        return self.names in SHARED or bool(pointed & names())

    def section(self, name: str) -> str:
        """The lines of a section, as `ast` dedents them."""
        found = re.search(rf"^{name}\b[^\n]*:\s*\n((?:    .*\n|\n)*)", self.text + "\n", re.MULTILINE)
        return found[1] if found else ""

    def told(self) -> list[str]:
        """Parameters that `Args` names."""
        lines = re.findall(r"^    (\*{0,2}\w[\w, *]*):", self.section("Args"), re.MULTILINE)
        return [name.strip(" *") for line in lines for name in line.split(",")]

    def raised(self) -> set[str]:
        """Errors made by a `raise` of the function itself, by name; none that it catches."""
        found, waiting = set(), list[ast.AST](self.node.body)
        while waiting:
            node = waiting.pop()
            if isinstance(node, Function | ast.Lambda | ast.ClassDef):
                continue
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name):
                found.add(node.exc.func.id)
            waiting += list(ast.iter_child_nodes(node))
        caught = {ast.unparse(h.type) for h in ast.walk(self.node) if isinstance(h, ast.ExceptHandler) and h.type}
        return {name for name in found if name[0].isupper()} - caught


def documented(tree: ast.Module, where: str) -> Iterator[Documented]:
    """Public functions of a module, and public methods of its public classes."""
    for node in tree.body:
        if isinstance(node, Function) and not node.name.startswith("_"):
            yield Documented(f"{where}:{node.name}", node)
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for inner in node.body:
                if isinstance(inner, Function) and not inner.name.startswith("_"):
                    yield Documented(f"{where}:{node.name}.{inner.name}", inner)


def trees() -> dict[str, ast.Module]:
    """The library's files by their place in it."""
    return {path.relative_to(ROOT / "medcls").as_posix(): tree(path) for path in LIBRARY}


@cache
def names() -> set[str]:
    """What a docstring may point to: every function, class and module."""
    defined = {node.name for path in LIBRARY for node in nodes(path) if isinstance(node, Function | ast.ClassDef)}
    return defined | {path.stem for path in LIBRARY}


@cache
def public() -> list[Documented]:
    """Every public function of the library."""
    return [one for where, module in trees().items() for one in documented(module, where)]


def lacks_args(one: Documented) -> bool:
    """Several parameters, and no `Args`."""
    return len(one.names) >= SEVERAL and not one.section("Args") and not one.is_told_elsewhere


def tells_others(one: Documented) -> bool:
    """`Args` that names what is no parameter, or leaves one out; `beside those of` another function may."""
    told = set(one.told())
    short = "beside" in one.text or one.is_told_elsewhere
    return bool(one.section("Args")) and not (told <= set(one.names) if short else told == set(one.names))


def lacks_shape(one: Documented) -> bool:
    """An array or tensor comes in or goes out, and nothing says how it is laid out."""
    given = [ast.unparse(p.annotation) for p in one.parameters if p.annotation]
    arrays = re.search(r"\b(ndarray|Tensor)\b", " ".join([*given, one.returns]))
    return bool(arrays) and not SHAPE.search(one.text) and not one.is_told_elsewhere


def lacks_returns(one: Documented) -> bool:
    """Several values come back in fixed places, and nothing says which is which."""
    fixed = one.returns.startswith("tuple[") and "..." not in one.returns
    told = one.section("Returns") or one.section("Example")
    return fixed and not one.is_property and not told and not one.is_told_elsewhere


def lacks_raises(one: Documented) -> bool:
    """An error that the function itself raises is not under `Raises`."""
    return any(name not in one.section("Raises") for name in one.raised())


@pytest.mark.parametrize("rule", [lacks_args, tells_others, lacks_shape, lacks_returns, lacks_raises])
def test_public_functions_say_what_a_caller_must_know(rule) -> None:
    """Arguments of three and more, layouts of arrays, places of a tuple, errors raised."""
    assert [one.name for one in public() if rule(one)] == []


def test_a_shared_signature_is_told_where_its_table_is() -> None:
    """Each of its names stands in that file's docstrings."""
    for names, where in SHARED.items():
        told = " ".join(
            ast.get_docstring(node) or ""
            for node in ast.walk(trees()[where])
            if isinstance(node, ast.Module | ast.ClassDef | Function)
        )
        assert all(name in told for name in names), where


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ("def f(a, b, c):\n    '''Return it.'''", lacks_args),
        ("def f(a):\n    '''Return it.\n\n    Args:\n        b: That.\n    '''", tells_others),
        ("def f(a, b):\n    '''Return it.\n\n    Args:\n        a: That.\n    '''", tells_others),
        ("def f(a: np.ndarray) -> int:\n    '''Return how many.'''", lacks_shape),
        ("def f() -> tuple[int, str]:\n    '''Return both.'''", lacks_returns),
        ("def f():\n    '''Do it.'''\n    if 1:\n        raise BadData('x')", lacks_raises),
    ],
)
def test_what_is_missing_is_found(code: str, rule) -> None:
    """Each rule would fail on what it is for."""
    (one,) = documented(ast.parse(code), "m")
    assert rule(one)
