"""Who may do what: by role, checked in the workflows; a header only from a trusted address; nothing with a damaged file."""

import inspect
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.runtime.context import StreamlitHeaders

from medcls import access, audit
from medcls.access import LOCAL, NOBODY, ROLES, Denied, Visitor
from medcls.errors import BadSpec, Conflict, MedclsError
from medcls.workflows import classify, pacs, people, trail
from medcls.workflows.acts import act
from pages._ui.security import VOUCHED, without_claims
from pages._ui.visitor import login_name

RULES = """
[proxy]
header = "X-Forwarded-User"
trusted = ["127.0.0.1", "10.1.0.0/16", "::1"]
[roles]
read = ["*"]
build = ["kim"]
approve = ["lee"]
admin = ["root"]
"""
# Workflows that change something, or show or let out what was dropped, with the role each needs.
GUARDED = {
    "read": "case_report.make_case case_report.send_out classify.classify_one classify.classify_open classify.audit_shown compare_scan.compare_scan exchange.export_bytes "
    "evaluate.write exchange.export_model exchange.export_onnx pacs.fetch pacs.put_away pacs.send_back "
    "pacs.sendings pacs.try_again pacs.worklist pacs_rules.work tissue.map_patches",
    "build": "data.remove_collection data_audit.audit_collection data_audit.decide data_mend.change data_mend.undo data_plan.add_planned data_plan.uploaded_file data_plan.list_not_taken data_plan.make_plan "
    "data_split.split_collection data_split.take_split ensemble.make_ensemble exchange.import_model fold_results.publish_folds "
    "folds.start_folds pointing.keep run_again.reproduce_run run_results.publish_run run_table.describe_run runs.delete_run runs.rename_run runs.resume_run "
    "runs.start_run runs.stop_run search.join_search search.resume_search search.start_search search.stop_search "
    "site.check_dropped site.check_site site.import_letter stress.keep",
    "approve": "models.retire site.apply_settings site.set_state site.undo_settings site.write_letter thresholds.forget_threshold "
    "thresholds.save_threshold",
    "admin": "exchange.remove_model site.consent trail.export trail.lines trail.verify",
}
WORKFLOWS = [(role, name) for role, names in GUARDED.items() for name in names.split()]


def write_rules(home: Path, text: str = RULES) -> None:
    """Put rules in force."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "access.toml").write_text(text)


def test_without_a_file_everybody_is_local_and_may_do_all() -> None:
    """Off by default."""
    assert access.present() == LOCAL
    assert [access.need(role).name for role in ROLES] == ["local"] * 4


@pytest.mark.parametrize(
    ("name", "roles"),
    [("eve", {"read"}), ("kim", {"read", "build"}), ("lee", {"read", "approve"}), ("root", set(ROLES)), ("", set())],
)
def test_roles_follow_the_login_name(home: Path, name: str, roles: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever builds or approves reads, an admin does all, nobody does nothing."""
    write_rules(home)
    monkeypatch.setattr(access, "_ask", [lambda: name])
    assert access.present().roles == roles
    for role in ROLES:
        if role in roles:
            assert access.need(role).name == name
        else:
            with pytest.raises(Denied) as refused:
                access.need(role)
            assert refused.value.code == ("access.denied" if name else "access.not-logged-in")


def test_a_process_that_cannot_ask_who_it_is_may_do_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread without a session, a server that forgot to ask."""
    write_rules(home)
    for asked in ([login_name], []):
        monkeypatch.setattr(access, "_ask", asked)
        assert access.present() == NOBODY


@pytest.mark.parametrize(
    "text",
    [
        "[proxy",
        "[roles]\nread = ['*']",
        "[proxy]\nheader = 'X-User'",
        "[proxy]\nheader = 'u'\ntrusted = ['nowhere']",
        RULES + "boss = ['kim']",
        RULES.replace("['kim']", "kim").replace('["kim"]', '"kim"'),
        RULES + "[oidc]\non = true",
        "[oidc]\non = 'no'",
    ],
)
def test_with_a_file_that_cannot_be_used_nobody_may_do_anything(home: Path, text: str) -> None:
    """Not even read: a slip must not open the door."""
    write_rules(home, text)
    for role in ROLES:
        with pytest.raises(BadSpec) as refused:
            access.need(role)
        assert refused.value.code == "access.unreadable"


@pytest.mark.parametrize(
    ("peer", "sent", "kept"),
    [
        ("127.0.0.1", ["kim"], True),
        ("10.1.7.7", ["kim"], True),
        ("::ffff:10.1.7.7", ["kim"], True),
        ("10.2.0.1", ["kim"], False),
        ("", ["kim"], False),
        ("127.0.0.1", ["kim", "root"], False),
    ],
)
def test_the_door_vouches_for_a_name_only_if_a_trusted_proxy_sent_it_once(
    home: Path, peer: str, sent: list[str], kept: bool
) -> None:
    """From anywhere else it is anybody's claim; the door's own header never comes from outside."""
    write_rules(home)
    claims = [(b"X-Medcls-Visitor", b"root"), (b"host", b"here")]
    headers = through_the_door(peer, [(b"X-Forwarded-User", name.encode()) for name in sent] + claims)
    assert headers == [(b"host", b"here"), *([(VOUCHED, b"kim")] if kept else [])]


def through_the_door(peer: str, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """What is left of a request's headers behind the door."""
    return without_claims({"type": "websocket", "client": (peer, 1), "headers": headers})["headers"]


@pytest.mark.parametrize("earlier", ["", "[proxy", RULES.replace("X-Forwarded-User", "X-Other")])
def test_a_claim_from_before_the_rules_is_believed_by_no_session(
    home: Path, earlier: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session keeps the headers it was opened with, whatever rules came into force since."""
    if earlier:
        write_rules(home, earlier)
    claims = [(b"X-Forwarded-User", b"root"), (b"X-Medcls-Visitor", b"root")]
    kept = StreamlitHeaders([(k.decode(), v.decode()) for k, v in through_the_door("192.0.2.7", claims)])
    write_rules(home)
    monkeypatch.setattr("pages._ui.visitor.st.context", SimpleNamespace(headers=kept))
    assert login_name() == ""


def test_whom_the_door_vouches_for_is_at_work(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the proxy's header to the login name."""
    write_rules(home)
    headers = through_the_door("127.0.0.1", [(b"X-Forwarded-User", b"kim"), (b"x-medcls-visitor", b"root")])
    kept = StreamlitHeaders([(k.decode(), v.decode()) for k, v in headers])
    monkeypatch.setattr("pages._ui.visitor.st.context", SimpleNamespace(headers=kept))
    assert login_name() == "kim"


def test_rules_behind_a_link_to_nothing_let_nobody_do_anything(home: Path, tmp_path: Path) -> None:
    """A drive that is not mounted must not open the door."""
    home.mkdir()
    (home / "access.toml").symlink_to(tmp_path / "not-mounted" / "access.toml")
    with pytest.raises(BadSpec) as refused:
        access.need("read")
    assert refused.value.code == "access.unreadable"
    (home / "access.toml").unlink()
    assert access.need("read") == LOCAL


@pytest.mark.parametrize(("role", "name"), WORKFLOWS)
def test_the_workflow_asks_for_the_role(role: str, name: str) -> None:
    """And not the page that calls it: refused before it looks at what it is given."""
    module, _, function = name.partition(".")
    do = getattr(import_module(f"medcls.workflows.{module}"), function)
    assert do.needs == role
    given = [None] * sum(
        p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD for p in inspect.signature(do).parameters.values()
    )
    for visitor in (NOBODY, Visitor("eve", frozenset(ROLES) - {role})):
        with people.acting_as(visitor), pytest.raises(Denied):
            do(*given)


def test_every_guarded_workflow_stands_in_the_table() -> None:
    """So that one which loses its guard is missed."""
    found = set()
    for path in Path(people.__file__).parent.glob("*.py"):
        module = import_module(f"medcls.workflows.{path.stem}")
        found |= {
            (do.needs, f"{path.stem}.{name}")
            for name, do in vars(module).items()
            if hasattr(do, "needs") and do.__module__ == module.__name__
        }
    assert found == set(WORKFLOWS)


def test_what_was_done_and_refused_is_written_down() -> None:
    """Who, what, with which facts, and how it ended."""

    @act("approve", "test.change", "state")
    def change(state: str, name: str) -> None:
        if state == "bad":
            raise MedclsError("core.no-json", where=name)

    with people.acting_as(Visitor("lee", frozenset({"approve"}))):
        change("good", "Kim Minsu")
        with pytest.raises(MedclsError):
            change("bad", name="Kim Minsu")
    with people.acting_as(Visitor("eve", frozenset({"read"}))), pytest.raises(Denied):
        change("good", "Kim Minsu")
    assert [(line.who, line.outcome, line.facts["state"]) for line in audit.lines()] == [
        ("lee", "done", "good"),
        ("lee", "core.no-json", "bad"),
        ("eve", "access.denied", "good"),
    ]
    assert "Minsu" not in audit.files()[0].read_text()


def test_what_is_written_down_honours_defaults_and_looks_into_an_argument() -> None:
    """A fact is an argument as it was used, or an attribute of one."""

    @act("approve", "test.change", "state", "visitor.name", "visitor.age")
    def change(visitor: Visitor, state: str = "draft") -> None:
        pass

    change(Visitor("ward", frozenset()))
    assert next(audit.lines()).facts == {"state": "draft", "name": "ward"}


def test_a_fault_without_a_code_is_written_down_too() -> None:
    """What stopped half way may have changed something; what the disk refused is told without its path."""

    @act("build", "test.change", "name")
    def change(name: str) -> None:
        raise OSError(28, "No space left on device", f"/patients/{name}") if name == "full" else ArithmeticError

    with pytest.raises(Conflict) as refused:
        change("full")
    assert "/patients" not in str(refused.value)
    with pytest.raises(ArithmeticError):
        change("set")
    assert [(line.what, line.outcome, line.facts) for line in audit.lines()] == [
        ("test.change", refused.value.code, {"name": "full"}),
        ("test.change", "failed", {"name": "set"}),
    ]


def test_a_refusal_is_written_down_wherever_a_role_is_asked_for() -> None:
    """By the workflow's name where what it does has none of its own, or is written by what it calls."""
    with people.acting_as(Visitor("eve", frozenset({"build"}))):
        for refused in (lambda: pacs.worklist(), lambda: trail.lines(), lambda: next(classify.classify_many([], None))):
            with pytest.raises(Denied):
                refused()
    told = [(line.who, line.what, line.outcome) for line in audit.lines()]
    assert told == [("eve", what, "access.denied") for what in ("pacs.worklist", "trail.lines", "classify")]


@pytest.mark.parametrize(("name", "outcome"), [("kim", "done"), ("eve", "access.denied"), ("", "access.not-logged-in")])
def test_who_comes_in_or_is_refused_is_a_line_once_a_session(
    home: Path, name: str, outcome: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not at each run of a page; another session is another line, and so is a role taken away in between."""
    write_rules(home, RULES.replace('["*"]', '["kim"]'))
    monkeypatch.setattr(access, "_ask", [lambda: name])
    session = people.Session()
    for one in (session, session, people.Session()):
        if outcome == "done":
            assert people.come_in(one).name == name
        else:
            with pytest.raises(Denied):
                people.come_in(one)
    told = [(line.who, line.what, line.outcome, line.facts["by"]) for line in audit.lines()]
    assert told == [(name or "nobody", "login", outcome, "proxy")] * 2
    write_rules(home, RULES.replace('["*"]', '["lee"]').replace('["kim"]', '["lee"]'))
    with pytest.raises(Denied):
        people.come_in(session)
    people.go_out(session)
    left = [(line.what, line.outcome) for line in audit.lines()][2:]
    assert left == [*([("login", "access.denied")] if outcome == "done" else []), ("logout", "done")]


def test_where_nobody_logs_in_there_is_no_line_and_damaged_rules_refuse_with_one(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor of somebody who looks at the button that begins Streamlit's own login; one that names nobody is told."""
    session = people.Session()
    people.come_in(session)
    write_rules(home, "[oidc]\non = true\n[roles]\nread = ['*']")
    monkeypatch.setattr(access, "_ask", [lambda: ""])
    with pytest.raises(Denied):
        people.come_in(session)
    assert list(audit.lines()) == []
    people.note_arrival(session, "access.login-names-nobody")
    write_rules(home, "[proxy")
    with pytest.raises(BadSpec):
        people.come_in(session)
    told = [(line.who, line.outcome, line.facts["by"]) for line in audit.lines()]
    assert told == [("nobody", "access.login-names-nobody", "oidc"), ("nobody", "access.unreadable", "rules")]


def test_a_file_made_later_is_made_as_who_asked_for_it(home: Path) -> None:
    """The download's own thread has no session."""
    write_rules(home)
    with people.acting_as(Visitor("kim", frozenset({"read"}))):
        later = people.as_now(lambda: access.present().name)
    assert access.present() == NOBODY
    assert later() == "kim"
