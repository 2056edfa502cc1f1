"""The form of a run's spec, made from the settings themselves: what is new in `RunSpec` stands here by itself."""

from typing import Any

import streamlit as st

from medcls.core.backbones import BACKBONES
from medcls.core.run import RunSpec, settings
from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import data_split, made, models, preflight, run_again, runs
from medcls.workflows.recipes import RECIPES, Recipe, apply_recipe, first_of, recipes_for
from pages._ui import state
from pages._ui.train.fields import key, label_of, show_setting
from pages._ui.widgets import notices

GROUPS = {
    "start": say("pages.train-network-and-start"),
    "data": say("pages.train-data-and-split"),
    "input": say("pages.train-input"),
    "augmentation": say("pages.train-augmentation"),
    "network": say("pages.train-what-learns"),
    "loss": say("pages.train-loss-and-balance"),
    "optimiser": say("pages.train-optimiser-and-schedule"),
    "translation": say("pages.train-translation-between-labels"),
    "time": say("pages.train-length-batch-and-machine"),
}
_BY_HAND = (
    "name",
    "recipe",
    "backbone",
    "initial",
    "task",
    "collections",
    "label_map",
    "size_px",
    "epochs",
    "batch_size",
    "lr",
)
_OTHER = say("pages.train-another-timm-network")
_FIRST = "fine-tune"


def draft() -> RunSpec:
    """Return the spec the form began from: a good default, a recipe, or the run that is being cloned."""
    if state.TRAIN_DRAFT not in st.session_state:
        set_draft(apply_recipe(RunSpec(), _FIRST))
    elif state.TRAIN_LAST in st.session_state and key("name") not in st.session_state:
        if key("collections") in st.session_state:  # the fields below step 1 were not drawn: what was wrong stood there
            st.session_state[state.TRAIN_DRAFT] = st.session_state[state.TRAIN_LAST]
        else:  # back from another page: Streamlit has dropped this one's fields
            set_draft(st.session_state[state.TRAIN_LAST])
    cloned = st.query_params.get("from")
    if cloned and st.session_state.get(state.TRAIN_CLONED) != cloned:
        st.session_state[state.TRAIN_CLONED] = cloned
        try:
            spec, name = run_again.clone_spec(cloned), runs.show_run(cloned).name
            set_draft(spec.having(name=say("pages.train-again", {"name": name})[:200] if spec.name else ""))
        except MedclsError as error:
            notices.show_error(error)
    return st.session_state[state.TRAIN_DRAFT]


def set_draft(spec: RunSpec) -> None:
    """Begin the form anew from a spec."""
    st.session_state.pop(state.TRAIN_LAST, None)
    st.session_state[state.TRAIN_DRAFT] = spec
    st.session_state[state.TRAIN_FORM] = st.session_state.get(state.TRAIN_FORM, 0) + 1


def keep(spec: RunSpec) -> None:
    """Remember what the form holds, so that it is there again after a look at another page."""
    st.session_state[state.TRAIN_LAST] = spec


def pick_recipe(task_id: str, spec: RunSpec) -> None:
    """Draw the choice of a recipe; choosing one sets the whole form."""
    fitting = recipes_for(task_id)
    current = draft().recipe

    def take() -> None:
        chosen = st.session_state[key("recipe")]
        begin = RunSpec.of(
            collections=spec.data.collections,
            label_map=spec.data.label_map,
            initial=draft().network.initial if draft().network.initial not in ("none",) else "imagenet",
        )
        set_draft(apply_recipe(begin, chosen) if chosen else begin)

    st.selectbox(
        say("pages.train-recipe"),
        ["", *fitting],
        index=fitting.index(current) + 1 if current in fitting else 0,
        on_change=take,
        key=key("recipe"),
        format_func=lambda name: f"{name} — {RECIPES[name].help}" if name else say("pages.train-none-every-setting-at"),
        help=say("pages.train-sets-every-setting-below"),
    )
    if current in RECIPES:
        _tell_recipe(current)


def _tell_recipe(name: str) -> None:
    """Say what its project reported, and what must be done beside pressing Start."""
    recipe = RECIPES[name]
    if recipe.reported:
        st.caption(say("pages.train-its-project-reported-its", {"reported": notices.escape(recipe.reported)}))
    if recipe.search:
        st.caption(say("pages.train-this-recipe-is-a"))
    first = first_of(name)
    if first and first not in {card.id for card in models.list_models()}:
        st.caption(say("pages.train-it-starts-from-a", {"first": first, "data": RECIPES[first].data}))


def pick_network(task: str) -> tuple[str, str]:
    """Draw the choice of a network and of its initial weights; a translator has networks of its own.

    Args:
        task: Id of the run's task: models that answer it are the first to start from.
    """
    if draft().is_translator:
        st.info(say("pages.train-translator"), icon=":material/auto_fix_high:")
        return draft().network.backbone, draft().network.initial
    left, right = st.columns(2)
    with left:
        backbone = pick_backbone()
    with right:
        return backbone, pick_initial(backbone, task)


def pick_backbone() -> str:
    """Draw the choice of a network."""
    last = draft().network.backbone
    names = [*BACKBONES, _OTHER]
    chosen = st.selectbox(
        say("pages.train-network"),
        names,
        index=names.index(last) if last in BACKBONES else len(names) - 1,
        key=key("backbone"),
        format_func=lambda n: (
            say("pages.train-m-weights", {"title": BACKBONES[n].title, "megaparams": BACKBONES[n].megaparams})
            if n in BACKBONES
            else n
        ),
    )
    if chosen == _OTHER:
        return (
            st.text_input(
                say("pages.train-name-of-the-timm"), "" if last in BACKBONES else last, key=key("timm")
            ).strip()
            or "resnet18"
        )
    st.caption(str(BACKBONES[chosen].note))
    return chosen


def pick_initial(backbone: str, task: str) -> str:
    """Draw the choice of initial weights: published ones, a model (of the task first), a file, or none."""
    mine = {_bare(backbone), _bare(BACKBONES[backbone].timm_name)} if backbone in BACKBONES else {_bare(backbone)}
    fitting = [card for card in models.list_models() if not card.is_mean and _bare(card.backbone) in mine]
    cards = {card.id: card for card in sorted(fitting, key=lambda card: card.task.id != task)}
    published = BACKBONES[backbone].weights if backbone in BACKBONES else "published"
    options = {"imagenet": say("pages.train-weights", {"published": published})} if published else {}
    options |= {i: say("pages.train-the-model", {"i": card.name or i}) for i, card in cards.items()}
    if (first := draft().network.initial) in RECIPES and first not in options:
        options |= {first: say("pages.train-the-model-of-recipe", {"first": first})}
    options |= {"file": say("pages.train-a-safetensors-file-on"), "none": say("pages.train-nothing-all-weights-at")}
    last = (
        draft().network.initial
        if draft().network.initial in options
        else "file"
        if draft().network.initial.endswith(".safetensors")
        else next(iter(options))
    )
    chosen = st.selectbox(
        say("pages.train-start-from"),
        list(options),
        index=list(options).index(last),
        format_func=lambda i: options[i],
        key=key(f"initial.{backbone}"),
        help=str(settings()["initial"].setting.help),
    )
    if chosen == "file":
        before = draft().network.initial if draft().network.initial.endswith(".safetensors") else ""
        return st.text_input(say("pages.train-path-of-the-file"), before, key=key("file")).strip() or "none"
    if chosen == "imagenet":
        st.caption(say("pages.train-downloaded-once-from-timms"))
    return chosen


def _bare(network: str) -> str:
    """Return a network's name without the tag of its published weights: weights fit networks of the same one."""
    return network.partition(".")[0]


def show_main_settings(backbone: str) -> dict[str, Any]:
    """Draw the settings that matter most, in one row."""
    row = st.columns(4)
    values = {}
    for column, name in zip(row, ("size_px", "epochs", "batch_size", "lr"), strict=True):
        with column:
            value = draft().value(name)
            if name == "size_px" and backbone in BACKBONES and not RECIPES.get(draft().recipe, Recipe("")).project:
                value = (
                    min(BACKBONES[backbone].size_px, int(settings()[name].setting.high))
                    if value == RunSpec().data.size_px
                    else value
                )
            values[name] = show_setting(name, value, suffix=backbone if name == "size_px" else "")
    return values


def show_advanced(collections: tuple[str, ...]) -> dict[str, Any]:
    """Draw every other setting, folded away by group.

    Args:
        collections: What is trained on: it decides which splits there are.
    """
    values: dict[str, Any] = {}
    with st.expander(say("pages.train-advanced-every-setting"), icon=":material/tune:"):
        tabs = st.tabs(list(GROUPS.values()))
        for tab, group in zip(tabs, GROUPS, strict=True):
            names = [n for n, p in settings().items() if p.setting.group == group and n not in _BY_HAND]
            with tab:
                columns = st.columns(3)
                for i, name in enumerate(names):
                    with columns[i % 3]:
                        values[name] = _pick(name, collections)
    return values


def _pick(name: str, collections: tuple[str, ...]) -> Any:
    """Draw a setting: where its values are things that are here, as a choice among them."""
    if name == "split":
        return _pick_split(collections)
    if name == "made_from":
        found = {"": say("pages.train-none")} | {
            one.run: f"{one.name} ({one.made.to_label})" for one in made.list_made(collections)
        }
        return _pick_known(name, found)
    if name in ("from_label", "to_label"):
        labels = [label for record in preflight.list_data() if record.name in collections for label in record.labels]
        return _pick_known(name, {"": say("pages.train-label-by-number")} | dict(zip(labels, labels, strict=True)))
    return show_setting(name, draft().value(name))


def _pick_known(name: str, found: dict[str, str]) -> str:
    """Draw a choice of names; one that a run had and that is not here stays, and is told of beside the counts."""
    last = str(draft().value(name))
    found = found if last in found else {**found, last: last}
    words = str(settings()[name].setting.help)
    return st.selectbox(
        label_of(name), list(found), list(found).index(last), format_func=found.__getitem__, help=words, key=key(name)
    )


def _pick_split(collections: tuple[str, ...]) -> str:
    found = data_split.list_shared_splits(collections)
    if (last := draft().data.split) not in found:
        found |= {last: 0}  # a run's that is cloned: what is wrong with it is said beside the counts
    return st.selectbox(
        say("pages.path-split"),
        list(found),
        index=list(found).index(last),
        help=str(settings()["split"].setting.help),
        key=key("split"),
        format_func=lambda n: say("pages.train-folds", {"n": n, "folds": found[n]}) if found[n] else n,
    )
