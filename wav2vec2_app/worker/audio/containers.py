"""Opening encoded audio: which container the bytes are, and a reader that yields blocks of samples.

The container is recognised by its first bytes, never by its name, and FFmpeg is told which demuxer
to use: left to guess, it would follow playlists, which name other files and addresses.

=================  =============  ======================================================
reader             containers     why
=================  =============  ======================================================
SoundFileReader    uncompressed   reads every WAV encoding; clamps a lying header
FfmpegReader       compressed     decodes up to the last whole packet of a truncated file
=================  =============  ======================================================

libsndfile would read FLAC, Ogg and MP3 too, but it gives up the whole block at a damaged end and
its MP3 decoder writes to stderr. Foreign exceptions are translated here and only here.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO, Protocol

import av
import av.logging
import numpy as np
import soundfile
from numpy.typing import NDArray

from wav2vec2_app.errors import InputError

HEAD_BYTES = 65_536
"""How much of the start is looked at to recognise the container."""
BLOCK_SAMPLES = 1 << 18
"""Samples over all channels in one block: bounds the memory of a file with many channels."""
SURVEYED_PACKETS = 1500
"""Packets looked at to estimate a duration that is not stated (30 to 90 s of a browser's WebM)."""
UNKNOWN_SIZES = (0, 0xFFFFFFFF)
"""What a WAV written to a pipe says its data chunk holds."""

Samples = NDArray[np.float32]

av.logging.set_level(None)  # FFmpeg's messages are ours to phrase


@dataclass(frozen=True)
class Header:
    """What a container says about its first audio track; ``duration_s`` is ``None`` if unstated."""

    format: str
    rate_hz: int
    channels: int
    duration_s: float | None
    exact: bool


@dataclass(frozen=True)
class Kind:
    """A recognised container: its short name, FFmpeg's demuxer, and whether libsndfile reads it."""

    name: str
    demuxer: str
    uncompressed: bool = False


class Reader(Protocol):
    """One opened file. ``damaged`` says, after :meth:`blocks`, that a part could not be decoded."""

    header: Header
    damaged: bool

    def blocks(self) -> Iterator[Samples]:
        """Blocks of float32 ``(n, channels)``; integers scaled to [-1, 1]."""

    def survey_duration_s(self) -> tuple[float, bool]:
        """The duration from the bytes (seconds, whether exact); only before :meth:`blocks`."""

    def close(self) -> None:
        """Let the file go."""


_MAGIC: tuple[tuple[int, bytes, Kind], ...] = (
    (8, b"WAVE", Kind("wav", "wav", uncompressed=True)),
    (8, b"AIFF", Kind("aiff", "aiff", uncompressed=True)),
    (8, b"AIFC", Kind("aiff", "aiff", uncompressed=True)),
    (0, b".snd", Kind("au", "au", uncompressed=True)),
    (0, b"caff", Kind("caf", "caf", uncompressed=True)),
    (0, b"riff\x2e\x91\xcf\x11", Kind("w64", "w64", uncompressed=True)),
    (0, b"fLaC", Kind("flac", "flac")),
    (0, b"OggS", Kind("ogg", "ogg")),
    (0, b"\x1aE\xdf\xa3", Kind("webm", "matroska")),
    (4, b"ftyp", Kind("m4a", "mov")),
    (0, b"#!AMR", Kind("amr", "amr")),
    (0, b"\x30\x26\xb2\x75", Kind("wma", "asf")),
)


def recognise(head: bytes) -> Kind | None:
    """The container that starts with ``head``, or ``None``."""
    for offset, magic, kind in _MAGIC:
        if head.startswith(magic, offset) and (
            offset != 8 or head[:4] in (b"RIFF", b"RF64", b"FORM")
        ):
            return kind
    body = head[_id3_bytes(head) :]
    if len(body) < 4 and head.startswith(b"ID3"):
        return Kind("mp3", "mp3")  # the tag is longer than what was read (a cover picture)
    if len(body) >= 4 and body[0] == 0xFF and body[1] & 0xE0 == 0xE0:
        return _mpeg_audio(body)
    return None


def _id3_bytes(head: bytes) -> int:
    """Length of a leading ID3v2 tag: four bytes of seven bits each (ID3v2.4.0, section 3.1)."""
    if not head.startswith(b"ID3") or len(head) < 10:
        return 0
    return 10 + sum(
        (byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True)
    )


def _mpeg_audio(body: bytes) -> Kind | None:
    """MP3 or ADTS AAC by the bits after the sync word (ISO 11172-3 2.4.1.3, ISO 13818-7 6.2)."""
    if body[1] & 0xF6 == 0xF0:
        return Kind("aac", "aac")
    version, layer = body[1] >> 3 & 3, body[1] >> 1 & 3
    bitrate, rate = body[2] >> 4, body[2] >> 2 & 3
    return Kind("mp3", "mp3") if version != 1 and layer and bitrate != 15 and rate != 3 else None


def open_reader(file: BinaryIO, size_bytes: int) -> Reader:
    """Open encoded audio.

    Raises:
        InputError: ``audio.not_audio``, ``audio.broken``, ``audio.no_track``.
    """
    head = file.read(HEAD_BYTES)
    kind = recognise(head)
    if kind is None:
        raise InputError(
            "This file is not audio that can be read here.",
            code="audio.not_audio",
            hint="Upload a WAV, FLAC, Ogg, Opus, MP3, M4A or WebM recording.",
        )
    if kind.uncompressed:
        # An encoding that libsndfile does not know is left to FFmpeg.
        with suppress(RuntimeError):
            file.seek(0)
            return SoundFileReader(file, kind, head, size_bytes)
    file.seek(0)
    return FfmpegReader(file, kind, head, size_bytes)


def broken() -> InputError:
    """The error of a file that has the right beginning and nothing that can be decoded."""
    return InputError(
        "The file is damaged or cut off: no sound could be read from it.",
        code="audio.broken",
        hint="Record or export it again, then upload the new file.",
    )


class SoundFileReader:
    """Uncompressed audio, read by libsndfile."""

    def __init__(self, file: BinaryIO, kind: Kind, head: bytes, size_bytes: int) -> None:
        self._file = soundfile.SoundFile(file)
        self.damaged = False
        rate_hz = max(self._file.samplerate, 1)
        frames = max(self._file.frames, 0)
        claimed = _claimed_wav_bytes(head)
        if claimed is not None and claimed[0] > size_bytes:
            # libsndfile counts what is there; what should be there is in the header.
            start, present = claimed[1], max(size_bytes - claimed[1], 1)
            frames = max(frames, 1) * (claimed[0] - start) // present
        self.header = Header(
            format=f"{kind.name}/{self._file.subtype.lower()}",
            rate_hz=self._file.samplerate,
            channels=self._file.channels,
            duration_s=frames / rate_hz,
            exact=True,
        )

    def blocks(self) -> Iterator[Samples]:
        frames = max(1, BLOCK_SAMPLES // self._file.channels)
        while True:
            try:
                block = self._file.read(frames, dtype="float32", always_2d=True)
            except RuntimeError:
                self.damaged = True
                return
            if not len(block):
                return
            yield block

    def survey_duration_s(self) -> tuple[float, bool]:
        return self.header.duration_s or 0.0, True

    def close(self) -> None:
        self._file.close()


def _claimed_wav_bytes(head: bytes) -> tuple[int, int] | None:
    """Where the data chunk of a WAV says it ends and starts, bytes; ``None`` if unstated."""
    if head[:4] != b"RIFF":
        return None
    position = 12
    while position + 8 <= len(head):
        name, size = struct.unpack_from("<4sI", head, position)
        if name == b"data":
            return None if size in UNKNOWN_SIZES else (position + 8 + size, position + 8)
        position += 8 + size + size % 2
    return None


class FfmpegReader:
    """Compressed audio, read by FFmpeg through PyAV."""

    def __init__(self, file: BinaryIO, kind: Kind, head: bytes, size_bytes: int) -> None:
        self._size_bytes = size_bytes
        self.damaged = kind.name == "ogg" and not _ogg_is_whole(file, size_bytes)
        try:
            self._container = av.open(file, format=kind.demuxer)
        except _FOREIGN as error:
            raise broken() from error
        try:
            self._stream = self._container.streams.audio[0]
            self.header = self._read_header(kind, head)
        except (IndexError, AttributeError) as error:
            self._container.close()
            raise InputError(
                "There is no sound in this file.",
                code="audio.no_track",
                hint="Upload a recording with an audio track.",
            ) from error

    def _read_header(self, kind: Kind, head: bytes) -> Header:
        context = self._stream.codec_context
        duration_us = self._container.duration
        return Header(
            format=f"{kind.name}/{context.name.removesuffix('float')}",
            rate_hz=context.sample_rate or 0,
            channels=context.channels or 0,
            duration_s=duration_us / 1e6 if duration_us else None,
            exact=bool(duration_us) and _states_duration(kind, head),
        )

    def survey_duration_s(self) -> tuple[float, bool]:
        """Walk the first packets; beyond them, assume that seconds go with bytes."""
        start: float | None = None
        end = 0.0
        packets = packet_bytes = 0
        with suppress(*_FOREIGN):
            for packet in islice(self._container.demux(self._stream), SURVEYED_PACKETS):
                packets += 1
                packet_bytes += packet.size
                if packet.pts is not None:
                    time_s = float(packet.pts * packet.time_base)
                    start = time_s if start is None else start
                    end = max(end, time_s + float((packet.duration or 0) * packet.time_base))
        seen_s = end - (start or 0.0)
        if packets < SURVEYED_PACKETS or not packet_bytes:
            return seen_s, True
        return seen_s * self._size_bytes / packet_bytes, False

    def blocks(self) -> Iterator[Samples]:
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
                frames = [] if packet is None else packet.decode()
            except _FOREIGN:
                self.damaged = True  # skip this packet; a demuxer that failed has no next one
                continue
            if packet is None:
                return
            for frame in frames:
                if frame.sample_rate != self.header.rate_hz:
                    self.damaged = True  # another recording spliced on; rare enough to end here
                    return
                yield _as_float(frame)

    def close(self) -> None:
        self._container.close()


_FOREIGN = (av.FFmpegError, OSError, ValueError, RuntimeError)


def _as_float(frame: Any) -> Samples:
    """A decoded frame as float32 ``(n, channels)``; integers scaled to [-1, 1]."""
    values = frame.to_ndarray()
    if not frame.format.is_planar:
        values = values.reshape(-1, frame.layout.nb_channels).T
    kind, bits = values.dtype.kind, 8 * values.dtype.itemsize
    if kind in "iu":
        centre = 2.0 ** (bits - 1)
        values = (values.astype(np.float32) - (centre if kind == "u" else 0.0)) / np.float32(centre)
    return np.ascontiguousarray(values.T, dtype=np.float32)


def _states_duration(kind: Kind, head: bytes) -> bool:
    """Whether FFmpeg's duration was read, not guessed from a bit rate."""
    if kind.name == "mp3":
        return any(tag in head for tag in (b"Xing", b"Info", b"VBRI"))
    return kind.name not in ("aac", "amr")


def _ogg_is_whole(file: BinaryIO, size_bytes: int) -> bool:
    """Whether the last page carries the end-of-stream flag (RFC 3533, section 6)."""
    file.seek(max(0, size_bytes - HEAD_BYTES))
    tail = file.read(HEAD_BYTES)
    file.seek(0, io.SEEK_SET)
    page = tail.rfind(b"OggS")
    return page >= 0 and len(tail) > page + 5 and bool(tail[page + 5] & 4)
