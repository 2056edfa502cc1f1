"""The Heatmaps page as a reader uses it, with a real model."""

import numpy as np
import pytest

from medcls.imaging.phantom import phantom, phantom_mask
from medcls.imaging.picture import to_png
from medcls.workflows import classify, explain
from medcls.workflows.ensemble import make_ensemble
from medcls.workflows.scans import read
from tests.pages.conftest import assert_sound, component, words

PAGE = "../heatmaps.py"


def png(size_px=(90, 120)) -> bytes:
    return phantom("breast-ultrasound", "malignant", 7, size_px)


def opened(open_app, *files):
    app = open_app(PAGE)
    app.file_uploader[0].set_value([(name, data, "application/octet-stream") for name, data in files])
    return app.run()


def switch(app, label: str, value: str):
    next(b for b in app.get("button_group") if b.label == label).set_value(value)
    return app.run()


def test_methods_stand_side_by_side(open_app, tiny_model) -> None:
    app = opened(open_app, ("scan.png", png()))
    assert_sound(app)
    panes = component(app, "medcls_viewer")["panes"]
    assert not panes[0]["maps"]
    assert len(panes) == 4
    assert "px wide" in words(app) or "no evidence" in words(app)
    assert app.get("download_button")


@pytest.mark.parametrize("by", ["label", "layer"])
def test_labels_and_layers_stand_side_by_side(open_app, tiny_model, by) -> None:
    app = switch(opened(open_app, ("scan.png", png())), "Side by side", by)
    assert_sound(app)
    assert len(component(app, "medcls_viewer")["panes"]) > 2


def test_models_stand_side_by_side(open_app, tiny_model, tiny_made, home) -> None:
    from tests.tiny import install

    install(tiny_made, home / "weights", "breast-ultrasound--tiny--0002")
    app = switch(opened(open_app, ("scan.png", png())), "Side by side", "model")
    assert_sound(app)
    assert len(component(app, "medcls_viewer")["panes"]) == 3


def test_a_model_that_cannot_tell_is_named_beside_one_that_can(open_app, tiny_model, tiny_made, home) -> None:
    from dataclasses import replace

    from tests.tiny import install, recast

    other = install(tiny_made, home / "weights", "breast-ultrasound--tiny--0002")
    recast(other.id, abstention=replace(other.abstention, min_prob=0.999999), name="Silent one")
    app = switch(opened(open_app, ("scan.png", png())), "Side by side", "model")
    assert_sound(app)
    assert len(component(app, "medcls_viewer")["panes"]) == 2
    assert "Silent one" in words(app)


def test_what_a_model_cannot_tell_has_a_map_only_when_asked_for(open_app, tiny_model, home) -> None:
    """As on Classify: the reason first; maps and figures behind a button, and away again."""
    from dataclasses import replace

    from tests.tiny import recast

    recast(tiny_model.id, abstention=replace(tiny_model.abstention, min_prob=0.999999))
    app = opened(open_app, ("scan.png", png()))
    assert_sound(app)
    assert [pane["maps"] for pane in component(app, "medcls_viewer")["panes"]] == [[]], "the scan alone"
    assert "cannot tell" in words(app)
    app.button(key="anyway.on").click().run()
    assert_sound(app)
    assert len(component(app, "medcls_viewer")["panes"]) == 4
    app.button(key="anyway.off").click().run()
    assert len(component(app, "medcls_viewer")["panes"]) == 1


def test_tests_are_told_in_words(open_app, tiny_model) -> None:
    app = opened(open_app, ("scan.png", png()))
    next(t for t in app.toggle if t.label == "Test these heatmaps").set_value(True)
    app.run()
    assert_sound(app)
    told = words(app)
    assert "Does it hold still?" in told
    assert "random weights" in told or "nothing to test" in told
    mask = to_png(phantom_mask("breast-ultrasound", "malignant", 7, (90, 120)).astype(np.float32))
    app.file_uploader[1].set_value(
        [("mask.png", mask, "image/png")] if app.file_uploader[1].multiple_files else ("mask.png", mask, "image/png")
    )
    app.run()
    assert_sound(app)
    assert "of the heatmap lies on it" in words(app).replace("\\", "") or "nothing to test" in words(app)


def test_networks_of_an_ensemble_are_tested_one_by_one(open_app, tiny_model, tiny_made, home) -> None:
    """The mean has no network of its own to test: each member's heatmap has its row, and the page says so."""
    from tests.tiny import install

    install(tiny_made, home / "weights", "breast-ultrasound--tiny--0002")
    both = make_ensemble([tiny_model.id, "breast-ultrasound--tiny--0002"], "Both")
    app = open_app(PAGE, model=both.id)
    app.file_uploader[0].set_value([("scan.png", png(), "image/png")]).run()
    app.multiselect[0].set_value(["gradcam"]).run()
    next(t for t in app.toggle if t.label == "Test these heatmaps").set_value(True).run()
    assert_sound(app)
    by = next(b for b in app.get("button_group") if b.label == "Side by side")
    assert "averages several networks" in by.proto.help
    assert "tested network by network" in words(app)
    (table,) = [t.value for t in app.dataframe if "Test" in t.value]
    heatmaps = [column for column in table if column != "Test"]
    assert len(heatmaps) == 2
    assert all("tiny" in title for title in heatmaps), "networks of one name are told apart by their ids"
    assert "Would a network that learned nothing draw the same?" in list(table["Test"])
    assert {mark for title in heatmaps for mark in table[title]} <= {"✓ passed", "✗ failed", "cannot tell", ""}


def test_what_was_stopped_is_said_and_can_be_drawn_after_all(open_app, tiny_model) -> None:
    """Stop in the middle of a slow method, which a click does by ending the script and noting what was still to be drawn."""
    app = opened(open_app, ("scan.png", png()))
    app.multiselect[0].set_value(["gradcam", "ablationcam"])
    card = tiny_model
    scan = read(png())
    label = classify.open_model(card.id).predict(scan).top
    layer = explain.list_layers(classify.open_model(card.id))[-1]
    app.session_state["heatmaps.stopped"] = {(scan.sha256, scan.size_px, card.json_digest, label, "ablationcam", layer)}
    app.run()
    assert_sound(app)
    told = [e.value.replace("\\", "") for e in app.error]
    assert any("Ablation-CAM" in text and "Stopped" in text for text in told)
    next(b for b in app.button if b.label == "Draw what was stopped").click().run()
    assert_sound(app)
    assert not app.error


def test_broken_file_is_said(open_app, tiny_model) -> None:
    app = opened(open_app, ("broken.png", b"\x89PNG nothing"))
    assert_sound(app)
    assert app.error


def test_patches_with_coordinates_get_their_tissue(open_app, home, tmp_path) -> None:
    from tests.tiny import install, write_tiny

    write_tiny(tmp_path / "made", "breast-histology-idc")
    install(tmp_path / "made", home / "weights", "breast-histology-idc--tiny--0001")
    places = [(1, 1), (51, 1), (1, 51), (51, 51)]
    patch = [phantom("breast-histology-idc", ("no-idc", "idc")[i % 2], i) for i in range(4)]
    app = opened(open_app, *((f"7_idx5_x{x}_y{y}_class{i % 2}.png", patch[i]) for i, (x, y) in enumerate(places)))
    assert_sound(app)
    assert "4 patches" in words(app)
    assert "coarse" in words(app)
    assert len(component(app, "medcls_viewer")["panes"]) == 3, "tissue, probability, truth"
    assert component(app, "medcls_viewer", 1)["size"] == [50, 50]
