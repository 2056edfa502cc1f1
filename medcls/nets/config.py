"""The `config.json` of a published model, as the Hugging Face hub and timm's `local-dir:` read it."""

import json
import tempfile
from pathlib import Path
from typing import Any

from timm.models._hub import save_config_for_hf
from torch import nn

from medcls.core.scan import Preprocess
from medcls.core.task import Task
from medcls.nets.anatomy import classifier_of
from medcls.nets.building import backbone_args_for, backbone_name_for
from medcls.nets.dense256 import DenseHead


def hub_config(net: nn.Module, task: Task, preprocess: Preprocess) -> dict[str, Any]:
    """Describe a network so that `timm.create_model("local-dir:<folder>", pretrained=True)` builds and fills it.

    Args:
        net: A network that `medcls.nets.build` or `from_card` made.
        task: Whose labels it decides between, in the order of the logits.
        preprocess: How scans are fed to it.

    Returns:
        Plain JSON values. `model_args` holds what the network was built with; `architecture` is a timm name, except
            `dense256` and the small CNNs, which timm knows after `import medcls.nets`.

    Raises:
        ValueError: If the network has another number of classes than the task has labels.
    """
    if net.num_classes != len(task.labels):
        raise ValueError(f"{net.num_classes} outputs for {len(task.labels)} labels")
    feeding = {
        "input_size": (preprocess.channels, preprocess.size_px, preprocess.size_px),
        "mean": preprocess.mean,
        "std": preprocess.std,
        "interpolation": preprocess.interpolation,
        "crop_pct": 1.0,
    }
    labels = {
        "label_names": list(task.label_ids),
        "label_descriptions": {label.id: label.name for label in task.labels},
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "config.json")
        save_config_for_hf(net, str(path), model_config=labels, model_args=_args(net), data_config=feeding)
        config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(classifier_of(net), DenseHead):
        config["architecture"] = "dense256"
    return config


def _args(net: nn.Module) -> dict[str, Any]:
    """Return the arguments to build with, drop rates included, which timm leaves out by itself."""
    args = {k: v for k, v in backbone_args_for(net).items() if k != "head"}
    if isinstance(classifier_of(net), DenseHead):
        args["backbone"] = backbone_name_for(net)
    return args
