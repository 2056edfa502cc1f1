"""What is minimised. Every loss takes targets as distributions, so that smoothing and mixup need no other path."""

import torch
import torch.nn.functional as F

from medcls.core.run import RunSpec


def soft_targets(truth: torch.Tensor, n_labels: int, smoothing: float) -> torch.Tensor:
    """Return label indices as distributions over labels.

    Args:
        truth: (N,) int64, 0 to K - 1.
        n_labels: K.
        smoothing: Share that is spread evenly over all labels, [0, 1).

    Returns:
        (N, K) float32, rows sum to 1.

    References:
        Szegedy et al., Rethinking the Inception architecture, CVPR 2016, section 7.
    """
    return F.one_hot(truth, n_labels).float() * (1 - smoothing) + smoothing / n_labels


def class_weights(truth: torch.Tensor, n_labels: int) -> torch.Tensor:
    """Weights (K,) that make every class count the same: N / (K * n_k); 0 for a class without cases."""
    counts = torch.bincount(truth, minlength=n_labels).float()
    return torch.where(counts > 0, len(truth) / (n_labels * counts.clamp(min=1)), torch.zeros(()))


def loss(
    logits: torch.Tensor, target: torch.Tensor, spec: RunSpec, weights: torch.Tensor | None = None
) -> torch.Tensor:
    """Mean loss of a batch.

    `binary` is the sigmoid's cross-entropy. With two labels the sigmoid is taken of the difference of the two
    logits, which is what one sigmoid output computes, and keeps the softmax right for predictions; with
    more it asks each label against the rest.

    Args:
        logits: (N, K).
        target: (N, K), rows sum to 1.
        spec: The run's spec; `loss` and `focal_gamma` are read.
        weights: One weight per label (K,), or None.

    Returns:
        Scalar, a weighted mean over the batch.

    References:
        Lin et al., Focal loss for dense object detection, ICCV 2017 (here over the softmax).
    """
    logits = logits.float()
    if spec.optimisation.loss == "binary" and logits.shape[1] == 2:
        each = F.binary_cross_entropy_with_logits(logits[:, 1] - logits[:, 0], target[:, 1], reduction="none")
    elif spec.optimisation.loss == "binary":
        each = F.binary_cross_entropy_with_logits(logits, target, reduction="none").mean(dim=1)
    else:
        log_prob = logits.log_softmax(dim=1)
        focus = (1 - log_prob.exp()) ** spec.optimisation.focal_gamma if spec.optimisation.loss == "focal" else 1.0
        each = -(target * focus * log_prob).sum(dim=1)
    if weights is None:
        return each.mean()
    share = target @ weights
    return (each * share).sum() / share.sum().clamp(min=1e-12)
