"""`medcls runs` and `medcls search` from the command line, on runs that are on disk."""

import json

import pytest

from medcls.cli import main, parser
from medcls.cli.runs import make_spec
from medcls.core.note import Note
from medcls.core.run import EpochResult, RunSpec, settings
from medcls.reproduction.recipes import RECIPES
from medcls.runs.folder import make_run, open_run
from medcls.runs.writer import RunWriter

ODD = RunSpec.of(
    name="odd",
    backbone="vgg16",
    backbone_args={"width": 4},
    initial="none",
    task="breast-ultrasound",
    collections=("a", "b"),
    split="s",
    fold=2,
    max_cases=5,
    size_px=96,
    channels=1,
    fit="crop",
    cleaning=("clahe", "bilateral"),
    orientations=8,
    rotate_deg=1.5,
    shift=0.1,
    shear=0.2,
    zoom=0.3,
    hflip=True,
    vflip=True,
    brightness=0.1,
    contrast=0.2,
    hue=0.1,
    blur=0.1,
    erase=0.2,
    texture=0.4,
    freeze="lowest:3",
    head="dense256",
    dropout=0.1,
    loss="focal",
    label_smoothing=0.1,
    focal_gamma=1.0,
    balance="mixup",
    mixup=0.4,
    optimiser="sgd",
    lr=0.5,
    backbone_lr_factor=0.5,
    momentum=0.5,
    weight_decay=0.1,
    schedule="multistep",
    warmup_epochs=1.0,
    milestones=(0.1, 0.9),
    gamma=0.5,
    batch_size=7,
    grad_accum_steps=2,
    epochs=9,
    patience=3,
    monitor="loss",
    ema_decay=0.9,
    precision="fp32",
    device="cpu",
    seed=5,
    shifts=("line", "text"),
    shift_copies=2,
    shift_strength=0.5,
    leave_out="Busan",
    label_map={"a/krebs": "malignant", "b/odd": ""},
    made_from="another",
    made_most=7,
    from_label="benign",
    to_label="malignant",
    cycle_weight=1.0,
    identity_weight=0.5,
    translator_width=8,
    translator_blocks=9,
    made_history=0,
)


def flags(spec: RunSpec) -> list[str]:
    given: list[str] = []
    for name in settings():
        value, flag = spec.value(name), f"--{name.replace('_', '-')}"
        if name == "recipe":
            continue
        if isinstance(value, bool):
            given.append(flag if value else flag.replace("--", "--no-"))
        elif isinstance(value, tuple):
            given += [flag, *map(str, value)]
        else:
            given += [flag, json.dumps(value) if isinstance(value, dict) else str(value)]
    return given


def test_every_knob_is_a_flag_and_says_what_the_spec_says() -> None:
    plain = RunSpec()
    assert all(ODD.value(name) != plain.value(name) for name in settings() if name not in ("recipe", "kind")), (
        "a new knob belongs into ODD"  # a translator, the other kind, learns from no made pictures
    )
    assert make_spec(parser().parse_args(["runs", "start", "--kind", "translator"])).is_translator
    assert make_spec(parser().parse_args(["runs", "start", *flags(ODD)])) == ODD
    assert make_spec(parser().parse_args(["runs", "start"])) == plain


def test_a_label_map_may_be_given_as_pairs() -> None:
    asked = make_spec(parser().parse_args(["runs", "start", "--label-map", "a/krebs=malignant, b/odd="]))
    assert asked.data.label_map == ODD.data.label_map


def test_a_flag_is_still_known_by_the_name_it_had_and_says_so(capsys: pytest.CaptureFixture) -> None:
    given = ["--accumulate", "4", "--averaging", "0.9", "--select-by", "loss"]
    asked = make_spec(parser().parse_args(["runs", "start", *given]))
    assert asked == RunSpec.of(grad_accum_steps=4, ema_decay=0.9, monitor="loss")
    told = capsys.readouterr().err
    assert all(flag in told for flag in ("--grad-accum-steps", "--ema-decay", "--monitor"))
    make_spec(parser().parse_args(["runs", "start", "--monitor", "loss"]))
    assert capsys.readouterr().err == ""


def test_flags_win_over_a_run_and_over_a_recipe() -> None:
    run = make_run(ODD)
    asked = make_spec(parser().parse_args(["runs", "start", "--from", run.id, "--lr", "0.25", "--no-hflip"]))
    assert asked == ODD.having(lr=0.25, hflip=False)
    asked = make_spec(parser().parse_args(["runs", "start", "--recipe", "head-only", "--epochs", "3"]))
    assert (asked.recipe, asked.network.freeze, asked.optimisation.epochs) == (
        "head-only",
        RECIPES["head-only"].settings["freeze"],
        3,
    )
    assert main(["runs", "start", "--recipe", "head-only", "--from", run.id]) == 2


def test_list_show_rename_delete(capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(RunSpec.of(name="first", lr=0.5, epochs=5))
    writer = RunWriter.begin(run, epochs=5)
    writer.append(
        EpochResult(1, 2.0, 1e-3, {"loss": 0.5, "auroc": 0.6}, {"loss": float("nan"), "auroc": 0.75}, best=True)
    )
    writer.say("stopped", Note("words.said", text="as asked"), epoch=1, best_epoch=1, best_score=0.75)
    assert main(["runs", "list", "--json"]) == 0
    (row,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert (row["run"], row["name"], row["status"], row["best_score"]) == (run.id, "first", "stopped", 0.75)
    assert main(["runs", "show", run.id, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["epochs"][0]["validate"] == {"loss": None, "auroc": 0.75}
    assert shown["spec"]["lr"] == 0.5
    assert main(["runs", "show", run.id]) == 0
    text = capsys.readouterr().out
    assert "lr = 0.5" in text
    assert "auroc 0.600/0.750" in text
    assert main(["runs", "rename", run.id, "second"]) == 0
    assert open_run(run.id).name() == "second"
    assert main(["runs", "delete", run.id, "--yes"]) == 0
    assert main(["runs", "list"]) == 0
    assert run.id not in capsys.readouterr().out.splitlines()[-1:]


def test_wrong_use_is_2_and_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    for command in (
        ["show", "nothing"],
        ["stop", "nothing"],
        ["resume"],
        ["publish", "nothing"],
        ["start"],
        ["start", "--collections", "no"],
        ["start", "--data", "no"],
    ):
        assert main(["runs", *command]) == 2
        said = capsys.readouterr().err
        assert said.startswith("medcls: "), command
    assert main(["runs", "start", "--optimiser", "magic"]) == 2
    assert main(["search", "show", "nothing"]) == 2
    assert main(["search", "start", "x", "--range", "lr"]) == 2


def test_a_broken_run_makes_the_list_exit_1(capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(RunSpec())
    (run.path / "spec.json").write_text("{")
    assert main(["runs", "list"]) == 1
    assert run.id in capsys.readouterr().out
