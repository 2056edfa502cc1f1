"""CVAT's XML of a whole set: its images, with what is drawn in each, its tags and their attributes."""

from xml.etree import ElementTree

Rows = list[list[str]]
MARK = "<annotations"


def rows_of_cvat(text: str) -> Rows:
    """Return CVAT's images as a table with their header first: a row for each label, and value of its attributes.

    Where one class alone is drawn (`lesion`), its attributes tell, not the class.

    Args:
        text: The whole document. One of another kind, or damaged, has no rows.

    Example:
        >>> rows_of_cvat('<annotations><image name="a.png"><box label="benign"/></image></annotations>')
        [['file', 'label'], ['a.png', 'benign']]
    """
    try:
        top = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return []
    images = [said for one in top.iter("image") if one.get("name") for said in _said(one)]
    columns = list(dict.fromkeys(name for _, _, told in images for name in told))
    alone = bool(columns) and len({label for _, label, _ in images if label}) == 1
    header = ["file", *([] if alone else ["label"]), *columns]
    rows = [[name, *([] if alone else [label]), *(told.get(c, "") for c in columns)] for name, label, told in images]
    return [header, *rows] if images else []


def _said(image: ElementTree.Element) -> list[tuple[str, str, dict[str, str]]]:
    """Return name, label and attributes of each thing drawn in an image, each once; of a bare image its name alone."""
    marks = {(mark.get("label", ""), tuple(_attributes(mark).items())): None for mark in image if mark.get("label")}
    return [(image.get("name", ""), label, dict(told)) for label, told in marks or {("", ()): None}]


def _attributes(mark: ElementTree.Element) -> dict[str, str]:
    told = ((one.get("name") or "", (one.text or "").strip()) for one in mark.findall("attribute"))
    return {name: value for name, value in told if name not in ("", "file", "label")}
