"""Small trees of every layout, drawn with phantoms, as the published sets lie on disk."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from medcls.imaging.phantom import phantom


def picture(label: str = "benign", seed: int = 0, task: str = "breast-ultrasound", size_px: int = 96) -> Image.Image:
    """A phantom as a picture to change."""
    return Image.open(io.BytesIO(phantom(task, label, seed, size_px)))


def save(path: Path, image: Image.Image) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def write_csv(path: Path, rows: Iterable[dict]) -> None:
    rows = list(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def mask() -> Image.Image:
    pixels = np.zeros((96, 96), bool)
    pixels[30:60, 30:60] = True
    return Image.fromarray(pixels)


def busi(root: Path, n: int = 4, first_seed: int = 0) -> Path:
    """`n` scans of each class, one with two masks."""
    folder = root / "Dataset_BUSI_with_GT"
    for k, label in enumerate(("benign", "malignant", "normal")):
        for i in range(1, n + 1):
            save(folder / label / f"{label} ({i}).png", picture(label, first_seed + 100 * k + i))
            save(folder / label / f"{label} ({i})_mask.png", mask())
    save(folder / "benign" / "benign (1)_mask_1.png", mask())
    return root


def bus_bra(root: Path, n_patients: int = 6) -> Path:
    """Two scans a patient, patients in folds 1 to 3."""
    rows, folds = [], []
    for p in range(1, n_patients + 1):
        label = "malignant" if p % 2 else "benign"
        for side in "lr":
            key = f"bus_{p:04d}-{side}"
            save(root / "BUSBRA" / "Images" / f"{key}.png", picture(label, 2 * p + (side == "r")))
            save(root / "BUSBRA" / "Masks" / f"mask_{p:04d}-{side}.png", mask())
            rows.append({"ID": key, "Case": p, "Pathology": label, "BIRADS": 4, "Device": "A", "Side": side})
            folds.append({"ID": key, "Pathology": label, "kFold": 1 + p % 3})
    write_csv(root / "BUSBRA" / "bus_data.csv", rows)
    write_csv(root / "BUSBRA" / "5-fold-cv.csv", folds)
    return root


def idc(root: Path, patients: Iterable[int] = (8863, 8864, 9023), n: int = 3) -> Path:
    """`n` patches of each class for each patient."""
    for p in patients:
        for k, label in enumerate(("no-idc", "idc")):
            for i in range(n):
                name = f"{p}_idx5_x{50 * i + 1}_y{50 * k + 1}_class{k}.png"
                save(
                    root / "IDC_regular_ps50_idx5" / str(p) / str(k) / name,
                    picture(label, p + 10 * i + k, "breast-histology-idc", 50),
                )
    return root


def idc_arrays(root: Path, n: int = 6) -> Path:
    """X.npy and Y.npy."""
    labels = np.arange(n) % 2
    names = ("no-idc", "idc")
    pictures = [
        np.asarray(picture(names[k], i, "breast-histology-idc", 50).convert("RGB")) for i, k in enumerate(labels)
    ]
    root.mkdir(parents=True, exist_ok=True)
    np.save(root / "X.npy", np.stack(pictures))
    np.save(root / "Y.npy", labels)
    return root


def ham10000(root: Path, n: int = 8) -> Path:
    """Two images a lesion, every second lesion a melanoma."""
    rows = []
    for i in range(n):
        lesion, mel = i // 2, (i // 2) % 2
        save(
            root / f"HAM10000_images_part_{1 + i % 2}" / f"ISIC_{i:07d}.jpg",
            picture("melanoma" if mel else "not-melanoma", i, "skin-melanoma"),
        )
        rows.append(
            {"lesion_id": f"HAM_{lesion}", "image_id": f"ISIC_{i:07d}", "dx": "mel" if mel else "nv", "age": 40}
        )
    save(root / "HAM10000_segmentations" / "ISIC_0000002_segmentation.png", mask())
    write_csv(root / "HAM10000_metadata.csv", rows)
    return root


def breakhis(root: Path) -> Path:
    """Two slides, two magnifications."""
    for slide, (k, folder) in (("22549AB", ("B", "benign")), ("15704", ("M", "malignant"))):
        for zoom in (40, 100):
            for i in (1, 2):
                tumour = "A" if k == "B" else "DC"
                name = f"SOB_{k}_{tumour}-14-{slide}-{zoom}-{i:03d}.png"
                save(
                    root / f"{zoom}X" / folder / name, picture("idc", len(slide) + zoom + i, "breast-histology-idc", 64)
                )
    return root


def folders(root: Path, n: int = 3) -> Path:
    """A folder per label, with awkward names."""
    for k, label in enumerate(("Not sick, really", "Sick 😷")):
        for i in range(n):
            save(root / label / f"scan {i}, <img onerror=x>.png", picture("benign", 50 * k + i))
    return root


def names(root: Path, n: int = 3) -> Path:
    """Labels in the names of the files alone."""
    for label in ("benign", "malignant"):
        for i in range(n):
            save(root / f"{label}_{i}.png", picture(label, i))
    return root


def parted(root: Path) -> Path:
    """train and test folders with a folder per label inside."""
    for k, part in enumerate(("train", "test")):
        for j, label in enumerate(("a", "b")):
            for i in range(3):
                save(root / part / label / f"{i}.png", picture("benign", 100 * k + 10 * j + i))
    return root


def table(root: Path) -> Path:
    """A csv of paths with labels and patients."""
    rows = []
    for i in range(6):
        save(root / "pictures" / f"{i}.png", picture("benign" if i % 2 else "malignant", i))
        rows.append(
            {
                "path": f"pictures/{i}.png",
                "label": "benign" if i % 2 else "malignant",
                "patient": f"p{i // 2}",
                "age": i,
            }
        )
    write_csv(root / "scans.csv", rows)
    return root


def write_dicom(path: Path, pixels: np.ndarray, patient: str) -> None:
    """A grey DICOM file of a patient."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    data.PatientID, data.PatientName, data.Modality = patient, "Secret^Name", "US"
    data.Rows, data.Columns = pixels.shape
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit, data.PixelRepresentation = 7, 0
    data.PixelData = pixels.tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True)


def dicom(root: Path, n: int = 2) -> Path:
    """A folder per label, two files a patient, nothing in the names."""
    for k, label in enumerate(("benign", "malignant")):
        for i in range(n):
            pixels = np.asarray(picture(label, 10 * k + i).convert("L"))
            write_dicom(root / label / f"IM{i:04d}", pixels, f"SECRET-{k}")
    return root
