"""Every way out: the same case gives the same bytes, says what is on the screen, and lets nothing personal out for others."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from pypdf import PdfReader

from medcls import audit
from medcls.core.note import Note
from medcls.core.numbers import show_prob
from medcls.errors import MedclsError
from medcls.exits import CASE_EXITS, leave
from medcls.exits.case import MODES, Case, Person
from medcls.exits.gate import find_burned_in, free_text
from medcls.exits.report_pdf import _drawn
from medcls.exits.sheet import sheet_of
from medcls.imaging.decode import read_scan
from tests.exits.test_dicom_out import source_file

REPORTS = ("pdf", "html", "text")
PERSONAL = ("김민수", "1234-5678", "1971-02-03", "A-77", "dr.kim", "세침흡인")


def text_of(name: str, data: bytes) -> str:
    """All the text that stands in what left."""
    if name != "pdf":
        return data.decode("utf-8-sig", "replace")  # DICOM objects hold bytes that are no text
    reader = PdfReader(io.BytesIO(data))
    return "\n".join(page.extract_text() for page in reader.pages) + str(dict(reader.metadata or {}))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", CASE_EXITS)
def test_same_case_and_time_give_the_same_bytes(name: str, mode, case: Case) -> None:
    """Byte for byte, and never nothing."""
    first = leave(name, case, mode)
    assert first.data
    assert first == leave(name, case, mode)
    assert first.name.endswith(CASE_EXITS[name].suffix)
    assert case.scan.sha256[:12] in first.name


@pytest.mark.parametrize("name", CASE_EXITS)
def test_nothing_personal_leaves_for_others(name: str, case: Case) -> None:
    """For the record it is all there (so this test can fail); for others none of it is."""
    others = leave(name, case, "others")
    assert not [word for word in PERSONAL if word in text_of(name, others.data) or word.encode() in others.data]
    if name in REPORTS:
        record = text_of(name, leave(name, case, "record").data).replace("\n", "")
        assert [word for word in PERSONAL if word in record] == list(PERSONAL)


@pytest.mark.parametrize("name", REPORTS)
def test_reports_say_what_is_on_the_screen(name: str, case: Case) -> None:
    """Answer, every probability as it is shown, model, digests, and what the reader said."""
    told = " ".join(text_of(name, leave(name, case, "record").data).split())
    for label, p in zip(case.prediction.labels, case.prediction.prob, strict=True):
        shown = show_prob(float(p))
        assert case.card.task.label(label).name in told
        assert shown in told or shown.replace("<", "&lt;").replace(">", "&gt;") in told
    assert case.card.id in told.replace("- ", "-")
    assert case.scan.sha256 in told.replace(" ", "")
    assert "The answer changed the reading." in told
    assert "11.2 mm" in told


@pytest.mark.parametrize("name", REPORTS)
def test_cannot_tell_is_said_as_such(name: str, case: Case) -> None:
    """An answer that was not decided names no label as the answer."""
    undecided = replace(case, prediction=replace(case.prediction, refusal=Note("models.unsure", least=0.99)))
    assert "cannot tell" in text_of(name, leave(name, undecided, "record").data)


def test_notice_stands_on_every_page_and_in_every_picture(case: Case) -> None:
    """At head and foot and across the page; a long report has several."""
    long = replace(case, worth=tuple(f"Line {i} of many that fill the page." for i in range(150)))
    reader = PdfReader(io.BytesIO(leave("pdf", long, "record").data))
    assert len(reader.pages) > 1
    assert all(page.extract_text().count("not for diagnosis") > 10 for page in reader.pages)


def test_report_of_an_ordinary_case_is_one_page(case: Case) -> None:
    """With one view less than fills the second row of pictures."""
    assert len(PdfReader(io.BytesIO(leave("pdf", replace(case, views=()), "record").data)).pages) == 1


def test_what_is_a_little_more_than_a_page_is_set_smaller(case: Case) -> None:
    """So that the patient's file gets one page; a long report keeps its letters and has several."""
    longer = (replace(case, worth=tuple(f"Line {i} of many." for i in range(n))) for n in range(1, 80, 2))
    over = next(one for one in longer if _drawn(sheet_of(one, "record"), one, 1.0).page_no() == 2)
    assert len(PdfReader(io.BytesIO(leave("pdf", over, "record").data)).pages) == 1


def test_the_patient_stands_before_the_answer(case: Case) -> None:
    """As on any document that is filed by whom it is about."""
    text = text_of("text", leave("text", case, "record").data)
    assert text.index(case.person.name) < text.index(sheet_of(case, "record").lead)
    assert sheet_of(replace(case, person=Person()), "record").patient is None


def test_pictures_carry_the_notice_in_their_pixels(case: Case) -> None:
    """A part cut out of the middle still differs from the bare scan."""
    from medcls.exits.pictures import stamp

    bare = np.full((400, 500, 3), 90, np.uint8)
    stamped = stamp(bare)
    middle = np.s_[150:250, 150:350]
    assert (stamped[middle] != bare[middle]).any()


def test_html_needs_nothing_else(case: Case) -> None:
    """No script, no address, and what the user typed is text."""
    nasty = replace(case, reading=replace(case.reading, comment="<script>alert(1)</script>"))
    page = leave("html", nasty, "record").data.decode()
    assert "<script" not in page
    assert "http" not in page
    assert "&lt;script&gt;" in page


def with_text(case: Case) -> Case:
    """The case with a name burned into its scan."""
    pixels = Image.fromarray((case.scan.pixels * 255).astype(np.uint8)).convert("RGB")
    ImageDraw.Draw(pixels).text((12, 14), "KIM MINSU 1971", font=ImageFont.load_default(20), fill=(255, 255, 255))
    return replace(case, scan=replace(case.scan, pixels=np.asarray(pixels, np.float32) / 255))


def test_text_on_the_picture_is_refused_for_others_until_it_is_painted_over(case: Case) -> None:
    """Found, then painted over on a click; or somebody says that it names nobody."""
    marked = with_text(case)
    found = find_burned_in(marked)
    assert found
    with pytest.raises(MedclsError) as refused:
        leave("json", marked, "others")
    assert (refused.value.code, refused.value.params["n"]) == ("exits.burned-in-text", len(found))
    assert not find_burned_in(replace(marked, covers=found))
    leave("json", replace(marked, covers=found), "others")
    leave("json", replace(marked, accepts_text=True), "others")
    leave("json", marked, "record")


def test_a_comment_stays_only_if_it_was_read_again_and_names_nobody(case: Case) -> None:
    """Shown before it goes; a name of the file or the person in it is refused."""
    plain = replace(case, reading=replace(case.reading, comment="Follow up in six months."))
    assert free_text(plain) == ("Follow up in six months.",)
    assert json.loads(leave("json", plain, "others").data)["comment"] == ""
    kept = replace(plain, keeps_comment=True)
    assert json.loads(leave("json", kept, "others").data)["comment"] == "Follow up in six months."
    with pytest.raises(MedclsError) as refused:
        leave("json", replace(kept, reading=replace(kept.reading, comment="환자 김민수")), "others")
    assert refused.value.code == "exits.personal-comment"


def test_everything_that_leaves_is_written_down(case: Case) -> None:
    """Who, what, with which model and scan, and how it ended; nothing personal but the login name."""
    leave("json", case, "record")
    with pytest.raises(MedclsError):
        leave("json", with_text(case), "others")
    first, second = (line for line in audit.lines() if line.what.startswith("exit."))
    assert (first.what, first.who, first.outcome, first.facts["mode"]) == ("exit.json", "dr.kim", "done", "record")
    assert first.facts["scan_sha256"] == case.scan.sha256
    assert second.outcome == "exits.burned-in-text"
    text = "".join(path.read_text() for path in audit.files())
    assert not [word for word in PERSONAL if word in text and word != "dr.kim"]


def test_a_fault_of_an_exit_is_written_down_as_failed(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """And goes on to whoever asked."""

    def breaks(subject: Case, mode: str) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("medcls.exits.answer_json.make", breaks)
    with pytest.raises(OSError, match="No space"):
        leave("json", case, "record")
    *_, line = audit.lines()
    assert (line.what, line.who, line.outcome) == ("exit.json", "dr.kim", "failed")
    assert line.facts["scan_sha256"] == case.scan.sha256


def test_an_unknown_way_out_is_a_sentence(case: Case) -> None:
    """With what there is."""
    with pytest.raises(MedclsError) as refused:
        leave("fax", case, "record")
    assert refused.value.code == "exits.unknown"


@pytest.mark.parametrize("name", REPORTS)
def test_the_report_names_the_patient_of_the_file(name: str, case: Case) -> None:
    """As the header says, for the record alone, in Korea's Chinese characters too; a letter that no font has leaves a box."""
    data = source_file(PatientName="Kim^MinSu=金^敏洙张=김^민수", SpecificCharacterSet="ISO_IR 192")
    scan = read_scan(data)
    told = replace(case, scan=scan, source=data, heatmap=None, region=None, rulers=(), views=(), accepts_text=True)
    record = text_of(name, leave(name, told, "record").data)
    for words in ("Kim MinSu", "김 민수", "P-1", "1971-02-03", "A-77", "金 敏洙□" if name == "pdf" else "金 敏洙张"):
        assert words in record
    others = text_of(name, leave(name, told, "others").data)
    assert not [words for words in ("MinSu", "민수", "P-1", "1971") if words in others]
