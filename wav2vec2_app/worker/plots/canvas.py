"""The sheet every picture is drawn on: same width, same margins, same time axis, so they align.

matplotlib's object API draws the geometry (axes, grid, lines, fills). Text, images and word bands are
layers of ours around it, for three reasons: the page's own font applies, words of any vocabulary are
escaped in one place and never meet matplotlib's markup or its missing glyphs, and a stylesheet can
enlarge the text and hide the less important labels on a narrow screen.

The unit is the viewBox's: the sheet is ``WIDTH`` wide and the page scales it. Whatever is neutral is
painted in ``INK``, which becomes ``currentColor``. Nothing here is shared between pictures.
"""

from __future__ import annotations

import hashlib
import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from numpy.typing import NDArray

from wav2vec2_app.speech.features import Picture
from wav2vec2_app.worker.plots.raster import LEVELS, Palette, png_uri

WIDTH = 800
LEFT, RIGHT = 62, 788
"""Ends of the time axis on every sheet; the page's playhead (``assets/ui/page.js``) counts on them."""
PLOT_WIDTH = RIGHT - LEFT
HEAD = 30
"""Room above a panel for its axis title and colour key at the largest text size."""
FOOT = 34
"""Room below the lowest panel for the time labels at the largest text size."""

INK = "#010203"
INDIGO, TEAL, ORANGE, RED, SLATE = "#6366f1", "#0d9488", "#e8590c", "#e03131", "#64748b"
"""Colours with at least 3:1 of contrast on white and on near-black."""

TEXT_SIZE, MEDIUM_TEXT_SIZE, LARGE_TEXT_SIZE = 12, 15, 21
"""Text on wide, medium and narrow screens, in viewBox units."""

mpl.rcParams["svg.hashsalt"] = "wav2vec2"  # the same picture twice is the same bytes

_ID = "\0"
"""Stands for the picture's id until its content is known; no text can hold it (see :func:`_xml`)."""

_MEDIUM = f"#{_ID} text{{font-size:{MEDIUM_TEXT_SIZE}px}}#{_ID} .widest{{display:none}}"
_LARGE = f"#{_ID} text{{font-size:{LARGE_TEXT_SIZE}px}}#{_ID} .wide{{display:none}}"
_STYLE = f"""\
#{_ID} text{{font:400 {TEXT_SIZE}px var(--font,system-ui,-apple-system,"Segoe UI",Roboto,sans-serif);\
font-variant-numeric:tabular-nums;fill:currentColor;stroke:none}}
#{_ID} .axis{{opacity:.78}}
#{_ID} .end{{text-anchor:end}}
#{_ID} .middle{{text-anchor:middle}}
#{_ID} .centred{{dominant-baseline:central}}
#{_ID} .below{{dominant-baseline:hanging}}
#{_ID} .word{{font-weight:500}}
@media(max-width:960px){{{_MEDIUM}}}@container(max-width:760px){{{_MEDIUM}}}
@media(max-width:620px){{{_LARGE}}}@container(max-width:540px){{{_LARGE}}}"""
"""Sizes go by the screen and, where the page makes the picture's place a container, by that."""

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Panel:
    """One pair of axes: ``axes`` for drawing in data coordinates, the rest in viewBox units."""

    axes: Any
    top: float
    height: float
    y_low: float
    y_high: float

    @property
    def bottom(self) -> float:
        return self.top + self.height

    def y(self, value: float) -> float:
        """Where a value of the vertical axis lies on the sheet."""
        return self.bottom - (value - self.y_low) / (self.y_high - self.y_low) * self.height


def time_x(time_s: float, duration_s: float) -> float:
    """Where a time lies on the sheet of a recording."""
    return LEFT + PLOT_WIDTH * time_s / duration_s


class Canvas:
    """A sheet for ``duration_s`` of time; :meth:`finish` turns it into a picture."""

    def __init__(self, duration_s: float, height: float) -> None:
        self.duration_s = max(duration_s, 1e-3)
        self.height = height
        self._figure = Figure(figsize=(WIDTH / 72, height / 72), dpi=72)
        self._figure.patch.set_visible(False)
        self._under: list[str] = []
        self._over: list[str] = []

    def x(self, time_s: float) -> float:
        """Where a time lies on the sheet."""
        return time_x(time_s, self.duration_s)

    def panel(self, top: float, height: float, y_low: float, y_high: float) -> Panel:
        """Axes over the whole duration; vertical values from ``y_low`` to ``y_high``."""
        axes = self._figure.add_axes(
            (
                LEFT / WIDTH,
                1 - (top + height) / self.height,
                PLOT_WIDTH / WIDTH,
                height / self.height,
            )
        )
        axes.set_xlim(0, self.duration_s)
        axes.set_ylim(y_low, y_high)
        axes.patch.set_visible(False)
        axes.set_xticks([])
        axes.set_yticks([])
        for side, spine in axes.spines.items():
            spine.set_visible(side in ("left", "bottom"))
            spine.set_color(INK)
            spine.set_alpha(0.45)
        return Panel(axes, top, height, y_low, y_high)

    # --- text ---

    def text(self, x: float, y: float, text: str, classes: str = "") -> None:
        """Plain text at a place on the sheet; any characters are safe."""
        self._over.append(
            f'<text x="{x:.1f}" y="{y:.1f}" class="{classes}">{escape(_xml(text))}</text>'
        )

    def heading(self, y: float, text: str) -> None:
        """A line at the left end of the sheet."""
        self.text(LEFT, y, text, "axis")

    def title(self, panel: Panel, text: str) -> None:
        """The name and unit of a panel's vertical axis, above its left end."""
        self.heading(panel.top - 9, text)

    def key(self, panel: Panel, palette: Palette, low: str, high: str) -> None:
        """A colour key above the panel's right end: ``low`` [colours] ``high``."""
        width, gap, height = 90, 7, 9
        right = RIGHT - gap - 0.58 * LARGE_TEXT_SIZE * len(high)
        ramp = np.arange(LEVELS, dtype=np.uint8)[None, :]
        uri = png_uri(ramp, palette)
        self._under.append(_image(right - width, panel.top - 18, width, height, uri, smooth=True))
        self.text(right + gap, panel.top - 9, high, "axis")
        self.text(right - width - gap, panel.top - 9, low, "axis end")

    def legend(self, y: float, colour: str, text: str) -> None:
        """A coloured dot and its meaning, at the right end of the sheet."""
        x = RIGHT - 0.58 * LARGE_TEXT_SIZE * len(text)
        self._over.append(f'<circle cx="{x - 9:.1f}" cy="{y - 5:.1f}" r="4" fill="{colour}"/>')
        self.text(x, y, text, "axis")

    # --- axes ---

    def time_axis(self, panel: Panel) -> None:
        """Ticks, faint grid lines and labels of time; the labels below this panel."""
        for time_s, label in time_ticks(self.duration_s):
            self.text(self.x(time_s), panel.bottom + 10, label, "axis below middle")
        self.time_grid(panel)

    def time_grid(self, panel: Panel) -> None:
        """The faint vertical lines alone, for a panel above another."""
        for time_s, _ in time_ticks(self.duration_s):
            panel.axes.axvline(time_s, color=INK, alpha=0.12, linewidth=0.8, zorder=0.5)

    def y_ticks(
        self, panel: Panel, ticks: Mapping[float, str], *, grid: bool = True, dense: bool = False
    ) -> None:
        """Labels of the vertical axis; of a ``dense`` axis every second one on a narrow screen."""
        for number, (value, label) in enumerate(ticks.items()):
            wide = " wide" if dense and number % 2 else ""
            self.text(LEFT - 8, panel.y(value), label, f"axis end centred{wide}")
            if grid:
                panel.axes.axhline(value, color=INK, alpha=0.12, linewidth=0.8, zorder=0.5)

    # --- layers ---

    def image(
        self,
        panel: Panel,
        indices: NDArray[np.uint8],
        palette: Palette,
        *,
        start_s: float,
        end_s: float,
        y_low: float,
        y_high: float,
        smooth: bool = False,
    ) -> None:
        """A matrix behind the panel's lines; row 0 is the lowest. It is cut off at the panel's ends."""
        x, top = self.x(start_s), panel.y(y_high)
        tag = _image(
            x, top, self.x(end_s) - x, panel.y(y_low) - top, png_uri(indices[::-1], palette), smooth
        )
        self._under.append(f'<g clip-path="url(#{_ID}-{self._clip(panel)})">{tag}</g>')

    def band(
        self, start_s: float, end_s: float, top: float, height: float, style: str, note: str
    ) -> None:
        """A rectangle behind the lines with a note that shows under the pointer."""
        x = self.x(max(start_s, 0.0))
        width = max(self.x(min(end_s, self.duration_s)) - x, 0.5)
        self._under.append(
            f'<rect x="{x:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" '
            f'style="{style}"><title>{escape(_xml(note))}</title></rect>'
        )

    def _clip(self, panel: Panel) -> str:
        name = f"clip{panel.top:.0f}"
        self._under.append(
            f'<clipPath id="{_ID}-{name}"><rect x="{LEFT}" y="{panel.top:.1f}" '
            f'width="{PLOT_WIDTH}" height="{panel.height:.1f}"/></clipPath>'
        )
        return name

    # --- the end ---

    def finish(self, name: str, title: str, description: str) -> Picture:
        """The picture: one ``svg`` element whose ids are its own."""
        label = quoteattr(_xml(title))
        body = "".join(
            [
                f"<title>{escape(_xml(title))}</title><desc>{escape(_xml(description))}</desc>",
                f"<style>{_STYLE}</style>",
                *self._under,
                _geometry(self._figure),
                *self._over,
            ]
        )
        uid = f"{name.replace('_', '-')}-{hashlib.sha256(body.encode()).hexdigest()[:10]}"
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" id="{_ID}" role="img" aria-label={label} '
            f'viewBox="0 0 {WIDTH} {self.height:g}" width="100%" '
            'style="display:block;height:auto;overflow:visible" '
            'stroke-linejoin="round" stroke-linecap="butt">'
        )
        svg = (head + body + "</svg>").replace(_ID, uid)
        return Picture(name=name, title=title, svg=svg.encode(), description=description)


def _image(x: float, y: float, width: float, height: float, uri: str, smooth: bool) -> str:
    rendering = "auto" if smooth else "pixelated"
    return (
        f'<image x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" height="{height:.2f}" '
        f'preserveAspectRatio="none" style="image-rendering:{rendering}" href="{uri}"/>'
    )


def _geometry(figure: Figure) -> str:
    """What matplotlib drew, as markup to put inside our own ``svg`` element; it holds no text."""
    file = io.BytesIO()
    FigureCanvasSVG(figure).print_svg(
        file, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type"))
    )
    svg = file.getvalue().decode()
    inner = svg[svg.index('<g id="figure_1">') : svg.rindex("</svg>")]
    inner = inner.replace(INK, "currentColor").replace("xlink:href=", "href=")
    inner = re.sub(r'(id="|url\(#|href="#)', rf"\g<1>{_ID}-", inner)
    inner = re.sub(r"(\d+\.\d)\d+", r"\1", re.sub(r"opacity: (0\.\d+)", _opacity, inner))
    return re.sub(r"\s*\n\s*", " ", inner)


def _opacity(match: re.Match[str]) -> str:
    """Opacities as percentages, as what follows keeps one decimal only."""
    return f"opacity: {float(match[1]):.0%}"


def _xml(text: str) -> str:
    """Text without the characters that XML cannot hold."""
    return _NOT_XML.sub("\ufffd", text)


# --- ticks -------------------------------------------------------------------------------------

_TIME_STEPS_S = (
    0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600,
)  # fmt: skip


def time_ticks(duration_s: float, most: int = 8) -> list[tuple[float, str]]:
    """Times and their labels, from 0: seconds with their unit, or ``m:ss`` from two minutes on."""
    step = next((s for s in _TIME_STEPS_S if duration_s / s <= most), duration_s / most)
    times = [round(i * step, 6) for i in range(math.floor(duration_s / step + 1e-6) + 1)]
    if duration_s >= 120:
        return [(time, f"{int(time) // 60}:{int(time) % 60:02d} min") for time in times]
    return [(time, f"{time:g} s") for time in times]


def value_ticks(low: float, high: float, most: int = 5) -> Sequence[float]:
    """Round values from ``low`` to ``high``, at most ``most`` steps apart."""
    rough = (high - low) / most
    scale = 10 ** math.floor(math.log10(rough))
    step = next(scale * factor for factor in (1, 2, 5, 10) if scale * factor >= rough * 0.999)
    first = math.ceil(low / step - 1e-6)
    return [round(i * step, 10) for i in range(first, math.floor(high / step + 1e-6) + 1)]


def signed(value: float) -> str:
    """A number with a true minus sign."""
    return f"{value:g}".replace("-", "−")
