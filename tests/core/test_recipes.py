"""Recipes are data that a run's spec accepts."""

import dataclasses

import pytest

from medcls.core.backbones import BACKBONES
from medcls.core.recipes import RECIPES, apply_recipe
from medcls.core.run import RunSpec
from medcls.errors import BadSpec


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_gives_a_valid_spec_of_a_known_backbone(name: str) -> None:
    spec = apply_recipe(RunSpec(collections=("mine",), seed=7), name)
    assert (spec.recipe, spec.collections, spec.seed) == (name, ("mine",), 7)
    assert spec.backbone in BACKBONES
    assert RunSpec.from_json(spec.to_json()) == spec
    changed = {f.name for f in dataclasses.fields(spec) if getattr(spec, f.name) != getattr(RunSpec(), f.name)}
    assert changed <= {*RECIPES[name].knobs, "recipe", "collections", "seed"}
    assert RECIPES[name].help.endswith(".")


def test_an_unknown_recipe_is_refused_with_the_list() -> None:
    with pytest.raises(BadSpec, match="fine-tune"):
        apply_recipe(RunSpec(), "nothing")
