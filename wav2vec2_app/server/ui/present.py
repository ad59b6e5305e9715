"""The transcript as HTML: words by confidence, downloads, table; pure functions, all escaped."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from wav2vec2_app.server import schema
from wav2vec2_app.server.tasks import AudioResult
from wav2vec2_app.server.ui import units
from wav2vec2_app.server.ui.messages import card
from wav2vec2_app.speech import subtitles
from wav2vec2_app.speech.transcript import Recognition, Transcript, Word

# --- confidence ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Level:
    """A band of confidence: what it is called, where it starts, which CSS class draws it."""

    name: str
    label: str
    at_least: float


LEVELS: Final = (
    Level("high", "sure", 0.80),
    Level("fair", "doubtful", 0.50),
    Level("low", "a guess", 0.0),
)
"""The same bands as in the pictures (``plots/words.py``)."""


def level_of(confidence: float) -> Level:
    """The band a confidence falls in."""
    return next((level for level in LEVELS if confidence >= level.at_least), LEVELS[-1])


# --- the transcript -----------------------------------------------------------------------------

_REASONS: Final = {
    "silence": (
        "Nothing to write down",
        "The recording is silent. Check that the microphone is not muted, and speak a little "
        "closer to it.",
    ),
}
_UNKNOWN_REASON: Final = (
    "No words were recognised",
    "There is sound, but the model heard no words in it. Clear English speech, close to the "
    "microphone, works best.",
)


def transcript_idle() -> str:
    """The card before anything was asked."""
    return card(
        "idle",
        "What was said appears here",
        "Record yourself, upload a file, or try one of the clips.",
    )


def transcript_waiting() -> str:
    """The card while the words are not known yet."""
    lines = "".join(f'<span style="width:{width}%"></span>' for width in (96, 88, 62))
    return f'<div class="w-skeleton" aria-hidden="true">{lines}</div>'


def transcript_cancelled() -> str:
    """The card after the person stopped the work before there were words."""
    return card("idle", "Stopped", "Nothing is running any more. Start again whenever you like.")


def transcript(found: Recognition, audio_url: str) -> str:
    """The words, marked by confidence; each carries its times so that a click can play it."""
    said = found.transcript
    if not said.words:
        title, text = _REASONS.get(said.reason, _UNKNOWN_REASON)
        return card("empty", title, text)
    shown = reading_case([word.text for word in said.words])
    words = " ".join(_word(word, text) for word, text in zip(said.words, shown, strict=True))
    calibrated = found.emission is not None and found.emission.calibration is not None
    return (
        f'<div class="w-transcript" data-audio="{escape(audio_url)}" '
        f'data-duration="{said.duration_s:.3f}">'
        f'<p class="w-words" tabindex="0" role="group" aria-label="Transcript. '
        f'Arrow keys go from word to word, Enter plays from there.">{words}</p>'
        f'<div class="w-about">{_legend(said)}'
        f"{_meaning(calibrated=calibrated)}{answered_by(said)}</div></div>"
    )


def reading_case(words: Sequence[str]) -> list[str]:
    """Words of a model that knows capitals only, as people write them; others as they are.

    For the eye alone: what is copied, saved or sent stays as the model spelled it.
    """
    if not "".join(words).isupper():
        return list(words)
    first, *rest = words
    return [
        first.capitalize(),
        *(word.capitalize() if _FIRST_PERSON.match(word) else word.lower() for word in rest),
    ]


_FIRST_PERSON: Final = re.compile(r"I(?:'[A-Z]+)?$")


def _word(word: Word, shown: str) -> str:
    return (
        f'<span class="w-word" data-level="{level_of(word.confidence).name}" '
        f'data-start="{word.start_s:.3f}" data-end="{word.end_s:.3f}" '
        f'data-confidence="{units.percent(word.confidence)}">{escape(shown)}</span>'
    )


def _legend(said: Transcript) -> str:
    counts = dict.fromkeys(LEVELS, 0)
    for word in said.words:
        counts[level_of(word.confidence)] += 1
    items = "".join(
        f'<li><b>{counts[level]}</b> <span class="w-word" data-level="{level.name}">{level.label}'
        f'</span> <span class="w-range">{_range(index)}</span></li>'
        for index, level in enumerate(LEVELS)
    )
    return f'<ul class="w-legend" aria-label="How sure the model is of how many words">{items}</ul>'


def _meaning(*, calibrated: bool) -> str:
    """What a confidence is worth."""
    text = (
        "Confidence is checked against speech it was not trained on: of all words shown with 80 %, "
        "about 8 in 10 are right."
        if calibrated
        else "Confidence is the model's own probability of the letters it chose, not a promise."
    )
    return f'<p class="w-meaning">{text}</p>'


def _range(index: int) -> str:
    """The band in words: ``80 % and more``, ``50 to 80 %``, ``below 50 %``."""
    start = f"{LEVELS[index].at_least * 100:.0f}"
    if index == 0:
        return f"{start} % and more"
    end = f"{LEVELS[index - 1].at_least * 100:.0f} %"
    return f"{start} to {end}" if LEVELS[index].at_least else f"below {end}"


_DECODERS: Final = {"greedy": "along the best path", "beam": "by a beam with a language model"}


def answered_by(said: Transcript) -> str:
    """Which model answered, where it ran, and plainly so when it was the small embedded one."""
    model = said.model
    decoding = _DECODERS.get(said.decoder, said.decoder)
    facts = f"{model.device}, {model.precision}, {model.engine}, read {decoding}"
    size = f" ({units.count(model.parameters)} parameters)" if model.parameters else ""
    note = model.note
    if model.source == "embedded" and not note:
        note = (
            "This is the small model that comes with the page. It is quick, and makes more mistakes"
            " than a full-size one."
        )
    name = f"<b>{escape(model.name)}</b>{escape(size)}"
    notes = dict.fromkeys(one for one in (said.note, note) if one)
    asides = "".join(f'<span class="w-note">{escape(one)}</span>' for one in notes)
    return f'<p class="w-answered">Answered by {name} on {escape(facts)}.{asides}</p>'


# --- what can be taken along --------------------------------------------------------------------


def actions(result: AudioResult | None) -> str:
    """Copy and download buttons; in their place but disabled before there is something to take."""
    ready = result is not None and result.transcript is not None and bool(result.transcript.words)
    files = _files(result) if result is not None and ready else {}
    copy = action("copy", "Copy text", "", files.get("txt"))
    saves = (
        action("save", name.upper(), f"transcript.{name}", files.get(name))
        for name in ("txt", "srt", "vtt", "json")
    )
    return (
        '<div class="w-actions" role="group" aria-label="Take the transcript along">'
        f"{copy}{''.join(saves)}</div>"
    )


def _files(result: AudioResult) -> dict[str, str]:
    answer = schema.transcription(result)
    return {
        "txt": answer.text + "\n",
        "srt": subtitles.to_srt(answer.words),
        "vtt": subtitles.to_vtt(answer.words),
        "json": json.dumps(answer.json_dict(), ensure_ascii=False, allow_nan=False, indent=2),
    }


def action(do: str, label: str, name: str, text: str | None) -> str:
    """A button that copies or saves ``text``; disabled where there is none."""
    content = ' disabled=""' if text is None else f' data-text="{escape(text)}"'
    title = f"Download {name}" if name else "Copy the transcript"
    return (
        f'<button type="button" class="w-button w-small" data-do="{do}" data-name="{name}" '
        f'title="{title}" aria-label="{title}"{content}>{label}</button>'
    )


# --- the table of words -------------------------------------------------------------------------


def word_table(words: Sequence[Word] | None) -> str:
    """Each word with its start, end and confidence."""
    if not words:
        text = "Every word, with its start, end and confidence." if words is None else "No words."
        return f'<p class="w-hint">{text}</p>'
    return (
        '<div class="w-table" tabindex="0" role="region" aria-label="Words with their times">'
        '<table><thead><tr><th scope="col">Word</th><th scope="col">Start</th>'
        '<th scope="col">End</th><th scope="col">Confidence</th></tr></thead>'
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
