"""What the names of a table's columns say that they hold, in the languages people keep their sets in."""

import re

from medcls.data.lexicon import (
    GROUP,
    ID,
    LABEL,
    MASK,
    NAME,
    PART,
    PATH,
    PATIENT,
    SITE_COLUMN,
    SLIDE,
    words,
)
from medcls.data.vocabulary import fold, in_cjk, says, words_of

ROLES = ("path", "label", "patient", "group", "mask", "part", "site")
_NUMBERS = words("id ids no nr nro nº num nummer number key code identifier uid номер код numer numero número رقم")
_BESIDE = ID | NAME
_BESIDE_LABELS = _BESIDE | words(
    "final 1 clinical histological histopathological histopathologic histologic pathological pathologic radiological "
    "true expert consensus confirmed reference main primary"
)
_BESIDE_MASKS = PATH | _BESIDE
_PARTS_OF_NAMES = ID | NAME | frozenset(("full", "relative", "rel", "abs", "original", "orig", "in", "input"))


_PATIENT_INSIDE = re.compile(
    "hosp(ital)?(no|nr|num|number)$|medicalrecord(no|nr|num|number|id)?$|מטופל|ผู้ป่วย|คนไข้|bệnhnhân|patient|pacient|"
    "pazient|pacjent|subject|proband|mrn$|caseid|caseno|casenumber|환자|患者|病人|пациент|مریض|hastano|hastaid"
)
_NO_ID = re.compile(
    "age|sex|gender|birth|date|year|weight|height|count|orient|position|history|status|type|group|notes|comment|edad|"
    "sexo|alter|geschlecht|나이|성별|생년|연령|年龄|年齢|性别|性別|возраст|пол$|العمر|الجنس|yaş|cinsiyet|number ?of|nof"
)


def says_number(name: str) -> bool:
    """Return whether a column's name says that it numbers something: `ID`, `chart no`, `차트번호`.

    Example:
        >>> [says_number(n) for n in ("ID", "Kranken-Nr", "차트번호", "Chart #", "age", "note")]
        [True, True, True, True, False, False]
    """
    whole = fold(name)
    return (
        bool(set(words_of(name)) & _NUMBERS)
        or name.rstrip().endswith("#")
        or any(whole.endswith(w) for w in in_cjk(ID))
    )


def role_of(name: str) -> str:
    """Return what a column's name says it holds, one of `ROLES`; empty if it says nothing.

    Example:
        >>> [role_of(n) for n in ("patient id", "Patient_Number", "환자번호", "image_id")]
        ['patient', 'patient', 'patient', 'path']
        >>> [role_of(n) for n in ("patient age", "lesion_id", "Klasse")]
        ['', 'group', 'label']
    """
    if says(name, MASK, _BESIDE_MASKS):
        return "mask"
    if _PATIENT_INSIDE.search(whole := fold(name).replace(" ", "")) and not _NO_ID.search(whole):
        return "patient"
    for role, said, beside in (
        ("patient", PATIENT, _BESIDE),
        ("group", GROUP, _BESIDE),
        ("patient", SLIDE, _BESIDE),
        ("label", LABEL, _BESIDE_LABELS),
        ("path", PATH, _PARTS_OF_NAMES),
        ("part", PART, _BESIDE),
        ("site", SITE_COLUMN, _BESIDE),
    ):
        if says(name, said, beside):
            return role
    return ""
