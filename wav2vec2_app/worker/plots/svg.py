"""SVG markup: matplotlib figures, images and text as parts of a picture's own ``svg`` element."""

from __future__ import annotations

import io
import re

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

INK_PLACEHOLDER = "#010203"
"""Colour of neutral parts in matplotlib; it becomes ``currentColor``."""

mpl.rcParams["svg.hashsalt"] = "wav2vec2"  # equal pictures are equal bytes

ID_PLACEHOLDER = "\0"
"""Replaces the picture's id until its content is known; no text can contain it (see :func:`xml_text`)."""

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def image_tag(x: float, y: float, width: float, height: float, uri: str, smooth: bool) -> str:
    """An embedded image; ``smooth`` if its pixels are interpolated."""
    rendering = "auto" if smooth else "pixelated"
    return (
        f'<image x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" height="{height:.2f}" '
        f'preserveAspectRatio="none" style="image-rendering:{rendering}" href="{uri}"/>'
    )


def figure_markup(figure: Figure) -> str:
    """A matplotlib figure without text, as markup to put inside another ``svg`` element."""
    file = io.BytesIO()
    FigureCanvasSVG(figure).print_svg(
        file, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type"))
    )
    svg = file.getvalue().decode()
    inner = svg[svg.index('<g id="figure_1">') : svg.rindex("</svg>")]
    inner = inner.replace(INK_PLACEHOLDER, "currentColor").replace("xlink:href=", "href=")
    inner = re.sub(r'(id="|url\(#|href="#)', rf"\g<1>{ID_PLACEHOLDER}-", inner)
    inner = re.sub(r"(\d+\.\d)\d+", r"\1", re.sub(r"opacity: (0\.\d+)", _opacity, inner))
    return re.sub(r"\s*\n\s*", " ", inner)


def _opacity(match: re.Match[str]) -> str:
    """Opacity as a percentage: numbers are rounded to one decimal afterwards."""
    return f"opacity: {float(match[1]):.0%}"


def xml_text(text: str) -> str:
    """``text`` with a replacement for characters that XML does not allow."""
    return _NOT_XML.sub("\ufffd", text)
