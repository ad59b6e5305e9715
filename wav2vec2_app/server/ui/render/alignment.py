"""An aligned text: every word with its time, score and letters."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Final

from wav2vec2_app.server import schema
from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.ui import texts
from wav2vec2_app.server.ui.render import alignment_marks, export, units
from wav2vec2_app.server.ui.render.confidence import level_of

LOW_MATCH: Final = 0.3
"""Score below which a text probably does not match the recording, unless most of its words were said."""
LOW_MATCH_SAID: Final = 0.5
"""Share of the words from which on it matches: a single skipped word makes the score of a text poor."""


def idle() -> str:
    """Before there is an alignment."""
    return f'<p class="w-hint">{texts.ALIGNED_IDLE}</p>'


def words(result: AudioResult, text: str, audio_url: str) -> str:
    """The words of ``text``; each carries its times so that a click can play it."""
    answer = schema.alignment(result, text)
    tiles = " ".join(_tiles(answer))
    view = "lines" if len(answer.lines) > 1 else "words"
    return (
        f'<div class="w-aligned" data-audio="{escape(audio_url)}" data-view="{view}" '
        f'data-duration="{answer.duration_s:.3f}">{_summary(answer)}{alignment_marks.legend(answer)}'
        f"{_views(view)}"
        '<div class="w-words w-tiles" tabindex="0" role="listbox" '
        f'aria-label="{texts.ALIGNED_HELP}">{tiles}</div>{_lines(answer)}'
        f"{_wildcards(answer)}{export.alignment()}</div>"
    )


def _tiles(answer: schema.AlignmentResponse) -> Iterator[str]:
    """The words of the text, and between them those that were inserted."""
    line_of = [
        number for number, line in enumerate(answer.lines) for _ in range(line.first, line.last)
    ]
    inserted = list(answer.inserted)
    for number, word in enumerate(answer.words):
        while inserted and inserted[0].before <= number:
            yield alignment_marks.inserted(inserted.pop(0), line_of[number])
        yield _word(word, line_of[number])
    yield from (alignment_marks.inserted(word, len(answer.lines) - 1) for word in inserted)


def _word(word: schema.AlignedWordJson, line: int) -> str:
    level = "wild" if word.wildcard else level_of(word.score).name
    score = texts.ANY_SOUND if word.wildcard else units.percent(word.score)
    letters = "".join(_letter(one) for one in word.characters)
    note = f' title="{escape(texts.NOT_SPELLED_WORD)}"' if word.wildcard else ""
    label = texts.ALIGNED_WORD.format(word=word.text, score=score, start=f"{word.start:.2f}")
    return (
        f'<span class="w-word w-tile" role="option" aria-selected="false" '
        f'aria-label="{escape(label + alignment_marks.spoken(word))}" data-level="{level}" '
        f'data-mark="{word.mark}" data-line="{line}" data-start="{word.start:.3f}" '
        f'data-end="{word.end:.3f}" data-confidence="{score}" data-kind="score"{note}>'
        f'<span class="w-tile-text">{escape(word.text)}{_star() if word.wildcard else ""}</span>'
        f"{alignment_marks.sign(word)}"
        f'<span class="w-letters">{letters or "···"}</span>'
        f'<span class="w-tile-facts">{word.start:.2f}–{word.end:.2f} s '
        f"<b>{score}</b></span></span>"
    )


def _views(shown: str) -> str:
    """Buttons that choose between the words and the lines."""
    buttons = "".join(
        f'<button type="button" class="w-button w-small" data-aligned-view="{view}" '
        f'aria-pressed="{str(view == shown).lower()}">{label}</button>'
        for view, label in (("words", texts.ALIGNED_WORDS), ("lines", texts.ALIGNED_LINES))
    )
    return f'<div class="w-aligned-views" role="group" aria-label="{texts.ALIGNED_VIEW}">{buttons}</div>'


def _lines(answer: schema.AlignmentResponse) -> str:
    """The lines, each with its times and a button; the script writes their words when they are shown."""
    items = "".join(_line(number, line) for number, line in enumerate(answer.lines))
    return f'<ol class="w-aligned-lines" hidden aria-label="{texts.ALIGNED_LINES}">{items}</ol>'


def _line(number: int, line: schema.AlignedLineJson) -> str:
    start, end = f"{line.start:.2f}", f"{line.end:.2f}"
    label = escape(texts.PLAY_LINE.format(number=number + 1, start=start, end=end))
    return (
        f'<li data-line="{number}" data-start="{line.start:.3f}" data-end="{line.end:.3f}">'
        f'<button type="button" class="w-line-play" aria-label="{label}" title="{label}">'
        f'<span class="w-line-times">{start}–{end} s</span></button><p>{escape(line.text)}</p></li>'
    )


def _star() -> str:
    return f'<sup class="w-star" title="{texts.NOT_SPELLED}">∗</sup>'


def _letter(one: schema.AlignedCharacterJson) -> str:
    label = texts.ALIGNED_WORD.format(
        word=one.text, score=units.percent(one.score), start=f"{one.start:.2f}"
    )
    return (
        f'<i aria-selected="false" aria-label="{escape(label)}" '
        f'data-level="{level_of(one.score).name}" data-start="{one.start:.3f}" '
        f'data-end="{one.end:.3f}" data-confidence="{units.percent(one.score)}" '
        f'data-letter="{escape(one.text)}">{escape(one.text)}</i>'
    )


def _summary(answer: schema.AlignmentResponse) -> str:
    score = texts.ALIGNED_SCORE.format(score=f"<b>{units.percent(answer.score)}</b>")
    said = sum(word.mark == "said" for word in answer.words)
    poor = answer.score < LOW_MATCH and said < LOW_MATCH_SAID * len(answer.words)
    warning = f" {texts.LOW_MATCH}" if poor else ""
    return (
        f'<p class="w-hint">{score}{warning} <button type="button" class="w-link" data-do="letters" '
        f'aria-pressed="false">{texts.SHOW_LETTERS}</button></p>'
    )


def _wildcards(answer: schema.AlignmentResponse) -> str:
    count = sum(word.wildcard for word in answer.words)
    if not count:
        return ""
    text = texts.NOT_SPELLED_ONE if count == 1 else texts.NOT_SPELLED_MANY.format(count=count)
    return f'<p class="w-hint w-wild-note"><b>∗</b> {text}</p>'
