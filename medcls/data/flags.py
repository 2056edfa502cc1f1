"""Pictures that stand out by themselves: masks, blank frames, burned-in marks, odd colours and sizes."""

import re

import numpy as np

from medcls.data.index import Index

_MASK_NAME = re.compile(r"(mask|segmentation|groundtruth|ground_truth)(_?\d+)?\.\w+$", re.IGNORECASE)
_BLANK, _MARKED = 0.015, 3


def flag_pictures(index: Index) -> None:
    """Note in an index which rows are masks (`mask`), `blank`, marked (`marks`), of odd `colour` or odd `size`."""
    descriptors = index.descriptors()
    contrast, colour = descriptors["contrast"], descriptors["colour"]
    named = np.array([bool(_MASK_NAME.search(str(name).rsplit("/", 1)[-1])) for name in index.column("id")], bool)
    masks = named | ((descriptors["bits"] <= 1.01) & (contrast > 0.02))
    blank = (contrast < _BLANK) & ~masks
    far = np.abs(colour - np.median(colour))
    chosen = (
        ("mask", masks, contrast),
        ("blank", blank, -contrast),
        ("marks", (descriptors["marks"] >= _MARKED) & ~masks, descriptors["marks"]),
        ("colour", _odd_colour(colour) & ~masks & ~blank, far),
        ("size", _odd_size(index) & ~masks, np.zeros(len(descriptors))),
    )
    for kind, which, score in chosen:
        rows = np.flatnonzero(which)
        index.flag(kind, rows, score[rows])


def _odd_colour(colour: np.ndarray) -> np.ndarray:
    """Find coloured pictures among grey ones, or grey ones among coloured."""
    middle = np.median(colour)
    if middle < 0.005:
        return colour > 0.01
    return colour < 0.001 if middle > 0.2 else np.zeros(len(colour), bool)


def _odd_size(index: Index) -> np.ndarray:
    """Find sizes that stand out: other than nearly all, or far from what is usual in area or shape."""
    height, width = index.column("height").astype(float), index.column("width").astype(float)
    _, of, counts = np.unique(np.stack([height, width], 1), axis=0, return_inverse=True, return_counts=True)
    if counts.max() >= 0.9 * len(height):
        return np.asarray(of).ravel() != counts.argmax()
    odd = np.zeros(len(height), bool)
    for value in (np.log(height * width), np.log(height / width)):
        spread = 1.4826 * np.median(np.abs(value - np.median(value)))
        odd |= np.abs(value - np.median(value)) > max(5 * spread, np.log(2))
    return odd
