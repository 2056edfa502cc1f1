"""Addresses that Streamlit itself does not answer."""

from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Route


async def _open_front_page(request: Request) -> RedirectResponse:
    """Send `/classify` to `/`, query and all: Streamlit serves the page that opens first at no other address."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"./{query}")


ROUTES = (Route("/classify", _open_front_page),)
