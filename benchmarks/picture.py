"""``python -m benchmarks.picture``: draw the latest results as one PNG beside them.

Every figure with a bar is a line whose length is the share of the bar that is used, so that a line that ends
before the mark holds, whether the bar is an upper or a lower one. Comparisons with other software are on top.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import FancyBboxPatch

from benchmarks import report
from benchmarks.report import Figure, number, with_unit

Groups = Mapping[str, Sequence[Figure]]
"""Figures by the title of their benchmark."""

INK, SOFT, FAINT, TRACK, PAPER = "#1c2430", "#5d6875", "#9aa4b0", "#e9ecf0", "#ffffff"
HOLDS, FAILS, OURS, THEIRS = "#2f8f6b", "#c8503c", "#2f6f9f", "#b9c2cc"

# All lengths are in points on the page.
MARGIN, GUTTER, COLUMN = 44.0, 44.0, 560.0
WIDTH = 2 * MARGIN + 2 * COLUMN + GUTTER
HEAD, PEERS, FOOT = 104.0, 150.0, 32.0
LINE, TITLE, AFTER = 18.0, 26.0, 16.0
NAME, TRACK_WIDTH = 306.0, 130.0
MOST = 1.25
"""Longer lines are cut off at this share of their bar."""
DPI = 144


@dataclass(frozen=True)
class Pair:
    """A comparison: the benchmark, how the names of both figures begin, and which direction is better."""

    caption: str
    title: str
    theirs: str
    ours: str
    more_is_better: bool = False


HEADINGS = {
    "start": "Starting",
    "request": "One request",
    "again": "From the cache",
    "pictures": "Pictures",
    "bridge": "Worker bridge",
    "recovery": "A killed worker",
    "live": "Live captions",
    "peers": "Against the pipeline",
    "users": "Concurrent users",
    "engines": "Engines",
    "accelerator": "Accelerator",
    "recognition": "Recognition",
    "hotwords": "Hotwords",
    "alignment": "Alignment and confidence",
    "text_check": "Words that were skipped, inserted or mispronounced",
    "silence": "Silence and speech",
    "memory": "Memory",
    "long_audio": "Long audio, in windows",
    "long_file": "A long file",
    "walk": "Modules of a request",
}
"""Headings of the benchmarks, by title."""
EXPLAINED = (
    "A line shows the share of its bar that is used. The bar holds if the line does not cross the mark, "
    "for upper bars (≤) and lower bars (≥) alike."
)

PAIRS = (
    Pair("one request, 10 s clip", "peers", "10 s clip, pipeline", "10 s clip, whole service"),
    Pair("16 concurrent users", "users", "16 users, plain Gradio app",
         "16 users, this application", more_is_better=True),
    Pair("16 concurrent users: latency", "users", "16 users, plain Gradio app: latency",
         "16 users, this application: latency"),
    Pair("engine alone, both in fp32, 10 s", "engines", "base-sized, 10 s: pipeline",
         "base-sized, 10 s: fp32"),
)  # fmt: skip


def used(figure: Figure) -> float:
    """The share of its bar that a figure uses: at most 1 if it holds, never below 0."""
    if figure.at_least is not None:
        share = figure.at_least / figure.value if figure.value > 0 else float("inf")
    else:
        limit = figure.limit or 0.0
        share = figure.value / limit if limit > 0 else float(figure.value > limit) * float("inf")
    return max(0.0, share) if share == share else 0.0


def barred(groups: Groups) -> dict[str, list[Figure]]:
    """The figures that have a bar; titles without any are omitted."""
    found = {title: [one for one in figures if one.bar] for title, figures in groups.items()}
    return {title: figures for title, figures in found.items() if figures}


def pairs(groups: Groups) -> Iterator[tuple[Pair, Figure, Figure]]:
    """The comparisons that were measured."""
    for pair in PAIRS:
        figures = groups.get(pair.title, ())
        theirs, ours = (
            next((one for one in figures if one.name.startswith(name)), None)
            for name in (pair.theirs, pair.ours)
        )
        if theirs and ours:
            yield pair, theirs, ours


def columns(groups: Groups) -> tuple[list[str], list[str]]:
    """Titles in their order, divided so that both columns are about equally high."""
    titles = list(groups)
    heights = [block_height(groups[title]) for title in titles]
    cut = min(range(len(titles) + 1), key=lambda at: max(sum(heights[:at]), sum(heights[at:])))
    return titles[:cut], titles[cut:]


def block_height(figures: Sequence[Figure]) -> float:
    return TITLE + LINE * len(figures) + AFTER


class Page:
    """A sheet whose coordinates are points, from the top left corner down."""

    def __init__(self, width: float, height: float) -> None:
        self._canvas = Canvas(figsize=(width / 72, height / 72), dpi=DPI, facecolor=PAPER)
        self._axes = self._canvas.add_axes((0, 0, 1, 1))
        self._axes.set(xlim=(0, width), ylim=(height, 0))
        self._axes.axis("off")

    def text(
        self, x: float, y: float, text: str, size: float = 8.5, colour: str = INK,
        align: str = "left", weight: str = "normal",
    ) -> None:  # fmt: skip
        self._axes.text(
            x, y, text, fontsize=size, color=colour, ha=align, va="center", fontweight=weight,
            parse_math=False,
        )  # fmt: skip

    def bar(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """A bar with round ends around the line ``y``."""
        radius = min(height, width) / 2
        self._axes.add_patch(
            FancyBboxPatch(
                (x + radius, y - height / 2 + radius), max(0.0, width - 2 * radius),
                max(0.0, height - 2 * radius), boxstyle=f"round,pad={radius}", linewidth=0,
                facecolor=colour, mutation_aspect=1,
            )
        )  # fmt: skip

    def rule(self, x: float, y: float, to_x: float, to_y: float, colour: str = TRACK) -> None:
        self._axes.plot([x, to_x], [y, to_y], color=colour, linewidth=0.8, solid_capstyle="butt")

    def save(self, path: Path) -> None:
        FigureCanvasAgg(self._canvas)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._canvas.savefig(path, dpi=DPI)


def draw(groups: Groups, path: Path | None = None) -> Path:
    """Draw the figures; returns the path of the picture."""
    path = path or report.RESULTS / "benchmarks.png"
    lines, compared = barred(groups), list(pairs(groups))
    left, right = columns(lines)
    top = HEAD + (PEERS if compared else 0.0)
    tallest = max(sum(block_height(lines[title]) for title in side) for side in (left, right))
    page = Page(WIDTH, top + tallest + FOOT)
    head(page, [one for figures in lines.values() for one in figures])
    if compared:
        peers(page, HEAD, compared)
    for x, titles in ((MARGIN, left), (MARGIN + COLUMN + GUTTER, right)):
        y = top
        for title in titles:
            block(page, x, y, title, lines[title])
            y += block_height(lines[title])
    page.save(path)
    return path


def head(page: Page, figures: Sequence[Figure]) -> None:
    held = sum(one.holds for one in figures)
    colour, right = HOLDS if held == len(figures) else FAILS, WIDTH - MARGIN
    page.text(MARGIN, 44, "Benchmarks", 22, weight="bold")
    page.text(right, 44, f"{held} of {len(figures)} bars hold", 14, colour, "right", "bold")
    page.text(MARGIN, 72, report.machine(), 9.5, SOFT)
    page.text(right, 72, EXPLAINED, 8.5, SOFT, "right")


def peers(page: Page, y: float, compared: Sequence[tuple[Pair, Figure, Figure]]) -> None:
    """A panel for each comparison, side by side."""
    width = (WIDTH - 2 * MARGIN + GUTTER) / len(PAIRS) - GUTTER
    page.text(MARGIN, y + 6, "Against transformers’ pipeline in fp32, on the same weights", 11.5,
              weight="bold")  # fmt: skip
    page.rule(MARGIN, y + 20, WIDTH - MARGIN, y + 20)
    for at, (pair, theirs, ours) in enumerate(compared):
        versus(page, MARGIN + at * (width + GUTTER), y + 36, width, pair, theirs, ours)


def versus(
    page: Page, x: float, y: float, width: float, pair: Pair, theirs: Figure, ours: Figure
) -> None:
    times = ours.value / theirs.value if pair.more_is_better else theirs.value / ours.value
    page.text(x, y, pair.caption, 9, SOFT)
    page.text(x + width, y, f"{number(times)} ×", 11, OURS, "right", "bold")
    most = max(theirs.value, ours.value)
    who = "plain Gradio app" if pair.title == "users" else "pipeline"
    for below, name, figure, colour in (
        (20, who, theirs, THEIRS),
        (52, "this application", ours, OURS),
    ):
        page.bar(x, y + below, width * figure.value / most, 9, colour)
        page.text(x, y + below + 14, name, 8, SOFT)
        page.text(x + width, y + below + 14, with_unit(figure.value, figure.unit), 8, INK, "right")


def block(page: Page, x: float, y: float, title: str, figures: Sequence[Figure]) -> None:
    """A benchmark: its title, and a line for each of its figures."""
    page.text(x, y + 8, HEADINGS.get(title, title), 11, weight="bold")
    page.rule(x, y + 19, x + COLUMN, y + 19)
    for at, figure in enumerate(figures):
        line(page, x, y + TITLE + LINE * (at + 0.5), figure)


def line(page: Page, x: float, y: float, figure: Figure) -> None:
    colour = HOLDS if figure.holds else FAILS
    track = x + NAME
    share = min(used(figure), MOST)
    page.text(x, y, shortened(figure.name), 8.5, INK if figure.holds else FAILS)
    page.bar(track, y, TRACK_WIDTH, 6, TRACK)
    if share > 0:
        page.bar(track, y, max(share * TRACK_WIDTH / MOST, 3), 6, colour)
    mark = track + TRACK_WIDTH / MOST
    page.rule(mark, y - 6, mark, y + 6, INK)
    sign, bar = (
        ("≥", figure.at_least) if figure.at_least is not None else ("≤", figure.limit or 0.0)
    )
    value = with_unit(figure.value, figure.unit)
    page.text(x + COLUMN - 46, y, value, 8.5, colour, "right", "bold")
    page.text(x + COLUMN, y, f"{sign} {number(bar or 0.0)}", 8, SOFT, "right")


def shortened(name: str, most: int = 68) -> str:
    return name if len(name) <= most else name[: most - 1].rstrip() + "…"


if __name__ == "__main__":
    from benchmarks.__main__ import BENCHMARKS

    print(draw(report.read(tuple(BENCHMARKS))))
