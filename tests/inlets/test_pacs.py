"""Scans in and results out, with a real Orthanc, and what happens when something breaks in between."""

import hashlib
import io
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian
from pynetdicom import AE, evt

from medcls import audit
from medcls.cli import main
from medcls.errors import BadScan, BadSpec, Conflict
from medcls.inlets import asking, inbox, listener, outbox, watched
from medcls.inlets.servers import PacsConfig, Receive, Server, read_pacs_config
from medcls.workflows import pacs
from tests.inlets.conftest import dicom, free_port


def send(port: int, data: bytes, caller: str = "US1", called: str = "MEDCLS") -> int | None:
    """Store a file at a listener as a device would; the status, or None if it was not let in."""
    ds = pydicom.dcmread(io.BytesIO(data))
    entity = AE(ae_title=caller)
    entity.add_requested_context(ds.SOPClassUID, ds.file_meta.TransferSyntaxUID)
    link = entity.associate("127.0.0.1", port, ae_title=called)
    if not link.is_established:
        return None
    status = link.send_c_store(ds)
    link.release()
    return status.Status if status else None


@pytest.fixture
def port():
    """A listener that US1 may send to."""
    number = free_port()
    server = listener.start(Receive(port=number, callers=("US1",)))
    yield number
    server.shutdown()


def test_what_is_sent_waits_and_is_what_was_sent(port: int) -> None:
    """Kept whole, once however often it is sent, described, written down without a name."""
    data = dicom()
    assert (send(port, data), send(port, data)) == (0, 0)
    (item,) = inbox.waiting()
    assert (item.patient, item.patient_id, item.date, item.modality) == ("KIM MINSU", "P0", "20261129", "US")
    before, after = pydicom.dcmread(io.BytesIO(data)), pydicom.dcmread(io.BytesIO(inbox.read(item.id)))
    assert (after.SOPInstanceUID, after.PixelData) == (before.SOPInstanceUID, before.PixelData)
    assert [(line.what, line.who) for line in audit.lines()] == [("receive", "US1")] * 2
    assert "KIM" not in audit.files()[0].read_text()
    inbox.put_away(item.id)
    assert inbox.waiting() == ()


def deflated(n_px: int, level: float = 255) -> bytes:
    """A square picture in a deflated file; noise up to `level`, so that 0 deflates to nearly nothing."""
    ds = pydicom.dcmread(io.BytesIO(dicom()))
    ds.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    ds.Rows = ds.Columns = n_px
    ds.PixelData = np.random.default_rng(0).integers(0, level + 1, (n_px, n_px), np.uint8).tobytes()
    out = io.BytesIO()
    ds.save_as(out, enforce_file_format=True)
    return out.getvalue()


def test_files_taken_off_the_worklist_stand_in_the_trail(tmp_path: Path, capsys) -> None:
    """By the digest of what was written; named by their number, after nobody."""
    data = dicom()
    digest = inbox.put(data)
    assert main(["worklist", "--fetch", str(tmp_path / "out")]) == 0
    (path,) = (tmp_path / "out").iterdir()
    assert (path.name, path.read_bytes()) == ("0001.dcm", inbox.read(digest))
    facts = [line.facts for line in audit.lines() if line.what == "exit.received"]
    assert facts == [{"scan_sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "mode": "record"}]
    assert "KIM" not in audit.files()[0].read_text()


@pytest.mark.parametrize(
    ("asked", "code", "n"),
    [
        ("", 0, 1),
        ("--patient P7", 0, 1),
        ("--patient P8", 0, 0),
        ("--date 20240312", 0, 1),
        ("--date 20240313", 0, 0),
        ("--date 20240301-20240401", 0, 1),
        ("--date 20240313-", 0, 0),
        ("--date=-20240312", 0, 1),
        ("--date 12.3.24", 2, 0),
    ],
)
def test_the_worklist_here_holds_to_the_patient_and_the_days_asked_for(
    asked: str, code: int, n: int, tmp_path: Path
) -> None:
    """And so does what `--fetch` writes."""
    ds = pydicom.dcmread(io.BytesIO(dicom()))
    ds.PatientID, ds.StudyDate = "P7", "20240312"
    out = io.BytesIO()
    ds.save_as(out, enforce_file_format=True)
    inbox.put(out.getvalue())
    assert main(["worklist", *asked.split(), "--fetch", str(tmp_path / "out")]) == code
    assert len(list((tmp_path / "out").glob("*"))) == n


def test_a_deflated_file_is_described_and_a_broken_one_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole or cut short; of noise behind its header, and of one that inflates too far, the name alone."""
    whole = deflated(800)
    monkeypatch.setenv("MEDCLS_MAX_BYTES", "1000000")
    files = {"whole": whole, "cut": whole[:-1000], "broken": whole[:400] + b"\xff" * 400, "bomb": deflated(4000, 0)}
    (place := tmp_path / "watched").mkdir()
    for name, data in files.items():
        (place / f"{name}.dcm").write_bytes(data)
    for data in files.values():
        inbox.put(data)
    told = {item.id: item.modality for item in watched.waiting(place, time.time() + 60)}
    assert told == {"whole.dcm": "US", "cut.dcm": "US", "broken.dcm": "", "bomb.dcm": ""}
    assert sorted(item.modality for item in inbox.waiting()) == sorted(told.values())


def test_only_who_is_named_may_send(port: int) -> None:
    """Neither a stranger nor a call for somebody else is let in; with nobody named it does not start."""
    assert send(port, dicom(), caller="STRANGER") is None
    assert send(port, dicom(), called="OTHER") is None
    assert inbox.waiting() == ()
    with pytest.raises(BadSpec) as refused:
        listener.start(Receive(port=free_port()))
    assert refused.value.code == "inlets.nobody-may-send"


def test_a_port_that_is_taken_is_a_sentence(port: int) -> None:
    """Not a traceback."""
    with pytest.raises(Conflict) as refused:
        listener.start(Receive(port=port, callers=("US1",)))
    assert refused.value.code == "inlets.cannot-listen"


def test_a_full_disk_is_told_to_the_sender(port: int) -> None:
    """Out of resources: the sender keeps it and sends it again; nothing is left half."""
    data, (soft, hard) = dicom(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        assert send(port, data) == 0xA700
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert next(audit.lines()).outcome == "inlets.no-room"
    assert inbox.waiting() == ()
    assert not list(inbox.folder().iterdir())
    assert send(port, data) == 0
    assert len(inbox.waiting()) == 1


def test_a_listener_killed_in_the_middle_loses_nothing(home: Path, tmp_path: Path) -> None:
    """What was acknowledged is there, whole, after a kill -9; started again it takes the rest."""
    number = free_port()
    home.mkdir(parents=True, exist_ok=True)
    (home / "servers.toml").write_text(f'[receive]\nport = {number}\ncallers = ["US1"]\n')
    command = [sys.executable, "-m", "medcls", "receive"]

    def begin() -> subprocess.Popen:
        process = subprocess.Popen(
            command, stderr=subprocess.PIPE, env=os.environ | {"MEDCLS_HOME": str(home)}, text=True
        )
        assert process.stderr is not None
        assert "listens" in process.stderr.readline()
        return process

    process = begin()
    sent = [dicom(seed=i) for i in range(6)]
    acknowledged = [data for data in sent[:3] if send(number, data) == 0]
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(inbox.waiting()) == len(acknowledged) == 3
    process = begin()
    try:
        assert [send(number, data) for data in sent] == [0] * 6
        assert len(inbox.waiting()) == 6
    finally:
        process.terminate()
        process.wait(20)


def around_of(orthanc, **more) -> PacsConfig:
    """An Orthanc under two names: by DICOMweb and by DIMSE."""
    web = Server("pacs", url=f"http://127.0.0.1:{orthanc.http}/dicom-web", timeout_s=5, **more)
    old = Server("old", kind="dimse", host="127.0.0.1", port=orthanc.dimse, title="ORTHANC", timeout_s=5)
    return PacsConfig(servers={"pacs": web, "old": old})


@pytest.mark.slow
def test_a_round_trip_through_orthanc(orthanc) -> None:
    """Stored by either way once, found, fetched, the same."""
    around = around_of(orthanc)
    for number, name in enumerate(("pacs", "old")):
        data = dicom(seed=number)
        sending = outbox.try_one(outbox.put(name, [data]).id, around)
        assert (sending.state, sending.why) == ("sent", "")
        assert outbox.try_one(outbox.put(name, [data]).id, around).tries == 1  # a second click sends nothing
    assert len(orthanc.instances()) == 2
    found = asking.search(around.server("pacs"), patient_id="P1")
    assert [item.patient for item in found] == ["KIM MINSU"]
    back = pydicom.dcmread(io.BytesIO(asking.fetch(around.server("pacs"), found[0].id)))
    assert back.PixelData == pydicom.dcmread(io.BytesIO(dicom(seed=1))).PixelData


@pytest.mark.slow
def test_a_server_that_was_down_gets_it_later_and_once(orthanc) -> None:
    """Waiting with the reason; sent when it is back; killed before that was noted, nothing is sent twice."""
    around = around_of(orthanc)
    orthanc.stop()
    made = outbox.put("pacs", [dicom(seed=7)])
    (tried,) = outbox.work(around, now=1000.0)
    assert (tried.state, tried.code) == ("waiting", "inlets.no-answer")
    assert outbox.work(around, now=1001.0) == ()  # not before its time
    orthanc.start()
    (tried,) = outbox.work(around, now=5000.0)
    assert tried.state == "sent"
    outbox.again(made.id)  # as if killed between sending and noting it
    assert outbox.try_one(made.id, around).state == "sent"
    assert len(orthanc.instances()) == 1


@pytest.mark.slow
def test_a_server_that_refuses_is_not_asked_again(orthanc) -> None:
    """Failed, with the code; put back on a click."""
    server = Server("pacs", url=f"http://127.0.0.1:{orthanc.http}/nowhere", timeout_s=5)
    made = outbox.put("pacs", [dicom()])
    tried = outbox.try_one(made.id, PacsConfig(servers={"pacs": server}))
    assert (tried.state, tried.code) == ("failed", "inlets.refused")
    assert outbox.work(PacsConfig(servers={"pacs": server}), now=time.time() + 1e6) == ()
    assert outbox.again(made.id).state == "waiting"


def test_a_server_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time, as one that does not answer."""
    import socket

    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        server = Server("slow", url=f"http://127.0.0.1:{deaf.getsockname()[1]}/dicom-web", timeout_s=0.5)
        before = time.monotonic()
        with pytest.raises(Conflict) as gone:
            asking.search(server)
    assert gone.value.code == "inlets.no-answer"
    assert time.monotonic() - before < 10


def test_a_server_that_takes_no_such_object_is_told_and_stops_nothing_else(tmp_path: Path) -> None:
    """Neither that nor a certificate that is not there keeps the rest from being tried; nothing of it is sent in part."""
    picky = AE(ae_title="PICKY")
    picky.add_supported_context("1.2.840.10008.5.1.4.1.1.6.1")
    number, kept = free_port(), []
    server = picky.start_server(
        ("127.0.0.1", number), block=False, evt_handlers=[(evt.EVT_C_STORE, lambda event: kept.append(event) or 0)]
    )
    try:
        report = pydicom.dcmread(io.BytesIO(dicom()))
        report.SOPClassUID = report.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.88.33"
        out = io.BytesIO()
        report.save_as(out, enforce_file_format=True)
        plain = Server("plain", kind="dimse", host="127.0.0.1", port=number, title="PICKY", timeout_s=5)
        around = PacsConfig(
            servers={"plain": plain, "tls": replace(plain, name="tls", tls=True, ca=str(tmp_path / "no"))}
        )
        outbox.put("plain", [dicom(seed=1), out.getvalue()])
        outbox.put("tls", [dicom(seed=2)])
        outbox.put("plain", [dicom(seed=3)])
        told = [(one.state, one.code) for one in outbox.work(around)]
    finally:
        server.shutdown()
    assert told == [("failed", "inlets.refused"), ("failed", "inlets.wrong-certificate"), ("sent", "")]
    assert len(kept) == 1


@pytest.fixture
def web():
    """A web server that answers whatever a test tells it to: by method, kind and bytes."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            kind, body = self.server.told[self.command]  # type: ignore[attr-defined]
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("asked", "given", "code"),
    [
        (("text/html", b"<html>log in"), ("text/html", b"<html>log in"), "inlets.strange-answer"),
        (("application/dicom+json", b'{"a": 1}'), ("application/dicom+json", b"{}"), "inlets.strange-answer"),
        (("application/dicom+json", b"[]"), ("application/dicom+json", b"{}"), "inlets.not-confirmed"),
        (
            ("application/dicom+json", b'[{"00080018": {"vr": "UI", "Value": ["1.2.3"]}}]'),  # it ignores the filter
            ("application/dicom+json", b"{}"),
            "inlets.not-confirmed",
        ),
    ],
)
def test_nothing_counts_as_sent_that_a_server_did_not_say_it_has(web, asked, given, code: str) -> None:
    """A page for logging in, an empty answer, another object of the study: it waits, with why."""
    web.told = {"GET": asked, "POST": given}
    around = PacsConfig(servers={"pacs": Server("pacs", url=f"http://127.0.0.1:{web.server_port}/web", timeout_s=5)})
    tried = outbox.try_one(outbox.put("pacs", [dicom()]).id, around)
    assert (tried.state, tried.code) == ("waiting", code)
    if code == "inlets.strange-answer":
        for ask in (asking.search, lambda server: asking.fetch(server, "1/2/3")):
            with pytest.raises(Conflict) as strange:
                ask(around.server("pacs"))
            assert strange.value.code == code


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="nobody keeps root from deleting")
def test_what_cannot_be_taken_off_the_worklist_is_told_and_written_down() -> None:
    """With its code; it still waits."""
    digest = inbox.put(dicom())
    inbox.folder().chmod(0o500)
    try:
        with pytest.raises(Conflict) as kept:
            pacs.put_away(inbox.waiting()[0])
    finally:
        inbox.folder().chmod(0o700)
    assert kept.value.code == next(audit.lines()).outcome == "workflows.not-put-away"
    assert [item.id for item in inbox.waiting()] == [digest]


def test_what_is_taken_off_the_worklist_stands_in_the_trail() -> None:
    """By its digest, after it is gone; what lies elsewhere is left there, and nothing is written of it."""
    digest = inbox.put(dicom())
    pacs.put_away(inbox.waiting()[0])
    pacs.put_away(inbox.Waiting("KIM.dcm", "folder"))
    assert inbox.waiting() == ()
    assert [(line.what, line.facts) for line in audit.lines()] == [("put-away", {"scan_sha256": digest})]


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_what_is_on_its_way_is_read_by_its_owner_only() -> None:
    """As what waits to be read is: both are patient data."""
    inbox.put(dicom())
    outbox.put("pacs", [dicom()])
    assert {one.stat().st_mode & 0o777 for one in (inbox.folder(), outbox.folder())} == {0o700}


def test_a_watched_folder_that_is_not_there_is_not_an_empty_one(tmp_path: Path) -> None:
    """As on a drive that is not mounted."""
    assert watched.waiting(tmp_path) == ()
    with pytest.raises(BadScan) as gone:
        watched.waiting(tmp_path / "drive")
    assert gone.value.code == "inlets.folder-not-read"


def test_watched_folder_leaves_out_what_is_being_written(tmp_path: Path) -> None:
    """Settled files only, none hidden, none outside."""
    (tmp_path / "a").mkdir()
    for name in ("a/old.dcm", "new.dcm", ".hidden.dcm"):
        (tmp_path / name).write_bytes(dicom())
    now = time.time()
    os.utime(tmp_path / "a" / "old.dcm", (now - 60, now - 60))
    assert [item.id for item in watched.waiting(tmp_path, now)] == ["a/old.dcm"]
    assert len(watched.waiting(tmp_path, now + 10)) == 2
    assert watched.read(tmp_path, "a/old.dcm").startswith(b"\0" * 128)
    with pytest.raises(Exception, match="worklist"):
        watched.read(tmp_path / "a", "../new.dcm")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[receive", "inlets.no-toml"),
        ("[receive]\ncolour = 1", "inlets.unknown-key"),
        ("[servers.x]\nkind = 'dicomweb'", "inlets.wrong-server"),
        ("[servers.x]\nkind = 'fax'\nurl = 'u'", "inlets.wrong-server"),
        ("[receive]\ntitle = 'far too long for a title'", "inlets.wrong-title"),
    ],
)
def test_a_wrong_file_is_a_sentence(home: Path, text: str, code: str) -> None:
    """With what is wrong in it."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "servers.toml").write_text(text)
    with pytest.raises(BadSpec) as refused:
        read_pacs_config()
    assert refused.value.code == code


def test_secrets_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is named and not set is a mistake, not an empty password."""
    server = Server("pacs", url="http://x", user="NO_SUCH_USER", password="NO_SUCH_PASSWORD")
    with pytest.raises(BadSpec) as refused:
        server.credentials()
    assert refused.value.code == "inlets.no-secret"
    monkeypatch.setenv("NO_SUCH_USER", "u")
    monkeypatch.setenv("NO_SUCH_PASSWORD", "p")
    assert server.credentials() == ("u", "p")
    assert Server("pacs", url="http://x").credentials() is None
