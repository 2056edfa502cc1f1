"""A heatmap lies where the evidence is, whatever was done to the scan on its way into the network."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from medcls.core.prediction import Heatmap
from medcls.core.scan import Scan
from medcls.errors import BadModel, BadTask, MedclsError
from medcls.explain import METHODS
from medcls.explain.drawing import draw, explain, open_scan, predict_and_explain
from medcls.imaging.decode import read_scan
from medcls.models.mean import Mean
from medcls.models.predictor import Predictor
from tests.explain.planted import Spots, brightest, model, scan


def missed(
    made: Predictor, picture: Scan, spot: tuple[int, int], down: float = 1, right: float = 1
) -> dict[str, float]:
    """Draw a scan by every method; give those whose brightest place lies more than a pixel of the coarser grid off the spot."""
    view, off = open_scan(made, picture), {}
    for method in METHODS:
        values = draw(view, "red", method).values
        assert values.shape == picture.size_px
        level = 0.5 if method == "fullgrad" else 1 - 1e-6  # FullGrad draws pixels, not cells: the whole spot is bright
        far = float(
            np.abs(np.subtract(brightest(np.nan_to_num(values), level), spot) * (min(1, down), min(1, right))).max()
        )
        off |= {method: far} if far > 1 else {}
    return off


@pytest.mark.parametrize("fit", ["pad", "crop", "stretch"])
@pytest.mark.parametrize("size_px", [(64, 64), (64, 96), (120, 64), (192, 128)])
@pytest.mark.parametrize("thinning", ["padded", "patches"])
def test_planted_evidence_lands_within_a_pixel(fit: str, size_px: tuple[int, int], thinning: str) -> None:
    """Crop, padding and resize are undone, by every method: the brightest place lies on the spot."""
    made = model(Spots(thinning), fit=fit)
    height, width = size_px
    down, right, top, left = placement(fit, height, width)
    cell = 24 if thinning == "padded" else 27.5  # the middle of what cell 3 sees
    row, column = round((cell + 0.5 - top) / down - 0.5), round((cell + 0.5 - left) / right - 0.5)
    picture = scan(("red", row, column), size_px=size_px, radius_px=max(2, round(2 / min(down, right))))
    assert missed(made, picture, (row, column), down, right) == {}


def test_planted_evidence_lands_within_a_pixel_of_a_cleaned_scan() -> None:
    """The contour crop cuts the black away: what it cut is put back on, by every method."""
    picture = np.zeros((140, 120, 3), np.float32)
    picture[30:94, 20:84, 1] = 1  # green: means nothing to the network, is bright to the contour
    row, column = 30 + 24, 20 + 40
    picture[row - 2 : row + 3, column - 2 : column + 3] = (1, 0, 0)
    made = model(cleaning=("contour-crop",))
    whole = Scan(picture, "0" * 64)
    assert open_scan(made, whole).box.source[2] < 80, "the crop must have cut something"
    assert missed(made, whole, (row, column)) == {}


# How a camera that was turned stores what is to be shown upright.
_STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("orientation", _STORED)
def test_planted_evidence_lands_within_a_pixel_of_a_turned_photograph(orientation: int) -> None:
    """EXIF's eight orientations: by every method the map lies on the upright scan."""
    upright = Image.fromarray((scan(("red", 16, 40), size_px=(48, 64)).pixels * 255).astype(np.uint8))
    turn, exif, out = _STORED[orientation], Image.Exif(), io.BytesIO()
    exif[0x0112] = orientation
    (upright if turn is None else upright.transpose(turn)).save(out, "PNG", exif=exif)
    turned = read_scan(out.getvalue())
    assert turned.size_px == (48, 64)
    assert missed(model(), turned, (16, 40)) == {}


def placement(fit: str, height: int, width: int) -> tuple[float, float, float, float]:
    """By hand: pixels of the square per pixel of the scan (down, right), and where its top left corner goes."""
    if fit == "stretch":
        return 64 / height, 64 / width, 0, 0
    side = max(height, width) if fit == "pad" else min(height, width)
    share = 64 / side
    return share, share, (64 - share * height) / 2, (64 - share * width) / 2


def test_outside_the_crop_is_nothing() -> None:
    values = explain(model(fit="crop"), scan(("red", 32, 80), size_px=(64, 160)), "red").values
    assert np.isnan(values[:, :48]).all()
    assert np.isnan(values[:, 112:]).all()
    assert np.isfinite(values[:, 48:112]).all()


def test_peak_is_kept_in_the_methods_own_unit() -> None:
    """The class activation map's peak is a logit's share; four times the evidence has four times the peak."""
    one, four = scan(("red", 24, 24)), scan(("red", 24, 24))
    four = type(four)(four.pixels * 1.0, four.sha256)
    weak = type(one)(one.pixels * 0.625, one.sha256)  # 0.625 - 0.5 is a quarter of 1 - 0.5
    peaks = [explain(model(), s, "red", "cam").peak for s in (weak, four)]
    assert peaks[1] == pytest.approx(4 * peaks[0], rel=0.05)
    assert explain(model(), four, "red", "cam").values.max() == pytest.approx(1)


def test_one_pass_gives_answer_and_heatmap() -> None:
    made, picture = model(), scan(("blue", 24, 24))
    prediction, heatmap = predict_and_explain(made, picture)
    assert np.array_equal(prediction.logits, made.predict(picture).logits)
    assert heatmap.label == prediction.top == "blue"
    assert (heatmap.model, heatmap.method, heatmap.layer, heatmap.grid_px) == ("made", "gradcam", "thin", (8, 8))


def test_network_runs_once() -> None:
    """Counted in the network's first layer: answer and heatmap together cost one pass."""

    class Counting(Spots):
        def forward_features(self, x: torch.Tensor) -> torch.Tensor:
            passes.append(1)
            return super().forward_features(x)

    passes: list[int] = []
    made, picture = model(Counting()), scan(("red", 24, 24))
    explain(made, picture)  # the first also finds out where the cells lie
    passes.clear()
    predict_and_explain(made, picture)
    assert len(passes) == 1


@pytest.mark.parametrize(
    ("label", "method", "layer", "error"),
    [("green", "gradcam", None, BadTask), ("red", "nocam", None, MedclsError), ("red", "gradcam", "layer4", BadModel)],
)
def test_unknown_names_are_said(label: str, method: str, layer: str | None, error: type[MedclsError]) -> None:
    with pytest.raises(error):
        explain(model(), scan(), label, method, layer)


def test_method_that_gives_no_number_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Never a stand-in picture."""
    made = model()
    view = open_scan(made, scan(("red", 24, 24)))
    view.opened._gradients[0] = np.full((1, 2, 8, 8), np.nan, np.float32)
    with pytest.raises(MedclsError, match="not numbers"):
        draw(view, "red", "gradcam")


def test_ensemble_shows_the_mean_of_its_members() -> None:
    import dataclasses

    one, two = model(Spots("padded")), model(Spots("patches"))
    made = Mean(dataclasses.replace(one.card, id="both", members=("one", "two")), (one, two))
    picture = scan(("red", 24, 24))
    prediction, heatmap = predict_and_explain(made, picture)
    singles = [explain(member, picture, "red").values for member in (one, two)]
    mean = np.mean(singles, axis=0)
    assert isinstance(heatmap, Heatmap)
    assert prediction.model == heatmap.model == "both"
    assert np.allclose(heatmap.values, mean / mean.max())
    with pytest.raises(BadModel, match="one, two"):
        open_scan(made, picture)
