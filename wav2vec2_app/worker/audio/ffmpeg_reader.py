"""Compressed audio, decoded by FFmpeg through PyAV."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import BinaryIO

import av
import av.logging
import numpy as np

from wav2vec2_app.worker.audio import formats
from wav2vec2_app.worker.audio.foreign import FOREIGN, damage_ignored
from wav2vec2_app.worker.audio.formats import Format
from wav2vec2_app.worker.audio.reader import Block, Header, Samples, broken
from wav2vec2_app.worker.audio.splice import read_at, size_of
from wav2vec2_app.worker.audio.sync import frame_at, states_duration
from wav2vec2_app.worker.audio.tracks import Track, choose, codec_names, decodes, tracks_of

SURVEYED_PACKETS = 1500
"""Packets read to estimate a duration that is not stated (30 to 90 s of a browser's WebM)."""
MAX_DEMUX_ERRORS = 100
"""Errors between packets after which a file is given up."""
DEEP_PROBE = {"probesize": str(64 << 20), "analyzeduration": "120000000"}
"""How far FFmpeg looks for tracks on the second attempt, bytes and microseconds."""
PACKETS_A_TICK = 256
MAX_PACKET_S = 10.0
"""A packet that claims to last longer is followed by a hole."""
MAX_OGG_LEAD_S = 60.0
"""An Ogg file that begins later is a piece of a broadcast: its times count from its beginning."""
COUNT_FROM_ANYWHERE = (formats.FLV, formats.WMA)
"""Containers whose stated duration counts from the first packet or from zero, as the writer likes."""
MAX_PLANES = 7
"""PyAV counts the planes of a frame up to the first missing one and reads past the end of a list of
eight: it ends the process. Frames of more planes are interleaved before they are read."""
INDEX_ENTRY_BYTES = 24
LARGE_INDEX_BYTES = 32 << 20
"""An index of packets that is larger may not fit into the memory of the process."""
MAX_TIME_S = 1e9
"""Timestamps beyond are damaged."""
PROBED_BYTES = 65_536

av.logging.set_level(None)  # FFmpeg would print its messages to stderr


class FfmpegReader:
    """Reads the blocks of one audio track through FFmpeg.

    Raises:
        InputError: ``audio.broken`` and what :func:`tracks.choose` raises.
    """

    def __init__(self, file: BinaryIO, format_: Format, track: int | None = None) -> None:
        self._file = file
        self._format = format_
        self._size_bytes = size_of(file)
        self._head = read_at(file, 0, PROBED_BYTES)
        self._options: dict[str, str] = {}
        self.damaged = format_ is formats.OGG and not _ogg_is_whole(file, self._size_bytes)
        self.reached_s = 0.0
        self._units_s: dict[int, float] = {}
        self._open()
        try:
            self._track, self.warnings = self._choose(track)
            self._select()
            self.header = self._read_header()
            if format_ is formats.OGG and not self.damaged:
                self.reached_s = self.header.duration_s or 0.0  # its last page is there
        except BaseException:
            self._container.close()
            raise

    def _open(self) -> None:
        self._file.seek(0)
        try:
            self._container = av.open(
                self._file,
                format=self._format.demuxer,
                container_options=self._options,
                metadata_errors="replace",
            )
        except MemoryError:
            raise
        except FOREIGN as error:
            raise broken() from error

    def _reopen(self) -> None:
        self._container.close()
        self._open()

    def _choose(self, wanted: int | None) -> tuple[Track, tuple[str, ...]]:
        tracks = tracks_of(self._container)
        if not tracks:
            self._options = DEEP_PROBE
            self._reopen()
            tracks = tracks_of(self._container)
        return choose(
            tracks, wanted, self._can_decode, lambda: codec_names(self._container, self._head)
        )

    def _can_decode(self, track: Track) -> bool:
        works = decodes(self._container, track.index)
        self._reopen()
        return works

    def _select(self) -> None:
        """Point to the chosen stream of the container, which may just have been opened again."""
        try:
            self._stream = self._container.streams[self._track.index]
        except IndexError as error:
            raise broken() from error
        if self._format.demuxer == "mov":
            _check_index(self._stream)
        start_s = (self._container.start_time or 0) / 1e6
        joined = self._format is formats.OGG and start_s > MAX_OGG_LEAD_S
        self._origin_s = start_s if joined or self._format.clock == "start" else 0.0

    def _read_header(self) -> Header:
        context = self._stream.codec_context
        duration_s = self._stated_duration_s()
        stated = duration_s is not None and self._format not in formats.STATES_NO_DURATION
        if self._format is formats.MP3:
            stated = stated and states_duration(self._head, duration_s or 0.0)
        return Header(
            format=f"{self._format.name}/{context.name.removesuffix('float')}",
            rate_hz=context.sample_rate or 0,
            channels=context.channels or 0,
            duration_s=duration_s,
            exact=stated,
            track=self._track.number,
            tracks=len(self._container.streams.audio),
        )

    def _stated_duration_s(self) -> float | None:
        """The end of the chosen track, else of the container, counted from the container's start."""
        stream, container_s = self._stream, (self._container.duration or 0) / 1e6
        if self._format is formats.OGG:
            end_s = container_s - self._origin_s  # FFmpeg's duration of Ogg counts from zero
        elif self._format in COUNT_FROM_ANYWHERE and (self._starts_late or stream.start_time):
            return None  # some writers count from the first packet, others from zero
        elif stream.duration and stream.duration > 0 and self._format.clock != "none":
            fragmented = self._format.demuxer == "mov" and not stream.frames
            start = 0 if fragmented else stream.start_time or 0  # it lasts up to the last fragment
            end_s = float((start + stream.duration) * stream.time_base) - self._origin_s
        else:
            end_s = container_s
        return end_s if 0 < end_s < MAX_TIME_S else None

    @property
    def _starts_late(self) -> bool:
        return (self._container.start_time or 0) > 0

    # --- surveying ------------------------------------------------------------------------------

    def survey_duration_s(self) -> tuple[float, bool]:
        """Read the first packets; beyond them, assume that seconds are proportional to bytes."""
        start: float | None = None
        end = 0.0
        packets = read_bytes = 0
        with damage_ignored():
            for packet in islice(self._container.demux(self._stream), SURVEYED_PACKETS):
                packets += 1
                read_bytes = max(read_bytes + packet.size, packet.pos or 0)
                if packet.pts is not None:
                    time_s = float(packet.pts * packet.time_base)
                    start = time_s if start is None else start
                    end = max(end, time_s + _packet_s(packet))
        self._reopen()
        self._select()
        start = start or 0.0
        lead_s = start - self._origin_s if self._format.clock != "none" else 0.0
        if packets < SURVEYED_PACKETS or not read_bytes:
            return lead_s + end - start, True
        return lead_s + (end - start) * max(1.0, self._size_bytes / read_bytes), False

    def outlasts(self, limit_s: float, on_block: Callable[[], None]) -> bool:
        seen_s = 0.0
        with damage_ignored():
            for number, packet in enumerate(self._container.demux(self._stream), start=1):
                seen_s += _packet_s(packet)
                if seen_s > limit_s:
                    break
                if number % PACKETS_A_TICK == 0:
                    on_block()
        self._reopen()
        self._select()
        return seen_s > limit_s

    # --- decoding -------------------------------------------------------------------------------

    def blocks(self) -> Iterator[Block]:
        nothing = np.zeros((0, max(1, self.header.channels)), np.float32)
        for packet in self._packets():
            self._note_reached(packet)
            blocks: list[Block] = []
            if packet.stream.index == self._stream.index:
                try:
                    blocks = [
                        Block(_as_float(frame), frame.sample_rate, self._time_s(frame))
                        for frame in packet.decode()
                        if frame.sample_rate > 0 and frame.samples
                    ]
                except MemoryError:
                    raise
                except FOREIGN:  # this packet is skipped
                    self.damaged = self.damaged or not self._is_tag(packet)
            yield from blocks or [Block(nothing, max(1, self.header.rate_hz))]

    def _is_tag(self, packet: av.Packet) -> bool:
        """Whether a packet is something between the frames of a stream, such as a tag."""
        bare = self._format in (formats.MP3, formats.AAC)
        return bare and frame_at(bytes(packet)[:8], 0) is None

    def _packets(self) -> Iterator[av.Packet]:
        """The packets of all tracks; demuxing goes on behind damaged places."""
        for _ in range(MAX_DEMUX_ERRORS):
            try:
                yield from self._container.demux()
                return
            except FOREIGN as error:  # noqa: PERF203 (each error ends one generator)
                if isinstance(error, MemoryError):
                    raise
                if isinstance(error, IndexError):
                    return  # the end, reached with tracks that were not announced
                self.damaged = True

    def _note_reached(self, packet: av.Packet) -> None:
        if self._format.clock != "none" and packet.pts is not None:
            unit_s = self._unit_s(packet.stream)
            end_s = (packet.pts + min(packet.duration or 0, MAX_PACKET_S / unit_s)) * unit_s
            if end_s < MAX_TIME_S:
                self.reached_s = max(self.reached_s, end_s)

    def _time_s(self, frame: av.AudioFrame) -> float | None:
        if self._format.clock == "none" or frame.pts is None:
            return None
        time_s = frame.pts * self._unit_s(self._stream) - self._origin_s
        return time_s if abs(time_s) < MAX_TIME_S else None

    def _unit_s(self, stream: av.stream.Stream) -> float:
        """Seconds of one tick of a stream's timestamps; fractions would be slow for each packet."""
        if stream.index not in self._units_s:
            self._units_s[stream.index] = float(stream.time_base or 1)
        return self._units_s[stream.index]

    def close(self) -> None:
        self._container.close()


def _check_index(stream: av.stream.Stream) -> None:
    """FFmpeg gives up an index that does not fit into memory, and the file then seems to be empty.

    Raises:
        MemoryError: that has happened.
    """
    if stream.frames * INDEX_ENTRY_BYTES > LARGE_INDEX_BYTES and not len(stream.index_entries):
        raise MemoryError("the index of the packets does not fit into memory")


def _packet_s(packet: av.Packet) -> float:
    if not packet.duration or not packet.time_base:
        return 0.0
    return min(max(float(packet.duration * packet.time_base), 0.0), MAX_PACKET_S)


def _as_float(frame: av.AudioFrame) -> Samples:
    """A decoded frame as float32 ``(n, channels)``; integers scaled to [-1, 1]."""
    planar = frame.format.is_planar and frame.layout.nb_channels > MAX_PLANES
    if planar or frame.format.name not in av.audio.frame.format_dtypes:
        (frame,) = av.AudioResampler(format="flt").resample(frame)
    values = frame.to_ndarray()
    if not frame.format.is_planar:
        values = values.reshape(-1, frame.layout.nb_channels).T
    kind, bits = values.dtype.kind, 8 * values.dtype.itemsize
    if kind in "iu":
        centre = 2.0 ** (bits - 1)
        values = (values.astype(np.float32) - (centre if kind == "u" else 0.0)) / np.float32(centre)
    return np.ascontiguousarray(values.T, dtype=np.float32)


def _ogg_is_whole(file: BinaryIO, size_bytes: int) -> bool:
    """Whether the last page carries the end-of-stream flag (RFC 3533, section 6)."""
    tail = read_at(file, max(0, size_bytes - PROBED_BYTES), PROBED_BYTES)
    page = tail.rfind(b"OggS")
    return page >= 0 and len(tail) > page + 5 and bool(tail[page + 5] & 4)
