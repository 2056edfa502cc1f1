"""How numbers are written for people: never more certain than they are."""

import math

from medcls.core.evaluation import Estimate
from medcls.words import say, true_minus


def show_prob(prob: float) -> str:
    """Return a probability with two significant digits, never 1 and never 0.

    Example:
        >>> show_prob(0.8349), show_prob(0.0149), show_prob(0.9996), show_prob(0.0004)
        ('0.83', '0.015', '> 0.99', '< 0.01')
    """
    if prob >= 0.995:
        return "> 0.99"
    if prob < 0.01:
        return "< 0.01"
    return f"{prob:.2f}" if prob >= 0.1 else f"{prob:.3f}"


def show_estimate(estimate: Estimate, digits: int = 2) -> str:
    """Return a score with its interval, `0.82 (0.74–0.88)`; alone where there is none or its ends read alike.

    Args:
        estimate: The score.
        digits: Decimals.

    Example:
        >>> from medcls.core.note import UNSAID
        >>> show_estimate(Estimate(0.82, 0.7411, 0.8799, 0.95, 118, UNSAID))
        '0.82 (0.74–0.88)'
        >>> show_estimate(Estimate(1.0, 1.0, 1.0, 0.95, 118, UNSAID))
        '1.00'
    """
    if math.isnan(estimate.value):
        return say("core.not-computable")
    value, low, high = (f"{x:.{digits}f}" for x in (estimate.value, estimate.low, estimate.high))
    return value if low == high else f"{value} ({low}–{high})"


def show_change(estimate: Estimate) -> str:
    """Return a change or a difference with its interval, signs written out.

    Example:
        >>> from medcls.core.note import UNSAID
        >>> show_change(Estimate(-0.021, -0.0534, 0.0118, 0.95, 118, UNSAID))
        '−0.021 (−0.053 to +0.012)'
    """
    if math.isnan(estimate.value):
        return say("core.not-computable")
    value, low, high = map(signed, (estimate.value, estimate.low, estimate.high))
    return value if low == high else say("core.change", {"value": value, "low": low, "high": high})


def signed(value: float, digits: int = 3) -> str:
    """Return a difference with its sign; no sign where it rounds to nothing.

    Example:
        >>> signed(0.0514), signed(-0.0514), signed(-0.0001)
        ('+0.051', '−0.051', '0.000')
    """
    return true_minus(f"{value:+.{digits}f}")


def show_seconds(seconds: float) -> str:
    """Return a duration as a person would say it.

    Example:
        >>> show_seconds(0.0142), show_seconds(2.34), show_seconds(75), show_seconds(4000)
        ('14 ms', '2.3 s', '1 min 15 s', '1 h 6 min')
    """
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, left = divmod(round(seconds), 60)
    return f"{minutes} min {left} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
