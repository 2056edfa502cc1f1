"""A case made for its report: what takes long says how far it is."""

from medcls.core.model import ModelCard
from medcls.imaging.phantom import phantom
from medcls.workflows import case_report
from medcls.workflows.classify import open_model


def test_the_tests_of_a_heatmap_are_counted(tiny_model: ModelCard) -> None:
    steps: list[tuple[int, int]] = []
    data, model = phantom("breast-ultrasound", "malignant", 3), open_model(tiny_model.id)
    said = case_report.Said(anyway=True)
    case = case_report.make_case(
        data, "a.png", model, said=said, checks=lambda done, total, stage="": steps.append((done, total))
    )
    assert case.checks
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)
    assert steps[-1][0] == steps[-1][1] > 1
    assert not case_report.make_case(data, "a.png", model, said=said).checks
