"""Seconds in a real Chromium from a drop on Classify to the scan, the answer and its map; the models that ship, one server.

    PYTHONPATH=. python tests/bench/bench_page.py

The first drop finds the network opened by the page; the next ones are other scans of the same session.
"""

import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from medcls.imaging.phantom import phantom
from tests.e2e.conftest import NO_BROWSER, ROOT, find_browser, settle, start_server, stop_server

DROPS = 6
SIGNS = {"scan": ".viewer[data-ready]", "answer": '[role="status"]', "map": '.viewer[data-maps="1"]'}


def watch(page: Page) -> None:
    """Let the page itself note when each sign stands first, on its own clock; components of ours have roots of their own."""
    page.evaluate(
        """signs => {
            window.seen = {}
            const roots = () => [document, ...[...document.querySelectorAll('*')].map(n => n.shadowRoot).filter(Boolean)]
            const look = () => {
                for (const [name, sign] of Object.entries(signs)) {
                    if (!(name in window.seen) && roots().some(r => r.querySelector(sign))) window.seen[name] = performance.now()
                }
                if (Object.keys(window.seen).length < Object.keys(signs).length) setTimeout(look, 10)
            }
            window.began = performance.now()
            look()
        }""",
        SIGNS,
    )


def drop(page: Page, number: int) -> dict[str, float]:
    """Drop a scan and return the seconds to each sign."""
    away = page.get_by_role("button", name="Put away")
    if away.count():
        away.click()
    page.get_by_role("button", name="Try: drawn as").first.wait_for()
    settle(page)
    file = {
        "name": f"{number}.png",
        "mimeType": "image/png",
        "buffer": phantom("breast-ultrasound", "malignant", number),
    }
    field = page.locator('input[type="file"]').first
    watch(page)
    field.set_input_files(file)
    page.wait_for_function("n => Object.keys(window.seen).length === n", arg=len(SIGNS))
    began, seen = page.evaluate("[window.began, window.seen]")
    return {name: (at - began) / 1000 for name, at in seen.items()}


def main() -> None:
    """Print the first drop's seconds and the median of the later ones."""
    path = find_browser()
    if path is None:
        print(NO_BROWSER)
        return
    with tempfile.TemporaryDirectory() as aside, sync_playwright() as playwright:
        server = start_server(Path(aside), Path(aside) / "log.txt", ROOT / "weights")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        try:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.set_default_timeout(300_000)
            began = time.monotonic()
            page.goto(server.url)
            page.get_by_role("button", name="Try: drawn as").first.wait_for()
            print(f"page ready to use: {time.monotonic() - began:.2f} s")
            settle(page)
            found = [drop(page, number) for number in range(DROPS)]
        finally:
            browser.close()
            stop_server(server)
    for name in SIGNS:
        later = statistics.median(one[name] for one in found[1:])
        print(f"drop to {name}: first {found[0][name]:.2f} s, then {later:.2f} s (median of {DROPS - 1})")


if __name__ == "__main__":
    main()
