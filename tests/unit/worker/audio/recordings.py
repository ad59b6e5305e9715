"""Odd recordings for the tests of decoding, written with FFmpeg's muxers or by hand."""

from __future__ import annotations

import io
import struct
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from tests.audio_files import tone
from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.audio import (
    SAMPLE_RATE_HZ,
    Audio,
    AudioProbe,
    AudioSource,
    DecodeAudioOptions,
)
from wav2vec2_app.worker.audio.decode import decode, probe

MIB = 1 << 20
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}
VIDEO_CODECS = {"webm": "libvpx", "flv": "flv", "mpegts": "mpeg2video", "mpeg": "mpeg2video"}


@dataclass(frozen=True)
class Part:
    """Samples ``(n,)`` or ``(n, channels)`` and when they begin."""

    start_s: float
    samples: np.ndarray


@dataclass(frozen=True)
class TrackOf:
    """One audio track of a file to write; ``keep`` says which encoded packets are written."""

    codec: str
    rate_hz: int
    parts: Sequence[Part]
    default: bool | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    drop: frozenset[int] = frozenset()


def muxed(
    container: str,
    tracks: Sequence[TrackOf],
    *,
    video_s: float = 0.0,
    options: dict[str, str] | None = None,
) -> bytes:
    """A file of FFmpeg's ``container`` with the audio tracks, and a video of ``video_s``."""
    if "faststart" in (options or {}).get("movflags", ""):  # it reads the file again
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "file"
            _mux(str(path), container, tracks, video_s, options)
            return path.read_bytes()
    file = io.BytesIO()
    _mux(file, container, tracks, video_s, options)
    return file.getvalue()


def _mux(
    file: io.BytesIO | str, container: str, tracks: Sequence[TrackOf], video_s: float,
    options: dict[str, str] | None,
) -> None:  # fmt: skip
    with av.open(file, "w", format=container, options=options or {}) as output:
        video = _add_video(output, container) if video_s else None
        streams = [_add_audio(output, track) for track in tracks]
        for track, stream in zip(tracks, streams, strict=True):
            if track.default is not None:
                stream.disposition = av.stream.Disposition.default if track.default else 0
        packets: list[av.Packet] = []
        if video is not None:
            packets += _video_packets(video, video_s)
        for track, stream in zip(tracks, streams, strict=True):
            packets += [
                packet
                for number, packet in enumerate(_audio_packets(stream, track))
                if number not in track.drop
            ]
        packets.sort(key=lambda packet: float((packet.dts or 0) * packet.time_base))
        for packet in packets:
            output.mux(packet)


def _add_video(output: av.container.OutputContainer, container: str) -> av.VideoStream:
    stream = output.add_stream(VIDEO_CODECS.get(container, "mpeg4"), rate=25)
    stream.width = stream.height = 64
    stream.pix_fmt = "yuv420p"
    return stream


def _add_audio(output: av.container.OutputContainer, track: TrackOf) -> av.AudioStream:
    channels = np.atleast_2d(track.parts[0].samples.T).shape[0]
    stream = output.add_stream(track.codec, rate=track.rate_hz, layout=LAYOUTS[channels])
    stream.metadata.update(track.metadata)
    if track.codec == "wmav2":
        stream.bit_rate = 64_000
    return stream


def _video_packets(stream: av.VideoStream, duration_s: float) -> Iterable[av.Packet]:
    for number in range(round(duration_s * 25)):
        frame = av.VideoFrame(64, 64, "yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, 25)
        yield from stream.encode(frame)
    yield from stream.encode(None)


def _audio_packets(stream: av.AudioStream, track: TrackOf) -> Iterable[av.Packet]:
    layout = stream.layout.name
    resampler = av.AudioResampler(format=stream.format.name, layout=layout, rate=track.rate_hz)
    stream.codec_context.open()
    size = stream.codec_context.frame_size or 1024
    for part in track.parts:
        planes = np.atleast_2d(np.asarray(part.samples, np.float32).T)
        for begin in range(0, planes.shape[1], size):
            block = np.ascontiguousarray(planes[:, begin : begin + size].T).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(block, "flt", layout)
            frame.sample_rate = track.rate_hz
            for ready in resampler.resample(frame):
                ready.pts = round(part.start_s * track.rate_hz) + begin
                ready.time_base = Fraction(1, track.rate_hz)
                yield from stream.encode(ready)
    yield from stream.encode(None)


def tones(
    container: str,
    codec: str,
    rate_hz: int,
    starts_s: Sequence[float],
    *,
    duration_s: float = 1.0,
    channels: int = 1,
    video_s: float = 0.0,
    options: dict[str, str] | None = None,
) -> bytes:
    """A file with a tone of ``duration_s`` at each of ``starts_s`` and nothing between them."""
    samples = tone(duration_s, rate_hz)
    if channels > 1:
        samples = np.repeat(samples[:, None], channels, axis=1)
    parts = [Part(start_s, samples) for start_s in starts_s]
    return muxed(container, [TrackOf(codec, rate_hz, parts)], video_s=video_s, options=options)


def written(
    samples: np.ndarray, rate_hz: int = SAMPLE_RATE_HZ, fmt: str = "WAV", subtype: str = "PCM_16",
    endian: str = "FILE",
) -> bytes:  # fmt: skip
    """A file written by libsndfile."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate_hz, format=fmt, subtype=subtype, endian=endian)
    return file.getvalue()


def chunk(name: bytes, payload: bytes, *, claimed: int | None = None, pad: bool = True) -> bytes:
    """A RIFF chunk, whose header may claim another size and whose padding may be missing."""
    size = len(payload) if claimed is None else claimed
    padding = b"\x00" if pad and len(payload) % 2 else b""
    return name + struct.pack("<I", size) + payload + padding


def fmt_chunk(
    rate_hz: int = SAMPLE_RATE_HZ, channels: int = 1, bits: int = 16, tag: int = 1
) -> bytes:
    """A ``fmt `` chunk of 16 bytes."""
    block = channels * bits // 8
    return chunk(
        b"fmt ", struct.pack("<HHIIHH", tag, channels, rate_hz, rate_hz * block, block, bits)
    )


def riff(*chunks: bytes, claimed: int | None = None, form: bytes = b"RIFF") -> bytes:
    """A WAV file of the chunks."""
    body = b"WAVE" + b"".join(chunks)
    return form + struct.pack("<I", len(body) if claimed is None else claimed) + body


def pcm16(samples: np.ndarray) -> bytes:
    """16-bit little-endian samples."""
    return (np.asarray(samples) * 32_767).astype("<i2").tobytes()


def id3(length: int, *, version: int = 4, footer: bool = False) -> bytes:
    """An ID3v2 tag whose body has ``length`` bytes."""
    size = bytes(length >> shift & 0x7F for shift in (21, 14, 7, 0))
    flags = 0x10 if footer else 0
    tail = b"3DI" + bytes([version, 0, flags]) + size if footer else b""
    return b"ID3" + bytes([version, 0, flags]) + size + bytes(length) + tail


def ape_tag(length: int) -> bytes:
    """An APEv2 tag with a header and ``length`` bytes of items, as it stands before a stream."""

    def head(flags: int) -> bytes:
        return b"APETAGEX" + struct.pack("<4I", 2000, length + 32, 1, flags) + bytes(8)

    return head(0xA0000000) + bytes(length) + head(0x80000000)


# --- decoding -----------------------------------------------------------------------------------


def decoded(
    data: bytes, *, limit_s: float = 60.0, track: int | None = None, max_bytes: int = 100 * MIB
) -> Audio:
    """``data`` decoded."""
    options = DecodeAudioOptions(track=track)
    source = AudioSource(data=data)
    return decode(source, max_duration_s=limit_s, max_bytes=max_bytes, options=options).audio


def separated(data: bytes, *, limit_s: float = 60.0) -> tuple[Audio, ...]:
    """Each channel of ``data`` decoded."""
    options = DecodeAudioOptions(channels="separate")
    source = AudioSource(data=data)
    return decode(source, max_duration_s=limit_s, max_bytes=100 * MIB, options=options).channels


def probed(data: bytes, *, limit_s: float = 60.0) -> AudioProbe:
    """What the header of ``data`` says."""
    return probe(AudioSource(data=data), max_bytes=100 * MIB, max_duration_s=limit_s)


def refused(data: bytes, *, limit_s: float = 60.0, track: int | None = None) -> InputError:
    """The error that decoding ``data`` raises."""
    with pytest.raises(InputError) as caught:
        decoded(data, limit_s=limit_s, track=track)
    assert caught.value.hint
    return caught.value


def onsets_s(samples: np.ndarray) -> list[float]:
    """When sound begins after silence, seconds, to about 10 ms."""
    frames = samples[: len(samples) // 160 * 160].reshape(-1, 160)
    loud = np.abs(frames).max(axis=1) > 0.1
    before = np.concatenate([[False], loud[:-1]])
    return [round(float(number) / 100, 2) for number in np.flatnonzero(loud & ~before)]


def strongest_hz(samples: np.ndarray) -> float:
    """The frequency with the most power."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(spectrum.argmax() * SAMPLE_RATE_HZ / len(samples))


def level(samples: np.ndarray) -> float:
    """Root mean square of the middle half."""
    middle = samples[len(samples) // 4 : 3 * len(samples) // 4]
    return float(np.sqrt(np.mean(np.square(middle))))
