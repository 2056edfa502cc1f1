"""The bundle: valid by an independent validator where Node.js has it, and it says what the answer says."""

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from medcls import audit
from medcls.core.note import Note
from medcls.exits import leave
from medcls.exits.case import MODES, Case, View
from medcls.explain.verdict import Check
from medcls.workflows import trail

VALIDATE = """
const { Fhir } = require("fhir");
let text = ""; process.stdin.on("data", d => text += d).on("end", () => {
  const found = new Fhir().validate(JSON.parse(text), { errorOnUnexpected: true });
  console.log(JSON.stringify(found.messages.filter(m => m.severity === "error" || m.severity === "fatal")));
});
"""


@pytest.fixture
def case(home: Path, given: Case) -> Case:
    """A case whose answer is given; what leaves is written to the trail of a home of its own."""
    return given


def complaints(bundle: dict) -> list:
    """What npm's `fhir` finds wrong with a bundle."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not here: the bundle is not checked by an independent validator")
    done = subprocess.run([node, "-e", VALIDATE], input=json.dumps(bundle), capture_output=True, text=True, check=False)
    if "Cannot find module 'fhir'" in done.stderr:
        pytest.skip("npm's package fhir is not here: npm install fhir (NODE_PATH tells where)")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def bundle_of(case: Case, mode="record") -> dict:
    """The bundle as plain values."""
    return json.loads(leave("fhir", case, mode).data)


def of_kind(bundle: dict, kind: str) -> list[dict]:
    """Every resource of a kind in a bundle."""
    return [e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == kind]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("decided", [True, False])
def test_the_validator_finds_no_error(case: Case, mode, decided: bool) -> None:
    """A wrong code is found by it, so this test can fail."""
    case = replace(
        case,
        checks=(Check("order", True, Note("explain.check-padding-none")),),
        views=(View(case.scan, case.prediction),),
    )
    shown = (
        case
        if decided
        else replace(case, prediction=replace(case.prediction, refusal=Note("models.unsure", least=0.6)))
    )
    bundle = bundle_of(shown, mode)
    assert complaints(bundle) == []
    of_kind(bundle, "Observation")[0]["status"] = "done"
    assert complaints(bundle)


def test_every_probability_is_an_observation_and_the_finding_says_the_answer(case: Case) -> None:
    """To four places of a percent."""
    bundle = bundle_of(case)
    finding, *labels = of_kind(bundle, "Observation")
    assert [o["valueQuantity"]["value"] for o in labels] == [
        pytest.approx(100 * p, abs=1e-4) for p in case.prediction.prob
    ]
    decided = case.card.task.label(case.prediction.decided)
    assert finding["valueCodeableConcept"]["coding"][0]["display"].lower() == decided.name.lower()
    told = {
        c["code"]["coding"][0]["code"]: c["valueCodeableConcept"]["coding"][0]["code"] for c in finding["component"]
    }
    assert told["assessment"] == "accepted"
    (device,) = of_kind(bundle, "Device")
    assert device["deviceName"][0]["name"] == case.card.id
    assert device["identifier"][0]["value"] == case.model_sha256
    undecided = bundle_of(replace(case, prediction=replace(case.prediction, refusal=Note("models.unsure", least=0.6))))
    finding = of_kind(undecided, "Observation")[0]
    assert "valueCodeableConcept" not in finding
    assert finding["dataAbsentReason"]["text"] == "Cannot tell"


def test_the_audit_trail_is_valid_and_says_who_did_what(home: Path) -> None:
    """An event for each line, its digest in it; what failed is a failure."""
    audit.write("exit.pdf", who="dr.kim", model="m", model_sha256="ab" * 32, scan_sha256="cd" * 32, mode="record")
    audit.write("site.state", who="dr.lee", outcome="access.denied", site="Ward 3")
    audit.write("login", who="dr.kim", by="proxy", roles="read")
    audit.write("logout", who="dr.kim")
    bundle = json.loads(trail.export().data)
    assert complaints(bundle) == []
    first, second, came, went = of_kind(bundle, "AuditEvent")
    assert [(e["type"]["code"], e["subtype"][1]["code"]) for e in (came, went)] == [
        ("110114", "110122"),
        ("110114", "110123"),
    ]
    lines = list(audit.lines())
    assert (first["agent"][0]["who"]["display"], first["type"]["code"], first["outcome"]) == ("dr.kim", "110106", "0")
    assert (second["outcome"], second["outcomeDesc"]) == ("4", "access.denied")
    told = [entity["what"]["identifier"]["value"] for entity in first["entity"]]
    assert told == ["ab" * 32, "cd" * 32, lines[0].digest]
    first["outcome"] = "fine"
    assert complaints(bundle)


def test_references_lead_somewhere(case: Case) -> None:
    """Each names an entry of the bundle."""
    bundle = bundle_of(case)
    known = {e["fullUrl"] for e in bundle["entry"]}
    text = json.dumps(bundle)
    named = {part.split('"')[0] for part in text.split('"reference": "')[1:]}
    assert named
    assert named <= known
