"""Labels as people write them: one form of each, an id that can be read back, and which of them mean disease."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import count

from medcls.data.letters import one_form, without_unseen
from medcls.data.lexicon import NEGATION, NO_ANSWER, NO_LABEL_FOLDER, SIGNS, UNLABELLED, YES_OR_NO
from medcls.data.vocabulary import disease_of, fold, is_healthy, natural, words_of

_NUMBER = re.compile(r"[-+]?\d+([.,]\d*)?(e[-+]?\d+)?", re.IGNORECASE)
_QUOTED = re.compile(r"""(["'])(.+)\1""")
_MAY_BE_A_LABEL = ("none", "null", "nil", "없음", "-", "unknown", "missing", "미상", "未知", "不明")


@dataclass(frozen=True)
class Labels:
    """The labels of a set.

    Args:
        ids: Id of a label, by each way in which it is written; None for what says that there is none.
        names: Name of a label as its set writes it most often, by id, in natural order.
    """

    ids: Mapping[str, str | None]
    names: Mapping[str, str]


def tidy(text: str) -> str:
    """Return a text in its normal form: NFC, nothing unseen in it, no blanks around it and one between words."""
    return " ".join(without_unseen(unicodedata.normalize("NFC", text)).split())


def find_labels(written: Iterable[str], renamed: Mapping[str, str] | None = None, *, cells: bool = False) -> Labels:
    """Return the labels of a set by what its folders or cells say.

    Args:
        written: The labels as they are written, repeated or not.
        renamed: Name a person gave to a label, by its name as written; two labels of one name become one.
        cells: True where they are a table's cells, in which `NA` and the like mean no label, and `1.0` is `1`.

    Example:
        >>> dict(find_labels(["HER2+", "HER2-", "악성", "Benign", "benign"]).ids)
        {'HER2+': 'her2-plus', 'HER2-': 'her2-minus', '악성': '악성', 'Benign': 'benign', 'benign': 'benign'}
    """
    counted = Counter(written)
    missing = (
        _missing(counted) if cells else {text for text in counted if not tidy(text) or fold(text) in NO_LABEL_FOLDER}
    )
    numbers = cells and all(_NUMBER.fullmatch(tidy(text)) for text in counted if text not in missing)
    wanted = {tidy(old).casefold(): new for old, new in (renamed or {}).items()}
    forms: dict[str, str] = {}
    for text in counted:
        if text not in missing:
            form = _whole(tidy(text)) if numbers else _bare(text) if cells else tidy(text)
            name = wanted.get(form.casefold())
            if name is None or one_form(tidy(name)) not in UNLABELLED:  # a code that a person calls `NA` is no label
                forms[text] = tidy(form if name is None else name)
    forms = _without_stops(forms) if cells else forms
    spelled: dict[str, Counter[str]] = {}
    for text, form in forms.items():
        spelled.setdefault(form.casefold(), Counter())[form] += counted[text]
    names = {key: min(many, key=lambda form: (-many[form], form)) for key, many in spelled.items()}
    ids = _ids(names)
    ordered = sorted(names, key=lambda key: natural(names[key].casefold()))
    return Labels(
        {text: ids[forms[text].casefold()] if text in forms else None for text in counted},
        {ids[key]: names[key] for key in ordered},
    )


def _bare(cell: str) -> str:
    """Return a cell in its normal form, without quotes around it."""
    quoted = _QUOTED.fullmatch(tidy(cell))
    return tidy(quoted[2]) if quoted else tidy(cell)


def _without_stops(forms: dict[str, str]) -> dict[str, str]:
    """Return labels without the full stop behind those that are written without one, too: `Benign.` beside `benign`."""
    plain = {form.casefold() for form in forms.values()}
    return {t: form[:-1] if form[-1:] == "." and form[:-1].casefold() in plain else form for t, form in forms.items()}


def _missing(counted: Counter[str]) -> set[str]:
    empty = {t for t in counted if not tidy(t) or one_form(tidy(t)) in UNLABELLED or _says_nothing(t)}
    kept = {tidy(text).casefold() for text in counted if text not in empty}
    if len(kept) < 2:  # "none" and "cancer" are two labels
        empty -= {text for text in empty if one_form(tidy(text)) in _MAY_BE_A_LABEL}
    return empty


def _says_nothing(text: str) -> bool:
    """Return whether a cell says that nobody gave an answer: `No label`, `keine Angabe`."""
    said = set(words_of(text))
    return bool(said & NEGATION and said & NO_ANSWER) and said <= NEGATION | NO_ANSWER


def _whole(text: str) -> str:
    """Write a number in one way: `1.0` as `1`."""
    value = float(text.replace(",", "."))
    return str(int(value)) if value == int(value) else repr(value)


def same_label(a: str | None, b: str | None) -> bool:
    """Return whether two cells are one label."""
    ids = find_labels([a or "", b or "", "another label", "one more"], cells=True).ids
    return ids[a or ""] == ids[b or ""]


def slug(name: str) -> str:
    """Turn a name into an id in its script: lower case, `-` for all but letters and digits; `label` if none is left."""
    kept = [c if unicodedata.category(c)[0] in "LNM" or c in "._" else "-" for c in tidy(name).lower()]
    made = re.sub(r"-+", "-", unicodedata.normalize("NFC", "".join(kept)))[:64].strip("-._")
    while made and unicodedata.category(made[0])[0] == "M":
        made = made[1:]
    return made or "label"


def _ids(names: Mapping[str, str]) -> dict[str, str]:
    """Return every label an id of its own; a number is added in sorted order where two would have the same."""
    plain = {key: slug(_signs_in_words(name)) for key, name in names.items()}
    taken: set[str] = set()
    given = {}
    for key in sorted(names, key=lambda key: (names[key].lower() != plain[key], names[key])):
        given[key] = _free(plain[key], taken, set(plain.values()))
        taken.add(given[key])
    return given


def _signs_in_words(name: str) -> str:
    """Write out every plus, and a minus where it is a sign, not a hyphen: at the end, or before a leading number."""
    name = re.sub(r"[-−–](?=\W*$)", " minus ", re.sub(r"\++", " plus ", name))
    name = re.sub(r"^\W*[-−–](?=\d)", "minus ", name)
    return re.sub(r"^\W*<(?=\s*\d)", "below ", re.sub(r"^\W*>(?=\s*\d)", "above ", name))


def _free(wanted: str, taken: set[str], others: set[str]) -> str:
    if wanted not in taken:
        return wanted
    numbered = (f"{wanted[: 63 - len(str(n))].rstrip('-._')}-{n}" for n in count(2))
    return next(name for name in numbered if name not in taken and name not in others)


def diseases_by_name(names: Mapping[str, str]) -> dict[str, bool | None]:
    """Return which labels mean disease, as far as their names tell.

    Args:
        names: Name by id.

    Returns:
        By id: True, False, or None where a person must say.

    Example:
        >>> diseases_by_name({"a": "양성", "b": "악성"}), diseases_by_name({"a": "양성", "b": "음성"})
        ({'a': False, 'b': True}, {'a': True, 'b': False})
        >>> diseases_by_name({"0": "0", "1": "1"})
        {'0': False, '1': True}
    """
    told = {i: disease_of(name) for i, name in names.items()}
    folded = {i: tidy(name) if _NUMBER.fullmatch(tidy(name)) else fold(name) for i, name in names.items()}  # not -1
    for forms, pairs in ((folded, YES_OR_NO), ({i: tidy(name) for i, name in names.items()}, SIGNS)):
        said = set(forms.values())
        if present := next((yes for no, yes in pairs if said == {no, yes}), ""):
            return {i: form == present for i, form in forms.items()}
    if (
        "음성" in folded.values() and "악성" not in folded.values()
    ):  # beside "negative" it is not "benign" but "positive"
        told |= {i: True for i, form in folded.items() if form == "양성"}
    unsure = [i for i, sick in told.items() if sick is None]
    others = [i for i in names if i not in unsure]
    if unsure and others and all(is_healthy(names[i]) for i in others):
        return {i: i in unsure for i in names}  # what is not healthy is something
    if len(names) > 1 and not unsure and len(set(told.values())) == 1:
        return dict.fromkeys(names, None) if len(names) == 2 or not any(told.values()) else told
    return told


def diseases_said(written: Iterable[str | None], column: str = "") -> dict[str, bool | None]:
    """Return whether each label of some scans, as it is written, means disease; None where that is not said.

    Args:
        written: The labels.
        column: Name of the column that they are cells of: yes to `benign` is no disease.

    Example:
        >>> diseases_said(["benign", "cancer", None]), diseases_said(["1.0"]), diseases_said(["1", "2"])
        ({'benign': False, 'cancer': True}, {'1.0': True}, {'1': None, '2': None})
        >>> diseases_said(["0", "1"], "benign")
        {'0': True, '1': False}
    """
    found = find_labels((text for text in written if text), cells=True)
    told = diseases_by_name(found.names)
    forms = {fold(name) for name in found.names.values()}
    no, yes = next((pair for pair in YES_OR_NO if forms and forms <= set(pair)), ("", ""))
    present = no if disease_of(column) is False else yes

    def said(label: str) -> bool | None:
        name = found.names[label]
        return fold(name) == present if present else disease_of(name) if told[label] is None else told[label]

    return {text: said(label) for text, label in found.ids.items() if label}


def diseases_in(column: str, names: Mapping[str, str]) -> dict[str, bool | None]:
    """Return which labels mean disease, as `diseases_by_name`, where they may answer what their column's name asks.

    Example:
        >>> diseases_in("benign", {"0": "0", "1": "1"}), diseases_in("cancer", {"0": "0", "1": "1"})
        ({'0': True, '1': False}, {'0': False, '1': True})
    """
    told, forms = diseases_by_name(names), {fold(name) for name in names.values()}
    if disease_of(column) is False and any(forms == set(pair) for pair in YES_OR_NO):
        return {label: None if sick is None else not sick for label, sick in told.items()}
    return told
