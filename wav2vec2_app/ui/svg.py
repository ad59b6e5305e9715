"""Drawn pictures made fit to stand in a page together: no prolog, no clashing ids."""

from __future__ import annotations

import re
from html import escape
from typing import Final

from wav2vec2_app.types import Picture

_PROLOG: Final = re.compile(r"^.*?(?=<svg[\s>])", re.DOTALL)
_ID: Final = re.compile(r'\bid="([^"]+)"')
_REFERENCE: Final = re.compile(r'(url\(#|href="#)')
_METADATA: Final = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)


def embed(picture: Picture) -> str:
    """The picture's SVG element, named for screen readers, its ids prefixed with its name."""
    text = _METADATA.sub("", _PROLOG.sub("", picture.svg.decode("utf-8"), count=1))
    text = _ID.sub(rf'id="{picture.name}-\1"', text)
    text = _REFERENCE.sub(rf"\1{picture.name}-", text)
    label = escape(f"{picture.title}. {picture.description}")
    return text.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
