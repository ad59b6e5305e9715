"""The status line: what a request is doing, or how it ended."""

from __future__ import annotations

from html import escape
from typing import Final

from wav2vec2_app.errors import BusyError, CancelledError, Wav2Vec2Error
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.ui import texts
from wav2vec2_app.server.ui.render import units

BRIEF_S: Final = 2.0


def idle() -> str:
    """Before the first request."""
    return line("idle", texts.READY)


def queued(position: int, eta_s: float) -> str:
    """Waiting in the queue; position 1 is next."""
    waiting = texts.NEXT_IN_QUEUE
    if position > 1:
        waiting = texts.IN_QUEUE.format(position=position)
    if eta_s < 0.5:
        return line("queued", f"{waiting}.")
    return line("queued", texts.STARTS_IN.format(queued=waiting, wait=units.waiting(eta_s)))


def running(
    operation: Operation, fraction: float | None, attempt: int = 1, left_s: float | None = None
) -> str:
    """Running; the bar is filled to ``fraction``, or keeps moving where it is unknown.

    ``left_s`` is how long it still takes; up to :data:`BRIEF_S` the line does not say it.
    """
    doing = texts.RUNNING[operation]
    text = f"{doing}…" if attempt == 1 else texts.ATTEMPT.format(text=doing, attempt=attempt)
    if fraction is not None and left_s is not None and left_s > BRIEF_S:
        left = units.waiting(left_s)
        text = texts.LEFT.format(text=doing, percent=units.percent(fraction), left=left)
    return line("running", text, fraction, doing=operation.value)


def done(result: AudioResult, took_s: float = 0.0) -> str:
    """Finished, with its cost; or from the cache, if the model did not run."""
    if not result.cached:
        return line("done", texts.DONE.format(cost=cost(result)))
    if took_s <= 0:
        return line("done", texts.FROM_CACHE)
    return line("done", texts.FROM_CACHE_IN.format(took=units.seconds(took_s)))


def decoded_again(took_s: float) -> str:
    """The cached emission was decoded with other options."""
    return line("done", texts.DECODED_AGAIN.format(took=units.seconds(took_s)))


def aligned(result: AudioResult, took_s: float) -> str:
    """A text has been aligned."""
    count = len(result.alignment.words) if result.alignment else 0
    text = texts.ALIGNED_ONE if count == 1 else texts.ALIGNED
    without_model = texts.WITHOUT_MODEL if result.cached else ""
    took = units.seconds(took_s)
    return line("done", text.format(count=count, took=took, without_model=without_model))


def waiting_for_transcript() -> str:
    """An alignment waits until the recording is transcribed."""
    return line("queued", texts.WAITING_FOR_TRANSCRIPT)


def failed(error: Wav2Vec2Error, *, keeps_transcript: bool = False) -> str:
    """Ended by an error or by the user; ``keeps_transcript``: the previous one is still on the page."""
    if isinstance(error, CancelledError):
        return line("idle", texts.STOPPED)
    if keeps_transcript:
        return line("failed", texts.NOT_DECODED_AGAIN)
    busy = isinstance(error, BusyError)
    return line("failed", texts.QUEUE_FULL if busy else texts.NO_TRANSCRIPT)


def cost(result: AudioResult) -> str:
    """``10.0 s of audio in 0.42 s: 24 times faster than real time.``"""
    audio_s = result.audio.duration_s
    work_s = result.real_time_factor * audio_s
    audio = units.seconds(audio_s)
    if work_s <= 0:
        return texts.AUDIO_LENGTH.format(audio=audio)
    speed = units.speed(result.real_time_factor)
    return texts.AUDIO_SPEED.format(audio=audio, work=units.seconds(work_s), speed=speed)


def line(
    state: str, text: str, fraction: float | None = None, *, doing: str = "", attributes: str = ""
) -> str:
    """A status line; ``state`` is idle, queued, running, done or failed."""
    bar = ""
    if state == "running" and fraction is not None:
        bar = f' style="--done:{min(1.0, max(0.0, fraction)):.3f}" data-known'
    return (
        f'<div class="w-status" data-state="{state}" data-doing="{doing}"{attributes}>'
        f'<span class="w-dot" aria-hidden="true"></span><span class="w-status-text">{escape(text)}'
        f'</span><span class="w-progress" aria-hidden="true"{bar}></span></div>'
    )
