"""Every code has a sentence, every sentence a code, and a second language is one more file."""

import ast
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

from medcls import errors, words
from medcls.core.note import Note
from medcls.errors import MedclsError
from tests.parsed import nodes, tree

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCES = sorted([*(ROOT / "medcls").rglob("*.py"), *(ROOT / "pages").rglob("*.py")])


@cache
def errors_known() -> set[str]:
    """Names of the errors, those among them that stand beside what raises them."""
    known = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, MedclsError)}
    classes = [node for path in SOURCES for node in tree(path).body if isinstance(node, ast.ClassDef)]
    for node in classes:
        if {ast.unparse(base) for base in node.bases} & known:
            known.add(node.name)
    return known


def calls_of(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Every call of `Note` and of an error in a file, with its name."""
    for node in nodes(path):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name == "Note" or name in errors_known():
                yield name, node


def found_in(paths: list[Path], look: Callable[[Path], Iterable[str]]) -> dict[str, list[str]]:
    """What is found in each file in which something is."""
    return {path.relative_to(ROOT).as_posix(): found for path in paths if (found := list(look(path)))}


def literal(call: ast.Call) -> str:
    """The code a call names; empty if it is not written there."""
    first = call.args[0]
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""


def is_sentence(call: ast.Call) -> bool:
    """Say whether a call's first argument is prose, not a code."""
    first = call.args[0]
    return isinstance(first, ast.JoinedStr) or " " in literal(call)


def codes_unsaid(path: Path) -> list[str]:
    """A note's entry is a template, an error's a table, and the call gives what the templates name."""
    wrong = []
    for name, call in calls_of(path):
        code = literal(call) if call.args else ""
        if not code or is_sentence(call):
            continue
        entry = words.catalogue().get(code)
        if entry is None or isinstance(entry, str) != (name == "Note"):
            wrong.append(f"line {call.lineno}: {code} has no entry of its kind")
            continue
        templates = [entry] if isinstance(entry, str) else list(entry.values())
        needed = set().union(*(words.placeholders(t) for t in templates))
        given = {k.arg for k in call.keywords}
        if None not in given and (missing := needed - given):
            wrong.append(f"line {call.lineno}: {code} is not given {missing}")
    return wrong


def test_every_code_that_is_written_has_its_sentence() -> None:
    """In every file; one test, for a thousand would take as long to begin and end as to look."""
    assert found_in(SOURCES, codes_unsaid) == {}


def test_notes_and_errors_are_codes() -> None:
    """Sentences stand in the catalogue, not where errors are raised."""
    calls = [(path, call) for path in SOURCES for _, call in calls_of(path) if call.args]
    prose = [f"{path.name}:{call.lineno}" for path, call in calls if is_sentence(call)]
    assert not prose, f"sentences instead of codes: {prose}"


def test_no_sentence_is_left_without_a_code_that_uses_it() -> None:
    """A code that nothing names any more goes."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
    named = set(re.findall(r"""["']([a-z]+\.[a-z0-9-]+)["']""", source))
    assert [code for code in words.catalogue() if code not in named and not code.startswith("words.")] == []


def test_an_error_s_table_has_the_four_parts_only() -> None:
    """Each says what could not be done; the other parts are optional."""
    for code, entry in words.catalogue().items():
        if not isinstance(entry, str):
            assert {"what"} <= set(entry) <= {"what", "found", "allowed", "do"}, code
            assert not [part for part in entry.values() if part.endswith(".")], f"{code}: final stops are set for you"


def test_lines_stand_in_alphabetical_order() -> None:
    """So that two people who add a line seldom meet."""
    for room, entries in tomllib.loads((words.FOLDER / "en.toml").read_text()).items():
        assert list(entries) == sorted(entries), room


def test_a_second_language_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it says is said; what it lacks is said in English."""
    (tmp_path / "en.toml").write_text((words.FOLDER / "en.toml").read_text())
    (tmp_path / "ko.toml").write_text('[words]\nexample = "{n}건"\n[core]\nno-json = { what = "{where}: JSON 아님" }\n')
    monkeypatch.setattr(words, "FOLDER", tmp_path)
    with words.speaking("ko"):
        assert str(Note("words.example", n=2)) == "2건"
        assert MedclsError("core.no-json", where="card").what == "card: JSON 아님"
        assert "wrong" in MedclsError("core.wrong-record", where="card").what
    assert str(Note("words.example", n=2)) == "Found 2 cases."


def parameters_missing(path: Path) -> list[str]:
    """A call of `say` that writes its parameters gives those of the template."""
    wrong = []
    for node in nodes(path):
        if not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "say" and node.args):
            continue
        entry, given = words.catalogue().get(literal(node)), node.args[1] if len(node.args) > 1 else ast.Dict([], [])
        if isinstance(entry, str) and isinstance(given, ast.Dict) and None not in given.keys:
            missing = words.placeholders(entry) - {getattr(key, "value", "") for key in given.keys}
            wrong += [f"line {node.lineno}: {literal(node)} is not given {missing}"] if missing else []
    return wrong


def test_what_is_said_is_given_what_its_sentence_names() -> None:
    """Wherever a page or the library says something."""
    assert found_in(SOURCES, parameters_missing) == {}


PAGES = [path for path in SOURCES if path.is_relative_to(ROOT / "pages")]
PROSE = re.compile(r"[^\W\d_]{2,},? [^\W\d_]+,? [^\W\d_]{2,}")  # three words beside each other
MARKUP = re.compile(r"</?\w[^>]*>?|[\w-]+=\"[^\"]*\"?|;[\w-]+:[^;\"]*")


def prose_shown(path: Path) -> Iterator[str]:
    """Literals of three words or more that a page hands to Streamlit; markup, scripts and styles are no words."""
    for node in nodes(path):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and root_of(node.func) == "st":
            parts = [part for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)]
            for part in parts:
                if "export default" not in part.value and PROSE.search(MARKUP.sub(" ", part.value)):
                    yield f"line {part.lineno}: {part.value[:60]}"


def root_of(node: ast.expr) -> str:
    """The name that a chain of attributes begins with."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def test_pages_hold_no_prose() -> None:
    """What a page says stands in the catalogue, so that a second language reaches it."""
    assert found_in(PAGES, prose_shown) == {}


def heads_written(path: Path) -> Iterator[str]:
    """Heads of tables that a page writes itself: keys of the rows in functions that draw a table."""
    for drawn in nodes(path):
        if isinstance(drawn, ast.FunctionDef) and {"dataframe", "data_editor"} & {
            node.attr for node in ast.walk(drawn) if isinstance(node, ast.Attribute)
        }:
            lists = [node for node in ast.walk(drawn) if isinstance(node, ast.List | ast.ListComp)]
            rows = [row for node in lists for row in (node.elts if isinstance(node, ast.List) else [node.elt])]
            rows += [call.args[0] for call in ast.walk(drawn) if is_append(call)]
            for row in rows:
                parts = [row.left, row.right] if isinstance(row, ast.BinOp) else [row]
                keys = [key for part in parts if isinstance(part, ast.Dict) for key in part.keys]
                yield from (str(key.value) for key in keys if isinstance(key, ast.Constant) and key.value)


def is_append(node: ast.AST) -> bool:
    """Say whether a node is a call of some list's `append`."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "append"


ROWS_OF_THEIR_OWN = {  # not what a person reads: kept for a chart, or named by `column_config`
    "pages/_ui/compare/pairs.py": ["score", "name"],
    "pages/_ui/site/label.py": ["scan", "file", "label", "patient"],
}


def test_heads_of_tables_stand_in_the_catalogue() -> None:
    """So that a second language reaches them, and a word is mended in one place."""
    found = found_in(PAGES, heads_written)
    own = {
        path: [head for head in heads if head not in ROWS_OF_THEIR_OWN.get(path, [])] for path, heads in found.items()
    }
    assert {path: heads for path, heads in own.items() if heads} == {}


def test_prose_in_a_page_would_be_found(tmp_path: Path) -> None:
    """The check above sees a sentence, and takes no markup or code for one."""
    page = tmp_path / "page.py"
    lines = ['st.write("Press the button")', 'st.html("<div class=a style=flex>")', 'st.write(say("pages.drop-here"))']
    page.write_text("\n".join(lines))
    assert [found.split(":")[0] for found in prose_shown(page)] == ["line 1"]


LIBRARY = [path for path in SOURCES if path.is_relative_to(ROOT / "medcls")]
TWO_WORDS = re.compile(r"[^\W\d_]{2,} [^\W\d_]{2,}")
SAYS = {
    "Note",
    "print",
    "say",
    "told",
    "wrong",
}  # calls whose arguments a person reads; so are errors' and what is returned


def prose_said(path: Path) -> Iterator[str]:
    """Literals of two words or more that reach a person: in a note, an error, a line printed, or a text returned."""
    for node in nodes(path):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", "") or getattr(node.func, "attr", "")
            said = [*node.args, *(k.value for k in node.keywords)] if name in SAYS | errors_known() else []
        else:
            said = [node.value] if isinstance(node, ast.Return) and node.value is not None else []
        for literal in (part for one in said for part in texts_of(one)):
            if TWO_WORDS.search(literal.value) and not literal.value.startswith("<"):
                yield f"line {literal.lineno}: {literal.value[:60]}"


def texts_of(node: ast.expr) -> Iterator[ast.Constant]:
    """The literals a text is put together of: joined, chosen between or added, but not what a call is given."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node
    elif isinstance(node, (ast.JoinedStr, ast.FormattedValue, ast.IfExp, ast.BoolOp, ast.BinOp, ast.Tuple)):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                yield from texts_of(child)


def test_the_library_says_nothing_in_its_own_words() -> None:
    """Notes, errors, lines printed and texts returned are sentences of the catalogue."""
    assert found_in(LIBRARY, prose_said) == {}


def test_prose_in_the_library_would_be_found(tmp_path: Path) -> None:
    """A sentence in an error's part, a line printed or a text returned; no code, no markup and no query."""
    lines = [
        'raise BadScan("imaging.empty", found=f"only {n} bytes left")',
        'print(f"{name}: not taken" if n else "")',
        'def f():\n    return "of no use" if n else Note("core.not-computable")',
        'def g():\n    return db.execute("SELECT path FROM cases"), "<p class=a>"',
    ]
    (tmp_path / "part.py").write_text("\n".join(lines))
    assert [found.split(":")[0] for found in prose_said(tmp_path / "part.py")] == ["line 1", "line 2", "line 4"]
