"""The project's own source as syntax trees: what tests of the source itself read, each file parsed once a process."""

import ast
from functools import cache
from pathlib import Path


@cache
def tree(path: Path) -> ast.Module:
    """Return the tree of a file; nobody changes it."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Return every node of a file, in the order of `ast.walk`."""
    return tuple(ast.walk(tree(path)))
