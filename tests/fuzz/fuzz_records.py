"""Change the records of a home at random and ask everything: `make fuzz`, or `python tests/fuzz/fuzz_records.py`.

The home holds two of every kind of thing; the files of one of each are damaged, one at a time and each in turn. After
each every list command must answer without an exception and name what is whole, and every page must open without one,
those that read the file at an address that shows it. What fails is printed with its number; `--only N` does that one
alone, `--first N` goes on from a number. Directly through its reader every record is damaged 2,000 times, too.
"""

import argparse
import contextlib
import io
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BATCH, BATCH_S = 200, 7200


def directly(folder: Path, count: int, seed: int) -> int:
    """Damage every record many times and read it by its class; a twentieth as often by what lists that kind of thing."""
    from tests.fuzz import readers, whole_home
    from tests.fuzz.damage import Home, other_word, targets
    from tests.mutations import mutate

    failures, n, records = 0, 0, {record.__name__ for record in readers.records()}
    with whole_home.at(folder):
        home = Home(folder)
        for path in targets(home.path):
            content = (home.path / path).read_bytes()
            for name, read in readers.of(home.path, path, content):
                rng = random.Random(f"{seed}-{path.name}-{name}")
                for number in range(count if name in records else max(1, count // 20)):
                    damaged = mutate(content, rng) if rng.random() < 0.7 else other_word(content, rng)
                    n += 1
                    if wrong := read(damaged):
                        failures += 1
                        print(f"{path} by {name}, {number}: {wrong}: {damaged[:200]!r}", flush=True)
                print(f"… {path} by {name}", file=sys.stderr, flush=True)
            home.restore()
    print(f"{n:,} damaged records read directly, {failures} failures")
    return failures


def batch(first: int, count: int, seed: int, folder: str, results: str) -> None:
    """Damage files and ask; write a line for each before and after."""
    from streamlit import config

    from tests.fuzz import whole_home
    from tests.fuzz.asking import Asking
    from tests.fuzz.damage import Home

    config.set_option("client.showErrorDetails", "full")
    _read_packages_once()
    with whole_home.at(Path(folder)), open(results, "a", encoding="utf-8", buffering=1) as out:
        asking = Asking(Home(Path(folder)))
        for number in range(first, first + count):
            out.write(json.dumps({"begun": number}) + "\n")
            name, told = asking.one(number, seed)
            out.write(json.dumps({"number": number, "file": name, **told}) + "\n")
        out.write(json.dumps({"done": True}) + "\n")


def _read_packages_once() -> None:
    """Read once what Streamlit and Optuna read of the installed packages for every page and every study opened."""
    from optuna.storages._rdb.storage import _VersionManager
    from streamlit.components.v2 import manifest_scanner

    scanned, newest = manifest_scanner.scan_component_manifests(), _VersionManager.get_head_version
    known: list[str] = []

    def once(manager: Any) -> str:
        known.extend([] if known else [newest(manager)])
        return known[0]

    manifest_scanner.scan_component_manifests = lambda *_, **__: scanned
    _VersionManager.get_head_version = once


def run(folder: Path, first: int, count: int, seed: int) -> int:
    """Damage files in processes of their own; return how many times something went wrong."""
    from tests.fuzz.apart import Batches

    began = time.monotonic()
    with tempfile.TemporaryDirectory() as made:
        failures = Batches(__file__, (str(seed), str(folder)), BATCH, BATCH_S).run(Path(made), first, count, _tell)
        replaced = Counter(what for results in Path(made).iterdir() for what in _replaced(results))
    for kind, n in sorted(replaced.items()):
        print(f"a sentence in place of the page, {n} times: {kind}")
    print(f"{count:,} damaged records, {failures} failures, {time.monotonic() - began:.0f} s")
    return failures


def _tell(row: dict[str, Any]) -> None:
    print(f"{row['number']} {row['file']} ({row['how']}): {' | '.join(row['wrong'])}", flush=True)


def _replaced(results: Path) -> Iterator[str]:
    """Yield which pages gave way to a sentence, and for what kind of file."""
    for row in map(json.loads, results.read_text().splitlines()):
        for what in row.get("replaced", ()):
            yield f"{row['file'].split('/')[0]}/…/{row['file'].split('/')[-1]} {what}"


def main() -> None:
    """Damage records, or one of them."""
    from tests.fuzz import whole_home

    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--count", type=int, default=2000)
    ask.add_argument("--first", type=int, default=0, help="number of the first damage")
    ask.add_argument("--seed", type=int, default=0)
    ask.add_argument("--only", type=int, help="number of the one damage to do")
    ask.add_argument("--direct", type=int, default=2000, help="how often each record is damaged for its reader alone")
    ask.add_argument("--home", type=Path, help="folder of a home made before, or to make it in and keep")
    ask.add_argument("--batch", nargs=5, help=argparse.SUPPRESS)
    args = ask.parse_args()
    if args.batch:
        first, count, seed, folder, results = args.batch
        batch(int(first), int(count), int(seed), folder, results)
        return
    with tempfile.TemporaryDirectory() as made:
        folder = args.home or Path(made)
        if not (folder / "home").exists():
            with contextlib.redirect_stdout(io.StringIO()):
                whole_home.build(folder)
        if args.only is not None:
            args.first, args.count, args.direct = args.only, 1, 0
        failures = directly(folder, args.direct, args.seed) if args.direct else 0
        failures += run(folder, args.first, args.count, args.seed) if args.count else 0
        sys.exit(1 if failures else 0)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
