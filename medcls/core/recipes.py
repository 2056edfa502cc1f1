"""Named presets of a run's spec: good beginnings, and the systems of the projects that medcls grew out of.

Each is plain data. Where a library differs (Keras' names of layers, its rate decay), the nearest setting is taken and
`help` says so.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from medcls.core.run import RunSpec
from medcls.core.task import is_own
from medcls.errors import BadSpec


@dataclass(frozen=True)
class Recipe:
    """A named preset.

    Args:
        help: One sentence: what it is good for, or what it reproduces.
        knobs: Fields of `RunSpec` it sets. Where `initial` is the name of a recipe, that one is carried out first and its model
            published under its name.
        tasks: Tasks it was made for; empty for any.
        reported: What its project reported, in words; empty if nothing.
        project: Key of `PROJECTS`, where it stands for a system of a seed project.
        data: Name of the published set it is for, where that is no task's.
        search: Ranges to search over, as `search start --range` takes them; empty for a single run.
        sampler: How the search chooses what to try: `random` or `tpe` (Bayesian).
        maps: Method by which the reproduction draws heatmaps of test cases; empty for none.
    """

    help: str
    knobs: Mapping[str, Any] = field(default_factory=dict)
    tasks: tuple[str, ...] = ()
    reported: str = ""
    project: str = ""
    data: str = ""
    search: tuple[str, ...] = ()
    sampler: Literal["random", "tpe"] = "random"
    maps: str = ""


@dataclass(frozen=True)
class Project:
    """A seed project, as a heading of the reproduction table.

    Args:
        title: The heading.
        reported_on: One sentence: what its reported figures were measured on.
    """

    title: str
    reported_on: str


_BUSI = "Reported without a split that keeps near-copies together, and BUSI holds many pictures twice."
PROJECTS: Mapping[str, Project] = MappingProxyType(
    {
        "ultrasound-a": Project("Breast ultrasound, project A", _BUSI),
        "ultrasound-b": Project("Breast ultrasound, project B", "It reported no figure."),
        "ultrasound-c": Project(
            "Breast ultrasound, project C", "It reported no figures; its question was what balancing the classes does."
        ),
        "melanoma": Project(
            "Melanoma",
            "Reported on 3,562 images, half of them melanomas, without a split that keeps lesions whole. Here one case in nine is a melanoma: "
            "answering *not melanoma* to everything has an accuracy of 0.89, so read the balanced accuracy.",
        ),
        "breakhis": Project(
            "Invasive ductal carcinoma: the first step of the chains, on BreakHis",
            "Models that the systems of the next table start from; no figures of their own were reported.",
        ),
        "idc": Project(
            "Invasive ductal carcinoma on histology patches",
            "Reported on parts of 5,547 patches, without a split that keeps patients whole.",
        ),
    }
)

_US, _IDC, _SKIN = ("breast-ultrasound",), ("breast-histology-idc",), ("skin-melanoma",)
# Augmentation of the seeds: rotation 20 degrees, shifts, shear and zoom 0.2, mirrored left to right.
_SEEDS = {"rotate_deg": 20.0, "shift": 0.2, "shear": 0.2, "zoom": 0.2, "hflip": True}
_FROM_ADAM = {"optimiser": "adam", "schedule": "constant"}
_PATCH = {"initial": "none", "size_px": 50, "fit": "stretch", "schedule": "constant"}
_CANCERNET = {**_PATCH, "backbone": "cancernet", "batch_size": 64, "epochs": 40}
_BREAKHIS = {"fit": "stretch", "batch_size": 32, "epochs": 40, "rotate_deg": 90.0, "hflip": True, "vflip": True}
_MOBILENET = {
    **_FROM_ADAM,
    "backbone": "mobilenetv2",
    "size_px": 50,
    "fit": "stretch",
    "lr": 1e-4,
    "batch_size": 64,
}
_BREAKHIS_100 = {"initial": "breakhis-mobilenet", "freeze": "lowest:68", "epochs": 66, "patience": 20}
_MELANOMA = {
    **_FROM_ADAM,
    "size_px": 512,
    "loss": "binary",
    "cleaning": ("contour-crop", "bilateral"),
    "lr": 1e-4,
    "batch_size": 16,
}


def _idc(help: str, knobs: Mapping[str, Any], reported: str = "") -> Recipe:
    return Recipe(help, knobs, _IDC, reported, "idc")


# fmt: off
RECIPES: Mapping[str, Recipe] = MappingProxyType({
    "head-only": Recipe("A first look in seconds: the backbone stays, only the classifier learns.",
        {"freeze": "backbone", "epochs": 30, "lr": 1e-2, "balance": "weights", "patience": 10}),
    "fine-tune": Recipe("A sound beginning: everything learns, the backbone at a tenth of the rate, with augmentation.",
        {"epochs": 30, "lr": 1e-3, "backbone_lr_factor": 0.1, "weight_decay": 0.01, "warmup_epochs": 1.0, "balance": "weights", "label_smoothing": 0.05,
         "rotate_deg": 15.0, "shift": 0.1, "zoom": 0.15, "hflip": True, "brightness": 0.2, "contrast": 0.2, "patience": 10}),
    "robust": Recipe("For scanners it has not seen: strong augmentation, averaged weights, longer.",
        {"epochs": 60, "lr": 1e-3, "backbone_lr_factor": 0.3, "weight_decay": 0.02, "warmup_epochs": 2.0, "balance": "weights", "label_smoothing": 0.1, "averaging": 0.995,
         "rotate_deg": 20.0, "shift": 0.15, "shear": 0.1, "zoom": 0.25, "hflip": True, "brightness": 0.4, "contrast": 0.4, "blur": 0.3, "erase": 0.2}),
    # Breast ultrasound, project A
    "ultrasound-a-cnn": Recipe("Two convolutions and a dense layer from nothing, shuffled, augmented, stopped early.",
        {**_FROM_ADAM, **_SEEDS, "backbone": "plain_cnn", "initial": "none", "epochs": 50, "patience": 8, "select_by": "loss"}, _US, project="ultrasound-a"),
    "ultrasound-a-xception": Recipe("Xception from ImageNet, fine-tuned at 2e-5, augmented, stopped early.",
        {**_FROM_ADAM, **_SEEDS, "backbone": "xception", "size_px": 299, "lr": 2e-5, "epochs": 50, "patience": 8, "select_by": "loss"}, _US, "accuracy 0.96", "ultrasound-a"),
    # Breast ultrasound, project B
    "ultrasound-b-resnet": Recipe("ResNet (they do not say which: ResNet-18) at 1e-3 with a multistep schedule, batch 32, cross-entropy.",
        {"backbone": "resnet18", "optimiser": "adam", "schedule": "multistep", "lr": 1e-3, "batch_size": 32, "epochs": 40}, _US, project="ultrasound-b"),
    # Breast ultrasound, project C, before and after balancing
    **{f"ultrasound-c-{name}{'-balanced' if balance else ''}": Recipe(
        f"{title}, {'classes balanced by repeating' if balance else 'classes as they are'} (their ablation).",
        {**_FROM_ADAM, "backbone": backbone, "initial": initial, "lr": lr, "epochs": 25, "balance": "oversample" if balance else "none"}, _US, project="ultrasound-c")
       for name, title, backbone, initial, lr in (
           ("simple-cnn", "A simple CNN from nothing", "simple_cnn", "none", 1e-3),
           ("vgg19", "VGG-19 from ImageNet", "vgg19", "imagenet", 1e-4),
           ("resnet18", "ResNet-18 from ImageNet", "resnet18", "imagenet", 1e-4))
       for balance in (False, True)},
    # Melanoma
    "melanoma-vgg16-block4": Recipe("VGG-16 trainable from block4_conv1, 512 px, contour crop, bilateral filter, binary cross-entropy.",
        {**_MELANOMA, **_SEEDS, "backbone": "vgg16", "freeze": "block4_conv1", "epochs": 200, "patience": 20}, _SKIN, project="melanoma"),
    "melanoma-resnet50-conv4": Recipe("ResNet-50 trainable from conv4_block1, 512 px, contour crop, bilateral filter, binary cross-entropy.",
        {**_MELANOMA, **_SEEDS, "backbone": "resnet50", "freeze": "conv4_block1", "epochs": 100, "patience": 20}, _SKIN, project="melanoma"),
    **{f"melanoma-{name}-frozen": Recipe(f"{title} with its convolutional base frozen, rate 1e-4, 512 px.",
        {**_MELANOMA, "backbone": backbone, "freeze": "backbone", "epochs": 100}, _SKIN, reported, "melanoma")
       for name, title, backbone, reported in (
           ("resnet50", "ResNet-50", "resnet50", "accuracy 0.50: answered melanoma to everything"),
           ("vgg16", "VGG-16", "vgg16", "accuracy 0.94"),
           ("densenet121", "DenseNet-121", "densenet121", "accuracy 0.94"))},
    # IDC patches: where the chains begin
    "breakhis-mobilenet": Recipe("First step of a chain: MobileNetV2 from ImageNet learns benign or malignant on BreakHis.",
        {**_BREAKHIS, **_FROM_ADAM, "backbone": "mobilenetv2", "size_px": 96, "lr": 3e-4}, project="breakhis", data="breakhis"),
    "breakhis-xception": Recipe("First step of a chain: Xception from ImageNet learns benign or malignant on BreakHis at 71 px.",
        {**_BREAKHIS, **_FROM_ADAM, "backbone": "xception", "size_px": 71, "lr": 3e-4}, project="breakhis", data="breakhis"),
    "breakhis-cancernet": Recipe("First step of a chain: CancerNet from nothing learns benign or malignant on BreakHis at 50 px.",
        {**_BREAKHIS, **_CANCERNET, "optimiser": "adagrad", "lr": 1e-2}, project="breakhis", data="breakhis"),
    # IDC patches
    **{f"idc-patch-vgg-{epochs}": _idc(f"Five VGG blocks on 50 px patches from nothing, batch 128, {epochs} epochs.",
        {**_PATCH, "backbone": "patch_vgg", "optimiser": "adam", "batch_size": 128, "epochs": epochs}, reported)
       for epochs, reported in ((12, "accuracy 0.50"), (30, "better than at 12"), (50, "accuracy 0.76"))},
    "idc-resnet50-dense256": _idc("ResNet-50 from ImageNet, only a new head of dense 256 and batch norm learns.",
        {**_FROM_ADAM, "backbone": "resnet50", "size_px": 50, "fit": "stretch", "freeze": "backbone", "head": "dense256", "batch_size": 128, "epochs": 40}, "accuracy 0.73"),
    "idc-inception-smoothed": _idc("Inception v3 from ImageNet with label smoothing, patches enlarged to 75 px.",
        {**_FROM_ADAM, "backbone": "inception_v3", "size_px": 75, "fit": "stretch", "label_smoothing": 0.1, "lr": 1e-4, "batch_size": 64, "epochs": 20}),
    "idc-xception-71": _idc("Xception from BreakHis, patches enlarged to 71 px, the lowest 75 of 115 layers frozen (their 100 of 154, activations counted).",
        {**_FROM_ADAM, "backbone": "xception", "initial": "breakhis-xception", "size_px": 71, "fit": "stretch", "freeze": "lowest:75", "lr": 1e-4, "batch_size": 64, "epochs": 21},
        "validation accuracy 0.78"),
    "idc-mobilenet-scratch": _idc("MobileNetV2 from nothing.",
        {**_FROM_ADAM, **_PATCH, "backbone": "mobilenetv2", "batch_size": 64, "epochs": 30}, "validation accuracy 0.73"),
    "idc-mobilenet-imagenet": _idc("MobileNetV2 from ImageNet, the lowest 34 of 105 layers frozen (their 50 of 155, activations counted).",
        {**_MOBILENET, "freeze": "lowest:34", "epochs": 10}, "validation accuracy 0.80"),
    "idc-mobilenet-breakhis-head": _idc("MobileNetV2 from BreakHis, only the classifier learns.",
        {**_MOBILENET, "initial": "breakhis-mobilenet", "freeze": "backbone", "lr": 1e-3, "epochs": 40}, "accuracy 0.74"),
    "idc-mobilenet-breakhis-100": _idc("MobileNetV2 from BreakHis, the lowest 68 of 105 layers frozen (their 100 of 155, activations counted).",
        {**_MOBILENET, **_BREAKHIS_100}, "accuracy 0.765"),
    **{f"idc-cancernet-{name}": _idc(f"CancerNet under {title}.", {**_CANCERNET, "optimiser": optimiser, "lr": lr, "batch_size": batch}, reported)
       for name, title, optimiser, lr, batch, reported in (
           ("adagrad", "Adagrad, batch 64, rate 0.0282 (what their search found)", "adagrad", 0.028213040859089513, 64, "validation accuracy 0.75"),
           ("adadelta", "Adadelta, batch 128, rate 0.00396 (what their search found)", "adadelta", 0.003962703907659129, 128, "validation accuracy 0.78"),
           ("momentum", "SGD with momentum", "momentum", 1e-2, 64, "swung too much"),
           ("rmsprop", "RMSprop", "rmsprop", 1e-3, 64, "swung too much"),
           ("adam", "Adam", "adam", 1e-3, 64, "swung too much"))},
    "idc-cancernet-l2": _idc("CancerNet with L2 and without dropout, Adagrad.",
        {**_CANCERNET, "optimiser": "adagrad", "lr": 1e-2, "weight_decay": 1e-3, "backbone_args": {"drop_rate": 0.0, "block_drop_rate": 0.0}}, "did not help"),
    "idc-cancernet-dropout": _idc("CancerNet with dropout (0.25 after each block, 0.5 before the last layer) and without L2, Adagrad.",
        {**_CANCERNET, "optimiser": "adagrad", "lr": 1e-2, "backbone_args": {"drop_rate": 0.5, "block_drop_rate": 0.25}}, "helped"),
    **{f"idc-cancernet-{name}": _idc(f"CancerNet, {title}.", {**_CANCERNET, "optimiser": "adam", "lr": 1e-3, **knobs}, reported)
       for name, title, knobs, reported in (
           ("75px", "patches enlarged to 75 px, Adam", {"size_px": 75}, ""),
           ("kernel2", "2 x 2 kernels, channels 2-64-64-128-128-128, Adam", {"backbone_args": {"kernel_size": 2, "channels": [[2], [64, 64], [128, 128, 128]]}}, ""),
           ("kernel5", "5 x 5 kernels, channels 2-4-4-28-28-28, Adam", {"backbone_args": {"kernel_size": 5, "channels": [[2], [4, 4], [28, 28, 28]]}}, ""),
           ("deeper", "deeper, 64 / 128 x3 / 256 x4, dense 512, Adam", {"backbone_args": {"channels": [[64], [128] * 3, [256] * 4], "dense": 512}}, ""),
           ("thinner", "thinner, 32 / 64 x2 / 128 x2, dense 128, Adam", {"backbone_args": {"channels": [[32], [64] * 2, [128] * 2], "dense": 128}}, ""),
           ("thinnest", "thinnest, 32 / 64, dense 64, RMSprop", {"optimiser": "rmsprop", "backbone_args": {"channels": [[32], [64]], "dense": 64}}, "validation accuracy up to 0.81"),
           ("augmented", "with the seeds' augmentation, Adam", _SEEDS, "steadied the curves"))},
    **{f"idc-cancernet-search-{name}": Recipe(f"CancerNet under {name.title()}: random search over batch size and rate.",
        {**_CANCERNET, "optimiser": name}, _IDC, reported, "idc", search=("batch_size=16,32,64,128", "lr=1e-4..1e-1:log"))
       for name, reported in (
           ("adadelta", "found batch 128, rate 0.00396; with one of the two F1 0.789, accuracy 0.796"),
           ("adagrad", "found batch 64, rate 0.0282; with one of the two F1 0.789, accuracy 0.796"))},
    "idc-breakhis-first": _idc("BreakHis first, then IDC with the first block frozen (their 5 layers, all of its layers counted) at rate 0.0346. The network is not told: CancerNet under Adagrad.",
        {**_CANCERNET, "initial": "breakhis-cancernet", "optimiser": "adagrad", "freeze": "lowest:3", "lr": 0.0346}, "accuracy 0.789"),
    "idc-breakhis-search": Recipe("BreakHis first, then a Bayesian search over how many layers stay frozen and the rate; CancerNet under Adagrad.",
        {**_CANCERNET, "initial": "breakhis-cancernet", "optimiser": "adagrad"}, _IDC, "found 5 layers, rate 0.0346: accuracy 0.789", "idc",
        search=("freeze=0..20", "lr=1e-4..1e-1:log"), sampler="tpe"),
    "idc-activation-maps": Recipe("Class activation maps of MobileNetV2 from BreakHis (their choice), each tested: does hiding what it marks change the answer?",
        {**_MOBILENET, **_BREAKHIS_100}, _IDC, "red where the evidence for the answer lies; not tested", "idc", maps="cam"),
})
# fmt: on


def find_recipe(name: str) -> Recipe:
    """Give a recipe by name.

    Raises:
        BadSpec: If there is none.
    """
    if name not in RECIPES:
        raise BadSpec("There is no such recipe", found=repr(name)[:80], allowed=", ".join(RECIPES))
    return RECIPES[name]


def recipes_for(task_id: str) -> tuple[str, ...]:
    """Give the names of the recipes that fit a task: those made for it, and those for any.

    Args:
        task_id: A task's id, also one made of a collection's own labels, as BreakHis has them.
    """
    return tuple(
        name
        for name, recipe in RECIPES.items()
        if (task_id in recipe.tasks if recipe.tasks else not recipe.data or is_own(task_id))
    )


def first_of(name: str) -> str:
    """Give the recipe whose model a recipe starts from; empty if it starts from none.

    Example:
        >>> first_of("idc-xception-71")
        'breakhis-xception'
    """
    initial = str(find_recipe(name).knobs.get("initial", ""))
    return initial if initial in RECIPES else ""


def apply_recipe(spec: RunSpec, name: str) -> RunSpec:
    """Give a spec with a recipe's knobs set and its name noted.

    Args:
        spec: The spec to start from; what the recipe does not name stays.
        name: The recipe.

    Raises:
        BadSpec: If there is no such recipe.

    Example:
        >>> apply_recipe(RunSpec(collections=("busi",)), "head-only").freeze
        'backbone'
    """
    return dataclasses.replace(spec, recipe=name, **find_recipe(name).knobs)
