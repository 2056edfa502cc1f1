"""Dropout that draws a byte for each value: torch draws 32 bits, one after the other, on most processors."""

import torch
from torch import Tensor, nn

_BYTE = 256


class ByteDropout(nn.Dropout):
    """Dropout whose mask is drawn eight values at a time from torch's own generator.

    On the maps of a small network torch's own mask can cost a third of a training step. The rate is kept to
    1/256: 0.25 and 0.5 exactly, 0.3 as 77/256. What is kept is scaled by what is really kept, so its mean is unchanged.

    Args:
        p: Share of values that become 0 in training, 0 to 1.

    References:
        Srivastava et al., Dropout: a simple way to prevent neural networks from overfitting, JMLR 2014.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return values of the same shape: unchanged in evaluation, else each set to 0 with probability `p`."""
        kept = _BYTE - round(self.p * _BYTE)
        if not self.training or kept in (0, _BYTE):
            return super().forward(x)
        words = torch.empty(-(-x.numel() // 8), dtype=torch.int64, device=x.device)
        words.random_(torch.iinfo(torch.int64).min, None)  # all 64 bits
        strides = torch.empty_like(x, device="meta").stride()  # channels last stays channels last
        draw = words.view(torch.uint8)[: x.numel()].as_strided(x.size(), strides)
        return x * (draw < kept).to(x.dtype).mul_(_BYTE / kept)
