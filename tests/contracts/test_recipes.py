"""Every recipe's network builds at its size, freezes as it says, and can learn; every search stays within it."""

import pytest
import torch

from medcls.core.run import RunSpec
from medcls.nets.freezing import freeze, parts
from medcls.reproduction.recipes import RECIPES, apply_recipe, preset_of
from medcls.runs.search_spec import SearchSpec
from medcls.training.build import build_net
from medcls.training.optimise import make_optimiser


def _build(spec: RunSpec) -> torch.nn.Module:
    with torch.device("meta"):  # shapes only: the largest networks have 140 million weights
        return build_net(spec, 2)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_builds_and_freezes(name: str) -> None:
    spec = apply_recipe(RunSpec(), name)
    net = _build(spec)
    frozen = freeze(net, spec.network.freeze)
    assert bool(frozen) == bool(spec.network.freeze)
    assert parts(net)["head"]
    assert make_optimiser(net, spec).param_groups
    out = net.eval()(torch.empty(1, spec.data.channels, spec.data.size_px, spec.data.size_px, device="meta"))
    assert tuple(out.shape) == (1, 2)


@pytest.mark.parametrize("name", [name for name, recipe in RECIPES.items() if recipe.search])
def test_a_search_recipe_ranges_over_what_its_network_has(name: str) -> None:
    sampler, ranges = preset_of(name)
    spec = apply_recipe(RunSpec(), name)
    SearchSpec("a", spec, ranges, sampler)
    if "freeze" in ranges:
        freeze(_build(spec), f"lowest:{int(ranges['freeze'].high)}")
