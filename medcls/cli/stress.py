"""`stress`: what drawn marks, gain, blur and other shifts do to a model's answers."""

import argparse
from typing import Any

from medcls.cli import print_json, say, verb


def add(verbs: Any) -> None:
    """Add the verb."""
    made = verb(verbs, "stress", _stress, "Measure what shifts of a scan do to a model's answers.")
    made.add_argument("--model", required=True, help="model id")
    made.add_argument("--data", nargs="+", required=True, metavar="D", help="labelled collections")
    made.add_argument("--part", choices=("unseen", "all"), default="unseen", help="which cases")
    made.add_argument("--shift", nargs="+", default=[], metavar="NAME", help="only these shifts")
    made.add_argument("--most", type=int, default=0, metavar="N", help="at most so many cases, drawn at random")
    made.add_argument("--seed", type=int, default=0, help="seed of the draw and of the shifts")
    made.add_argument("--into-card", action="store_true", help="keep the study with the model")
    made.add_argument("--json", action="store_true", help="print the study as JSON")


def _stress(args: argparse.Namespace) -> int:
    from tqdm import tqdm

    from medcls.core.collection import Selection
    from medcls.core.stress import stress_table
    from medcls.workflows import people, stress

    if args.into_card:
        people.need("build")
    with tqdm(desc="cases", leave=False, disable=None) as bar:

        def progress(done: int, total: int, stage: str = "") -> None:
            bar.total, bar.n = total, done
            bar.refresh()

        wanted = Selection(tuple(args.data), args.part, args.most, args.seed)
        study = stress.measure(args.model, wanted, shifts=tuple(args.shift), progress=progress)
    if args.into_card:
        stress.keep(study)
    if args.json:
        print_json(study.to_dict())
        return 0
    print(stress_table(study))
    for note in (*study.worst_first()[:5], *study.notes):
        say(str(note))
    return 0
