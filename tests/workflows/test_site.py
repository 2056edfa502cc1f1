"""From labelled scans to a verdict, settings, a mailed card and a watch: the same by workflow and by command."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medcls import audit
from medcls.cli import main
from medcls.core.letter import Letter
from medcls.core.outcome import Outcome
from medcls.core.site import FOUND, Aim, SiteEvent, SiteSettings
from medcls.data.collections import add_collection
from medcls.errors import BadData, BadScan, BadSpec, Conflict, MedclsError
from medcls.evaluation import letters, sites
from medcls.evaluation.site_figures import threshold_record
from medcls.imaging.decode import read_scan
from medcls.imaging.phantom import phantom
from medcls.models import store
from medcls.models.opening import open_model
from medcls.workflows import case_report, classify, site, site_figures, site_look
from tests.imaging.dicom_files import dataset, written

MODEL = "breast-ultrasound--tiny--0001"
MARKER = "Mustermann-1957"


@pytest.fixture
def ward(tiny_model, tmp_path: Path) -> tuple[str, ...]:
    """Thirty-six labelled phantoms, some files named after a person."""
    for label in ("normal", "benign", "malignant"):
        folder = tmp_path / "ward" / label
        folder.mkdir(parents=True)
        for seed in range(100, 112):
            (folder / f"{MARKER}-{seed}.png").write_bytes(phantom("breast-ultrasound", label, seed))
    add_collection(tmp_path / "ward", "ward", task_id="breast-ultrasound")
    return ("ward",)


def test_a_check_is_kept_and_its_figures_are_those_of_the_answers(ward) -> None:
    """Counts add up, every score has its interval, and the site remembers."""
    done = site.check_site("Ward 3", MODEL, ward, Aim(0.5, 0.0, 0.2))
    check = done.check
    assert (check.n_cases, check.n_positive, sum(map(sum, check.confusion))) == (36, 12, 36)
    assert {
        "auroc_disease",
        "sensitivity",
        "specificity",
        "ppv",
        "npv",
        "refused",
        "ece_excess",
        "ece_excess_after",
    } <= set(check.scores)
    hits = check.confusion[2][2] / 12
    assert check.scores["sensitivity"].value == pytest.approx(hits)
    assert check.found["shorter_side_px"] == 360
    assert {"grain", "coloured", "marked"} < set(check.found) <= set(FOUND)
    folder = site.site_folder("Ward 3")
    assert [one.get() for one in folder.checks()] == [check]
    assert folder.last_check(MODEL, check.weights) == check
    assert {"evaluation.site-no-patients"} <= {note.code for note in check.why}


def test_settings_change_answers_here_and_nowhere_else(ward) -> None:
    """Applied, they stand in the answer with the site's name; undone, it is as before."""
    done = site.check_site("Ward 3", MODEL, ward, Aim(0.5))
    card, scan = store.read_card(MODEL), read_scan(phantom("breast-ultrasound", "malignant", 200))
    plain = open_model(MODEL).predict(scan)
    assert site.read_at("Ward 3", plain, card) is plain
    site.apply_settings(replace(done.settings, threshold=0.0))
    read = site.read_at("Ward 3", plain, card)
    assert "evaluation.site-threshold" in {note.code for note in read.points} or read.decided is None
    assert store.read_card(MODEL) == card
    told = {
        line.what: (line.facts["site"], line.facts.get("model_id", line.facts.get("model"))) for line in audit.lines()
    }
    assert told == dict.fromkeys(("site.check", "site.apply"), ("Ward 3", MODEL))
    assert site.undo_settings("Ward 3", MODEL) is None
    assert site.read_at("Ward 3", plain, card) is plain
    with pytest.raises(BadSpec) as nothing:
        site.undo_settings("Ward 3", MODEL)
    assert nothing.value.code == "workflows.nothing-to-undo"


def test_two_who_undo_the_same_settings_undo_them_once(tiny_model) -> None:
    """The second click is told so; a line of an older medcls, which names no settings, takes back the last."""
    first = SiteSettings("Ward 3", MODEL, ("ab",), temperature=2.0, made="2026-11-29")
    second = replace(first, temperature=3.0)
    folder = sites.make_site("Ward 3")
    for settings in (first, second):
        site.apply_settings(settings)
    left = site.undo_settings("Ward 3", MODEL, seen=2)
    assert left is not None
    assert left.is_same(first)
    with pytest.raises(Conflict) as moved:
        site.undo_settings("Ward 3", MODEL, seen=2)
    assert moved.value.code == "workflows.settings-not-in-force"
    folder.record(SiteEvent("undone", MODEL, "late", "2026-11-29T00:00:00Z", second))
    in_force = folder.settings(MODEL)
    assert in_force is not None
    assert in_force.is_same(first)
    folder.record(SiteEvent("undone", MODEL, "old", "2026-11-29T00:00:00Z"))
    assert folder.settings(MODEL) is None
    with pytest.raises(BadSpec) as nothing:
        site.undo_settings("Ward 3", MODEL, seen=1)
    assert nothing.value.code == "workflows.nothing-to-undo"


def test_of_the_same_settings_applied_twice_a_click_undoes_the_last(tiny_model) -> None:
    """Two who clicked on the same undo it once."""
    sites.make_site("Ward 3")
    same = SiteSettings("Ward 3", MODEL, ("ab",), temperature=2.0, made="2026-11-29")
    for _ in range(2):
        site.apply_settings(same)
    left = site.undo_settings("Ward 3", MODEL, seen=2)
    assert left is not None
    with pytest.raises(Conflict):
        site.undo_settings("Ward 3", MODEL, seen=2)
    assert site.site_folder("Ward 3").settings(MODEL) is not None
    assert site.undo_settings("Ward 3", MODEL) is None


def test_the_trail_says_what_was_shown_and_what_the_model_says_where_they_differ(ward) -> None:
    """By a report, by a batch, and read anew; without a difference, or without a site, the answer alone."""
    settings = site.check_site("Ward 3", MODEL, ward, Aim(0.5)).settings
    model, card = open_model(MODEL), store.read_card(MODEL)
    scans = [phantom("breast-ultrasound", "benign", seed) for seed in range(200, 230)]
    plain = [model.predict(read_scan(data)) for data in scans]
    data = next(d for d, p in zip(scans, plain, strict=True) if p.decided == "benign" and p.prob[2] > 1e-6)
    site.apply_settings(replace(settings, threshold=1e-9, temperature=1.0))
    before = sum(1 for _ in audit.lines())
    case_report.make_case(data, "", model, said=case_report.Said(site="Ward 3"))
    (_,) = classify.classify_many([Outcome("x", data)], model, site="Ward 3")
    answer = classify.classify_one(read_scan(data), model)
    classify.audit_shown(card, answer, "Ward 3")
    classify.audit_shown(card, answer, "")
    lines = list(audit.lines())[before:]
    told = [(line.what, line.facts["answer"], line.facts.get("model_answer"), line.facts.get("site")) for line in lines]
    at, alone = ("classify", "malignant", "benign", "Ward 3"), ("classify", "benign", None, None)
    assert told == [at, at, alone, at, alone]


def test_what_a_site_s_threshold_calls_is_told_by_its_own_figures_everywhere(ward) -> None:
    """Answer, probability, heatmap, worth and several views of a report are those of the label called."""
    settings = site.check_site("Ward 3", MODEL, ward, Aim(0.5)).settings
    model, card = open_model(MODEL), store.read_card(MODEL)
    scans = [phantom("breast-ultrasound", "benign", seed) for seed in range(200, 230)]
    low = [d for d in scans if (p := model.predict(read_scan(d))).decided == "benign" and p.prob[2] > 1e-6][:2]
    site.apply_settings(replace(settings, threshold=1e-9, temperature=1.0))
    said = case_report.Said(site="Ward 3")
    cases = [case_report.make_case(data, "", model, said=said) for data in low]
    for case in cases:
        assert case.prediction.decided == case.heatmap.label == "malignant"
        assert case.prediction.stands_at == case.prediction.prob[2] < 0.5
        codes = [note.code for note in case.worth]
        assert codes[:2] == ["evaluation.record-threshold", "evaluation.record-place"]
        assert "evaluation.record-at" not in codes
    view = case_report.View(cases[1].scan, cases[1].prediction)
    assert case_report.with_views(cases[0], [view]).together.decided == "benign"
    together = case_report.with_views(cases[0], [view], "Ward 3").together
    assert (together.decided, together.points[-1].code) == ("malignant", "evaluation.site-threshold")
    plain = case_report.track_record(card, "malignant", 0.1, "Ward 3")
    assert plain[0].code == "evaluation.record-place"
    assert {"evaluation.record-at"} <= {note.code for note in plain}


def test_approval_needs_a_passed_check_or_a_reason(ward) -> None:
    """Both are kept; a site that is not known approves nothing."""
    with pytest.raises(MedclsError) as unknown:
        site.set_state("Ward 9", MODEL, "approved", why="because")
    assert (unknown.value.code, unknown.value.params["site"]) == ("evaluation.no-such-site", "Ward 9")
    site.check_site("Ward 3", MODEL, ward, Aim(0.99))
    card = store.read_card(MODEL)
    assert site.state_of("Ward 3", card) == "draft"
    with pytest.raises(BadSpec) as refused:
        site.set_state("Ward 3", MODEL, "approved")
    assert refused.value.code == "workflows.approve-without-check"
    site.set_state("Ward 3", MODEL, "approved", "kim", "for a trial of two weeks")
    assert site.state_of("Ward 3", card) == "approved"
    event = list(site.site_folder("Ward 3").history())[-1]
    assert (event.who, event.why) == ("kim", "for a trial of two weeks")
    site.set_state("Ward 3", MODEL, "retired")
    assert site.state_of("Ward 3", card) == "retired"
    assert site.state_of("", card) == "draft"


def test_too_few_scans_and_those_learned_from_are_told(tiny_model, tmp_path: Path) -> None:
    """With counts, not with a figure."""
    folder = tmp_path / "few" / "benign"
    folder.mkdir(parents=True)
    (folder / "a.png").write_bytes(phantom("breast-ultrasound", "benign", 1))
    (tmp_path / "few" / "malignant").mkdir()
    (tmp_path / "few" / "malignant" / "b.png").write_bytes(phantom("breast-ultrasound", "malignant", 1))
    add_collection(tmp_path / "few", "few", task_id="breast-ultrasound")
    with pytest.raises(MedclsError) as few:
        site.check_site("Ward 3", MODEL, ("few",), Aim())
    assert (few.value.code, few.value.params["n"]) == ("evaluation.site-too-few-scans", 2)


def test_from_a_check_to_another_home(ward, tmp_path: Path, monkeypatch, capsys) -> None:
    """By command: check, card by mail, imported where the same model is; names of files reach neither card nor watch."""
    card = tmp_path / "card.json"
    assert (
        main(
            [
                "site",
                "check",
                "--site",
                "Ward 3",
                "--model",
                MODEL,
                "--data",
                *ward,
                "--sensitivity",
                "0.5",
                "--card",
                str(card),
                "--json",
            ]
        )
        == 0
    )
    told = json.loads(capsys.readouterr().out)
    assert told["verdict"] in ("fit", "not-fit", "too-few")
    assert MARKER not in card.read_text()
    site.consent("Ward 3", True)
    answers = [open_model(MODEL).predict(read_scan(phantom("breast-ultrasound", "benign", s))) for s in range(3)]
    assert site.watch("Ward 3", answers, store.read_card(MODEL))
    found, alarms = site.watched("Ward 3", MODEL)
    assert (found[0].get().scans, alarms) == (3, ())
    for path in (site.site_folder("Ward 3").path).rglob("*"):
        if path.is_file():
            assert MARKER.encode() not in path.read_bytes()
    weights = tmp_path / "home" / "weights"
    monkeypatch.setenv("MEDCLS_HOME", str(tmp_path / "other"))
    (tmp_path / "other").mkdir()
    weights.rename(tmp_path / "other" / "weights")
    assert main(["site", "import", str(card)]) == 0
    (letter,) = site.letters_of(store.read_card(MODEL))
    assert letter.get().card.n_cases == 36
    changed = json.loads(card.read_text())
    changed["card"]["weights"] = ["0" * 64]
    card.write_text(json.dumps(changed))
    assert main(["site", "import", str(card)]) != 0


def test_what_an_answer_was_worth_comes_from_the_model_s_own_cases(tiny_model) -> None:
    """By collection, where no site is told."""
    found = site.track_records(store.read_card(MODEL), "malignant", 0.1)
    assert found
    for one in found.values():
        assert one.right <= one.said
        assert sum(one.missed.values()) <= one.of


def test_scans_dropped_on_the_page_are_checked_without_being_written(tiny_model, home) -> None:
    """By patient where one is named; the same picture twice is one group."""
    task = store.read_card(MODEL).task
    scans = [
        (phantom("breast-ultrasound", label, s), label, f"{MARKER} {s}")
        for s in range(300, 306)
        for label in task.label_ids
    ]
    done = site.check_dropped("Ward 3", MODEL, [*scans, scans[0]], Aim(0.5))
    assert (done.check.n_cases, done.check.n_groups) == (19, 6)
    assert not [p for p in home.rglob("*") if p.is_file() and (p.suffix == ".png" or MARKER.encode() in p.read_bytes())]


def test_settings_rest_on_patients_left_out_and_a_threshold_no_better_is_not_offered(ward) -> None:
    """Its figures are kept all the same; a sensitivity that nobody asked for is not fitted."""
    done = site.check_site("Ward 3", MODEL, ward, Aim(0.5))
    gain = done.settings.kept["threshold_gain"]
    assert np.isnan(done.settings.threshold) == (not gain.low > 0)
    assert {"log_loss_gain", "sensitivity", "specificity", "threshold_gain"} <= set(done.settings.kept)
    assert done.settings.caution == 1.0
    assert "sensitivity" not in site.check_site("Ward 3", MODEL, ward, Aim(0.0, 0.5)).settings.kept


def test_without_labels_it_is_said_what_can_be_said_and_what_cannot(tiny_model, home) -> None:
    """Every scan is counted once; a file that is no scan stops nothing; nothing is kept."""
    files = [Outcome(f"{MARKER} {i}", phantom("breast-ultrasound", "benign", i)) for i in range(12)]
    broken = [Outcome("x", b"no picture"), Outcome("y", error=BadScan("imaging.unopenable", reason="x"))]
    look, told = site_look.inspect_site(MODEL, [*files, *broken])
    refused = round(look.refused.value * look.n_cases)
    assert (look.n_cases, look.n_failed, sum(look.decided.values()) + refused, sum(look.score)) == (12, 2, 12, 12)
    assert told[0].code == "evaluation.look-refused"
    assert told[-1].code == "evaluation.look-cannot"
    assert set(look.found) <= set(FOUND)
    assert MARKER not in look.to_json()
    assert not (home / "sites").exists()
    with pytest.raises(BadData) as nothing:
        site_look.inspect_site(MODEL, broken[:1])
    assert nothing.value.code == "evaluation.site-nothing-to-look-at"


def test_a_look_by_command(tiny_model, tmp_path: Path, capsys) -> None:
    folder = tmp_path / "ward"
    folder.mkdir()
    (folder / "a.png").write_bytes(phantom("breast-ultrasound", "benign", 1))
    assert main(["site", "look", "--model", MODEL, str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n_cases"] == 1
    (folder / "b.png").write_bytes(b"no picture")
    assert main(["site", "look", "--model", MODEL, str(folder)]) == 1


def test_what_stands_in_a_scan_s_header_reaches_neither_card_nor_watch(tiny_model, home, tmp_path: Path) -> None:
    """Names of the patient, institution and device, in every file that the site keeps or mails."""

    def tagged(label: str, seed: int) -> bytes:
        pixels = read_scan(phantom("breast-ultrasound", label, seed)).pixels
        return written(
            dataset(
                np.rint(pixels * (255 if pixels.max() <= 1 else 1)).astype(np.uint8),
                PatientName=MARKER,
                PatientID=MARKER,
                InstitutionName=MARKER,
                StationName=MARKER[:16],
                SeriesDescription=MARKER,
            )
        )

    task = store.read_card(MODEL).task
    scans = [(tagged(label, s), label, f"{MARKER} {s}") for s in range(400, 405) for label in task.label_ids]
    assert all(MARKER.encode() in data for data, _, _ in scans)
    done = site.check_dropped("Ward 3", MODEL, scans, Aim(0.5))
    site.write_letter("Ward 3", done.check, tmp_path / "card.json")
    site.consent("Ward 3", True)
    assert site.watch("Ward 3", [open_model(MODEL).predict(read_scan(d)) for d, _, _ in scans], store.read_card(MODEL))
    kept = [p for p in [*home.rglob("*"), tmp_path / "card.json"] if p.is_file()]
    assert any(p.parent.name == MODEL and p.parent.parent.name == "watch" for p in kept)
    assert not [p for p in kept if MARKER.encode() in p.read_bytes()]


def test_a_card_that_its_own_counts_deny_is_refused_though_it_is_signed(ward) -> None:
    """A sensitivity that no table of its counts gives."""
    check = site.check_site("Ward 3", MODEL, ward, Aim(0.5)).check
    other = 0.0 if check.scores["sensitivity"].value > 0.5 else 1.0
    better = replace(check.scores["sensitivity"], value=other, low=0.0, high=1.0)
    scores = {name: score for name, score in check.scores.items() if name not in ("ppv", "npv")}  # these deny it, too
    forged = letters.sign(Letter.of(replace(check, scores=scores | {"sensitivity": better}), "", "key", ""))
    with pytest.raises(BadData) as refused:
        site.import_letter(forged.to_json().encode())
    assert refused.value.code == "evaluation.letter-contradicts-model"


def test_what_an_answer_is_worth_here_follows_the_prevalence(ward) -> None:
    """The site's own is taken where it was told; a report gives the interval; a threshold in force is judged by itself."""
    done = site.check_site("Ward 3", MODEL, ward, Aim(0.5, 0.0, 0.2))
    card = store.read_card(MODEL)
    assert site_figures.prevalence_at("Ward 3", card) == 0.2
    assert site_figures.prevalence_at("Ward 9", card) is site_figures.prevalence_at("", card) is None
    rare, common = (
        float(
            next(n for n in case_report.track_record(card, "malignant", p) if n.code == "evaluation.record-at").params[
                "n"
            ]
        )
        for p in (0.01, 0.5)
    )
    assert rare < common
    kept = {name: done.settings.kept[name] for name in ("sensitivity", "specificity")}
    (note,) = threshold_record(done.settings, card.task, "malignant", 0.1)
    ill, well = 0.1 * kept["sensitivity"].value, 0.9 * (1 - kept["specificity"].value)
    assert float(note.params["here"].params["n"]) == pytest.approx(100 * ill / (ill + well), abs=0.5)
    assert threshold_record(replace(done.settings, kept={}), card.task, "malignant", 0.1) == ()


def test_answers_that_cannot_be_counted_are_a_sentence(ward) -> None:
    """A disk that is full or locked, here a file where the counts' folder should be."""
    site.check_site("Ward 3", MODEL, ward, Aim(0.5))
    site.consent("Ward 3", True)
    (site.site_folder("Ward 3").path / "watch").write_bytes(b"")
    answer = open_model(MODEL).predict(read_scan(phantom("breast-ultrasound", "benign", 1)))
    with pytest.raises(Conflict) as error:
        site.watch("Ward 3", [answer], store.read_card(MODEL))
    assert error.value.code == "workflows.watch-not-written"
