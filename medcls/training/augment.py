"""Random changes to a batch of scans that must not change the answer.

Whole batches are turned at once on the device they stand on, each scan by its own amount. Every random
number comes from the generator handed in, so that an epoch can be done again bit for bit.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from medcls.core.settings import AugmentationSpec

# ITU-R BT.601 luma, and the two colour axes it leaves (YIQ, FCC 1953): hue is a turn in the I-Q plane.
_RGB_TO_YIQ = torch.tensor([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])

_KERNELS_PX = (1, 3, 5, 7)


@dataclass(frozen=True)
class Augment:
    """Random turn, shift, shear, zoom, mirror, light, colour, blur, texture and blanked patch, as asked.

    Args:
        spec: How much of each change.
    """

    spec: AugmentationSpec

    def __call__(self, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Change every scan of a batch by its own random amount.

        Args:
            batch: (N, C, S, S) float32 display values in [0, 1].
            generator: CPU generator all random numbers come from.

        Returns:
            Same shape, values in [0, 1].
        """
        s = self.spec
        if s.rotate_deg or s.shift or s.shear or s.zoom or s.hflip or s.vflip:
            batch = self._move(batch, generator)
        if s.brightness or s.contrast:
            batch = self._light(batch, generator)
        if s.hue and batch.shape[1] == 3:
            batch = self._colour(batch, generator)
        if s.blur:
            batch = self._degrade(batch, generator)
        if s.texture:
            batch = self._filter(batch, generator)
        if s.erase:
            batch = self._erase(batch, generator)
        return batch.clamp_(0, 1)

    def _move(self, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        s, n = self.spec, len(batch)
        angle = _spread(n, math.radians(s.rotate_deg), generator)
        shear = _spread(n, s.shear, generator)
        scale = 1 + _spread(n, s.zoom, generator)
        sx = torch.where(_chance(n, 0.5 * s.hflip, generator), -1.0, 1.0)
        sy = torch.where(_chance(n, 0.5 * s.vflip, generator), -1.0, 1.0)
        cos, sin = angle.cos(), angle.sin()
        turn = torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1)  # (N, 2, 2)
        slant = torch.eye(2).repeat(n, 1, 1)
        slant[:, 0, 1] = shear
        mirror = torch.diag_embed(torch.stack([sx, sy], 1))
        matrix = (turn @ slant @ mirror) / scale[:, None, None]
        offset = 2 * torch.stack([_spread(n, s.shift, generator), _spread(n, s.shift, generator)], 1)
        theta = torch.cat([matrix, offset[:, :, None]], 2).to(batch.device)
        grid = F.affine_grid(theta, list(batch.shape), align_corners=False)
        return F.grid_sample(batch, grid, mode="bilinear", padding_mode="reflection", align_corners=False)

    def _light(self, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        n = len(batch)
        gain = _column(1 + _spread(n, self.spec.brightness, generator), batch)
        gamma = _column(torch.exp(_spread(n, self.spec.brightness, generator)), batch)
        slope = _column(1 + _spread(n, self.spec.contrast, generator), batch)
        batch = (batch * gain).clamp(0, 1) ** gamma
        middle = batch.mean(dim=(1, 2, 3), keepdim=True)
        return (batch - middle) * slope + middle

    def _colour(self, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        n = len(batch)
        angle, strength = _spread(n, self.spec.hue * math.pi, generator), 1 + _spread(n, self.spec.hue, generator)
        turn = torch.zeros(n, 3, 3)
        turn[:, 0, 0] = 1
        turn[:, 1, 1] = turn[:, 2, 2] = angle.cos() * strength
        turn[:, 1, 2], turn[:, 2, 1] = -angle.sin() * strength, angle.sin() * strength
        change = (torch.linalg.inv(_RGB_TO_YIQ) @ turn @ _RGB_TO_YIQ).to(batch)
        return torch.einsum("nij,njhw->nihw", change, batch)

    def _degrade(self, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Resample to a coarser grid and back, or add noise: what another scanner or archive would do."""
        chosen, batch = _chance(len(batch), self.spec.blur, generator), batch.clone()
        for i in torch.nonzero(chosen).flatten().tolist():
            if torch.rand((), generator=generator) < 0.5:
                side = int(batch.shape[-1] * (0.4 + 0.5 * float(torch.rand((), generator=generator))))
                small = F.interpolate(batch[i : i + 1], size=(side, side), mode="bilinear", antialias=True)
                batch[i : i + 1] = F.interpolate(small, size=batch.shape[-2:], mode="bilinear")
            else:
                strength = 0.08 * float(torch.rand((), generator=generator))
                noise = torch.randn(1, *batch.shape[-2:], generator=generator).to(batch)  # the same in every channel
                batch[i] += strength * noise
        return batch

    def _filter(self, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Mix a scan with its convolution by a random kernel of 1 to 7 px, brought back to its own mean and spread.

        A device's texture is drawn anew and the shapes stay (random convolutions, Xu et al., ICLR 2021).
        """
        chosen, batch = _chance(len(batch), self.spec.texture, generator), batch.clone()
        for i in torch.nonzero(chosen).flatten().tolist():
            side = _KERNELS_PX[int(torch.randint(len(_KERNELS_PX), (), generator=generator))]
            kernel = torch.randn(1, 1, side, side, generator=generator).to(batch)
            scan = batch[i, :, None]  # (C, 1, S, S): every channel by the same kernel, so that grey stays grey
            drawn = F.conv2d(F.pad(scan, (side // 2,) * 4, mode="reflect"), kernel)
            drawn = (drawn - drawn.mean()) / (drawn.std() + 1e-4) * scan.std() + scan.mean()
            share = float(torch.rand((), generator=generator))
            batch[i] = (share * scan + (1 - share) * drawn)[:, 0]
        return batch

    def _erase(self, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        side, batch = batch.shape[-1], batch.clone()
        for i in torch.nonzero(_chance(len(batch), self.spec.erase, generator)).flatten().tolist():
            h, w = (max(1, int(side * (0.1 + 0.25 * float(r)))) for r in torch.rand(2, generator=generator))
            top, left = (
                int(float(r) * (side - d)) for r, d in zip(torch.rand(2, generator=generator), (h, w), strict=True)
            )
            batch[i, :, top : top + h, left : left + w] = batch[i].mean()
        return batch


def _spread(n: int, limit: float, generator: torch.Generator) -> torch.Tensor:
    return (2 * torch.rand(n, generator=generator) - 1) * limit


def _chance(n: int, p: float, generator: torch.Generator) -> torch.Tensor:
    return torch.rand(n, generator=generator) < p


def _column(values: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    return values.view(-1, 1, 1, 1).to(like)
