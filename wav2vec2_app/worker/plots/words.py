"""Words over a time axis: bands coloured by confidence, and labels that never overlap."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from wav2vec2_app.speech.transcript import Word
from wav2vec2_app.worker.plots.canvas import (
    LARGE_TEXT_SIZE,
    LEFT,
    MEDIUM_TEXT_SIZE,
    ORANGE,
    RED,
    RIGHT,
    TEAL,
    TEXT_SIZE,
    Canvas,
    Panel,
    time_x,
)

MAX_LANES = 3
LANE_HEIGHT = 23
"""Height of a line of labels at the largest text size."""
BAR_HEIGHT = 4
"""Height of the coloured bar over a word."""
MAX_BANDS = 400
"""With more words, bands would be too narrow to see and are left out."""
MAX_LABEL_CHARACTERS = 24
LABEL_GAP = 6
HIGH_CONFIDENCE, FAIR_CONFIDENCE = 0.8, 0.5
"""Lower ends of the bands of high and of fair confidence."""

_SCREENS = ((LARGE_TEXT_SIZE, ""), (MEDIUM_TEXT_SIZE, "wide"), (TEXT_SIZE, "widest"))

Extent = tuple[float, float]


@dataclass(frozen=True)
class Label:
    """A word's label; ``screen`` is the narrowest that it fits on: any (empty), ``wide`` or ``widest``."""

    text: str
    x: float
    lane: int
    screen: str

    def extent(self, size: float) -> Extent:
        """Where the label begins and ends at a text size."""
        half = text_width(self.text, size) / 2
        return self.x - half, self.x + half


@dataclass(frozen=True)
class WordMarks:
    """Words and their labels; ``height`` is the space that they need above a panel."""

    words: tuple[Word, ...]
    labels: tuple[Label, ...]
    lanes: int

    @property
    def height(self) -> float:
        return self.lanes * LANE_HEIGHT + 10 if self.words else 0


def plan_words(words: Sequence[Word], duration_s: float) -> WordMarks:
    """Place labels in as few lanes as possible, in at most :data:`MAX_LANES`."""
    labels: list[Label] = []
    lanes = 0
    for lanes in range(1, MAX_LANES + 1):
        labels = _place(words, duration_s, lanes)
        if len(labels) == len(words):
            break
    return WordMarks(tuple(words), tuple(labels), lanes)


def draw_words(canvas: Canvas, panel: Panel, marks: WordMarks) -> None:
    """Draw words behind a panel and labels above it, in a space of ``marks.height``."""
    if len(marks.words) <= MAX_BANDS:
        for number, word in enumerate(marks.words):
            _draw_band(canvas, panel, word, faint=bool(number % 2))
    for label in marks.labels:
        y = panel.top - BAR_HEIGHT - 8 - label.lane * LANE_HEIGHT
        canvas.text(label.x, y, label.text, f"word middle {label.screen}".rstrip())


def _draw_band(canvas: Canvas, panel: Panel, word: Word, *, faint: bool) -> None:
    note = (
        f"{word.text} · {word.start_s:.2f} to {word.end_s:.2f} s · {word.confidence:.0%} confident"
    )
    shade = f"fill:currentColor;opacity:{0.05 if faint else 0.09}"
    canvas.band(word.start_s, word.end_s, panel.top, panel.height, shade, note)
    colour = confidence_colour(word.confidence)
    canvas.band(
        word.start_s, word.end_s, panel.top - BAR_HEIGHT - 1, BAR_HEIGHT, f"fill:{colour}", note
    )


def confidence_colour(confidence: float) -> str:
    """Teal for a high confidence, orange for a fair one, red for a low one."""
    if confidence >= HIGH_CONFIDENCE:
        return TEAL
    return ORANGE if confidence >= FAIR_CONFIDENCE else RED


def _place(words: Sequence[Word], duration_s: float, lanes: int) -> list[Label]:
    """As many labels as fit, in order of time.

    Labels that fit at the largest text size are placed first; then, between them, those that fit on wider
    screens. A label has the same lane on every screen.
    """
    placed: dict[int, Label] = {}
    for size, screen in _SCREENS:
        occupied = [
            [label.extent(size) for label in placed.values() if label.lane == lane]
            for lane in range(lanes)
        ]
        for number, word in enumerate(words):
            if number in placed:
                continue
            x = time_x((word.start_s + word.end_s) / 2, duration_s)
            label = Label(_shortened(word.text), x, 0, screen)
            lane = _free_lane(occupied, label.extent(size))
            if lane is not None:
                occupied[lane].append(label.extent(size))
                placed[number] = Label(label.text, x, lane, screen)
    return [placed[number] for number in sorted(placed)]


def _free_lane(occupied: Sequence[Sequence[Extent]], extent: Extent) -> int | None:
    """The lowest lane with space for the extent, if the canvas is wide enough."""
    if extent[0] < LEFT - 40 or extent[1] > RIGHT + 12:
        return None
    for lane, others in enumerate(occupied):
        if all(
            extent[1] + LABEL_GAP <= left or right + LABEL_GAP <= extent[0]
            for left, right in others
        ):
            return lane
    return None


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_LABEL_CHARACTERS else text[: MAX_LABEL_CHARACTERS - 1] + "…"


def text_width(text: str, size: float) -> float:
    """An upper estimate of a text's width; the page's font is not known here."""
    ems = 0.0
    for character in text:
        if unicodedata.combining(character):
            continue
        wide = unicodedata.east_asian_width(character) in "WF"
        ems += 1.0 if wide else 0.72 if character.isupper() or character in "mw" else 0.56
    return ems * size
