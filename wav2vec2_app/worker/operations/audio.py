"""Operations of the ``audio`` role: read a header, decode, compute features, draw."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

import numpy as np

from wav2vec2_app.errors import InputError
from wav2vec2_app.protocol import codec
from wav2vec2_app.protocol.audio import (
    AnalyzeRequest,
    AnalyzeResponse,
    AudioInfo,
    DecodeAudioRequest,
    DecodeAudioResponse,
    DrawRequest,
    DrawResponse,
    PictureDrawn,
    ProbeRequest,
    ProbeResponse,
)
from wav2vec2_app.protocol.frame import Body
from wav2vec2_app.protocol.message import Context, Empty
from wav2vec2_app.protocol.wav import EncodeWavRequest, EncodeWavResponse
from wav2vec2_app.speech.audio import FORMAT_NAMES, Audio, Float32
from wav2vec2_app.worker import plots
from wav2vec2_app.worker.audio import decode, features
from wav2vec2_app.worker.audio.wav import wav_of
from wav2vec2_app.worker.call import Role
from wav2vec2_app.worker.sandbox import Limits, confine, limit_operation
from wav2vec2_app.worker.stages import sequence

log = logging.getLogger(__name__)

A = ParamSpec("A")
R = TypeVar("R")

MIX_BLOCK = 1 << 20
"""Samples of each channel that are mixed at a time."""
CANCELLED_SHARE = 0.01
"""Power of the mean of channels, as a share of the loudest one's, below which they cancel out."""


@dataclass(frozen=True)
class AudioConfig:
    """The role's configuration.

    Attributes:
        max_duration_s: the longest audio, seconds.
        max_bytes: the largest file, bytes.
        process: what the process may use; None means no limits.
    """

    max_duration_s: float
    max_bytes: int
    process: Limits | None = None


def create(config: Mapping[str, object]) -> Role:
    """The role; ``config`` has the fields of :class:`AudioConfig`."""
    limits = codec.unpack(AudioConfig, Body(config))
    operations = AudioOperations(limits)
    features.warm_up()
    plots.warm_up()
    if limits.process is not None and (missing := confine(limits.process)):
        log.info("this system does not confine the process: %s", missing)
    cpu_s = limits.process.cpu_s if limits.process is not None else 0
    return Role(
        (
            ProbeRequest.handler(_limited(operations.probe, cpu_s)),
            DecodeAudioRequest.handler(_limited(operations.decode, cpu_s)),
            AnalyzeRequest.handler(_limited(analyze, cpu_s)),
            DrawRequest.handler(_limited(draw, cpu_s)),
            EncodeWavRequest.handler(_limited(encode_wav, cpu_s)),
        ),
        info=lambda: AudioInfo(FORMAT_NAMES),
    )


def _limited(run: Callable[A, R], cpu_s: int) -> Callable[A, R]:
    """``run`` with a limit of its processor time, seconds."""

    def with_limit(*args: A.args, **options: A.kwargs) -> R:
        limit_operation(cpu_s)
        return run(*args, **options)

    return with_limit


class AudioOperations:
    """The operations that have limits."""

    def __init__(self, limits: AudioConfig) -> None:
        self._limits = limits

    def probe(self, request: ProbeRequest, _: Context[Empty]) -> ProbeResponse:
        """Read a header."""
        limits = self._limits
        return ProbeResponse(
            decode.probe(
                request.source,
                max_bytes=limits.max_bytes,
                max_duration_s=limits.max_duration_s,
                options=request.options,
            )
        )

    def decode(self, request: DecodeAudioRequest, context: Context[Empty]) -> DecodeAudioResponse:
        """Decode to 16 kHz; decoding and resampling alternate, and are reported as two stages."""
        result = decode.decode(
            request.source,
            max_duration_s=self._limits.max_duration_s,
            max_bytes=self._limits.max_bytes,
            options=request.options,
            on_block=context.check_cancelled,
            spool=request.spool,
        )
        audio = result.audio
        samples = _one_after_the_other(result.channels, request.spool)
        spooled = isinstance(samples, np.memmap)
        return DecodeAudioResponse(
            samples=None if spooled else samples,
            spooled=len(samples) if spooled else 0,
            original_rate_hz=audio.original_rate_hz,
            original_channels=audio.original_channels,
            format=audio.format,
            warnings=tuple(dict.fromkeys(text for one in result.channels for text in one.warnings)),
            channels=len(result.channels),
            track=audio.track,
            tracks=audio.tracks,
            stages=sequence({"decode audio": result.decode_s, "resample": result.resample_s}),
        )


def _one_after_the_other(channels: Sequence[Audio], spool: Path | None) -> Float32:
    """The mix and the samples of all channels, of equal length; a single channel has no mix.

    Mapped from the file ``spool`` if one of them is.
    """
    first, *others = (channel.samples for channel in channels)
    if not others:
        return first
    length = max(len(first), *map(len, others))
    equal = [_padded(samples, length) for samples in (first, *others)]
    if spool is None or not isinstance(first, np.memmap):
        return np.concatenate([*_mix(equal), *equal])
    with spool.open("wb") as file:
        for block in _mix(equal):
            block.tofile(file)
        for samples in equal:
            samples.tofile(file)
    for samples in (first, *others):
        if isinstance(samples, np.memmap) and samples.filename is not None:
            Path(samples.filename).unlink(missing_ok=True)
    return np.memmap(spool, np.float32, mode="r+", shape=(length * (1 + len(equal)),))


def _padded(samples: Float32, length: int) -> Float32:
    """``samples`` with silence at the end; not copied if they are long enough."""
    missing = length - len(samples)
    return np.pad(samples, (0, missing)) if missing else samples


def _mix(channels: Sequence[Float32]) -> Iterator[Float32]:
    """The mean of the channels, block by block; the loudest one where they cancel each other out."""
    starts = range(0, len(channels[0]), MIX_BLOCK)
    powers = [0.0] * (1 + len(channels))
    for start in starts:
        blocks = [channel[start : start + MIX_BLOCK] for channel in channels]
        for number, block in enumerate([np.mean(blocks, axis=0), *blocks]):
            powers[number] += float(np.vdot(block, block))
    mean, *each = powers
    loudest = int(np.argmax(each))
    cancel = mean < CANCELLED_SHARE * each[loudest]
    for start in starts:
        blocks = [channel[start : start + MIX_BLOCK] for channel in channels]
        yield blocks[loudest] if cancel else np.mean(blocks, axis=0, dtype=np.float32)


def analyze(request: AnalyzeRequest, context: Context[Empty]) -> AnalyzeResponse:
    """Compute acoustic features."""
    begin = time.perf_counter()
    found = features.extract(_checked(request.samples), on_block=context.check_cancelled)
    return AnalyzeResponse(found, stages=sequence({"features": time.perf_counter() - begin}))


def draw(request: DrawRequest, context: Context[PictureDrawn]) -> DrawResponse:
    """Draw pictures; each is sent when it is finished."""
    begin = time.perf_counter()
    samples = _checked(request.samples)
    names = request.pictures or tuple(plots.PICTURES)
    drawn = []
    for number, name in enumerate(names, start=1):
        if request.emission is None and name in plots.NEED_EMISSION:
            continue
        context.check_cancelled()
        picture = plots.draw(name, samples, request.features, request.emission, request.words)
        context.progress(PictureDrawn(picture, number / len(names)))
        drawn.append(name)
    return DrawResponse(
        drawn=tuple(drawn),
        skipped=tuple(name for name in names if name not in drawn),
        stages=sequence({"draw": time.perf_counter() - begin}),
    )


def encode_wav(request: EncodeWavRequest, _: Context[Empty]) -> EncodeWavResponse:
    """Encode samples as a WAV file."""
    begin = time.perf_counter()
    wav = wav_of(_checked(request.samples))
    return EncodeWavResponse(wav, stages=sequence({"encode": time.perf_counter() - begin}))


def _checked(samples: Float32) -> Float32:
    """``samples``, if there are any."""
    if samples.ndim != 1 or not len(samples):
        raise InputError(
            "There are no samples in this request.",
            code="audio.no_samples",
            hint="Record or upload something first.",
        )
    return samples
