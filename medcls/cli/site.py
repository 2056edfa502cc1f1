"""`site`: does a model hold here, the site's own settings, states, watch, and cards by mail."""

import argparse
import getpass
from pathlib import Path
from typing import Any

from medcls.cli import end_list, print_json, say, verb
from medcls.cli.files import read_some
from medcls.core.note import Note
from medcls.core.site import Aim, SiteCheck

_VERDICTS = {"fit": "cli.site-fit", "not-fit": "cli.site-not-fit", "too-few": "cli.site-too-few"}


def add(verbs: Any) -> None:
    """Add the verb."""
    made = verb(verbs, "site", _list, "Find out whether a model holds at your site, and set it up for there.")
    parts = made.add_subparsers(title="what", metavar="WHAT")
    _add_check(parts)
    looked = verb(parts, "look", _look, "Say what can be said of a model on scans without labels.")
    looked.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="scan, folder or ZIP archive")
    looked.add_argument("--model", required=True, metavar="M", help="model id")
    looked.add_argument("--json", action="store_true", help="print what was counted as JSON")
    listed = verb(parts, "list", _list, "List the sites.")
    listed.add_argument("--json", action="store_true", help="print JSON")
    for name, handler, help_ in (
        ("show", _show, "Show a site's checks, settings and states."),
        ("watch", _watch, "Show the watch of a model, or switch it on or off."),
        ("undo", _undo, "Take back the settings applied last."),
    ):
        one = verb(parts, name, handler, help_)
        one.add_argument("site", metavar="SITE")
        one.add_argument("--model", required=name == "undo", default="", metavar="M", help="model id")
        if name == "watch":
            either = one.add_mutually_exclusive_group()
            either.add_argument("--on", action="store_true", help="count answers from now on; nothing else is kept")
            either.add_argument("--off", action="store_true", help="stop counting")
    state = verb(parts, "state", _state, "Approve a model for a site, put it back to draft, or retire it there.")
    state.add_argument("site", metavar="SITE")
    state.add_argument("model", metavar="M")
    state.add_argument("state", choices=("approved", "draft", "retired"))
    state.add_argument("--why", default="", help="why it is approved without a passed check; kept")
    imported = verb(parts, "import", _import, "Keep an evaluation card that another site mailed.")
    imported.add_argument("file", type=Path, metavar="FILE")
    imported.add_argument("--model", default="", metavar="M", help="the model it is about (default: the id it names)")


def _add_check(parts: Any) -> None:
    made = verb(parts, "check", _check, "Measure a model on a site's labelled scans and say whether it is fit there.")
    made.add_argument("--site", required=True, metavar="SITE", help="name of the site; made if it is new")
    made.add_argument("--model", required=True, metavar="M", help="model id")
    made.add_argument(
        "--data", required=True, nargs="+", metavar="D", help="labelled collections, or a folder of labelled scans"
    )
    made.add_argument(
        "--sensitivity", type=float, default=0.90, help="what the model must reach (default 0.90; 0 asks for none)"
    )
    made.add_argument("--specificity", type=float, default=0.0, help="what it must reach (default: none asked for)")
    made.add_argument(
        "--prevalence",
        type=float,
        default=0.10,
        help="share of the people examined who have the disease (default 0.10)",
    )
    made.add_argument(
        "--apply", action="store_true", help="read answers at this site by the fitted settings from now on"
    )
    made.add_argument("--card", type=Path, metavar="FILE", help="write the check as a signed card that can be mailed")
    made.add_argument("--maker", default="", help="who made the card, as it shall be named there")
    made.add_argument("--json", action="store_true", help="print the check as JSON")


def _login() -> str:
    """Return the login name on this machine; empty where the system knows none, as in a container."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def _check(args: argparse.Namespace) -> int:
    from medcls.workflows import site
    from medcls.workflows.evaluate import name_collections

    aim = Aim(args.sensitivity, args.specificity, args.prevalence)
    done = site.check_site(args.site, args.model, name_collections(args.data, say), aim)
    if args.apply:
        site.apply_settings(done.settings, _login())
    if args.card:
        signed = site.write_letter(args.site, done.check, args.card, args.maker)
        say(str(Note("cli.letter-signed", card=str(args.card), key=signed.fingerprint)))
    if args.json:
        print_json(
            done.check.to_dict() | {"settings": done.settings.to_dict(), "fitted": [n.to_dict() for n in done.fitted]}
        )
        return 0
    _tell(done.check)
    for note in done.fitted:
        print(f"  {note}")
    return 0


def _tell(check: SiteCheck) -> None:
    told = {"model": check.model, "site": check.site, "n": check.n_cases, "positive": check.n_positive}
    print(Note(_VERDICTS[check.verdict], **told))
    for note in check.why:
        print(f"  {note}")
    if check.more_scans:
        more = Note("cli.site-more-scans", n=check.more_scans)
        print(f"  {more}")
    for name, score in check.scores.items():
        print(f"  {name}: {score}")
    print(f"  {Note('cli.site-prevalence', prevalence=check.aim.prevalence)}")


def _look(args: argparse.Namespace) -> int:
    from medcls.workflows.scans import walk
    from medcls.workflows.site_look import inspect_site

    look, told = inspect_site(args.model, walk(args.paths))
    if args.json:
        print_json(look.to_dict() | {"told": [note.to_dict() for note in told]})
    else:
        for note in told:
            print(note)
    return 1 if look.n_failed else 0


def _list(args: argparse.Namespace) -> int:
    from medcls.workflows.site import sites

    found, silent = sites(), getattr(args, "json", False)
    for one in found:
        if one.value is None:
            say(f"{one.name}: {one.error}")
        elif silent:
            print_json({"id": one.value.id, **one.value.site.to_dict()})
        else:
            told = Note("cli.site-row", name=one.value.site.name, n=len(one.value.checks()))
            print(f"{one.value.id}  {told}")
    return end_list("cli.no-site", found, [one for one in found if one.value is None], silent)


def _show(args: argparse.Namespace) -> int:
    from medcls.workflows.site import site_folder

    folder = site_folder(args.site)
    for one in folder.checks():
        if one.value is None:
            say(f"{one.name}: {one.error}")
        elif args.model in ("", one.value.model):
            _tell(one.value)
    for event in folder.history():
        if args.model in ("", event.model):
            print(f"{event.when}  {event.who}  {event.what} {event.state}  {event.model}  {event.why}".rstrip())
    return 0


def _watch(args: argparse.Namespace) -> int:
    from medcls.workflows.site import consent, site_folder, watched

    if args.on or args.off:
        consent(args.site, args.on)
        return 0
    print(Note("cli.site-watch-on" if site_folder(args.site).site.watch else "cli.site-watch-off"))
    for model in (
        [args.model] if args.model else sorted(p.name for p in (site_folder(args.site).path / "watch").glob("*"))
    ):
        weeks, alarms = watched(args.site, model)
        for one in weeks:
            week = one.value
            if week is None:
                print(f"{model}  {one.name}  {one.error}")
                continue
            told = Note("cli.site-week", n=week.scans, refused=week.refused)
            print(f"{model}  {week.week}  {told}")
        for note in alarms:
            print(f"  {note}")
    return 0


def _undo(args: argparse.Namespace) -> int:
    from medcls.workflows.site import undo_settings

    left = undo_settings(args.site, args.model, _login())
    print(Note("cli.site-no-settings") if left is None else Note("cli.site-settings-again", made=left.made))
    return 0


def _state(args: argparse.Namespace) -> int:
    from medcls.workflows.site import set_state

    set_state(args.site, args.model, args.state, _login(), args.why)
    return 0


def _import(args: argparse.Namespace) -> int:
    from medcls.workflows.site import import_letter

    kept = import_letter(read_some(args.file), args.model)
    card = kept.signed.card
    told = {"model": card.model, "verdict": card.verdict, "n": card.n_cases, "key": kept.signed.fingerprint}
    print(Note("cli.site-letter", **told))
    if kept.before:
        say(str(Note("cli.site-letter-replaced", before=kept.before)))
    if kept.rivals:
        say(str(Note("cli.site-letter-rivals", keys=kept.rivals)))
    return 0
