"""The transcript: words by confidence, the legend, which model answered, and the table of words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from html import escape
from typing import Final

from wav2vec2_app.server.ui import texts
from wav2vec2_app.server.ui.render import units
from wav2vec2_app.server.ui.render.cards import card
from wav2vec2_app.server.ui.render.confidence import LEVELS, level_of
from wav2vec2_app.server.ui.render.data import hidden
from wav2vec2_app.speech.export_options import DEFAULT_EXPORT, ExportOptions
from wav2vec2_app.speech.models import ModelInfo
from wav2vec2_app.speech.spelling import WRITTEN_MARKS
from wav2vec2_app.speech.transcript import Recognition, Transcript, Word
from wav2vec2_app.speech.writing.transcripts import written


def idle() -> str:
    """The card before the first request."""
    return card("idle", texts.IDLE_TITLE, texts.IDLE)


def pending(audio_url: str) -> str:
    """The placeholder while there are no words yet; the recording can be played already."""
    lines = "".join(f'<span style="width:{width}%"></span>' for width in (96, 88, 62))
    return (
        f'<div class="w-skeleton" aria-hidden="true" data-audio="{escape(audio_url)}">{lines}</div>'
    )


def earlier(
    recognition: Recognition,
    audio_url: str,
    name: str,
    options: ExportOptions = DEFAULT_EXPORT,
    request: str = "",
) -> str:
    """The words of an earlier result, dimmed, after a request that failed."""
    title = texts.EARLIER_RESULT.format(name=name)
    return (
        f'<div class="w-earlier"><p class="w-hint">{escape(title)}</p>'
        f"{words(recognition, audio_url, options, request)}</div>"
    )


def cancelled() -> str:
    """The card after the user has stopped the request before there were words."""
    return card("idle", texts.STOPPED_TITLE, texts.STOPPED_HINT)


def words(
    recognition: Recognition,
    audio_url: str,
    options: ExportOptions = DEFAULT_EXPORT,
    request: str = "",
) -> str:
    """The words as data, which the page's scripts draw as lines with their times.

    They are written as in exports, but always in sentence case. ``request`` is the id of their request, by
    which the scripts store corrections in the history.
    """
    transcript = written(recognition.transcript, replace(options, letter_case="sentence"))
    audio = f'data-audio="{escape(audio_url)}" data-duration="{transcript.duration_s:.3f}"'
    if not transcript.words:
        silent = transcript.reason == "silence"
        title = texts.SILENCE_TITLE if silent else texts.NO_WORDS_TITLE
        empty = card("empty", title, texts.SILENCE if silent else texts.NO_WORDS)
        return f"<div {audio}>{empty}</div>"
    return (
        f'<div class="w-transcript" {audio} data-request="{escape(request)}">{_data(transcript.words)}'
        f"{_list()}"
        f'<div class="w-under"><p class="w-hint w-click-hint">{texts.CLICK_HINT}</p>'
        f"{_legend(transcript)}{_struggles(transcript)}{_about(recognition)}</div></div>"
    )


Row = list[str | float | int | list[str]]
"""A word for the scripts: text, start, end, confidence, channel or speaker (0: none), and alternatives."""


def _data(words: Sequence[Word]) -> str:
    """The words as JSON for ``modules/transcript.js``."""
    return template(rows(words, [word.text for word in words]))


def template(content: object, **attributes: int) -> str:
    """JSON in an element that is not shown: the browser lays nothing out, even for hours of speech.

    Gradio updates elements in place and does not change the contents of a ``template``, hence a ``div``.
    ``data-key`` differs where the content does.
    """
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return hidden(text, **attributes)


def rows(words: Sequence[Word], spelled: Sequence[str]) -> list[Row]:
    """A row for each word."""
    return [_row(word, text) for word, text in zip(words, spelled, strict=True)]


def _row(word: Word, text: str) -> Row:
    row: Row = [text, round(word.start_s, 3), round(word.end_s, 3), round(word.confidence, 3)]
    if word.alternatives and level_of(word.confidence) is not LEVELS[0]:
        mark = text[len(text.rstrip(WRITTEN_MARKS)) :]
        others = [
            (one if text[:1].islower() else one.capitalize()) + mark for one in word.alternatives
        ]
        return [*row, _voice(word) or 0, others]
    voice = _voice(word)
    return row if voice is None else [*row, voice]


def _voice(word: Word) -> int | str | None:
    """The number of the word's channel, else the label of its speaker."""
    return word.speaker or None if word.channel is None else word.channel


def growing(audio_url: str) -> str:
    """The place of the words while the recording is being transcribed."""
    return f'<div class="w-transcript" data-audio="{escape(audio_url)}">{_list()}</div>'


def _list() -> str:
    """The place of the words."""
    return f'<div class="w-words" tabindex="0" role="listbox" aria-label="{texts.TRANSCRIPT_HELP}"></div>'


def _about(recognition: Recognition) -> str:
    """What a confidence means and which model answered, folded."""
    return (
        f'<details class="w-about"><summary>{texts.RESULT_ABOUT}</summary>{_meaning(recognition)}'
        f"{transcribed_by(recognition.transcript)}</details>"
    )


STRUGGLING: Final = 1 / 3
"""Share of uncertain words above which the page says that the built-in model struggles."""


def _struggles(transcript: Transcript) -> str:
    """One line where the built-in model is uncertain of many words."""
    uncertain = sum(level_of(word.confidence) is not LEVELS[0] for word in transcript.words)
    few = uncertain <= STRUGGLING * len(transcript.words)
    if few or transcript.model.source != "embedded":
        return ""
    return f'<p class="w-struggles">{texts.MANY_UNCERTAIN}</p>'


def _legend(transcript: Transcript) -> str:
    counts = dict.fromkeys(LEVELS, 0)
    for word in transcript.words:
        counts[level_of(word.confidence)] += 1
    items = "".join(
        f'<li><b>{counts[level]}</b> <span class="w-word" data-level="{level.name}">'
        f'{texts.LEVELS[level.name]}</span> <span class="w-range">{_range(index)}</span></li>'
        for index, level in enumerate(LEVELS)
    )
    return f'<ul class="w-legend" aria-label="{texts.LEGEND_HELP}">{items}</ul>'


def _range(index: int) -> str:
    """The range of a level: ``80 % and more``, ``50 to 80 %``, ``below 50 %``."""
    low = f"{LEVELS[index].at_least * 100:.0f}"
    if index == 0:
        return texts.FROM_PERCENT.format(low=low)
    high = f"{LEVELS[index - 1].at_least * 100:.0f}"
    text = texts.BETWEEN_PERCENT if LEVELS[index].at_least else texts.BELOW_PERCENT
    return text.format(low=low, high=high)


def _meaning(recognition: Recognition) -> str:
    """What a confidence means."""
    emission = recognition.emission
    calibrated = emission is not None and emission.calibration is not None
    return f'<p class="w-meaning">{texts.CALIBRATED if calibrated else texts.NOT_CALIBRATED}</p>'


def transcribed_by(transcript: Transcript) -> str:
    """Which model answered and where it ran; with a note where it was the small embedded one."""
    model = transcript.model
    line = texts.TRANSCRIBED_BY.format(
        model=f"<b>{escape(model.name)}</b>{_parameters(model)}",
        device=escape(model.device),
        precision=escape(model.precision),
        engine=escape(model.engine),
        decoder=escape(texts.DECODERS.get(transcript.decoder, transcript.decoder)),
    )
    note = model.note or (texts.EMBEDDED_MODEL if model.source == "embedded" else "")
    notes = dict.fromkeys(one for one in (transcript.note, note) if one)
    asides = "".join(f'<span class="w-note">{escape(one)}</span>' for one in notes)
    return f'<p class="w-answered">{line}{asides}</p>'


def _parameters(model: ModelInfo) -> str:
    count = texts.PARAMETERS.format(count=units.count(model.parameters)) if model.parameters else ""
    return escape(count)


# --- the table of words -------------------------------------------------------------------------


def word_table() -> str:
    """The table of words, which the page's scripts fill: each word with its start, end and confidence."""
    columns = "".join(f'<th scope="col">{column}</th>' for column in texts.WORD_COLUMNS)
    return (
        f'<div class="w-table" tabindex="0" role="region" aria-label="{texts.WORDS_HELP}">'
        f"<table><thead><tr>{columns}</tr></thead><tbody></tbody></table></div>"
    )
