"""The wheel works outside the checkout, and the lists of what is needed agree with each other."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from medcls import __version__
from medcls.imaging.phantom import phantom

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def lines_of(name: str) -> set[str]:
    """Requirements of a file, without comments and options."""
    lines = (line.split("#")[0].strip() for line in (ROOT / name).read_text(encoding="utf-8").splitlines())
    return {line for line in lines if line and not line.startswith("-")}


def test_requirements_are_those_of_the_project() -> None:
    """A package added in one place only is found out."""
    assert lines_of("requirements.txt") == {*PROJECT["dependencies"], *EXTRAS["onnx"], *EXTRAS["search"]}
    assert lines_of("requirements-dev.txt") == set(EXTRAS["dev"])


def test_version_is_written_once_more_only_in_the_package() -> None:
    """`medcls --version` and the wheel say the same."""
    assert PROJECT["version"] == __version__


def test_lock_answers_every_requirement() -> None:
    """Each thing asked for has an exact version that satisfies it; no address of a registry is written down."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in text
    pinned = dict(line.split("==") for line in text.splitlines() if not line.startswith("#"))
    asked = [Requirement(line) for line in lines_of("requirements.txt") | lines_of("requirements-dev.txt")]
    missing = [str(r) for r in asked if canonicalize_name(r.name) not in pinned]
    assert not missing, f"run `make lock`: no exact version of {missing}"
    assert not [str(r) for r in asked if not r.specifier.contains(pinned[canonicalize_name(r.name)])]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    done = subprocess.run([*command, "--no-index", "-w", str(folder), "."], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return next(folder.glob("medcls-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts' folder of a fresh environment that holds the wheel, and sees the libraries of this one."""
    place = tmp_path_factory.mktemp("fresh")
    venv.create(place, with_pip=False, symlinks=os.name != "nt")
    scripts = place / ("Scripts" if os.name == "nt" else "bin")
    pip = [sys.executable, "-m", "pip", "--python", str(scripts / "python"), "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--no-index", str(wheel)], check=True, capture_output=True, text=True)
    libraries = [p for p in sys.path if p.endswith(("site-packages", "dist-packages"))]
    target = subprocess.run(
        [scripts / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    )
    (Path(target.stdout.strip()) / "libraries.pth").write_text("\n".join(libraries), encoding="utf-8")
    return scripts


@pytest.fixture
def outside(tmp_path: Path, tiny_model) -> tuple[Path, dict[str, str]]:
    """A folder that is no checkout, and the settings of somebody who installed medcls."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MEDCLS_", "PYTHONPATH"))}
    place = tmp_path / "elsewhere"
    place.mkdir()
    weights = str(tmp_path / "home" / "weights")
    return place, kept | {"MEDCLS_WEIGHTS": weights, "MEDCLS_HOME": str(tmp_path / "made"), "HOME": str(tmp_path)}


def test_wheel_has_one_package_of_its_own(wheel: Path) -> None:
    """Nothing but `medcls` and its metadata lands in an environment; the app and its settings are inside."""
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {"medcls", f"medcls-{__version__}.dist-info"}
    assert {"medcls/_app/app.py", "medcls/_app/pages/_ui/main.py", "medcls/_app/.streamlit/config.toml"} <= set(names)
    assert not [name for name in names if name.endswith((".safetensors", ".pyc"))]


def test_no_secret_travels_with_the_app() -> None:
    """`.streamlit/secrets.toml` is ignored by git and Docker, and nothing packs the folder it lies in."""
    told = {
        name: (ROOT / name).read_text(encoding="utf-8")
        for name in (".gitignore", ".dockerignore", "Dockerfile", "pyproject.toml")
    }
    assert ".streamlit/secrets.toml" in told[".gitignore"].splitlines()
    assert "!.streamlit" not in told[".dockerignore"].splitlines()
    packed = re.findall(r"\.streamlit\S*", told["Dockerfile"] + told[".dockerignore"] + told["pyproject.toml"])
    assert {name.strip('",').removeprefix(".streamlit/") for name in packed} <= {"", "config.toml"}


def test_import_and_classify_outside_the_checkout(installed: Path, outside) -> None:
    """`import medcls` is the installed one, and `medcls classify` answers with a model of MEDCLS_WEIGHTS."""
    place, env = outside
    (place / "scan.png").write_bytes(phantom("breast-ultrasound", "malignant", 1))
    found = subprocess.run(
        [installed / "python", "-c", "import medcls; print(medcls.__file__)"],
        cwd=place,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(found.stdout.strip()).is_relative_to(installed.parent)
    done = subprocess.run(
        [installed / "medcls", "classify", "--json", "scan.png"], cwd=place, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["model"] == "breast-ultrasound--tiny--0001"


def health(port: int, process: subprocess.Popen, patience_s: float = 90) -> bytes:
    """What the server says of itself once it answers."""
    until = time.monotonic() + patience_s
    while time.monotonic() < until and process.poll() is None:
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=10).read()
        except OSError:
            time.sleep(0.2)
    return b""


@pytest.fixture
def server(installed: Path, outside) -> Iterator[tuple[int, subprocess.Popen, Path]]:
    """`medcls app` of the wheel."""
    place, env = outside
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = place / "log.txt"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [installed / "medcls", "app", "--headless", "--port", str(port)],
            cwd=place,
            env=env,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    yield port, process, log
    os.killpg(process.pid, 15)
    process.wait(20)


def test_app_outside_the_checkout(server) -> None:
    """`medcls app` serves the pages behind the front door, with the settings that keep strangers out."""
    port, process, log = server
    assert health(port, process) == b"ok", log.read_text()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=20) as answer:
        assert answer.headers["x-frame-options"] == "DENY"
    assert f"http://127.0.0.1:{port}" in log.read_text(), "it must listen on this machine only"
