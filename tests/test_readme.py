"""The README keeps up with the code."""

import re
from pathlib import Path

from medcls.cli import VERBS, parser
from medcls.cli.classify import answer_row
from medcls.core.outcome import Outcome
from medcls.tasks import list_tasks
from medcls.words import say
from pages._ui.contents import PAGES

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")


def test_every_verb_is_told_of() -> None:
    """Whoever adds a verb writes its line."""
    missing = [verb for verb in VERBS if f"python -m medcls {verb}" not in COMMANDS]
    assert not missing, f"docs/commands.md does not name the verbs {missing}"


def test_every_page_is_told_of() -> None:
    """Whoever adds a page writes its line."""
    titles = [say(page.title) for page in PAGES]
    missing = [title for title in titles if not re.search(rf"^\| \w* *\| {title} \|", README, re.M)]
    assert not missing, f"the README does not name the pages {missing}"


def test_every_task_and_label_is_told_of() -> None:
    """The table of tasks is whole."""
    for task in list_tasks().values():
        line = next((line for line in README.splitlines() if line.startswith(f"| `{task.id}`")), "")
        assert ", ".join(label.name for label in task.labels) in line


def test_documented_json_is_what_is_printed(tiny_model) -> None:
    """The README's table has every key that `classify --json` prints, and no other."""
    from medcls.imaging.phantom import phantom
    from medcls.workflows.classify import classify_many, open_model

    files = [Outcome("a.png", phantom("breast-ultrasound", "benign", 1)), Outcome("b.png", b"")]
    rows = [answer_row(a, tiny_model) for a in classify_many(files, open_model(tiny_model.id))]
    section = COMMANDS.split("## The JSON of `classify`")[1].split("```")[0]
    documented = set(re.findall(r"^\| `(\w+)` \|", section, re.M))
    assert documented == set(rows[0]) | set(rows[1])


def test_commands_of_the_readme_are_accepted() -> None:
    """Every flag the README's table shows is one the parser knows."""
    for line in re.findall(r"^\| `python -m medcls (.+?)` \|", COMMANDS, re.M):
        words = line.split()
        known = help_of(words)
        for flag in re.findall(r"--[a-z-]+", line):
            assert flag in known, f"{flag} of `{line}`"


def test_commands_in_the_documents_are_parsed() -> None:
    """Every whole command of a block in README and docs is one that the parser takes as it stands."""
    import shlex

    words = parser()
    found = []
    for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for block in path.read_text(encoding="utf-8").split("```")[1::2]:
            found += re.findall(r"^python -m medcls ([a-z][^…\[\n]*)$", block, re.M)
    for command in found:
        words.parse_args(shlex.split(command, comments=True))
    assert len(found) > 20


def help_of(words: list[str]) -> str:
    """The help of the verb (and of the verb inside it) that a documented line names."""
    import contextlib
    import io

    out = io.StringIO()
    verbs = [w for w in words[:2] if re.fullmatch(r"[a-z][a-z-]*", w)]
    with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        parser().parse_args([*verbs, "--help"])
    return out.getvalue()


def test_settings_the_readme_promises() -> None:
    """The defaults that keep strangers out are in the settings that ship."""
    import tomllib

    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    assert settings["server"]["address"] == "127.0.0.1"
    assert set(settings["server"]["allowedHosts"]) <= {"localhost", "127.0.0.1", "::1", "[::1]"}
    assert settings["server"]["enableXsrfProtection"] is True
    assert settings["server"]["enableStaticServing"] is False
    assert settings["server"]["runOnSave"] is False
    assert settings["browser"]["gatherUsageStats"] is False
    assert settings["client"]["showErrorDetails"] == "none"
    assert settings["client"]["disableDataExport"] is True, "the tables' own CSV is not guarded against formulas"
    assert settings["server"]["maxUploadSize"] == 500


def test_five_lines_of_python_answer_a_scan(tiny_model, tmp_path, monkeypatch, capsys) -> None:
    """What the README shows runs as it stands."""
    from medcls.imaging.phantom import phantom

    code = README.split("```python\n")[1].split("```")[0]
    assert len(code.split("\n\n")) == 2
    assert len([line for line in code.splitlines() if line]) <= 5
    (tmp_path / "scan.png").write_bytes(phantom("breast-ultrasound", "malignant", 1))
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    assert "malignant" in capsys.readouterr().out


def test_links_between_the_documents_lead_somewhere() -> None:
    """Every file that README and docs link to is there."""
    for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
            assert target.startswith("http") or (path.parent / target).exists(), f"{target} in {path.name}"


def test_architecture_names_every_room() -> None:
    """A new room is drawn in the picture."""
    picture = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("```mermaid")[1].split("```")[0]
    rooms = {p.name.removesuffix(".py") for p in (ROOT / "medcls").iterdir() if not p.name.startswith("_")}
    assert not [room for room in rooms if not re.search(rf"\b{room}\b", picture)]
