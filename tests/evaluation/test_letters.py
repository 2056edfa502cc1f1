"""Evaluation cards by mail: they travel signed, and what cannot be true is refused."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from medcls.core.evaluation import CaseTable, Estimate
from medcls.core.letter import Letter
from medcls.core.model import ModelCard
from medcls.core.note import UNSAID
from medcls.core.scan import Preprocess
from medcls.core.site import Aim, SiteCheck
from medcls.errors import BadData, MedclsError
from medcls.evaluation import letters, sites
from medcls.evaluation.site_ask import Asked
from medcls.evaluation.site_ask import check as check_asked
from medcls.home import home
from medcls.stats.intervals import wilson
from medcls.tasks import list_tasks

WEIGHTS = ("w" * 64,)
TASK = list_tasks()["breast-ultrasound"]
ROC = (0.5, 0.6, 0.7, 0.8, 0.85, *[0.9] * 5, *[0.95] * 10, 1.0)


def share(hits: int, n: int) -> Estimate:
    """A proportion of independent scans, as a check gives it."""
    return Estimate(hits / n, *wilson(hits, n), 0.95, n, UNSAID)


def check() -> SiteCheck:
    """A check whose numbers are true: fifty scans of forty-five patients, of twenty cancers eighteen called."""
    scores = {"sensitivity": share(18, 20), "specificity": share(28, 30), "refused": share(5, 50)}
    scores |= {"unfamiliar": share(2, 50), "auroc_disease": Estimate(0.88, 0.75, 0.95, 0.95, 45, UNSAID)}
    for name, true, false in (("ppv", 0.1 * 0.9, 0.9 * 2 / 30), ("npv", 0.9 * 28 / 30, 0.1 * 0.1)):
        value = true / (true + false)
        scores[name] = Estimate(value, value - 0.05, min(1.0, value + 0.05), 0.95, 45, UNSAID)
    scores = {name: replace(one, n=min(one.n, 45)) for name, one in scores.items()}
    return SiteCheck(
        "m",
        WEIGHTS,
        "Ward 3",
        Aim(0.7),
        "fit",
        (),
        50,
        45,
        20,
        scores,
        TASK.label_ids,
        ((10, 0, 0), (0, 18, 2), (0, 2, 18)),
        ((10.0, 0.55, 0.8), (40.0, 0.9, 0.95)),
        ROC,
        None,
        {"grain": 4.0, "coloured": 0.5},
        "2026-11-28",
        ((8, 0, 0), (0, 16, 2), (0, 2, 17)),
    )


def rechecked(spared: int = 27) -> SiteCheck:
    """Another check of the same site: as many scans, of which other numbers were right."""
    first = check()
    counts = ((10, 0, 0), (0, spared - 10, 30 - spared), (0, 2, 18))
    scores = {"sensitivity": first.scores["sensitivity"], "specificity": replace(share(spared, 30), n=30)}
    return replace(first, scores=scores, confusion=counts, calibration=(), roc=(), answered=(), made="2026-11-29")


def test_a_letter_travels_and_is_kept_apart() -> None:
    """Signed, read again, kept with the model it is about; a newer one of the same site takes its place."""
    signed = letters.sign(Letter.of(check(), "Busan", "key", "Kim"))
    data = signed.to_json().encode()
    assert letters.read_letter(data) == signed
    letters.save_letter(signed, "m", WEIGHTS)
    newer = letters.sign(replace(signed.card, made="2026-11-29"))
    letters.save_letter(newer, "m", WEIGHTS)
    assert [one.get().card.made for one in letters.letters("m", WEIGHTS)] == ["2026-11-29"]
    with pytest.raises(BadData) as older:
        letters.save_letter(signed, "m", WEIGHTS)
    assert older.value.code == "evaluation.letter-older"
    with pytest.raises(BadData) as other:
        letters.save_letter(signed, "m", ("x",))
    assert other.value.code == "evaluation.letter-of-other-weights"
    assert letters.letters("m", ("x",)) == []


def test_two_cards_of_one_site_are_recognised() -> None:
    """A later one takes the earlier one's place and says so; one of another key stands beside it, and both keys are named."""
    first = letters.sign(Letter.of(check(), "Busan", "key", "Kim"))
    assert letters.save_letter(first, "m", WEIGHTS) == letters.SavedLetter(first)
    again = letters.save_letter(letters.sign(replace(first.card, made="2026-11-29")), "m", WEIGHTS)
    assert (again.before, again.rivals, again.own) == (first.card.made, (), False)
    (home() / "keys" / "letters.key").unlink()
    other = letters.save_letter(letters.sign(Letter.of(rechecked(), "Busan", "key", "Kim")), "m", WEIGHTS)
    assert (other.before, other.rivals) == ("", (first.fingerprint,))
    assert other.signed.fingerprint != first.fingerprint
    assert len(letters.letters("m", WEIGHTS)) == 2
    own = letters.sign(Letter.of(rechecked(17), "", sites.make_site("Ward 3").site.key, ""))
    assert letters.save_letter(own, "m", WEIGHTS).own


@pytest.mark.parametrize(
    "disguise",
    [
        {},
        {"site": "Seoul", "site_key": "other", "maker": "Lee", "made": "2026-11-29"},
        {"site_key": "other", "found": {}, "calibration": (), "answered": ()},
        {"site_key": "other", "calibration": ((10.0, 0.5504, 0.8), (40.0, 0.9, 0.95))},
        {"site_key": "other", "aim": Aim(0.99), "verdict": "not-fit"},
    ],
)
def test_one_check_under_fresh_keys_counts_once(disguise: dict[str, object]) -> None:
    """Whatever its sender calls it: by its counts and curves it is the check told before, whose key is named."""
    first = letters.sign(Letter.of(check(), "Busan", "key", "Kim"))
    letters.save_letter(first, "m", WEIGHTS)
    (home() / "keys" / "letters.key").unlink()
    again = letters.sign(replace(first.card, **disguise))
    with pytest.raises(BadData) as refused:
        letters.save_letter(again, "m", WEIGHTS)
    assert refused.value.code == "evaluation.letter-told-already"
    assert (refused.value.params["key"], refused.value.params["found"]) == (first.fingerprint, again.fingerprint)
    (home() / "letters" / "m" / "put-there.json").write_text(again.to_json(), encoding="utf-8")
    assert [one.value for one in letters.letters("m", WEIGHTS)] == [first, None]


def test_a_check_of_this_home_told_back_under_another_key_is_its_own() -> None:
    """It adds no line beside the check itself; figures that differ do."""
    folder = sites.make_site("Ward 3")
    folder.keep(check())
    told = letters.sign(Letter.of(check(), "Busan", "other", "Kim"))
    assert letters.save_letter(told, "m", WEIGHTS).own
    other = Letter.of(rechecked(), "Busan", "third", "Kim")
    assert not letters.save_letter(letters.sign(other), "m", WEIGHTS).own
    assert letters.told_elsewhere([told.card, other]) == [other]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, False),
        ({"labels": ("benign", "normal", "malignant")}, True),
        ({"n_positive": 19, "scores": {}, "roc": (), "verdict": "too-few"}, True),
        ({"scores": {"sensitivity": share(17, 20)}, "roc": ()}, True),
        ({"scores": {"sensitivity": share(18, 20), "specificity": share(27, 30)}, "roc": ()}, True),
    ],
)
def test_a_card_whose_counts_deny_its_scores_contradicts_the_model(change: dict[str, object], found: bool) -> None:
    """Of 20 malignant 18 were called so: the sensitivity is 0.90 and no other; of 30 others 2."""
    letter = replace(Letter.of(check(), "", "key", ""), **change)
    assert bool(letter.contradicts(TASK.label_ids, TASK.positive)) == found


# What stands where in a card, what a forger writes there, and the rule that refuses it.
IMPOSSIBLE: list[tuple[str, object, str]] = [
    ("n_cases", 51, "core.letter-sum"),
    ("n_cases", 2**62, "core.letter-no-scans"),
    ("n_groups", 60, "core.letter-more-patients"),
    ("n_groups", 0, "core.letter-no-patients"),
    ("n_groups", 30, "core.letter-score-n"),
    ("n_positive", -1, "core.letter-below-0"),
    ("n_positive", 21, "core.letter-count"),
    ("n_positive", 0, "core.letter-count"),
    ("labels", ["normal", "benign", "benign"], "core.letter-labels-twice"),
    ("confusion", [[10, 0, 0], [0, 18, 2], [0, 2, 19]], "core.letter-sum"),
    ("confusion", [[10, 0], [0, 40]], "core.letter-table"),
    ("confusion", [[10, 0, 0], [0, 17, 3], [0, 2, 18]], "core.letter-bins"),
    ("answered", [[10, 0, 0], [0, 19, 2], [0, 2, 18]], "core.letter-answered"),
    ("answered", [[10, 0], [0, 40]], "core.letter-answered"),
    ("answered", [[8, 0, 0], [0, 16, 2], [0, 2, 18]], "core.letter-refused"),
    ("calibration", [[49.0, 0.9, 0.92]], "core.letter-calibration-sum"),
    ("calibration", [[None, 0.9, 0.92]], "core.letter-calibration-sum"),
    ("calibration", [[50.0, 0.9, 1.92]], "core.letter-calibration"),
    ("calibration", [[50.0, None, 0.92]], "core.letter-calibration"),
    ("calibration", [[-5.0, 0.5, 0.92], [55.0, 0.9, 0.92]], "core.letter-bins"),
    ("calibration", [[10.5, 0.55, 0.8], [39.5, 0.9, 0.95]], "core.letter-bins"),
    ("calibration", [[40.0, 0.9, 0.95], [10.0, 0.55, 0.8]], "core.letter-bins"),
    ("calibration", [[10.0, 0.91, 0.8], [40.0, 0.92, 0.95]], "core.letter-bins"),
    ("calibration", [[10.0, 0.55, 0.8], [40.0, 0.9, 1.0]], "core.letter-bins"),
    ("calibration", [[10.0, 0.55, 0.85], [40.0, 0.9, 0.95]], "core.letter-bins"),
    ("roc", [0.5, 0.4], "core.letter-roc"),
    ("roc", [0.6, 0.5, *ROC[2:]], "core.letter-roc"),
    ("roc", [0.5] * 21, "core.letter-area"),
    ("roc", [0.512, *ROC[1:]], "core.letter-area"),
    ("scores/auroc_disease/value", 0.76, "core.letter-area"),
    ("scores/auroc_disease", None, "core.letter-area"),
    ("scores/sensitivity/n", 21, "core.letter-count"),
    ("scores/specificity/n", 31, "core.letter-count"),
    ("scores/refused/n", 50, "core.letter-score-n"),
    ("scores/sensitivity/n", 51, "core.letter-score-n"),
    ("scores/specificity/n", 0, "core.letter-score-none"),
    ("scores/specificity/value", 0.93, "core.letter-count"),
    ("scores/unfamiliar/value", None, "core.letter-interval"),
    ("scores/specificity/low", None, "core.letter-count"),
    ("scores/sensitivity/low", -0.8, "core.letter-share"),
    ("scores/sensitivity/low", 0.89, "core.letter-narrow"),
    ("scores/sensitivity/high", 0.91, "core.letter-narrow"),
    ("scores/specificity/low", 0.95, "core.letter-interval"),
    ("scores/auroc_disease/high", 0.8, "core.letter-interval"),
    ("scores/auroc_disease/level", 0.5, "core.letter-interval"),
    ("scores/auroc_disease/value", 1.5, "core.letter-share"),
    ("scores/ppv/value", 0.58, "core.letter-predictive"),
    ("scores/npv/value", 0.99, "core.letter-predictive"),
    ("scores/specificity", None, "core.letter-predictive"),
    ("scores/refused", replace(share(10, 50), n=45).to_dict(), "core.letter-refused"),
    ("scores/unfamiliar", replace(share(6, 50), n=45).to_dict(), "core.letter-refused"),
    ("scores/joy", share(1, 2).to_dict(), "core.letter-unnamed"),
    ("scores", {}, "core.letter-verdict"),
    ("verdict", "not-fit", "core.letter-verdict"),
    ("aim/prevalence", 0.4, "core.letter-predictive"),
    ("found/grain", -1.0, "core.letter-finding"),
    ("found/grain", 256.0, "core.letter-finding"),
    ("found/coloured", 1.5, "core.letter-finding"),
    ("found/mm_per_px", None, "core.letter-finding"),
    ("found/Mustermann", 1.0, "core.letter-finding"),
    ("made", "2026-13-45", "core.letter-day"),
    ("made", "yesterday", "core.letter-day"),
    ("maker", "x" * 1000, "core.letter-text"),
    ("maker", "Kim\x1b[2J", "core.letter-text"),
    ("site", "\u202eevil", "core.letter-text"),
    ("weights", [], "core.letter-weights"),
    ("weights", [""], "core.letter-weights"),
    ("site_key", "", "core.letter-no-key"),
    ("site_key", " ", "core.letter-no-key"),
]


def forged(place: str, value: object) -> bytes:
    """A signed card with another value at a place; a score that is none is left out."""
    data = json.loads(letters.sign(Letter.of(check(), "", "key", "")).to_json())
    *path, last = place.split("/")
    at = data["card"]
    for name in path:
        at = at[name]
    at[last] = value
    if path == ["scores"] and value is None:
        del at[last]
    return json.dumps(data).encode()


@pytest.mark.parametrize(("place", "value", "code"), IMPOSSIBLE)
def test_impossible_numbers_are_refused_even_when_signed(place: str, value: object, code: str) -> None:
    """Before the signature is looked at, each by its own rule."""
    with pytest.raises(BadData) as refused:
        letters.read_letter(forged(place, value))
    assert (refused.value.code, refused.value.params["found"].code) == ("core.impossible-letter", code)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("n_cases", 50.0),
        ("n_cases", True),
        ("n_cases", "50"),
        ("n_cases", 10**30),
        ("n_cases", None),
        ("confusion", [[10.0, 0, 0], [0, 18, 2], [0, 2, 18]]),
        ("roc", [0.5, "0.5"]),
        ("roc", {"0": 1}),
        ("weights", "w"),
        ("weights", [1]),
        ("verdict", "splendid"),
        ("scores", []),
        ("scores/sensitivity/n", -1),
        ("scores/sensitivity/level", 95),
        ("scores/sensitivity/low", 0.99),
        ("aim/prevalence", None),
        ("aim/prevalence", 0),
        ("schema", 3),
        ("rows", []),
    ],
)
def test_values_of_another_kind_are_refused(place: str, value: object) -> None:
    """Whole numbers with a point, truth for one, numbers as text, numbers beyond 64 bits, unknown words and fields."""
    with pytest.raises(MedclsError):
        letters.read_letter(forged(place, value))
    with pytest.raises(MedclsError):
        letters.read_letter(forged("n_cases", 50).replace(b'"n_cases": 50', b'"n_cases": NaN'))


def test_the_card_that_is_forged_is_itself_true() -> None:
    """Else every forgery would be refused for a reason of its own."""
    letter = letters.read_letter(forged("n_cases", 50)).card
    assert letters.contradicts(letter, TASK.label_ids, TASK.positive) is None


@pytest.mark.parametrize(
    ("goal", "verdict", "n_groups", "possible"),
    [
        (0.7, "fit", 45, True),
        (0.75, "fit", 45, False),
        (0.75, "too-few", 50, True),
        (0.7, "too-few", 45, True),
        (0.7, "too-few", 50, False),
        (0.95, "not-fit", 45, False),
        (0.99, "not-fit", 45, True),
    ],
)
def test_a_verdict_that_so_few_scans_cannot_give_is_refused(
    goal: float, verdict: str, n_groups: int, possible: bool
) -> None:
    """18 of 20 settle 0.70 and 0.99 and nothing between; with a scan a patient they cannot be too few for these."""
    letter = replace(Letter.of(check(), "", "key", ""), aim=Aim(goal), verdict=verdict, n_groups=n_groups)
    assert (letters.contradicts(letter, TASK.label_ids, TASK.positive) is None) == possible


@pytest.mark.parametrize(("n", "same"), [(12, False), (60, False), (60, True), (200, True)])
def test_a_true_check_is_always_a_card_that_can_be(n: int, same: bool, tiny_asked: Callable[..., SiteCheck]) -> None:
    """Of any size, patients with one scan or several, ties and one-sided sets among them."""
    for seed in range(6):
        made = tiny_asked(n, seed, same)
        letter = Letter.of(made, "", "key", "")
        assert letters.read_letter(letters.sign(letter).to_json().encode()).card.to_dict() == letter.to_dict()
        assert letters.contradicts(letter, TASK.label_ids, TASK.positive) is None


@pytest.fixture
def tiny_asked() -> Callable[..., SiteCheck]:
    """Checks of a model that answers at random; with `same`, several scans a patient and probabilities rounded."""

    def made(n: int, seed: int, same: bool) -> SiteCheck:
        rng = np.random.default_rng(seed)
        truth = rng.choice(3, n, p=((0.2, 0.5, 0.3), (0.4, 0.6, 0.0), (0.05, 0.9, 0.05))[seed % 3])
        prob = rng.dirichlet([0.5, 0.5, 0.5], n) + 1.5 * (seed % 2) * np.eye(3)[truth]
        prob = np.round(prob, 1) + 1e-3 if same else prob
        prob[:, 1] += 9.0 * (seed % 4 == 3)  # all called malignant: the others' predictive value is not known
        prob = prob[:1].repeat(n, 0) if seed == 5 else prob
        group = rng.integers(0, max(2, n // 2), n) if same else np.arange(n)
        ids = np.array([str(i) for i in range(n)])
        table = CaseTable(ids, group.astype(str), truth, prob / prob.sum(1, keepdims=True), TASK.label_ids, {})
        far = rng.random(n) < 0.1
        asked = Asked(table, far | (rng.random(n) < 0.1), far, 0, rng.random(n))
        return check_asked(Of(), asked, "Ward", Aim(0.6, 0.5 * (seed % 2)), {"grain": 1.0})

    return made


class Of:
    """What a check asks of a model: its card."""

    card = ModelCard("m", "m", TASK, "cancernet", Preprocess(size_px=64), files={"model.safetensors": WEIGHTS[0]})


def test_a_card_of_a_day_that_has_not_come_is_not_kept() -> None:
    """A clock that is a day ahead is borne."""
    today = datetime.now(UTC).date()
    letter = Letter.of(check(), "", "key", "")
    letters.save_letter(letters.sign(replace(letter, made=(today + timedelta(days=1)).isoformat())), "m", WEIGHTS)
    with pytest.raises(BadData) as refused:
        letters.save_letter(letters.sign(replace(letter, made=(today + timedelta(days=3)).isoformat())), "m", WEIGHTS)
    assert refused.value.code == "evaluation.letter-of-tomorrow"


@pytest.mark.parametrize("spoil", ["maker", "signature", "key", "bytes", "empty"])
def test_a_letter_that_was_changed_is_refused(spoil: str) -> None:
    """Any letter of it."""
    data = json.loads(letters.sign(Letter.of(check(), "Busan", "key", "Kim")).to_json())
    if spoil == "maker":
        data["card"]["maker"] = "Lee"
    elif spoil in ("signature", "key"):
        data[spoil] = data[spoil][:-8] + "AAAAAAA="
    text = {"bytes": b"\x00\xff", "empty": b""}.get(spoil, json.dumps(data).encode())
    with pytest.raises(MedclsError):
        letters.read_letter(text)


def test_what_an_older_medcls_signed_still_holds() -> None:
    """It knew no counts of answered scans; with them the signature covers them."""
    old = letters.sign(Letter.of(replace(check(), answered=()), "Busan", "key", "Kim"))
    data = json.loads(old.to_json())
    del data["card"]["answered"]
    assert letters.read_letter(json.dumps(data).encode()) == old
    first = letters.sign(replace(Letter.of(check(), "Busan", "key", "Kim"), schema=1))
    assert letters.read_letter(first.to_json().encode()).card.schema == 1, "the signature covers the number"
    told = letters.sign(Letter.of(replace(check(), answered=((8, 0, 0), (0, 17, 2), (0, 2, 16))), "", "key", ""))
    data = json.loads(told.to_json())
    assert letters.read_letter(told.to_json().encode()) == told
    data["card"]["answered"] = [[7, 0, 0], [0, 17, 2], [0, 2, 17]]
    with pytest.raises(BadData) as changed:
        letters.read_letter(json.dumps(data).encode())
    assert changed.value.code == "evaluation.letter-signature"


def test_a_letter_has_no_room_for_rows_or_names() -> None:
    """Its keys are the documented ones; none holds a case."""
    data = json.loads(letters.sign(Letter.of(check(), "", "k", "")).to_json())["card"]
    assert not {"cases", "case", "group", "sha256", "file"} & set(data)
