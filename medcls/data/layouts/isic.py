"""Tables of the ISIC challenges 2017 to 2020, HAM10000 and the ISIC archive as published, read as melanoma or not.

References:
    Tschandl et al., The HAM10000 dataset, Scientific Data 5, 2018.
    Codella et al., Skin lesion analysis toward melanoma detection, arXiv 1710.05006 (2017) and 1902.03368 (2018).
    Rotemberg et al., A patient-centric dataset of images and metadata, Scientific Data 8, 2021 (ISIC 2020).
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from medcls.data.layouts.columns import mark_of, number_of
from medcls.data.tables import Table
from medcls.data.vocabulary import fold

TASK, MELANOMA, NOT = "skin-melanoma", "melanoma", "not-melanoma"
LABELS = (NOT, MELANOMA)
# Diagnoses as HAM10000 and the ISIC archive write them, codes and names; another word says nothing we may count on.
_NOT_MELANOMA = (
    "akiec",
    "bcc",
    "bkl",
    "df",
    "nv",
    "vasc",
    "scc",
    "nevus",
    "basal cell carcinoma",
    "actinic keratosis",
    "benign keratosis",
    "dermatofibroma",
    "vascular lesion",
    "squamous cell carcinoma",
    "seborrheic keratosis",
    "melanocytic nevi",
    "melanocytic nevus",
    "benign keratosis like lesions",
    "actinic keratoses",
    "actinic keratoses and intraepithelial carcinoma",
    "vascular lesions",
)
DIAGNOSES: Mapping[str, str] = MappingProxyType(
    {"mel": MELANOMA, "melanoma": MELANOMA} | dict.fromkeys(_NOT_MELANOMA, NOT)
)
_ID = re.compile(r"(ISIC|HAM|IL)_\w*\d+\w*", re.IGNORECASE)
_CODES = frozenset(["mel", "nv", "bcc", "akiec", "ak", "bkl", "df", "vasc", "scc", "unk"])
Row = Mapping[str, str]


def plain_name(column: str) -> str:
    """Return a column's name in lower case, without what older downloads of the archive put before it.

    Example:
        >>> plain_name("meta.clinical.benign_malignant"), plain_name("Image_Name ")
        ('benign_malignant', 'image_name')
    """
    return column.strip().casefold().rpartition("meta.")[2].removeprefix("clinical.").removeprefix("acquisition.")


def label_rule(table: Table, path: str) -> tuple[str, Callable[[Row], str | None], tuple[str, ...]] | None:
    """Return how an ISIC table says melanoma: the layout's name, a rule from a row to its label, the columns it reads.

    Args:
        table: A table.
        path: Its column of image ids.

    Returns:
        None if it is no such table. A row's cells stand under the columns' names in lower case.
    """
    has = {plain_name(name) for name in table.header}
    if {"lesion_id", "image_id", "dx"} <= has:
        return "ham10000", lambda row: DIAGNOSES.get(" ".join(row["dx"].casefold().replace("-", " ").split())), ("dx",)
    ids = [cell for cell in table.column(path)[:200] if cell]
    if not ids or sum(bool(_ID.match(cell.rpartition("/")[2])) for cell in ids) < 0.8 * len(ids):
        return None
    cells = {cell for name in table.header if plain_name(name) in _CODES for cell in table.column(name)}
    rule = _rule(has, mark_of if {mark_of(cell) for cell in cells} <= {0.0, 1.0} else number_of)
    return ("isic", *rule) if rule else None


def _rule(
    has: set[str], mark: Callable[[str], float | None]
) -> tuple[Callable[[Row], str | None], tuple[str, ...]] | None:
    """Return the rule for a table with these columns, whose cells of codes are read by `mark`; and those it reads."""
    codes = tuple(sorted(has & _CODES))
    if {"mel", "nv"} <= set(codes):
        return _one_hot(codes, mark), codes
    if "melanoma" in has:
        return lambda row: _of_number(row["melanoma"]), ("melanoma",)
    if {"image_name", "target"} <= has:
        return lambda row: _of_number(row["target"]), ("target",)
    told = tuple(sorted(name for name in has if re.fullmatch(r"diagnosis|(diagnosis|iddx)_(\d|full)", name)))
    return (lambda row: _of_diagnoses(row, told), told) if told else None


def _one_hot(codes: tuple[str, ...], mark_in: Callable[[str], float | None]) -> Callable[[Row], str | None]:
    def label(row: Row) -> str | None:
        marks = {code: mark_in(row[code]) or 0.0 for code in codes}
        if not set(marks.values()) <= {0.0, 1.0}:
            return None  # probabilities are no diagnosis
        said = [code for code, mark in marks.items() if mark]
        return None if len(said) != 1 or said == ["unk"] else MELANOMA if said == ["mel"] else NOT

    return label


def _of_number(cell: str) -> str | None:
    number = number_of(cell)
    return None if number is None else {1.0: MELANOMA, 0.0: NOT}.get(number)


def _of_diagnoses(row: Row, told: tuple[str, ...]) -> str | None:
    """Label a row by its diagnoses, the finest first; benign is no melanoma, malignant alone says too little."""
    said = [fold(row[name]) for name in told if row[name].strip()]
    malignancy = fold(row.get("benign_malignant", ""))
    if "benign" in said or malignancy == "benign":
        return NOT
    if any("melanoma" in text.split() and not text.startswith("no ") for text in said):
        return MELANOMA
    if any(text in DIAGNOSES for text in said):
        return NOT
    named = [text for text in said if not text.startswith(("malignant", "indeterminate", "unknown", "other"))]
    return NOT if named and ("malignant" in said or malignancy == "malignant") else None
