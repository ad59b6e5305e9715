"""An aligned text as HTML: every word with its time and letters, and files of it; pure, all escaped."""

from __future__ import annotations

import json
from html import escape
from typing import Final

from wav2vec2_app.server import schema
from wav2vec2_app.server.tasks import AudioResult
from wav2vec2_app.server.ui import units
from wav2vec2_app.server.ui.present import action, level_of
from wav2vec2_app.speech import subtitles

DOUBTFUL_TEXT: Final = 0.3
"""Below this score a text is probably not, or not all, what was said."""
WILDCARD: Final = (
    "This word cannot be spelled in the model's letters. It got the time between its neighbours."
)


def idle() -> str:
    """Before there is an alignment."""
    return (
        '<p class="w-hint">Every word and letter of the text will stand here with its time. '
        "Press one to hear it.</p>"
    )


def words(result: AudioResult, text: str, audio_url: str) -> str:
    """The words of ``text``; each carries its times so that a click can play it."""
    answer = schema.alignment(result, text)
    tiles = " ".join(_word(word) for word in answer.words)
    return (
        f'<div class="w-aligned" data-audio="{escape(audio_url)}" '
        f'data-duration="{answer.duration_s:.3f}">{_summary(answer)}'
        '<p class="w-words w-tiles" tabindex="0" role="group" aria-label="Aligned text. '
        f'Arrow keys go from word to word, Enter plays from there.">{tiles}</p>'
        f"{_wildcards(answer)}{_files(answer)}</div>"
    )


def _word(word: schema.AlignedWordJson) -> str:
    level = "wild" if word.wildcard else level_of(word.score).name
    score = "any sound" if word.wildcard else units.percent(word.score)
    letters = "".join(_letter(one) for one in word.characters)
    note = f' title="{escape(WILDCARD)}"' if word.wildcard else ""
    return (
        f'<span class="w-word w-tile" data-level="{level}" data-start="{word.start:.3f}" '
        f'data-end="{word.end:.3f}" data-confidence="{score}" data-kind="score"{note}>'
        f'<span class="w-tile-text">{escape(word.text)}{_STAR if word.wildcard else ""}</span>'
        f'<span class="w-letters">{letters or "···"}</span>'
        f'<span class="w-tile-facts">{word.start:.2f}–{word.end:.2f} s '
        f"<b>{score}</b></span></span>"
    )


_STAR: Final = '<sup class="w-star" aria-label="not spelled">∗</sup>'


def _letter(one: schema.AlignedCharacterJson) -> str:
    return (
        f'<i data-level="{level_of(one.score).name}" data-start="{one.start:.3f}" '
        f'data-end="{one.end:.3f}" data-confidence="{units.percent(one.score)}" '
        f'data-letter="{escape(one.text)}">{escape(one.text)}</i>'
    )


def _summary(answer: schema.AlignmentResponse) -> str:
    doubt = (
        " That is little: this may not be what was said." if answer.score < DOUBTFUL_TEXT else ""
    )
    return (
        f'<p class="w-hint">The letters fit the sound with a mean probability of '
        f"<b>{units.percent(answer.score)}</b>.{doubt}</p>"
    )


def _wildcards(answer: schema.AlignmentResponse) -> str:
    count = sum(word.wildcard for word in answer.words)
    if not count:
        return ""
    marked = "word" if count == 1 else f"{count} words"
    return (
        f'<p class="w-hint w-wild-note"><b>∗</b> The marked {marked} cannot be spelled in the '
        "model's letters: any sound may stand for it, so it got the time between its neighbours.</p>"
    )


def _files(answer: schema.AlignmentResponse) -> str:
    shown = subtitles.as_written(answer.text, answer.words)
    files = {
        "srt": subtitles.to_srt(shown),
        "vtt": subtitles.to_vtt(shown),
        "json": json.dumps(answer.json_dict(), ensure_ascii=False, allow_nan=False, indent=2),
    }
    buttons = "".join(
        action("save", name.upper(), f"alignment.{name}", text) for name, text in files.items()
    )
    return (
        f'<div class="w-actions" role="group" aria-label="Take the alignment along">{buttons}</div>'
    )
