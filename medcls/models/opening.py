"""From a model folder to what answers: every hash checked, weights of the right shape and finite."""

from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file

from medcls import nets
from medcls.core.model import ModelCard
from medcls.core.note import Note
from medcls.core.progress import Progress, silent
from medcls.errors import BadModel, TooLarge
from medcls.models.folder import ModelFolder, check_member
from medcls.models.layout import WEIGHTS
from medcls.models.learned import read_reference
from medcls.models.mean import Mean
from medcls.models.network import Network
from medcls.models.publishing import hash_files


def open_model(model: str | Path, progress: Progress = silent) -> Network | Mean:
    """Load a model after checking every hash on its card.

    Args:
        model: Id of a model, or its folder.
        progress: Called with the networks loaded and how many there are.

    Raises:
        BadModel: If there is no such model, a file changed, or its weights do not fit its network; of a mean, also if a
            member is missing, is a mean itself, answers with other labels, or is not the network it was measured with.
    """
    folder = ModelFolder.of(model)
    card = folder.verify()
    if not card.members:
        return _network(folder, card)
    members: list[Network] = []
    for one in card.members:
        progress(len(members), len(card.members))
        members.append(_member(card, one))
    return Mean(card, members)


def open_network(model: str | Path) -> Network:
    """Load a model that is one network; see `open_model`.

    Raises:
        BadModel: Also if it is the mean of several.
    """
    opened = open_model(model)
    if isinstance(opened, Mean):
        raise BadModel("models.no-network", model=opened.card.id, members=", ".join(opened.card.members))
    return opened


def open_unsealed(path: Path, card: ModelCard) -> Network:
    """Load a network from a folder that is being built, as its readers will run it.

    Args:
        path: Holds weights, features and which scans were seen; no card yet.
        card: The card that will be written.

    Raises:
        BadModel: If the weights do not fit its network, or what it knows again cannot be read.
    """
    return _network(ModelFolder(path), replace(card, files=hash_files(path)))


def _network(folder: ModelFolder, card: ModelCard) -> Network:
    _check_shapes(folder.path / WEIGHTS, card)
    net = nets.from_card(card.backbone, card.backbone_args, len(card.task.labels))
    _fill(net, folder.path / WEIGHTS, card.id)
    known = read_reference(folder.path, card)
    width = getattr(net, "head_hidden_size", None) or getattr(net, "num_features", None)
    if known is not None and width and known.features.shape[1] != width:
        raise BadModel(
            "models.bad-features",
            model=card.id,
            found=Note("models.found-width", n=known.features.shape[1], wanted=width),
        )
    return Network(card, net, known, folder.seen(), card.files[WEIGHTS])


def _member(mean: ModelCard, model_id: str) -> Network:
    if ModelFolder.of(model_id).card().members:
        raise BadModel("models.mean-of-mean", model=mean.id, found=model_id)
    member = open_network(model_id)
    if member.card.task.label_ids != mean.task.label_ids:
        raise BadModel("models.mean-of-other-labels", model=mean.id, found=member.card.id)
    check_member(mean, member.card)
    return member


def _check_shapes(path: Path, card: ModelCard) -> None:
    """Compare what the file holds with what the card describes before either takes any memory.

    Raises:
        BadModel: If a weight is missing, surplus or of another shape, or the card counts others than there are.
    """
    with torch.device("meta"), nets.Undrawn():
        try:
            net = nets.from_card(card.backbone, card.backbone_args, len(card.task.labels))
        except (RuntimeError, NotImplementedError, TooLarge):
            return  # this network computes with its weights while it is built: loading compares
    expected = {name: tuple(value.shape) for name, value in net.state_dict().items()}
    try:
        with safe_open(path, "pt") as file:
            found = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise BadModel("models.weights-do-not-fit", model=card.id, found=str(error).splitlines()[0][:160]) from error
    if apart := sorted(n for n in expected.keys() | found.keys() if expected.get(n) != found.get(n)):
        told = f"{apart[0]}: {found.get(apart[0], 'missing')}, not {expected.get(apart[0], 'there')}"
        raise BadModel("models.weights-do-not-fit", model=card.id, found=told[:160])
    n = sum(p.numel() for p in net.parameters())
    if card.n_parameters and card.n_parameters != n:
        raise BadModel(
            "models.weights-do-not-fit",
            model=card.id,
            found=Note("models.found-parameters", n=card.n_parameters, found=n),
        )


def _fill(net: torch.nn.Module, path: Path, model_id: str) -> None:
    try:
        weights = load_file(path)
        net.load_state_dict({name: w.float() if w.is_floating_point() else w for name, w in weights.items()})
    except Exception as error:  # safetensors and torch raise bare exceptions on damaged files
        raise BadModel("models.weights-do-not-fit", model=model_id, found=str(error).splitlines()[0][:160]) from error
    if not all(torch.isfinite(w).all() for w in net.state_dict().values() if w.is_floating_point()):
        raise BadModel("models.weights-no-number", model=model_id)
