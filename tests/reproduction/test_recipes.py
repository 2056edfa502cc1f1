"""Recipes are data that a run's spec accepts, and that stand for every system of the seed projects."""

import pytest

from medcls.core.backbones import BACKBONES
from medcls.core.run import RunSpec
from medcls.errors import BadSpec
from medcls.reproduction.recipes import PROJECTS, RECIPES, apply_recipe, first_of, recipes_for


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_gives_a_valid_spec_of_a_known_backbone(name: str) -> None:
    spec = apply_recipe(RunSpec.of(collections=("mine",), seed=7), name)
    assert (spec.recipe, spec.data.collections, spec.optimisation.seed) == (name, ("mine",), 7)
    assert spec.network.backbone in BACKBONES
    assert RunSpec.from_json(spec.to_json()) == spec
    changed = {name for name, value in spec.values().items() if value != RunSpec().value(name)}
    assert changed <= {*RECIPES[name].settings, "recipe", "collections", "seed"}
    assert RECIPES[name].help[-1] in ".?"


@pytest.mark.parametrize("name", [name for name, recipe in RECIPES.items() if recipe.project])
def test_a_system_says_what_it_runs_on(name: str) -> None:
    recipe = RECIPES[name]
    assert recipe.project in PROJECTS
    assert bool(recipe.tasks) != bool(recipe.data)


@pytest.mark.parametrize("name", [name for name in RECIPES if first_of(name)])
def test_a_chain_begins_with_a_model_of_the_same_network(name: str) -> None:
    first = RECIPES[first_of(name)]
    assert first.settings["backbone"] == RECIPES[name].settings["backbone"]
    assert first.data
    assert not first_of(first_of(name))


def test_a_task_is_offered_its_own_recipes_and_those_for_any() -> None:
    offered = recipes_for("breast-histology-idc")
    assert {"fine-tune", "idc-breakhis-first"} <= set(offered)
    assert not any(name.startswith(("breakhis-", "melanoma-", "ultrasound-")) for name in offered)
    assert {"fine-tune", "breakhis-mobilenet"} <= set(recipes_for("own"))


def test_an_unknown_recipe_is_refused_with_the_list() -> None:
    with pytest.raises(BadSpec, match="fine-tune"):
        apply_recipe(RunSpec(), "nothing")
