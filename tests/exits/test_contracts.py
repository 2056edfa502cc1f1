"""Every way out, whatever it takes: named, repeatable, behind the gate, written down; a new one is covered the day it is made."""

import ast
import io
import json
import re
import zipfile
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image, ImageDraw, ImageFont

from medcls import audit
from medcls.core.evaluation import CaseTable, Estimate, Evaluation
from medcls.core.letter import Letter
from medcls.core.model import ModelCard
from medcls.core.note import UNSAID, Note
from medcls.core.scan import Scan
from medcls.core.site import Aim
from medcls.errors import MedclsError
from medcls.evaluation.comparison import Comparison
from medcls.exits import CASE_EXITS, EXITS, leave
from medcls.exits.case import MODES, Case, Person, Reading
from medcls.exits.nameless import nameless_measured, nameless_trail
from medcls.exits.subjects import (
    Compared,
    Drawing,
    Markdown,
    Measured,
    ModelFiles,
    NetworkFile,
    OwnFile,
    Received,
    Subject,
    Table,
    Trail,
)
from medcls.imaging.burned_in import find_text
from medcls.imaging.picture import to_png
from medcls.models import store
from medcls.workflows import exchange, report
from tests import tiny
from tests.exits.test_markers import marked_dicom

LABELS = ("normal", "benign", "malignant")
N = 200


def marks(n: int = N) -> list[str]:
    """Strings that stand nowhere else."""
    return [f"ZQMARK{i:04d}" for i in range(n)]


def cases_of(names: list[str]) -> CaseTable:
    """Labelled cases: a marker in every id, group and attribute."""
    rows = [names[i : i + 4] for i in range(0, len(names), 4)]
    n = len(rows)
    columns = {"device": np.array([r[2] for r in rows]), "ward": np.array([r[3] for r in rows])}
    columns["collection"] = np.array(["breast"] * n)
    prob = np.full((n, 3), 1 / 3)
    return CaseTable(
        np.array([r[0] for r in rows]), np.array([r[1] for r in rows]), np.arange(n) % 3, prob, LABELS, columns
    )


def in_few_wards(names: list[str]) -> CaseTable:
    """The same cases, from few enough wards for a table of them."""
    table = cases_of(names)
    return replace(table, attributes={"ward": np.array([names[i % 3] for i in range(len(table))])})


def evaluation_of(names: list[str], model: str) -> Evaluation:
    """Figures with a marker in the name of every subgroup."""
    score = {"accuracy": Estimate(0.5, 0.4, 0.6, 0.95, 60, UNSAID)}
    parts = {f"device={name}": score for name in names} | {"collection=breast": score}
    return Evaluation(
        model,
        "breast",
        "f" * 8,
        Note("evaluation.part-unseen"),
        LABELS,
        60,
        60,
        score,
        ((20, 0, 0), (0, 20, 0), (0, 0, 20)),
        parts,
        left_out=dict.fromkeys(names[:2], score),
    )


def without_a_site(card: ModelCard, *sites: str) -> ModelCard:
    """The card of a run that left sites out, one of them measured and one not, as such runs are named and told."""
    named = ", ".join(sites)
    spec = {**card.origin.spec, "name": f"net, without {named}", "data": {"leave_out": sites[-1]}}
    told = {"name": f"net, without {named}", "trained_on": f"60 scans; {named} left out whole, to test on."}
    return replace(card, files={}, origin=replace(card.origin, spec=spec), **told)


@pytest.fixture
def subjects(given: Case, tiny_made: Path, home: Path) -> dict[type, Subject]:
    """Something of every kind that may leave, 200 markers in each that can hold any."""
    names = marks()
    card = tiny.install(tiny_made, home / "weights", "breast-ultrasound--tiny--0001")
    folder = store.folder(card.id)
    store.write_evaluation(folder, evaluation_of(names[:20], card.id), cases_of(names[20:]))
    store.seal(folder, without_a_site(card, names[0], names[39]))
    rows = [
        dict(zip(("file", "case", "disagrees", "remark"), names[i : i + 4], strict=True), decided="benign")
        for i in range(0, N, 4)
    ]
    letter = Letter(
        card.id,
        ("ab",),
        LABELS,
        "",
        "key",
        "",
        Aim(),
        "too-few",
        3,
        3,
        1,
        {},
        ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
        (),
        (),
    )
    person = Person(names[0], names[1], "", "", names[2])
    return {
        Case: replace(
            given,
            person=person,
            file_name=names[5],
            made_by=names[6],
            reading=Reading("", "benign", " ".join(names[7:])),
        ),
        Table: Table("answers", (*rows[0],), rows, frozenset({"decided"})),
        Measured: Measured(evaluation_of(names[:20], card.id), cases_of(names[20:])),
        ModelFiles: exchange.files_of(card.id),
        Letter: letter,
        Trail: Trail(tuple(line_of(n, name) for n, name in enumerate(names, start=1))),
        Drawing: Drawing(f"{given.scan.sha256[:16]}--m", given.scan, drawn),
        NetworkFile: NetworkFile(card, b"onnx"),
        Compared: report.page_of(
            Comparison(
                {card.id: card}, {card.id: in_few_wards(names)}, "breast", (Note("evaluation.part-all"),), (), 20
            ),
            (),
        ),
        OwnFile: OwnFile("split", json.dumps(names).encode(), "split"),
        Markdown: Markdown("models", lambda named: f"| {names[0] if named else 'site 1'} | 0.9 |"),
        Received: Received("0001", marked_dicom(count(1))),
    }


def drawn(scan: Scan) -> bytes:
    """The scan as a PNG."""
    return to_png(scan.pixels)


def line_of(n: int, who: str) -> audit.Line:
    """A line of the trail about somebody."""
    facts = {"model": "m", "model_sha256": "ab" * 32, "scan_sha256": "cd" * 32, "site": f"ward of {who}"}
    return audit.Line(n, "2026-11-29T10:00:00.000+00:00", who, "exit.pdf", "done", facts, "0" * 64, f"{n:064x}")


def text_in(data: bytes) -> bytes:
    """What left, archives unpacked."""
    if not data.startswith(b"PK"):
        return data
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return b"".join(archive.read(name) for name in archive.namelist())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", EXITS)
def test_every_exit_keeps_the_contract(name: str, mode, subjects: dict[type, Subject]) -> None:
    """A name with its ending, the same bytes for the same thing, a line in the trail with the mode, and no marker for others."""
    subject = subjects[EXITS[name].of]
    before = len(list(audit.lines()))
    if mode == "others" and EXITS[name].of is OwnFile:
        with pytest.raises(MedclsError) as refused:
            leave(name, subject, mode)
        assert [line.outcome for line in audit.lines()][before:] == [refused.value.code] == ["exits.only-record"]
        return
    made = leave(name, subject, mode)
    assert made.data
    assert made.name.endswith(EXITS[name].suffix)
    assert made.media_type == EXITS[name].media_type
    (line,) = list(audit.lines())[before:]
    assert (line.what, line.outcome, line.facts["mode"]) == (f"exit.{name}", "done", mode)
    if EXITS[name].of is not ModelFiles:  # an archive tells when it was made
        assert leave(name, subject, mode).data == made.data
    if mode == "others":
        assert b"ZQMARK" not in text_in(made.data) + made.name.encode()


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, way in EXITS.items()
        if way.of in (Table, Measured, ModelFiles, Trail, OwnFile, Received, Compared, Markdown)
    ],
)
def test_for_the_record_the_markers_are_there(name: str, subjects: dict[type, Subject]) -> None:
    """So the test above can fail."""
    made = text_in(leave(name, subjects[EXITS[name].of], "record").data)
    assert len(set(re.findall(rb"ZQMARK\d{4}", made))) >= {"evaluation": 20, "comparison": 3, "markdown": 1}.get(
        name, 100
    )


def test_a_picture_with_text_on_it_stays_until_it_is_painted_over(subjects: dict[type, Subject]) -> None:
    """The name is found on the scan itself, whatever is drawn over it; painted over, it is not in the picture."""
    drawing = subjects[Drawing]
    assert isinstance(drawing, Drawing)
    picture = Image.fromarray(np.full((300, 400, 3), 40, np.uint8))
    ImageDraw.Draw(picture).text((12, 14), "KIM MINSU 1971", font=ImageFont.load_default(20), fill=(255, 255, 255))
    marked = replace(drawing, scan=replace(drawing.scan, pixels=np.asarray(picture, np.float32) / 255))
    with pytest.raises(MedclsError) as refused:
        leave("drawing", marked, "others")
    assert refused.value.code == "exits.burned-in-text"
    leave("drawing", marked, "record")
    leave("drawing", replace(marked, accepts_text=True), "others")
    covered = replace(marked, covers=find_text(marked.scan.pixels))
    left = np.asarray(Image.open(io.BytesIO(leave("drawing", covered, "others").data)).convert("L"))
    assert left.max() <= 41


def test_a_file_as_it_came_goes_to_others_without_its_header_s_names_and_not_with_text_on_it() -> None:
    """Its picture is the same, to the last value; text on it is not painted over in a file, so it stays."""
    data = marked_dicom(count(1))
    before, after = (
        pydicom.dcmread(io.BytesIO(d)) for d in (data, leave("received", Received("1", data), "others").data)
    )
    assert (after.pixel_array == before.pixel_array).all()
    assert (after.PatientIdentityRemoved, str(after.PatientName)) == ("YES", "")
    picture = Image.fromarray(np.full((300, 400), 40, np.uint8))
    ImageDraw.Draw(picture).text((12, 14), "KIM MINSU 1971", font=ImageFont.load_default(20), fill=255)
    before.Rows, before.Columns, before.PixelData = 300, 400, picture.tobytes()
    out = io.BytesIO()
    before.save_as(out)
    with pytest.raises(MedclsError) as refused:
        leave("received", Received("1", out.getvalue()), "others")
    assert refused.value.code == "exits.burned-in-file"


@pytest.mark.parametrize("lost", ["SOPInstanceUID", "Rows"])
def test_a_file_that_cannot_be_deidentified_is_a_sentence_and_no_other_way_out_needs_it_to_be(
    lost: str, given: Case
) -> None:
    """A report for others holds nothing of the header, so it does not ask for one."""
    ds = pydicom.dcmread(io.BytesIO(marked_dicom(count(1))))
    delattr(ds, lost)
    out = io.BytesIO()
    ds.save_as(out)
    with pytest.raises(MedclsError):
        leave("received", Received("1", out.getvalue()), "others")
    assert leave("json", replace(given, source=out.getvalue()), "others").data


def test_a_collections_own_values_are_numbered_in_a_table_for_others(subjects: dict[type, Subject]) -> None:
    """Subgroups of a column stay apart without the column's words."""
    table = Table(
        "subgroups",
        ("ward", "n"),
        [{"ward": f"ZQMARK{i}", "n": i} for i in (1, 2, 1)],
        frozenset({"n"}),
        {},
        {"ward": "value"},
    )
    rows = json.loads(leave("table-json", table, "others").data)
    assert [(row["ward"], row["n"]) for row in rows] == [("value 1", 1), ("value 2", 2), ("value 1", 1)]


def test_a_thing_does_not_leave_where_another_kind_does(subjects: dict[type, Subject]) -> None:
    """With the ways there are for it."""
    for name, kind in (("model", Case), ("pdf", Table), ("table-csv", Case)):
        with pytest.raises(MedclsError) as refused:
            leave(name, subjects[kind], "record")
        assert refused.value.code == "exits.unknown"
    assert set(CASE_EXITS) < set(EXITS)


def test_rows_that_belong_together_still_do(subjects: dict[type, Subject]) -> None:
    """Numbered, the same number for the same name."""
    table = subjects[Table]
    assert isinstance(table, Table)
    twice = replace(table, rows=[table.rows[0], table.rows[1], table.rows[0]])
    rows = json.loads(leave("table-json", twice, "others").data)
    assert [row["file"] for row in rows] == ["scan 1", "scan 2", "scan 1"]
    assert {row["disagrees"] for row in rows} == {""}
    assert {row["decided"] for row in rows} == {"benign"}


def test_sites_left_out_are_numbered_and_cases_without_a_name_stay_so() -> None:
    """Two sites stay two; an empty id or group is no name."""
    names = marks(8)
    cases = cases_of(names)
    blank = replace(cases, case=np.array(["", names[4]]), group=np.array([names[1], ""]))
    told = nameless_measured(Measured(evaluation_of(names, "m"), blank))
    assert list(told.evaluation.left_out) == ["site 1", "site 2"]
    assert (told.cases.case.tolist(), told.cases.group.tolist()) == (["", "case 1"], ["group 1", ""])


def test_who_is_no_person_stays_in_the_trail() -> None:
    """Neither "local" nor "nobody" is somebody's name."""
    trail = nameless_trail(Trail(tuple(line_of(n, who) for n, who in enumerate(("kim", "nobody", "local"), start=1))))
    assert [line.who for line in trail.lines] == ["person 1", "nobody", "local"]
    assert [line.facts["site"] for line in trail.lines] == ["site 1", "site 2", "site 3"]
    assert {line.facts["model"] for line in trail.lines} == {"m"}


def test_what_a_model_itself_answered_is_no_name() -> None:
    """Beside what was shown at a site, whose name is one."""
    line = replace(line_of(1, "kim"), facts={"answer": "benign", "model_answer": "malignant", "site": "Ward 7"})
    told = nameless_trail(Trail((line,))).lines[0].facts
    assert told == {"answer": "benign", "model_answer": "malignant", "site": "site 1"}


def test_a_model_without_names_is_taken_elsewhere(subjects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every hash holds, its figures stand, its cases are numbered; it answers as before."""
    model = subjects[ModelFiles]
    data = leave("model", model, "others").data
    monkeypatch.setenv("MEDCLS_HOME", str(tmp_path / "elsewhere"))
    (card,) = exchange.import_model(data)
    assert card.id == model.card.id
    cases = store.read_cases(card.id)
    assert cases is not None
    assert cases.case[0] == "case 1"
    assert set(cases.attributes) == {"collection"}
    assert list(store.read_evaluation(card.id).subgroups) == ["collection=breast"]
    assert b"ZQMARK" not in b"".join(path.read_bytes() for path in store.folder(card.id).iterdir())


ROOT = Path(__file__).resolve().parents[2]
WRITES = {
    "write_bytes",
    "write_text",
    "write_atomically",
    "download_button",
    "savefig",
    "imwrite",
    "to_csv",
    "to_excel",
}
WRITES |= {"put_between_marks", "save", "savez"}
PASSES = {"send_out", "leave", "export_bytes", "write_letter"}  # `leave`, or what does nothing but call it
ROOMS = ("medcls/cli", "medcls/workflows", "medcls/reproduction", "pages")
# Files written that hold nothing of a person or stay in this home, and why; and buttons of bytes made by a way out before.
BESIDE = {
    ("medcls/reproduction/maps.py", "draw_maps"): "pictures that stay in this home",
    ("medcls/reproduction/reproduce.py", "_run_of"): "which run a system has, in this home",
    ("medcls/reproduction/table.py", "write_row"): "a row of the table, in this home",
    ("medcls/workflows/exchange.py", "_take_one"): "a model that comes in",
    ("medcls/workflows/marked.py", "_put"): "puts the text of a way out into a file",
    ("pages/_ui/classify/report.py", "_save"): "a parcel that `_make` sent out",
    ("medcls/cli/report.py", "_export"): "the trail, that `trail.export` sent out",
}


def writers() -> set[tuple[str, str]]:
    """Functions of pages, verbs and workflows that write a file or offer one, without passing the gate in the same function."""
    found = set()
    for path in sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        top = ast.parse(path.read_text(encoding="utf-8")).body
        for node in [*top, *(inner for one in top if isinstance(one, ast.ClassDef) for inner in one.body)]:
            if isinstance(node, ast.FunctionDef):
                names = {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}
                names |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
                if names & WRITES and not names & PASSES:
                    found.add((path.relative_to(ROOT).as_posix(), node.name))
    return found


def test_nothing_leaves_a_page_or_a_verb_beside_the_table() -> None:
    """Whoever writes a file, or offers one, sends it out in the same function; the exceptions are named, and no more."""
    assert writers() == set(BESIDE)
