"""Tables beside scans whose labels lie in folders or file names: what they tell is added, what is not read is named."""

from collections.abc import Callable
from pathlib import Path

import pytest

from medcls.core.plan import Plan, PlanChoices
from medcls.data.collections import add_collection, make_plan
from medcls.data.resolve import SEVERAL, Resolver
from medcls.data.splits import made_by_others
from tests.data import trees
from tests.data.test_plan import NAMES, labels, scan, sums_up

PARTS = ("train", "validate", "test")
SETS = {"idc": trees.idc, "busi": trees.busi, "breakhis": trees.breakhis, "folders": lambda root: labels(root, n=6)}


def scans(root: Path) -> list[str]:
    found = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.png"))
    return [path for path in found if "_mask" not in path]


def lists(root: Path, name: str = "{part}.txt", says: Callable[[str], str] = lambda path: path) -> None:
    """A list of files for each part, every third scan."""
    for k, part in enumerate(PARTS):
        path = root / name.format(part=part)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(says(one) for one in scans(root)[k::3]) + "\n")


def codes(plan: Plan) -> set[str]:
    return {note.code for table in plan.tables for note in table.notes}


@pytest.mark.parametrize("layout", SETS)
@pytest.mark.parametrize("name", ["{part}.txt", "splits/{part}_list.csv", "my {part} files.lst"])
def test_lists_of_files_are_the_parts_of_the_split(layout: str, name: str, tmp_path: Path) -> None:
    root = SETS[layout](tmp_path)
    lists(root, name)
    plan, n = make_plan(root), len(scans(root))
    assert plan.count_by("part") == {part: len(scans(root)[k::3]) for k, part in enumerate(PARTS)}
    assert (plan.n_scans, plan.n_tables, plan.split, plan.n_not_taken) == (n, 3, "part", 0)
    assert sums_up(plan)


@pytest.mark.parametrize("layout", ["idc", "busi", "breakhis"])
def test_a_table_beside_a_published_layout_is_read_but_for_its_labels(layout: str, tmp_path: Path) -> None:
    root = SETS[layout](tmp_path / "set")
    rows = [
        {"path": path, "label": NAMES[i % 2], "patient": f"P{i // 2}", "part": PARTS[i // 2 % 3]}
        for i, path in enumerate(scans(root))
    ]
    trees.write_csv(root / "table.csv", rows)
    collection = add_collection(root, "set")
    plan = make_plan(root)
    assert (plan.layout, plan.n_tables, plan.n_not_taken) == (layout, 1, 0)
    assert {"data.table-labels-unused", "data.labels-differ-beside"} <= codes(plan)
    assert "label" not in plan.tables[0].columns
    assert set(made_by_others(collection)) == set(PARTS)
    assert sums_up(plan)


def test_labels_alone_leave_a_table_unused_by_name(tmp_path: Path) -> None:
    root = trees.idc(tmp_path)
    trees.write_csv(root / "labels.csv", [{"path": path, "label": "benign"} for path in scans(root)])
    plan = make_plan(root)
    assert (plan.n_tables, [row.reason.code for row in plan.not_taken]) == (0, ["data.table-labels-unused"])


def test_a_scan_in_two_lists_has_no_part(tmp_path: Path) -> None:
    root = labels(tmp_path, n=6)
    lists(root)
    with (root / "test.txt").open("a") as file:
        file.write(scans(root)[0] + "\nnot/here.png\n")
    plan = make_plan(root)
    assert sum(plan.count_by("part").values()) == 11
    assert ("data.two-parts", {"n": 1}) in [(note.code, dict(note.params)) for note in plan.notes]
    assert "data.rows-of-missing" in codes(plan)


def test_a_table_against_the_folders_is_told(tmp_path: Path) -> None:
    root = labels(tmp_path, n=6)
    rows = [{"path": path, "label": path.split("/")[0]} for path in scans(root)]
    rows[0]["label"] = "malignant"
    trees.write_csv(root / "labels.csv", rows)
    plan = make_plan(root)
    assert ("data.labels-differ-folders", {"n": 1}) in [(note.code, dict(note.params)) for note in plan.notes]


def test_masks_that_a_table_beside_folders_names_are_files(tmp_path: Path) -> None:
    root = labels(tmp_path, n=4)
    listed = scans(root)
    for path in listed:
        trees.save(root / "outlines" / f"{path.replace('/', '-')}", trees.mask())
    trees.write_csv(
        root / "t.csv", [{"file": path, "mask": f"outlines/{path.replace('/', '-')}"} for path in listed[:4]]
    )
    plan = make_plan(root)
    assert plan.n_masks == 4
    assert sums_up(plan)


def test_names_that_fit_several_files_are_said_so(tmp_path: Path) -> None:
    root = labels(tmp_path, n=12)
    (root / "train.txt").write_text("\n".join(f"{i}.png" for i in range(12)))
    plan = make_plan(root)
    assert [row.reason.code for row in plan.not_taken] == ["data.table-names-several"]
    trees.write_csv(root / "p.csv", [{"file": p, "patient": p} for p in (*scans(root)[:20], "0.png")])
    assert "data.rows-of-several" in codes(make_plan(root))


def test_a_log_beside_numbered_scans_names_none_of_them(tmp_path: Path) -> None:
    root = labels(tmp_path / "a", ("benign",), n=6)
    for i in range(6):
        scan(root / "malignant" / f"{i + 6}.png")
    trees.write_csv(root / "log.csv", [{"epoch": i, "loss": 0.9**i} for i in range(12)])
    assert [row.reason.code for row in make_plan(root).not_taken] == ["data.table-names-no-files"]


def test_parts_and_labels_that_contradict_each_other_are_counted(tmp_path: Path) -> None:
    for part in ("train", "test"):
        for i in range(4):
            scan(tmp_path / part / f"{part}{i}.png")
    rows = [{"file": path, "label": f"kind {'AB'[i % 2]}", "split": "train"} for i, path in enumerate(scans(tmp_path))]
    rows[-1]["split"] = rows[0]["split"] = "test"
    trees.write_csv(tmp_path / "a.csv", rows)
    trees.write_csv(
        tmp_path / "b.csv",
        [{"file": row["file"], "label": "kind A"} for row in rows[:6]]
        + [{"file": row["file"], "label": "kind B"} for row in rows[6:]],
    )
    plan = make_plan(tmp_path)
    assert ("data.parts-differ-folders", {"n": 4}) in [(note.code, dict(note.params)) for note in plan.notes]
    assert "data.labels-other-beside" in codes(plan)


def test_files_of_one_name_in_many_folders_are_found_in_no_time() -> None:
    """Two thousand patients with a `1.png` each took minutes: each row was held against all, and each of these again."""
    paths = [f"{NAMES[i % 2]}/P{i:04d}/{n}.png" for i in range(2000) for n in (1, 2)]
    resolver = Resolver(paths)
    for path in paths:
        label, patient, name = path.split("/")
        assert resolver.find(name) == SEVERAL
        assert resolver.among(name, [patient, label]) == path
    assert resolver.among("1.png", ["benign", "P0001"]) == SEVERAL
    assert resolver.among("1.png", ["no such"]) == SEVERAL


# ---- labels that say yes and no beside words that say disease
CODED = {
    "0/1": ("0", "1"),
    "floats": ("0.0", "1.0"),
    "words": ("no", "yes"),
    "false": ("FALSE", "TRUE"),
    "Korean": ("음성", "양성"),
    "named": ("benign", "malignant"),
}


@pytest.mark.parametrize("coded", CODED.values(), ids=CODED)
@pytest.mark.parametrize("named", ["{label}/{i}.png", "{label}_{i}.png"], ids=["folders", "names"])
@pytest.mark.parametrize("n_wrong", [0, 2])
def test_yes_and_no_in_a_table_is_held_against_folders_and_names(
    coded: tuple[str, str], named: str, n_wrong: int, tmp_path: Path
) -> None:
    paths = [(named.format(label=label, i=i), k, i) for k, label in enumerate(NAMES) for i in range(6)]
    for path, _, _ in paths:
        scan(tmp_path / path)
    rows = [f"{path},{coded[1 - k if i < n_wrong else k]}" for path, k, i in paths]
    (tmp_path / "labels.csv").write_text("\n".join(["file,target", *rows]))
    plan = make_plan(tmp_path)
    assert plan.n_scans == 12
    asked = {question.asks.code: question for question in plan.questions}
    assert ("data.asks-labels-differ" in asked) == bool(n_wrong)
    if n_wrong:
        ours, others = asked["data.asks-labels-differ"].allowed
        assert asked["data.asks-labels-differ"].asks.params["n"] == 2 * n_wrong
        counted = [
            sorted(label.n for label in make_plan(tmp_path, PlanChoices(layout=one)).labels) for one in (ours, others)
        ]
        assert counted == [[6, 6], [6, 6]]


@pytest.mark.parametrize("coded", [("1", "2"), ("2", "4"), ("A", "B")])
def test_codes_that_say_neither_contradict_nothing(coded: tuple[str, str], tmp_path: Path) -> None:
    paths = [(f"{label}/{i}.png", k) for k, label in enumerate(NAMES) for i in range(6)]
    for path, _ in paths:
        scan(tmp_path / path)
    (tmp_path / "labels.csv").write_text("\n".join(["file,target", *(f"{path},{coded[k]}" for path, k in paths)]))
    assert make_plan(tmp_path).questions == ()


@pytest.mark.parametrize("coded", [("0", "1"), ("no", "yes")])
@pytest.mark.parametrize("named", ["{label}/{i}.png", "{label}_{i}.png"], ids=["folders", "names"])
@pytest.mark.parametrize("n_wrong", [0, 2])
def test_yes_to_no_disease_is_none_where_it_is_held_against_folders_and_names(
    coded: tuple[str, str], named: str, n_wrong: int, tmp_path: Path
) -> None:
    """`1` in a column called `benign` agrees with a folder of that name."""
    paths = [(named.format(label=label, i=i), k, i) for k, label in enumerate(NAMES) for i in range(6)]
    for path, _, _ in paths:
        scan(tmp_path / path)
    rows = [f"{path},{coded[k if i < n_wrong else 1 - k]}" for path, k, i in paths]
    (tmp_path / "labels.csv").write_text("\n".join(["file,benign", *rows]))
    asked = {question.asks.code: question.asks.params for question in make_plan(tmp_path).questions}
    assert asked.get("data.asks-labels-differ", {}).get("n", 0) == 2 * n_wrong
