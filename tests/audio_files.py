"""Encoders for tests: one function that writes samples in any format that users may upload.

WAV, FLAC, Ogg and MP3 are written by libsndfile; AAC and WebM, which it does not know, by FFmpeg.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

SOUNDFILE_FORMATS: dict[str, tuple[str, str, str]] = {
    # name: (suffix, libsndfile's container, libsndfile's encoding)
    "wav-u8": (".wav", "WAV", "PCM_U8"),
    "wav-s16": (".wav", "WAV", "PCM_16"),
    "wav-s24": (".wav", "WAV", "PCM_24"),
    "wav-s32": (".wav", "WAV", "PCM_32"),
    "wav-f32": (".wav", "WAV", "FLOAT"),
    "wav-f64": (".wav", "WAV", "DOUBLE"),
    "wav-ulaw": (".wav", "WAV", "ULAW"),
    "flac": (".flac", "FLAC", "PCM_16"),
    "flac-s24": (".flac", "FLAC", "PCM_24"),
    "ogg-vorbis": (".ogg", "OGG", "VORBIS"),
    "ogg-opus": (".opus", "OGG", "OPUS"),
    "mp3": (".mp3", "MP3", "MPEG_LAYER_III"),
}
AV_FORMATS: dict[str, tuple[str, str, str]] = {
    # name: (suffix, FFmpeg's container, FFmpeg's encoder)
    "m4a-aac": (".m4a", "ipod", "aac"),
    "aac-adts": (".aac", "adts", "aac"),
    "webm-opus": (".webm", "webm", "libopus"),
    "webm-opus-live": (".webm", "webm", "libopus"),  # as a browser's MediaRecorder: no duration
}
FORMATS: tuple[str, ...] = (*SOUNDFILE_FORMATS, *AV_FORMATS)

RATES_HZ: dict[str, tuple[int, ...]] = {
    # what an encoder accepts, where that is not everything
    "mp3": (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000),
    "ogg-opus": (8_000, 12_000, 16_000, 24_000, 48_000),
    "webm-opus": (8_000, 12_000, 16_000, 24_000, 48_000),
    "webm-opus-live": (8_000, 12_000, 16_000, 24_000, 48_000),
}


def suffix(fmt: str) -> str:
    """The file name's ending for a format."""
    return (SOUNDFILE_FORMATS.get(fmt) or AV_FORMATS[fmt])[0]


def accepts(fmt: str, rate_hz: int) -> bool:
    """Whether the encoder of ``fmt`` takes this sampling rate."""
    return rate_hz in RATES_HZ.get(fmt, (rate_hz,))


def write_audio(path: Path, samples: NDArray[Any], rate_hz: int, fmt: str) -> Path:
    """Encode floats in [-1, 1], ``(n,)`` or ``(n, channels)``, as ``fmt`` into ``path``."""
    if fmt in SOUNDFILE_FORMATS:
        _, container, encoding = SOUNDFILE_FORMATS[fmt]
        soundfile.write(str(path), samples, rate_hz, format=container, subtype=encoding)
    else:
        _write_with_ffmpeg(path, samples, rate_hz, fmt)
    return path


def _write_with_ffmpeg(path: Path, samples: NDArray[Any], rate_hz: int, fmt: str) -> None:
    import av

    _, container, codec = AV_FORMATS[fmt]
    options = {"live": "1"} if fmt == "webm-opus-live" else {}
    planes = np.ascontiguousarray(np.atleast_2d(np.asarray(samples, np.float32).T))
    layout = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}[len(planes)]
    with av.open(str(path), "w", format=container, options=options) as output:
        stream = output.add_stream(codec, rate=rate_hz, layout=layout)
        if codec == "libopus":
            stream.bit_rate = 48_000
        resampler = av.AudioResampler(
            format=stream.format.name, layout=layout, rate=rate_hz, frame_size=None
        )
        for start in range(0, planes.shape[1], rate_hz):
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(planes[:, start : start + rate_hz]), "fltp", layout
            )
            frame.sample_rate = rate_hz
            frame.pts = start
            for ready in resampler.resample(frame):
                output.mux(stream.encode(ready))
        output.mux(stream.encode(None))


def tone(
    duration_s: float, rate_hz: int = 16_000, frequency_hz: float = 440.0, amplitude: float = 0.5
) -> NDArray[np.float32]:
    """A sine as float32 ``(n,)``."""
    time_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    return (amplitude * np.sin(2 * np.pi * frequency_hz * time_s)).astype(np.float32)
