"""Small charts as SVG: bars and lines that fill their box; labels are HTML beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from wav2vec2_app.server.ui.render.latency import process_kind

CHART_WIDTH: Final = 600
CHART_HEIGHT: Final = 120
_GAP: Final = 2.0


def bars(columns: Sequence[tuple[int, int]], description: str) -> str:
    """A column for each pair of (succeeded, failed), the failed ones on top."""
    highest = max((sum(column) for column in columns), default=0) or 1
    step = CHART_WIDTH / max(1, len(columns))
    shapes = []
    for number, (done, failed) in enumerate(columns):
        left, base = number * step, float(CHART_HEIGHT)
        for count, kind in ((done, "done"), (failed, "failed")):
            height = count / highest * CHART_HEIGHT
            if height:
                base -= height
                shapes.append(
                    f'<rect class="w-bar-{kind}" x="{left:.1f}" y="{base:.1f}" '
                    f'width="{step - _GAP:.1f}" height="{height:.1f}"/>'
                )
    return _svg("".join(shapes), description)


def lines(
    series: Mapping[str, Sequence[tuple[float, float]]],
    x_range: tuple[float, float],
    y_max: float,
    description: str,
) -> str:
    """A line for each process; points are (x, y), and a single one is a short line."""
    begin, end = x_range
    scale_x, scale_y = CHART_WIDTH / max(end - begin, 1e-9), CHART_HEIGHT / max(y_max, 1e-9)
    shapes = []
    for name, points in series.items():
        placed = [((x - begin) * scale_x, CHART_HEIGHT - y * scale_y) for x, y in points]
        if len(placed) == 1:
            placed.insert(0, (placed[0][0] - 6, placed[0][1]))
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        shapes.append(
            f'<polyline data-process="{process_kind(name)}" points="{path}" '
            f'vector-effect="non-scaling-stroke"><title>{escape(name)}</title></polyline>'
        )
    return _svg("".join(shapes), description)


def _svg(shapes: str, description: str) -> str:
    return (
        f'<svg class="w-plot" viewBox="0 0 {CHART_WIDTH} {CHART_HEIGHT}" preserveAspectRatio="none" '
        f'role="img" aria-label="{escape(description)}">{shapes}</svg>'
    )
