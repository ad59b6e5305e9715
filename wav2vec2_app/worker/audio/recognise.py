"""Recognising a container by its bytes, behind tags, padding or a damaged beginning.

The name of a file is never considered, and FFmpeg gets the name of the demuxer: left to guess, it
would follow playlists, which name other files and addresses.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from wav2vec2_app.errors import InputError
from wav2vec2_app.worker.audio import formats
from wav2vec2_app.worker.audio.formats import Format
from wav2vec2_app.worker.audio.splice import read_at
from wav2vec2_app.worker.audio.sync import (
    CONSISTENT_AFTER_JUNK,
    CONSISTENT_AT_START,
    consistent_frames,
    find_frames,
    find_transport_packets,
    frame_at,
)

HEAD_BYTES = 65_536
"""How much is read to recognise a container, and how far a stream is searched for."""
MAX_LEADING_PARTS = 64
"""Tags and runs of padding that are skipped before the stream."""
MAX_PADDING_BYTES = 4 << 20
"""Zeros and blanks that are skipped in all."""
MAGIC_BYTES_LIKE_PADDING = 4
"""Bytes of a container's beginning that may be zeros or blanks (a size, a start code)."""
MAX_ATOMS = 4096
"""Top-level atoms of an MP4 file that are looked through for its index."""

_PADDING = b"\x00\r\n\t \xef\xbb\xbf"
_RIFF_FORMS = {b"WAVE": formats.WAV, b"AVI ": formats.AVI}
_WAVE_IDS = (b"RIFF", b"RF64", b"BW64", b"RIFX")
_ATOMS = (
    b"wide", b"mdat", b"moov", b"free", b"skip", b"pnot", b"uuid", b"junk", b"udta", b"PICT", b"prfl"
)  # fmt: skip
_SEGMENT_ATOMS = (b"styp", b"moof", b"sidx", b"emsg", b"prft")
_MAGIC: tuple[tuple[bytes, Format], ...] = (
    (b".snd", formats.AU),
    (b"dns.", formats.AU),
    (b"caff", formats.CAF),
    (b"riff\x2e\x91\xcf\x11", formats.W64),
    (b"fLaC", formats.FLAC),
    (b"OggS", formats.OGG),
    (b"\x1aE\xdf\xa3", formats.WEBM),
    (b"#!AMR", formats.AMR),
    (b"\x30\x26\xb2\x75", formats.WMA),
    (b"FLV\x01", formats.FLV),
    (b"\x00\x00\x01\xba", formats.MPEG_PS),
    (b"wvpk", formats.WAVPACK),
    (b"TTA1", formats.TTA),
    (b".RMF", formats.RM),
    (b"Creative Voice File", formats.VOC),
    (b"NIST_1A\n", formats.NIST),
    (b"\x7f\xfe\x80\x01", formats.DTS),
    (b"\xfe\x7f\x01\x80", formats.DTS),
)
_SEARCHED: dict[bytes, Callable[[bytes], bool]] = {
    b"fLaC": lambda data: data[4:8] in (b"\x00\x00\x00\x22", b"\x80\x00\x00\x22"),
    b"OggS": lambda data: data[4:6] == b"\x00\x02",
    b"\x1aE\xdf\xa3": lambda data: b"matroska" in data or b"webm" in data,
    b"ftyp": lambda data: 16 <= int.from_bytes(data[:4], "big") <= 256,
    b"RIFF": lambda data: data[8:12] in _RIFF_FORMS,
    b"RF64": lambda data: data[8:12] == b"WAVE",
    b"BW64": lambda data: data[8:12] == b"WAVE",
    b"RIFX": lambda data: data[8:12] == b"WAVE",
    b"FORM": lambda data: data[8:12] in (b"AIFF", b"AIFC"),
    b"FLV\x01": lambda data: not data[4] & 0xFA and data[5:9] == b"\x00\x00\x00\x09",
    b"\x00\x00\x01\xba": lambda data: data[4] >> 6 == 1 or data[4] >> 4 == 2,
    b"#!AMR": lambda data: data[5:6] in (b"\n", b"-"),
    b"\x30\x26\xb2\x75": lambda data: data[4:8] == b"\x8e\x66\xcf\x11",
    b"caff": lambda data: data[4:12] == b"\x00\x01\x00\x00desc",
    b".snd": lambda data: 24 <= int.from_bytes(data[4:8], "big") <= 4096,
    b"riff\x2e\x91\xcf\x11": lambda data: data[24:28] == b"wave",
}
"""What is searched for behind bytes of unknown meaning, and what must follow it."""


@dataclass(frozen=True)
class Found:
    """A recognised container and the byte where it begins."""

    format: Format
    start: int


def recognise(file: BinaryIO, size_bytes: int) -> Found | None:
    """The container in ``file``, or ``None``.

    Raises:
        InputError: ``audio.missing_beginning``.
    """
    position, tagged, padding = 0, False, 0
    for _ in range(MAX_LEADING_PARTS):
        if found := _at(file, position, size_bytes):
            return found
        tag = _tag_bytes(read_at(file, position, 32))
        length = tag or _padding_bytes(file, position)
        padding += 0 if tag else length
        if not length or padding > MAX_PADDING_BYTES or position + length >= size_bytes:
            break
        position, tagged = position + length, tagged or bool(tag)
    return _behind_junk(file, position, size_bytes, tagged=tagged)


def _at(file: BinaryIO, position: int, size_bytes: int) -> Found | None:
    """A container at ``position``, or a few bytes before it: its first bytes may look like padding."""
    back = min(position, MAGIC_BYTES_LIKE_PADDING)
    head = read_at(file, position - back, HEAD_BYTES)
    for offset in range(back + 1):
        if format_ := _magic(head[offset:], size_bytes - position + back - offset):
            return Found(format_, position - back + offset)
    head = head[back:]
    if format_ := consistent_frames(head, 0, CONSISTENT_AT_START):
        return Found(format_, position)
    packets = find_transport_packets(head)
    return Found(packets[1], position + packets[0]) if packets else None


def _behind_junk(file: BinaryIO, start: int, size_bytes: int, *, tagged: bool) -> Found | None:
    """A container behind bytes of unknown meaning, or a stream of a single frame."""
    for place in dict.fromkeys((start, 0)):
        if found := _searched(read_at(file, place, HEAD_BYTES)):
            return Found(found[1], place + found[0])
    first = frame_at(read_at(file, start, 16), 0)
    if first is not None and (tagged or first.length >= size_bytes - start):
        return Found(first.format, start)
    return _interrupted_tag(file, size_bytes)


def _magic(head: bytes, size_bytes: int) -> Format | None:
    _refuse_piece(head)
    if head[:4] in _WAVE_IDS:
        return _RIFF_FORMS.get(head[8:12]) or _wrapped_mp3(head)
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return formats.AIFF
    if head[4:8] == b"ftyp":
        return formats.MOV if head[8:12] == b"qt  " else formats.M4A
    if _is_atom(head, size_bytes):
        return formats.MOV
    return next((found for magic, found in _MAGIC if head.startswith(magic)), None)


def _wrapped_mp3(head: bytes) -> Format | None:
    """MP3 frames in a RIFF file of another form than WAVE (``RMP3``, ``MPG3``)."""
    return formats.MP3 if head[8:12] in (b"RMP3", b"MPG3", b"MP3 ") else None


def _is_atom(head: bytes, size_bytes: int) -> bool:
    """Whether a QuickTime atom other than ``ftyp`` begins the file."""
    if len(head) < 8 or head[4:8] not in (*_ATOMS, *_SEGMENT_ATOMS):
        return False
    length = int.from_bytes(head[:4], "big")
    return length in (0, 1) or 8 <= length <= size_bytes


def _refuse_piece(head: bytes) -> None:
    """Refuse a later piece of a Matroska recording: it begins with a Cluster or a SimpleBlock."""
    block = head[:1] == b"\xa3" and _simple_block_follows(head)
    if head.startswith(b"\x1f\x43\xb6\x75") or block:
        raise missing_beginning()


def _simple_block_follows(head: bytes) -> bool:
    """Whether the SimpleBlock at the start is followed by another block or a Cluster."""
    if len(head) < 3 or not head[1]:
        return False
    width = 9 - head[1].bit_length()
    size = int.from_bytes(head[1 : 1 + width], "big") & ((1 << 7 * width) - 1)
    after = head[1 + width + size :]
    return head[1 + width] & 0x80 != 0 and (
        after.startswith(b"\x1f\x43\xb6\x75") or after[:1] == b"\xa3"
    )


def missing_beginning() -> InputError:
    """The error of a later piece of a recording, which cannot be decoded without its beginning."""
    return InputError(
        "This is a later piece of a recording; its beginning is missing.",
        code="audio.missing_beginning",
        hint="Join all pieces in order, starting with the first, and send them as one file.",
    )


def is_segment_without_index(file: BinaryIO, start: int, size_bytes: int) -> bool:
    """Whether an MP4 file has fragments (``moof``) and no index (``moov``)."""
    kinds = set()
    for number, (_, kind) in enumerate(atoms_of(file, start, size_bytes)):
        kinds.add(kind)
        if kind == b"moov" or number > MAX_ATOMS:
            return False
    return b"moof" in kinds


def atoms_of(file: BinaryIO, position: int, size_bytes: int) -> Iterator[tuple[int, bytes]]:
    """Where each top-level atom begins, and its kind."""
    while position + 8 <= size_bytes:
        head = read_at(file, position, 16)
        length = int.from_bytes(head[:4], "big")
        if length == 1 and len(head) == 16:
            length = int.from_bytes(head[8:], "big")
        yield position, head[4:8]
        position = size_bytes if length < 8 else position + length


# --- behind bytes of unknown meaning ------------------------------------------------------------


def _searched(head: bytes) -> tuple[int, Format] | None:
    proved = (
        place
        for magic, proves in _SEARCHED.items()
        for place in _occurrences(head, magic)
        if len(head) - place >= 40 and proves(head[place : place + 64])
    )
    for place in sorted(proved):
        if format_ := _magic(head[place:], len(head)):
            return place, format_
    return find_frames(head, CONSISTENT_AFTER_JUNK)


def _occurrences(head: bytes, magic: bytes) -> Iterator[int]:
    back = 4 if magic == b"ftyp" else 0
    place = head.find(magic)
    while place >= 0:
        if place >= back:
            yield place - back
        place = head.find(magic, place + 1)


# --- tags and padding ---------------------------------------------------------------------------


def _tag_bytes(head: bytes) -> int:
    """Length of the tag at the start: ID3v2.4.0 section 3.1, ID3v1, APEv2; 0 if there is none."""
    id3 = head.startswith((b"ID3\x02", b"ID3\x03", b"ID3\x04")) and len(head) >= 10
    if id3 and not any(byte & 0x80 for byte in head[6:10]):
        shifts = zip(head[6:10], (21, 14, 7, 0), strict=True)
        footer = 10 if head[5] & 0x10 else 0
        return 10 + footer + sum(byte << shift for byte, shift in shifts)
    if head.startswith(b"APETAGEX") and len(head) >= 24:
        size, _, flags = struct.unpack_from("<3I", head, 12)
        return int(size) + (32 if flags >> 29 & 1 or not flags else 0)
    return 128 if head.startswith(b"TAG") else 0


def _padding_bytes(file: BinaryIO, position: int) -> int:
    """Length of the run of zeros and blanks at ``position``."""
    run, data = 0, read_at(file, position, HEAD_BYTES)
    while data and run < MAX_PADDING_BYTES:
        rest = data.lstrip(_PADDING)
        run += len(data) - len(rest)
        if rest:
            break
        data = file.read(HEAD_BYTES)
    return run


def _interrupted_tag(file: BinaryIO, size_bytes: int) -> Found | None:
    """MP3 whose ID3 tag is longer than the file: cut off within a cover picture."""
    head = read_at(file, 0, 32)
    cut = head.startswith(b"ID3") and _tag_bytes(head) >= size_bytes
    return Found(formats.MP3, 0) if cut else None
