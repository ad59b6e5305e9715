"""From encoded audio of any common kind to 16 kHz mono float32, in bounded memory.

Everything past this module may rely on: float32, shape ``(samples,)``, 16 kHz, finite, in [-1, 1],
at least ``MIN_DURATION_S`` long. Channels are averaged, or decoded one by one on request. Samples
beyond full scale (float files, lossy codecs, the resampler's overshoot) are not clipped: the whole
recording is lowered to a peak of 1, which keeps its shape, and a warning says so where it is more
than an overshoot.
"""

from __future__ import annotations

import io
import math
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.audio import (
    DEFAULT_TRACK_AND_MIX,
    Audio,
    AudioProbe,
    AudioSource,
    DecodeAudioOptions,
)
from wav2vec2_app.worker.audio.downmix import Channels, Downmix, Separation
from wav2vec2_app.worker.audio.limits import (
    LENGTH_TOLERANCE_S,
    is_usable_rate,
    needs_memory,
    refuse_long,
    refuse_rate,
    refuse_short,
    refuse_size,
    too_long,
)
from wav2vec2_app.worker.audio.open_reader import open_reader
from wav2vec2_app.worker.audio.output import ChannelRecording
from wav2vec2_app.worker.audio.reader import Header, Reader
from wav2vec2_app.worker.audio.splice import size_of
from wav2vec2_app.worker.audio.timeline import Timeline, joined

MISSING_S = 0.1
"""A recording that ends this much before its header says is called cut off."""


@dataclass(frozen=True)
class Decoded:
    """Decoded audio and what it took: ``decode_s`` for decoding and mixing down, ``resample_s``.

    ``recordings`` has one recording, or one for each channel if the options separate them.
    ``warnings`` are about the file; those about a channel are in its recording.
    """

    header: Header
    recordings: tuple[ChannelRecording, ...]
    warnings: tuple[str, ...]
    decode_s: float
    resample_s: float

    @property
    def all_warnings(self) -> tuple[str, ...]:
        """Those about the file and about the channels, each once."""
        own = (text for recording in self.recordings for text in recording.warnings)
        return tuple(dict.fromkeys((*self.warnings, *own)))

    @property
    def channels(self) -> tuple[Audio, ...]:
        """The recordings as audio; the samples of long ones are mapped from their files."""
        header = self.header
        return tuple(
            Audio(
                samples=recording.load(),
                original_rate_hz=header.rate_hz,
                original_channels=header.channels,
                format=header.format,
                track=header.track,
                tracks=header.tracks,
                warnings=(*self.warnings, *recording.warnings),
            )
            for recording in self.recordings
        )

    @property
    def audio(self) -> Audio:
        """The recording, or its first channel."""
        return self.channels[0]


@dataclass(frozen=True)
class Task:
    """One call of :func:`decode`: its source, its limits and what it reports to."""

    source: AudioSource
    options: DecodeAudioOptions
    max_duration_s: float
    max_bytes: int
    on_block: Callable[[], None]
    spool: Path | None


def probe(
    source: AudioSource,
    *,
    max_bytes: int,
    max_duration_s: float = math.inf,
    options: DecodeAudioOptions = DEFAULT_TRACK_AND_MIX,
) -> AudioProbe:
    """What the file's header says; nothing is decoded.

    Raises:
        InputError: ``audio.missing``, ``audio.empty_file``, ``audio.too_large``,
            ``audio.bad_rate``, ``audio.too_long``, and what ``open_reader`` raises.
        ResourceError: ``audio.needs_memory``.
    """
    with _opened(source, max_bytes, options.track) as (reader, size_bytes):
        refuse_long(reader, max_duration_s, lambda: None)
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
    options: DecodeAudioOptions = DEFAULT_TRACK_AND_MIX,
    on_block: Callable[[], None] = lambda: None,
    spool: Path | None = None,
) -> Decoded:
    """Decode to 16 kHz float32.

    Args:
        source: the encoded audio.
        max_duration_s: longer audio is refused: before anything is decoded where its header says so
            and its packets confirm it, and while decoding as soon as the limit is passed.
        max_bytes: larger files are refused unopened.
        options: the track, and whether channels are mixed.
        on_block: called after each block (at most some seconds of audio); may raise to cancel.
        spool: where samples go that are longer than ``SPOOL_S``: raw float32. Separate channels go
            to ``spool`` with ``.0``, ``.1`` … appended. Nothing is left there where decoding fails.

    Raises:
        InputError: as :func:`probe`, and ``audio.too_long``, ``audio.not_finite``,
            ``audio.no_samples``, ``audio.too_short``, ``audio.too_many_channels``.
        ResourceError: ``audio.needs_memory``.
    """
    task = Task(source, options, max_duration_s, max_bytes, on_block, spool)
    started = time.perf_counter()
    decoded = _separate(task) if options.channels == "separate" else _mixed(task)
    elapsed_s = time.perf_counter() - started
    return replace(decoded, decode_s=elapsed_s - decoded.resample_s)


def _mixed(task: Task) -> Decoded:
    """The mean of the channels, or the loudest where they cancel out."""
    mix = Downmix(task.spool)
    with _opened(task.source, task.max_bytes, task.options.track) as (reader, _):
        timeline = _decode(reader, task, mix)
        channel = mix.cancelled_by()
        if channel is None:
            return _decoded(reader, timeline, mix)
    mix.close()
    with _opened(task.source, task.max_bytes, task.options.track) as (reader, _):
        mix = Downmix(task.spool, channel)
        timeline = _decode(reader, task, mix)
        warning = (
            f"The channels cancel each other out when mixed; only channel {channel + 1} was used."
        )
        return _decoded(reader, timeline, mix, warning)


def _separate(task: Task) -> Decoded:
    """Each channel as a recording of its own."""
    with _opened(task.source, task.max_bytes, task.options.track) as (reader, _):
        separation = Separation(task.spool, reader.header.channels)
        timeline = _decode(reader, task, separation)
        return _decoded(reader, timeline, separation)


def _decode(reader: Reader, task: Task, channels: Channels) -> Timeline:
    """Decode everything into ``channels``; on failure nothing is left behind."""
    limit_s = task.max_duration_s + LENGTH_TOLERANCE_S
    timeline = Timeline(limit_s)
    try:
        refuse_long(reader, task.max_duration_s, task.on_block)
        for block in joined(timeline.with_silence(reader.blocks())):
            if timeline.position_s > limit_s:
                raise too_long(timeline.position_s, task.max_duration_s, at_least=True)
            if len(block.samples) and is_usable_rate(block.rate_hz):
                channels.push(block)
            task.on_block()
        refuse_short(timeline.sound_s, reader)
    except BaseException:
        channels.close()
        raise
    return timeline


def _decoded(reader: Reader, timeline: Timeline, channels: Channels, *warnings: str) -> Decoded:
    return Decoded(
        header=reader.header,
        recordings=tuple(output.finish() for output in channels.outputs),
        warnings=(*reader.warnings, *warnings, *_damage_warnings(reader, timeline)),
        decode_s=0.0,
        resample_s=channels.resample_s,
    )


def _damage_warnings(reader: Reader, timeline: Timeline) -> tuple[str, ...]:
    warnings = []
    if timeline.skipped_s:
        warnings.append(
            f"The file's timestamps leave {timeline.skipped_s:.1f} s without sound, more than can be"
            " filled with silence; times after that are early."
        )
    header = reader.header
    claimed_s = header.duration_s if header.exact else None
    reached_s = max(reader.reached_s, timeline.position_s)
    if claimed_s is not None and claimed_s - reached_s > max(MISSING_S, 0.01 * claimed_s):
        warnings.append(
            f"The file is cut off: {reached_s:.1f} s of {claimed_s:.1f} s could be decoded."
        )
    elif reader.damaged:
        warnings.append("The file is damaged or cut off; what could be decoded was used.")
    return tuple(warnings)


# --- opening ------------------------------------------------------------------------------------


@contextmanager
def _opened(source: AudioSource, max_bytes: int, track: int | None) -> Iterator[tuple[Reader, int]]:
    """A reader on the source and the source's size in bytes."""
    with _file_of(source) as file:
        size_bytes = size_of(file)
        refuse_size(size_bytes, max_bytes)
        try:
            reader = open_reader(file, size_bytes, track)
            with closing(reader):
                refuse_rate(reader.header)
                yield reader, size_bytes
        except MemoryError as error:
            raise needs_memory() from error


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
    """The duration and whether it is known, not estimated; only before decoding blocks."""
    if reader.header.duration_s is not None and reader.header.exact:
        return reader.header.duration_s, True
    return reader.survey_duration_s()
