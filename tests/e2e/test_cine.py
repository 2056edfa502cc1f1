"""A cine loop in a real browser: its frames, one of them damaged, and the one that is asked about."""

import io

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import JPEGBaseline8Bit

from medcls.imaging.decode import read_scan
from medcls.imaging.phantom import phantom
from tests.e2e.conftest import Server, settle, stand
from tests.imaging.dicom_files import coded, dataset

pytestmark = pytest.mark.e2e
DAMAGED = 3


def loop(n: int = 5) -> bytes:
    """A DICOM loop of JPEG frames; one of them is cut off."""
    frames = [np.rint(read_scan(phantom("breast-ultrasound", "malignant", seed)).pixels * 255) for seed in range(n)]
    grey = np.stack([frame.astype(np.uint8)[:200, :200] for frame in frames])
    streams = []
    for k, frame in enumerate(grey):
        out = io.BytesIO()
        Image.fromarray(frame).save(out, "JPEG", quality=90)
        streams.append(out.getvalue()[:60] + b"\0" * 40 if k == DAMAGED else out.getvalue())
    return coded(dataset(grey), JPEGBaseline8Bit, *streams)


def test_a_damaged_frame_of_a_loop_is_told_and_the_others_are_shown(page, server: Server) -> None:
    stand(page, server.url)
    files = [{"name": f"{name}.dcm", "mimeType": "application/dicom", "buffer": loop()} for name in ("first", "second")]
    page.locator('input[type="file"]').first.set_input_files(files)
    viewer = page.locator(".viewer[data-ready]")
    viewer.wait_for()
    settle(page)
    slider, ask = viewer.get_by_role("slider", name="Frame"), viewer.get_by_role("button", name="Ask about this frame")
    unread, base = viewer.locator(".unread"), viewer.locator(".stage canvas").first
    slider.focus()
    for _ in range(DAMAGED):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("node => node.textContent", arg=unread.element_handle())
    assert base.evaluate("node => getComputedStyle(node).visibility") == "hidden", "no other frame stands in its place"
    assert not ask.count()
    settle(page)
    slider.focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("node => !node.textContent", arg=unread.element_handle())
    assert base.evaluate("node => getComputedStyle(node).visibility") == "visible"
    assert viewer.locator('button[data-name="box"]').is_disabled(), "a region is one of the frame that was answered"
    ask.click()
    page.locator(".viewer[data-ready$='.2']").wait_for()
    settle(page)
    page.locator(".list .line", has_text="second").click()
    page.locator(".viewer[data-ready$='.0'] .title", has_text="second").wait_for()
    settle(page)
    assert page.locator(".viewer[data-ready$='.0']").count(), "what was asked of one loop is not asked of the next"


def test_a_loop_plays_round_and_stops_where_it_is_pressed(page, server: Server) -> None:
    stand(page, server.url)
    scan = {"name": "loop.dcm", "mimeType": "application/dicom", "buffer": loop()}
    page.locator('input[type="file"]').first.set_input_files([scan])
    viewer = page.locator(".viewer[data-ready]")
    viewer.wait_for()
    settle(page)
    root, at = viewer.element_handle(), "root => root.querySelector('.frames').value"
    viewer.locator('button[data-name="play"]').click()  # the frames are decoded on the first press
    page.wait_for_function(f"root => (root.seen ||= new Set()).add(({at})(root)).size === 5", arg=root)
    page.wait_for_function(f"root => ({at})(root) === '0'", arg=root)
    viewer.locator('button[data-name="pause"]').click()
    viewer.locator('button[data-name="play"]').wait_for()
    stopped = root.evaluate(at)
    page.wait_for_timeout(300)
    assert root.evaluate(at) == stopped
