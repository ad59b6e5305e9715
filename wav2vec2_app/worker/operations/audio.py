"""Operations of the ``audio`` role: read a header, decode, compute features, draw."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

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
    MeasureRequest,
    MeasureResponse,
    PictureDrawn,
    ProbeRequest,
    ProbeResponse,
)
from wav2vec2_app.protocol.exploration import ExploreRequest, ExploreResponse
from wav2vec2_app.protocol.frame import Body
from wav2vec2_app.protocol.message import Context, Empty
from wav2vec2_app.protocol.wav import EncodeWavRequest, EncodeWavResponse
from wav2vec2_app.speech.audio import FORMAT_NAMES, Float32
from wav2vec2_app.worker import plots
from wav2vec2_app.worker.audio import decode, features
from wav2vec2_app.worker.audio.acoustics.measure import measure
from wav2vec2_app.worker.audio.joined import one_after_the_other
from wav2vec2_app.worker.audio.wav import wav_of
from wav2vec2_app.worker.call import Role
from wav2vec2_app.worker.plots.exploration import explore as explore_part
from wav2vec2_app.worker.sandbox import Limits, confine, limit_operation
from wav2vec2_app.worker.stages import sequence

log = logging.getLogger(__name__)

A = ParamSpec("A")
R = TypeVar("R")


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
            MeasureRequest.handler(_limited(measure_all, cpu_s)),
            DrawRequest.handler(_limited(draw, cpu_s)),
            ExploreRequest.handler(_limited(explore, cpu_s)),
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
        header = result.header
        recording = one_after_the_other(result.recordings, request.spool, context.check_cancelled)
        return DecodeAudioResponse(
            samples=recording.samples,
            spooled=recording.count if recording.samples is None else 0,
            original_rate_hz=header.rate_hz,
            original_channels=header.channels,
            format=header.format,
            warnings=result.all_warnings,
            channels=len(result.recordings),
            track=header.track,
            tracks=header.tracks,
            stages=sequence({"decode audio": result.decode_s, "resample": result.resample_s}),
        )


def analyze(request: AnalyzeRequest, context: Context[Empty]) -> AnalyzeResponse:
    """Compute acoustic features."""
    begin = time.perf_counter()
    found = features.extract(_checked(request.samples), on_block=context.check_cancelled)
    return AnalyzeResponse(found, stages=sequence({"features": time.perf_counter() - begin}))


def measure_all(request: MeasureRequest, context: Context[Empty]) -> MeasureResponse:
    """Compute the acoustic analysis."""
    begin = time.perf_counter()
    samples = _checked(request.samples)
    found = measure(samples, request.features, on_block=context.check_cancelled)
    return MeasureResponse(found, stages=sequence({"measure": time.perf_counter() - begin}))


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
        picture = plots.draw(
            name, samples, request.features, request.emission, request.words, request.start_s
        )
        context.progress(PictureDrawn(picture, number / len(names)))
        drawn.append(name)
    return DrawResponse(
        drawn=tuple(drawn),
        skipped=tuple(name for name in names if name not in drawn),
        stages=sequence({"draw": time.perf_counter() - begin}),
    )


def explore(request: ExploreRequest, _: Context[Empty]) -> ExploreResponse:
    """Compute the data of a part."""
    begin = time.perf_counter()
    samples = _checked(request.samples)
    found = explore_part(samples, request.emission, request.start_s, request.columns)
    return ExploreResponse(found, stages=sequence({"explore": time.perf_counter() - begin}))


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
