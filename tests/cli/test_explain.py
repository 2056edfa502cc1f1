"""`explain`, `explain-test` and `tissue-map` as a user types them."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from medcls.cli import main
from medcls.imaging.phantom import phantom, phantom_mask
from medcls.imaging.picture import to_png


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "Mrs Secret.png"
    path.write_bytes(phantom("breast-ultrasound", "malignant", 7, (90, 120)))
    return path


def test_explain_writes_pictures_that_say_what_they_show(capsys, tmp_path, picture, tiny_model) -> None:
    out = tmp_path / "out"
    mask = tmp_path / "mask.png"
    mask.write_bytes(to_png(phantom_mask("breast-ultrasound", "malignant", 7, (90, 120)).astype(np.float32)))
    asked = ["explain", str(picture), "--model", tiny_model.id, "--method", "gradcam", "gradcam++", "cam"]
    status = main([*asked, "--label", "malignant", "--mask", str(mask), "--out", str(out), "--json"])
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert status == 1  # `cam` does not exist for this network, and says so
    assert "HiResCAM" in rows[2]["error"]
    assert [row["method"] for row in rows] == ["gradcam", "gradcam++", "cam"]
    assert [c["name"] for c in rows[0]["checks"]][-1] in ("mask", "empty")
    for row in rows[:2]:
        shown = Image.open(io.BytesIO((out / row["picture"].split("/")[-1]).read_bytes()))
        assert shown.size == (120, 90)
        assert shown.text["Model"] == tiny_model.id
        assert shown.text["Method"] == row["method"]
    assert not [p for p in out.iterdir() if "Secret" in p.name or b"Secret" in p.read_bytes()]


def test_explain_says_what_it_could_not_read(capsys, tmp_path, picture, tiny_model) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG nothing")
    status = main(
        ["explain", str(tmp_path / "broken.png"), str(picture), "--model", tiny_model.id, "--out", str(tmp_path / "o")]
    )
    told = capsys.readouterr().out.splitlines()
    assert status == 1
    assert len(told) == 2
    assert "broken.png" in told[0]


@pytest.mark.parametrize("wrong", [["--method", "nocam"], ["--label", "green"], ["--layer", "nowhere"]])
def test_explain_refuses_what_does_not_exist(capsys, tmp_path, picture, tiny_model, wrong) -> None:
    assert main(["explain", str(picture), "--model", tiny_model.id, "--out", str(tmp_path / "o"), *wrong]) == 1
    assert "allowed" in (told := capsys.readouterr().out) or "nowhere" in told


def test_tissue_map(capsys, tmp_path, home) -> None:
    from medcls.data.collections import add_collection
    from tests.tiny import install, write_tiny

    card = install(_made(write_tiny, tmp_path), home / "weights", "breast-histology-idc--tiny--0001")
    for i, (x, y) in enumerate([(1, 1), (51, 1), (1, 51), (51, 51)]):
        folder = tmp_path / "idc" / "42" / str(i % 2)
        folder.mkdir(parents=True, exist_ok=True)
        label = ("no-idc", "idc")[i % 2]
        (folder / f"42_idx5_x{x}_y{y}_class{i % 2}.png").write_bytes(phantom("breast-histology-idc", label, i))
    add_collection(tmp_path / "idc")
    asked = [
        "tissue-map",
        "--model",
        card.id,
        "--data",
        "idc",
        "--patient",
        "42",
        "--out",
        str(tmp_path / "o"),
        "--json",
    ]
    assert main(asked) == 0
    row = json.loads(capsys.readouterr().out)
    assert row["patches"] == 4
    assert np.array(row["prob"]).shape == (2, 2)
    assert len(row["pictures"]) == 3
    assert len(list((tmp_path / "o").iterdir())) == 3
    assert main([*asked[:5], "--patient", "43", "--out", str(tmp_path / "o")]) == 2


def _made(write_tiny, tmp_path):
    write_tiny(tmp_path / "made", "breast-histology-idc")
    return tmp_path / "made"
