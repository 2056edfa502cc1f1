"""The one table of pages: navigation, addresses and the browser's own code read it."""

from typing import NamedTuple

_ASKED = ("task", "site", "model")
_MAPS = (*_ASKED, "by", "label", "method", "layer", "models")
_COMPARED = ("task", "site", "models", "mode", "cases", "part", "view")


class Page(NamedTuple):
    """A page.

    Args:
        address: The last part of its address; its file is `pages/<address>.py`.
        title: Code of its name.
        icon: A Material symbol.
        shows: Which choices of the user its address may hold.
    """

    address: str
    title: str
    icon: str
    shows: tuple[str, ...]


# In the order of the work; the first opens at `/`.
PAGES = (
    Page("classify", "pages.title-classify", ":material/center_focus_strong:", _ASKED),
    Page("worklist", "pages.title-worklist", ":material/list_alt:", ()),
    Page("heatmaps", "pages.title-heatmaps", ":material/blur_on:", _MAPS),
    Page("compare", "pages.title-compare", ":material/compare:", _COMPARED),
    Page("site", "pages.title-site", ":material/domain:", _ASKED),
    Page("data", "pages.title-data", ":material/photo_library:", ("collection", "section", "kind")),
    Page("train", "pages.title-train", ":material/model_training:", ("data", "from")),
    Page("runs", "pages.title-runs", ":material/monitoring:", ("run", "of", "show", "search")),
    Page("models", "pages.title-models", ":material/inventory_2:", ("card", "for")),
)
BELOW = tuple(page.address for page in PAGES[1:])  # what stands at an address of its own
