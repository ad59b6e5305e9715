"""Data for the page's scripts, in markup that the browser does not draw."""

from __future__ import annotations

from html import escape
from zlib import crc32


def hidden(text: str, **attributes: str | int) -> str:
    """``text`` in an element of the class ``w-data``, which is not shown.

    Gradio updates elements in place and does not change the contents of a ``template``, hence a ``div``.
    ``data-key`` differs where the content does.
    """
    given = "".join(f' data-{name}="{escape(str(value))}"' for name, value in attributes.items())
    content = escape(text, quote=False)
    return f'<div class="w-data" hidden="" data-key="{crc32(text.encode())}"{given}>{content}</div>'
