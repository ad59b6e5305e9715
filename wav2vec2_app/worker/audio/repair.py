"""Headers of uncompressed containers, rewritten where what they claim does not fit the file.

libsndfile believes a header; here the samples reach to where the file's bytes end, unless other
chunks follow them. A header that fits is left untouched.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Literal

import numpy as np

from wav2vec2_app.worker.audio import chunks, formats
from wav2vec2_app.worker.audio.chunks import (
    Chunk,
    Chunks,
    Layout,
    data_end,
    further_samples,
    read_chunks,
)
from wav2vec2_app.worker.audio.formats import Format
from wav2vec2_app.worker.audio.splice import read_at, spliced

UNSTATED = frozenset({0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF})
"""The size that a program writes where it does not know the length yet."""
UNFINISHED_FROM = 0x7FFF0000
"""Sizes from here that the file does not have were never meant as a length."""
UNSTATED_TAG, PCM, IEEE_FLOAT, EXTENSIBLE = 0, 1, 3, 0xFFFE
STREAM_TAGS = frozenset({0x50, 0x55, 0x1600, 0x2000, 0x2001})
"""WAV encodings that are a stream of frames: MPEG audio, ADTS AAC, AC-3, DTS."""
SNIFFED_BYTES = 65_536
_GUID_TAIL = b"\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"

UNFINISHED = (
    "The header does not state the length that the file has; everything up to the end of the file"
    " was used."
)
ANOTHER = "Another recording in another format follows in the file; it was not used."


@dataclass(frozen=True)
class Repaired:
    """A file with a header that fits: the file, its samples' claimed share, and what to say.

    ``claimed_ratio`` is the claimed length divided by the present one where the end is missing.
    ``stream`` is the range of samples that are a stream of frames with headers of their own.
    """

    file: BinaryIO
    claimed_ratio: float = 1.0
    warnings: tuple[str, ...] = ()
    stream: tuple[int, int] | None = None


def repair(file: BinaryIO, format_: Format, size_bytes: int) -> Repaired:
    """``file`` itself, or a view of it with a corrected header."""
    repair_format = _REPAIRS.get(format_)
    return repair_format(file, size_bytes) if repair_format is not None else Repaired(file)


def _claims(claimed: int, present: int) -> tuple[float, tuple[str, ...]]:
    """The claimed length relative to the present one, and a warning, where they differ."""
    if claimed == present or claimed in UNSTATED or not present:
        return 1.0, ()
    if present < claimed < UNFINISHED_FROM:
        return claimed / present, ()
    return 1.0, (UNFINISHED,)


def _samples(file: BinaryIO, layout: Layout, size_bytes: int) -> tuple[Chunks, Chunk, int] | None:
    """All chunks, the one of the samples, and where the samples end."""
    found = read_chunks(file, layout, size_bytes)
    if found.data is None:
        return None
    return found, found.data, data_end(file, layout, found.data, size_bytes)


# --- WAV ----------------------------------------------------------------------------------------


def _wave(file: BinaryIO, size_bytes: int) -> Repaired:
    form = read_at(file, 0, 4)
    layout = chunks.RIFX if form == b"RIFX" else chunks.RIFF
    walked = _samples(file, layout, size_bytes)
    if walked is None or b"fmt " not in walked[0].before:
        return Repaired(file)
    found, data, end = walked
    if form in (b"RF64", b"BW64"):
        data = _with_long_size(found, data)
        end = data_end(file, layout, data, size_bytes)
    written = found.before[b"fmt "]
    fmt = _fitting_fmt(written, read_at(file, data.start, SNIFFED_BYTES), layout)
    if _tag(fmt, layout) in STREAM_TAGS:
        return Repaired(file, stream=(data.start, end))
    ratio, warnings = _claims(data.claimed, end - data.start)
    further, all_read = further_samples(file, layout, end + end % 2, size_bytes, written)
    regular = found.regular and fmt == written and form != b"BW64"
    if regular and data.start + data.claimed == end and all_read and not further:
        return Repaired(file)
    warnings += () if all_read else (ANOTHER,)
    ranges = [(data.start, end), *further]
    head = _wave_head(fmt, sum(stop - start for start, stop in ranges), layout)
    return Repaired(spliced(file, head, *ranges), ratio, warnings)


def _with_long_size(found: Chunks, data: Chunk) -> Chunk:
    """The chunk of the samples with the 64-bit size of the ``ds64`` chunk (EBU Tech 3306)."""
    sizes = found.before.get(b"ds64", b"")
    if data.claimed != 0xFFFFFFFF or len(sizes) < 16:
        return data
    return Chunk(data.name, data.start, int(struct.unpack_from("<Q", sizes, 8)[0]))


def _tag(fmt: bytes, layout: Layout) -> int:
    tag = int.from_bytes(fmt[:2], layout.byte_order)
    return int.from_bytes(fmt[24:26], layout.byte_order) if tag == EXTENSIBLE else tag


def _fitting_fmt(fmt: bytes, start: bytes, layout: Layout) -> bytes:
    """The ``fmt`` chunk, completed where the encoding or the size of a sample is not stated."""
    order = "<" if layout.byte_order == "little" else ">"
    if len(fmt) < 14:
        return fmt
    written, channels, rate_hz, byte_rate, block = struct.unpack_from(order + "HHIIH", fmt)
    tag = written
    stated_bits = int.from_bytes(fmt[14:16], layout.byte_order)
    # 24 bits in 4 bytes are at their upper end
    wide = (
        channels and byte_rate == rate_hz * block and block >= channels * (-(-stated_bits // 8) + 1)
    )
    wide = wide and block % channels == 0 and _tag(fmt, layout) == PCM
    if written == EXTENSIBLE and (wide or _is_incomplete(fmt[24:40])):
        tag = int.from_bytes(fmt[24:26], layout.byte_order)
    if not channels or tag not in (UNSTATED_TAG, PCM, IEEE_FLOAT):
        return fmt
    bits = 8 * block // channels if wide or not stated_bits else stated_bits
    needed = channels * -(-bits // 8)
    fits = bits == stated_bits and block >= needed and block % channels == 0
    if fits and tag == written != UNSTATED_TAG:
        return fmt
    block = max(block - block % channels, needed)
    if block > 0xFFFF or bits > 64:
        return fmt
    byte_rate = min(rate_hz * block, 0xFFFFFFFF)
    if tag == UNSTATED_TAG:
        tag = IEEE_FLOAT if _looks_like_float(start, bits, order) else PCM
    return struct.pack(order + "HHIIHH", tag, channels, rate_hz, byte_rate, block, bits)


def _is_incomplete(guid: bytes) -> bool:
    """Whether a GUID of an encoding is empty, cut off, or nothing but the encoding's number."""
    return len(guid) < 16 or not any(guid[2:])


def _looks_like_float(start: bytes, bits: int, order: str) -> bool:
    """Whether samples of unstated encoding are floats: all finite, of a plausible size."""
    if bits == 64:
        return True
    if bits != 32:
        return False
    values = np.frombuffer(start[: len(start) // 4 * 4], f"{order}f4")
    sizes = np.abs(values[values != 0])
    if not len(sizes) or not np.isfinite(sizes).all():
        return False
    return bool(np.mean((sizes > 1e-12) & (sizes < 16)) > 0.95)


def _wave_head(fmt: bytes, samples_bytes: int, layout: Layout) -> bytes:
    """A canonical header; RF64 where the length needs more than 32 bits."""
    form = b"RIFX" if layout is chunks.RIFX else b"RIFF"
    order = "<" if layout is chunks.RIFF else ">"
    fmt += b"\x00" * (len(fmt) % 2)
    body = b"fmt " + struct.pack(order + "I", len(fmt)) + fmt
    total = 4 + len(body) + 8 + samples_bytes
    if total < UNFINISHED_FROM or form == b"RIFX":
        sizes = (min(total, 0xFFFFFFFF), min(samples_bytes, 0xFFFFFFFF))
        begin = form + struct.pack(order + "I", sizes[0]) + b"WAVE"
        return begin + body + b"data" + struct.pack(order + "I", sizes[1])
    long_sizes = struct.pack("<4sIQQQI", b"ds64", 28, total + 36, samples_bytes, 0, 0)
    begin = b"RF64\xff\xff\xff\xffWAVE" + long_sizes
    return begin + body + b"data\xff\xff\xff\xff"


# --- others -------------------------------------------------------------------------------------


def _w64(file: BinaryIO, size_bytes: int) -> Repaired:
    layout = chunks.W64_LAYOUT
    walked = _samples(file, layout, size_bytes)
    if walked is None:
        return Repaired(file)
    _, data, end = walked
    if data.start + data.claimed == end:
        return Repaired(file)
    head = bytearray(read_at(file, 0, data.start))
    struct.pack_into("<Q", head, 16, end)
    struct.pack_into("<Q", head, data.start - 8, end - data.start + layout.extra)
    ratio, warnings = _claims(data.claimed, end - data.start)
    return Repaired(spliced(file, bytes(head), (data.start, end)), ratio, warnings)


def _aiff(file: BinaryIO, size_bytes: int) -> Repaired:
    walked = _samples(file, chunks.AIFF_LAYOUT, size_bytes)
    if walked is None or len(walked[0].before.get(b"COMM", b"")) < 18:
        return Repaired(file)
    found, data, end = walked
    comm = bytearray(found.before[b"COMM"])
    frames = max(0, end - data.start - 8) // _aiff_frame_bytes(comm)
    claimed_frames = int.from_bytes(comm[2:6], "big")
    fits = data.start + data.claimed == end and abs(claimed_frames - frames) <= 1
    if fits and found.regular:
        return Repaired(file)
    struct.pack_into(">I", comm, 2, min(frames, 0xFFFFFFFF))
    comm += b"\x00" * (len(comm) % 2)
    body = b"COMM" + struct.pack(">I", len(comm)) + bytes(comm) + b"SSND"
    body += struct.pack(">I", end - data.start)
    kind = read_at(file, 8, 4)
    head = b"FORM" + struct.pack(">I", 4 + len(body) + end - data.start) + kind + body
    ratio, warnings = _claims(data.claimed, end - data.start)
    return Repaired(spliced(file, head, (data.start, end)), ratio, warnings or ())


def _aiff_frame_bytes(comm: bytearray) -> int:
    """Bytes of one sample frame (for ima4: of one packet, which is what its header counts)."""
    channels, bits = int.from_bytes(comm[:2], "big"), int.from_bytes(comm[6:8], "big")
    encoding = bytes(comm[18:22])
    width = {b"ima4": 34, b"ulaw": 1, b"ULAW": 1, b"alaw": 1, b"ALAW": 1}.get(encoding)
    return max(1, channels * (width or -(-bits // 8)))


def _au(file: BinaryIO, size_bytes: int) -> Repaired:
    head = bytearray(read_at(file, 0, 24))
    order: Literal["little", "big"] = "big" if head[:4] == b".snd" else "little"
    start, claimed = int.from_bytes(head[4:8], order), int.from_bytes(head[8:12], order)
    present = size_bytes - start
    if len(head) < 24 or present <= 0 or claimed == present:
        return Repaired(file)
    head[8:12] = min(present, 0xFFFFFFFF).to_bytes(4, order)
    ratio, warnings = _claims(claimed, present)
    return Repaired(spliced(file, bytes(head), (24, size_bytes)), ratio, warnings)


def _caf(file: BinaryIO, size_bytes: int) -> Repaired:
    walked = _samples(file, chunks.CAF_LAYOUT, size_bytes)
    if walked is None:
        return Repaired(file)
    _, data, end = walked
    if data.start + data.claimed == end or data.claimed in UNSTATED:
        return Repaired(file)
    head = bytearray(read_at(file, 0, data.start))
    struct.pack_into(">Q", head, data.start - 8, end - data.start)
    ratio, warnings = _claims(data.claimed, end - data.start)
    return Repaired(spliced(file, bytes(head), (data.start, end)), ratio, warnings)


_REPAIRS: dict[Format, Callable[[BinaryIO, int], Repaired]] = {
    formats.WAV: _wave,
    formats.W64: _w64,
    formats.AIFF: _aiff,
    formats.AU: _au,
    formats.CAF: _caf,
}
