"""Memory that is done with, but that Python or the C library keeps."""

import ctypes
import gc


def give_back_memory() -> bool:
    """Collect garbage and hand freed memory back to the system: for threads that a server starts and ends.

    glibc keeps what each thread freed for that thread: a page that tests heatmaps would hold gigabytes afterwards.

    Returns:
        True if some was given back; False if there was none, or the C library has no such call (only glibc has).
    """
    gc.collect()
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # another C library; Windows has no handle on its own process
        return False
    return bool(trim(0))
