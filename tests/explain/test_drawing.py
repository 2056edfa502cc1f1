"""A heatmap lies where the evidence is, whatever was done to the scan on its way into the network."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from medcls.core.prediction import Heatmap
from medcls.errors import BadModel, BadTask, MedclsError
from medcls.explain.drawing import draw, explain, open_scan, predict_and_explain
from medcls.imaging.decode import read_scan
from tests.explain.planted import Spots, brightest, model, scan


@pytest.mark.parametrize("fit", ["pad", "crop", "stretch"])
@pytest.mark.parametrize("size_px", [(64, 64), (64, 96), (120, 64), (192, 128)])
@pytest.mark.parametrize("thinning", ["padded", "patches"])
def test_planted_evidence_lands_within_a_pixel(fit: str, size_px: tuple[int, int], thinning: str) -> None:
    """Crop, padding and resize are undone: the brightest place lies on the spot, to a pixel of the coarser grid."""
    made = model(Spots(thinning), fit=fit)
    height, width = size_px
    down, right, top, left = placement(fit, height, width)
    cell = 24 if thinning == "padded" else 27.5  # the middle of what cell 3 sees
    row, column = round((cell + 0.5 - top) / down - 0.5), round((cell + 0.5 - left) / right - 0.5)
    radius_px = max(2, round(2 / min(down, right)))
    values = explain(made, scan(("red", row, column), size_px=size_px, radius_px=radius_px), "red", "hirescam").values
    found = np.subtract(brightest(np.nan_to_num(values)), (row, column)) * (down, right)
    assert np.abs(found).max() <= 1


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


def test_turned_photograph_gives_the_upright_map() -> None:
    """EXIF orientation 6: the file's pixels lie on their side, the map lies on the upright scan."""
    upright = (scan(("red", 16, 40), size_px=(48, 64)).pixels * 255).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90 degrees clockwise
    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(np.rot90(upright))).save(out, "PNG", exif=exif)
    turned = read_scan(out.getvalue())
    assert turned.size_px == (48, 64)
    found = explain(model(), turned, "red", "hirescam").values
    assert np.array_equal(found, explain(model(), scan(("red", 16, 40), size_px=(48, 64)), "red", "hirescam").values)


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

    from medcls.classifier import Ensemble

    one, two = model(Spots("padded")), model(Spots("patches"))
    made = Ensemble(dataclasses.replace(one.card, id="both", members=("one", "two")), (one, two))
    picture = scan(("red", 24, 24))
    prediction, heatmap = predict_and_explain(made, picture)
    singles = [explain(member, picture, "red").values for member in (one, two)]
    mean = np.mean(singles, axis=0)
    assert isinstance(heatmap, Heatmap)
    assert prediction.model == heatmap.model == "both"
    assert np.allclose(heatmap.values, mean / mean.max())
    with pytest.raises(BadModel, match="one, two"):
        open_scan(made, picture)
