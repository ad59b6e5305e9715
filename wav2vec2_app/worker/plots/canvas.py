"""The canvas of all pictures: the same width, margins and time axis, so that pictures align.

matplotlib's object API draws the geometry (axes, grid, lines, fills). Text, images and word bands are
separate SVG elements, for three reasons: the page's font applies; words of any vocabulary are escaped in
one place, and do not depend on matplotlib's markup and glyphs; and a stylesheet can enlarge the text and
hide less important labels on a narrow screen.

The unit is that of the viewBox: the canvas is ``WIDTH`` wide and the page scales it. Neutral parts are
painted in :data:`INK_PLACEHOLDER`. Pictures share no state.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from wav2vec2_app.speech.features import Picture
from wav2vec2_app.worker.plots.raster import PALETTE_SIZE, Palette, png_uri
from wav2vec2_app.worker.plots.svg import (
    ID_PLACEHOLDER,
    INK_PLACEHOLDER,
    figure_markup,
    image_tag,
    xml_text,
)
from wav2vec2_app.worker.plots.ticks import time_ticks

WIDTH = 800
LEFT, RIGHT = 62, 788
"""Ends of the time axis on every canvas; ``assets/ui/modules/pictures.js`` uses the same values."""
PLOT_WIDTH = RIGHT - LEFT
HEAD = 36
"""Height above a panel for its axis title and colour key at the largest text size."""
FOOT = 44
"""Height below the lowest panel for the time labels at the largest text size."""

TEAL, ORANGE, RED, SLATE = "#0d9488", "#e8590c", "#e03131", "#64748b"
"""Colours with at least 3:1 of contrast on white and on near-black. Teal is the accent; the others show
what is uncertain, the opposite side of a scale, and the blank."""

TEXT_SIZE, LARGEST_TEXT_SIZE = 12, 34
"""Text on wide and on the narrowest screens, in viewBox units."""
SCREENS = ((15, 1240, 760), (21, 620, 540), (27, 470, 384), (LARGEST_TEXT_SIZE, 384, 300))
"""Size of the text where the screen, or the container of the picture, is at most so wide, CSS pixels.

Text has at least 10 pixels where the picture is at least 236 pixels wide.
"""
TEXT_SIZES = (TEXT_SIZE, *(size for size, _, _ in SCREENS))
DENSE_BELOW = 21
"""Size of the text from which every second label of a dense axis is hidden."""

_ID = ID_PLACEHOLDER


def _screen_style(number: int) -> str:
    """Text of one size; labels that only fit at a smaller one are hidden."""
    size, screen_px, container_px = SCREENS[number]
    rules = f"#{_ID} text{{font-size:{size}px}}#{_ID} .fits-{TEXT_SIZES[number]}{{display:none}}"
    if size == DENSE_BELOW:
        rules += f"#{_ID} .wide{{display:none}}"
    return f"@media(max-width:{screen_px}px){{{rules}}}@container(max-width:{container_px}px){{{rules}}}"


_STYLE = f"""\
#{_ID} text{{font:400 {TEXT_SIZE}px var(--font,system-ui,-apple-system,"Segoe UI",Roboto,sans-serif);\
font-variant-numeric:tabular-nums;fill:currentColor;stroke:none}}
#{_ID} .axis{{opacity:.78}}
#{_ID} .end{{text-anchor:end}}
#{_ID} .middle{{text-anchor:middle}}
#{_ID} .centred{{dominant-baseline:central}}
#{_ID} .below{{dominant-baseline:hanging}}
#{_ID} .word{{font-weight:500}}
""" + "\n".join(_screen_style(number) for number in range(len(SCREENS)))
"""Text sizes depend on the width of the screen and of the container, if the page has made it one."""


@dataclass(frozen=True)
class Panel:
    """One pair of axes: ``axes`` for drawing in data coordinates, the rest in viewBox units."""

    axes: Axes
    top: float
    height: float
    y_low: float
    y_high: float

    @property
    def bottom(self) -> float:
        return self.top + self.height

    def y(self, value: float) -> float:
        """Vertical position of a value on the canvas."""
        return self.bottom - (value - self.y_low) / (self.y_high - self.y_low) * self.height


class Canvas:
    """A canvas from ``start_s`` to ``end_s`` of a recording; :meth:`finish` makes the picture."""

    def __init__(self, start_s: float, end_s: float, height: float) -> None:
        self.start_s = start_s
        self.end_s = max(end_s, start_s + 1e-3)
        self.height = height
        self._figure = Figure(figsize=(WIDTH / 72, height / 72), dpi=72)
        self._figure.patch.set_visible(False)
        self._under: list[str] = []
        self._over: list[str] = []

    def x(self, time_s: float) -> float:
        """Horizontal position of a time."""
        return LEFT + PLOT_WIDTH * (time_s - self.start_s) / (self.end_s - self.start_s)

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
        axes.set_xlim(self.start_s, self.end_s)
        axes.set_ylim(y_low, y_high)
        axes.patch.set_visible(False)
        axes.set_xticks([])
        axes.set_yticks([])
        for side, spine in axes.spines.items():
            spine.set_visible(side in ("left", "bottom"))
            spine.set_color(INK_PLACEHOLDER)
            spine.set_alpha(0.45)
        return Panel(axes, top, height, y_low, y_high)

    # --- text ---

    def text(self, x: float, y: float, text: str, classes: str = "") -> None:
        """Plain text at a position; it may have any characters."""
        self._over.append(
            f'<text x="{x:.1f}" y="{y:.1f}" class="{classes}">{escape(xml_text(text))}</text>'
        )

    def heading(self, y: float, text: str) -> None:
        """A line of text at the left end."""
        self.text(LEFT, y, text, "axis")

    def title(self, panel: Panel, text: str) -> None:
        """The name and unit of a panel's vertical axis, above its left end."""
        self.heading(panel.top - 9, text)

    def key(self, panel: Panel, palette: Palette, low: str, high: str) -> None:
        """A colour key above the panel's right end: ``low`` [colours] ``high``."""
        width, gap, height = 90, 7, 9
        right = RIGHT - gap - 0.58 * LARGEST_TEXT_SIZE * len(high)
        ramp = np.arange(PALETTE_SIZE, dtype=np.uint8)[None, :]
        uri = png_uri(ramp, palette)
        self._under.append(
            image_tag(right - width, panel.top - 18, width, height, uri, smooth=True)
        )
        self.text(right + gap, panel.top - 9, high, "axis")
        self.text(right - width - gap, panel.top - 9, low, "axis end")

    def legend(self, y: float, colour: str, text: str) -> None:
        """A coloured dot and its meaning, at the right end."""
        x = RIGHT - 0.58 * LARGEST_TEXT_SIZE * len(text)
        self._over.append(f'<circle cx="{x - 9:.1f}" cy="{y - 5:.1f}" r="4" fill="{colour}"/>')
        self.text(x, y, text, "axis")

    # --- axes ---

    def time_axis(self, panel: Panel, below: float = 0.0) -> None:
        """Ticks, faint grid lines and labels of time; the labels ``below`` units under this panel.

        On a narrow screen every second one is shown.
        """
        for number, (time_s, label) in enumerate(time_ticks(self.start_s, self.end_s)):
            wide = " wide" if number % 2 else ""
            y = panel.bottom + below + 10
            self.text(self.x(time_s), y, label, f"axis below middle{wide}")
        self.time_grid(panel)

    def time_grid(self, panel: Panel) -> None:
        """The faint vertical lines alone, for a panel above another."""
        for time_s, _ in time_ticks(self.start_s, self.end_s):
            panel.axes.axvline(time_s, color=INK_PLACEHOLDER, alpha=0.12, linewidth=0.8, zorder=0.5)

    def y_ticks(
        self, panel: Panel, ticks: Mapping[float, str], *, grid: bool = True, dense: bool = False
    ) -> None:
        """Labels of the vertical axis; of a ``dense`` axis every second one on a narrow screen."""
        for number, (value, label) in enumerate(ticks.items()):
            wide = " wide" if dense and number % 2 else ""
            self.text(LEFT - 8, panel.y(value), label, f"axis end centred{wide}")
            if grid:
                panel.axes.axhline(
                    value, color=INK_PLACEHOLDER, alpha=0.12, linewidth=0.8, zorder=0.5
                )

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
        """A matrix behind the panel's lines, clipped to the panel; row 0 is the lowest."""
        x, top = self.x(start_s), panel.y(y_high)
        tag = image_tag(
            x, top, self.x(end_s) - x, panel.y(y_low) - top, png_uri(indices[::-1], palette), smooth
        )
        self._under.append(f'<g clip-path="url(#{ID_PLACEHOLDER}-{self._clip(panel)})">{tag}</g>')

    def band(
        self, start_s: float, end_s: float, top: float, height: float, style: str, note: str
    ) -> None:
        """A rectangle behind the lines; ``note`` is its tooltip."""
        x = self.x(max(start_s, self.start_s))
        width = max(self.x(min(end_s, self.end_s)) - x, 0.5)
        self._under.append(
            f'<rect x="{x:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" '
            f'style="{style}"><title>{escape(xml_text(note))}</title></rect>'
        )

    def _clip(self, panel: Panel) -> str:
        name = f"clip{panel.top:.0f}"
        self._under.append(
            f'<clipPath id="{ID_PLACEHOLDER}-{name}"><rect x="{LEFT}" y="{panel.top:.1f}" '
            f'width="{PLOT_WIDTH}" height="{panel.height:.1f}"/></clipPath>'
        )
        return name

    # --- output ---

    def finish(self, name: str, title: str, description: str) -> Picture:
        """The picture: one ``svg`` element, whose ids are unique on a page."""
        label = quoteattr(xml_text(title))
        body = "".join(
            [
                f"<title>{escape(xml_text(title))}</title><desc>{escape(xml_text(description))}</desc>",
                f"<style>{_STYLE}</style>",
                *self._under,
                figure_markup(self._figure),
                *self._over,
            ]
        )
        uid = f"{name.replace('_', '-')}-{hashlib.sha256(body.encode()).hexdigest()[:10]}"
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" id="{ID_PLACEHOLDER}" role="img" aria-label={label} '
            f'viewBox="0 0 {WIDTH} {self.height:g}" width="100%" '
            'style="display:block;height:auto;overflow:visible" '
            'stroke-linejoin="round" stroke-linecap="butt">'
        )
        svg = (head + body + "</svg>").replace(ID_PLACEHOLDER, uid)
        return Picture(name, title, svg.encode(), description, self.start_s, self.end_s)
