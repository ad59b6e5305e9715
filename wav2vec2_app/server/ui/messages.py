"""What the page says: the status line, quiet cards and errors; pure functions, all escaped."""

from __future__ import annotations

import math
from html import escape
from typing import Final

from wav2vec2_app.errors import BusyError, CancelledError, Wav2Vec2Error
from wav2vec2_app.server import schema
from wav2vec2_app.server.tasks import AudioResult, Operation
from wav2vec2_app.server.ui import units

# --- the status line ----------------------------------------------------------------------------

_DOING: Final = {
    Operation.PROBE: "Looking at the file",
    Operation.DECODE_AUDIO: "DecodingOptions the audio",
    Operation.TRANSCRIBE: "Listening for words",
    Operation.DECODE_TEXT: "DecodingOptions the words again",
    Operation.ALIGN: "Finding every word in the sound",
    Operation.ANALYZE: "Measuring the sound",
    Operation.DRAW: "Drawing the pictures",
}


def status_idle() -> str:
    """Nothing has been asked yet."""
    return _status("idle", "Ready when you are.")


def status_queued(position: int, eta_s: float) -> str:
    """Waiting behind others."""
    ahead = "Next in line" if position <= 1 else f"Number {position} in line"
    if eta_s < 0.5:
        return _status("queued", f"{ahead}.")
    return _status("queued", f"{ahead}, starts in about {units.waiting(eta_s)}.")


def status_running(operation: Operation, fraction: float | None, attempt: int = 1) -> str:
    """In work; the bar is filled to ``fraction``, or keeps moving where it is unknown."""
    text = _DOING[operation] + ("…" if attempt == 1 else f"… (attempt {attempt})")
    return _status("running", text, fraction, doing=operation.value)


def status_done(result: AudioResult, took_s: float = 0.0) -> str:
    """Finished, with the cost in plain words; said so where the model did not have to run."""
    if schema.is_reused(result):
        took = f" in {units.seconds(took_s)}" if took_s > 0 else ""
        return _status("done", f"Answered from what was kept{took}, without running the model.")
    return _status("done", f"Done. {in_plain_words(result)}")


def status_read_again(took_s: float) -> str:
    """The words were read again from what the model had said of them."""
    return _status("done", f"Read again in {units.seconds(took_s)}, without running the model.")


def status_aligned(result: AudioResult, took_s: float) -> str:
    """A text has been aligned."""
    count = len(result.alignment.words) if result.alignment else 0
    words = "1 word" if count == 1 else f"{count} words"
    without = ", without running the model" if schema.is_reused(result) else ""
    return _status("done", f"Aligned {words} in {units.seconds(took_s)}{without}.")


def status_waiting_for_words() -> str:
    """An alignment waits until the recording has been heard."""
    return _status("queued", "Waiting until the recording has been heard.")


def status_failed(error: Wav2Vec2Error, *, kept: bool = False) -> str:
    """Stopped by an error, or by the person; ``kept`` where the words from before still stand."""
    if isinstance(error, CancelledError):
        return _status("idle", "Stopped.")
    if kept:
        return _status("failed", "Not read again: these are the words from before.")
    busy = isinstance(error, BusyError)
    return _status("failed", "Not started: the queue is full." if busy else "No transcript.")


def in_plain_words(result: AudioResult) -> str:
    """``10.0 s of audio in 0.42 s: 24 times faster than real time.``"""
    heard = result.audio.duration_s
    worked = result.real_time_factor * heard
    if worked <= 0:
        return f"{units.seconds(heard)} of audio."
    speed = units.speed(result.real_time_factor)
    return f"{units.seconds(heard)} of audio in {units.seconds(worked)}: {speed}."


def _status(state: str, text: str, fraction: float | None = None, doing: str = "") -> str:
    bar = ""
    if state == "running" and fraction is not None:
        bar = f' style="--done:{min(1.0, max(0.0, fraction)):.3f}" data-known'
    return (
        f'<div class="w-status" data-state="{state}" data-doing="{doing}">'
        f'<span class="w-dot" aria-hidden="true"></span><span class="w-status-text">{escape(text)}'
        f'</span><span class="w-progress" aria-hidden="true"{bar}></span></div>'
    )


# --- cards ----------------------------------------------------------------------------------------

_MARKS: Final = {
    kind: '<svg class="w-card-mark" viewBox="0 0 64 32" width="64" height="32" aria-hidden="true">'
    f'<path d="{path}"/></svg>'
    for kind, path in {
        "idle": "M4 13v6M12 8v16M20 12v8M28 3v26M36 10v12M44 6v20M52 12v8M60 14v4",
        "empty": "M4 16h20M28 14v4M32 12v8M36 14v4M40 16h20",
    }.items()
}


def card(kind: str, title: str, text: str) -> str:
    """A quiet card in place of a transcript; ``kind`` is idle or empty."""
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
    "align": "This text cannot be aligned",
    "decoder": "It cannot be read like that",
    "hotwords": "These hotwords cannot be used",
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
    """A button to try again; it counts down where it is known when that makes sense."""
    if not error.retryable:
        return ""
    after_s = error.metadata.get("retry_after_s")
    if not isinstance(after_s, int | float) or not 0 < after_s < math.inf:
        return '<button type="button" class="w-button" data-do="retry">Try again</button>'
    whole = math.ceil(after_s)
    return (
        f'<button type="button" class="w-button" data-do="retry" data-after="{whole}">'
        f"Try again in {whole} s</button>"
    )


def _request(request_id: str) -> str:
    if not request_id:
        return ""
    return (
        f'<span>request <code>{escape(request_id)}</code></span><button type="button" '
        f'class="w-link" data-do="copy" data-text="{escape(request_id)}">copy</button>'
    )
