"""What is wrong with a collection: looked for before any training, settled by a person, remembered in its record."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from medcls import disk
from medcls.core.collection import Audit, Case, Decision, Finding, Kind, names_owner
from medcls.core.note import Note
from medcls.core.progress import Progress, silent
from medcls.data.collection import Collection, Stored
from medcls.data.collections import note_pairs, open_collection, write_record
from medcls.data.flags import flag_pictures
from medcls.data.index import Index
from medcls.data.mending import change, settled
from medcls.data.settle import DROP, DROPPED_BY_DEFAULT, KEEP, LABEL, RENAME, Same, same_pictures
from medcls.data.split_proof import Leak, prove_parts
from medcls.data.splits import made_by_others
from medcls.data.suspects import MOST, draw_groups, find_suspects, out_of_fold, simple_features
from medcls.errors import BadData
from medcls.words import say

SHOWN = 200
ANY = ("a label",)
SINGLE: Mapping[str, tuple[str, ...]] = {DROP: ("drop",), KEEP: ("keep",), LABEL: ANY, RENAME: ANY}
Describe = Callable[[Sequence[Case]], np.ndarray]
# What is said of pictures that were flagged, and what to do about them.
_FLAGGED: Mapping[Kind, tuple[str, str]] = {
    "mask": ("data.finding-mask", "data.advice-mask"),
    "blank": ("data.finding-blank", "data.advice-blank"),
    "marks": ("data.finding-marks", "data.advice-marks"),
    "colour": ("data.finding-colour", "data.advice-colour"),
    "size": ("data.finding-size", "data.advice-size"),
    "label": ("data.finding-label", "data.advice-label"),
}
_NOT_OUT = ("", "label")  # why a case is left out whose label is judged all the same: nothing, or that very doubt
_ORDER: tuple[Kind, ...] = (
    "contradiction",
    "leak",
    "mask",
    "duplicate",
    "unreadable",
    "label",
    "blank",
    "marks",
    "colour",
    "size",
    "patients",
    "balance",
)


def run_audit(
    name: str,
    *,
    judges: Mapping[str, Describe] | None = None,
    again: bool = False,
    progress: Progress = silent,
) -> Audit:
    """Look a collection through.

    Args:
        name: Name of the collection.
        judges: What gives features of cases, (N, D) float32, to judge their labels by, by the id of its model; the mean
            of what they say counts. None or empty takes simple features of the pictures themselves.
        again: True to search for duplicates again; otherwise those found at import count.
        progress: Called with the stage, what is done and the total.

    Raises:
        BadData: If there is no such collection.
    """
    stored = open_collection(name).stored[0]
    if again:
        note_pairs(stored.index, progress)
    flag_pictures(stored.index)
    progress(0, 1, say("data.stage-labels"))
    suspects = _suspects(stored.index, tuple((judges or {}).values()))
    stored.index.flag("label", suspects, -np.arange(len(suspects)))
    stored.index.note(audited="yes", judge=", ".join(judges or ()))
    progress(1, 1, say("data.stage-labels"))
    with disk.locked(stored.folder):
        stored = Stored(stored.folder)
        write_record(stored.folder, settled(stored, stored.record.decisions))
    return _told(Stored(stored.folder))


def read_audit(name: str) -> Audit | None:
    """Return what the last audit found, with the decisions as they stand; None if there was none.

    Raises:
        BadData: If there is no such collection.
    """
    stored = open_collection(name).stored[0]
    return _told(stored) if stored.index.fact("audited") else None


def decide(name: str, decisions: Mapping[str, str | None], *, who: str = "") -> Audit:
    """Settle findings: remembered in the collection's record, carried out in its index.

    Args:
        name: Name of the collection.
        decisions: Decision by a finding's key; `drop` under `drop:<case id>`, a label under `label:<case id>` or `keep`
            under `keep:<case id>` for one case; None takes a decision back.
        who: Who decided; empty takes the name of the account.

    Returns:
        The audit with the decisions in force. Splits made before no longer fit and are refused.

    Raises:
        BadData: If there is no such collection, no such finding, or the decision is not possible for it.
    """
    stored = open_collection(name).stored[0]
    possible = {finding.key: finding.choices for finding in _told(stored).findings}
    for key, decision in decisions.items():
        allowed = SINGLE.get(key.partition(":")[0] + ":", possible.get(key, ()))
        if decision is not None and allowed != ANY and decision not in allowed:
            raise BadData(
                "data.decision-impossible", decision=decision, key=key[:40], allowed=", ".join(allowed) or "none"
            )
    change(name, decisions, who=who)
    return _told(Stored(stored.folder))


def _told(stored: Stored) -> Audit:
    """Put the audit together from what the index holds."""
    names = stored.index.column("id")
    findings = [_of_same(same, stored, names) for same in same_pictures(stored.index)]
    findings += [f for kind in _FLAGGED if (f := _of_flagged(kind, stored, names)) is not None]
    findings += [f for f in (_leak(stored), _unreadable(stored), _patients(stored), _balance(stored)) if f is not None]
    decided = [replace(f, decided=stored.record.decisions.get(f.key)) for f in findings]  # type: ignore[arg-type]
    labels = stored.index.column("label")[stored.rows]
    counts = {label: int((labels == label).sum()) for label in stored.record.labels}
    decided.sort(key=lambda f: (_ORDER.index(f.kind), -f.n, f.key))
    return Audit(
        stored.record.name,
        stored.record.fingerprint,
        tuple(decided),
        counts,
        int(stored.index.fact("pairs_compared") or 0),
    )


def _of_same(same: Same, stored: Stored, names: np.ndarray) -> Finding:
    cases = [stored.index.case(n) for n in same.rows[:SHOWN]]
    exact = Note("data.exactly") if len({case.sha256 for case in cases}) == 1 else ""
    if same.contradictory:
        count = Counter(case.label for case in cases if case.label)
        labels = [Note("data.times-as", label=stored.record.name_of(label), n=n) for label, n in sorted(count.items())]
        says, advice = Note("data.finding-contradiction", exact=exact, labels=labels), Note("data.advice-contradiction")
        kind: Kind = "contradiction"
    else:
        patients = len({case.patient for case in cases} - {None})
        across = Note("data.across-patients", n=patients) if patients > 1 else ""
        says = Note("data.finding-duplicate", n=len(same.rows), exact=exact, across=across)
        kind, advice = "duplicate", Note("data.advice-duplicate")
    ids = tuple(str(name) for name in names[same.rows[:SHOWN]])
    return Finding(same.key, kind, says, advice, len(same.rows), ids, ("merge", "drop", "keep"), same.default)


def _of_flagged(kind: Kind, stored: Stored, names: np.ndarray) -> Finding | None:
    rows = stored.index.flagged(kind)
    if kind == "label":
        rows = _undecided(stored, rows, names)
    if not len(rows):
        return None
    says, advice = _FLAGGED[kind]
    ids = tuple(str(name) for name in names[rows[:SHOWN]])
    default: Decision = "drop" if kind in DROPPED_BY_DEFAULT else "keep"
    shares = {"shares": _by_label(stored, rows)} if kind == "marks" else {}
    told = Note(says, n=len(rows), **shares)
    return Finding(kind, kind, told, Note(advice), len(rows), ids, ("keep", "drop"), default)


def _undecided(stored: Stored, rows: np.ndarray, names: np.ndarray) -> np.ndarray:
    """Return the rows of cases that nobody has decided on one by one, and that are not left out for another reason."""
    dropped, decided = stored.index.column("dropped"), stored.record.decisions
    seen = [any(f"{what}{names[n]}" in decided for what in (DROP, KEEP, LABEL)) for n in rows]
    return rows[np.isin(dropped[rows], _NOT_OUT) & ~np.array(seen, bool)]


def _by_label(stored: Stored, rows: np.ndarray) -> list[Note]:
    labels = stored.index.column("label")
    here, all_of = Counter(labels[rows].tolist()), Counter(labels.tolist())
    return [
        Note("data.finding-share", n=here[label], total=all_of[label], label=stored.record.name_of(label))
        for label in stored.record.labels
    ]


def _leak(stored: Stored) -> Finding | None:
    collection = Collection((stored,))
    parts = made_by_others(collection)
    if not parts:
        return None
    try:
        prove_parts(collection, parts)
    except Leak as leak:
        ids = tuple(dict.fromkeys(case for pair in (*leak.pairs, *leak.groups.values()) for case in pair))
        says, advice = Note("data.finding-leak", leaks=leak.found), Note("data.advice-leak")
        return Finding("leak", "leak", says, advice, len(ids), ids[:SHOWN], (), "keep")
    return None


def _unreadable(stored: Stored) -> Finding | None:
    files = stored.index.unreadable()
    if not files:
        return None
    reasons = sorted({reason for _, reason in files}, key=str)[:3]
    says, advice = Note("data.finding-unreadable", n=len(files), reasons=reasons), Note("data.advice-unreadable")
    names = tuple(name for name, _ in files[:SHOWN])
    return Finding("unreadable", "unreadable", says, advice, len(files), names, (), "keep")


def _patients(stored: Stored) -> Finding | None:
    index = stored.index
    owners = zip(index.column("patient"), index.column("own_group"), strict=True)
    n_missing = sum(patient is None and not names_owner(group) for patient, group in owners)
    if not n_missing:
        return None
    says, advice = Note("data.finding-patients", n=n_missing), Note("data.advice-patients")
    return Finding("patients", "patients", says, advice, n_missing, (), (), "keep")


def _balance(stored: Stored) -> Finding | None:
    labels = stored.index.column("label")[stored.rows]
    counts = {label: int((labels == label).sum()) for label in stored.record.labels}
    if not counts or min(counts.values()) * 4 > max(counts.values()):
        return None
    says = Note("data.finding-balance", counts=[f"{n} {stored.record.name_of(label)}" for label, n in counts.items()])
    return Finding("balance", "balance", says, Note("data.advice-balance"), 0, (), (), "keep")


def _suspects(index: Index, judges: Sequence[Describe]) -> np.ndarray:
    labels, groups = index.column("label"), index.column("grp")
    usable = np.array([label is not None for label in labels], bool) & np.isin(index.column("dropped"), _NOT_OUT)
    usable[index.flagged("mask")] = False
    usable[index.flagged("blank")] = False
    rows = np.flatnonzero(usable)
    rows = rows[draw_groups(groups[rows], MOST)] if len(rows) else rows
    names, truth = np.unique(labels[rows].astype(str), return_inverse=True)
    few = [
        k for k in range(len(names)) if len(set(groups[rows][truth == k])) < 20
    ]  # a slide or two teach slides, not labels
    if len(names) < 2 or few:
        return np.zeros(0, np.int64)
    cases = [index.case(int(n)) for n in rows] if judges else []
    described = [describe(cases) for describe in judges] or [simple_features(index.descriptors()[rows])]
    prob = np.mean([out_of_fold(features, truth, groups[rows]) for features in described], axis=0)
    known = np.flatnonzero(np.isfinite(prob).all(1))
    best, own = prob[known].argmax(1), prob[known, truth[known]]
    told = zip(rows[known], names[best], prob[known].max(1), own, strict=True)
    index.note_judged((int(n), str(label), float(p), float(q)) for n, label, p, q in told)
    return rows[find_suspects(prob, truth)]
