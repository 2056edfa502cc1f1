"""Many readers at one server: each opens the page, all drop a different scan at the same moment, and wait.

Websocket clients on this machine only, bounded in number and time; no browser. Prints median, 95th percentile and errors of
page, answer and heatmap, the server's memory before and after, and beside it a bare Streamlit app with the same uploads.

    python tests/load/load_readers.py --readers 1 20 50
"""

import argparse
import asyncio
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 120.0
ANSWERED = b'aria-label="Probabilities'  # what the result card draws first of an answer
REFUSED = b"annot tell"
BARE = """
import hashlib
import streamlit as st
files = st.file_uploader("Drop", accept_multiple_files=True)
for file in files:
    st.html('<div aria-label="Probabilities">' + hashlib.sha256(file.getvalue()).hexdigest() + "</div>")
"""


@dataclass
class Reader:
    """One session and what it waited for, in seconds; None where it never came.

    Args:
        number: Which of them; each drops another scan.
        scan: What it drops, drawn beforehand: the drawing would cost more than the answer.
        page: From opening to the whole first page.
        answer: From the drop to the first answer on the page.
        done: From the drop to the page at rest, with its heatmap.
        error: What went wrong.
    """

    number: int
    scan: bytes = b""
    page: float | None = None
    answer: float | None = None
    done: float | None = None
    error: str = ""
    session: str = ""
    page_hash: str = ""
    uploader: str = ""


def main() -> None:
    """Measure our app and a bare one in the same run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, nargs="+", default=[1, 20])
    args = parser.parse_args()
    print(
        "| app | readers | page p50, p95 s | answer p50, p95 s | at rest p50, p95 s | errors | server MB before, after |"
    )
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE)
        for name, script in (("medcls", ROOT / "app.py"), ("bare", bare)):
            server = Server(script, Path(folder) / "home")
            try:
                asyncio.run(rush(server, [Reader(0, scan(0))]))  # warms the model; not counted
                for n in args.readers:
                    print(line(name, n, server), flush=True)
            finally:
                server.stop()


def line(name: str, n: int, server: "Server") -> str:
    """Measure `n` readers and return their row of the table."""
    before, readers = server.memory_mb(), [Reader(i, scan(i)) for i in range(n)]
    asyncio.run(rush(server, readers))
    time.sleep(3)
    cells = [spread([getattr(r, what) for r in readers]) for what in ("page", "answer", "done")]
    errors = sum(bool(r.error) or r.answer is None for r in readers)
    if first := next((r.error for r in readers if r.error), ""):
        print(f"first error: {first}", file=sys.stderr)
    return f"| {name} | {n} | {' | '.join(cells)} | {errors} | {before:.0f}, {server.memory_mb():.0f} |"


def spread(seconds: list[float | None]) -> str:
    """Return median and 95th percentile of what came."""
    came = sorted(s for s in seconds if s is not None)
    if not came:
        return "never"
    return f"{statistics.median(came):.2f}, {came[min(len(came) - 1, int(0.95 * len(came)))]:.2f}"


async def rush(server: "Server", readers: list[Reader]) -> None:
    """Let all open the page, then all drop at one moment."""
    gate = asyncio.Barrier(len(readers))
    await asyncio.gather(*(visit(server, reader, gate) for reader in readers))


async def visit(server: "Server", reader: Reader, gate: asyncio.Barrier) -> None:
    """Open, wait for the others, drop, wait."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            cookie = {"Cookie": f"_streamlit_xsrf={server.token}"}
            address = f"ws://127.0.0.1:{server.port}/_stcore/stream"
            async with connect(address, subprotocols=["streamlit"], max_size=None, additional_headers=cookie) as ws:  # type: ignore[list-item]
                started = time.perf_counter()
                await ask(ws, BackMsg())
                await listen(ws, reader)
                reader.page = time.perf_counter() - started
                await gate.wait()
                started = time.perf_counter()
                await drop(ws, server, reader)
                await listen(ws, reader, since=started)
                reader.done = time.perf_counter() - started
    except (TimeoutError, OSError, asyncio.BrokenBarrierError, WebSocketException) as error:
        reader.error = f"{type(error).__name__}: {error}"
        await gate.abort()


async def ask(ws: ClientConnection, message: BackMsg) -> None:
    """Send a message; an empty one asks for the page."""
    if not message.WhichOneof("type"):
        message.rerun_script.query_string = ""
    await ws.send(message.SerializeToString())


async def listen(ws: ClientConnection, reader: Reader, since: float | None = None) -> None:
    """Take what the server sends until the page is at rest."""
    while True:
        data = await ws.recv()
        assert isinstance(data, bytes)
        if since is not None and reader.answer is None and (ANSWERED in data or REFUSED in data):
            reader.answer = time.perf_counter() - since
        message = ForwardMsg()
        message.ParseFromString(data)
        kind = message.WhichOneof("type")
        if kind == "new_session":
            reader.session, reader.page_hash = (
                message.new_session.initialize.session_id,
                message.new_session.page_script_hash,
            )
        elif kind == "delta" and message.delta.new_element.WhichOneof("type") == "file_uploader":
            reader.uploader = message.delta.new_element.file_uploader.id
        elif kind == "script_finished" and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
            return


async def drop(ws: ClientConnection, server: "Server", reader: Reader) -> None:
    """Upload a scan as the browser does, and tell the page."""
    data, name = reader.scan, f"scan-{reader.number}.png"
    asked = BackMsg()
    asked.file_urls_request.request_id = "1"
    asked.file_urls_request.file_names.append(name)
    asked.file_urls_request.session_id = reader.session
    await ask(ws, asked)
    while True:
        message = ForwardMsg()
        message.ParseFromString(await ws.recv())  # type: ignore[arg-type]
        if message.WhichOneof("type") == "file_urls_response":
            break
    urls = message.file_urls_response.file_urls[0]
    await asyncio.to_thread(put, server, urls.upload_url, name, data)
    told = BackMsg()
    told.rerun_script.page_script_hash = reader.page_hash
    widget = told.rerun_script.widget_states.widgets.add(id=reader.uploader)
    info = widget.file_uploader_state_value.uploaded_file_info.add(file_id=urls.file_id, name=name, size=len(data))
    info.file_urls.CopyFrom(urls)
    await ask(ws, told)


def put(server: "Server", address: str, name: str, data: bytes) -> None:
    """Send a file as a form, as the browser does."""
    edge = b"x7f3a"
    head = f'Content-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: image/png\r\n\r\n'.encode()
    body = b"--" + edge + b"\r\n" + head + data + b"\r\n--" + edge + b"--\r\n"
    headers = {
        "Content-Type": "multipart/form-data; boundary=x7f3a",
        "Cookie": f"_streamlit_xsrf={server.token}",
        "X-Xsrftoken": server.token,
    }
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{address}", body, headers, method="PUT")
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        assert answer.status in (200, 204), answer.status


def scan(number: int) -> bytes:
    """Return a phantom that no other reader has."""
    from medcls.imaging.phantom import phantom

    return phantom("breast-ultrasound", ("normal", "benign", "malignant")[number % 3], 1000 + number)


class Server:
    """A Streamlit server on a free port of this machine.

    Args:
        script: What it serves.
        home: Its MEDCLS_HOME.
    """

    def __init__(self, script: Path, home: Path) -> None:
        self.token = ""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        command: list[Any] = [sys.executable, "-m", "streamlit", "run", script, "--server.headless=true"]
        command += [f"--server.port={self.port}", "--server.address=127.0.0.1"]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | {"MEDCLS_HOME": str(home)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
        )
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/_stcore/health", timeout=5) as answer:
                    cookies = SimpleCookie(answer.headers.get("Set-Cookie", ""))
                self.token = cookies["_streamlit_xsrf"].value if "_streamlit_xsrf" in cookies else ""
                return
            except OSError:
                time.sleep(0.2)
        self.stop()
        raise SystemExit("the server did not answer")

    def memory_mb(self) -> float:
        """Return its resident memory."""
        for text in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if text.startswith("VmRSS:"):
                return int(text.split()[1]) / 1024
        return float("nan")

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
