"""What drawn marks do to an answer stands beside it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from medcls.core.model import ModelCard
from medcls.core.scan import Preprocess, Scan
from medcls.imaging import cleaning, prepare
from medcls.imaging.decode import read_scan
from medcls.imaging.marks import find_marks, paint_over
from medcls.imaging.phantom import phantom
from medcls.imaging.shifts import shift_pixels
from medcls.models.marks import with_mark_cautions
from medcls.models.mean import Mean
from medcls.models.mean_card import mean_card
from medcls.models.network import Network
from medcls.tasks import list_tasks

PLAIN = Scan(np.full((200, 260), 0.3, np.float32), "0" * 64)
MARKED = replace(PLAIN, pixels=shift_pixels(np.asarray(PLAIN.pixels), "calipers-plus", 1.0, 3))


class SeesBright(torch.nn.Module):
    """A network that gives its last label to whatever has bright pixels."""

    def __init__(self, n_labels: int) -> None:
        super().__init__()
        self.head = torch.nn.Linear(1, n_labels, bias=False)
        self.head.weight = torch.nn.Parameter(torch.eye(n_labels)[:, -1:] * 20)

    def forward_features(self, x: torch.Tensor) -> torch.Tensor:
        """Return the brightest value of each scan."""
        return x.amax(dim=(1, 2, 3))[:, None]

    def forward_head(self, x: torch.Tensor, pre_logits: bool = False) -> torch.Tensor:
        """Return logits: above 0 for the last label where something is bright, 0 for the others."""
        return x if pre_logits else self.head(x)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits of scans."""
        return self.forward_head(self.forward_features(x))

    def get_classifier(self) -> torch.nn.Module:
        """Return a last layer, as a timm network does."""
        return self.head


def make(task: str, cleaning: tuple[str, ...]) -> Network:
    card = ModelCard("m", "m", list_tasks()[task], "cancernet", Preprocess(64, cleaning=cleaning))
    return Network(card, SeesBright(len(card.task.labels)))


@pytest.mark.parametrize("cleaning", [(), ("mark-removal",)])
def test_both_answers_are_told_where_marks_matter(cleaning: tuple[str, ...]) -> None:
    network = make("breast-ultrasound", cleaning)
    answer = network.predict(MARKED)
    told = with_mark_cautions(network, MARKED, answer)
    codes = {note.code: note.params for note in told.cautions}
    assert ("models.marks-painted" in codes) == bool(cleaning)
    both = codes["models.marks-matter"]
    assert both["marked"] > 0.8
    assert both["unmarked"] < 0.2
    assert np.array_equal(told.prob, answer.prob)
    assert answer.prob[2] == pytest.approx(both["unmarked" if cleaning else "marked"], abs=1e-6)


def test_marks_are_searched_and_painted_over_once_a_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two networks of a mean, their heatmaps and what is told of marks share what was found and painted."""
    searched: list[tuple[int, ...]] = []
    painted: list[np.ndarray] = []

    def counted(grey: np.ndarray) -> np.ndarray:
        searched.append(grey.shape)
        return find_marks(grey)

    def brush(pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
        painted.append(mask)
        return paint_over(pixels, mask)

    monkeypatch.setattr(prepare, "FINDERS", {**cleaning.FINDERS, "mark-removal": counted})
    monkeypatch.setattr(prepare, "paint_over", brush)
    one, other = make("breast-ultrasound", ("mark-removal",)), make("breast-ultrasound", ("mark-removal", "clahe"))
    mean = Mean(mean_card([one.card, replace(other.card, id="n")], ""), [one, other])
    scan = replace(MARKED)
    told = with_mark_cautions(mean, scan, mean.predict(scan))
    assert "models.marks-painted" in [note.code for note in told.cautions]
    assert searched == [(200, 260)]
    assert len(painted) == 1
    mean.predict(replace(MARKED))
    assert (len(searched), len(painted)) == (2, 2)


SKIN = Scan(np.broadcast_to(np.array([0.8, 0.6, 0.5], np.float32), (200, 260, 3)).copy(), "2" * 64)
HAIRY = replace(SKIN, pixels=np.where(np.isin(np.arange(260), range(100, 103))[None, :, None], 0.1, SKIN.pixels))


class SeesDark(SeesBright):
    """A network that gives its last label to whatever has dark pixels."""

    def forward_features(self, x: torch.Tensor) -> torch.Tensor:
        """Return how dark the darkest value of each scan is."""
        return -x.amin(dim=(1, 2, 3))[:, None]


@pytest.mark.parametrize("cleaning", [("hair-removal",), ("hair-removal", "clahe")])
def test_hair_is_told_and_both_answers_where_it_matters(cleaning: tuple[str, ...]) -> None:
    preprocess = Preprocess(64, fit="stretch", cleaning=cleaning)
    network = Network(ModelCard("m", "m", list_tasks()["skin-melanoma"], "cancernet", preprocess), SeesDark(2))
    told = with_mark_cautions(network, HAIRY, network.predict(HAIRY))
    codes = {note.code: note.params for note in told.cautions}
    assert 0.005 < codes["models.hair-painted"]["share"] < 0.2
    both = codes["models.hair-matters"]
    assert both["unmarked"] == pytest.approx(float(told.prob[1]), abs=1e-6)
    assert both["marked"] > both["unmarked"] + 0.15


@pytest.mark.parametrize("task", ["skin-melanoma", "breast-histology-idc"])
def test_where_no_network_paints_over_hair_none_is_looked_for(task: str) -> None:
    network = make(task, ())
    answer = network.predict(HAIRY)
    assert with_mark_cautions(network, HAIRY, answer) is answer


def test_nothing_is_told_where_nothing_was_drawn() -> None:
    network = make("breast-ultrasound", ("mark-removal",))
    answer = network.predict(PLAIN)
    assert with_mark_cautions(network, PLAIN, answer) is answer


def test_questions_about_colour_have_no_such_marks() -> None:
    network = make("skin-melanoma", ())
    scan = read_scan(phantom("skin-melanoma", "melanoma", 1))
    answer = network.predict(scan)
    assert with_mark_cautions(network, scan, answer) is answer
