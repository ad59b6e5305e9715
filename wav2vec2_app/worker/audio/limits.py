"""What is refused: files that are too large, recordings that are too long, too short or at odd rates."""

from __future__ import annotations

from collections.abc import Callable

from wav2vec2_app.errors import InputError, ResourceError
from wav2vec2_app.speech.audio import MAX_SEPARATE_CHANNELS
from wav2vec2_app.worker.audio.reader import Header, Reader, broken

MIN_DURATION_S = 0.1
"""Shorter audio holds no word; the model's first frame alone needs 25 ms."""
MIN_RATE_HZ, MAX_RATE_HZ = 4_000, 384_000
LENGTH_TOLERANCE_S = 0.25
"""How far over the limit is still accepted: encoders pad the ends."""


def refuse_size(size_bytes: int, max_bytes: int) -> None:
    """Raise ``audio.empty_file`` or ``audio.too_large``."""
    if not size_bytes:
        raise InputError(
            "The file is empty.",
            code="audio.empty_file",
            hint="Record again, or choose another file.",
        )
    if size_bytes > max_bytes:
        raise InputError(
            f"The file has {size_bytes / 1e6:.1f} MB; the limit is {max_bytes / 1e6:.0f} MB.",
            code="audio.too_large",
            hint="Compress it (Opus, MP3, M4A) or cut it into parts.",
            metadata={"size_bytes": size_bytes, "limit_bytes": max_bytes},
        )


def refuse_rate(header: Header) -> None:
    """Raise ``audio.broken`` or ``audio.bad_rate``."""
    if header.rate_hz < 1 or header.channels < 1:
        raise broken()
    if not is_usable_rate(header.rate_hz):
        raise InputError(
            f"A sampling rate of {header.rate_hz} Hz is not supported.",
            code="audio.bad_rate",
            hint=f"Use a rate between {MIN_RATE_HZ // 1000} and {MAX_RATE_HZ // 1000} kHz.",
            metadata={"rate_hz": header.rate_hz, "min_hz": MIN_RATE_HZ, "max_hz": MAX_RATE_HZ},
        )


def is_usable_rate(rate_hz: int) -> bool:
    """Whether audio at this rate can be resampled to 16 kHz."""
    return MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ


def refuse_channels(channels: int) -> None:
    """Raise ``audio.too_many_channels``: they cannot be transcribed one by one."""
    if channels > MAX_SEPARATE_CHANNELS:
        raise InputError(
            f"The recording has {channels} channels; at most {MAX_SEPARATE_CHANNELS} can be"
            " transcribed separately.",
            code="audio.too_many_channels",
            hint="Transcribe the mix of all channels, or export the channels that matter.",
            metadata={"channels": channels, "limit": MAX_SEPARATE_CHANNELS},
        )


def refuse_long(reader: Reader, max_duration_s: float, on_block: Callable[[], None]) -> None:
    """Raise ``audio.too_long`` where the header says so and the bytes that follow confirm it.

    A header alone never refuses: an unfinished one claims anything.
    """
    duration_s = reader.header.duration_s
    limit_s = max_duration_s + LENGTH_TOLERANCE_S
    if duration_s is None or duration_s <= limit_s:
        return
    if reader.outlasts(limit_s, on_block):
        raise too_long(duration_s, max_duration_s, at_least=not reader.header.exact)


def too_long(duration_s: float, limit_s: float, *, at_least: bool = False) -> InputError:
    """The error of a recording beyond the limit."""
    length = f"longer than {limit_s:g} s" if at_least else f"{duration_s:.0f} s long"
    return InputError(
        f"The recording is {length}; at most {limit_s:g} s are accepted.",
        code="audio.too_long",
        hint="Cut it into shorter parts.",
        metadata={"duration_s": round(duration_s, 3), "limit_s": limit_s, "at_least": at_least},
    )


def refuse_short(sound_s: float, reader: Reader) -> None:
    """Raise ``audio.broken``, ``audio.no_samples`` or ``audio.too_short``."""
    if sound_s >= MIN_DURATION_S:
        return
    if sound_s == 0 and (reader.damaged or reader.header.duration_s):
        raise broken()
    if sound_s == 0:
        raise InputError(
            "The file holds no samples: its length is zero.",
            code="audio.no_samples",
            hint="Record again and speak for a moment before stopping.",
        )
    raise InputError(
        f"The recording is only {sound_s:.3f} s long; at least {MIN_DURATION_S:g} s are needed.",
        code="audio.too_short",
        hint="Record again and speak for a moment before stopping.",
        metadata={"duration_s": round(sound_s, 4), "minimum_s": MIN_DURATION_S},
    )


def needs_memory() -> ResourceError:
    """The error of a file that does not fit into the memory that decoding may use."""
    return ResourceError(
        "This file needs more memory than decoding one may use.",
        code="audio.needs_memory",
        hint="Convert it to WAV or FLAC, then upload it again.",
        severity="warning",
        retryable=False,
    )
