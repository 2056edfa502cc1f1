"""Hostile bytes: never anything but a `MedclsError`, nothing of the patient in it, and no great cost."""

import base64
import io
import logging
import os
import re
import struct
import subprocess
import sys
import threading
import traceback
import warnings
import zipfile
import zlib

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin
from pydicom.datadict import dictionary_keyword, dictionary_VR
from pydicom.uid import JPEG2000Lossless, JPEGLosslessSV1, JPEGLSLossless, RLELossless

from medcls.core.scan import Preprocess, Scan
from medcls.errors import BadScan, MedclsError, TooLarge
from medcls.imaging.decode import count_frames, read_scan
from medcls.imaging.drop import open_drop
from medcls.imaging.phantom import phantom
from medcls.imaging.prepare import prepare
from tests.imaging.dicom_files import dataset, jpeg_lossless, ramp, written
from tests.imaging.test_decode import COLOUR, GREY, encode, hand_made_png, stack
from tests.imaging.test_dicom import compressed

BIG = np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)


HANGS_CHARLS = (
    "|JeWc01F5JC;&hK0TBTI+5iXv0RR910KdQ6fBFAE@B1&l`|sSFD(AlY@4tQb-@O~ZefQsf`|rPf&3^muzWw*#e*4Y$-+lM*zWevz_kH)@"
    "e*5pgefMkczWevzef#gep8M~=efQtK`|P*hef#ge{rBH`efQtK`|sa<_uszz_uqZ{@4oxj-+ue=zkT=LfA`<M`|sa<_usbr_uqZ{@4ox@"
    "pMLxAzkT=Le*bUZefRIa`|sa%`|rN}_uqZ{@BaJmzkT=Le*5j;efRIa`|sa<>+in(_uqZ{@4xroe*5pf{rBH)`|kmL_uszz?_YiU@4ox@"
    "-+ljIe*5pf{rBH~+wb3f_uszz@89?DzWeXrefRIK{rBH}`|rN}_g}vI@4tQb-@gBEzWeXrefRIa-S^*p`|rN}_ujty@4tQb-@g0rzWeXr"
    "efRIa`?ueH`|rN}_uqf-zWw*#e*5pf-S^+V`|sa<_ujty_uqZ{@4oy0KK=LKe*5pf{kPw~`|sa<_us$o-+lM*zWeXrUHk98{rBH}0Pg<*"
)


def coded(syntax) -> bytes:
    ds = dataset(ramp())
    ds.compress(syntax, generate_instance_uid=False)
    return written(ds)


VICTIMS = {
    "PNG": encode(BIG),
    "JPEG": encode(BIG, "JPEG"),
    "TIFF": encode(BIG, "TIFF", compression="tiff_lzw"),
    "BMP": encode(BIG, "BMP"),
    "WEBP": encode(BIG, "WEBP"),
    "pages": stack("TIFF"),
    "animation": stack("WEBP"),
    "DICOM": written(dataset(BIG)),
    "RLE": coded(RLELossless),
    "JPEG 2000": coded(JPEG2000Lossless),
}


def survives(data: bytes) -> Scan | MedclsError:
    """Read bytes; give the scan or the error, and let anything else fail the test."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            count_frames(data)
            return read_scan(data)
        except MedclsError as error:
            return error


@given(st.binary(max_size=400))
@example(b"")
@example(b"\x00")
def test_random_bytes_are_refused(data):
    error = survives(data)
    assert isinstance(error, BadScan)
    assert str(error).endswith(".")


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(VICTIMS)), st.binary(min_size=1, max_size=300))
def test_a_header_on_another_body_is_refused(name, body):
    head = VICTIMS[name][: 132 if VICTIMS[name][128:132] == b"DICM" else 16]
    assert isinstance(survives(head + body), MedclsError)


@pytest.mark.parametrize("name", sorted(set(VICTIMS) - {"pages", "animation"}))
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_truncated_files_are_refused(name, share):
    data = VICTIMS[name]
    assert isinstance(survives(data[: int(len(data) * share)]), BadScan)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(sorted(VICTIMS)),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8),
)
def test_flipped_bytes_give_a_scan_or_a_sentence(name, flips):
    data = bytearray(VICTIMS[name])
    for where, value in flips:
        data[int(where * min(len(data), 2000))] = value
    survives(bytes(data))


@pytest.mark.parametrize("where", [0.02, 0.3, 0.6, 0.9])
def test_a_png_with_a_flipped_byte_is_refused(where):
    """Pillow decodes most of these without a word, with rows of nonsense or of black."""
    data = bytearray(VICTIMS["PNG"])
    body = data.index(b"IDAT") + 4
    data[body + int(where * (len(data) - body - 16))] ^= 0x55
    with pytest.raises(BadScan, match="damaged"):
        read_scan(bytes(data))


def test_sentences_name_no_exception():
    for data in (
        b"\x89PNG\r\n\x1a\n" + bytes(60),
        b"\xff\xd8\xff" + bytes(60),
        b"II*\0" + bytes(60),
        b"RIFF1234WEBPVP8 " + bytes(60),
    ):
        assert not re.search(r"Error|Exception|\(", str(survives(data)))


def test_a_frame_that_crashes_gdcm_does_not_crash_us():
    """A damaged JPEG Lossless frame that claims 168 bits kills GDCM's process with a segmentation fault."""
    stream = bytearray(jpeg_lossless(ramp(high=4095, dtype=np.uint16), 12))
    stream[stream.index(b"\xff\xc3") + 4] = 168
    data = compressed(dataset(ramp(high=4095, dtype=np.uint16), bits_stored=12), JPEGLosslessSV1, [bytes(stream)])
    assert isinstance(survives(data), BadScan)


def test_a_frame_that_hangs_charls_does_not_hang_us():
    """Found by changing bytes at random: CharLS never comes back from this JPEG-LS frame."""
    data = compressed(dataset(ramp()), JPEGLSLossless, [base64.b85decode(HANGS_CHARLS)])
    error = survives(data)
    assert isinstance(error, BadScan)


@pytest.mark.parametrize("name", ["PNG", "JPEG", "BMP", "WEBP", "DICOM", "TIFF"])
def test_trailing_junk_changes_nothing(name):
    data = VICTIMS[name]
    assert np.array_equal(read_scan(data + b"\0junk" * 50).pixels, read_scan(data).pixels)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"\x89", "foreign-unknown"),
        (b"<!DOCTYPE html><p>404</p>", "foreign-html"),
        (b"<?xml version='1.0'?><svg xmlns='x'/>", "foreign-svg"),
        (b"%PDF-1.7", "foreign-pdf"),
        (b"GIF89a" + bytes(20), "foreign-gif"),
        (b"case,label\n1,benign\n", "foreign-text"),
        (b"PK\x03\x04" + bytes(20), "foreign-zip"),
        (b"\x00\x00\x00\x18ftypavif", "foreign-avif"),
        (b"\x00\x00\x00\x18ftypheic", "no-size"),
        (bytes(5000), "foreign-unknown"),
    ],
)
def test_foreign_files_are_named(data, code):
    with pytest.raises(BadScan) as caught:
        read_scan(data)
    assert caught.value.code == f"imaging.{code}"


def webp_canvas(width: int, height: int) -> bytes:
    body = (
        b"VP8X"
        + struct.pack("<I", 10)
        + bytes(4)
        + (width - 1).to_bytes(3, "little")
        + (height - 1).to_bytes(3, "little")
    )
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def tiff_canvas(width: int, height: int) -> bytes:
    tags = [(256, width), (257, height), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, height), (279, 1)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)


def deflate_bomb() -> bytes:
    """1 GiB of zeros in about 1 MiB, as the pixels of a deflated DICOM file."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    head = packer.compress(written(dataset(GREY))[132:]) + packer.flush(zlib.Z_FULL_FLUSH)
    zeros = packer.compress(bytes(2**24)) + packer.flush(zlib.Z_FULL_FLUSH)  # can be repeated after a full flush
    body = head + zeros * 64 + packer.flush()
    uid = b"1.2.840.10008.1.2.1.99"
    return bytes(128) + b"DICM" + b"\x02\x00\x10\x00UI" + struct.pack("<H", len(uid)) + uid + body


def small_png_of_89_megapixels() -> bytes:
    return hand_made_png(9900, 9000, 1, 0, bytes(9000 * 1239))


def bombs() -> dict[str, bytes]:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        file.writestr("a.bmp", bytes(150_000_000))
    return {
        "png 9000 x 9900": small_png_of_89_megapixels(),
        "png 20000 x 20000": hand_made_png(20000, 20000, 8, 0, bytes(1000)),
        "webp": webp_canvas(16383, 16383),
        "tiff": tiff_canvas(60000, 60000),
        "dicom deflated": deflate_bomb(),
        "zip": archive.getvalue(),
    }


MEASURE = """
import resource, sys, time
from pathlib import Path
from medcls.imaging.decode import read_scan
from medcls.imaging.dicom import read_dicom
from medcls.imaging.drop import walk
from medcls.errors import TooLarge
from medcls.imaging.phantom import phantom
read_scan(phantom("breast-ultrasound", "normal", 0))
before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
for dropped in walk([Path(sys.argv[1])]):
    try:
        assert dropped.error is None or isinstance(dropped.error, TooLarge), dropped.error
        if dropped.value is not None:
            read_scan(dropped.value)
            print("decoded")
    except TooLarge:
        pass
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, time.monotonic() - start)
"""


def test_bombs_cost_little(tmp_path):
    """Each is refused; the process that refused them all grew by less than 250 MB (the deflated file's own limit)."""
    for name, data in bombs().items():
        assert len(data) < 2_000_000, name
        (tmp_path / name).write_bytes(data)
    done = subprocess.run([sys.executable, "-c", MEASURE, str(tmp_path)], capture_output=True, text=True, check=True)
    assert "decoded" not in done.stdout
    grown_kb, _ = done.stdout.split()
    assert int(grown_kb) < 250_000


def test_the_eleven_kilobyte_png_is_refused_by_its_header():
    data = small_png_of_89_megapixels()
    assert len(data) < 20_000
    with pytest.raises(TooLarge, match="9,900 x 9,000"):
        read_scan(data)


def markers() -> list[str]:
    return [f"MARKER{i:03d}" for i in range(200)]


def marked_dicom() -> bytes:
    """A DICOM file with a marker in every text element of the patient, visit, study and private groups."""
    ds = dataset(ramp())
    left = iter(markers())
    for tag in sorted(pydicom.datadict.DicomDictionary):
        group_fits = tag >> 16 in (0x0008, 0x0010, 0x0018, 0x0020, 0x0032, 0x0038, 0x0040) and tag != 0x00080005
        if group_fits and dictionary_VR(tag) in ("PN", "LO", "SH", "LT", "ST", "UT", "CS") and dictionary_keyword(tag):
            if dictionary_keyword(tag) in ds:
                continue
            try:
                ds.add_new(tag, dictionary_VR(tag), next(left))
            except StopIteration:
                break
    ds.private_block(0x0011, "MARKER000", create=True).add_new(1, "LO", "MARKER001")
    assert sum(m in repr(ds) for m in markers()) == 200
    return written(ds)


def marked_pictures() -> list[bytes]:
    info, exif = PngImagePlugin.PngInfo(), Image.Exif()
    for i, marker in enumerate(markers()):
        info.add_text(f"Key{i} {marker}", marker)
        if i < 40:
            exif[0xC000 + i] = marker
    for tag in (270, 271, 305, 315, 33432, 37510):
        exif[tag] = "MARKER005"
    exif.get_ifd(0x8825)[29] = "MARKER006"
    raw = exif.tobytes()
    return [
        encode(COLOUR, "PNG", pnginfo=info, exif=raw),
        encode(COLOUR, "JPEG", exif=raw, comment=b"MARKER007"),
        encode(COLOUR, "WEBP", exif=raw),
        encode(COLOUR, "TIFF", exif=exif, description="MARKER008"),
    ]


def hurt(data: bytes) -> list[bytes]:
    """The file itself and many ways of breaking it."""
    rng = np.random.default_rng(1)
    out = [data, data[: len(data) // 2], data[:-5]]
    for _ in range(60):
        broken = bytearray(data)
        for at in rng.integers(0, len(broken), 6):
            broken[at] = rng.integers(0, 256)
        out.append(bytes(broken))
    for keyword in (b"MONOCHROME2", b"US", b"\x28\x00\x10\x00US", b"IHDR", b"\xff\xc0", b"DICM"):
        out.append(data.replace(keyword, b"MARKER999"[: len(keyword)].ljust(len(keyword), b"M")))
    return out


@pytest.mark.parametrize("which", range(5))
def test_nothing_of_the_patient_stays(which, caplog, capfd):
    """200 markers: none in the scan, its history, an error's text or traceback, a warning, a log or the terminal."""
    caplog.set_level(logging.DEBUG)
    seen = []
    for data in hurt([marked_dicom, *[lambda i=i: marked_pictures()[i] for i in range(4)]][which]()):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                seen.append(repr(read_scan(data)))
            except MedclsError as error:
                seen.append(str(error) + "".join(traceback.format_exception(error)))
        assert not caught
    everything = "".join(seen) + caplog.text + "".join(capfd.readouterr())
    assert len(seen) > 60
    assert "MARKER" not in everything.replace("MARKER999", "")


def test_no_name_of_an_archive_reaches_an_error():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for i, marker in enumerate(markers()):
            archive.writestr(("../" if i % 3 == 0 else "") + marker + ".png", b"" if i % 3 == 1 else b"junk")
    got = list(open_drop([("MARKER000.zip", out.getvalue())]))
    assert len(got) == 200
    for dropped in got:
        error = dropped.error or survives(dropped.value or b"")
        assert "MARKER" not in str(error)
        assert "MARKER" not in "".join(traceback.format_exception(error))


def test_four_threads_read_what_one_reads():
    files = [phantom("breast-ultrasound", "benign", s, 96) for s in range(4)] + [
        coded(RLELossless),
        encode(COLOUR, "JPEG"),
    ]
    alone = [prepare(read_scan(data), Preprocess()) for data in files]
    wrong: list[int] = []

    def work() -> None:
        for _ in range(5):
            for i, data in enumerate(files):
                if not np.array_equal(prepare(read_scan(data), Preprocess()), alone[i]):
                    wrong.append(i)

    threads = [threading.Thread(target=work) for _ in range(4)]
    filters = list(warnings.filters)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert warnings.filters == filters


def test_reading_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    for data in VICTIMS.values():
        survives(data)
    assert os.listdir(tmp_path) in ([], ["home"])
