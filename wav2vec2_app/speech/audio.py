"""Audio: as it was uploaded, as its header describes it, and decoded to samples."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.errors import InputError

SAMPLE_RATE_HZ = 16_000
"""Sampling rate of all decoded audio."""

FORMAT_NAMES: tuple[str, ...] = (
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

CHANNELS: tuple[Literal["mix", "separate"], ...] = ("mix", "separate")
"""Values of the option ``channels``."""
MAX_SEPARATE_CHANNELS = 8
"""Most channels of a recording that are decoded separately."""
MAX_TRACK = 1000
"""Largest number of a track that is accepted."""


def parse_audio_options(track: object = None, channels: object = None) -> DecodeAudioOptions:
    """The options as clients send them: ``track`` a number, ``channels`` ``mix`` or ``separate``.

    Nothing, an empty text and ``auto`` leave the choice of the track to the file; ``True`` is
    ``separate``.

    Raises:
        InputError: ``request.bad_value``.
    """
    return DecodeAudioOptions(_parse_track(track), _parse_channels(channels))


def _parse_track(value: object) -> int | None:
    text = str(value).strip().lower() if value is not None else ""
    if text in ("", "auto", "none", "null"):
        return None
    match = None if isinstance(value, bool) else re.fullmatch(r"(\d{1,9})(?:\.0+)?", text, re.ASCII)
    if match is None or not 1 <= int(match[1]) <= MAX_TRACK:
        raise InputError(
            "`track` must be the number of an audio track.",
            code="request.bad_value",
            hint="Count from 1, or omit it: the track that the file marks is used.",
            metadata={"field": "track"},
        )
    return int(match[1])


def _parse_channels(value: object) -> Literal["mix", "separate"]:
    if isinstance(value, bool):
        return "separate" if value else "mix"
    text = str(value).strip().lower() if value is not None else ""
    for name in CHANNELS:
        if text in (name, "") or (text in ("none", "null") and name == "mix"):
            return name
    raise InputError(
        "`channels` has an unknown value.",
        code="request.bad_value",
        hint=f"Use one of {', '.join(CHANNELS)}.",
        metadata={"field": "channels", "allowed": list(CHANNELS)},
    )


@dataclass(frozen=True)
class Audio:
    """Decoded audio.

    Attributes:
        samples: float32 ``(n,)``, mono, 16 kHz, in [-1, 1].
        original_rate_hz, original_channels: of the file.
        format: container and codec, such as ``wav/pcm_s16le`` or ``ogg/opus``.
        warnings: sentences about damage that was repaired (a truncated end, clipped samples…).
        track: number of the decoded audio track, from 1, of the ``tracks`` that the file has.
        channels: the samples of each channel where they were requested separately; ``samples`` is
            then their mix.
    """

    samples: Float32
    original_rate_hz: int
    original_channels: int
    format: str
    warnings: tuple[str, ...] = ()
    track: int = 1
    tracks: int = 1
    channels: tuple[Float32, ...] = ()

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
