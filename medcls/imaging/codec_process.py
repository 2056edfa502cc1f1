"""Decode one compressed DICOM frame in a process of its own, with a limit on its time.

Two codecs cannot be trusted with damaged frames: GDCM (JPEG Lossless, 12-bit JPEG) dies of a segmentation fault,
CharLS (JPEG-LS) can spin for ever. In the server's process one bad file would end everybody's work. The file goes
in and the values come out through pipes; nothing is written to disk.
"""

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from medcls.errors import BadScan

_CPU_S, _TIMEOUT_S = 4, 20
_ROOT = Path(__file__).parents[2]


def decode_apart(data: bytes, frame: int, plugin: str) -> np.ndarray:
    """Decode one frame of a DICOM file in another process.

    Args:
        data: The whole file; its header has passed every check.
        frame: Which frame, from 0.
        plugin: pydicom's name of the codec.

    Returns:
        (R, C) or (R, C, 3) stored values.

    Raises:
        BadScan: If the process fails, crashes or takes longer than 4 seconds of
            computing (where the system can limit that) or 20 in all.
    """
    command = [sys.executable, "-m", "medcls.imaging.codec_process", plugin, str(frame)]
    paths = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
    try:
        done = subprocess.run(
            command, input=data, capture_output=True, timeout=_TIMEOUT_S, check=False,
            env={**os.environ, "PYTHONPATH": paths},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise BadScan("This file cannot be decoded in time", found=f"more than {_TIMEOUT_S} s for one frame") from None
    if done.returncode != 0:
        raise BadScan("This file is damaged and cannot be read", found="a compressed picture its decoder refuses",
                      do="Export or copy it again")  # fmt: skip
    return np.load(io.BytesIO(done.stdout), allow_pickle=False)


def main() -> None:
    """Read a DICOM file from standard input, write the frame named by plugin and number as `.npy`."""
    from pydicom.pixels import pixel_array

    from medcls.imaging.dicom import parse_checked
    from medcls.imaging.limits import Limits
    from medcls.imaging.quiet import quiet

    _limit_time()
    with quiet():
        ds, _ = parse_checked(sys.stdin.buffer.read(), Limits(2**62, 2**62))
        values = pixel_array(ds, index=int(sys.argv[2]), decoding_plugin=sys.argv[1])
    np.save(sys.stdout.buffer, values)


def _limit_time() -> None:
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))


if __name__ == "__main__":
    main()
