"""Received, answered, stored, read back and equal; and whatever breaks in between loses nothing and sends nothing twice."""

import io
import os
import resource
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pydicom
import pytest
from pynetdicom import AE, evt

from medcls import audit
from medcls.core.note import Note
from medcls.errors import BadRecord, Conflict
from medcls.exits import CASE_EXITS, leave
from medcls.exits.case import Case
from medcls.inlets import inbox, listener, outbox
from medcls.inlets.servers import PacsConfig, Receive, Server
from medcls.workflows import case_report, pacs, pacs_rules, receive
from medcls.workflows.classify import open_model
from tests.exits.test_dicom_out import errors_of
from tests.inlets.conftest import dicom, free_port
from tests.inlets.test_pacs import send

WAYS = [name for name, way in CASE_EXITS.items() if way.media_type == pacs.DICOM]


def write_servers(home: Path, text: str) -> None:
    """Name what is around."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "servers.toml").write_text(text)


def name_orthanc(home: Path, orthanc, more: str = "") -> None:
    """An Orthanc under two names, by DICOMweb and by DIMSE."""
    web = f'[servers.pacs]\nurl = "http://127.0.0.1:{orthanc.http}/dicom-web"\ntimeout_s = 30.0\n'
    old = f'[servers.old]\nkind = "dimse"\nhost = "127.0.0.1"\nport = {orthanc.dimse}\ntitle = "ORTHANC"\ntimeout_s = 30.0\n'
    write_servers(home, web + old + more)


def received() -> Case:
    """A file sent to the listener, taken from the worklist and answered."""
    server = listener.start(Receive(port=(port := free_port()), callers=("US1",)))
    try:
        assert send(port, dicom()) == 0
    finally:
        server.shutdown()
    (item,) = pacs.worklist()
    return case_report.make_case(pacs.fetch(item), "", open_model("breast-ultrasound--tiny--0001"))


@pytest.mark.slow
@pytest.mark.parametrize("server", ["pacs", "old"])
def test_received_answered_stored_read_back_and_equal(
    server: str, home: Path, orthanc, tiny_model, tmp_path: Path
) -> None:
    """Report and capture come back as they went, in the study of the scan, and valid."""
    name_orthanc(home, orthanc)
    case = received()
    sending = pacs.send_back(case, server)
    assert (sending.state, sending.why, sending.tries) == ("sent", "", 1)
    assert pacs.send_back(case, server) == sending  # a second click
    back = {ds.SOPInstanceUID: (ds, data) for data in map(orthanc.file, orthanc.instances()) for ds in [read(data)]}
    gone = [read(leave(name, case, "record").data) for name in WAYS]
    assert set(back) == {ds.SOPInstanceUID for ds in gone}
    for ds in gone:
        found, data = back[ds.SOPInstanceUID]
        assert found == ds
        assert found.StudyInstanceUID == read(case.source).StudyInstanceUID
        assert errors_of(data, tmp_path) == []
    assert [line.outcome for line in audit.lines() if line.what == "send"] == ["sent"]


def read(data: bytes | None) -> pydicom.Dataset:
    """A DICOM file."""
    return pydicom.dcmread(io.BytesIO(data or b""))


KILLED = """
import os, signal, sys
from medcls.inlets import outbox
from medcls.inlets.servers import read_pacs_config
outbox._write = lambda *given: os.kill(os.getpid(), signal.SIGKILL)
outbox.try_one(sys.argv[1], read_pacs_config())
"""


@pytest.mark.slow
def test_killed_between_sending_and_noting_it_nothing_is_sent_twice(home: Path, orthanc) -> None:
    """The server has it, the note says it waits; the next try asks first."""
    name_orthanc(home, orthanc)
    made = outbox.put("pacs", [dicom(seed=3)])
    done = subprocess.run([sys.executable, "-c", KILLED, made.id], check=False)
    assert done.returncode == -signal.SIGKILL
    assert outbox.sendings()[0].state == "waiting"
    first = orthanc.instances()
    assert len(first) == 1
    assert pacs.try_waiting()[0].state == "sent"
    assert orthanc.instances() == first


@pytest.mark.slow
def test_a_rule_answers_what_comes_in_once(home: Path, orthanc, tiny_model) -> None:
    """Killed before that was noted, the same objects are made again, which is nothing new; what cannot be answered is told once."""
    name_orthanc(home, orthanc, '[rules.breast]\ntask = "breast-ultrasound"\nmodality = "US"\nto = ["pacs"]\n')
    digest = inbox.put(dicom(seed=5))
    (sending,) = pacs_rules.work()
    assert sending.state == "sent"
    assert pacs_rules.work() == ()
    held = orthanc.instances()
    assert len(held) == len(WAYS)
    for path in inbox.folder().glob("*.done"):
        path.unlink()
    (again,) = pacs_rules.work()
    assert again.id == sending.id
    assert again.tries == 1
    assert orthanc.instances() == held
    assert {line.who for line in audit.lines() if line.what.startswith("exit.")} == {"rule breast"}
    inbox.put(b"\0" * 128 + b"DICM not a scan")
    assert [getattr(one, "code", "") for one in pacs_rules.work()] == []  # of no kind that the rule is about
    inbox.put_away(digest)
    assert not list(inbox.folder().glob(f"{digest}*"))


RULED = "".join(f'[servers.{n}]\nkind = "dimse"\nhost = "127.0.0.1"\nport = 9\ntimeout_s = 2.0\n' for n in "abc")
RULED += '[rules.breast]\ntask = "breast-ultrasound"\nmodality = "US"\nto = ["a", "b", "c"]\n'


def test_one_bad_study_or_server_stops_no_other(home: Path, tiny_model, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is told and written down by its code, without what a fault said; and not tried again."""
    write_servers(home, RULED)
    bad, good = inbox.put(dicom(seed=1)), inbox.put(dicom(seed=2))
    read_one, send_one = inbox.read, pacs.send_back

    def read_or_break(digest: str) -> bytes:
        if digest == bad:
            raise ZeroDivisionError("KIM MINSU")
        return read_one(digest)

    def send_or_refuse(case: Case, server: str, ways: tuple[str, ...]) -> outbox.Sending:
        if server == "b":
            raise Conflict("inlets.not-kept", found="full")
        return send_one(case, server, ways)

    monkeypatch.setattr(inbox, "read", read_or_break)
    monkeypatch.setattr(pacs, "send_back", send_or_refuse)
    made = pacs_rules.work()
    assert [one.server for one in made if isinstance(one, outbox.Sending)] == ["a", "c"]
    assert {one.code for one in made if isinstance(one, Note)} == {"workflows.rule-failed"}
    told = [
        (line.outcome, line.facts["scan_sha256"], line.facts.get("server"))
        for line in audit.lines()
        if line.what == "rule"
    ]
    assert sorted(told) == [("failed", bad, None), ("inlets.not-kept", good, "b")]
    assert "MINSU" not in "".join(map(str, made)) + audit.files()[0].read_text()
    assert pacs_rules.work() == ()


def test_a_rule_stopped_between_servers_goes_on_with_those_left(
    home: Path, tiny_model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one server was given is remembered for that server."""
    write_servers(home, RULED)
    digest = inbox.put(dicom(seed=2))
    send_one = pacs.send_back

    def send_or_stop(case: Case, server: str, ways: tuple[str, ...]) -> outbox.Sending:
        if server == "b":
            raise KeyboardInterrupt
        return send_one(case, server, ways)

    monkeypatch.setattr(pacs, "send_back", send_or_stop)
    with pytest.raises(KeyboardInterrupt):
        pacs_rules.work()
    monkeypatch.setattr(pacs, "send_back", send_one)
    assert [one.server for one in pacs_rules.work()] == ["b", "c"]
    assert pacs_rules.work() == ()
    inbox.put_away(digest)
    assert not list(inbox.folder().glob(f"{digest}*"))


def test_rules_that_cannot_work_do_not_keep_results_from_being_sent(home: Path) -> None:
    """Both are tried; what stood in the way is told."""
    told: list[str] = []
    with archive(lambda: 0) as (around, _):
        server = around.servers["a"]
        known = f'[servers.a]\nkind = "dimse"\nhost = "127.0.0.1"\nport = {server.port}\ntitle = "ARCHIVE"\n'
        write_servers(home, known + '[rules.breast]\ntask = "breast-ultrasound"\nto = ["a"]\n')
        outbox.put("a", [dicom()])
        digest = inbox.put(dicom(seed=2))
        for name in ("breast", "breast.a"):  # what was done cannot be noted
            (inbox.folder() / f"{digest}.{name}.done").mkdir()
        assert receive._work(told.append)
    assert told == ["a: sent"]


@contextmanager
def archive(answer: Callable[[], int]) -> Iterator[tuple[PacsConfig, list[str]]]:
    """A DIMSE server of our own that says what `answer` gives; and what was stored there, in order."""
    stored: list[str] = []

    def store(event: evt.Event) -> int:
        status = answer()
        if status == 0:
            stored.append(str(event.dataset.SOPInstanceUID))
        return status

    entity = AE(ae_title="ARCHIVE")
    entity.add_supported_context("1.2.840.10008.5.1.4.1.1.6.1")
    server = entity.start_server(
        ("127.0.0.1", port := free_port()), block=False, evt_handlers=[(evt.EVT_C_STORE, store)]
    )
    try:
        yield (
            PacsConfig(
                servers={"a": Server("a", "dimse", host="127.0.0.1", port=port, title="ARCHIVE", timeout_s=2.0)}
            ),
            stored,
        )
    finally:
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "state", "code"),
    [
        (0xA700, "waiting", "inlets.refused"),
        (0xC000, "failed", "inlets.refused"),
        (0x0122, "failed", "inlets.refused"),
        (0, "sent", ""),
    ],
)
def test_what_an_archive_answers_decides_what_is_done(status: int, state: str, code: str) -> None:
    """Its disk full: later; a refusal: not again by itself; and each is kept."""
    with archive(lambda: status) as (around, stored):
        tried = outbox.try_one(outbox.put("a", [dicom()]).id, around)
    assert (tried.state, tried.code, bool(tried.why), len(stored)) == (state, code, bool(code), int(state == "sent"))
    assert outbox.sendings() == (tried,)


def test_an_archive_that_is_too_slow_is_tried_again() -> None:
    """It may have stored it all the same: the same object goes again, which replaces itself."""
    held = threading.Event()
    with archive(lambda: 0 * held.wait(20)) as (around, stored):
        made = outbox.put("a", [dicom()])
        tried = outbox.try_one(made.id, around)
        held.set()
        assert (tried.state, tried.code) == ("waiting", "inlets.no-answer")
        assert outbox.try_one(made.id, around).state == "sent"
        assert len(set(stored)) == 1


def test_two_that_send_at_once_send_once() -> None:
    """The second waits for the first, and finds it sent."""
    with archive(lambda: 0) as (around, stored):
        made = outbox.put("a", [dicom()])
        start = threading.Barrier(4)
        found: list[outbox.Sending] = []

        def click() -> None:
            start.wait()
            found.append(outbox.try_one(made.id, around))

        clicks = [threading.Thread(target=click) for _ in range(4)]
        for one in clicks:
            one.start()
        for one in clicks:
            one.join(60)
    assert [one.state for one in found] == ["sent"] * 4
    assert len(stored) == 1
    assert outbox.sendings()[0].tries == 1


class _Full(BaseHTTPRequestHandler):
    """A DICOMweb server that has no room, and knows no object."""

    def do_GET(self) -> None:
        self.send_response(204)
        self.end_headers()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(507)
        self.end_headers()

    def log_message(self, *told: object) -> None:
        """Say nothing."""


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for this machine that nobody signed, and its key."""
    import datetime
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "here")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(1))
        .not_valid_after(now + datetime.timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(True, None), True)
        .sign(key, hashes.SHA256())
    )
    cert, private = folder / "tls.crt", folder / "tls.key"
    cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    private.write_bytes(key.private_bytes(*plain))
    return cert, private


def test_a_certificate_nobody_vouches_for_is_refused_and_a_full_server_is_tried_again(tmp_path: Path) -> None:
    """By TLS: with a certificate that is not known nothing is sent; with it, no room there means later."""
    cert, key = certificate(tmp_path)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Full)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"https://127.0.0.1:{server.server_address[1]}/dicom-web"
    made = outbox.put("pacs", [dicom()])
    try:
        stranger = outbox.try_one(made.id, PacsConfig(servers={"pacs": Server("pacs", url=url)}))
        assert (stranger.state, stranger.code) == ("failed", "inlets.wrong-certificate")
        outbox.again(made.id)
        known = outbox.try_one(made.id, PacsConfig(servers={"pacs": Server("pacs", url=url, ca=str(cert))}))
        assert (known.state, known.code) == ("waiting", "inlets.refused")
    finally:
        server.shutdown()
        server.server_close()


def test_by_tls_only_who_shows_a_known_certificate_is_heard(tmp_path: Path) -> None:
    """C-ECHO and C-STORE through it; without a certificate, or without TLS, nothing."""
    cert, key = certificate(tmp_path)
    how = Receive(port=(port := free_port()), callers=("US1",), cert=str(cert), key=str(key), ca=str(cert))
    server, ds = listener.start(how), read(dicom())

    def heard(known: bool, tls: bool = True) -> tuple[int, ...]:
        context = ssl.create_default_context(cafile=str(cert))
        if known:
            context.load_cert_chain(cert, key)
        entity = AE(ae_title="US1")
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = 20
        for syntax in ("1.2.840.10008.1.1", ds.SOPClassUID):
            entity.add_requested_context(syntax)
        link = entity.associate("127.0.0.1", port, ae_title="MEDCLS", tls_args=(context, "127.0.0.1") if tls else None)
        if not link.is_established:
            return ()
        said = (link.send_c_echo(), link.send_c_store(ds))
        link.release()
        return tuple(one.Status for one in said if one)

    try:
        assert not heard(known=False)
        assert not heard(known=True, tls=False)
        assert inbox.waiting() == ()
        assert heard(known=True) == (0, 0)
        assert len(inbox.waiting()) == 1
    finally:
        server.shutdown()


def test_a_result_that_cannot_be_kept_is_a_sentence_and_leaves_nothing_half() -> None:
    """No room on this disk: nothing is on its way; with room it is."""
    data = dicom()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(Conflict) as refused:
            outbox.put("a", [data])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert refused.value.code == "inlets.not-kept"
    assert outbox.sendings() == ()
    assert outbox.put("a", [data]).state == "waiting"


def test_a_listener_killed_in_the_middle_of_an_association_loses_nothing(home: Path) -> None:
    """The first object was acknowledged and is there; the second was not, and the sender knows."""
    port = free_port()
    write_servers(home, f'[receive]\nport = {port}\ncallers = ["US1"]\n')

    def begin() -> subprocess.Popen:
        env = os.environ | {"MEDCLS_HOME": str(home)}
        process = subprocess.Popen(
            [sys.executable, "-m", "medcls", "receive"], stderr=subprocess.PIPE, env=env, text=True
        )
        assert process.stderr is not None
        assert "listens" in process.stderr.readline()
        return process

    process = begin()
    first, second = read(dicom(seed=1)), read(dicom(seed=2))
    entity = AE(ae_title="US1")
    entity.dimse_timeout = entity.network_timeout = 20
    entity.add_requested_context(first.SOPClassUID, first.file_meta.TransferSyntaxUID)
    link = entity.associate("127.0.0.1", port, ae_title="MEDCLS")
    assert link.send_c_store(first).Status == 0
    process.send_signal(signal.SIGKILL)
    process.wait()
    try:
        status = link.send_c_store(second)
    except RuntimeError:  # the association is gone
        status = None
    assert not status
    link.abort()
    assert [read(inbox.read(item.id)).SOPInstanceUID for item in inbox.waiting()] == [first.SOPInstanceUID]
    process = begin()
    try:
        assert [send(port, dicom(seed=7)), send(port, dicom(seed=8))] == [0, 0]
        assert len(inbox.waiting()) == 3
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.parametrize(
    "state", [b"", b"\xff\x00", b"[]", b'{"id": 1}', b'{"id": "x", "server": "a", "state": "lost"}']
)
def test_a_damaged_state_stands_as_failed_and_hides_no_other(state: bytes) -> None:
    whole, damaged = outbox.put("a", [dicom()]), outbox.put("b", [dicom()])
    (outbox.folder() / damaged.id / "state.json").write_bytes(state)
    found = {sending.id: sending for sending in outbox.sendings()}
    assert found[whole.id] == whole
    assert found[damaged.id].state == "failed"
    assert found[damaged.id].code
    with pytest.raises(BadRecord):
        outbox.again(damaged.id)
