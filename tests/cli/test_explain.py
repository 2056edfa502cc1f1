"""`explain`, `explain-test` and `tissue-map` as a user types them."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from medcls import audit
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
    asked, drawn = audit.lines()
    assert (asked.what, asked.facts["model"]) == ("classify", tiny_model.id), "the label drawn was asked of the model"
    assert (drawn.what, drawn.outcome, drawn.facts["mode"]) == ("exit.drawing", "done", "record")


@pytest.mark.parametrize(
    ("wrong", "code"), [(["--method", "nocam"], 2), (["--label", "green"], 1), (["--layer", "nowhere"], 1)]
)
def test_explain_refuses_what_does_not_exist(capsys, tmp_path, picture, tiny_model, wrong, code) -> None:
    assert main(["explain", str(picture), "--model", tiny_model.id, "--out", str(tmp_path / "o"), *wrong]) == code
    told = capsys.readouterr()
    assert "allowed" in told.out + told.err or "nowhere" in told.out


def test_explain_test_into_the_card(capsys, tmp_path, home, tiny_model) -> None:
    """One command measures, prints the table with both controls, and keeps it where the README and `models show` find it."""
    from medcls.data.collections import add_collection

    for i in range(1, 5):
        for folder, name, data in (
            ("malignant", f"malignant ({i}).png", phantom("breast-ultrasound", "malignant", 50 + i, (90, 120))),
            ("malignant", f"malignant ({i})_mask.png", _mask(50 + i)),
            ("benign", f"benign ({i}).png", phantom("breast-ultrasound", "benign", 50 + i, (90, 120))),
        ):
            path = tmp_path / "busi" / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    add_collection(tmp_path / "busi")
    asked = ["explain-test", "--model", tiny_model.id, "--data", "busi", "--label", "malignant", "--everything"]
    assert main([*asked, "--method", "gradcam", "layercam", "--into-card"]) == 0
    printed = capsys.readouterr()
    assert "Kept in the folder" in printed.err
    rows = [line for line in printed.out.splitlines() if line.startswith("| ") and "pointing game" not in line]
    assert [row.split(" | ")[0] for row in rows] == [
        "| Grad-CAM",
        "| LayerCAM",
        "| *control:* centred Gaussian",
        "| *control:* random weights",
    ]
    assert main(["models", "show", tiny_model.id]) == 0
    assert all(row in capsys.readouterr().out for row in rows[:1])
    assert main([*asked, "--method", "gradcam", "--json"]) == 0
    study = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in study["rows"]] == ["gradcam", "centred Gaussian", "random weights"]


def _mask(seed: int) -> bytes:
    return to_png(phantom_mask("breast-ultrasound", "malignant", seed, (90, 120)).astype(np.float32))


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
    assert [line.facts["mode"] for line in audit.lines() if line.what == "exit.drawing"] == ["record"] * 3
    stems = {path.rpartition("/")[2].partition("--")[0] for path in row["pictures"]}
    assert [len(stem) for stem in stems] == [16], "the digest, no patient"
    assert main([*asked[:5], "--patient", "43", "--out", str(tmp_path / "o")]) == 2


def _made(write_tiny, tmp_path):
    write_tiny(tmp_path / "made", "breast-histology-idc")
    return tmp_path / "made"
