"""A day in a clinic, in a browser: sent to the listener, on the worklist, read before the answer, reported, sent back to a real Orthanc."""

import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pynetdicom import AE
from pypdf import PdfReader

from medcls.imaging.decode import read_scan
from medcls.imaging.phantom import phantom
from tests.e2e.conftest import PATIENCE_MS, fork_server, settle, shot, stop_server
from tests.e2e.test_access import listen
from tests.exits.test_dicom_out import errors_of
from tests.inlets.conftest import dicom, free_port, one_orthanc, orthanc  # noqa: F401 - fixtures
from tests.tiny import install

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
MODEL = "breast-ultrasound--tiny--0001"
PATIENT = "Kim^MinSu=金^敏洙=김^민수"


def study(seed: int, instance: int = 1, study_uid: str = "") -> bytes:
    """A phantom as an ultrasound machine sends it: pixels of 0.2 mm, a Korean patient."""
    grey = np.rint(255 * read_scan(phantom("breast-ultrasound", "malignant", seed)).pixels).astype(np.uint8)
    ds = pydicom.dcmread(io.BytesIO(dicom(seed=seed)))
    ds.SpecificCharacterSet, ds.PatientName, ds.PatientID = ["", "ISO 2022 IR 149"], PATIENT, "P1"
    ds.InstanceNumber = instance
    ds.PatientBirthDate, ds.PatientSex, ds.StudyID, ds.AccessionNumber = "19710203", "F", "7", "A-77"
    ds.StudyTime, ds.ReferringPhysicianName, ds.Laterality, ds.SeriesNumber = "101500", "", "L", 1
    ds.StudyInstanceUID = study_uid or ds.StudyInstanceUID
    ds.PixelSpacing = [0.2, 0.2]
    ds.Rows, ds.Columns = grey.shape[:2]
    ds.PixelData = grey.tobytes()
    out = io.BytesIO()
    ds.save_as(out, enforce_file_format=True)
    return out.getvalue()


def send(port: int, data: bytes) -> int:
    """Send a file as an ultrasound machine does; returns the listener's answer."""
    ds = pydicom.dcmread(io.BytesIO(data))
    entity = AE(ae_title="US1")
    entity.add_requested_context(ds.SOPClassUID, ds.file_meta.TransferSyntaxUID)
    link = entity.associate("127.0.0.1", port, ae_title="MEDCLS")
    assert link.is_established
    status = link.send_c_store(ds).Status
    link.release()
    return status


@pytest.fixture
def clinic(orthanc, tiny_made: Path, tmp_path: Path) -> Iterator[tuple]:  # noqa: F811 - fixture
    """A home with a model, its listener and its server; and the listener's port."""
    home, port = tmp_path / "home", free_port()
    install(tiny_made, home / "weights", MODEL)
    (home / "servers.toml").write_text(
        f'[receive]\ntitle = "MEDCLS"\nport = {port}\ncallers = ["US1"]\n'
        f'[servers.pacs]\nurl = "http://127.0.0.1:{orthanc.http}/dicom-web"\ntimeout_s = 60.0\n'
        f'[servers.archive]\nkind = "dimse"\nhost = "127.0.0.1"\nport = {orthanc.dimse}\ntitle = "ORTHANC"\ntimeout_s = 60.0\n'
    )
    env = os.environ | {"MEDCLS_HOME": str(home)}
    receive = subprocess.Popen([sys.executable, "-m", "medcls", "receive"], stderr=subprocess.PIPE, env=env, text=True)
    assert receive.stderr is not None
    assert "listens" in receive.stderr.readline()
    server = fork_server(home, tmp_path / "server.log")
    yield server, port
    stop_server(server)
    receive.terminate()
    receive.wait(30)


def to_pictures(pdf: bytes, folder: Path) -> list[np.ndarray]:
    """Render a PDF's pages; skipped with a sentence where nothing here can."""
    if shutil.which("pdftoppm") is None:
        pytest.skip("pdftoppm is not installed: apt-get install poppler-utils")
    (folder / "report.pdf").write_bytes(pdf)
    subprocess.run(["pdftoppm", "-r", "80", "-png", folder / "report.pdf", folder / "page"], check=True)
    pages = sorted(folder.glob("page*.png"))
    if shots := os.environ.get("MEDCLS_SHOTS"):
        for page in pages:
            shutil.copy(page, f"{shots}/clinic-{page.name}")
    return [np.asarray(Image.open(page).convert("L")) for page in pages]


def drag(page, tool: str, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw on the scan with a tool of the viewer, from and to shares of the stage."""
    page.locator(".viewer[data-ready]").first.focus()
    page.keyboard.press(tool)
    box = page.locator(".stage").first.bounding_box()
    at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)]
    page.mouse.move(*at[0])
    page.mouse.down()
    page.mouse.move(*at[1], steps=4)
    page.mouse.up()
    settle(page)


def tick_by_keyboard(page, rows: int) -> None:
    """Tick the first rows of the table on the page without a mouse, as its caption says."""
    page.get_by_role("combobox", name="From").focus()
    while page.evaluate("document.activeElement.tagName") != "CANVAS":
        page.keyboard.press("Tab")
    for row in range(rows):
        page.keyboard.press("ArrowDown" if row else "ArrowUp")
        page.keyboard.press("Shift+Space")
        settle(page)


def read_first(page, label: str) -> None:
    """Say what one sees, and wait for the answer and its map."""
    page.get_by_role("radiogroup", name="What do you see?").get_by_text(label, exact=label == "benign").click()
    page.get_by_role("button", name="Show the network's answer").click()
    page.get_by_role("status").first.wait_for()
    page.locator('.viewer[data-maps="1"]').wait_for()
    settle(page)


def saved(page) -> bytes:
    """Make what is chosen on the sheet, and save it."""
    page.get_by_role("button", name="Make", exact=True).click()
    button = page.get_by_test_id("stDownloadButton").filter(has_text=re.compile("Save$")).get_by_role("button")
    with page.expect_download() as found:
        button.click()
    return Path(found.value.path()).read_bytes()


def test_received_read_first_reported_and_sent_back(chromium, clinic, orthanc, tmp_path: Path) -> None:  # noqa: F811
    """From the ultrasound machine's C-STORE to report and capture in the PACS, in the patient's study."""
    server, port = clinic
    first = pydicom.dcmread(io.BytesIO(given := study(3)))
    assert send(port, given) == 0
    assert send(port, study(8, 2, first.StudyInstanceUID)) == 0
    context = chromium.new_context(viewport={"width": 1440, "height": 1000}, accept_downloads=True)
    context.add_init_script("window.print = () => { top.printed = (top.printed || 0) + 1 }")
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    errors = listen(page)
    try:
        page.goto(f"{server.url}/worklist")
        table = page.get_by_test_id("stDataFrame")
        table.wait_for()
        settle(page)
        shot(page, "clinic-1-worklist")
        tick_by_keyboard(page, 2)
        page.get_by_text("My own reading first").click()
        settle(page)
        page.get_by_role("button", name="Read these").click()
        page.get_by_text("What do you see?").wait_for()
        settle(page)
        shot(page, "clinic-2-own-reading")
        assert page.get_by_role("status").count() == 0
        read_first(page, "malignant")
        page.locator(".list [role=option]").nth(1).click()
        settle(page)
        page.get_by_text("What do you see?").wait_for()
        assert page.get_by_role("status").count() == 0, "the other view's answer waits too"
        read_first(page, "benign")
        page.get_by_role("button", name="Reading", exact=False).first.click()
        page.get_by_text("By DICOM study").click()
        settle(page)
        page.keyboard.press("Escape")
        drag(page, "d", (0.42, 0.5), (0.58, 0.5))
        page.locator(".ink text", has_text="mm").first.wait_for()
        drag(page, "b", (0.38, 0.3), (0.62, 0.6))
        page.get_by_text("The region alone:").wait_for()
        settle(page)
        shot(page, "clinic-3-answer")
        page.get_by_role("button", name="Report", exact=True).click()
        sheet = page.get_by_role("dialog")
        sheet.get_by_label("Comment").fill("세침흡인 권고")
        sheet.get_by_label("Comment").press("Control+Enter")
        settle(page)
        sheet.get_by_text("I read the scan and stand by this answer").click()
        settle(page)
        shot(page, "clinic-4-sheet")
        report = saved(page)
        sheet.get_by_role("button", name="Print").click()
        page.wait_for_function("window.printed === 1")
        sheet.get_by_role("button", name="Copy as text").click()
        sheet.get_by_text("Case report:").first.wait_for()
        settle(page)
        shot(page, "clinic-5-made")
        for name in ("pacs", "archive"):
            server_box = sheet.get_by_role("combobox", name=re.compile("Send to"))
            server_box.fill(name)
            server_box.press("Enter")
            settle(page)
            sheet.get_by_role("button", name="Send", exact=True).click()
            sheet.get_by_text(f"{name} has it.").wait_for()
            settle(page)
        shot(page, "clinic-6-sent")
        page.goto(f"{server.url}/worklist")
        page.get_by_text("2 sent").wait_for()
        settle(page)
        shot(page, "clinic-7-outbox")
    finally:
        context.close()
    assert not errors
    told = "".join(one.extract_text() for one in PdfReader(io.BytesIO(report)).pages)
    for words in ("Read before the answer was seen: benign", "세침흡인 권고", "mm", "View 2", "views together"):
        assert words in told.replace("\n", " "), words
    back = [orthanc.file(one) for one in orthanc.instances()]
    objects = [pydicom.dcmread(io.BytesIO(data)) for data in back]
    assert sorted(one.Modality for one in objects) == ["OT", "SR"]
    for data, one in zip(back, objects, strict=True):
        assert errors_of(data, tmp_path) == []
        assert one.StudyInstanceUID == first.StudyInstanceUID
        assert str(one.PatientName) == PATIENT
    pages = to_pictures(report, tmp_path)
    assert len(pages) == 1
    assert pages[0][:60].min() < 60  # the notice at the head, white on dark
    assert pages[0][-60:].min() < 60
    assert (pages[0] < 250).mean() > 0.2
