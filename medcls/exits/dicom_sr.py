"""Structured report: finding, probabilities, algorithm and region as codes and coordinates that a PACS can read.

References:
    DICOM PS3.16 TID 1500 (measurement report), TID 1410 and 1501 (measurement groups), TID 4019 (algorithm).
"""

from collections.abc import Iterator

import numpy as np
from highdicom import UID
from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    ComprehensiveSR,
    DeviceObserverIdentifyingAttributes,
    GraphicTypeValues,
    ImageRegion,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    QualitativeEvaluation,
    RelationshipTypeValues,
    SourceImageForMeasurementGroup,
    SourceImageForRegion,
    TextContentItem,
    TrackingIdentifier,
)
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from medcls.exits.case import Case, Mode
from medcls.exits.coding import (
    ASSESSMENT,
    ASSESSMENTS,
    CANNOT_TELL,
    COMMENT,
    HELD,
    READING,
    Code,
    check_code,
    label_code,
    probability_code,
    reading_code,
)
from medcls.exits.dicom_sc import capture, scale_of
from medcls.exits.sheet import describe_check, describe_views
from medcls.exits.study import MANUFACTURER, Source, alone, dated, source_of, uid, usable, written
from medcls.words import say

_MOST_TEXT = 10_000


def make(case: Case, mode: Mode) -> bytes:
    """Return the answer to a case as a Comprehensive SR document, in the source's study or in one of its own.

    The image it speaks of is the source file; for a file that is no DICOM, and for others, it is the Secondary
    Capture that `dicom_sc` makes of the same case.

    Args:
        case: The case, having passed the gate.
        mode: `record` or `others`.

    Raises:
        BadScan: If the source's header cannot be read again, or holds a value that no object may hold.
    """
    with usable():
        return written(_document(case, mode))


def _document(case: Case, mode: Mode) -> Dataset:
    source = source_of(case, mode)
    image = source.header if source else capture(case, mode)
    document = ComprehensiveSR(
        evidence=[image],
        content=_report(case, mode, image, source)[0],
        **alone(case, mode, "report", 9002),
        is_complete=True,
        is_final=False,
        is_verified=False,
    )
    document.SeriesDescription = "medcls, research use"
    return dated(document, case)


def _report(case: Case, mode: Mode, image: Dataset, source: Source | None) -> MeasurementReport:
    device = DeviceObserverIdentifyingAttributes(
        uid=UID(generate_uid(entropy_srcs=[case.card.id, case.model_sha256])),
        name=MANUFACTURER,
        manufacturer_name=MANUFACTURER,
        model_name=case.card.id[:64],
    )
    observer = ObserverContext(codes.DCM.Device, device)
    return MeasurementReport(
        observation_context=ObservationContext(observer_device_context=observer),
        procedure_reported=codes.SCT.ImagingProcedure,
        imaging_measurements=[_group(case, mode, image, source)],
        title=codes.DCM.ImagingMeasurementReport,
    )


def _group(case: Case, mode: Mode, image: Dataset, source: Source | None) -> Dataset:
    """Return the one group of the report: of the region the person marked, else of the whole image."""
    frames = [source.frame] if source and source.frame else None
    uids = (image.SOPClassUID, image.SOPInstanceUID)
    options = {
        "tracking_identifier": TrackingIdentifier(UID(uid(case, mode, "finding")), "answer"),
        "finding_type": _concept(_answer(case)),
        "algorithm_id": AlgorithmIdentification(
            case.card.id[:64],
            version=case.model_sha256[:64] or "unknown",
            parameters=["research use, not for diagnosis"],
            family=codes.DCM.ArtificialIntelligence,
        ),
        "measurements": list(_measurements(case)),
        "qualitative_evaluations": list(_evaluations(case)),
    }
    if case.region:
        region = ImageRegion(GraphicTypeValues.POLYLINE, _outline(case, source), SourceImageForRegion(*uids, frames))
        group = PlanarROIMeasurementsAndQualitativeEvaluations(referenced_region=region, **options)
    else:
        group = MeasurementsAndQualitativeEvaluations(
            source_images=[SourceImageForMeasurementGroup(*uids, frames)], **options
        )
    for text in _comments(case):
        item = TextContentItem(_concept(COMMENT), text[:_MOST_TEXT], RelationshipTypeValues.CONTAINS)
        group[0].ContentSequence.append(item)
    return group


def _answer(case: Case) -> Code:
    """Return what the network decided, as the coded finding."""
    task, decided = case.card.task, case.prediction.decided
    return label_code(task, task.label(decided)) if decided else CANNOT_TELL


def _measurements(case: Case) -> Iterator[Measurement]:
    """Yield each label's probability, in percent; none of a foreign scan, and of a refusal only if asked for."""
    task, p = case.card.task, case.prediction
    if p.foreign or not case.numbers:
        return
    for label_id, share in zip(p.labels, p.prob, strict=True):
        name = probability_code(task, task.label(label_id))
        yield Measurement(_concept(name), round(100 * float(share), 4), codes.UCUM.Percent)


def _evaluations(case: Case) -> Iterator[QualitativeEvaluation]:
    """Yield what the person reads, whether they stand by the answer, and what each test of the heatmap said."""
    task = case.card.task
    if case.reading.after:
        yield QualitativeEvaluation(_concept(READING), _concept(reading_code(task, case.reading.after)))
    if case.assessment:
        yield QualitativeEvaluation(_concept(ASSESSMENT), _concept(ASSESSMENTS[case.assessment]))
    for check in case.checks if case.numbers else ():
        yield QualitativeEvaluation(_concept(check_code(check)), _concept(HELD[check.holds]))


def _comments(case: Case) -> Iterator[str]:
    """Yield the notice, the answer's cautions, findings of further views, the heatmap's tests and the comment."""
    yield say("exits.stamp")
    yield from (str(note) for note in case.prediction.notes)
    yield from describe_views(case)
    yield from map(describe_check, case.checks if case.numbers else ())
    if case.reading.comment.strip():
        yield case.reading.comment


def _outline(case: Case, source: Source | None) -> np.ndarray:
    """Return the region's corners, closed, as columns and rows of the image that is spoken of.

    References:
        DICOM PS3.3 C.18.6.1.1: column and row, the top left corner of the first pixel is 0, 0.
    """
    assert case.region
    left, top, right, bottom = case.region
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom], [left, top]], float)
    if source is None:
        return corners * scale_of(case)
    first_row, first_column, last_row, last_column = source.box
    height, width = case.scan.size_px
    scale = np.array([(last_column - first_column) / width, (last_row - first_row) / height])
    return corners * scale + np.array([first_column, first_row])


def _concept(code: Code) -> CodedConcept:
    return CodedConcept(code.value, code.scheme, code.meaning)
