"""Audio: as it was uploaded, as its header describes it, and decoded to samples."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE_HZ = 16_000
"""Sampling rate of all decoded audio."""

FORMATS: tuple[str, ...] = (
    "wav", "flac", "ogg", "opus", "mp3", "m4a", "aac", "webm", "aiff", "amr",
    "mp4", "mov", "mkv", "mka", "avi", "ts", "mpg", "flv", "wma", "3gp",
    "caf", "w64", "au", "ac3", "wv", "tta", "voc", "oga", "mp2",
)  # fmt: skip
"""Accepted uploads, by the usual ending of the file's name."""

Float32 = NDArray[np.float32]
Float16 = NDArray[np.float16]


@dataclass(frozen=True)
class AudioSource:
    """Encoded audio as it was received: either a file or bytes in memory.

    ``name`` is the user's file name; it is displayed and logged, never opened.
    """

    path: Path | None = None
    data: bytes | None = None
    name: str = "audio"

    def __post_init__(self) -> None:
        if (self.path is None) == (self.data is None):
            raise ValueError("an AudioSource must have either a path or data")


@dataclass(frozen=True)
class DecodeAudioOptions:
    """What to decode of a file.

    ``track`` is the number of an audio track, from 1; by default the one that the file marks.
    ``channels``: ``"mix"`` decodes one recording, ``"separate"`` one for each channel.
    """

    track: int | None = None
    channels: Literal["mix", "separate"] = "mix"


DEFAULT_TRACK_AND_MIX = DecodeAudioOptions()


@dataclass(frozen=True)
class Audio:
    """Decoded audio.

    Attributes:
        samples: float32 ``(n,)``, mono, 16 kHz, in [-1, 1].
        original_rate_hz, original_channels: of the file.
        format: container and codec, such as ``wav/pcm_s16le`` or ``ogg/opus``.
        warnings: sentences about damage that was repaired (a truncated end, clipped samples…).
    """

    samples: Float32
    original_rate_hz: int
    original_channels: int
    format: str
    warnings: tuple[str, ...] = ()

    @property
    def duration_s(self) -> float:
        return len(self.samples) / SAMPLE_RATE_HZ


@dataclass(frozen=True)
class AudioProbe:
    """The contents of a file's header, without decoding the audio.

    If the header has no duration, ``duration_s`` is estimated from the size and ``exact`` is false.
    """

    duration_s: float
    exact: bool
    rate_hz: int
    channels: int
    format: str
    size_bytes: int
