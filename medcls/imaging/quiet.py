"""Keep the decoders' own words to ourselves: warnings, logs and errors may quote what a file says of a patient."""

import logging
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from PIL import Image

from medcls.errors import BadScan, MedclsError, TooLarge

T = TypeVar("T")

# How the decoders say that bytes are missing at the end.
_CUT_SHORT = ("truncated", "less than expected", "end of file", "not a zip file")
# How they say that a file may be whole, and they do not read its kind.
_NOT_READ = ("not supported", "unsupported", "not implemented", "cannot handle", "not available", "requires ")
_DECODERS = r"(PIL|pydicom|tifffile|openjpeg|pylibjpeg|gdcm)(\.|$)"
_lock = threading.Lock()
_inside = 0
_saved: warnings.catch_warnings | None = None


@contextmanager
def quiet() -> Iterator[None]:
    """Ignore warnings raised inside the decoding libraries while the block runs.

    `warnings.catch_warnings` alone is not safe with threads: the first one in saves the filters, the
    last one out restores them.

    Example:
        >>> with quiet():
        ...     pass
    """
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _inside, _saved
    with _lock:
        if _inside == 0:
            _saved = warnings.catch_warnings()
            _saved.__enter__()
            warnings.filterwarnings("ignore", module=_DECODERS)
        _inside += 1


def _leave() -> None:
    global _inside, _saved
    with _lock:
        _inside -= 1
        if _inside == 0 and _saved is not None:
            _saved.__exit__(None, None, None)
            _saved = None


def silence_logs() -> None:
    """Silence the decoders' logs, whose messages quote tags. Called once by the modules that decode."""
    for name in ("PIL", "pydicom", "tifffile"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.CRITICAL)
        logger.propagate = False


def guarded(decode: Callable[[], T]) -> T:
    """Run a decoder over hostile bytes: whatever it raises becomes a sentence without the file's own words.

    Raises:
        TooLarge: If `decode` needs more memory than there is, or meets more pixels than Pillow takes.
        BadScan: If it raises anything else but a `MedclsError`.
    """
    try:
        return decode()
    except MedclsError:
        raise
    except Image.DecompressionBombError:
        raise TooLarge("imaging.too-many-pixels-for-decoder") from None
    except MemoryError:
        raise TooLarge("imaging.too-little-memory") from None
    except Exception as error:  # noqa: BLE001  decoders raise anything at all on damaged bytes
        said = str(error).lower()
        if isinstance(error, NotImplementedError) or any(word in said for word in _NOT_READ):
            raise BadScan("imaging.not-read") from None
        cut = isinstance(error, EOFError) or any(word in said for word in _CUT_SHORT)
        raise BadScan("imaging.cut-short" if cut else "imaging.damaged") from None
