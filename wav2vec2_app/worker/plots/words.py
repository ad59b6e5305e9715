"""Words under a time axis: bars whose colour and height show the confidence, and labels inside them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from wav2vec2_app.speech.transcript import Word
from wav2vec2_app.worker.plots.canvas import (
    ORANGE,
    PLOT_WIDTH,
    RED,
    TEAL,
    TEXT_SIZES,
    Canvas,
    Panel,
)

BAR_SPACE = 9
"""Height of the space for the bars, directly under the axis."""
BAR_HEIGHTS = {TEAL: 2, ORANGE: 4, RED: 6}
"""The less certain a word, the higher its bar: colours alone do not tell."""
MAX_BANDS = 400
"""With more words, bands would be too narrow to see and are left out."""
HIGH_CONFIDENCE, FAIR_CONFIDENCE = 0.8, 0.5
"""Lower ends of the bands of high and of fair confidence."""


@dataclass(frozen=True)
class Label:
    """A word inside its own band; ``size`` is the largest text size at which it fits."""

    text: str
    time_s: float
    size: int


@dataclass(frozen=True)
class WordMarks:
    """Words and their labels."""

    words: tuple[Word, ...]
    labels: tuple[Label, ...]

    @property
    def height(self) -> float:
        """The space that they need under an axis: no lane where no label fits."""
        if not self.words:
            return 0
        size = max((label.size for label in self.labels), default=0)
        return BAR_SPACE + 1.2 * size


def plan_words(words: Sequence[Word], start_s: float, end_s: float) -> WordMarks:
    """Label the words that fit into their bands, in one lane."""
    units_per_s = PLOT_WIDTH / max(end_s - start_s, 1e-3)
    labels = []
    for word in words:
        begin_s, stop_s = max(word.start_s, start_s), min(word.end_s, end_s)
        size = _largest_size(word.text, (stop_s - begin_s) * units_per_s)
        if size:
            labels.append(Label(word.text, (begin_s + stop_s) / 2, size))
    return WordMarks(tuple(words), tuple(labels))


def _largest_size(text: str, width: float) -> int:
    """The largest text size at which the text fits into a width; 0 if it fits at none."""
    return max((size for size in TEXT_SIZES if text_width(text, size) <= width), default=0)


def draw_words(canvas: Canvas, panel: Panel, marks: WordMarks, under: Panel | None = None) -> None:
    """Draw words behind a panel, and their bars and labels under it, or under a lower one."""
    bottom = (under or panel).bottom
    if len(marks.words) <= MAX_BANDS:
        for number, word in enumerate(marks.words):
            _draw_band(canvas, panel, bottom, word, faint=bool(number % 2))
    for label in marks.labels:
        classes = f"word middle below fits-{label.size}"
        canvas.text(canvas.x(label.time_s), bottom + BAR_SPACE, label.text, classes)


def _draw_band(canvas: Canvas, panel: Panel, bottom: float, word: Word, *, faint: bool) -> None:
    note = (
        f"{word.text} · {word.start_s:.2f} to {word.end_s:.2f} s · {word.confidence:.0%} confident"
    )
    shade = f"fill:currentColor;opacity:{0.05 if faint else 0.09}"
    canvas.band(word.start_s, word.end_s, panel.top, panel.height, shade, note)
    colour = confidence_colour(word.confidence)
    height = BAR_HEIGHTS[colour]
    canvas.band(word.start_s, word.end_s, bottom + 1, height, f"fill:{colour}", note)


def confidence_colour(confidence: float) -> str:
    """Teal for a high confidence, orange for a fair one, red for a low one."""
    if confidence >= HIGH_CONFIDENCE:
        return TEAL
    return ORANGE if confidence >= FAIR_CONFIDENCE else RED


def text_width(text: str, size: float) -> float:
    """An upper estimate of a text's width; the page's font is not known here."""
    ems = 0.0
    for character in text:
        if unicodedata.combining(character):
            continue
        wide = unicodedata.east_asian_width(character) in "WF"
        ems += 1.0 if wide else 0.72 if character.isupper() or character in "mw" else 0.56
    return ems * size
