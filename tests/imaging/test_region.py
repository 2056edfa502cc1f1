"""A drawn region as a mask."""

import math

import pytest

from medcls.errors import BadScan
from medcls.imaging.region import mask_of

SIZE = (60, 100)


def region(kind: str, *points: tuple[float, float]) -> dict:
    return {"kind": kind, "points": [list(p) for p in points]}


def test_a_box_covers_its_pixels() -> None:
    mask = mask_of(region("box", (10, 20), (30, 25)), SIZE)
    assert mask.sum() == 20 * 5
    assert mask[20:25, 10:30].all()


def test_corners_come_in_any_order() -> None:
    assert (mask_of(region("box", (30, 25), (10, 20)), SIZE) == mask_of(region("box", (10, 20), (30, 25)), SIZE)).all()


def test_an_ellipse_has_its_area_and_an_outline_its_own() -> None:
    ellipse = mask_of(region("ellipse", (10, 10), (70, 50)), SIZE)
    assert ellipse.sum() == pytest.approx(math.pi * 30 * 20, rel=0.01)
    assert mask_of(region("outline", (10, 10), (70, 10), (70, 50)), SIZE).sum() == pytest.approx(
        1200, rel=0.08
    )  # the border counts


def test_what_lies_outside_the_scan_is_cut_off() -> None:
    assert mask_of(region("box", (-50, -50), (5, 5)), SIZE).sum() == 25


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"kind": "star", "points": [[0, 0], [1, 1]]},
        region("box", (1, 1)),
        region("outline", (1, 1), (2, 2)),
        {"kind": "box", "points": "ab"},
        {"kind": "box", "points": [[0, float("nan")], [5, 5]]},
        {"kind": "box", "points": [[0, 0, 0], [5, 5]]},
        {"kind": "box", "points": [["0", 0], [5, 5]]},
        {"kind": "box", "points": [[1e9, 0], [5, 5]]},
        {"kind": "outline", "points": [[0, 0]] * 20_001},
    ],
)
def test_what_a_browser_may_send_is_checked(wrong: dict) -> None:
    with pytest.raises(BadScan) as error:
        mask_of(wrong, SIZE)
    assert error.value.code == "imaging.wrong-region"


def test_a_region_without_a_pixel_is_refused() -> None:
    with pytest.raises(BadScan) as error:
        mask_of(region("box", (200, 200), (300, 300)), SIZE)
    assert error.value.code == "imaging.empty-region"
