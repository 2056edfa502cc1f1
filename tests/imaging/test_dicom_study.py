"""Which DICOM files belong to one study, told apart without its number."""

import numpy as np

from medcls.imaging.dicom_study import study_of
from medcls.imaging.phantom import phantom
from tests.imaging.dicom_files import dicom

PIXELS = np.zeros((16, 16), np.uint8)


def test_files_of_one_study_are_alike_and_others_not() -> None:
    one, two = dicom(PIXELS, StudyInstanceUID="1.2.3"), dicom(PIXELS + 1, StudyInstanceUID="1.2.3")
    other = dicom(PIXELS, StudyInstanceUID="1.2.4")
    assert study_of(one) == study_of(two) != ""
    assert study_of(other) not in ("", study_of(one))
    assert "1.2.3" not in study_of(one)


def test_what_has_no_study_has_none() -> None:
    assert study_of(dicom(PIXELS)) == ""
    assert study_of(phantom("breast-ultrasound", "benign", 1)) == ""
    assert study_of(b"nothing") == ""
