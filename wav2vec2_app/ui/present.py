"""What a request's course and outcome look like as HTML; pure functions, everything escaped."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from wav2vec2_app import captions, schema, types
from wav2vec2_app.errors import BusyError, CancelledError, Wav2Vec2Error
from wav2vec2_app.ui import units

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


# --- the status line ----------------------------------------------------------------------------

_DOING: Final = {
    types.Operation.PROBE: "Looking at the file",
    types.Operation.DECODE: "Reading the audio",
    types.Operation.TRANSCRIBE: "Listening for words",
    types.Operation.ANALYZE: "Measuring the sound",
    types.Operation.DRAW: "Drawing the pictures",
}


def status_idle() -> str:
    """Nothing has been asked yet."""
    return _status("idle", "Ready when you are.")


def status_queued(position: int, eta_s: float) -> str:
    """Waiting behind others."""
    if position <= 1 and eta_s < 0.5:
        return _status("queued", "Starting…")
    ahead = "Next in line" if position <= 1 else f"Number {position} in line"
    return _status("queued", f"{ahead}, starts in about {units.waiting(eta_s)}.")


def status_running(operation: types.Operation, fraction: float | None, attempt: int = 1) -> str:
    """In work; the bar is filled to ``fraction``, or keeps moving where it is unknown."""
    text = _DOING[operation] + ("…" if attempt == 1 else f"… (attempt {attempt})")
    return _status("running", text, fraction)


def status_done(result: types.AudioResult) -> str:
    """Finished, with the cost in plain words."""
    return _status("done", f"Done. {in_plain_words(result)}")


def status_failed(error: Wav2Vec2Error) -> str:
    """Stopped by an error, or by the person."""
    if isinstance(error, CancelledError):
        return _status("idle", "Stopped.")
    busy = isinstance(error, BusyError)
    return _status("failed", "Not started: the queue is full." if busy else "No transcript.")


def in_plain_words(result: types.AudioResult) -> str:
    """``10.0 s of audio in 0.42 s: 24 times faster than real time.``"""
    heard = result.audio.duration_s
    worked = result.real_time_factor * heard
    if worked <= 0:
        return f"{units.seconds(heard)} of audio."
    speed = units.speed(result.real_time_factor)
    return f"{units.seconds(heard)} of audio in {units.seconds(worked)}: {speed}."


def _status(state: str, text: str, fraction: float | None = None) -> str:
    bar = ""
    if state == "running" and fraction is not None:
        bar = f' style="--done:{min(1.0, max(0.0, fraction)):.3f}" data-known'
    return (
        f'<div class="w-status" data-state="{state}">'
        f'<span class="w-dot" aria-hidden="true"></span><span class="w-status-text">{escape(text)}'
        f'</span><span class="w-progress" aria-hidden="true"{bar}></span></div>'
    )


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
    return _card(
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
    return _card("idle", "Stopped", "Nothing is running any more. Start again whenever you like.")


def transcript(said: types.Transcript, audio_url: str) -> str:
    """The words, marked by confidence; each carries its times so that a click can play it."""
    if not said.words:
        title, text = _REASONS.get(said.reason, _UNKNOWN_REASON)
        return _card("empty", title, text)
    words = " ".join(_word(word) for word in said.words)
    capitals = " w-capitals" if said.text.isupper() else ""
    return (
        f'<div class="w-transcript" data-audio="{escape(audio_url)}" '
        f'data-duration="{said.duration_s:.3f}">'
        f'<p class="w-words{capitals}" tabindex="0" role="group" aria-label="Transcript. '
        f'Arrow keys go from word to word, Enter plays from there.">{words}</p>'
        f'<div class="w-about">{_legend(said)}{answered_by(said)}</div></div>'
    )


def _word(word: types.Word) -> str:
    return (
        f'<span class="w-word" data-level="{level_of(word.confidence).name}" '
        f'data-start="{word.start_s:.3f}" data-end="{word.end_s:.3f}" '
        f'data-confidence="{units.percent(word.confidence)}">{escape(word.text)}</span>'
    )


def _legend(said: types.Transcript) -> str:
    counts = dict.fromkeys(LEVELS, 0)
    for word in said.words:
        counts[level_of(word.confidence)] += 1
    items = "".join(
        f'<li><b>{counts[level]}</b> <span class="w-word" data-level="{level.name}">{level.label}'
        f'</span> <span class="w-range">{_range(index)}</span></li>'
        for index, level in enumerate(LEVELS)
    )
    return f'<ul class="w-legend" aria-label="How sure the model is of how many words">{items}</ul>'


def _range(index: int) -> str:
    """The band in words: ``90 % and more``, ``70 to 90 %``, ``below 70 %``."""
    start = f"{LEVELS[index].at_least * 100:.0f}"
    if index == 0:
        return f"{start} % and more"
    end = f"{LEVELS[index - 1].at_least * 100:.0f} %"
    return f"{start} to {end}" if LEVELS[index].at_least else f"below {end}"


def answered_by(said: types.Transcript) -> str:
    """Which model answered, where it ran, and plainly so when it was the small embedded one."""
    model = said.model
    facts = f"{model.device}, {model.precision}, {model.engine}, {said.decoder} decoding"
    size = f" ({units.count(model.parameters)} parameters)" if model.parameters else ""
    note = model.note
    if model.source == "embedded" and not note:
        note = (
            "This is the small model that comes with the page. It is quick, and makes more mistakes"
            " than a full-size one."
        )
    name = f"<b>{escape(model.name)}</b>{escape(size)}"
    aside = f'<span class="w-note">{escape(note)}</span>' if note else ""
    return f'<p class="w-answered">Answered by {name} on {escape(facts)}.{aside}</p>'


_MARKS: Final = {
    kind: '<svg class="w-card-mark" viewBox="0 0 64 32" width="64" height="32" aria-hidden="true">'
    f'<path d="{path}"/></svg>'
    for kind, path in {
        "idle": "M4 13v6M12 8v16M20 12v8M28 3v26M36 10v12M44 6v20M52 12v8M60 14v4",
        "empty": "M4 16h20M28 14v4M32 12v8M36 14v4M40 16h20",
    }.items()
}


def _card(kind: str, title: str, text: str) -> str:
    return (
        f'<div class="w-card w-card-{kind}">{_MARKS[kind]}'
        f"<h3>{escape(title)}</h3><p>{escape(text)}</p></div>"
    )


# --- errors -------------------------------------------------------------------------------------

_TITLES: Final = {
    "validation": "This audio cannot be used",
    "context": "This model is not available",
    "resource": "No room right now",
    "execution": "That did not work",
}
_TITLES_OF_CODES: Final = {
    "audio.missing": "Nothing to listen to yet",
    "queue.full": "Busy at the moment",
    "model": "This model is not available",
}
"""Titles of single codes or of whole areas, which say more than their layer does."""


def error_card(error: Wav2Vec2Error, request_id: str) -> str:
    """The error as a person needs it: what happened, what to do, and what to quote in a report."""
    area = error.code.split(".")[0]
    title = _TITLES_OF_CODES.get(error.code) or _TITLES_OF_CODES.get(area) or _TITLES[error.layer]
    return _error(error, request_id, title)


def problem_card(error: Wav2Vec2Error, request_id: str) -> str:
    """An error that cost an extra, not the transcript."""
    return _error(error, request_id, "A part is missing")


def _error(error: Wav2Vec2Error, request_id: str, title: str) -> str:
    return (
        f'<div class="w-error" role="alert" data-severity="{escape(error.severity)}">'
        f"<h3>{escape(title)}</h3>"
        f'<p class="w-error-message">{escape(error.message)}</p>'
        f'<p class="w-error-hint">{escape(error.hint)}</p>{_retry(error)}'
        f'<p class="w-error-facts"><code>{escape(error.code)}</code>{_request(request_id)}</p>'
        "</div>"
    )


def _retry(error: Wav2Vec2Error) -> str:
    if not error.retryable:
        return ""
    after = error.metadata.get("retry_after_s")
    wait = f' data-after="{float(after):.0f}"' if isinstance(after, int | float) else ""
    label = f"Try again in {units.waiting(float(after))}" if wait and after else "Try again"
    return f'<button type="button" class="w-button" data-do="retry"{wait}>{label}</button>'


def _request(request_id: str) -> str:
    if not request_id:
        return ""
    return (
        f'<span>request <code>{escape(request_id)}</code></span><button type="button" '
        f'class="w-link" data-do="copy" data-text="{escape(request_id)}">copy</button>'
    )


# --- what can be taken along --------------------------------------------------------------------


def actions(result: types.AudioResult | None) -> str:
    """Copy and download buttons; in their place but disabled before there is something to take."""
    ready = result is not None and result.transcript is not None and bool(result.transcript.words)
    files = _files(result) if result is not None and ready else {}
    copy = _action("copy", "Copy text", "", files.get("txt"))
    saves = (
        _action("save", name.upper(), f"transcript.{name}", files.get(name))
        for name in ("txt", "srt", "vtt", "json")
    )
    return (
        '<div class="w-actions" role="group" aria-label="Take the transcript along">'
        f"{copy}{''.join(saves)}</div>"
    )


def _files(result: types.AudioResult) -> dict[str, str]:
    answer = schema.transcription(result)
    return {
        "txt": answer.text + "\n",
        "srt": captions.to_srt(answer.words),
        "vtt": captions.to_vtt(answer.words),
        "json": json.dumps(answer.json_dict(), ensure_ascii=False, allow_nan=False, indent=2),
    }


def _action(do: str, label: str, name: str, text: str | None) -> str:
    content = ' disabled=""' if text is None else f' data-text="{escape(text)}"'
    title = f"Download {name}" if name else "Copy the transcript"
    return (
        f'<button type="button" class="w-button w-small" data-do="{do}" data-name="{name}" '
        f'title="{title}" aria-label="{title}"{content}>{label}</button>'
    )


# --- the table of words -------------------------------------------------------------------------


def word_table(words: Sequence[types.Word] | None) -> str:
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


def _row(word: types.Word) -> str:
    return (
        f'<tr class="w-row" data-start="{word.start_s:.3f}" data-end="{word.end_s:.3f}">'
        f'<th scope="row">{escape(word.text)}</th><td>{word.start_s:.2f} s</td>'
        f"<td>{word.end_s:.2f} s</td>"
        f'<td><span class="w-meter" data-level="{level_of(word.confidence).name}" '
        f'style="--share:{word.confidence:.3f}" aria-hidden="true"></span>'
        f"{units.percent(word.confidence)}</td></tr>"
    )


# --- pictures -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """Where a picture goes and what it will show; kept free so that nothing moves when it comes.

    ``sketch`` is a path on a 48 × 32 sheet that hints at the picture; ``height`` is the height it
    will have, for a width of 800.
    """

    name: str
    title: str
    about: str
    sketch: str
    height: int


PLACES: Final = (
    Place(
        "waveform",
        "Waveform",
        "The sound itself, with a mark at every word.",
        "M3 16h3M9 12v8M14 6v20M19 10v12M24 3v26M29 9v14M34 13v6M39 8v16M44 14v4",
        241,
    ),
    Place(
        "log_mel",
        "Log-mel spectrogram",
        "Which pitches are loud, and when.",
        "M4 26h40M4 20h12M22 20h16M8 14h20M34 14h8M4 8h6M18 8h10",
        264,
    ),
    Place(
        "mfcc",
        "MFCC",
        "The shape of the spectrum in a few numbers, frame by frame.",
        "M6 6v6M6 20v4M14 8v12M22 5v4M22 16v10M30 10v14M38 6v5M38 18v6M44 12v8",
        246,
    ),
    Place(
        "pitch_energy",
        "Pitch and energy",
        "How high the voice is, and how loud.",
        "M3 22c6-14 10-14 16-6s10 8 14-2 8-8 12-4M3 29h42",
        298,
    ),
    Place(
        "emission",
        "CTC emission",
        "Which letters the model considered, 50 times a second.",
        "M3 28h6l2-20 2 20h8l2-12 2 12h6l2-24 2 24h10",
        360,
    ),
)


def picture(drawn: types.Picture) -> str:
    """A drawn picture in its place: an ``svg`` element of the audio worker's, whole as it is."""
    about = next((place.about for place in PLACES if place.name == drawn.name), "")
    return (
        f'<figure class="w-figure" data-name="{escape(drawn.name)}"><figcaption>'
        f"<h3>{escape(drawn.title)}</h3><p>{escape(about)}</p></figcaption>"
        f'<div class="w-drawing">{drawn.svg.decode("utf-8")}</div>'
        f'<p class="w-facts">{escape(drawn.description)}</p></figure>'
    )


def picture_place(place: Place, *, pending: bool = False) -> str:
    """The place of a picture before it is asked for, or as large as it will be while it is drawn."""
    inside = f"<h3>{escape(place.title)}</h3><p>{escape(place.about)}</p>"
    if pending:
        return (
            f'<figure class="w-figure" data-state="pending"><figcaption>{inside}</figcaption>'
            f'<div class="w-drawing" style="--height:{place.height}" aria-hidden="true"></div>'
            '<p class="w-facts"></p></figure>'
        )
    return (
        '<figure class="w-figure" data-state="empty"><svg class="w-sketch" viewBox="0 0 48 32" '
        f'width="48" height="32" aria-hidden="true"><path d="{place.sketch}"/></svg>'
        f"<figcaption>{inside}</figcaption></figure>"
    )
