"""Which scans were made together: the study a DICOM file belongs to, told apart without naming it."""

import hashlib
import io

from medcls.errors import MedclsError
from medcls.imaging.formats import recognise
from medcls.imaging.quiet import guarded, quiet

_TAG = "StudyInstanceUID"


def study_of(data: bytes) -> str:
    """Return a digest of a DICOM file's study, alike for files of one study; empty if it has none or is no DICOM.

    Args:
        data: The whole file. Its study's own number does not leave this function: it is the patient's.
    """
    try:
        if recognise(data) != "DICOM":
            return ""
        import pydicom

        with quiet():
            header = guarded(
                lambda: pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True, force=True, specific_tags=[_TAG])
            )
    except MedclsError:  # told where the scan is read
        return ""
    uid = str(header.get(_TAG) or "")
    return hashlib.sha256(uid.encode()).hexdigest()[:16] if uid else ""
