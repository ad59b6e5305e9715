"""Frame headers of streams without a container: MPEG audio, ADTS AAC, AC-3, DTS, MPEG-TS packets.

Sources: ISO 11172-3 2.4.1.3 and ISO 13818-3 (MPEG audio), ISO 13818-7 6.2 (ADTS),
ETSI TS 102 366 4.4.1 (AC-3 and E-AC-3), ISO 13818-1 2.4.3.2 (MPEG-TS).
"""

from __future__ import annotations

from dataclasses import dataclass

from wav2vec2_app.worker.audio.formats import AAC, AC3, EAC3, MP3, MPEG_TS, Format

CONSISTENT_AT_START = 2
"""Frame headers in a row that prove a stream where it begins at the expected byte."""
CONSISTENT_AFTER_JUNK = 3
"""Frame headers in a row that prove a stream behind bytes of unknown meaning."""

_BITRATES_V1 = {
    3: (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    2: (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    1: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
}  # kbit/s by layer bits (3 is layer I, 1 is layer III)
_BITRATES_V2 = {
    3: (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    2: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    1: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES_HZ = (44_100, 48_000, 32_000)
_AC3_KBIT = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)
_TS_STRIDES = (188, 192, 204)
_TS_PACKETS = 5


@dataclass(frozen=True)
class StreamFrame:
    """One frame header: the stream's format, the frame's bytes, and what all frames share."""

    format: Format
    length: int
    signature: tuple[int, ...]


def frame_at(data: bytes, offset: int) -> StreamFrame | None:
    """The frame header at ``offset``, or ``None``."""
    head = data[offset : offset + 8]
    if len(head) < 6:
        return None
    if head[0] == 0x0B and head[1] == 0x77:
        return _ac3(head)
    if head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    return _adts(head) if head[1] & 0xF6 == 0xF0 else _mpeg_audio(head)


def consistent_frames(data: bytes, offset: int, wanted: int) -> Format | None:
    """The format of ``wanted`` frame headers in a row from ``offset``, or ``None``.

    Fewer are enough where ``data`` ends within a frame.
    """
    first = frame_at(data, offset)
    frame, count = first, 1
    while frame is not None and first is not None and frame.signature == first.signature:
        offset += frame.length
        if count >= wanted or (count >= 2 and offset + 8 > len(data)):
            return first.format
        frame, count = frame_at(data, offset), count + 1
    return None


def find_frames(data: bytes, wanted: int) -> tuple[int, Format] | None:
    """The first place in ``data`` where a stream of frames begins."""
    for offset in range(len(data) - 8):
        if data[offset] not in (0x0B, 0xFF):
            continue
        if found := consistent_frames(data, offset, wanted):
            return offset, found
    return None


def find_transport_packets(data: bytes) -> tuple[int, Format] | None:
    """The first MPEG-TS packet within ``data``."""
    for offset in range(min(len(data), 4 * _TS_STRIDES[-1])):
        if data[offset] != 0x47:
            continue
        for stride in _TS_STRIDES:
            places = range(offset, offset + _TS_PACKETS * stride, stride)
            if places[-1] < len(data) and all(data[place] == 0x47 for place in places):
                return offset, MPEG_TS
    return None


def _mpeg_audio(head: bytes) -> StreamFrame | None:
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    bitrate, rate = head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or not layer or not 1 <= bitrate <= 14 or rate == 3:
        return None
    table = _BITRATES_V1 if version == 3 else _BITRATES_V2
    bits = 1000 * table[layer][bitrate - 1]
    rate_hz = _RATES_HZ[rate] >> {3: 0, 2: 1, 0: 2}[version]
    padding = head[2] >> 1 & 1
    if layer == 3:
        length = (12 * bits // rate_hz + padding) * 4
    else:
        length = (72 if layer == 1 and version != 3 else 144) * bits // rate_hz + padding
    return StreamFrame(MP3, length, (version, layer, rate))


def _adts(head: bytes) -> StreamFrame | None:
    rate = head[2] >> 2 & 15
    length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    if rate > 12 or length < 8:
        return None
    channels = (head[2] & 1) << 2 | head[3] >> 6
    return StreamFrame(AAC, length, (head[1] >> 3 & 1, head[2] >> 6, rate, channels))


def _ac3(head: bytes) -> StreamFrame | None:
    bitstream_id = head[5] >> 3
    if bitstream_id > 16:
        return None
    if bitstream_id > 10:
        length = 2 * (((head[2] & 7) << 8 | head[3]) + 1)
        return StreamFrame(EAC3, length, (bitstream_id, head[4] >> 6)) if length > 8 else None
    rate, size = head[4] >> 6, head[4] & 63
    if rate == 3 or size >= 2 * len(_AC3_KBIT):
        return None
    rate_hz = (48_000, 44_100, 32_000)[rate]
    words = _AC3_KBIT[size // 2] * 1000 * 1536 // (16 * rate_hz)
    return StreamFrame(AC3, 2 * (words + (size & 1 if rate == 1 else 0)), (bitstream_id, rate))


def states_duration(head: bytes, duration_s: float) -> bool:
    """Whether ``duration_s`` of an MP3 is what its first frame states (a Xing or VBRI header).

    Where files were joined it does not fit, and FFmpeg guesses from the bit rate instead.
    """
    if b"VBRI" in head:
        return True
    at = max(head.find(b"Xing"), head.find(b"Info"))
    first = find_frames(head[: max(at, 0)] + bytes(8), 1)
    if at < 0 or first is None or not head[at + 7] & 1:
        return False
    version, rate = head[first[0] + 1] >> 3 & 3, head[first[0] + 2] >> 2 & 3
    rate_hz = _RATES_HZ[rate] >> {3: 0, 2: 1, 0: 2}[version]
    samples = 1152 if version == 3 else 576
    stated_s = int.from_bytes(head[at + 8 : at + 12], "big") * samples / rate_hz
    return abs(stated_s - duration_s) <= 0.1 + 0.01 * stated_s
