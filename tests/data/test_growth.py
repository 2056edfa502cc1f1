"""Planning a set of very many folders costs in proportion to them: its work does not grow with their square."""

import time

import pytest

from medcls.data.layouts.layout import find_roots
from medcls.data.layouts.roles import Folder, find_roles
from medcls.data.tree import PICTURE, Tree

N, MOST_S = 20_000, 8.0  # comparing each folder with each took minutes


def patients_above(label: str) -> list[Folder]:
    return [(f"P{i:05d}", label.format(i % 2)) for i in range(N)]


@pytest.mark.parametrize(
    "folders",
    [
        patients_above("us"),
        patients_above("group {}"),
        [*patients_above("us"), *patients_above("mg")],
        [("set", *folder) for folder in patients_above("us")],
    ],
    ids=["one inside", "two labels inside", "two in each", "wrapped"],
)
def test_many_folders_of_patients_are_told_in_time(folders: list[Folder]) -> None:
    began = time.process_time()
    find_roles(folders)
    assert time.process_time() - began < MOST_S


def test_many_roots_are_found_in_time(tmp_path) -> None:
    paths = [f"P{i:05d}/us/{name}" for i in range(N) for name in ("1.png", "deep/2.png")]
    tree = Tree(tmp_path, dict.fromkeys(paths, PICTURE))
    began = time.process_time()
    roots = find_roots(tree, lambda _, folder: folder.endswith("us"))
    assert (len(roots), roots[0]) == (N, "P00000/us")
    assert time.process_time() - began < MOST_S
