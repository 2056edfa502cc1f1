"""Words around numbers."""

from medcls.core.evaluation import describe_basis
from medcls.words import counted


def test_one_is_not_several() -> None:
    assert [counted(n, "group") for n in (0, 1, 2, 1473)] == ["0 groups", "1 group", "2 groups", "1,473 groups"]
    assert describe_basis(1, 1, "busi") == "1 case in 1 group of busi"
