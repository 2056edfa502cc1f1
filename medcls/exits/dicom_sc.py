"""Secondary Capture: the scan with what was marked on it, the heatmap beside it, the notice burned into both.

References:
    DICOM PS3.3 A.8.4, Secondary Capture Image.
"""

import numpy as np
from highdicom import UID, CoordinateSystemNames
from highdicom.sc import SCImage

from medcls.exits.case import Case, Mode
from medcls.exits.pictures import SIDE_PX, heatmap_picture, scan_picture
from medcls.exits.study import alone, dated, source_of, uid, usable, written


def make(case: Case, mode: Mode) -> bytes:
    """Return the pictures of a case as a DICOM file, in the source's study or in one of its own.

    Args:
        case: The case, having passed the gate.
        mode: `record` or `others`.

    Raises:
        BadScan: If the source's header cannot be read again, or holds a value that no object may hold.
    """
    with usable():
        return written(capture(case, mode))


def capture(case: Case, mode: Mode) -> SCImage:
    """Return the Secondary Capture of a case."""
    source = source_of(case, mode)
    options = {
        "pixel_array": _picture(case),
        "photometric_interpretation": "RGB",
        "bits_allocated": 8,
        "coordinate_system": CoordinateSystemNames.PATIENT,
        "patient_orientation": ("L", "P"),
        **alone(case, mode, "capture", 9001),
    }
    if source is not None:
        made = SCImage.from_ref_dataset(ref_dataset=source.header, **options)
    else:
        made = SCImage(study_instance_uid=UID(uid(case, mode, "study")), **_person(case), **options)
    made.ImageType = ["DERIVED", "SECONDARY"]
    made.PatientOrientation = None
    made.Laterality = str(source.header.get("Laterality") or "") if source else ""
    made.BurnedInAnnotation = "YES"
    made.SeriesDescription = "medcls, research use"
    made.DerivationDescription = "Scan with an algorithm's evidence drawn over it; research use, not for diagnosis"
    return dated(made, case)


def scale_of(case: Case) -> float:
    """Return how much larger the scan is in the capture than in its own pixels."""
    return SIDE_PX / max(case.scan.size_px)


def _picture(case: Case) -> np.ndarray:
    scan, heatmap = scan_picture(case), heatmap_picture(case)
    return scan if heatmap is None else np.concatenate([scan, heatmap], axis=1)


def _person(case: Case) -> dict[str, object]:
    """Return what a study of its own says of the patient, as it was entered."""
    person = case.person
    return {
        "patient_id": person.id,
        "patient_name": _name(person.name),
        "patient_birth_date": person.birth_date.replace("-", ""),
        "patient_sex": person.sex,
        "accession_number": person.accession,
        "study_id": "",
        "study_date": case.made_at.date(),
        "study_time": case.made_at.time().replace(microsecond=0, tzinfo=None),
        "referring_physician_name": "",
    }


def _name(typed: str) -> str:
    """Return a name as DICOM writes it, family name first: the first word, then the others (PS3.5 6.2.1.1)."""
    family, _, given = typed.strip().partition(" ")
    return f"{family}^{given.strip()}" if family else ""
