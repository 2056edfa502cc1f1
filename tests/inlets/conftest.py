"""A real Orthanc on loopback, started by the tests; skipped with a sentence where it is not installed."""

import io
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

ORTHANC = shutil.which("Orthanc") or "/usr/sbin/Orthanc"
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


def free_port() -> int:
    """A port nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def dicom(patient: str = "KIM^MINSU", seed: int = 0) -> bytes:
    """A small ultrasound picture."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.6.1"
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = generate_uid()
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.Modality = generate_uid(), generate_uid(), "US"
    ds.PatientName, ds.PatientID, ds.StudyDate, ds.StudyDescription = patient, f"P{seed}", "20261129", "Breast"
    ds.Rows = ds.Columns = 64
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PixelRepresentation = 1, "MONOCHROME2", 0
    ds.BitsAllocated = ds.BitsStored = 8
    ds.HighBit = 7
    ds.PixelData = np.random.default_rng(seed).integers(0, 200, (64, 64), np.uint8).tobytes()
    out = io.BytesIO()
    ds.save_as(out, enforce_file_format=True)
    return out.getvalue()


@dataclass
class Orthanc:
    """A running server: its two ports and where it keeps things."""

    http: int
    dimse: int
    folder: Path
    process: subprocess.Popen | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        log = (self.folder / "log").open("ab")
        config = str(self.folder / "orthanc.json")
        self.process = subprocess.Popen([ORTHANC, config], stdout=log, stderr=log, env={**os.environ, "LC_ALL": "C"})
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.http}/system", timeout=5)
                return
            except OSError:
                assert self.process.poll() is None, (self.folder / "log").read_text()
                time.sleep(0.1)
        raise AssertionError("Orthanc does not answer")

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def instances(self) -> list[str]:
        """What it holds."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}/instances", timeout=10) as answer:
            return json.load(answer)

    def file(self, instance: str) -> bytes:
        """One of them as the file it keeps."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}/instances/{instance}/file", timeout=10) as answer:
            return answer.read()

    def empty(self) -> None:
        """Delete everything it holds."""
        for instance in self.instances():
            asked = urllib.request.Request(f"http://127.0.0.1:{self.http}/instances/{instance}", method="DELETE")
            urllib.request.urlopen(asked, timeout=10).close()


@pytest.fixture
def orthanc(one_orthanc: Orthanc) -> Orthanc:
    """The server, running and empty."""
    if one_orthanc.process is None:
        one_orthanc.start()
    one_orthanc.empty()
    return one_orthanc


@pytest.fixture(scope="session")
def one_orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """A server that accepts this program: one for all tests."""
    if not Path(ORTHANC).is_file() or not PLUGIN.is_file():
        pytest.skip("Orthanc is not installed: apt-get install orthanc orthanc-dicomweb")
    made = Orthanc(free_port(), free_port(), tmp_path_factory.mktemp("orthanc"))
    config = {
        "StorageDirectory": str(made.folder / "db"),
        "IndexDirectory": str(made.folder / "db"),
        "HttpPort": made.http,
        "DicomPort": made.dimse,
        "DicomAet": "ORTHANC",
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAlwaysAllowStore": True,
        "Plugins": [str(PLUGIN)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    (made.folder / "orthanc.json").write_text(json.dumps(config))
    made.start()
    yield made
    made.stop()
