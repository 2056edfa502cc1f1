"""Tasks made of a user's own labels: which of them is the disease, and which tasks are one."""

import pytest

from medcls.core.task import is_own
from medcls.reproduction.recipes import recipes_for
from medcls.tasks import list_tasks, own_task


@pytest.mark.parametrize(
    ("labels", "sick"),
    [
        (("benign", "malignant"), ("malignant",)),
        (("malignant", "normal"), ("malignant",)),  # not the last one, whatever the alphabet says
        (("healthy", "pneumonia", "tuberculosis"), ("pneumonia", "tuberculosis")),
        (("melanoma", "not-melanoma"), ("melanoma",)),
        (("0", "1"), ("1",)),
        (("cat", "dog"), ("dog",)),
        (("benign", "normal"), ("normal",)),  # no sign of disease at all: the last, and it is said
    ],
)
def test_the_disease_is_told_by_the_names_and_said(labels: tuple[str, ...], sick: tuple[str, ...]) -> None:
    task = own_task(labels)
    assert tuple(task.label_ids[i] for i in task.positive) == sick
    assert f": {', '.join(sick)}." in task.limits[0]
    assert ("names" in task.limits[0]) == (labels not in (("cat", "dog"), ("benign", "normal")))


def test_other_labels_make_another_task() -> None:
    long = tuple(f"a-rather-long-label-{i}" for i in range(8))
    sets = (("a", "b"), ("a", "c"), ("a.b", "c"), ("a", "b.c"), ("b", "a"), long, (*long[:-1], "a-rather-long-label-x"))
    ids = [own_task(labels).id for labels in sets]
    assert len(set(ids)) == len(sets)
    assert all(is_own(i) for i in ids)
    assert own_task(("a", "b")) == own_task(("a", "b"))
    assert not any(is_own(i) for i in list_tasks())


def test_recipes_for_own_labels_are_offered_for_any_of_them() -> None:
    assert recipes_for(own_task(("a", "b")).id) == recipes_for("own")
