"""The Classify page in a real browser: real formats, one broken file, downloads, nothing left on disk."""

import csv
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from medcls.imaging.decode import read_scan
from medcls.imaging.phantom import phantom
from tests.e2e.conftest import PATIENCE_MS, Server, settle, wait_for_choice

pytestmark = pytest.mark.e2e

MARKER = "ZZMARKER7431"  # stands in file names and in DICOM tags; must be nowhere afterwards


def png(label: str, seed: int) -> bytes:
    """A synthetic scan."""
    return phantom("breast-ultrasound", label, seed)


def dicom(label: str, seed: int) -> bytes:
    """A 12-bit MONOCHROME1 DICOM file with a patient's name in it."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, UltrasoundImageStorage, generate_uid

    grey = read_scan(png(label, seed)).pixels
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, UltrasoundImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    file = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    file.SOPClassUID, file.SOPInstanceUID, file.Modality = UltrasoundImageStorage, meta.MediaStorageSOPInstanceUID, "US"
    file.PatientName, file.PatientID = f"{MARKER}^Ada", MARKER
    file.Rows, file.Columns = grey.shape[:2]
    file.SamplesPerPixel, file.PhotometricInterpretation, file.PixelRepresentation = 1, "MONOCHROME1", 0
    file.BitsAllocated, file.BitsStored, file.HighBit = 16, 12, 11
    file.PixelData = (4095 - np.rint(grey * 4095)).astype("<u2").tobytes()
    out = io.BytesIO()
    file.save_as(out, enforce_file_format=True)
    return out.getvalue()


def archive() -> bytes:
    """A ZIP with one good and one broken file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr(f"{MARKER}/good.png", png("benign", 22))
        z.writestr(f"{MARKER}/broken.png", png("benign", 23)[:700])
    return out.getvalue()


def files() -> list[dict]:
    """A drop as a browser hands it over."""
    return [
        {"name": f"{MARKER}-a.png", "mimeType": "image/png", "buffer": png("malignant", 21)},
        {"name": f"{MARKER}-b", "mimeType": "application/octet-stream", "buffer": dicom("normal", 24)},
        {"name": "=several.zip", "mimeType": "application/zip", "buffer": archive()},
    ]


def open_page(page, server: Server) -> None:
    """Open Classify and wait until it can be used."""
    page.goto(server.url)
    page.get_by_role("button", name="Try an example").first.wait_for(timeout=PATIENCE_MS)
    page.get_by_text("Opening the network").wait_for(state="hidden", timeout=PATIENCE_MS)


def drop(page, *dropped: dict) -> None:
    """Drop files."""
    page.locator('input[type="file"]').set_input_files(list(dropped))


def written(home: Path) -> dict[str, int]:
    """Every file below a folder with its time of change."""
    return {str(p): p.stat().st_mtime_ns for p in home.rglob("*") if p.is_file()}


def test_drop_of_real_formats(page, server: Server, tmp_path: Path) -> None:
    """PNG, DICOM without a suffix and a ZIP with a broken file: answers, the broken one's sentence, both downloads."""
    open_page(page, server)
    before = written(server.home)
    drop(page, *files())
    page.get_by_text("The 4 files of this drop").wait_for(timeout=PATIENCE_MS)
    settle(page)
    page.get_by_text("The network answers").or_(page.get_by_text("cannot tell")).first.wait_for()
    rows = downloaded(page, "Download CSV")
    told = list(csv.DictReader(io.StringIO(rows.decode("utf-8-sig"), newline="")))
    assert [bool(row["error"]) for row in told] == [False, False, False, True]
    assert not any(cell.startswith(("=", "+", "@")) for row in told for cell in row.values())
    answers = json.loads(downloaded(page, "Download JSON"))
    for answer in answers[:3]:
        assert abs(sum(answer["prob"]) - 1) < 1e-9
        assert answer["labels"] == ["normal", "benign", "malignant"]
    page.screenshot(path=tmp_path / "drop.png", full_page=True)
    assert written(server.home) == before, "something dropped was written to disk"
    assert MARKER not in server.log.read_text(), "a name or a tag reached the log"


def test_one_click_to_the_detail(page, server: Server) -> None:
    """A click on a row of the table shows that scan; the broken file shows its sentence there."""
    open_page(page, server)
    drop(page, *files())
    page.get_by_text("The 4 files of this drop").wait_for(timeout=PATIENCE_MS)
    settle(page)
    table = page.locator('[data-testid="stDataFrame"]')
    page.locator(".js-plotly-plot .main-svg").first.wait_for()  # above the table: it stands still after that
    settle(page)
    table.click(position={"x": 140, "y": 38 + 58 + 29})
    page.get_by_text("12-bit").or_(page.get_by_text(f"{MARKER}-b ·")).first.wait_for(timeout=PATIENCE_MS)
    table.click(position={"x": 140, "y": 38 + 3 * 58 + 29})
    page.locator('[data-testid="stAlert"]').get_by_text("broken.png").wait_for(timeout=PATIENCE_MS)


def test_heatmap_is_on_and_can_be_switched(page, server: Server) -> None:
    """The overlay is there at once; another label and the plain scan are one click away."""
    open_page(page, server)
    drop(page, files()[0])
    page.get_by_text("Grad-CAM").first.wait_for(timeout=PATIENCE_MS)
    page.locator(".js-plotly-plot image").nth(1).wait_for()  # the scan, and beside it the overlay
    for label in ("normal", "benign"):
        page.get_by_role("radio", name=label).or_(page.get_by_role("button", name=label, exact=True)).first.click()
        page.get_by_text(f"evidence for {label}").first.wait_for(timeout=PATIENCE_MS)
    page.get_by_text("Heatmap", exact=True).click()
    image = page.locator("figure img").first
    image.wait_for(timeout=PATIENCE_MS)
    assert MARKER in image.get_attribute("alt")
    assert page.locator("figure").first.evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(11, 13, 16)"


def downloaded(page, label: str) -> bytes:
    """The bytes behind a download button."""
    with page.expect_download() as waiting:
        page.get_by_role("button", name=label).click()
    return Path(waiting.value.path()).read_bytes()


def test_reload_keeps_the_choice(page, server: Server, tiny_made: Path) -> None:
    """The model chosen stays chosen after a reload."""
    from tests.tiny import install

    weights = server.home / "weights"
    if not (weights / "breast-ultrasound--tiny--0002").exists():
        install(tiny_made, weights, "breast-ultrasound--tiny--0002")
        (weights / "breast-ultrasound--tiny--0002" / "card.json").write_text(
            (weights / "breast-ultrasound--tiny--0002" / "card.json").read_text().replace("Tiny cancernet 0", "Second")
        )
    open_page(page, server)
    page.get_by_role("combobox", name="Model").click()
    page.get_by_role("option", name="Second").click()
    page.wait_for_url("**model=breast-ultrasound--tiny--0002**")
    page.reload()
    wait_for_choice(page, "Model", "Second")


def test_reads_well_in_both_themes_and_widths(page, server: Server, tmp_path: Path) -> None:
    """No line runs out of the page, the scan stands on near-black, and the answer is there in word and number."""
    open_page(page, server)
    page.get_by_role("button", name="Try an example").first.click()
    for width in (1280, 800):
        for scheme, expected in (("light", "rgb(250, 250, 249)"), ("dark", "rgb(22, 25, 29)")):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            app = page.locator('[data-testid="stApp"]')
            page.wait_for_function(
                "c => getComputedStyle(document.querySelector('[data-testid=\"stApp\"]')).backgroundColor === c",
                arg=expected,
            )
            assert app.count() == 1
            page.get_by_text("The network answers").or_(page.get_by_text("cannot tell")).first.wait_for(
                timeout=PATIENCE_MS
            )
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            page.locator(".js-plotly-plot .main-svg").first.wait_for(timeout=PATIENCE_MS)
            ground = page.locator(".js-plotly-plot .main-svg").first.evaluate(
                "e => getComputedStyle(e).backgroundColor"
            )
            assert ground == "rgb(11, 13, 16)", "a scan must stand on near-black"
            page.screenshot(path=tmp_path / f"classify-{width}-{scheme}.png", full_page=True)


def test_a_drop_goes_along_to_the_other_pages(page, server: Server) -> None:
    """Dropped on Classify, it is read on Heatmaps; put away there, it is gone from Classify and not on the disk."""
    open_page(page, server)
    before = written(server.home)
    drop(page, files()[0])
    page.get_by_text("The network answers").or_(page.get_by_text("cannot tell")).first.wait_for(timeout=PATIENCE_MS)
    settle(page)
    menu = page.get_by_test_id("stSidebarNav")
    menu.get_by_text("Heatmaps", exact=True).click()
    page.get_by_text("Evidence for").first.wait_for(timeout=PATIENCE_MS)
    page.get_by_role("button", name=f"Put away {MARKER}-a.png").click()
    page.get_by_text("Drop a scan to see where").wait_for(timeout=PATIENCE_MS)
    menu.get_by_text("Classify", exact=True).click()
    page.get_by_role("button", name="Try an example").first.wait_for(timeout=PATIENCE_MS)
    settle(page)
    assert page.get_by_text("The network answers").count() == 0
    assert written(server.home) == before
    assert MARKER not in server.log.read_text()
