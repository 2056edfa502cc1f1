"""The words by which folders, columns and labels are recognised, in the languages people keep their sets in.

A word that is missing here costs a question, never a wrong answer: what no word tells is asked, or kept together.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

from medcls.data.letters import one_form, without_unseen
from medcls.data.lexicon import (
    DEVELOP,
    DISEASE,
    FOLD,
    HARMLESS,
    HEALTHY,
    NEGATION,
    NO_OWNERS,
    NOBODY,
    PATIENT,
    SET,
    SITE,
    TEST,
    TRAIN,
    VALIDATE,
)
from medcls.data.lexicon import words as lexicon_words

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[^\s\d])(?=\d)|(?<=\d)(?=[^\s\d])")
_ASCII_SIGNS = re.compile(r"[^A-Za-z0-9]+")


_REPEATED, _MOST, _SHORTEST = 3, 17, 4  # letters of the first word of a compound
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")


def natural(name: str) -> list[tuple[int, int | str]]:
    """Return a sort key that puts `benign (2)` before `benign (10)`."""
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in re.split(r"(\d+)", name) if part]


@lru_cache(maxsize=65536)
def fold(text: str) -> str:
    """Return a name in its one form: NFKC (letters of full width are letters), no case, words apart by one blank."""
    return " ".join(one_form(_spaced(unicodedata.normalize("NFKC", without_unseen(text)))).split())


def _spaced(text: str) -> str:
    """Put blanks for all but letters, digits and the marks that belong to them."""
    if text.isascii():
        return _ASCII_SIGNS.sub(" ", text)
    return "".join(c if unicodedata.category(c)[0] in "LNM" else " " for c in text)


@lru_cache(maxsize=65536)
def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a name, `PatientID_2` as `patient`, `id`, `2`."""
    return tuple(one_form(_CAMEL.sub(" ", _spaced(unicodedata.normalize("NFKC", without_unseen(text))))).split())


def says(text: str, vocabulary: frozenset[str], beside: frozenset[str] = frozenset()) -> bool:
    """Return whether a name holds a word of a vocabulary, and beside it only words that are allowed and numbers.

    Args:
        text: The name.
        vocabulary: Words of which one must be there; those of several words as a whole.
        beside: Words that may stand beside it; numbers always may.
    """
    whole = fold(text)
    if whole in vocabulary:
        return True
    if beside_phrase := _without_phrase(whole, vocabulary).split():
        return all(word in vocabulary or word in beside or word.isdecimal() for word in beside_phrase)
    words = tuple(part for word in words_of(text) for part in _parted(word, vocabulary, beside))
    found = [word for word in words if word in vocabulary]
    rest = [word for word in words if word not in vocabulary and word not in beside and not word.isdecimal()]
    if found and not rest:
        return True
    return bool(_CJK.search(whole)) and _made_of(whole.replace(" ", ""), vocabulary, beside)


@lru_cache(maxsize=64)
def _phrases(vocabulary: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(word for word in vocabulary if " " in word))


@lru_cache(maxsize=64)
def in_cjk(vocabulary: frozenset[str]) -> tuple[str, ...]:
    """Return the words of a vocabulary in scripts that put no blanks between words, sorted."""
    return tuple(sorted(word for word in vocabulary if _CJK.search(word)))


def _without_phrase(whole: str, vocabulary: frozenset[str]) -> str:
    """Return what is left of a name beside a phrase of a vocabulary that it holds: `held out test` is a `test`."""
    padded = f" {whole} "
    found = next((phrase for phrase in _phrases(vocabulary) if f" {phrase} " in padded), "")
    return padded.replace(f" {found} ", " ").strip() if found else ""


@lru_cache(maxsize=65536)
def _parted(word: str, vocabulary: frozenset[str], beside: frozenset[str]) -> tuple[str, ...]:
    """Return the two words of a compound, `testdaten` as `test`, `daten`; the word itself if it is none."""
    if word in vocabulary or word in beside:
        return (word,)
    for at in range(_SHORTEST, len(word) - 1):
        first, second = word[:at], word[at:]
        if second in beside and (first in vocabulary or first.removesuffix("s") in vocabulary):
            return first if first in vocabulary else first.removesuffix("s"), second
    return (word,)


@lru_cache(maxsize=65536)
def _made_of(text: str, vocabulary: frozenset[str], beside: frozenset[str]) -> bool:
    """Return whether a text without blanks is a word of a vocabulary, with allowed words and numbers beside it."""
    for word in sorted((w for w in vocabulary if w in text and _CJK.search(w)), key=len, reverse=True):
        rest = text.replace(word, "", 1)
        for other in sorted((w for w in beside if w in rest), key=len, reverse=True):
            rest = rest.replace(other, "", 1)
        if not rest or (rest.isalnum() and rest.isascii() and len(rest) <= 3):
            return True
    return False


def holds(text: str, vocabulary: frozenset[str]) -> bool:
    """Return whether a word of a name is in a vocabulary; in CJK scripts, whether the name holds a word of it."""
    whole, words = fold(text), set(words_of(text)) | set(fold(text).split())
    if whole in vocabulary or words & vocabulary or any(f" {w} " in f" {whole} " for w in _phrases(vocabulary)):
        return True
    return bool(_CJK.search(whole)) and any(w in whole for w in in_cjk(vocabulary))


_LETTERED, _LETTER = re.compile(r"(\w+) ([a-j])"), re.compile("[a-z]")
_INITIALS, _OF_A_PERSON = re.compile("t[ers]"), re.compile(r"t[ers] \d+")  # train and test, or a person's


@lru_cache(maxsize=65536)
def part_of(name: str) -> str:
    """Return the part a folder, file or cell names: `train`, `validate`, `test` or `fold-<k>`; empty if none.

    Example:
        >>> [part_of(n) for n in ("Training_Set", "val", "test_1", "fold 3", "5-fold", "latest", "검증용")]
        ['train', 'validate', 'test', 'fold-3', 'fold-5', '', 'validate']
    """
    if _OF_A_PERSON.fullmatch(" ".join(words_of(name))):
        return ""
    if says(name, FOLD, SET) and (number := re.search(r"\d+", name)):
        return f"fold-{int(number.group())}"
    if (lettered := _LETTERED.fullmatch(fold(name))) and lettered[1] in FOLD:
        return f"fold-{ord(lettered[2]) - ord('a') + 1}"
    if _trains_and_validates(name):
        return "train"
    named = [
        part for part, words in (("train", TRAIN), ("validate", VALIDATE), ("test", TEST)) if says(name, words, SET)
    ]
    return named[0] if len(named) == 1 else ""


@lru_cache(maxsize=65536)
def _trains_and_validates(name: str) -> bool:
    """Return whether a name says that training and validation are in one: `train_val`, `trainval`."""
    said = set(words_of(name)) - SET
    if len(said) == 1 and (word := next(iter(said))).startswith("train"):
        said = {"train", word.removeprefix("train")}
    return bool(said & TRAIN and said & VALIDATE) and said <= TRAIN | VALIDATE


def parts_of(names: Iterable[str]) -> dict[str, str]:
    """Return the part that each of some sibling names says, by name; words that several of them share say nothing.

    Example:
        >>> parts_of(["busi_train", "busi_test"]), parts_of(["train", "models"])
        ({'busi_train': 'train', 'busi_test': 'test'}, {'train': 'train'})
    """
    names = list(names)
    if numbered := numbered_parts(names):
        return numbered
    found = _developed({name: part for name in names if (part := part_of(name))})
    if 2 * len(found) < len(names):
        found = {name: part for name, part in found.items() if not _INITIALS.fullmatch(" ".join(words_of(name)))}
    if any(part == "validate" for part in found.values()):  # the same again, where each has its own name
        found = {name: part for name, part in found.items() if not _trains_and_validates(name)}
    if len(set(found.values())) > 1 and all(_INITIALS.fullmatch(fold(name)) for name in found):
        found |= {name: "validate" for name in names if fold(name) in ("va", "vl")}
    if len(found) > 1 or len(names) < 2:
        return found
    often = Counter(word for name in names for word in set(words_of(name)))
    bare = {name: " ".join(w for w in words_of(name) if often[w] == 1 and not _LETTER.fullmatch(w)) for name in names}
    apart = {name: part for name, rest in bare.items() if (part := part_of(rest))}
    return apart if len(apart) > 1 else found


def numbered_parts(names: Iterable[str]) -> dict[str, str]:
    """Return the part each of some sibling names says beside a number; empty unless all do, and two parts are said.

    Example:
        >>> numbered_parts(["TR_1", "VA_1", "TS_1"]), numbered_parts(["TR_1", "AB_2"])
        ({'TR_1': 'train', 'VA_1': 'validate', 'TS_1': 'test'}, {})
    """
    found: dict[str, str] = {}
    for name in names:
        rest = [word for word in words_of(name) if not word.isdecimal()]
        part = "validate" if rest == ["va"] else part_of(" ".join(rest))
        if not part or len(rest) == len(words_of(name)):
            return {}
        found[name] = part
    return found if len(set(found.values())) > 1 else {}


def _developed(found: dict[str, str]) -> dict[str, str]:
    """Return parts with the one called `development` for training, where another is tested on and none trains."""
    if "train" in found.values() or "test" not in found.values():
        return found
    return {name: "train" if set(words_of(name)) & DEVELOP else part for name, part in found.items()}


def is_site(name: str) -> bool:
    """Return whether a folder's name says that it is a site: `siteA`, `hospital 2`, `서울병원`."""
    return holds(name, SITE)


_DATE = re.compile(
    r"(19|20)\d\d([-_. ]?(0?[1-9]|1[0-2])([-_. ]?(0?[1-9]|[12]\d|3[01]))?)?|"
    r"(0?[1-9]|[12]\d|3[01])[-_. ]([01]?\d|[a-z]{3,9})[-_. ](19|20)\d\d|(0?[1-9]|1[0-2])[-_.](19|20)\d\d|"
    r"(19|20)\d\d[-_. ]?[a-z]{3,9}|[a-z]{3,9}[-_. ]?(19|20)\d\d|(19|20)\d\d[-_. ]?(q[1-4]|h[12]|년( ?\d+월)?)",
    re.IGNORECASE,
)


def are_dates(names: Iterable[str]) -> bool:
    """Return whether all of some names are years, months or days: `2019`, `2020-03`, `20200105`, `5.1.2020`."""
    names = list(names)
    return bool(names) and all(_DATE.fullmatch(unicodedata.normalize("NFC", name)) for name in names)


_MONTH_OR_DAY = re.compile(r"0?[1-9]|[12]\d|3[01]")


def levels_of_dates(levels: Iterable[Iterable[str]]) -> list[bool]:
    """Return of each level of folders, from the top, whether it is of dates: years, or months and days below these.

    Example:
        >>> levels_of_dates([["2021"], ["01", "02"], ["P1"]]), levels_of_dates([["a"], ["01", "02"]])
        ([True, True, False], [False, False])
    """
    found: list[bool] = []
    for level in levels:
        names = list(level)
        inner = bool(found) and found[-1] and bool(names) and all(map(_MONTH_OR_DAY.fullmatch, names))
        found.append(inner or are_dates(names))
    return found


_NUMBERED = re.compile(
    r"[^\W\d_]{0,5}[-_ .]?\d+[-_ .]?[a-z]?|[0-9a-f]{8,}|\d+(\.\d+){3,}|[^\W\d_]{1,5}([-_ .]\w{1,4})?[-_ .]\d+",
    re.IGNORECASE,
)
_CODED = re.compile(
    r"(?=.*\d)([A-Z]{1,5}|\w*\d\w*)([-_]([A-Z]{1,5}|\w*\d\w*)){2,}|\d{3,}[A-Z]{1,3}|\d+([-_]\d+)+|\W*\d+\W*|"
    r"[A-Za-z]{1,5}\W{1,2}\d+|[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}"
)
_ZOOM = re.compile(r"x?\d+x?|\d+x|x\d+", re.IGNORECASE)


def is_numbered(name: str) -> bool:
    """Return whether a folder's name may number a patient: `BP01`, `8863`, `patient 3`, `환자-12`."""
    if set(words_of(name)) & NO_OWNERS or part_of(name) or (_ZOOM.fullmatch(name) and "x" in name.casefold()):
        return False
    form = unicodedata.normalize("NFC", name)
    return names_patient(name) or bool(_NUMBERED.fullmatch(form) or _CODED.fullmatch(form))


def names_patient(name: str) -> bool:
    """Return whether a folder's name says that it is a patient's."""
    words = words_of(name)
    if _CJK.search(name) and any(w in fold(name) for w in PATIENT if _CJK.search(w)):
        return True
    return bool(words) and bool(set(words) & PATIENT) and len(words) > 1


_NO_DISEASE = HEALTHY | HARMLESS
_MALIGNANT = lexicon_words("malignant 악성 恶性 惡性 悪性 bösartig")
_RULED_OUT = re.compile(r"\b(excluded|ruled out|absent|free|ausgeschlossen)$")


@lru_cache(maxsize=65536)
def disease_of(label: str) -> bool | None:
    """Return whether a label's name means disease; None if it does not say.

    Example:
        >>> [disease_of(n) for n in ("no-idc", "malignant", "2_malignant tumor", "Typ A", "bo\u0308sartig")]
        [False, True, True, None, True]
        >>> [disease_of(n) for n in ("malignancy excluded", "cancer-free", "free text")]
        [False, False, None]
    """
    named, words = fold(label), words_of(label)
    if _RULED_OUT.search(named) and holds(label, DISEASE):
        return False
    if (named not in DISEASE and set(words) & NEGATION) or (
        named not in DISEASE and len(named) > 1 and any(w in named for w in in_cjk(NEGATION))
    ):
        return False if len(words) > 1 or _CJK.search(named) or named in HEALTHY else None
    if named in DISEASE:
        return True
    harmless, sick = holds(label, _NO_DISEASE), holds(label, DISEASE)
    if harmless and sick:  # "benign tumour"; but 陽性 within 良性 or the like is no second word
        return False if holds(label, HARMLESS) and not holds(label, _MALIGNANT) else None
    return True if sick else False if harmless else None


def is_healthy(label: str) -> bool:
    """Return whether a label's name says nothing is there (`normal`, `no …`): any other label is then something."""
    words = words_of(label)
    if fold(label) in DISEASE:
        return False
    return holds(label, HEALTHY) or bool(set(words) & NEGATION and len(words) > 1)


def names_nobody(patient: str) -> bool:
    """Return whether what stands for a patient's id says only that the id was taken out, or never was there.

    Example:
        >>> [names_nobody(n) for n in ("ANONYMOUS", "xxx", "^", "anon-17", "0")]
        [True, True, True, False, False]
    """
    whole = fold(patient).replace(" ", "")
    repeated = len(set(whole)) == 1 and not whole.isdecimal() and (whole[0] == "x" or _REPEATED < len(whole) < _MOST)
    return not whole or whole in NOBODY or repeated
