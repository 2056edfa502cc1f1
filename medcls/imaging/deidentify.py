"""Which parts of a DICOM file are read at all. Whatever names or describes a patient is skipped, not deleted later."""

from pydicom.datadict import tag_for_keyword

from medcls.core.task import Modality

# Everything medcls ever asks of a DICOM file. No name, date, place, number or free text is among them.
WANTED = (
    "Modality", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames", "Rows",
    "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelPaddingValue",
    "SmallestImagePixelValue", "BurnedInAnnotation", "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing",
    "RescaleIntercept", "RescaleSlope", "ModalityLUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction",
    "VOILUTSequence", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
    "SequenceOfUltrasoundRegions", "RedPaletteColorLookupTableDescriptor", "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor", "RedPaletteColorLookupTableData", "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData", "SegmentedRedPaletteColorLookupTableData",
    "SegmentedGreenPaletteColorLookupTableData", "SegmentedBluePaletteColorLookupTableData", "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths", "PixelData", "FloatPixelData", "DoubleFloatPixelData",
)  # fmt: skip

_MODALITIES: dict[str, Modality] = {
    **dict.fromkeys(("US", "IVUS", "BDUS"), "ultrasound"),
    **dict.fromkeys(("SM", "GM"), "histology"),
    **dict.fromkeys(("XC", "ES", "DMS"), "dermoscopy"),
    **dict.fromkeys(("DX", "CR", "MG", "RG", "RF", "XA", "PX", "IO"), "radiograph"),
}


def wanted_tags() -> list[int]:
    """Give the tags of `WANTED`, for pydicom's `specific_tags`."""
    return [tag for keyword in WANTED if (tag := tag_for_keyword(keyword)) is not None]


def modality_of(code: object) -> Modality | None:
    """Give the modality a DICOM code stands for.

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
