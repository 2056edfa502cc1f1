"""A run that takes a second: what tests of training and of runs begin with."""

from typing import Any

from medcls.core.run import RunSpec


def small_spec(**changes: Any) -> RunSpec:
    """A few epochs of a narrow network at 32 px, in fp32 on the processor; `changes` are settings besides."""
    small: dict[str, Any] = {
        "backbone": "simple_cnn",
        "backbone_args": {"width": 4},
        "initial": "none",
        "size_px": 32,
        "batch_size": 8,
        "epochs": 3,
        "lr": 3e-3,
        "device": "cpu",
        "precision": "fp32",
    }
    return RunSpec.of(**small | changes)
