"""Where scans come from beside a drop, and where results go back to: DICOM listener, watched folder, DICOMweb."""
