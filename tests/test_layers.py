"""The rules of who may import whom, held against the code: imports inside functions count too."""

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROWS = (
    ("words",),
    ("errors",),
    ("home", "disk", "lean"),
    ("access",),
    ("core",),
    ("tasks", "imaging", "stats", "nets", "audit"),
    ("data",),
    ("models",),
    ("explain",),
    ("evaluation", "training"),
    ("runs",),
    ("reproduction", "exits", "inlets"),
    ("workflows",),
    ("cli",),
    ("__main__",),
)
ROW_OF = {room: row for row, rooms in enumerate(ROWS) for room in rooms}
LIBRARY = sorted((ROOT / "medcls").rglob("*.py"))
PAGES = sorted((ROOT / "pages").rglob("*.py"))


@cache
def tree_of(path: Path) -> ast.Module:
    """A file, parsed once for all tests."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def offenders(paths: Iterable[Path], find: Callable[[Path], list]) -> dict[str, list]:
    """What was found, by the dotted name of each file in which anything was."""
    return {name_of(path): found for path in paths if (found := find(path))}


def name_of(path: Path) -> str:
    """Dotted name of a module of this repository."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules_of(tree: ast.AST, importer: str, is_package: bool) -> Iterator[tuple[str, int]]:
    """Every module a file imports, anywhere in it, with the line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = importer.split(".")[: len(importer.split(".")) - node.level + is_package]
                base = ".".join([*above, base]).rstrip(".")
            if base in ("medcls", "pages", "pages._ui", "medcls.workflows"):  # `from medcls import nets` names a room
                yield from ((f"{base}.{alias.name}", node.lineno) for alias in node.names)
            else:
                yield base, node.lineno


def imports_of(path: Path) -> list[tuple[str, int]]:
    """Imports of one file of this repository."""
    return list(modules_of(tree_of(path), name_of(path), path.name == "__init__.py"))


def room_of(module: str) -> str:
    """Room of a dotted name below `medcls`; empty for the package itself (its version)."""
    room = module.split(".")[1] if "." in module else ""
    return room if room in ROW_OF else ""


def breaks_row_rule(importer: str, imported: str) -> bool:
    """Say whether a module of `medcls` may not import another: only its own room or a row below."""
    mine, other = room_of(importer), room_of(imported)
    if not mine or not other:
        return imported.split(".")[0] == "medcls" and bool(other) and not mine
    return other != mine and ROW_OF[other] >= ROW_OF[mine]


def test_every_room_has_a_row() -> None:
    """A new room must be given its place."""
    found = {path.relative_to(ROOT / "medcls").parts[0].removesuffix(".py") for path in LIBRARY} - {"__init__"}
    assert found <= set(ROW_OF), f"no row for {found - set(ROW_OF)}"


def test_library_imports_only_from_rows_below() -> None:
    """No room imports a neighbour or upward; none knows of streamlit or of the pages."""

    def wrong(path: Path) -> list[str]:
        return [
            f"line {line}: {module}"
            for module, line in imports_of(path)
            if (module.split(".")[0] == "medcls" and breaks_row_rule(name_of(path), module))
            or module.split(".")[0] in ("streamlit", "pages")
        ]

    assert not offenders(LIBRARY, wrong)


def allowed_in_page(module: str, path: Path) -> bool:
    """Say whether a file under `pages/` may import a module."""
    top = module.split(".")[0]
    if top in sys.stdlib_module_names or top == "streamlit":
        return top != "threading"
    if top == "medcls":
        return room_of(module) in ("workflows", "core", "words", "errors") or (
            module == "medcls.__version__" and in_ui(path)
        )
    if top == "pages":
        return module.startswith("pages._ui")
    if not in_ui(path):
        return False
    return (
        top in ("numpy", "pandas")
        or (top == "plotly" and ("charts" in path.name or path.parent.name == "heatmaps"))
        or (top in ("starlette", "google") and path.name in ("security.py", "addresses.py", "uploads.py"))
    )


def in_ui(path: Path) -> bool:
    """Say whether a file is one of the pages' shared parts."""
    return "_ui" in path.parts


def test_pages_import_only_what_pages_may() -> None:
    """Pages know streamlit, their shared parts, workflows, core and errors; nothing else."""

    def wrong(path: Path) -> list[str]:
        return [f"line {line}: {module}" for module, line in imports_of(path) if not allowed_in_page(module, path)]

    assert not offenders(PAGES, wrong)


def test_caches_stand_in_one_file() -> None:
    """`st.cache_*` is shared between users: only cache.py, which holds models, may use it."""

    def used(path: Path) -> list[str]:
        named = [node.attr for node in ast.walk(tree_of(path)) if isinstance(node, ast.Attribute)]
        return [name for name in named if name.startswith("cache_")]

    assert list(offenders(PAGES, used)) == ["pages._ui.cache"]


KEYED = ("choice", "remember", "kept", "get", "pop", "setdefault")


def keys_spelled_out(tree: ast.AST) -> list[int]:
    """Lines that name a key of the session by a literal string."""
    lines = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript):
            owner, key = ast.unparse(node.value), node.slice
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            owner, key = ast.unparse(node.func.value), node.args[0]
            owner = owner if node.func.attr in KEYED else ""
        else:
            continue
        if owner in ("st.session_state", "state") and isinstance(key, ast.Constant) and isinstance(key.value, str):
            lines.append(node.lineno)
    return lines


def test_session_keys_stand_in_one_file() -> None:
    """state.py names every key of the session; no other file spells one out."""
    others = [path for path in PAGES if path.name != "state.py"]
    assert not offenders(others, lambda path: keys_spelled_out(tree_of(path)))


def test_work_tells_how_far_it_is_in_one_way() -> None:
    """Whoever hears of steps done and in all is a `Progress`."""

    def told(path: Path) -> list[str]:
        named = [ast.unparse(node) for node in ast.walk(tree_of(path)) if isinstance(node, ast.Subscript)]
        return [t for t in named if re.match(r"Callable\[\[(str, )?int, int\], None\]", t)]

    assert not offenders((*LIBRARY, *PAGES), told)


def asks_for_members(tree: ast.AST) -> list[int]:
    """Lines that ask a card for its members, `card.members` or `cards[id].members`."""
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "members" and "card" in ast.unparse(node.value).lower()
    ]


def test_only_the_models_room_asks_a_card_for_its_members() -> None:
    """Others ask `is_mean` and `networks`, or the `Predictor`."""
    others = [path for path in (*LIBRARY, *PAGES) if room_of(name_of(path)) != "models"]
    assert not offenders(others, lambda path: asks_for_members(tree_of(path)))


def circles(arrows: dict[str, set[str]]) -> list[list[str]]:
    """Sets of two files or more that reach each other (Tarjan's strongly connected components)."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    waiting: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        number[name] = low[name] = len(number)
        waiting.append(name)
        for other in arrows[name]:
            if other not in number:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in waiting:
                low[name] = min(low[name], number[other])
        if low[name] == number[name]:
            i = waiting.index(name)
            found.append(waiting[i:])
            del waiting[i:]

    for name in arrows:
        if name not in number:
            visit(name)
    return [sorted(names) for names in found if len(names) > 1]


def test_no_files_import_each_other_in_a_circle() -> None:
    """Neither at the top, nor inside a function, nor for the sake of a type."""
    files = {name_of(path): path for path in (*LIBRARY, *PAGES)}
    arrows: dict[str, set[str]] = {name: set() for name in files}
    for name, path in files.items():
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Import):
                arrows[name] |= {alias.name for alias in node.names} & set(files)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                named = {f"{node.module}.{alias.name}" for alias in node.names}
                arrows[name] |= (named & set(files)) or ({node.module} & set(files))
    assert circles(arrows) == []


def test_circles_are_found() -> None:
    """Of three files two reach each other."""
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == [["b", "c"]]


def test_rule_catches_what_it_should() -> None:
    """The checks above would fail on a forbidden import, one inside a function too."""
    tree = ast.parse("def f():\n    from medcls import workflows\n    import streamlit.web as w")
    assert [m for m, _ in modules_of(tree, "medcls.imaging.decode", False)] == ["medcls.workflows", "streamlit.web"]
    assert keys_spelled_out(
        ast.parse("st.session_state['a']\nstate.kept('b', dict)\nst.session_state.get(state.A)")
    ) == [1, 2]
    assert asks_for_members(ast.parse("if answer.card.members:\n    found = cards[path].members\nmodel.members")) == [
        1,
        2,
    ]
    assert breaks_row_rule("medcls.imaging.decode", "medcls.workflows")
    assert breaks_row_rule("medcls.imaging.decode", "medcls.nets.freezing")  # a neighbour
    assert not breaks_row_rule("medcls.models.store", "medcls.core.model")
    assert not breaks_row_rule("medcls.imaging.dicom", "medcls.imaging.decode")
    assert not allowed_in_page("medcls.models.store", ROOT / "pages" / "classify.py")
    assert not allowed_in_page("torch", ROOT / "pages" / "_ui" / "cache.py")
    assert not allowed_in_page("threading", ROOT / "pages" / "classify.py")


HEAVY = "sorted({'torch', 'streamlit', 'timm', 'torchvision'} & set(sys.modules))"


def run_python(code: str) -> str:
    """Standard output of a fresh interpreter in the repository's root."""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip().splitlines()[-1]


def test_importing_medcls_loads_neither_torch_nor_streamlit() -> None:
    """`import medcls` costs nothing."""
    assert run_python(f"import sys, medcls; print({HEAVY})") == "[]"


def test_no_workflow_or_command_loads_torch_on_import() -> None:
    """Importing every workflow and every family of commands loads neither torch nor streamlit."""
    names = [
        name_of(p)
        for p in LIBRARY
        if room_of(name_of(p)) in ("workflows", "cli", "core", "tasks", "home", "disk")
        or name_of(p) == "medcls.models.store"
    ]
    assert "medcls.workflows.scans" in names
    code = (
        "import sys, importlib\nheavy = {}\n"
        f"for name in {names!r}:\n    before = set(sys.modules)\n    importlib.import_module(name)\n"
        f"    new = sorted({{'torch', 'streamlit', 'timm', 'torchvision'}} & (set(sys.modules) - before))\n"
        "    if new: heavy[name] = new\nprint(heavy)"
    )
    assert run_python(code) == "{}"


def test_listing_models_loads_neither_torch_nor_streamlit() -> None:
    """`python -m medcls models` reads cards and nothing heavier."""
    code = (
        "import sys, contextlib, io\nfrom medcls.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n    main(['models'])\n"
        f"print({HEAVY})"
    )
    assert run_python(code) == "[]"


def test_help_loads_no_library_that_it_does_not_need() -> None:
    """`medcls --help` knows every verb, and what they compute with stays on disk."""
    heavy = {"scipy.stats", "scipy.optimize", "scipy.special", "scipy.ndimage", "pydicom", "cv2", "PIL.Image"}
    code = (
        "import sys, contextlib, io\nfrom medcls.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n    assert main(['--help']) == 0\n"
        f"print(sorted({heavy!r} & set(sys.modules)), {HEAVY})"
    )
    assert run_python(code) == "[] []"


def test_a_verb_loads_no_other_verbs() -> None:
    """`medcls recipes` reads the file of its own verbs alone."""
    code = (
        "import sys, contextlib, io\nfrom medcls.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n    assert main(['recipes', '--help']) == 0\n"
        "print(sorted(name for name in sys.modules if name.startswith('medcls.cli.')))"
    )
    assert run_python(code) == "['medcls.cli.recipes']"


def test_a_network_and_a_map_load_neither_a_compiler_nor_a_plotting_library() -> None:
    """What others load at their head and nothing here calls costs every server and command seconds; it is there when called."""
    unneeded = {
        "torch._dynamo",
        "torch._inductor",
        "sympy",
        "triton",
        "matplotlib",
        "sklearn",
        "pandas",
        "lightning_fabric",
    }
    code = (
        "import sys, medcls.nets, medcls.models.opening\nfrom medcls.lean import load_grad_cam\nload_grad_cam()\n"
        f"found = sorted({unneeded!r} & set(sys.modules))\n"
        "import torch, torch._dynamo, numpy as np\nfrom torchvision.ops import roi_align\n"
        "from pytorch_grad_cam.utils.svd_on_activations import get_2d_projection_kernel\n"
        "boxes, maps = [torch.tensor([[0.0, 0.0, 4.0, 4.0]])], torch.ones(1, 1, 8, 8)\n"
        "print(found, torch._dynamo.is_compiling(), float(roi_align(maps, boxes, 1).sum()), end=' ')\n"
        "print(get_2d_projection_kernel(np.random.default_rng(1).random((1, 3, 2, 2))).shape)"
    )
    assert run_python(code) == "[] False 1.0 (1, 2, 2)"
