"""A new user in a browser: a Korean folder and its tab-separated table, dropped, looked at, added and trained on."""

import io
import re
import time
import zipfile
from pathlib import Path

import pytest

from medcls.data.collections import open_collection
from medcls.imaging.phantom import phantom
from medcls.workflows import runs
from tests.e2e.conftest import PATIENCE_MS, fork_server, settle, shot, stop_server
from tests.e2e.test_training_story import choose, fill

LABELS = {"양성": "benign", "악성": "malignant"}


def korean_folder() -> bytes:
    """Twenty-four scans of twelve patients, as a Korean archiver packs them, with a table in cp949 beside them."""
    out, rows = io.BytesIO(), ["파일명\t진단\t환자번호"]
    with zipfile.ZipFile(out, "w") as archive:
        for k, (label, kind) in enumerate(LABELS.items()):
            for i in range(12):
                name = f"영상_{k}{i:02d}.png"
                archive.writestr(f"초음파/{name}", phantom("breast-ultrasound", kind, 100 * k + i, size_px=64))
                rows.append(f"{name}\t{label}\t{100 * k + i // 2:04d}")
        archive.writestr("초음파/라벨.txt", "\n".join(rows).encode("cp949"))
        archive.writestr("초음파/메모.hwp", b"not a picture")
    return out.getvalue()


@pytest.mark.e2e
@pytest.mark.slow
def test_a_korean_folder_from_drop_to_a_started_run(chromium, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("MEDCLS_HOME", str(home))
    server = fork_server(home, tmp_path / "server.log")
    context = chromium.new_context(viewport={"width": 1440, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    try:
        page.goto(f"{server.url}/data")
        dropped = {"name": "초음파.zip", "mimeType": "application/zip", "buffer": korean_folder()}
        uploader = page.get_by_test_id("stFileUploader").filter(has_text="drop a ZIP archive")
        uploader.locator('input[type="file"]').set_input_files(dropped)
        page.get_by_role("button", name="Look", exact=True).click()
        page.get_by_text("24 scans", exact=False).first.wait_for()
        settle(page)
        shot(page, "korean-1-plan")
        assert page.get_by_text("메모.hwp").count() or page.get_by_text("Not taken: 1 file").count()
        fill(page, "Name", "korean")
        page.get_by_role("button", name="Add", exact=True).click()
        page.get_by_text("korean was added: 24 cases", exact=False).wait_for()
        settle(page)
        shot(page, "korean-2-added")
        added = open_collection("korean")
        assert sorted(added.record.name_of(label) for label in added.labels) == sorted(LABELS)
        assert [added.record.name_of(label) for label in added.record.positive] == ["악성"]
        assert len(set(added.column("patient"))) == 12
        page.goto(f"{server.url}/train")
        choose(page, "Recipe", "none: every")
        choose(page, "Network", "Simple CNN")
        choose(page, "Start from", "nothing")
        for label, value in (("Size (px)", "32"), ("Epochs", "2000"), ("Batch size", "8")):
            fill(page, label, value)
        shot(page, "korean-3-train")
        page.get_by_role("button", name="Start", exact=True).click()
        page.wait_for_url(re.compile("run="))
        run_id = re.search(r"run=([\w-]+)", page.url)[1]
        until = time.monotonic() + PATIENCE_MS / 1000
        while runs.show_run(run_id).state.epoch < 1:
            assert time.monotonic() < until, runs.read_log(run_id)
            time.sleep(0.3)
        page.get_by_text(re.compile(r"^\d+ of 2000$")).wait_for()
        settle(page)
        shot(page, "korean-4-run")
    finally:
        context.close()
        for view in runs.list_runs():
            if view.moves:
                runs.stop_run(view.id)
        stop_server(server)
