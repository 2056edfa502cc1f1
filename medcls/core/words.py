"""Small words that several rooms say."""


def counted(n: int, noun: str) -> str:
    """Say a number of things, as `1 case` or `1,473 cases`; the noun takes an s."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
