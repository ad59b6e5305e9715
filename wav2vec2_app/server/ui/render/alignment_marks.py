"""The marks of an aligned text: skipped, inserted and mispronounced words, each with a sign and in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from html import escape
from typing import Final

from wav2vec2_app.server import schema
from wav2vec2_app.server.ui import texts
from wav2vec2_app.server.ui.render import units

MARK_SIGNS: Final[Mapping[str, str]] = {"skipped": "−", "inserted": "+", "mispronounced": "≠"}
"""What stands beside a marked word, so that colour is not all that tells."""


def legend(answer: schema.AlignmentResponse) -> str:
    """What the marks mean and how many there are; or that there are none."""
    counts = Counter[str](word.mark for word in answer.words)
    counts["inserted"] = len(answer.inserted)
    items = "".join(
        f'<li><span class="w-mark" data-mark="{mark}" aria-hidden="true">{sign}</span> '
        f"<b>{counts[mark]}</b> {texts.MARKS[mark]}</li>"
        for mark, sign in MARK_SIGNS.items()
        if counts[mark]
    )
    if not items:
        checked = any(word.mark == "said" for word in answer.words)
        return f'<p class="w-hint w-marks-none">{texts.NO_MARKS}</p>' if checked else ""
    return (
        f'<ul class="w-marks" aria-label="{texts.MARKS_LABEL}">{items}</ul>'
        f'<p class="w-hint">{texts.MARKS_HINT}</p>'
    )


def spoken(word: schema.AlignedWordJson) -> str:
    """The mark of a word in words, for its label."""
    if word.mark not in MARK_SIGNS:
        return ""
    said = f", {texts.SAID_INSTEAD.format(word=word.said)}" if word.said else ""
    return f", {texts.MARK[word.mark]}{said}"


def sign(word: schema.AlignedWordJson) -> str:
    """The sign beside a marked word, and what was said in its place."""
    if word.mark not in MARK_SIGNS:
        return ""
    said = f" {escape(word.said)}" if word.said else ""
    return f'<span class="w-mark" data-mark="{word.mark}">{MARK_SIGNS[word.mark]}{said}</span>'


def inserted(word: schema.InsertedWordJson, line: int) -> str:
    """A word that was said but is not in the text, among those of the text."""
    score = units.percent(word.confidence)
    label = texts.ALIGNED_WORD.format(word=word.text, score=score, start=f"{word.start:.2f}")
    return (
        f'<span class="w-word w-tile" role="option" aria-selected="false" '
        f'aria-label="{escape(label)}, {texts.MARK["inserted"]}" data-level="inserted" '
        f'data-mark="inserted" data-line="{line}" data-start="{word.start:.3f}" '
        f'data-end="{word.end:.3f}" data-confidence="{score}">'
        f'<span class="w-mark" data-mark="inserted">{MARK_SIGNS["inserted"]}</span>'
        f'<span class="w-tile-text">{escape(word.text)}</span>'
        f'<span class="w-letters">···</span><span class="w-tile-facts">{word.start:.2f}–{word.end:.2f} s '
        f"<b>{score}</b></span></span>"
    )
