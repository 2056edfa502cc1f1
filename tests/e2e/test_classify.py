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
from tests.e2e.conftest import PATIENCE_MS, Server, settle, shot, wait_for_choice

pytestmark = pytest.mark.e2e

DOWNLOAD_MS = 30_000  # a file is made when it is asked for
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
    page.get_by_role("button", name="Try: drawn as").first.wait_for(timeout=PATIENCE_MS)
    settle(page)  # the network is opened below the examples, and its engine kept on disk


def viewer(page, maps: int | None = None):
    """The viewer once it is ready, with so many pictures that have a map."""
    found = page.locator(".viewer[data-ready]" if maps is None else f'.viewer[data-ready][data-maps="{maps}"]')
    found.first.wait_for(timeout=PATIENCE_MS)
    return found.first


def answered(page) -> None:
    """Wait for the result card."""
    page.get_by_role("status").first.wait_for(timeout=PATIENCE_MS)


def drop(page, *dropped: dict) -> None:
    """Drop files."""
    page.locator('input[type="file"]').set_input_files(list(dropped))


def written(home: Path) -> dict[str, int]:
    """Every file below a folder with its time of change, but for the audit trail, which holds digests."""
    trail = home / "audit"
    assert not trail.exists() or MARKER not in "".join(p.read_text() for p in trail.glob("*.jsonl"))
    return {str(p): p.stat().st_mtime_ns for p in home.rglob("*") if p.is_file() and trail not in p.parents}


def test_drop_of_real_formats(page, server: Server) -> None:
    """PNG, DICOM without a suffix and a ZIP with a broken file: answers, the broken one's sentence, both downloads."""
    open_page(page, server)
    before = written(server.home)
    drop(page, *files())
    page.locator(".list .line").nth(3).wait_for(timeout=PATIENCE_MS)
    answered(page)
    settle(page)
    rows = downloaded(page, "CSV")
    told = list(csv.DictReader(io.StringIO(rows.decode("utf-8-sig"), newline="")))
    assert [bool(row["error"]) for row in told] == [False, False, False, True]
    assert not any(cell.startswith(("=", "+", "@")) for row in told for cell in row.values())
    answers = json.loads(downloaded(page, "JSON"))
    for answer in answers[:3]:
        assert abs(sum(answer["prob"]) - 1) < 1e-9
        assert answer["labels"] == ["normal", "benign", "malignant"]
    shot(page, "classify-drop")
    assert written(server.home) == before, "something dropped was written to disk"
    assert MARKER not in server.log.read_text(), "a name or a tag reached the log"


def test_the_worklist_leads_to_every_scan(page, server: Server) -> None:
    """A click opens a scan, a key the next one; a broken file shows its sentence; what was looked at is ticked."""
    open_page(page, server)
    drop(page, *files())
    from playwright.sync_api import expect

    lines = page.locator(".list .line")
    lines.nth(3).wait_for(timeout=PATIENCE_MS)
    viewer(page)
    settle(page)
    page.locator(".list .line", has_text=f"{MARKER}-b").click()
    page.locator(".title", has_text=f"{MARKER}-b").wait_for(timeout=PATIENCE_MS)
    page.locator(".list .line", has_text="broken.png").click()
    page.locator('[data-testid="stAlert"]').get_by_text("broken.png").wait_for(timeout=PATIENCE_MS)
    lines.first.click()
    expect(lines.first).to_have_attribute("aria-selected", "true", timeout=PATIENCE_MS)
    settle(page)
    page.locator(".list").focus()
    page.keyboard.press("ArrowDown")
    expect(lines.nth(1)).to_have_attribute("aria-selected", "true", timeout=PATIENCE_MS)
    expect(page.locator(".list .tick", has_text="✓").nth(1)).to_be_visible(timeout=PATIENCE_MS)


def test_the_viewer_measures_windows_and_hands_a_region_back(page, server: Server) -> None:
    """A drag draws, measures and windows without asking the server; a region comes back with what the network says."""
    open_page(page, server)
    drop(page, files()[0])
    view = viewer(page, maps=1)
    answered(page)
    settle(page)
    stage = page.locator(".stage").first
    box = stage.bounding_box()
    runs: list[str] = []
    page.on("websocket", lambda socket: runs.append(socket.url))

    def drag(x0: float, y0: float, x1: float, y1: float, button: str = "left") -> None:
        page.mouse.move(box["x"] + x0 * box["width"], box["y"] + y0 * box["height"])
        page.mouse.down(button=button)
        page.mouse.move(box["x"] + x1 * box["width"], box["y"] + y1 * box["height"], steps=4)
        page.mouse.up(button=button)

    def brightness() -> float:
        return page.locator(".stage canvas").first.evaluate(
            "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.reduce((a, b) => a + b, 0) / 4"
        )

    view.focus()
    page.keyboard.press("d")
    drag(0.4, 0.4, 0.6, 0.6)
    page.locator(".ink text", has_text="px").first.wait_for()
    plain = brightness()
    page.keyboard.press("i")
    assert brightness() != plain
    page.keyboard.press("i")
    assert brightness() == plain
    drag(0.5, 0.5, 0.5, 0.3, "right")
    page.wait_for_timeout(100)
    assert brightness() != plain
    page.keyboard.press("?")
    page.locator(".help").wait_for()
    page.keyboard.press("Escape")
    assert page.locator(".help").count() == 0
    page.keyboard.press("h")
    assert page.locator(".stage .map").first.is_hidden()
    page.keyboard.press("h")
    page.keyboard.press("b")
    drag(0.35, 0.35, 0.65, 0.65)
    told = page.get_by_text("The region alone:")
    told.wait_for(timeout=PATIENCE_MS)
    where = told.bounding_box()
    assert where["y"] + where["height"] <= 800, "what was asked for stands in sight"
    assert page.locator(".ink text", has_text="px").first.is_visible(), "a rerun keeps the measurements"


def test_labels_are_shown_on_one_scale(page, server: Server) -> None:
    """Another label's map is one key away, and alt text says what the picture is.

    A key is the same label on every scan: one without evidence keeps its place and shows no other's map.
    """
    open_page(page, server)
    drop(page, files()[0])
    view = viewer(page, maps=1)
    view.focus()
    labels = page.locator(".bar button.label")
    assert labels.all_inner_texts() == ["normal", "benign", "◆ malignant"]
    for place in range(3):
        before = labels.evaluate_all("all => all.map(one => one.ariaPressed)")
        page.keyboard.press(str(place + 1))
        chosen = ["true" if i == place else "false" for i in range(3)]
        after = labels.evaluate_all("all => all.map(one => one.ariaPressed)")
        assert after == (chosen if labels.nth(place).is_enabled() else before)
    assert MARKER in page.locator(".stage canvas").first.get_attribute("aria-label")
    assert page.locator(".stage").first.evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(11, 13, 16)"


def test_i_disagree_is_one_key_and_is_exported(page, server: Server) -> None:
    open_page(page, server)
    drop(page, files()[0])
    answered(page)
    viewer(page, maps=1)
    settle(page)
    page.mouse.click(5, 5)
    page.keyboard.press("x")
    sheet = page.get_by_role("dialog")
    sheet.get_by_text("cannot tell").click()
    sheet.get_by_label("Why?").fill("shadow, no mass")
    sheet.get_by_role("button", name="Keep").click()
    page.get_by_text("You disagree: shadow, no mass").wait_for(timeout=PATIENCE_MS)
    settle(page)
    (said,) = json.loads(downloaded(page, "JSON"))
    assert (said["reading_after"], said["disagrees"]) == ("cannot tell", "shadow, no mass")


def downloaded(page, label: str) -> bytes:
    """The bytes behind a download button; a click in the very moment when the button is drawn anew is lost, so it is repeated."""
    from playwright.sync_api import TimeoutError

    button = page.get_by_role("button", name=label, exact=True)
    for _ in range(PATIENCE_MS // DOWNLOAD_MS):
        settle(page)
        try:
            if not button.is_visible() and page.get_by_role("button", name="Save answers").count():
                page.get_by_role("button", name="Save answers").click()
            with page.expect_download(timeout=DOWNLOAD_MS) as waiting:
                button.click()
            return Path(waiting.value.path()).read_bytes()
        except TimeoutError:
            continue
    raise AssertionError(f"the button {label} gave no file")


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


def test_reads_well_in_both_themes_and_widths(page, server: Server) -> None:
    """No line runs out of the page, the scan stands on near-black, and the answer is there in word and number."""
    from playwright.sync_api import expect

    open_page(page, server)
    page.get_by_role("button", name="Try: drawn as").first.click()
    for width in (1280, 800, 390):
        for scheme, expected in (("light", "rgb(250, 250, 249)"), ("dark", "rgb(22, 25, 29)")):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            page.wait_for_function(
                "c => getComputedStyle(document.querySelector('[data-testid=\"stApp\"]')).backgroundColor === c",
                arg=expected,
            )
            answered(page)
            viewer(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            expect(page.locator(".stage").first).to_have_css("background-color", "rgb(11, 13, 16)")  # near-black
            shot(page, f"classify-{width}-{scheme}")


def test_a_drop_goes_along_to_the_other_pages(page, server: Server) -> None:
    """Dropped on Classify, it is read on Heatmaps; put away there, it is gone from Classify and not on the disk."""
    open_page(page, server)
    before = written(server.home)
    drop(page, files()[0])
    answered(page)
    settle(page)
    page.get_by_role("link", name="Heatmaps").first.click()
    page.get_by_text("Evidence for").first.wait_for(timeout=PATIENCE_MS)
    settle(page)
    page.get_by_role("button", name="Put away").click()
    page.get_by_text("Drop a scan to see where").wait_for(timeout=PATIENCE_MS)
    page.get_by_role("link", name="Classify").first.click()
    page.get_by_role("button", name="Try: drawn as").first.wait_for(timeout=PATIENCE_MS)
    settle(page)
    assert page.get_by_role("status").count() == 0
    assert written(server.home) == before


def test_back_goes_back_one_step(page, server: Server) -> None:
    """One click on another page is one entry of the history."""
    open_page(page, server)
    settle(page)
    page.get_by_role("link", name="Models").first.click()
    page.get_by_text("Import a model").first.wait_for(timeout=PATIENCE_MS)
    settle(page)
    page.go_back()
    page.get_by_role("button", name="Try: drawn as").first.wait_for(timeout=PATIENCE_MS)


def test_what_a_page_adds_to_its_address_is_no_step_of_its_own(page, server: Server) -> None:
    """Heatmaps puts task and model into its address as it opens: still one entry, and Back leads to Classify as it was."""
    open_page(page, server)
    page.wait_for_url("**model=**", timeout=PATIENCE_MS)
    settle(page)
    before, address = page.evaluate("history.length"), page.url
    page.get_by_role("link", name="Heatmaps").first.click()
    page.get_by_text("Drop a scan to see where").first.wait_for(timeout=PATIENCE_MS)
    page.wait_for_url("**/heatmaps?**model=**", timeout=PATIENCE_MS)
    assert page.evaluate("history.length") == before + 1
    page.go_back()
    page.get_by_role("button", name="Try: drawn as").first.wait_for(timeout=PATIENCE_MS)
    settle(page)
    assert page.url == address
