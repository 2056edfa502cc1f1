"""Which parts of a DICOM file are read at all. Whatever names or describes a patient is skipped, not deleted later."""

from pydicom.datadict import tag_for_keyword

from medcls.core.task import Modality

# Everything medcls ever asks of a DICOM file. No name, date, place, number or free text is among them.
WANTED = (
    "SOPClassUID",
    "ImageType",
    "Modality",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
    "FloatPixelPaddingValue",
    "FloatPixelPaddingRangeLimit",
    "DoubleFloatPixelPaddingValue",
    "DoubleFloatPixelPaddingRangeLimit",
    "PixelAspectRatio",
    "PresentationLUTShape",
    "PresentationLUTSequence",
    "ICCProfile",
    "ColorSpace",
    "OpticalPathSequence",
    "TotalPixelMatrixRows",
    "TotalPixelMatrixColumns",
    "BurnedInAnnotation",
    "PixelSpacing",
    "ImagerPixelSpacing",
    "NominalScannedPixelSpacing",
    "RescaleIntercept",
    "RescaleSlope",
    "ModalityLUTSequence",
    "WindowCenter",
    "WindowWidth",
    "VOILUTFunction",
    "VOILUTSequence",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    "SequenceOfUltrasoundRegions",
    "RedPaletteColorLookupTableDescriptor",
    "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor",
    "RedPaletteColorLookupTableData",
    "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData",
    "SegmentedRedPaletteColorLookupTableData",
    "SegmentedGreenPaletteColorLookupTableData",
    "SegmentedBluePaletteColorLookupTableData",
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
    "PixelData",
    "FloatPixelData",
    "DoubleFloatPixelData",
)

# Where drawings laid over a picture lie: sixteen groups (PS3.3 C.9.2). Only their size and place are looked at.
OVERLAY_GROUPS = range(0x6000, 0x6020, 2)

_MODALITIES: dict[str, Modality] = {
    **dict.fromkeys(("US", "IVUS", "BDUS"), "ultrasound"),
    **dict.fromkeys(("SM", "GM"), "histology"),
    **dict.fromkeys(("XC", "ES", "DMS"), "dermoscopy"),
    **dict.fromkeys(("DX", "CR", "MG", "RG", "RF", "XA", "PX", "IO"), "radiograph"),
}


def wanted_tags() -> list[int]:
    """Return the tags of `WANTED`, for pydicom's `specific_tags`."""
    named = [tag for keyword in WANTED if (tag := tag_for_keyword(keyword)) is not None]
    return named + [group << 16 | element for group in OVERLAY_GROUPS for element in (0x0010, 0x0102)]


def modality_of(code: object) -> Modality | None:
    """Return the modality a DICOM code stands for.

    Args:
        code: Value of (0008,0060), whatever its type.

    Returns:
        `other` for a code without a word of ours; None if there is no code.

    Example:
        >>> modality_of("US"), modality_of("CT"), modality_of(None)
        ('ultrasound', 'other', None)
    """
    text = str(code or "").strip().upper()
    return _MODALITIES.get(text, "other") if text else None
