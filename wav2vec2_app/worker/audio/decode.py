"""From encoded audio of any common kind to 16 kHz mono float32, in bounded memory.

Everything past this module may rely on: float32, shape ``(samples,)``, 16 kHz, finite, in [-1, 1],
at least ``MIN_DURATION_S`` long. Channels are averaged. Samples beyond full scale (float files,
lossy codecs, the resampler's overshoot) are not clipped: the whole recording is lowered to a peak
of 1, which keeps its shape, and a warning says so where it is more than an overshoot.
"""

from __future__ import annotations

import io
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import soxr

from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Audio, AudioProbe, AudioSource
from wav2vec2_app.worker.audio.containers import Header, Reader, Samples, broken, open_reader

FORMATS: tuple[str, ...] = (
    "wav",
    "flac",
    "ogg",
    "opus",
    "mp3",
    "m4a",
    "aac",
    "webm",
    "aiff",
    "amr",
)
"""What a person may upload, by the usual ending of its name."""
MIN_DURATION_S = 0.1
"""Shorter audio holds no word; the model's first frame alone needs 25 ms."""
MIN_RATE_HZ, MAX_RATE_HZ = 4_000, 384_000
LENGTH_TOLERANCE_S = 0.25
"""How far over the limit is still the limit: encoders pad the ends."""
ESTIMATE_MARGIN = 2.0
"""A duration guessed from bytes refuses a file only when it is this many times over the limit."""
OVERSHOOT = 1.1
"""Peaks up to here are what codecs and resampling do; beyond, the level was wrong: we say so."""
MISSING_S = 0.1
"""A recording that ends this much before its header says is called truncated."""


SPOOL_S = 60.0
"""Longer audio goes to a file, where the caller names one, seconds."""
SCALED_TOGETHER = 1 << 22
"""Samples whose level is lowered at a time."""


@dataclass(frozen=True)
class Decoded:
    """Decoded audio and what it took: ``decode_s`` for decoding and mixing down, ``resample_s``."""

    audio: Audio
    decode_s: float
    resample_s: float


def probe(source: AudioSource, *, max_bytes: int, max_duration_s: float = math.inf) -> AudioProbe:
    """What the file's header says; nothing is decoded.

    Raises:
        InputError: ``audio.missing``, ``audio.empty_file``, ``audio.too_large``,
            ``audio.not_audio``, ``audio.broken``, ``audio.no_track``, ``audio.bad_rate``,
            ``audio.too_long``.
    """
    with _opened(source, max_bytes) as (reader, size_bytes):
        _refuse_long(reader, max_duration_s)
        duration_s, exact = _expected_duration_s(reader)
        header = reader.header
        return AudioProbe(
            duration_s=duration_s,
            exact=exact,
            rate_hz=header.rate_hz,
            channels=header.channels,
            format=header.format,
            size_bytes=size_bytes,
        )


def decode(
    source: AudioSource,
    *,
    max_duration_s: float,
    max_bytes: int,
    on_block: Callable[[], None] = lambda: None,
    spool: Path | None = None,
) -> Decoded:
    """Decode to 16 kHz mono float32.

    Args:
        source: the encoded audio.
        max_duration_s: longer audio is refused: by its header before anything is decoded, and while
            decoding as soon as the limit is passed, whatever the header said.
        max_bytes: larger files are refused unopened.
        on_block: called after each block (at most some seconds of audio); may raise to cancel.
        spool: where samples go that are longer than :data:`SPOOL_S`: raw float32. The audio's samples are
            then mapped from that file. Nothing is left there where decoding fails.

    Raises:
        InputError: as :func:`probe`, and ``audio.too_long``, ``audio.not_finite``,
            ``audio.no_samples``, ``audio.too_short``.
    """
    started = time.perf_counter()
    decoded = _Samples(spool)
    try:
        with _opened(source, max_bytes) as (reader, _):
            audio, resample_s = _decode(reader, decoded, max_duration_s, on_block)
    except BaseException:
        decoded.close()
        raise
    elapsed_s = time.perf_counter() - started
    return Decoded(audio, decode_s=elapsed_s - resample_s, resample_s=resample_s)


def _decode(
    reader: Reader, decoded: _Samples, max_duration_s: float, on_block: Callable[[], None]
) -> tuple[Audio, float]:
    """The audio, and the seconds that resampling took."""
    _refuse_long(reader, max_duration_s)
    header = reader.header
    resampler = _Resampler(header.rate_hz, decoded)
    limit_frames = round((max_duration_s + LENGTH_TOLERANCE_S) * header.rate_hz)
    frames = 0
    for block in reader.blocks():
        frames += len(block)
        if frames > limit_frames:
            raise _too_long(frames / header.rate_hz, max_duration_s, at_least=True)
        resampler.push(_mono(block))
        on_block()
    resampler.finish()
    duration_s = frames / header.rate_hz
    _refuse_short(duration_s, reader)
    samples, level_warnings = decoded.within_full_scale()
    audio = Audio(
        samples=samples,
        original_rate_hz=header.rate_hz,
        original_channels=header.channels,
        format=header.format,
        warnings=(*_damage_warnings(duration_s, reader), *level_warnings),
    )
    return audio, resampler.elapsed_s


# --- opening -----------------------------------------------------------------------------------


@contextmanager
def _opened(source: AudioSource, max_bytes: int) -> Iterator[tuple[Reader, int]]:
    """A reader on the source and the source's size in bytes."""
    with _file_of(source) as file:
        size_bytes = file.seek(0, io.SEEK_END)
        file.seek(0)
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
        reader = open_reader(file, size_bytes)
        try:
            _refuse_odd(reader.header)
            yield reader, size_bytes
        finally:
            reader.close()


def _file_of(source: AudioSource) -> BinaryIO:
    if source.path is None:
        return io.BytesIO(source.data or b"")
    try:
        return source.path.open("rb")
    except OSError as error:
        raise InputError(
            "The recording cannot be opened; it may have been removed.",
            code="audio.missing",
            hint="Record or upload it again.",
        ) from error


def _expected_duration_s(reader: Reader) -> tuple[float, bool]:
    """The duration and whether it is known, not guessed; to be asked before decoding blocks."""
    if reader.header.duration_s is not None and reader.header.exact:
        return reader.header.duration_s, True
    return reader.survey_duration_s()


# --- refusing ----------------------------------------------------------------------------------


def _refuse_odd(header: Header) -> None:
    if header.rate_hz < 1 or header.channels < 1:
        raise broken()
    if not MIN_RATE_HZ <= header.rate_hz <= MAX_RATE_HZ:
        raise InputError(
            f"A sampling rate of {header.rate_hz} Hz is not supported.",
            code="audio.bad_rate",
            hint=f"Use a rate between {MIN_RATE_HZ // 1000} and {MAX_RATE_HZ // 1000} kHz.",
            metadata={"rate_hz": header.rate_hz, "min_hz": MIN_RATE_HZ, "max_hz": MAX_RATE_HZ},
        )


def _refuse_long(reader: Reader, max_duration_s: float) -> None:
    """Refuse by the header alone; a guess has to be far over the limit, as decoding will tell."""
    header = reader.header
    if header.duration_s is None:
        return
    limit_s = (
        max_duration_s + LENGTH_TOLERANCE_S if header.exact else max_duration_s * ESTIMATE_MARGIN
    )
    if header.duration_s > limit_s:
        raise _too_long(header.duration_s, max_duration_s)


def _too_long(duration_s: float, limit_s: float, *, at_least: bool = False) -> InputError:
    length = f"longer than {limit_s:g} s" if at_least else f"{duration_s:.0f} s long"
    return InputError(
        f"The recording is {length}; at most {limit_s:g} s are accepted.",
        code="audio.too_long",
        hint="Cut it into shorter parts.",
        metadata={"duration_s": round(duration_s, 3), "limit_s": limit_s, "at_least": at_least},
    )


def _refuse_short(duration_s: float, reader: Reader) -> None:
    if duration_s >= MIN_DURATION_S:
        return
    if duration_s == 0 and (reader.damaged or reader.header.duration_s):
        raise broken()
    if duration_s == 0:
        raise InputError(
            "The file holds no samples: its length is zero.",
            code="audio.no_samples",
            hint="Record again and speak for a moment before stopping.",
        )
    raise InputError(
        f"The recording is only {duration_s:.3f} s long; at least {MIN_DURATION_S:g} s are needed.",
        code="audio.too_short",
        hint="Record again and speak for a moment before stopping.",
        metadata={"duration_s": round(duration_s, 4), "minimum_s": MIN_DURATION_S},
    )


# --- samples -----------------------------------------------------------------------------------


def _mono(block: Samples) -> Samples:
    """The mean of the channels of ``(n, channels)``, checked to be finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        mono: Samples = block[:, 0] if block.shape[1] == 1 else block.mean(axis=1, dtype=np.float32)
    if not np.isfinite(mono).all():
        raise InputError(
            "The recording holds values that are not numbers (NaN or infinity).",
            code="audio.not_finite",
            hint="Export it again, for example as 16-bit WAV.",
        )
    return mono


def _damage_warnings(duration_s: float, reader: Reader) -> tuple[str, ...]:
    claimed_s = reader.header.duration_s if reader.header.exact else None
    if claimed_s is not None and claimed_s - duration_s > max(MISSING_S, 0.01 * claimed_s):
        return (f"The file is cut off: {duration_s:.1f} s of {claimed_s:.1f} s could be read.",)
    if reader.damaged:
        return ("The file is damaged or cut off; what could be read was used.",)
    return ()


class _Resampler:
    """Streams mono blocks to 16 kHz and keeps the time it takes; rates that match pass through."""

    def __init__(self, rate_hz: int, out: _Samples) -> None:
        self.elapsed_s = 0.0
        self._out = out
        self._stream: Any = None
        if rate_hz != SAMPLE_RATE_HZ:
            self._stream = soxr.ResampleStream(
                rate_hz, SAMPLE_RATE_HZ, 1, dtype="float32", quality="HQ"
            )

    def push(self, mono: Samples) -> None:
        self._out.add(mono if self._stream is None else self._resample(mono))

    def finish(self) -> None:
        if self._stream is not None:
            self._out.add(self._resample(np.zeros(0, np.float32), last=True))

    def _resample(self, mono: Samples, *, last: bool = False) -> Samples:
        started = time.perf_counter()
        resampled: Samples = self._stream.resample_chunk(mono, last=last)
        self.elapsed_s += time.perf_counter() - started
        return resampled


class _Samples:
    """What has been decoded: in memory while it is short, then in a file, if there is one for it."""

    def __init__(self, spool: Path | None) -> None:
        self._spool = spool
        self._file: BinaryIO | None = None
        self._blocks: list[Samples] = []
        self._count = 0
        self._peak = 0.0

    def add(self, block: Samples) -> None:
        self._count += len(block)
        self._peak = max(self._peak, float(block.max(initial=0.0)), -float(block.min(initial=0.0)))
        if self._file is not None:
            self._file.write(block.tobytes())
            return
        self._blocks.append(block)
        if self._spool is not None and self._count > SPOOL_S * SAMPLE_RATE_HZ:
            self._file = self._spool.open("wb")
            for kept in self._blocks:
                self._file.write(kept.tobytes())
            self._blocks = []

    def within_full_scale(self) -> tuple[Samples, tuple[str, ...]]:
        """All samples, lowered to a peak of 1 if they exceed it, and a warning if by more than a bit."""
        samples = self._whole()
        if self._peak <= 1.0:
            return samples, ()
        for begin in range(0, len(samples), SCALED_TOGETHER):
            part = samples[begin : begin + SCALED_TOGETHER]
            np.clip(part / np.float32(self._peak), -1.0, 1.0, out=part)
        warning = (
            f"The recording went beyond full scale (peak {self._peak:.3g});"
            " its level was lowered to fit."
        )
        return samples, (warning,) if self._peak > OVERSHOOT else ()

    def close(self) -> None:
        """Leave nothing behind."""
        if self._file is not None and self._spool is not None:
            self._file.close()
            self._spool.unlink(missing_ok=True)

    def _whole(self) -> Samples:
        if self._file is not None and self._spool is not None:
            self._file.close()
            return np.memmap(self._spool, np.float32, mode="r+", shape=(self._count,))
        return np.concatenate(self._blocks) if self._blocks else np.zeros(0, np.float32)
