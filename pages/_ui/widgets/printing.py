"""A page handed to the browser's own print dialogue."""

import uuid

import streamlit as st

# In a frame of its own, which is not shown: what is printed is that page alone.
_SCRIPT = """
const DONE = new WeakMap()
export default function ({ data, parentElement }) {
  if (DONE.get(parentElement) === data.id) return
  DONE.set(parentElement, data.id)
  const frame = document.createElement("iframe")
  frame.style.cssText = "position:fixed;width:0;height:0;border:0"
  frame.setAttribute("aria-hidden", "true")
  frame.srcdoc = data.page
  frame.onload = () => frame.contentWindow.print()
  parentElement.querySelector(".place").replaceChildren(frame)
}
"""
_mount = st.components.v2.component("medcls_print", html='<div class="place"></div>', js=_SCRIPT)


def print_page(page: str) -> None:
    """Open the browser's print dialogue for a page.

    Args:
        page: HTML that needs nothing else.
    """
    _mount(key="print", data={"id": uuid.uuid4().hex, "page": page})
