"""A history of made pictures, so that discriminators do not forget what generators did a while ago."""

import torch


class History:
    """Keeps some of the pictures made so far, and shows each new one or, half of the time, an old one in its place.

    Args:
        size: Pictures kept at most; 0 shows every new one.

    References:
        Shrivastava et al., Learning from Simulated and Unsupervised Images through Adversarial Training, CVPR 2017.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.pictures: list[torch.Tensor] = []

    def draw(self, made: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return what is shown in place of a batch, and keep some of the batch.

        Args:
            made: (N, C, S, S), without a gradient.
            generator: CPU generator the choice comes from.

        Returns:
            Same shape, on the same device.
        """
        if not self.size:
            return made
        shown = made.clone()
        for i in range(len(made)):
            if len(self.pictures) < self.size:
                self.pictures.append(made[i].cpu().clone())
            elif torch.rand((), generator=generator) < 0.5:
                k = int(torch.randint(self.size, (), generator=generator))
                shown[i], self.pictures[k] = self.pictures[k].to(made.device), made[i].cpu().clone()
        return shown
