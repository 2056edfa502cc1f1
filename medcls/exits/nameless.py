"""Tables, figures and models without the names that stand in them: what the gate takes out for others."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from medcls.core.case_csv import format_cases
from medcls.core.evaluation import CaseTable, Evaluation
from medcls.core.model import ModelCard
from medcls.core.note import Note
from medcls.evaluation.sites import list_sites
from medcls.exits.subjects import Compared, Measured, ModelFiles, Table, Trail
from medcls.models.card_text import describe_card
from medcls.models.folder import ModelFolder
from medcls.models.layout import CARD, CASES, EVALUATION, README
from medcls.words import say

# Columns that name somebody's file or somebody: numbered, so that rows which belong together still do.
_NUMBERED = {"file": "scan", "case": "case", "group": "group"}
# The one attribute of a case that stays: the name of the collection, which card and evaluation tell as well.
_COLLECTION = "collection"
_NAMING = ("leave_out", "name")  # settings of a run that may name a site
_NOTES = "notes"  # the column whose sentences may name a site
# Facts of the audit trail that nobody typed: ids and digests of models and scans, states, counts.
_PLAIN_FACTS = frozenset(
    {"model", "model_id", "models", "model_sha256", "scan_sha256", "mode", "answer", "shown", "threshold", "state"}
    | {"model_answer", "watch", "prob", "kind", "lines", "by", "roles"}
)
_NO_PERSON = ("local", "nobody")  # what the trail says where nobody logs in, or it cannot be found out who did


def nameless_table(table: Table) -> Table:
    """Return a table with files, cases and groups numbered and every column emptied that may hold a person's words."""
    words = {**_NUMBERED, **table.numbered}
    numbers = {
        column: _numbers([str(row.get(column, "")) for row in table.rows], word) for column, word in words.items()
    }

    def cell(column: str, value: object) -> object:
        if column in words:
            return numbers[column].get(str(value), "")
        if column not in table.kept:
            return ""
        return without_sites(value) if column == _NOTES else value

    return replace(table, rows=[{name: cell(name, value) for name, value in row.items()} for row in table.rows])


def without_sites(value: Any) -> Any:
    """Return a sentence, a note, or several of them without the names that people here gave to their sites."""
    names = sorted((one.value.site.name for one in list_sites() if one.value is not None), key=len, reverse=True)
    if not names:
        return value
    pattern = re.compile(rf"(?<!\w)({'|'.join(map(re.escape, names))})(?!\w)")
    return _without(value, lambda text: pattern.sub(say("exits.a-site"), text))


def _without(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Note):
        return Note(value.code, **{name: _without(part, change) for name, part in value.params.items()})
    return type(value)(_without(part, change) for part in value) if isinstance(value, list | tuple) else value


def nameless_measured(measured: Measured) -> Measured:
    """Return figures and cases without the cases' names and attributes."""
    return Measured(nameless_evaluation(measured.evaluation), _cases(measured.cases))


def nameless_compared(compared: Compared) -> Compared:
    """Return a comparison whose cases are numbered and have no attribute but their collection."""
    comparison = compared.comparison
    cases = {model: _cases(table) for model, table in comparison.cases.items()}
    return replace(compared, comparison=replace(comparison, cases=cases), nameless=True)


def nameless_model(model: ModelFiles) -> ModelFiles:
    """Return a model's files with those of them rewritten that name cases; the card vouches for them as they are now.

    Raises:
        BadModel: If one of them cannot be read.
    """
    texts = {folder.id: _texts(folder, model.texts[folder.id]) for folder in model.folders}
    files = {one: {n: path for n, path in paths.items() if n not in texts[one]} for one, paths in model.files.items()}
    return replace(model, texts=texts, files=files)


def nameless_trail(trail: Trail) -> Trail:
    """Return the audit trail with whoever did something numbered, and every fact that somebody typed.

    What stands for nobody stays.
    """
    people = _numbers([line.who for line in trail.lines if line.who not in _NO_PERSON], "person")
    typed = sorted({name for line in trail.lines for name in line.facts} - _PLAIN_FACTS)
    known = {name: _numbers([str(line.facts.get(name, "")) for line in trail.lines], name) for name in typed}

    def told(facts: Mapping[str, Any]) -> dict[str, Any]:
        return {name: known[name].get(str(value), "") if name in known else value for name, value in facts.items()}

    return Trail(
        tuple(replace(line, who=people.get(line.who, line.who), facts=told(line.facts)) for line in trail.lines)
    )


def _texts(folder: ModelFolder, told: Mapping[str, str]) -> dict[str, str]:
    cases, evaluation = folder.cases(), folder.evaluation()
    shown = nameless_evaluation(evaluation) if evaluation else None
    new = {CASES: format_cases(_cases(cases))} if cases else {}
    new |= {EVALUATION: shown.to_json()} if shown else {}
    card = _card(ModelCard.from_json(told[CARD]), _sites(evaluation) if evaluation else {})
    sealed = {**card.files, **{name: hashlib.sha256(text.encode()).hexdigest() for name, text in new.items()}}
    card = replace(card, files=sealed)
    return {**told, **new, CARD: card.to_json(), README: describe_card(card, shown, folder.shown_studies())}


def nameless_evaluation(evaluation: Evaluation) -> Evaluation:
    """Return figures with sites left out numbered, and of the subgroups only the collections."""
    kept = {name: scores for name, scores in evaluation.subgroups.items() if name.startswith(f"{_COLLECTION}=")}
    sites = _sites(evaluation)
    left_out = {sites.get(site, ""): scores for site, scores in sorted(evaluation.left_out.items())}
    return replace(evaluation, subgroups=kept, left_out=left_out)


def _sites(evaluation: Evaluation) -> dict[str, str]:
    return _numbers(sorted(evaluation.left_out), "site")


def _card(card: ModelCard, sites: Mapping[str, str]) -> ModelCard:
    """Return a card that names none of these sites, nor the one its run left out."""
    out = card.origin.spec.get("data", card.origin.spec)  # old specs are flat
    site = str(out.get("leave_out", "")) if isinstance(out, Mapping) else ""
    known = {**({site: say("exits.another-site")} if site else {}), **sites}
    if not known:
        return card
    anywhere = re.compile("|".join(rf"(?<!\w){re.escape(one)}(?!\w)" for one in sorted(known, key=len, reverse=True)))

    def hide(text: str) -> str:
        return anywhere.sub(lambda found: known[found[0]], text)

    def told(spec: Mapping[str, Any]) -> dict[str, Any]:
        return {
            key: told(value) if isinstance(value, Mapping) else hide(value) if key in _NAMING else value
            for key, value in spec.items()
        }

    origin = replace(card.origin, spec=told(card.origin.spec))
    limits = tuple(hide(limit) for limit in card.limits)
    return replace(card, name=hide(card.name), trained_on=hide(card.trained_on), limits=limits, origin=origin)


def _cases(cases: CaseTable) -> CaseTable:
    case, group = (_numbers(column.tolist(), word) for column, word in ((cases.case, "case"), (cases.group, "group")))
    kept = {name: column for name, column in cases.attributes.items() if name == _COLLECTION}
    ids, groups = ([n.get(str(one), "") for one in names] for n, names in ((case, cases.case), (group, cases.group)))
    return CaseTable(np.array(ids, str), np.array(groups, str), cases.truth, cases.prob, cases.labels, kept)


def _numbers(names: list[str], word: str) -> dict[str, str]:
    """Return a number for each name, in the order they come."""
    return {name: f"{word} {n}" for n, name in enumerate(dict.fromkeys(filter(None, names)), start=1)}
