"""Messages of the ``audio`` role: read a header, decode, compute features, draw."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from wav2vec2_app.protocol.emission import check_emission
from wav2vec2_app.protocol.message import Empty, Message, Request, Response
from wav2vec2_app.speech.audio import (
    DEFAULT_TRACK_AND_MIX,
    Audio,
    AudioProbe,
    AudioSource,
    DecodeAudioOptions,
    Float32,
)
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.features import Features, Picture
from wav2vec2_app.speech.transcript import Word


@dataclass(frozen=True)
class AudioInfo(Message):
    """What the role says in its ready and pong frames: the formats that it decodes."""

    formats: tuple[str, ...] = ()


@dataclass(frozen=True)
class ProbeResponse(Response):
    """What the header says."""

    probe: AudioProbe


@dataclass(frozen=True)
class ProbeRequest(Request[ProbeResponse, Empty]):
    """Read the header of ``source``."""

    op = "probe"

    source: AudioSource
    options: DecodeAudioOptions = DEFAULT_TRACK_AND_MIX

    def content(self) -> Iterable[str | memoryview | Path]:
        return _content(self.source)


@dataclass(frozen=True)
class DecodeAudioResponse(Response):
    """Decoded audio, 16 kHz: the mix, then one channel after the other if requested separately.

    Attributes:
        samples: float32 ``(n,)`` of the mix, or ``((1 + channels) * n,)`` if there are several
            channels and they were requested separately; None if they are in the file ``spool`` of
            the request.
        spooled: how many samples are in that file.
        channels: how many were requested separately; 1 otherwise.
        track, tracks: number of the decoded track, from 1, and how many audio tracks there are.
        original_rate_hz, original_channels, format, warnings: as in :class:`Audio`.
    """

    samples: Float32 | None
    spooled: int
    original_rate_hz: int
    original_channels: int
    format: str
    warnings: tuple[str, ...]
    channels: int = 1
    track: int = 1
    tracks: int = 1

    def __post_init__(self) -> None:
        if self.samples is not None and self.samples.ndim != 1:
            raise ValueError("decoded audio has one channel")
        if self.spooled < 0:
            raise ValueError("the number of spooled samples cannot be negative")

    def audio(self, samples: Float32, options: DecodeAudioOptions = DEFAULT_TRACK_AND_MIX) -> Audio:
        """The audio with its ``samples``, from the response or from the spool, as requested."""
        parts = 1 + self.channels if self.channels > 1 else 1
        length = len(samples) // parts
        channels = [samples[n * length : (n + 1) * length] for n in range(parts)]
        return Audio(
            samples=channels[0],
            original_rate_hz=self.original_rate_hz,
            original_channels=self.original_channels,
            format=self.format,
            warnings=self.warnings,
            track=self.track,
            tracks=self.tracks,
            channels=tuple(channels[1:] or channels) if options.channels == "separate" else (),
        )


@dataclass(frozen=True)
class DecodeAudioRequest(Request[DecodeAudioResponse, Empty]):
    """Decode ``source``; samples of long audio may be written to the file ``spool``, raw float32."""

    op = "decode_audio"

    source: AudioSource
    spool: Path | None = None
    options: DecodeAudioOptions = DEFAULT_TRACK_AND_MIX

    def content(self) -> Iterable[str | memoryview | Path]:
        return _content(self.source)


def _content(source: AudioSource) -> Iterable[str | memoryview | Path]:
    """The bytes of a file, whatever it is called and whichever operation reads it."""
    yield "source"
    yield source.path if source.path is not None else memoryview(source.data or b"")


@dataclass(frozen=True)
class AnalyzeResponse(Response):
    """Acoustic features."""

    features: Features


@dataclass(frozen=True)
class AnalyzeRequest(Request[AnalyzeResponse, Empty]):
    """Compute the acoustic features of ``samples``, float32 ``(n,)``, 16 kHz."""

    op = "analyze"

    samples: Float32


@dataclass(frozen=True)
class PictureDrawn(Message):
    """One picture is finished; ``fraction`` of the work, in [0, 1], is done."""

    picture: Picture
    fraction: float


@dataclass(frozen=True)
class DrawResponse(Response):
    """Names of the pictures that were drawn, and of those that need an emission and had none."""

    drawn: tuple[str, ...]
    skipped: tuple[str, ...]


@dataclass(frozen=True)
class DrawRequest(Request[DrawResponse, PictureDrawn]):
    """Draw pictures of a recording, or of a part; each is reported as progress when it is finished.

    Attributes:
        samples: float32 ``(n,)``, 16 kHz.
        features: of ``samples``.
        emission: of ``samples``; None skips the pictures that need it.
        words: with times and confidences, marked in the pictures.
        pictures: names; empty means all.
        start_s: where the part begins; the times of features and words count from the recording's start.
    """

    op = "draw"

    samples: Float32
    features: Features
    emission: Emission | None = None
    words: tuple[Word, ...] = ()
    pictures: tuple[str, ...] = ()
    start_s: float = 0.0

    def __post_init__(self) -> None:
        if self.emission is not None:
            check_emission(self.emission)
