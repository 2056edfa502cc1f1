"""What is painted: where, how strong, in which colours; and what stands in the PNG."""

import io

import numpy as np
import pytest
from PIL import Image

from medcls.core.prediction import Heatmap
from medcls.core.scan import Scan
from medcls.explain.overlay import COLOURS, STYLES, Paint, caption, colour, paint, to_png

GREY = Scan(np.full((40, 60), 0.5, np.float32), "0" * 64)


def heatmap(values: np.ndarray, peak: float = 2.0) -> Heatmap:
    return Heatmap(values, "red", "made", "gradcam", "thin", (8, 8), peak)


def spot() -> np.ndarray:
    values = np.zeros((40, 60), np.float32)
    values[10:20, 30:40] = 1
    return values


@pytest.mark.parametrize("colours", COLOURS)
@pytest.mark.parametrize("style", STYLES)
def test_paints_where_the_evidence_is_and_nowhere_else(style: str, colours: str) -> None:
    picture = paint(GREY, heatmap(spot()), Paint(style, colours))
    changed = (picture != 128).any(2)
    assert changed[10:20, 30:40].any()
    assert not changed[:7].any()
    assert not changed[:, :27].any()


def test_opacity_and_common_scale() -> None:
    def strength(how: Paint) -> float:
        return float(np.abs(paint(GREY, heatmap(spot()), how)[15, 35].astype(float) - 128).sum())

    assert strength(Paint(opacity=0)) == 0
    assert strength(Paint(opacity=0.3)) < strength(Paint(opacity=0.9))
    assert strength(Paint(strongest=20.0)) < strength(Paint(strongest=2.0)) == strength(Paint())


def test_unseen_is_darker_and_empty_is_the_scan() -> None:
    values = np.zeros((40, 60), np.float32)
    values[:, :20] = np.nan
    picture = paint(GREY, heatmap(values, 0.0))
    assert (picture[:, 20:] == 128).all()
    assert (picture[:, :20] < 128).all()


def test_order_of_colours_survives_in_grey() -> None:
    """Brightness rises with the evidence in every table but jet: colour-blind eyes and printers see the order."""
    steps = np.linspace(0, 1, 9)
    for name in ("magma", "viridis", "cividis"):
        light = colour(steps, name).astype(float) @ [0.2126, 0.7152, 0.0722]
        assert (np.diff(light) > 0).all(), name


def test_png_has_the_scans_size_and_says_what_it_shows() -> None:
    picture = Image.open(io.BytesIO(to_png(paint(GREY, heatmap(spot())), heatmap(spot()))))
    assert picture.size == (60, 40)
    assert picture.text["Model"] == "made"
    assert picture.text["Method"] == "gradcam"
    assert picture.text["Label"] == "red"
    assert picture.text["Layer"] == "thin"
    assert picture.text["Peak"] == "2"


@pytest.mark.parametrize("width", [50, 400, 1500])
def test_caption_stands_under_the_picture_and_leaves_it_alone(width: int) -> None:
    """Written light on near-black below the last row of the scan, over its whole width, for any size of scan."""
    picture = np.full((50, width, 3), 128, np.uint8)
    shown = caption(picture, heatmap(np.zeros((50, width), np.float32)), "Grad-CAM")
    assert (shown[:50, :width] == 128).all()
    assert shown.shape[1] == max(width, 240)
    strip = shown[50:].max(2)
    assert 30 < len(strip) < 250
    assert strip.max() > 150
    assert not (strip[:, -2:] > 100).any(), "no line runs out of the strip"
    assert not (strip[-3:] > 100).any()


def test_other_sizes() -> None:
    assert paint(GREY, heatmap(spot()), side_px=120).shape == (80, 120, 3)
    colour_scan = Scan(np.zeros((40, 60, 3), np.float32), "0" * 64)
    assert paint(colour_scan, heatmap(spot()), side_px=30).shape == (20, 30, 3)
    with pytest.raises(ValueError, match="lie on"):
        paint(GREY, heatmap(np.zeros((4, 4), np.float32)))


@pytest.mark.parametrize("wrong", [{"style": "dots"}, {"colours": "rainbow"}, {"opacity": 1.5}])
def test_wrong_paint(wrong: dict) -> None:
    with pytest.raises(ValueError, match="paint"):
        Paint(**wrong)
