"""Heatmaps as pages and commands ask for them."""

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from medcls.core.scan import Scan
from medcls.errors import BadModel, BadScan
from medcls.exits import leave
from medcls.imaging.picture import to_png
from medcls.models.mean import Mean
from medcls.workflows import explain, viewer
from tests.explain.planted import Spots, model, scan

PICTURE = scan(("red", 24, 24), ("blue", 40, 40))


def test_many_share_one_pass_and_failures_stay_apart() -> None:
    """For each method each label, in order; what cannot be drawn comes with its reason and the rest go on."""
    drawn = explain.draw_many(PICTURE, model(), ["red", "blue"], ["gradcam", "cam", "nocam"])
    assert [(d.request.method, d.request.label) for d in drawn] == [
        (m, n) for m in ("gradcam", "cam", "nocam") for n in ("red", "blue")
    ]
    assert [d.heatmap.ok for d in drawn] == [True, True, True, True, False, False]
    assert all(d.request.layer == "thin" for d in drawn)
    one = explain.draw_one(PICTURE, model(), explain.HeatmapRequest("red", "gradcam"))
    assert np.array_equal(drawn[0].heatmap.get().values, one.values)


def test_answer_and_heatmap_come_together() -> None:
    view = viewer.open_pass(PICTURE, one := model())
    heatmap = explain.draw_one(PICTURE, one, explain.HeatmapRequest("blue"), view=view)
    assert view.prediction.prob.argmax() in (0, 1)
    assert heatmap.label == "blue"
    assert np.array_equal(heatmap.values, explain.draw_one(PICTURE, one, explain.HeatmapRequest("blue")).values)


def test_unknown_layer_is_an_error() -> None:
    with pytest.raises(BadModel):
        explain.draw_many(PICTURE, model(), ["red"], layers=["nowhere"])


def test_describe_says_what_is_shown() -> None:
    """In words: the method, the label, how coarse; nothing found is said as that; a patch is said to be small."""
    large = Scan(np.kron(PICTURE.pixels, np.ones((4, 4, 1), np.float32)), "0" * 64)
    told = explain.describe(explain.draw_one(large, model(), explain.HeatmapRequest("red")), "Red", large)
    assert "Grad-CAM" in told
    assert "Red" in told
    assert "8 x 8 cells" in told
    assert "32 px wide" in told
    assert "coarse" in explain.describe(
        explain.draw_one(PICTURE, model(), explain.HeatmapRequest("red")), "Red", PICTURE
    )
    assert "no evidence for Red anywhere" in explain.describe(
        explain.draw_one(scan(), model(), explain.HeatmapRequest("red")), "Red", scan()
    )
    assert "the same for Red as for the others" in explain.describe(
        explain.draw_one(large, model(), explain.HeatmapRequest("red", "eigencam")), "Red", large
    )


def test_several_are_described_by_their_cells() -> None:
    large = Scan(np.kron(PICTURE.pixels, np.ones((4, 4, 1), np.float32)), "0" * 64)
    coarse, fine = (
        explain.draw_one(large, model(), explain.HeatmapRequest("red", method)) for method in ("gradcam", "fullgrad")
    )
    assert "about 32 px wide" in explain.describe_many([coarse, coarse], large)
    assert "about 4 to 32 px wide" in explain.describe_many([coarse, fine], large)
    assert "coarse" in explain.describe_many(
        [explain.draw_one(PICTURE, model(), explain.HeatmapRequest("red"))], PICTURE
    )
    assert explain.describe_many([explain.draw_one(scan(), model(), explain.HeatmapRequest("red"))], scan()) == ""


def test_ensemble_is_drawn_as_a_whole_and_tested_by_its_networks() -> None:
    one, two = model(Spots("padded")), model(Spots("patches"))
    both = Mean(dataclasses.replace(one.card, id="both", members=("one", "two")), (one, two))
    drawn = explain.draw_many(PICTURE, both, ["red", "blue"], ["gradcam", "hirescam"])
    assert [d.heatmap.error for d in drawn] == [None] * 4
    assert {d.request.layer for d in drawn} == {"members' last"}
    assert np.array_equal(
        drawn[0].heatmap.get().values, explain.draw_one(PICTURE, both, explain.HeatmapRequest("red")).values
    )
    assert "mean of several networks' heatmaps" in explain.describe(drawn[0].heatmap.get(), "Red", PICTURE)
    assert explain.networks_of(both) == (one, two)
    assert explain.networks_of(one) == (one,)
    with pytest.raises(BadModel, match="one, two"):
        explain.draw_many(PICTURE, both, ["red"], layers=["thin"])


def test_captioned_picture_holds_the_plain_one() -> None:
    heatmap = explain.draw_one(PICTURE, model(), explain.HeatmapRequest("red"))
    plain, captioned = (
        Image.open(
            io.BytesIO(leave("drawing", explain.export(PICTURE, heatmap, explain.Paint(), wanted), "record").data)
        )
        for wanted in (False, True)
    )
    assert plain.size == (64, 64)
    assert np.array_equal(np.asarray(captioned)[:64, :64], np.asarray(plain))
    assert captioned.text == plain.text
    assert captioned.size[1] > 64


def test_mask_is_read_or_refused() -> None:
    white = np.zeros((64, 64), np.float32)
    white[10:20, 30:40] = 1
    assert np.array_equal(explain.read_mask(to_png(white), PICTURE), white > 0.5)
    for wrong in (np.zeros((64, 64), np.float32), np.ones((64, 64), np.float32), white[:32]):
        with pytest.raises(BadScan, match="mask"):
            explain.read_mask(to_png(wrong), PICTURE)


def test_checks_take_a_mask() -> None:
    mask = np.zeros((64, 64), bool)
    mask[18:31, 18:31] = True
    checks = explain.check_heatmap(PICTURE, model(), explain.HeatmapRequest("red", "hirescam"), mask)
    assert checks[-1].name == "mask"
    assert checks[-1].numbers["hit"] == 1


def test_methods_are_listed_without_torch() -> None:
    import subprocess
    import sys

    code = "import sys; from medcls.workflows import explain; print(len(explain.METHODS), 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split() == [
        "12",
        "False",
    ]
