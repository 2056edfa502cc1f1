"""Recipes: presets of a run's spec, read from the files of `systems/`: good beginnings, and the seed projects' systems.

Where a library differs (Keras' names of layers, its rate decay), the nearest setting is taken and `help` says so.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from medcls.core.run import RunSpec
from medcls.core.task import is_own
from medcls.errors import BadSpec
from medcls.runs.search_spec import Range, parse_range

_SYSTEMS = Path(__file__).parent / "systems"


@dataclass(frozen=True)
class Recipe:
    """A named preset.

    Args:
        help: One sentence: what it is good for, or what it reproduces.
        settings: Settings of `RunSpec`, by name. Where `initial` is the name of a recipe, that one is carried out first
            and its model published under its name.
        tasks: Tasks it was made for; empty for any.
        reported: What its project reported, in words; empty if nothing.
        project: Key of `PROJECTS`, where it stands for a system of a seed project.
        data: Name of the published set it is for, where that is no task's.
        search: Ranges to search over, as `search start --range` takes them; empty for a single run.
        sampler: How the search chooses what to try: `random` or `tpe` (Bayesian).
        maps: Method by which the reproduction draws heatmaps of test cases; empty for none.
    """

    help: str
    settings: Mapping[str, Any] = field(default_factory=dict)
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


def _read_systems() -> tuple[dict[str, Recipe], dict[str, Project]]:
    """Return the recipes and the projects of every file, in the order of the files' names."""
    shared = tomllib.loads((_SYSTEMS / "shared.toml").read_text(encoding="utf-8"))
    recipes, projects = {}, {}
    for path in sorted(_SYSTEMS.glob("[0-9]*.toml")):
        told = tomllib.loads(path.read_text(encoding="utf-8"))
        project = told["project"]
        if project["key"]:
            projects[project["key"]] = Project(project["title"], project["reported_on"])
        for name, entry in told["recipe"].items():
            recipes[name] = _recipe(entry, project, shared)
    return recipes, projects


def _recipe(entry: dict[str, Any], project: dict[str, Any], shared: dict[str, dict[str, Any]]) -> Recipe:
    settings: dict[str, Any] = {}
    for group in entry.get("use", ()):
        settings |= shared[group]
    settings |= entry.get("settings", {})
    return Recipe(
        help=entry["help"],
        settings={name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()},
        tasks=tuple(project.get("tasks", ())),
        reported=entry.get("reported", ""),
        project=project["key"],
        data=project.get("data", ""),
        search=tuple(entry.get("search", ())),
        sampler=entry.get("sampler", "random"),
        maps=entry.get("maps", ""),
    )


_RECIPES, _PROJECTS = _read_systems()
RECIPES: Mapping[str, Recipe] = MappingProxyType(_RECIPES)
PROJECTS: Mapping[str, Project] = MappingProxyType(_PROJECTS)


def find_recipe(name: str) -> Recipe:
    """Return a recipe by name.

    Raises:
        BadSpec: If there is none.
    """
    if name not in RECIPES:
        raise BadSpec("reproduction.no-such-recipe", found=repr(name)[:80], allowed=", ".join(RECIPES))
    return RECIPES[name]


def recipes_for(task_id: str) -> tuple[str, ...]:
    """Return the names of the recipes that fit a task: those made for it, and those for any.

    Args:
        task_id: A task's id, also one made of a collection's own labels, as BreakHis has them.
    """
    return tuple(
        name
        for name, recipe in RECIPES.items()
        if (task_id in recipe.tasks if recipe.tasks else not recipe.data or is_own(task_id))
    )


def first_of(name: str) -> str:
    """Return the recipe whose model a recipe starts from; empty if it starts from none.

    Example:
        >>> first_of("idc-xception-71")
        'breakhis-xception'
    """
    initial = str(find_recipe(name).settings.get("initial", ""))
    return initial if initial in RECIPES else ""


def apply_recipe(spec: RunSpec, name: str) -> RunSpec:
    """Return a spec with a recipe's settings and its name noted.

    Args:
        spec: The spec to start from; what the recipe does not name stays.
        name: The recipe.

    Raises:
        BadSpec: If there is no such recipe.

    Example:
        >>> apply_recipe(RunSpec.of(collections=("busi",)), "head-only").network.freeze
        'backbone'
    """
    return spec.having(recipe=name, **find_recipe(name).settings)


def preset_of(recipe: str) -> tuple[Literal["random", "tpe"], dict[str, Range]] | None:
    """Return what a recipe that is a search tries.

    Returns:
        The sampler, and the range of each setting by name; None if the recipe is no search or unknown.
    """
    found = RECIPES.get(recipe)
    if found is None or not found.search:
        return None
    return found.sampler, dict(map(parse_range, found.search))
