"""A server's first page loads nothing that only a later step needs."""

import subprocess
import sys
from pathlib import Path

MAIN = Path(__file__).parents[2] / "pages" / "_ui" / "main.py"
LATER = (
    "pandas",
    "pydicom",
    "pynetdicom",
    "requests",
    "torch",
)  # tables, DICOM, PACS, the network that is opened aside


def test_a_first_page_loads_neither_dicom_nor_tables_nor_torch(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("MEDCLS_HOME", str(tmp_path))
    monkeypatch.setenv("MEDCLS_WEIGHTS", str(tmp_path / "none"))
    code = (
        "import sys\nfrom streamlit.testing.v1 import AppTest\n"
        f"page = AppTest.from_file({str(MAIN)!r}, default_timeout=100).run()\n"
        f"print(*(name for name in {LATER} if name in sys.modules), len(page.exception), len(page.header))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "1"], done.stdout + done.stderr
