"""Our dropout beside torch's: the same law, the same layouts, nothing in evaluation."""

import pytest
import torch

from medcls.nets.dropout import ByteDropout

SHAPES = ((4, 5), (3, 7, 5, 5), (64, 32, 24, 24))


@pytest.mark.parametrize("p", [0.05, 0.25, 0.3, 0.5, 0.9])
def test_as_many_values_are_dropped_and_the_mean_stays(p: float) -> None:
    torch.manual_seed(0)
    n = 2_000_000
    out = ByteDropout(p)(torch.ones(n))
    kept = 1 - round(p * 256) / 256
    share = float((out > 0).float().mean())
    assert abs(share - kept) < 5 * (kept * (1 - kept) / n) ** 0.5
    assert abs(kept - (1 - p)) <= 0.5 / 256
    assert set(out.unique().tolist()) == {0.0, float(torch.tensor(1 / kept))}
    neighbours = out.view(-1, 8) > 0  # the eight that share a word are drawn apart, the sign bit's byte too
    correlation = torch.corrcoef(neighbours.T.float())
    assert (correlation - torch.eye(8)).abs().max() < 5 / (n / 8) ** 0.5
    assert (neighbours.float().mean(0) - kept).abs().max() < 5 * (kept * (1 - kept) / (n / 8)) ** 0.5


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_layout_kind_and_gradient_are_those_of_torch(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    x = torch.rand(shape).add(0.1).to(dtype)
    if len(shape) == 4:
        x = x.contiguous(memory_format=torch.channels_last)
    x.requires_grad_()
    out = ByteDropout(0.25)(x)
    assert (out.shape, out.dtype, out.stride()) == (x.shape, dtype, x.stride())
    out.sum().backward()
    assert torch.equal(x.grad > 0, out > 0)
    torch.testing.assert_close(x.grad * x.detach(), out.detach())


def test_a_slice_and_a_repeated_row_are_dropped_value_by_value() -> None:
    torch.manual_seed(0)
    for x in (torch.ones(40, 40)[:, ::2], torch.ones(1, 900).expand(5, 900)):
        out = ByteDropout(0.5)(x)
        assert out.shape == x.shape
        assert 0.35 < float((out > 0).float().mean()) < 0.65
    assert not torch.equal(out[0], out[1]), "each row has a mask of its own"


def test_a_seed_gives_the_mask_again() -> None:
    draws = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        draws.append(ByteDropout(0.5)(torch.ones(1001)))
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_in_evaluation_and_at_no_rate_nothing_changes_and_at_the_full_rate_all_goes() -> None:
    x = torch.rand(50)
    assert ByteDropout(0.5).eval()(x) is x
    assert torch.equal(ByteDropout(0.0)(x), x)
    assert not ByteDropout(1.0)(x).any()
