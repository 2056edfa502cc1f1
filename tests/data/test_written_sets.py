"""Names as people write them: other scripts, accents or none, what cannot be seen; parts, sites, patients by them."""

from pathlib import Path

import pytest

from medcls.data.collections import make_plan
from medcls.data.letters import ways_of_writing, without_unseen
from medcls.data.vocabulary import part_of, words_of
from tests.data.test_plan import NAMES, counts, labels, sick, sums_up, table

UNSEEN = ("\u200f", "\u200d", "\u200c", "\u202a", "\u202c", "\u2068", "\u061c", "\u034f", "\ufe0f", "\ufeff", "\u00a0")


@pytest.mark.parametrize("odd", UNSEEN)
def test_what_cannot_be_seen_parts_no_labels_patients_parts_or_paths(odd: str, tmp_path: Path) -> None:
    plan = make_plan(
        table(
            tmp_path,
            (f"{odd}file", f"label{odd}", f"patient{odd}id", "split"),
            lambda i: (
                f"{i}.jpg{odd}" if i % 2 else f"{odd}{i}.jpg",
                f"{odd}{NAMES[i % 2]}" if i % 3 else f"{NAMES[i % 2]}{odd}",
                f"P{i // 2}{odd if i % 2 else ''}",
                f"{('train', 'test')[i // 4]}{odd}",
            ),
        )
    )
    assert (counts(plan), sick(plan)) == ({"benign": 4, "malignant": 4}, ["malignant"])
    assert (plan.n_patients, plan.count_by("part"), plan.n_not_taken) == (4, {"train": 4, "test": 4}, 0)


def test_joiners_that_letters_need_stay_in_names() -> None:
    for name in ("خوش\u200cخیم", "क्\u200dष"):
        assert without_unseen(name) == name


def test_what_cannot_be_seen_parts_no_folders(tmp_path: Path) -> None:
    for part in ("train\u202c", "test\ufe0f"):
        labels(tmp_path / part, ("benign\u200d", "\u2068malignant"))
    plan = make_plan(tmp_path)
    assert (counts(plan), plan.count_by("part")) == ({"benign": 6, "malignant": 6}, {"train": 6, "test": 6})


@pytest.mark.parametrize(
    "names",
    [
        ("treningowe", "walidacyjne", "testowe"),
        ("huấn luyện", "kiểm định", "kiểm tra"),
        ("huan_luyen", "kiem_dinh", "kiem_tra"),
        ("εκπαίδευση", "επικύρωση", "δοκιμή"),
        ("ΕΚΠΑΙΔΕΥΣΗ", "ΕΠΙΚΥΡΩΣΗ", "ΔΟΚΙΜΗ"),
        ("אימון", "תיקוף", "מבחן"),
        ("प्रशिक्षण", "सत्यापन", "परीक्षण"),
        ("トレーニング", "バリデーション", "テスト"),
        ("EĞİTİM", "DOĞRULAMA", "TEST"),
        ("навчальна", "валідаційна", "тестова"),
        ("آموزش", "اعتبارسنجی", "آزمون"),
        ("training", "validatie", "test"),
        ("träning", "validering", "test"),
        ("latih", "validasi", "uji"),
        ("tr", "va", "te"),
    ],
)
def test_parts_in_other_languages(names: tuple[str, ...], tmp_path: Path) -> None:
    for name in names:
        labels(tmp_path / "folders" / name, n=1)
    wanted = {"train": 2, "validate": 2, "test": 2}
    assert make_plan(tmp_path / "folders").count_by("part") == wanted
    by_column = table(
        tmp_path / "table", ("file", "label", "set"), lambda i: (f"{i}.jpg", NAMES[i % 2], names[i // 2]), 6
    )
    assert make_plan(by_column).count_by("part") == wanted


def test_parts_of_competitions() -> None:
    assert [part_of(name) for name in ("PublicTest", "PrivateTest", "va")] == ["test", "test", ""]


@pytest.mark.parametrize(
    "column",
    [
        *("Hasta Adı", "HASTA NO", "रोगी क्रमांक", "मरीज़ आईडी", "κωδικός ασθενούς", "ΑΣΘΕΝΗΣ", "ת.ז.", "شماره بیمار"),
        *("شماره بيمار", "beteg azonosító", "rodné číslo", "pacijent", "examinee", "USUBJID", "患者氏名"),
    ],
)
def test_columns_of_patients_in_other_languages(column: str, tmp_path: Path) -> None:
    plan = make_plan(
        table(tmp_path, ("file", "label", column), lambda i: (f"{i}.jpg", NAMES[i % 2], f"{100 + i // 2}"))
    )
    assert (counts(plan), plan.n_patients) == ({"benign": 4, "malignant": 4}, 4)


@pytest.mark.parametrize(
    "column",
    ["施設名", "szpital", "νοσοκομείο", "בית חולים", "bệnh viện", "अस्पताल", "ziekenhuis", "nemocnice", "ospedale"],
)
def test_columns_of_sites_in_other_languages(column: str, tmp_path: Path) -> None:
    made = table(tmp_path, ("file", "label", column), lambda i: (f"{i}.jpg", NAMES[i % 2], "AB"[i // 4]))
    assert make_plan(made).count_by("site") == {"A": 4, "B": 4}


@pytest.mark.parametrize(
    "names",
    [
        ("İyi Huylu", "KÖTÜ HUYLU"),
        ("lagodny", "zlosliwy"),
        ("ΚΑΛΟΗΘΗΣ", "ΚΑΚΟΗΘΗΣ"),
        ("gutartig", "boesartig"),
        ("خوش خيم", "بدخيم"),
        ("nezhoubny", "zhoubny"),
    ],
)
def test_labels_with_and_without_accents(names: tuple[str, str], tmp_path: Path) -> None:
    plan = make_plan(labels(tmp_path, names))
    assert (counts(plan), sick(plan)) == (dict.fromkeys(names, 3), [names[1]])
    assert sums_up(plan)


def test_words_and_numbers_of_scripts_with_marks_are_told_apart() -> None:
    assert words_of("रोगी12_3")[1:] == ("12", "3")
    assert ways_of_writing("rak") == {"rak"}
    assert ways_of_writing("й") == {"й"}, "a letter of its own, not an accent"


@pytest.mark.parametrize("encoding", ["iso8859_9", "cp1254"])
def test_a_capital_with_a_dot_speaks_for_its_encoding(encoding: str, tmp_path: Path) -> None:
    words = ("İyi huylu", "Kötü huylu")
    made = table(tmp_path, ("file", "label"), lambda i: (f"{i}.jpg", words[i % 2]), encoding=encoding)
    assert counts(make_plan(made)) == dict.fromkeys(words, 4)
