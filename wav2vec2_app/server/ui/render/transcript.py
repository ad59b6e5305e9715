"""The transcript: words by confidence, the legend, which model answered, and the table of words."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from wav2vec2_app.server.ui import texts
from wav2vec2_app.server.ui.render import units
from wav2vec2_app.server.ui.render.cards import card
from wav2vec2_app.server.ui.render.confidence import LEVELS, level_of
from wav2vec2_app.speech.channels import channel_label, turns_of_words
from wav2vec2_app.speech.models import ModelInfo
from wav2vec2_app.speech.spelling import sentence_case
from wav2vec2_app.speech.transcript import Recognition, Transcript, Word


def idle() -> str:
    """The card before the first request."""
    return card("idle", texts.IDLE_TITLE, texts.IDLE)


def pending() -> str:
    """The placeholder while there are no words yet."""
    lines = "".join(f'<span style="width:{width}%"></span>' for width in (96, 88, 62))
    return f'<div class="w-skeleton" aria-hidden="true">{lines}</div>'


def cancelled() -> str:
    """The card after the user has stopped the request before there were words."""
    return card("idle", texts.STOPPED_TITLE, texts.STOPPED_HINT)


def words(recognition: Recognition, audio_url: str) -> str:
    """The words, marked by confidence; each carries its times so that a click can play it."""
    transcript = recognition.transcript
    if not transcript.words:
        silent = transcript.reason == "silence"
        title = texts.SILENCE_TITLE if silent else texts.NO_WORDS_TITLE
        return card("empty", title, texts.SILENCE if silent else texts.NO_WORDS)
    spelled = sentence_case([word.text for word in transcript.words])
    spans = _spans(transcript.words, spelled)
    return (
        f'<div class="w-transcript" data-audio="{escape(audio_url)}" '
        f'data-duration="{transcript.duration_s:.3f}">'
        f'<p class="w-words" tabindex="0" role="group" aria-label="{texts.TRANSCRIPT_HELP}">{spans}</p>'
        f'<div class="w-about">{_legend(transcript)}{_meaning(recognition)}'
        f"{transcribed_by(transcript)}</div></div>"
    )


def _spans(words: Sequence[Word], spelled: Sequence[str]) -> str:
    """The words as markup; each turn of a channel is a line that begins with the channel's name."""
    texts_of = {id(word): text for word, text in zip(words, spelled, strict=True)}
    lines = []
    for turn in turns_of_words(words):
        label = channel_label(turn[0]).strip()
        name = f'<span class="w-channel">{label}</span> ' if label else ""
        lines.append(name + " ".join(_word(word, texts_of[id(word)]) for word in turn))
    return "<br>".join(lines)


def _word(word: Word, text: str) -> str:
    return (
        f'<span class="w-word" data-level="{level_of(word.confidence).name}" '
        f'data-start="{word.start_s:.3f}" data-end="{word.end_s:.3f}" '
        f'data-confidence="{units.percent(word.confidence)}">{escape(text)}</span>'
    )


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


def word_table(words: Sequence[Word] | None) -> str:
    """Each word with its start, end and confidence; ``None`` before there is a transcript."""
    if not words:
        return f'<p class="w-hint">{texts.WORDS_HINT if words is None else texts.WORDS_NONE}</p>'
    columns = "".join(f'<th scope="col">{column}</th>' for column in texts.WORD_COLUMNS)
    return (
        f'<div class="w-table" tabindex="0" role="region" aria-label="{texts.WORDS_HELP}">'
        f"<table><thead><tr>{columns}</tr></thead>"
        f"<tbody>{''.join(_row(word) for word in words)}</tbody></table></div>"
    )


def _row(word: Word) -> str:
    return (
        f'<tr class="w-row" data-start="{word.start_s:.3f}" data-end="{word.end_s:.3f}">'
        f'<th scope="row">{escape(word.text)}</th><td>{word.start_s:.2f} s</td>'
        f"<td>{word.end_s:.2f} s</td>"
        f'<td><span class="w-meter" data-level="{level_of(word.confidence).name}" '
        f'style="--share:{word.confidence:.3f}" aria-hidden="true"></span>'
        f"{units.percent(word.confidence)}</td></tr>"
    )
