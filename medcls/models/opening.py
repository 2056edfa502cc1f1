"""From a model folder to what answers: every hash checked, weights of the right shape and finite."""

from pathlib import Path

import torch
from safetensors.torch import load_file

from medcls import nets
from medcls.core.model import ModelCard
from medcls.errors import BadModel
from medcls.models import store
from medcls.models.mean import Mean
from medcls.models.network import Network


def open_model(model: str | Path) -> Network | Mean:
    """Load a model after checking every hash on its card.

    Args:
        model: Id of a model, or its folder.

    Raises:
        BadModel: If there is no such model, a file changed, or its weights do not fit its network; of a mean, also if a
            member is missing, is a mean itself, answers with other labels, or is not the network it was measured with.
    """
    path = model if isinstance(model, Path) else store.folder(model)
    card = store.verify(path)
    return Mean(card, [_member(card, one) for one in card.members]) if card.members else _network(path, card)


def open_network(model: str | Path) -> Network:
    """Load a model that is one network; see `open_model`.

    Raises:
        BadModel: Also if it is the mean of several.
    """
    opened = open_model(model)
    if isinstance(opened, Mean):
        raise BadModel("models.no-network", model=opened.card.id, members=", ".join(opened.card.members))
    return opened


def _network(path: Path, card: ModelCard) -> Network:
    net = nets.from_card(card.backbone, card.backbone_args, len(card.task.labels))
    _fill(net, path / store.WEIGHTS, card.id)
    return Network(card, net, store.read_known(path, card), store.read_seen(path), card.files[store.WEIGHTS])


def _member(mean: ModelCard, model_id: str) -> Network:
    if store.read_card(model_id).members:
        raise BadModel("models.mean-of-mean", model=mean.id, found=model_id)
    member = open_network(model_id)
    if member.card.task.label_ids != mean.task.label_ids:
        raise BadModel("models.mean-of-other-labels", model=mean.id, found=member.card.id)
    store.check_member(mean, member.card)
    return member


def _fill(net: torch.nn.Module, path: Path, model_id: str) -> None:
    try:
        weights = load_file(path)
        net.load_state_dict({name: w.float() if w.is_floating_point() else w for name, w in weights.items()})
    except Exception as error:  # safetensors and torch raise bare exceptions on damaged files
        raise BadModel("models.weights-do-not-fit", model=model_id, found=str(error).splitlines()[0][:160]) from error
    if not all(torch.isfinite(w).all() for w in net.state_dict().values() if w.is_floating_point()):
        raise BadModel("models.weights-no-number", model=model_id)
