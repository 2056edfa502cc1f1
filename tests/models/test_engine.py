"""ONNX Runtime answers as PyTorch does, or does not answer."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from medcls import home, nets
from medcls.core.model import ModelCard
from medcls.core.scan import Preprocess
from medcls.explain.opening import open_at, open_head
from medcls.models import engine, onnx_session
from medcls.models.engine import Checked, OnnxEngine, TorchEngine, engine_for, probe_batch
from medcls.nets.layers import heatmap_layer
from medcls.tasks import list_tasks

DIGEST = "a" * 64
REAL_TIME_RATIO = engine._time_ratio


@pytest.fixture
def card() -> ModelCard:
    """A card of a small network for three labels."""
    return ModelCard("m", "m", list_tasks()["breast-ultrasound"], "cancernet", Preprocess(size_px=64))


@pytest.fixture
def net() -> torch.nn.Module:
    """That network, with weights drawn from a seed and norms that have seen something."""
    torch.manual_seed(0)
    made = nets.build("cancernet", 3, size_px=64)
    made.train()(torch.rand(8, 3, 64, 64))
    return made.eval()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A home of its own, and an engine that is found quicker on any machine."""
    monkeypatch.setenv("MEDCLS_HOME", str(tmp_path))
    monkeypatch.setattr(engine, "_time_ratio", lambda *_: 0.5)


def built() -> list[Path]:
    """What is kept."""
    folder = home.cache() / "engines"
    return sorted(folder.iterdir()) if folder.exists() else []


def test_it_answers_as_pytorch_for_any_number_of_scans(card: ModelCard, net: torch.nn.Module) -> None:
    """Logits and features, one scan or many."""
    found = engine_for(card, DIGEST, net)
    assert isinstance(found, OnnxEngine)
    rng = np.random.default_rng(1)
    for n in (1, 5):
        batch = rng.normal(size=(n, 3, 64, 64)).astype(np.float32)
        for a, b in zip(found.run(batch), TorchEngine(net).run(batch), strict=True):
            assert a.shape == b.shape
            assert a.dtype == b.dtype == np.float32
            np.testing.assert_allclose(a, b, atol=1e-4)


@pytest.mark.parametrize("backbone", ["cancernet", "mobilenetv2_100"])
def test_it_hands_out_what_a_heatmap_is_drawn_from(card: ModelCard, net: torch.nn.Module, backbone: str) -> None:
    """The same activations, logits and gradients as PyTorch's own opened pass; only where pooling and head alone follow."""
    attending, other = nets.build("vit", 3, size_px=32).eval(), replace(card, backbone="vit")
    assert engine_for(other, DIGEST, attending).run_open(np.zeros((1, 3, 32, 32), np.float32)) is None
    if backbone != "cancernet":  # which pools once more behind its heatmap layer
        net, card = nets.build(backbone, 3, size_px=64).eval(), replace(card, backbone=backbone)
    x = np.random.default_rng(1).normal(size=(1, 3, 64, 64)).astype(np.float32)
    given = engine_for(card, DIGEST, net).run_open(x)
    assert given is not None
    layer = heatmap_layer(net)
    quick, slow = open_head(net, layer, torch.from_numpy(x), given), open_at(net, layer, torch.from_numpy(x))
    np.testing.assert_allclose(quick.activations, slow.activations, atol=1e-4)
    np.testing.assert_allclose(quick.logits.detach(), slow.logits.detach(), atol=1e-4)
    for label in range(3):
        apart = np.abs(quick.label_gradients(label) - slow.label_gradients(label))
        assert np.mean(apart > 1e-4) < 1e-4  # a pool takes the greater of two cells that are equal but for rounding


def test_it_is_built_once(card: ModelCard, net: torch.nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next process reads it; other weights or another input size are another engine."""
    engine_for(card, DIGEST, net)
    before = built()
    assert [path.suffix for path in before] == [".json", ".onnx"]

    def refuse(*_: object) -> bytes:
        raise AssertionError("built twice")

    monkeypatch.setattr(engine, "_export", refuse)
    assert isinstance(engine_for(card, DIGEST, net), OnnxEngine)
    assert built() == before
    assert engine._key(card, "b" * 64) != engine._key(card, DIGEST)


@pytest.mark.parametrize("spoil", ["json", "onnx", "missing"])
def test_a_damaged_one_is_built_again(card: ModelCard, net: torch.nn.Module, spoil: str) -> None:
    """Half a file never answers."""
    engine_for(card, DIGEST, net)
    record, model = built()
    if spoil == "json":
        record.write_bytes(b'{"schema": "1"}')
    elif spoil == "onnx":
        model.write_bytes(model.read_bytes()[:-100])
    else:
        model.unlink()
    assert isinstance(engine_for(card, DIGEST, net), OnnxEngine)
    assert isinstance(engine._kept(record.with_suffix(""), TorchEngine(net)), OnnxEngine)


def test_one_that_answers_otherwise_is_not_used(
    card: ModelCard, net: torch.nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PyTorch answers, and the record says how far they were apart."""
    torch.manual_seed(9)
    other = nets.build("cancernet", 3, size_px=64)
    export = engine._export
    monkeypatch.setattr(engine, "_export", lambda _, batch: export(other.eval(), batch))
    assert isinstance(engine_for(card, DIGEST, net), TorchEngine)
    (record,) = built()
    assert Checked.from_json(record.read_bytes()).apart > engine.EQUAL
    assert isinstance(engine_for(card, DIGEST, net), TorchEngine)  # and is not tried again


def test_what_cannot_be_exported_or_is_slower_is_answered_by_pytorch(
    card: ModelCard, net: torch.nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither an exporter's exception nor a slow engine reaches who asks."""
    monkeypatch.setattr(engine, "_time_ratio", lambda *_: 1.5)
    assert isinstance(engine_for(card, DIGEST, net), TorchEngine)

    def fail(*_: object) -> bytes:
        raise RuntimeError("no such operator")

    monkeypatch.setattr(engine, "_export", fail)
    assert isinstance(engine_for(card, "c" * 64, net), TorchEngine)


@pytest.mark.parametrize(("apart", "ratio"), [(float("nan"), 0.5), (0.0, float("nan")), (2e-4, 0.5), (0.0, 1.0)])
def test_a_number_that_is_missing_or_too_large_uses_none(apart: float, ratio: float) -> None:
    """Fail safe."""
    assert not Checked("d", apart, ratio).usable
    assert Checked("d", 1e-5, 0.9).usable


def test_a_cache_that_cannot_be_written_costs_no_answer(card: ModelCard, net: torch.nn.Module, tmp_path: Path) -> None:
    """The engine is then this process's own."""
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert isinstance(engine_for(card, DIGEST, net), OnnxEngine)


def test_a_network_without_a_file_is_answered_by_pytorch(card: ModelCard, net: torch.nn.Module) -> None:
    """As one in training, whose weights change."""
    assert isinstance(engine_for(card, "", net), TorchEngine)
    assert built() == []


def test_probes_are_as_the_network_is_fed() -> None:
    """Grey and colour."""
    assert probe_batch(Preprocess(size_px=48)).shape == (6, 3, 48, 48)
    assert probe_batch(Preprocess(size_px=48, channels=1, mean=(0.5,), std=(0.5,))).shape == (6, 1, 48, 48)


def test_its_maker_hears_nothing(monkeypatch: pytest.MonkeyPatch, card: ModelCard, net: torch.nn.Module) -> None:
    """ONNX Runtime's telemetry is off before a session is made, and no other file of ours imports it."""
    import onnxruntime

    done: list[str] = []
    off, session = onnxruntime.disable_telemetry_events, onnxruntime.InferenceSession
    monkeypatch.setattr(onnxruntime, "disable_telemetry_events", lambda: (done.append("off"), off()))
    monkeypatch.setattr(onnxruntime, "InferenceSession", lambda *a, **k: (done.append("session"), session(*a, **k))[1])
    assert isinstance(engine_for(card, "d" * 64, net), OnnxEngine)
    assert done[0] == "off"
    assert "session" in done
    root = Path(onnx_session.__file__).parents[1]
    importing = [p for p in root.rglob("*.py") if "import onnxruntime" in p.read_text(encoding="utf-8")]
    assert importing == [Path(onnx_session.__file__)]


def test_pytorch_gives_several_who_ask_at_once_what_it_gives_each_alone(net: torch.nn.Module) -> None:
    """To the bit: its passes come one after another, and none is shared."""
    plain, inside = TorchEngine(net), []
    scans = np.random.default_rng(0).normal(size=(8, 1, 3, 64, 64)).astype(np.float32)
    expected = [plain.run(scan) for scan in scans]
    first = next(module for module in net.modules() if not list(module.children()))
    first.register_forward_pre_hook(lambda *_: inside.append(1))
    net.get_submodule("classifier").register_forward_hook(lambda *_: inside.append(-1))
    with ThreadPoolExecutor(8) as pool:
        for found, alone in zip(pool.map(plain.run, scans), expected, strict=True):
            for mine, other in zip(found, alone, strict=True):
                np.testing.assert_array_equal(mine, other)
    assert len(inside) == 2 * len(scans)
    assert max(np.cumsum(inside)) == 1


def test_one_slow_moment_of_a_busy_machine_decides_nothing(
    monkeypatch: pytest.MonkeyPatch, card: ModelCard, net: torch.nn.Module
) -> None:
    """Threads that lose their turn time after time leave the verdict to the pass on one core, and that to its best.

    The clock is the test's own: it moves only where a pass is said to take time.
    """
    one, plain, now = engine_for(card, DIGEST, net), TorchEngine(net), [0.0]
    assert isinstance(one, OnnxEngine)
    monkeypatch.setattr(engine, "time", SimpleNamespace(perf_counter=lambda: now[0]))

    def takes(passes: Any, name: str, seconds: list[float]) -> None:
        run, left = getattr(passes, name), iter(seconds)

        def timed(batch: np.ndarray) -> tuple[np.ndarray, ...]:
            now[0] += next(left)
            return run(batch)

        monkeypatch.setattr(passes, name, timed)

    takes(one, "run", [8.0] * 5)
    takes(one, "run_on_one_core", [5.0, 5.0, 5.0, 5.0, 1.0])
    takes(plain, "run", [2.0] * 5)
    assert REAL_TIME_RATIO(one, plain, probe_batch(card.preprocess)[:1]) == 0.5


def test_in_company_each_pass_stays_on_one_core_and_answers_stay(
    monkeypatch: pytest.MonkeyPatch, card: ModelCard, net: torch.nn.Module
) -> None:
    """Who answers alone has all cores; eight at one moment share one further session, and their answers are the same."""
    made: list[tuple[bool, Any]] = []
    opened = onnx_session.open_session

    def watched(model: bytes, alone: bool = True) -> Any:
        made.append((alone, opened(model, alone)))
        return made[-1][1]

    monkeypatch.setattr(engine, "open_session", watched)
    one, batch, ready = engine_for(card, DIGEST, net), probe_batch(card.preprocess), threading.Barrier(8)
    with onnx_session.COMPANY, onnx_session.COMPANY:
        assert not onnx_session.COMPANY.others
        expected = [one.run(scan[None]) for scan in batch]
    assert all(alone for alone, _ in made)

    def ask(k: int) -> tuple[np.ndarray, ...]:
        with onnx_session.COMPANY:
            ready.wait(30)
            assert onnx_session.COMPANY.others
            found = one.run(batch[k % len(batch)][None])
            ready.wait(30)
        return found

    with ThreadPoolExecutor(8) as pool:
        for k, found in enumerate(pool.map(ask, range(8))):
            for mine, other in zip(found, expected[k % len(batch)], strict=True):
                np.testing.assert_array_equal(mine, other)
    (shared,) = (session for alone, session in made if not alone)
    assert shared.get_session_options().intra_op_num_threads == 1
    assert not onnx_session.COMPANY.others
