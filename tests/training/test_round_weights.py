"""What is measured is what is stored: rounding changes the network itself, once."""

import torch

from medcls import nets
from medcls.training.result import round_weights


def test_the_network_holds_what_is_stored():
    torch.manual_seed(0)
    net = nets.build("cancernet", 2, size_px=32)
    with torch.no_grad():
        next(p for p in net.parameters() if p.ndim > 1).view(-1)[0] = 1e-3 + 1e-9
    stored = round_weights(net)
    assert {w.dtype for w in stored.values() if w.is_floating_point() and w.ndim > 1} == {torch.float16}
    assert all(w.dtype != torch.float16 for w in stored.values() if w.ndim <= 1)
    assert all((net.state_dict()[name] == w.to(net.state_dict()[name].dtype)).all() for name, w in stored.items())
    again = round_weights(net)
    assert all((again[name] == w).all() for name, w in stored.items())


def test_weights_beyond_the_range_of_fp16_stay_as_they_are():
    net = nets.build("cancernet", 2, size_px=32)
    with torch.no_grad():
        net.get_classifier().weight[0, 0] = 1e5
    stored = round_weights(net)
    assert (
        stored[next(n for n, m in net.named_modules() if m is net.get_classifier()) + ".weight"].dtype == torch.float32
    )
