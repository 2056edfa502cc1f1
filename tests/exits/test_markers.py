"""200 markers in everything that a file and a person can say; none leaves for others."""

import io
from dataclasses import replace
from itertools import count

import numpy as np
import pydicom
import pytest
from PIL import Image, PngImagePlugin
from pydicom.datadict import DicomDictionary, keyword_for_tag
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from medcls.core.note import Note
from medcls.evaluation.sites import make_site
from medcls.exits import CASE_EXITS, leave
from medcls.exits.case import Case, Person, Reading, View
from medcls.exits.nameless import nameless_table
from medcls.exits.profile import deidentify, names_in
from medcls.exits.subjects import Table
from medcls.imaging.decode import read_scan

LENGTH = {"LO": 64, "SH": 16, "ST": 400, "LT": 400, "UT": 400, "UC": 64, "PN": 64, "CS": 16, "AE": 16}
N_TAGS = 160


def marker(numbers: count) -> str:
    """A string that stands nowhere else."""
    return f"ZQMARK{next(numbers):04d}"


def marked_dicom(numbers: count) -> bytes:
    """A small ultrasound file with a marker in tags of every kind of text, in sequences and in private elements."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.6.1"
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = generate_uid()
    ds.file_meta.SourceApplicationEntityTitle = marker(numbers)
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.Modality = generate_uid(), generate_uid(), "US"
    texts = [tag for tag, row in DicomDictionary.items() if row[0] in LENGTH and tag >> 16 not in (0x0000, 0x0002)]
    wanted = [
        "PatientName",
        "PatientID",
        "PatientBirthName",
        "OtherPatientIDs",
        "ImageComments",
        "InstitutionName",
        "StudyDescription",
        "SeriesDescription",
        "OperatorsName",
        "ProtocolName",
        "BodyPartExamined",
        "StationName",
        "DerivationDescription",
        "WindowCenterWidthExplanation",
        "AcquisitionComments",
    ]
    chosen = wanted + [k for tag in texts[:: len(texts) // N_TAGS] if (k := keyword_for_tag(tag)) and k not in wanted]
    for keyword in [k for k in chosen if k not in ("SpecificCharacterSet", "PhotometricInterpretation", "Modality")][
        :N_TAGS
    ]:
        setattr(ds, keyword, marker(numbers))
    inner = Dataset()
    inner.PatientName, inner.ImageComments = marker(numbers), marker(numbers)
    ds.ReferencedStudySequence = Sequence([inner])
    ds.SequenceOfUltrasoundRegions = Sequence([inner])
    block = ds.private_block(0x0011, marker(numbers)[:16], create=True)
    for offset in range(4):
        block.add_new(offset, "LO", marker(numbers))
    rows = 64
    ds.Rows = ds.Columns = rows
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PixelRepresentation = 1, "MONOCHROME2", 0
    ds.BitsAllocated = ds.BitsStored = 8
    ds.HighBit = 7
    ds.PixelData = np.random.default_rng(0).integers(0, 90, (rows, rows), np.uint8).tobytes()
    out = io.BytesIO()
    ds.save_as(out, enforce_file_format=True)
    return out.getvalue()


@pytest.fixture
def marked(case: Case) -> tuple[Case, int]:
    """A case that has a marker wherever anything can be said, and how many there are."""
    numbers = count(1)
    source = marked_dicom(numbers)
    person = Person(marker(numbers), marker(numbers), marker(numbers), marker(numbers), marker(numbers))
    name = "/".join((f"{marker(numbers)}.zip", marker(numbers), f"{marker(numbers)}.dcm"))
    made = replace(
        case,
        scan=read_scan(source),
        heatmap=None,
        region=None,
        rulers=(),
        views=(),
        source=source,
        person=person,
        file_name=name,
        made_by=marker(numbers),
        reading=Reading("benign", "malignant", " ".join(marker(numbers) for _ in range(24))),
    )
    return made, next(numbers) - 1


@pytest.mark.parametrize("name", CASE_EXITS)
def test_no_marker_leaves_for_others(name: str, marked: tuple[Case, int]) -> None:
    """0 of 200, whichever the way out."""
    case, n = marked
    assert n >= 200
    assert b"ZQMARK" not in leave(name, case, "others").data
    assert "ZQMARK" not in leave(name, case, "others").name


def test_no_marker_is_left_in_a_deidentified_header(marked: tuple[Case, int]) -> None:
    """Not in a sequence or a private element either; the picture's own facts stay, identifiers are new."""
    case, _ = marked
    assert case.source is not None
    assert any("ZQMARK" in name for name in names_in(case.source))
    before, data = pydicom.dcmread(io.BytesIO(case.source)), deidentify(case.source)
    assert b"ZQMARK" not in data
    after = pydicom.dcmread(io.BytesIO(data))
    assert (after.Rows, after.Modality, after.PatientIdentityRemoved) == (before.Rows, "US", "YES")
    assert after.StudyInstanceUID != before.StudyInstanceUID
    assert after.file_meta.MediaStorageSOPInstanceUID == after.SOPInstanceUID != before.SOPInstanceUID
    assert not [element for element in after if element.tag.is_private]


def test_what_a_picture_file_says_of_a_person_does_not_leave(case: Case) -> None:
    """EXIF, GPS and PNG text are not held by a scan, so no exit can have them, for the record either."""
    exif = Image.Exif()
    exif[0x013B], exif[0x010E], exif[0x8298] = "ZQMARK9001", "ZQMARK9002", "ZQMARK9003"
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "ZQMARK9004")
    out = io.BytesIO()
    Image.fromarray(np.full((96, 96), 60, np.uint8)).save(out, "PNG", exif=exif, pnginfo=text)
    assert b"ZQMARK9004" in out.getvalue()
    odd = replace(case, scan=read_scan(out.getvalue()), heatmap=None, region=None, rulers=(), source=None)
    for name in CASE_EXITS:
        assert b"ZQMARK" not in leave(name, odd, "record").data


@pytest.mark.parametrize("name", CASE_EXITS)
def test_no_site_s_name_leaves_for_others(name: str, given: Case) -> None:
    """Somebody typed it; for the record it stays, in what a site's threshold says and in what it is worth."""
    site = "ZQMARK practice of Dr. Kim"
    make_site(site)
    note = Note(
        "evaluation.site-threshold", site=site, threshold=0.2, n=120, sensitivity=0.9, made="2026-11-28", disease=0.7
    )
    answer = replace(
        given.prediction, points=(note,), cautions=(Note("evaluation.settings-of-other-weights", site=site),)
    )
    worth = Note("evaluation.record-threshold", site=site, sensitivity=0.9, specificity=0.8, here="")
    view = View(given.scan, answer)
    case = replace(given, prediction=answer, worth=(worth, f"{site}, checked here"), views=(view,), together=answer)
    assert b"ZQMARK" not in leave(name, case, "others").data.replace(b"\0", b"")
    if name in ("text", "json", "html", "csv"):
        assert b"ZQMARK" in leave(name, case, "record").data


def test_no_site_s_name_leaves_in_a_table_s_notes() -> None:
    """As text and as a list, as CSV and JSON have them; what stands around it stays."""
    make_site("ZQMARK")
    rows = [{"notes": "Threshold of ZQMARK: x"}, {"notes": ["ZQMARK, y", "ZQMARKS"]}]
    table = nameless_table(Table("t", ("notes",), rows, frozenset({"notes"})))
    assert [row["notes"] for row in table.rows] == ["Threshold of this site: x", ["this site, y", "ZQMARKS"]]
