"""Short recordings in every format that can be decoded, for the benchmarks that damage them."""

from __future__ import annotations

import io
from fractions import Fraction

import av
import numpy as np
import soundfile
from numpy.typing import NDArray

DURATION_S = 0.6
WITH_SOUNDFILE: tuple[tuple[str, str, int, int], ...] = (
    # container, encoding, rate, channels
    ("WAV", "PCM_16", 16_000, 1),
    ("WAV", "PCM_24", 44_100, 2),
    ("WAV", "FLOAT", 48_000, 2),
    ("WAV", "IMA_ADPCM", 16_000, 1),
    ("WAV", "GSM610", 8_000, 1),
    ("WAVEX", "PCM_16", 16_000, 6),
    ("RF64", "PCM_16", 16_000, 2),
    ("W64", "PCM_16", 16_000, 1),
    ("AIFF", "PCM_16", 22_050, 2),
    ("AIFF", "ULAW", 8_000, 1),
    ("AU", "PCM_16", 16_000, 1),
    ("CAF", "PCM_16", 16_000, 1),
    ("CAF", "ALAC_16", 16_000, 1),
    ("VOC", "PCM_16", 16_000, 1),
    ("NIST", "PCM_16", 16_000, 1),
    ("FLAC", "PCM_16", 16_000, 1),
    ("OGG", "VORBIS", 44_100, 2),
    ("OGG", "OPUS", 48_000, 1),
)
WITH_FFMPEG: tuple[tuple[str, str, int, str], ...] = (
    # container, encoder, rate, flags of the MP4 muxer
    ("mp3", "libmp3lame", 44_100, ""),
    ("mp2", "mp2", 48_000, ""),
    ("adts", "aac", 44_100, ""),
    ("ac3", "ac3", 48_000, ""),
    ("eac3", "eac3", 48_000, ""),
    ("ipod", "aac", 44_100, ""),
    ("mp4", "libmp3lame", 44_100, ""),
    ("mp4", "aac", 44_100, "frag_every_frame+empty_moov+default_base_moof"),
    ("mov", "pcm_s16le", 16_000, ""),
    ("3gp", "aac", 16_000, ""),
    ("matroska", "flac", 16_000, ""),
    ("matroska", "aac", 44_100, ""),
    ("webm", "libopus", 48_000, ""),
    ("avi", "pcm_s16le", 16_000, ""),
    ("avi", "libmp3lame", 44_100, ""),
    ("flv", "aac", 44_100, ""),
    ("mpegts", "aac", 44_100, ""),
    ("mpegts", "mp2", 48_000, ""),
    ("mpeg", "mp2", 44_100, ""),
    ("asf", "wmav2", 44_100, ""),
    ("rm", "ac3", 48_000, ""),
    ("wv", "wavpack", 44_100, ""),
    ("tta", "tta", 44_100, ""),
    ("ogg", "flac", 16_000, ""),
    ("amr", "libopencore_amrnb", 8_000, ""),
)


def sound_files() -> dict[str, bytes]:
    """A short recording for each format, by a name of it."""
    files = {}
    for container, encoding, rate_hz, channels in WITH_SOUNDFILE:
        file = io.BytesIO()
        samples = np.repeat(_sound(rate_hz)[:, None], channels, axis=1)
        soundfile.write(file, samples, rate_hz, format=container, subtype=encoding)
        data = file.getvalue()
        if (peak := data.find(b"PEAK")) > 0:
            data = data[: peak + 12] + bytes(4) + data[peak + 16 :]  # the time of writing
        files[f"{container} {encoding}"] = _same_serial(data) if container == "OGG" else data
    for container, encoder, rate_hz, flags in WITH_FFMPEG:
        name = " ".join(filter(None, (container, encoder, flags and "fragments")))
        files[name] = _with_ffmpeg(container, encoder, rate_hz, flags)
    return files


def _sound(rate_hz: int) -> NDArray[np.float32]:
    time_s = np.arange(round(DURATION_S * rate_hz)) / rate_hz
    return (0.4 * np.sin(2 * np.pi * (200 + 300 * time_s) * time_s)).astype(np.float32)


def _same_serial(ogg: bytes) -> bytes:
    """``ogg`` with a fixed serial number, which libsndfile draws at random (RFC 3533, section 6)."""
    pages, place = [], 0
    while place < len(ogg):
        segments = ogg[place + 27 : place + 27 + ogg[place + 26]]
        page = bytearray(ogg[place : place + 27 + len(segments) + sum(segments)])
        page[14:18], page[22:26] = b"\x01\x00\x00\x00", bytes(4)
        page[22:26] = _ogg_crc(page).to_bytes(4, "little")
        pages.append(bytes(page))
        place += len(page)
    return b"".join(pages)


def _ogg_crc(page: bytearray) -> int:
    crc = 0
    for byte in page:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C11DB7 if crc >> 31 else 0)) & 0xFFFFFFFF
    return crc


def _with_ffmpeg(container: str, encoder: str, rate_hz: int, flags: str) -> bytes:
    file = io.BytesIO()
    options = {"fflags": "bitexact"} | ({"movflags": flags} if flags else {})
    with av.open(file, "w", format=container, options=options) as output:
        stream = output.add_stream(encoder, rate=rate_hz, layout="mono")
        if encoder == "wmav2":
            stream.bit_rate = 64_000
        elif encoder == "libopencore_amrnb":
            stream.bit_rate = 12_200
        stream.codec_context.open()
        resampler = av.AudioResampler(format=stream.format.name, layout="mono", rate=rate_hz)
        size = stream.codec_context.frame_size or 1024
        sound = _sound(rate_hz)
        for begin in range(0, len(sound), size):
            frame = av.AudioFrame.from_ndarray(sound[None, begin : begin + size], "fltp", "mono")
            frame.sample_rate = rate_hz
            for ready in resampler.resample(frame):
                ready.pts, ready.time_base = begin, Fraction(1, rate_hz)
                output.mux(stream.encode(ready))
        output.mux(stream.encode(None))
    return file.getvalue()
