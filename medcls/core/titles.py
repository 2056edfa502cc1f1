"""What people call collections and sites."""

import re

TITLES = {
    "bus-bra": "BUS-BRA",
    "busi": "BUSI",
    "ham10000": "HAM10000",
    "idc": "IDC",
    "isic2017": "ISIC 2017",
}  # published collections by the names they are known by, the same in every language


def title_of(name: str) -> str:
    """Return what people call a collection or a site: a published one by its title, any other by the name it was given.

    Example:
        >>> title_of("bus-bra"), title_of("Ward 3")
        ('BUS-BRA', 'Ward 3')
    """
    return TITLES.get(name, name)


def titles_of(names: str) -> str:
    """Return several names in one text, as evaluations keep them, each by its title.

    Example:
        >>> titles_of("busi, bus-bra")
        'BUSI, BUS-BRA'
    """
    return re.sub(r"[^,; ][^,;]*", lambda name: title_of(name[0]), names)
