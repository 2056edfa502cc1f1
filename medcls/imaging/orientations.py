"""A square in its eight orientations, and what a network answers on average over them.

A skin lesion or a patch of tissue has no top: mirrored or turned by a right angle it is the same finding, yet a
network answers each a little otherwise. The mean of their logits is steadier, and over all eight it is the same
however the picture was held. Breast ultrasound has a top (the skin), and only left and right may be exchanged.
"""

from collections.abc import Callable, Iterator

import numpy as np

# Logits (N, K) and features (N, D) of squares (N, S, S, C).
Ask = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
_TOGETHER = 16  # squares asked at once: more are no quicker, each, and take memory


def orient(squares: np.ndarray, n: int) -> Iterator[np.ndarray]:
    """Yield squares in `n` orientations, as they are first.

    Args:
        squares: (N, S, S, C).
        n: 1 as they are; 2 also mirrored left to right; 8 mirrored and turned by right angles in every way.

    Yields:
        (N, S, S, C), contiguous.
    """
    for turn in range(1 if n <= 2 else 4):
        turned = np.rot90(squares, turn, axes=(1, 2))
        yield np.ascontiguousarray(turned)
        if n > 1:
            yield np.ascontiguousarray(turned[:, :, ::-1])


def predict_oriented(
    squares: np.ndarray, n: int, ask: Ask, plain: tuple[np.ndarray, np.ndarray] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Ask a network about squares in `n` orientations.

    Args:
        squares: (N, S, S, C).
        n: How many orientations; see `orient`.
        ask: The network.
        plain: What it gave of the squares as they are, if it was asked before.

    Returns:
        Logits (N, K), the mean over orientations, and features (N, D) of the squares as they are.
    """
    logits, features = plain or ask(squares)
    if n == 1:
        return logits, features
    others = np.concatenate(list(orient(squares, n))[1:])  # (N * (n - 1), S, S, C)
    asked = [ask(others[i : i + _TOGETHER])[0] for i in range(0, len(others), _TOGETHER)]
    turned = np.concatenate(asked).reshape(n - 1, *logits.shape)
    return (logits + turned.sum(axis=0)) / n, features
