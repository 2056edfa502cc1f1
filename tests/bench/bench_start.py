"""Seconds from `streamlit run` to a usable page and to the first answer, against a bare Streamlit app and bare PyTorch.

Baselines, measured in the same run: a Streamlit app of one file uploader, started the same way in the same browser; and
a fresh Python that imports torch and timm, builds the same network, loads its weights and runs one scan through it.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from medcls.imaging.phantom import phantom
from tests.e2e.conftest import ROOT, find_browser, start_server, stop_server
from tests.tiny import install, write_tiny

_STARTS = 4  # in turn; the first is left out, and of the others the median is told
_BARE_APP = """
import streamlit as st
if st.file_uploader("Drop"):
    st.html('<div role="status">The network answers</div>')
"""
_BARE_TORCH = """
import json, sys, torch, timm
from safetensors.torch import load_file
sys.path.insert(0, {root!r})
import medcls.nets
net = timm.create_model({backbone!r}, num_classes=3, **{args!r}).eval()
net.load_state_dict({{k: v.float() if v.is_floating_point() else v for k, v in load_file({weights!r}).items()}})
with torch.inference_mode():
    net(torch.zeros(1, 3, {size}, {size}))
"""


def measure(browser: Browser, home: Path, script: str, folder: Path) -> tuple[float, float]:
    """Seconds from the start to a field that takes a scan, and to the answer to one that is dropped at once."""
    started = time.perf_counter()
    server = start_server(home, home / "log.txt", script=script, folder=folder)
    try:
        page = browser.new_context().new_page()
        page.set_default_timeout(60_000)
        page.goto(server.url)
        page.get_by_test_id("stFileUploaderDropzone").first.wait_for()
        usable_s = time.perf_counter() - started
        scan = {"name": "scan.png", "mimeType": "image/png", "buffer": phantom("breast-ultrasound", "benign", 1)}
        page.locator("input[type=file]").first.set_input_files(scan)
        page.locator('[role="status"]').first.wait_for()
        return usable_s, time.perf_counter() - started
    finally:
        stop_server(server)


def bare_torch(folder: Path) -> float:
    """Seconds a fresh Python needs for one forward pass of the model in a folder."""
    from medcls.models import store

    card = store.read_card(folder)
    args = {k: v for k, v in card.backbone_args.items() if k != "head"}
    code = _BARE_TORCH.format(
        root=str(ROOT),
        backbone=card.backbone,
        args=args,
        weights=str(folder / store.WEIGHTS),
        size=card.preprocess.size_px,
    )
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
    return time.perf_counter() - started


def main() -> None:
    """Print the table."""
    path = find_browser()
    if path is None:
        print("No Chromium: nothing was measured.")
        return
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        home = Path(temporary)
        (home / "bare").mkdir()
        (home / "bare" / "bare.py").write_text(_BARE_APP)
        write_tiny(home / "made")
        install(home / "made", home / "weights", "breast-ultrasound--tiny--0001")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # a start after the first finds what that compiled
        tries = [
            (
                *measure(browser, home, "bare.py", home / "bare"),
                bare_torch(home / "made"),
                *measure(browser, home, "app.py", ROOT),
            )
            for _ in range(_STARTS)
        ]
        browser.close()
    bare_usable_s, bare_answer_s, torch_s, usable_s, answer_s = map(statistics.median, zip(*tries[1:], strict=True))
    print("| from `streamlit run` to | medcls, s | baseline | baseline, s | ratio |\n|---|---|---|---|---|")
    print(
        f"| a usable page | {usable_s:.1f} | Streamlit app of one file uploader | {bare_usable_s:.1f} | {usable_s / bare_usable_s:.2f} |"
    )
    both_s = bare_answer_s + torch_s
    print(f"| the first answer | {answer_s:.1f} | that, then bare torch | {both_s:.1f} | {answer_s / both_s:.2f} |")


if __name__ == "__main__":
    main()
