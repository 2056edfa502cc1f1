"""The one table of pages: navigation, addresses and the browser's own code read it."""

from typing import NamedTuple


class Page(NamedTuple):
    """A page.

    Args:
        address: The last part of its address; its file is `pages/<address>.py`.
        title: Code of its name.
        icon: A Material symbol.
    """

    address: str
    title: str
    icon: str


# In the order of the work; the first opens at `/`.
PAGES = (
    Page("classify", "pages.title-classify", ":material/center_focus_strong:"),
    Page("worklist", "pages.title-worklist", ":material/list_alt:"),
    Page("heatmaps", "pages.title-heatmaps", ":material/blur_on:"),
    Page("compare", "pages.title-compare", ":material/compare:"),
    Page("site", "pages.title-site", ":material/domain:"),
    Page("data", "pages.title-data", ":material/photo_library:"),
    Page("train", "pages.title-train", ":material/model_training:"),
    Page("runs", "pages.title-runs", ":material/monitoring:"),
    Page("models", "pages.title-models", ":material/inventory_2:"),
)
BELOW = tuple(page.address for page in PAGES[1:])  # what stands at an address of its own
