"""Recipes as the training form offers them."""

from medcls.reproduction.recipes import RECIPES, Recipe, apply_recipe, first_of, recipes_for

__all__ = ["RECIPES", "Recipe", "apply_recipe", "first_of", "recipes_for"]
